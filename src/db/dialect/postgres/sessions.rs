//! Sessions as PostgreSQL's activity view shows them.

use sea_orm::{DbBackend, Statement};

use super::Postgres;
use crate::db::dialect::sessions::Sessions;
use crate::db::probe::SessionIds;

impl Sessions for Postgres {
    fn blockers(&self, seconds: u64) -> Option<String> {
        Some(format!(
            "SELECT CAST(c.relname AS text) AS in_table, CAST(COALESCE(n.relname, c.relname) AS text) AS near_table, 'process ' || a.pid || ' (' || \
             COALESCE(a.usename, '?') || COALESCE(', ' || NULLIF(a.application_name, ''), '') || ', ' || \
             COALESCE(a.state, '?') || ' for ' || \
             CAST(extract(epoch FROM clock_timestamp() - a.xact_start) AS integer) || ' s)' AS who \
             FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation \
             LEFT JOIN pg_constraint k ON k.contype = 'f' AND c.oid IN (k.conrelid, k.confrelid) \
             LEFT JOIN pg_class n ON n.oid IN (k.conrelid, k.confrelid) AND n.oid <> c.oid \
             WHERE l.granted AND a.pid <> pg_backend_pid() AND c.relkind IN ('r', 'p') \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND a.xact_start < clock_timestamp() - interval '{seconds} seconds' GROUP BY 1, 2, 3 ORDER BY 3"
        ))
    }

    fn activity_query(&self, ids: &SessionIds) -> Option<Statement> {
        let sql = "SELECT CASE WHEN wait_event_type = 'Lock' THEN 'waits' ELSE 'works' END AS sighting \
                   FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'";
        Some(Statement::from_sql_and_values(DbBackend::Postgres, sql, [ids.name.as_str().into()]))
    }
}
