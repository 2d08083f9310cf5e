//! Transactions, and changes of the schema.

use std::time::Duration;

use sea_orm::prelude::async_trait::async_trait;

use crate::db::engine::Session;
use crate::error::Result;

/// How transactions behave, and what a change of the schema needs.
#[async_trait]
pub trait Ddl {
    /// Whether a plain read inside a transaction shows the state of its beginning, by default.
    fn reads_a_snapshot(&self) -> bool;

    /// Whether DDL takes part in transactions.
    fn has_transactional_ddl(&self) -> bool;

    /// Whether whoever begins a transaction is alone in writing.
    fn has_one_writer(&self) -> bool {
        false
    }

    /// What a migration's transaction begins with: no statement waits longer than this for what
    /// others hold, be it a table or a row of the history.
    fn begin_migration(&self, wait: Duration) -> String;

    /// What a session says before and after it removes tables that refer to each other.
    fn unchecked_references(&self) -> (Option<&'static str>, Option<&'static str>) {
        (None, None)
    }

    /// A query for rows that refer to rows that are not there, with texts in `broken`; only where tables are
    /// changed with the check switched off.
    fn broken_references(&self) -> Option<&'static str> {
        None
    }

    /// Refuses a session that has no schema to put tables into: each hint is a way out.
    ///
    /// Errors: exit 4.
    async fn refuse_no_schema(&self, _session: &dyn Session) -> Result<()> {
        Ok(())
    }

    /// How a script of migrations begins and ends a transaction, where DDL takes part in one.
    fn script_transaction(&self) -> Option<(&'static str, &'static str)>;

    /// What a script says before everything else.
    fn script_beginning(&self) -> &'static str;

    /// How to run a script with the engine's own client.
    fn script_client(&self) -> &'static str;

    /// What stands behind `CREATE DATABASE name` for an empty database with the engine's own settings.
    fn new_database(&self) -> &'static str;

    /// What stands behind `DROP DATABASE name` for one that others may be connected to.
    fn drop_database(&self) -> &'static str {
        ""
    }
}
