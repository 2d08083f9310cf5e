//! MySQL and MariaDB when the schema changes: each statement of DDL commits by itself.

use std::time::Duration;

use super::Mysql;
use crate::db::dialect::ddl::Ddl;

impl Ddl for Mysql {
    fn reads_a_snapshot(&self) -> bool {
        true
    }

    fn has_transactional_ddl(&self) -> bool {
        false
    }

    fn begin_migration(&self, wait: Duration) -> String {
        let seconds = wait.as_secs().max(1);
        format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}")
    }

    fn unchecked_references(&self) -> (Option<&'static str>, Option<&'static str>) {
        (Some("SET FOREIGN_KEY_CHECKS = 0"), Some("SET FOREIGN_KEY_CHECKS = 1"))
    }

    fn script_transaction(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    fn script_beginning(&self) -> &'static str {
        "SET SESSION lock_wait_timeout = 3"
    }

    fn script_client(&self) -> &'static str {
        "mariadb --default-character-set=utf8mb4 DATABASE < plan.sql"
    }

    fn new_database(&self) -> &'static str {
        "CHARACTER SET utf8mb4"
    }
}
