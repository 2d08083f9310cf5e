//! Facts about SQLite files.

use sea_orm::prelude::async_trait::async_trait;

use super::Sqlite;
use super::connect::unwritable;
use crate::db::answers::{first_row, text};
use crate::db::dialect::inspect::Inspect;
use crate::db::engine::Session;
use crate::db::inspection::{Inspection, NOT_KNOWN, ServerRole, Setting, Tls, Verdict, too_old};
use crate::db::target::Target;
use crate::error::Result;

/// With `UPDATE … RETURNING`.
const OLDEST: &str = "3.35";

#[async_trait]
impl Inspect for Sqlite {
    async fn inspect(&self, session: &dyn Session, target: &Target, _tables: &[&str]) -> Result<Inspection> {
        let sql = "SELECT sqlite_version() AS version, (SELECT encoding FROM pragma_encoding) AS encoding, \
                   (SELECT CAST(foreign_keys AS text) FROM pragma_foreign_keys) AS foreign_keys, \
                   (SELECT journal_mode FROM pragma_journal_mode) AS journal_mode";
        let row = first_row(session, sql).await?;
        let get = |column| row.as_ref().and_then(|row| text(row, column)).unwrap_or_else(|| NOT_KNOWN.to_owned());
        let version = get("version");
        let foreign_keys = get("foreign_keys");
        let keys = match foreign_keys.as_str() {
            "1" | NOT_KNOWN => Verdict::Fine,
            _ => Verdict::Wrong("foreign keys are not enforced"),
        };
        Ok(Inspection {
            product: "SQLite".to_owned(),
            too_old_for: too_old(&version, OLDEST),
            version,
            tls: Tls::NotApplicable,
            settings: vec![
                Setting { name: "encoding", value: get("encoding"), verdict: Verdict::Fine },
                Setting {
                    name: "foreign_keys",
                    value: if foreign_keys == "1" { "on".to_owned() } else { foreign_keys },
                    verdict: keys,
                },
                Setting { name: "journal_mode", value: get("journal_mode"), verdict: Verdict::Fine },
            ],
            pooler: None,
            server: target
                .file()
                .and_then(|file| unwritable(&file.path))
                .map_or(ServerRole::NotApplicable, ServerRole::ReadOnlyFile),
        })
    }
}
