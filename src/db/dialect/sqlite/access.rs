//! SQLite has no roles: who can open the file can do everything with it.

use sea_orm::prelude::async_trait::async_trait;

use super::Sqlite;
use crate::db::access::{Assessment, Effective, Grantee, Rights, TableRights};
use crate::db::dialect::access::Grants;
use crate::db::engine::Session;
use crate::error::{Error, Result};

#[async_trait]
impl Grants for Sqlite {
    async fn assess(&self, _session: &dyn Session, _grantee: &Grantee, _rights: &Rights) -> Result<Assessment> {
        Err(Error::internal("a file has no roles"))
    }

    async fn effective(&self, _session: &dyn Session, _tables: &[TableRights]) -> Result<Option<Effective>> {
        Ok(None)
    }

    fn has_option_by_privilege(&self) -> bool {
        false
    }

    fn is_harmless(&self, _privilege: &str) -> bool {
        true
    }
}
