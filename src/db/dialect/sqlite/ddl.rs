//! SQLite when the schema changes.

use std::time::Duration;

use sea_orm::Statement;

use super::Sqlite;
use crate::db::dialect::ddl::Ddl;
use crate::db::dialect::sessions::Sessions;
use crate::db::witness::Marks;

impl Ddl for Sqlite {
    fn reads_a_snapshot(&self) -> bool {
        false
    }

    fn has_transactional_ddl(&self) -> bool {
        true
    }

    fn has_one_writer(&self) -> bool {
        true
    }

    fn begin_migration(&self, _wait: Duration) -> String {
        String::new()
    }

    fn broken_references(&self) -> Option<&'static str> {
        Some(
            "SELECT \"table\" || ' refers to missing rows of ' || \"parent\" AS broken \
             FROM pragma_foreign_key_check GROUP BY 1",
        )
    }

    fn script_transaction(&self) -> Option<(&'static str, &'static str)> {
        Some(("BEGIN IMMEDIATE", "COMMIT"))
    }

    fn script_beginning(&self) -> &'static str {
        "PRAGMA foreign_keys = OFF"
    }

    fn script_client(&self) -> &'static str {
        "sqlite3 -bail FILE < plan.sql"
    }

    fn new_database(&self) -> &'static str {
        ""
    }
}

impl Sessions for Sqlite {
    fn database_name(&self) -> Option<&'static str> {
        None
    }

    fn blockers(&self, _seconds: u64) -> Option<String> {
        None
    }

    /// Waits for locks have their own limit; whatever takes longer is at work.
    fn sightings(&self, _marks: &Marks) -> Option<Statement> {
        None
    }
}
