//! Grants of an engine.

use sea_orm::prelude::async_trait::async_trait;

use super::catalog::Catalog;
use crate::db::access::{Assessment, EffectiveRights, Grantee, Rights, RightsStep, TableRights};
use crate::db::engine::Session;
use crate::error::{Error, Result};

/// Privileges. The defaults are those of a file, which has no roles: anyone who can open it has all rights.
#[async_trait]
pub trait Grants: Catalog + Sync {
    /// The SQL name of the role that receives rights.
    ///
    /// Errors: what the text must be.
    fn grantee(&self, text: &str) -> Result<String, String> {
        Ok(self.quoted(text))
    }

    /// The statements that give a role these rights.
    ///
    /// Errors: exit 3 for a missing role; exit 6 for a superuser or the current role; exit 4 if the database does not
    /// show the grants.
    async fn assess(&self, _session: &dyn Session, _grantee: &Grantee, _rights: &Rights) -> Result<Assessment> {
        Err(Error::internal("a file has no roles"))
    }

    /// The accounts that have this grantee's name and another host, as a command line names them.
    ///
    /// Errors: only a lost connection.
    async fn namesakes(&self, _session: &dyn Session, _grantee: &Grantee) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Rejects a role that may not grant, if the server would only warn.
    ///
    /// Errors: exit 4.
    async fn assert_may_grant(&self, _session: &dyn Session, _steps: &[RightsStep]) -> Result<()> {
        Ok(())
    }

    /// The effective rights of this session's role; `None` for a file, or if the server does not show them.
    ///
    /// Errors: only a lost connection.
    async fn effective(&self, _session: &dyn Session, _tables: &[TableRights]) -> Result<Option<EffectiveRights>> {
        Ok(None)
    }

    /// What this session's role can do beyond these rights, by the same judgement as [`Grants::assess`]:
    /// `UPDATE on audit_events`.
    ///
    /// Errors: only a lost connection.
    async fn own_excess(&self, _session: &dyn Session, _rights: &Rights) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether a privilege on the whole database changes neither rows nor the schema.
    fn is_harmless(&self, _privilege: &str) -> bool {
        true
    }
}
