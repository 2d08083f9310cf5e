//! PostgreSQL and the distributed engines that speak its protocol.

mod access;
mod adoption;
mod array;
mod catalog;
mod connect;
mod copy;
mod dependents;
mod fault;
mod inspect;
mod powers;
mod search_path;
mod sessions;
mod unusual_tables;
mod values;

use sea_orm::DbBackend;

use super::Facts;
use super::server::Client;
use crate::db::engine::{Engine, ServerEngine};

/// The dialect.
pub struct Postgres;

impl super::Dialect for Postgres {}

pub static FACTS: Facts = Facts {
    names: &["postgres", "postgresql", "pgsql"],
    server: Some(ServerEngine::Postgres),
    backend: DbBackend::Postgres,
    has_one_writer: false,
    has_transactional_ddl: true,
    serialize: Some("SELECT CAST(pg_advisory_xact_lock(hashtext('shopctl turns')) AS text)"),
    lock_rows: Some(|table| format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")),
    waits_for_others: Some("SET LOCAL idle_in_transaction_session_timeout = 0"),
    reads_a_snapshot: false,
    is_open: None,
    unchecked_references: None,
    broken_references: None,
    damage: None,
    removable: catalog::REMOVABLE,
    column_users: Some(dependents::COLUMN_USERS),
    unusual_tables: Some(unusual_tables::UNUSUAL_TABLES),
    routines: Some(dependents::ROUTINES),
    references: "SELECT DISTINCT CASE WHEN r.relnamespace = t.relnamespace THEN '' ELSE CAST(n.nspname AS text) END \
                 AS in_schema, CASE WHEN k.oid IS NOT NULL THEN 'FOREIGN KEY' WHEN r.relkind = 'm' \
                 THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind, CAST(r.relname AS text) AS from_table, \
                 COALESCE(CAST(k.conname AS text), '') AS name, CAST(t.relname AS text) AS to_table FROM pg_depend d \
                 JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid \
                 LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid \
                 AND k.contype = 'f' AND k.conparentid = 0 \
                 LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid \
                 JOIN pg_class r ON r.oid = COALESCE(k.conrelid, w.ev_class) \
                 AND (k.oid IS NOT NULL OR r.relkind IN ('v', 'm')) JOIN pg_namespace n ON n.oid = r.relnamespace \
                 WHERE d.deptype = 'n' AND r.oid <> t.oid AND t.relkind IN ('r', 'p') AND t.relnamespace = \
                 (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1, 3, 4, 5",
    script_transaction: Some(("BEGIN", "COMMIT")),
    script_beginning: "SET lock_timeout = '3s'",
    script_stop: "",
    script_client: "psql -v ON_ERROR_STOP=1 -f plan.sql URL",
    // The default template may be in use or contain objects.
    new_database: "TEMPLATE template0",
    // A pooler keeps connections to it.
    drop_database: " WITH (FORCE)",
    unused_scratch: Some(
        "SELECT CAST(d.datname AS text) AS name FROM pg_database d WHERE d.datname LIKE 'shopctl|_scratch|_%' ESCAPE '|' \
         AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid)",
    ),
    database_name: Some("SELECT CAST(current_database() AS text) AS name"),
    session_number: None,
    server_time: Some(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS server_time",
    ),
    has_option_by_privilege: true,
    mark: None,
    stores_ids_as_text: false,
    stores_times_as_text: false,
    holds_any_value: false,
    sorts_null_first: false,
    converts_texts: false,
    returns_updated_rows: true,
    text_type: "text",
    length_in_characters: "char_length",
    unix_time: "CAST(extract(epoch FROM clock_timestamp()) AS bigint)",
    many_groups: "",
    fault: fault::fault,
    reason: |_| None,
    dialect: &Postgres,
};

pub static CLIENT: Client = Client {
    engine: Engine::Postgres,
    default_port: 5432,
    default_user: "postgres",
    // It names the socket's folder.
    socket_parameter: "host",
    is_like_libpq: true,
    passwords: "DB_PASSWORD, DB_PASSWORD_FILE or ~/.pgpass",
    login_refusal: fault::login_refusal,
    server: &Postgres,
};
