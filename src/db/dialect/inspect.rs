//! Facts about a database.

use sea_orm::prelude::async_trait::async_trait;

use crate::db::engine::Session;
use crate::db::inspection::Inspection;
use crate::db::target::Target;
use crate::error::Result;

/// Name and version of an outdated server, and the oldest supported version.
pub type TooOld = (&'static str, String, &'static str);

/// Facts about a database, and whether it is supported.
#[async_trait]
pub trait Inspect {
    /// Queries all facts; `tables` are those of the shop.
    ///
    /// Errors: only a lost connection.
    async fn inspect(&self, session: &dyn Session, target: &Target, tables: &[&str]) -> Result<Inspection>;

    /// The server, if it is so old that the first migrations would fail halfway.
    async fn too_old_server(&self, _session: &dyn Session) -> Result<Option<TooOld>> {
        Ok(None)
    }
}
