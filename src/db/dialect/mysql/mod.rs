//! MySQL and MariaDB.

mod access;
mod adoption;
mod catalog;
mod connect;
mod fault;
mod grants;
mod inspect;
mod sessions;
mod values;

use sea_orm::DbBackend;

use super::Facts;
use super::server::Client;
use crate::db::engine::{Engine, ServerEngine};

/// The dialect.
pub struct Mysql;

impl super::Dialect for Mysql {}

/// Each DDL statement commits implicitly.
pub static FACTS: Facts = Facts {
    names: &["mysql", "mysql2", "mariadb"],
    server: Some(ServerEngine::Mysql),
    backend: DbBackend::MySql,
    has_one_writer: false,
    has_transactional_ddl: false,
    // GET_LOCK would outlive the transaction. Serialized operations import orders, so there are products to
    // lock.
    serialize: Some("SELECT id FROM products ORDER BY id LIMIT 1 FOR UPDATE"),
    lock_rows: Some(|table| format!("SELECT COUNT(*) FROM {table} FOR UPDATE")),
    waits_for_others: Some("SET wait_timeout = 28800 /*M!100300 , idle_transaction_timeout = 0 */"),
    reads_a_snapshot: true,
    // A Galera node that detects a conflict while preparing a SELECT reports no error (MariaDB 10.11): the
    // transaction is gone, and later statements would be committed one by one. MySQL skips the comment, because
    // it has no such variable.
    is_open: Some("SELECT 1 /*M!50303 AND @@in_transaction */ AS is_open"),
    unchecked_references: Some(("SET FOREIGN_KEY_CHECKS = 0", "SET FOREIGN_KEY_CHECKS = 1")),
    broken_references: None,
    damage: None,
    removable: catalog::REMOVABLE,
    column_users: None,
    unusual_tables: None,
    routines: Some(
        "SELECT CAST(routine_name AS CHAR) AS name, CAST(routine_definition AS CHAR) AS text \
         FROM information_schema.routines WHERE routine_schema = DATABASE()",
    ),
    references: "SELECT DISTINCT IF(table_schema = DATABASE(), '', CAST(table_schema AS CHAR)) AS in_schema, \
                 'FOREIGN KEY' AS kind, CAST(table_name AS CHAR) AS from_table, CAST(constraint_name AS CHAR) AS name, \
                 CAST(referenced_table_name AS CHAR) AS to_table FROM information_schema.key_column_usage \
                 WHERE referenced_table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND NOT \
                 (table_schema = referenced_table_schema AND table_name = referenced_table_name) ORDER BY 1, 3, 4, 5",
    script_transaction: None,
    script_beginning: "SET SESSION lock_wait_timeout = 3",
    script_stop: "",
    script_client: "mariadb --default-character-set=utf8mb4 DATABASE < plan.sql",
    new_database: "CHARACTER SET utf8mb4",
    drop_database: "",
    unused_scratch: Some(
        "SELECT CAST(s.schema_name AS CHAR) AS name FROM information_schema.schemata s \
         WHERE s.schema_name LIKE 'shopctl|_scratch|_%' ESCAPE '|' \
         AND NOT EXISTS (SELECT 1 FROM information_schema.processlist p WHERE p.db = s.schema_name)",
    ),
    database_name: Some("SELECT CAST(DATABASE() AS CHAR) AS name"),
    session_number: Some("connection_id()"),
    server_time: Some("SELECT CAST(utc_timestamp(6) AS CHAR) AS server_time"),
    has_option_by_privilege: false,
    mark: Some(grants::MARK),
    stores_ids_as_text: true,
    stores_times_as_text: false,
    holds_any_value: false,
    sorts_null_first: true,
    converts_texts: true,
    returns_updated_rows: false,
    text_type: "char",
    length_in_characters: "char_length",
    unix_time: "unix_timestamp()",
    // Otherwise a temporary table of all groups is used, seven times slower on MariaDB 10.11 with millions of
    // rows; other engines sort on their own.
    many_groups: "SQL_BIG_RESULT ",
    fault: fault::fault,
    reason: fault::reason,
    dialect: &Mysql,
};

pub static CLIENT: Client = Client {
    engine: Engine::Mysql,
    default_port: 3306,
    default_user: "root",
    // The parameter is the path of the socket's file.
    socket_parameter: "socket",
    is_like_libpq: false,
    passwords: "DB_PASSWORD or DB_PASSWORD_FILE",
    login_refusal: fault::login_refusal,
    server: &Mysql,
};
