//! Grants, as an engine keeps and words them.

use sea_orm::prelude::async_trait::async_trait;

use super::catalog::Catalog;
use crate::db::access::{Assessment, Effective, Grantee, Rights, Step, TableRights};
use crate::db::engine::Session;
use crate::error::Result;

/// Who may do what; a file has no roles.
#[async_trait]
pub trait Grants: Catalog + Sync {
    /// Whom rights are given to, as statements name it.
    ///
    /// Errors: what the text must be.
    fn grantee(&self, text: &str) -> Result<String, String> {
        Ok(self.quoted(text))
    }

    /// What has to be done so that a role has these rights.
    ///
    /// Errors: exit 3 for a role that is not there; exit 6 for one that nothing can be kept from, or that runs this;
    /// exit 4 where the database does not tell.
    async fn assess(&self, session: &dyn Session, grantee: &Grantee, rights: &Rights) -> Result<Assessment>;

    /// The accounts that have this grantee's name and another host, as a command line names them.
    ///
    /// Errors: only a connection that was lost.
    async fn namesakes(&self, _session: &dyn Session, _grantee: &Grantee) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Refuses who may not grant, where the server would only warn.
    ///
    /// Errors: exit 4.
    async fn assert_may_grant(&self, _session: &dyn Session, _steps: &[Step]) -> Result<()> {
        Ok(())
    }

    /// What the role of this session can do; `None` for a file, and where the server does not tell.
    ///
    /// Errors: only a connection that was lost.
    async fn effective(&self, session: &dyn Session, tables: &[TableRights]) -> Result<Option<Effective>>;

    /// Whether the right to pass something on belongs to each privilege, goes with it, and takes along what was
    /// passed on by it.
    fn has_option_by_privilege(&self) -> bool;

    /// The privilege that is held on a column that is not to be read, where such a column would be hidden
    /// altogether without any.
    fn mark(&self) -> Option<&'static str> {
        None
    }

    /// Whether a privilege on the whole database changes neither rows nor the schema.
    fn is_harmless(&self, privilege: &str) -> bool;
}
