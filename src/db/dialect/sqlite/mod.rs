//! SQLite: one file, one writer at a time.

mod adoption;
mod catalog;
mod connect;
mod fault;
mod inspect;
mod load;
mod rebuild;
mod rows;
mod statement;
mod values;

use sea_orm::DbBackend;

use super::{Facts, access, sessions};

/// The dialect.
pub struct Sqlite;

impl super::Dialect for Sqlite {}
impl access::Grants for Sqlite {}
/// Waits for locks have their own limit: a statement that takes longer is working.
impl sessions::Sessions for Sqlite {}

pub static FACTS: Facts = Facts {
    names: &["sqlite"],
    server: None,
    backend: DbBackend::Sqlite,
    has_one_writer: true,
    has_transactional_ddl: true,
    serialize: None,
    lock_rows: None,
    waits_for_others: None,
    reads_a_snapshot: false,
    is_open: None,
    unchecked_references: None,
    broken_references: Some(
        "SELECT \"table\" || ' refers to missing rows of ' || \"parent\" AS broken \
         FROM pragma_foreign_key_check GROUP BY 1",
    ),
    // Without the values that other programs wrote: the deep checks judge those.
    damage: Some(
        "SELECT integrity_check AS damage FROM pragma_integrity_check WHERE integrity_check <> 'ok' \
         AND integrity_check NOT LIKE '% value in %' AND integrity_check NOT LIKE 'CHECK constraint failed in %'",
    ),
    removable: catalog::REMOVABLE,
    column_users: None,
    unusual_tables: Some(
        "SELECT name AS in_table, 'virtual table ' || name AS what, 'ALTER TABLE \"' || replace(name, '\"', '\"\"') || '\" RENAME TO \"' \
         || replace(name, '\"', '\"\"') || '_virtual\"; CREATE TABLE \"' || replace(name, '\"', '\"\"') || '\" AS SELECT * FROM \"' \
         || replace(name, '\"', '\"\"') || '_virtual\"' AS remedy FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE %'",
    ),
    routines: None,
    references: "SELECT '' AS in_schema, 'FOREIGN KEY' AS kind, m.name AS from_table, \
                 '(' || group_concat(f.\"from\", ', ') || ')' AS name, lower(f.\"table\") AS to_table \
                 FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' \
                 AND lower(m.name) <> lower(f.\"table\") GROUP BY m.name, f.id ORDER BY m.name, f.id",
    script_transaction: Some(("BEGIN IMMEDIATE", "COMMIT")),
    script_beginning: "PRAGMA foreign_keys = OFF",
    script_stop: ".bail on\n",
    script_client: "sqlite3 FILE < plan.sql",
    new_database: "",
    drop_database: "",
    unused_scratch: None,
    database_name: None,
    session_number: None,
    server_time: None,
    has_option_by_privilege: false,
    mark: None,
    stores_ids_as_text: true,
    stores_times_as_text: true,
    holds_any_value: true,
    sorts_null_first: true,
    converts_texts: true,
    returns_updated_rows: true,
    text_type: "text",
    length_in_characters: "length",
    unix_time: "CAST(strftime('%s', 'now') AS INTEGER)",
    many_groups: "",
    fault: fault::fault,
    reason: fault::reason,
    dialect: &Sqlite,
};
