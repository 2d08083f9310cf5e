//! Engine-specific behavior: traits grouped by subject, and a folder for each engine that implements them. No
//! other code distinguishes engines.

mod access;
pub mod adoption;
mod catalog;
mod connect;
mod inspect;
mod mysql;
mod postgres;
mod server;
mod sessions;
mod sqlite;
mod values;

use std::ops::Deref;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{ConnectionTrait, DbBackend};

use super::engine::{Engine, ServerEngine};
use super::fault::Fault;

/// The dialect of an engine.
pub trait Dialect:
    access::Grants
    + adoption::Adoption
    + catalog::Catalog
    + connect::Connect
    + inspect::Inspect
    + sessions::Sessions
    + values::Values
    + Sync
{
}

/// The facts about an engine.
pub struct Facts {
    /// The names of the engine in URLs and settings, its own first.
    pub names: &'static [&'static str],
    /// The engine as a server; `None` for files.
    pub server: Option<ServerEngine>,
    /// SeaORM's name for the engine.
    pub backend: DbBackend,
    /// Whether an open transaction excludes all other writers.
    pub has_one_writer: bool,
    /// Whether DDL is transactional.
    pub has_transactional_ddl: bool,
    /// A statement that waits for all transactions that ran it before; unnecessary with a single writer.
    pub serialize: Option<&'static str>,
    /// The statement that keeps every row of a table as it is until the transaction ends; unnecessary with a single
    /// writer.
    pub lock_rows: Option<fn(&str) -> String>,
    /// The statement by which a transaction that only reads may be idle for as long as another database is read.
    pub waits_for_others: Option<&'static str>,
    /// Whether a plain read in a transaction shows the state at its beginning, by default.
    pub reads_a_snapshot: bool,
    /// A query for `is_open`, 1 while the transaction is open; for engines that may end one with row locks
    /// silently.
    pub is_open: Option<&'static str>,
    /// Statements before and after removing tables that refer to each other.
    pub unchecked_references: Option<(&'static str, &'static str)>,
    /// A query for dangling references, as texts in `broken`; only for engines whose schema changes disable the
    /// check.
    pub broken_references: Option<&'static str>,
    /// A query for what is damaged in the file, as texts in `damage`; servers check their own.
    pub damage: Option<&'static str>,
    /// A query for rows of `kind` and `name`: objects that can be dropped on their own, in a valid order.
    pub removable: &'static str,
    /// A query for what keeps a table of the current schema or database from being dropped: rows of `in_schema` (empty
    /// for the current one), `kind` (`FOREIGN KEY`, `VIEW`, `MATERIALIZED VIEW`), `from_table`, `name` of the foreign
    /// key, `to_table`.
    pub references: &'static str,
    /// A query for `in_table`, `in_column` (empty for all), `what` and `removal`: what else keeps a column from changing
    /// its type, and the statement that removes it. Triggers, policies and computed columns are no part of it.
    pub column_users: Option<&'static str>,
    /// A query for `in_table`, `what` and `remedy`: tables whose rows are not in one ordinary table of their own, and the
    /// statements that make them one.
    pub unusual_tables: Option<&'static str>,
    /// A query for the `name` and the `text` of functions and procedures, which keep the names that they use.
    pub routines: Option<&'static str>,
    /// The beginning and end of a script's transaction, if DDL is transactional.
    pub script_transaction: Option<(&'static str, &'static str)>,
    /// The first statement of a script.
    pub script_beginning: &'static str,
    /// The line by which the engine's own client ends a script at the first error, if it needs one.
    pub script_stop: &'static str,
    /// How to run a script with the engine's own client.
    pub script_client: &'static str,
    /// The options after `CREATE DATABASE name` for an empty database with the engine's defaults.
    pub new_database: &'static str,
    /// The options after `DROP DATABASE name` for a database with open connections.
    pub drop_database: &'static str,
    /// A query for the `name` of scratch databases that no session is in, as far as the server tells this role.
    pub unused_scratch: Option<&'static str>,
    /// A query for the `name` of the database, which the user must type before data is destroyed.
    pub database_name: Option<&'static str>,
    /// The session's number on the server, if statements outlive their client and commit implicitly.
    pub session_number: Option<&'static str>,
    /// A query for the `server_time`, as `YYYY-MM-DD HH:MM:SS.US` in UTC; a file has none.
    pub server_time: Option<&'static str>,
    /// Whether the grant option belongs to a single privilege, is revoked with it, and revokes dependent grants.
    pub has_option_by_privilege: bool,
    /// The privilege granted on hidden columns, if the engine would otherwise hide their existence.
    pub mark: Option<&'static str>,
    /// Whether ids are stored as text, or may be.
    pub stores_ids_as_text: bool,
    /// Whether times are stored as text in any form.
    pub stores_times_as_text: bool,
    /// Whether a column holds values of any type.
    pub holds_any_value: bool,
    /// Whether NULL comes before every value in ascending order; in descending order it is the reverse.
    pub sorts_null_first: bool,
    /// Whether texts are converted implicitly in comparisons.
    pub converts_texts: bool,
    /// Whether `UPDATE … RETURNING` exists.
    pub returns_updated_rows: bool,
    /// The name of the text type in CAST.
    pub text_type: &'static str,
    /// The function that returns a text's length in characters.
    pub length_in_characters: &'static str,
    /// Seconds since 1970 on the server's clock, as SQL.
    pub unix_time: &'static str,
    /// The SELECT modifier for groupings with about as many groups as rows.
    pub many_groups: &'static str,
    /// The cause of an error of this engine; `None` for another's.
    pub fault: fn(&dyn DatabaseError) -> Option<Fault>,
    /// The meaning of an error whose message does not explain it.
    pub reason: fn(&dyn DatabaseError) -> Option<&'static str>,
    /// Behavior that is not constant.
    pub dialect: &'static dyn Dialect,
}

impl Deref for Facts {
    type Target = dyn Dialect;

    fn deref(&self) -> &Self::Target {
        self.dialect
    }
}

impl Deref for Engine {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        match self {
            Engine::Sqlite => &sqlite::FACTS,
            Engine::Postgres => &postgres::FACTS,
            Engine::Mysql => &mysql::FACTS,
        }
    }
}

impl Deref for ServerEngine {
    type Target = server::Client;

    fn deref(&self) -> &server::Client {
        match self {
            ServerEngine::Postgres => &postgres::CLIENT,
            ServerEngine::Mysql => &mysql::CLIENT,
        }
    }
}

impl Engine {
    /// Every engine, the embedded one first.
    pub const ALL: [Engine; 3] = [Engine::Sqlite, Engine::Postgres, Engine::Mysql];

    /// The engine of a connection of [`crate::db::Database`], which opens no other backend.
    pub fn of(connection: &impl ConnectionTrait) -> Engine {
        Engine::of_backend(connection.get_database_backend()).unwrap_or(Engine::Sqlite)
    }

    /// The engine with this name in SeaORM, if supported.
    pub fn of_backend(backend: DbBackend) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.backend == backend)
    }

    /// The engine of a URL's scheme or of `DB_DIALECT`.
    pub fn parse(text: &str) -> Option<Engine> {
        // `postgresql+psycopg://` also names another program's driver.
        let word = text.split('+').next().unwrap_or_default();
        Engine::ALL.into_iter().find(|engine| engine.names.contains(&word))
    }

    /// The engine's name, which is also the scheme of its URLs.
    pub fn as_str(self) -> &'static str {
        self.names[0]
    }
}
