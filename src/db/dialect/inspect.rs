//! Facts about a database.

use sea_orm::prelude::async_trait::async_trait;

use crate::db::engine::Session;
use crate::db::inspection::Inspection;
use crate::db::target::Target;
use crate::error::Result;

/// Name and version of a server that is too old, and the oldest that will do.
pub type TooOld = (&'static str, String, &'static str);

/// The facts about a database, and whether it will do.
#[async_trait]
pub trait Inspect {
    /// Asks for all facts; `tables` are those of the shop.
    ///
    /// Errors: only a lost connection.
    async fn inspect(&self, session: &dyn Session, target: &Target, tables: &[&str]) -> Result<Inspection>;

    /// The server, if the first migrations would fail on it halfway.
    async fn too_old_server(&self, _session: &dyn Session) -> Result<Option<TooOld>> {
        Ok(None)
    }
}
