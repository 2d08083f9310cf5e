//! Sessions as MySQL's and MariaDB's processlist shows them.

use std::sync::PoisonError;

use sea_orm::{DbBackend, Statement};

use super::Mysql;
use crate::db::dialect::sessions::Sessions;
use crate::db::probe::SessionIds;

impl Sessions for Mysql {
    /// Only in this database: another node of a cluster may use the same number.
    fn is_busy(&self, session: i64) -> Option<String> {
        Some(format!(
            "SELECT CAST(id AS CHAR) AS id FROM information_schema.processlist \
             WHERE id = {session} AND db = DATABASE() AND command <> 'Sleep'"
        ))
    }

    fn ends_of(&self, text: &str) -> Option<String> {
        Some(format!(
            "SELECT CONCAT('KILL QUERY ', id) AS `end` FROM information_schema.processlist \
             WHERE id <> connection_id() AND info LIKE '%{text}%'"
        ))
    }

    /// By default neither engine shows which tables.
    fn blockers(&self, seconds: u64) -> Option<String> {
        Some(format!(
            "SELECT '' AS in_table, '' AS near_table, CONCAT('session ', p.id, ' (', p.user, '@', p.host, ', in a transaction for ', \
             TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), ' s)') AS who \
             FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
             ON p.id = t.trx_mysql_thread_id WHERE p.id <> connection_id() \
             AND t.trx_started <= NOW() - INTERVAL {seconds} SECOND ORDER BY 3"
        ))
    }

    fn activity_query(&self, ids: &SessionIds) -> Option<Statement> {
        let sessions = ids.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers: String = sessions.iter().map(|number| format!(", {number}")).collect();
        let sql = format!(
            "SELECT CASE WHEN state LIKE '%lock%' THEN 'waits' ELSE 'works' END AS sighting \
             FROM information_schema.processlist WHERE command <> 'Sleep' AND id IN (0{numbers})"
        );
        Some(Statement::from_string(DbBackend::MySql, sql))
    }
}
