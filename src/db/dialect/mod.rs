//! Everything that an engine does its own way: the questions, grouped by subject, and a folder for each engine
//! with its answers. Nothing else tells engines apart.

mod access;
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
    access::Grants + catalog::Catalog + connect::Connect + inspect::Inspect + sessions::Sessions + values::Values + Sync
{
}

/// The facts about an engine.
pub struct Facts {
    /// What URLs and settings call the engine, its own name first.
    pub names: &'static [&'static str],
    /// The engine as one that has servers; `None` where a database is a file.
    pub server: Option<ServerEngine>,
    /// SeaORM's name for the engine.
    pub backend: DbBackend,
    /// Whether whoever begins a transaction is alone in writing.
    pub has_one_writer: bool,
    /// Whether DDL takes part in transactions.
    pub has_transactional_ddl: bool,
    /// Waits at the beginning of a transaction for the end of all others that began with the same; not
    /// needed where there is one writer.
    pub serialize: Option<&'static str>,
    /// Whether a plain read inside a transaction shows the state of its beginning, by default.
    pub reads_a_snapshot: bool,
    /// A query for `is_open`, 1 as long as a transaction is, where one that locked rows may have ended without an
    /// error.
    pub is_open: Option<&'static str>,
    /// What a session says before and after it removes tables that refer to each other.
    pub unchecked_references: Option<(&'static str, &'static str)>,
    /// A query for rows that refer to rows that are not there, with texts in `broken`; only where tables are
    /// changed with the check switched off.
    pub broken_references: Option<&'static str>,
    /// A query for rows of `kind` and `name`: what can be removed by itself, in an order in which it can be.
    pub removable: &'static str,
    /// How a script of migrations begins and ends a transaction, where DDL takes part in one.
    pub script_transaction: Option<(&'static str, &'static str)>,
    /// What a script says before everything else.
    pub script_beginning: &'static str,
    /// How to run a script with the engine's own client.
    pub script_client: &'static str,
    /// What stands behind `CREATE DATABASE name` for an empty database with the engine's own settings.
    pub new_database: &'static str,
    /// What stands behind `DROP DATABASE name` for one that others may be connected to.
    pub drop_database: &'static str,
    /// A query for the `name` of the database, as it has to be typed before something is destroyed.
    pub database_name: Option<&'static str>,
    /// The session's number on the server, where a statement outlives its client and commits by itself.
    pub session_number: Option<&'static str>,
    /// A query for the `server_time`, as `YYYY-MM-DD HH:MM:SS.US` in UTC; a file has none.
    pub server_time: Option<&'static str>,
    /// Whether the right to pass something on belongs to each privilege, goes with it, and takes along what was
    /// passed on by it.
    pub has_option_by_privilege: bool,
    /// The privilege that is held on a column that is not to be read, where such a column would be hidden
    /// altogether without any.
    pub mark: Option<&'static str>,
    /// Whether ids are stored as text, or may be.
    pub stores_ids_as_text: bool,
    /// Whether times are stored as text, in whatever form a program wrote them.
    pub stores_times_as_text: bool,
    /// Whether a text stands for a value of any type that it can be compared with.
    pub converts_texts: bool,
    /// Whether `UPDATE … RETURNING` exists.
    pub returns_updated_rows: bool,
    /// The 64-bit integer that a CAST can name.
    pub integer_type: &'static str,
    /// The function that counts a text's characters.
    pub length_in_characters: &'static str,
    /// Seconds since 1970 on the server's clock, as SQL.
    pub unix_time: &'static str,
    /// Stands behind the SELECT of a grouping with about as many groups as rows.
    pub many_groups: &'static str,
    /// The cause of an error of this engine; `None` for another's.
    pub fault: fn(&dyn DatabaseError) -> Option<Fault>,
    /// What an error means whose own words do not say it.
    pub reason: fn(&dyn DatabaseError) -> Option<&'static str>,
    /// The parts that need more than a constant.
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

    /// The engine of a connection of [`crate::db::Database`], which opens no other backend than these.
    pub fn of(connection: &impl ConnectionTrait) -> Engine {
        Engine::of_backend(connection.get_database_backend()).unwrap_or(Engine::Sqlite)
    }

    /// The engine that SeaORM calls so, if it is one of these.
    pub fn of_backend(backend: DbBackend) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.backend == backend)
    }

    /// The engine of a URL's scheme or of `DB_DIALECT`.
    pub fn parse(text: &str) -> Option<Engine> {
        // `postgresql+psycopg://` names the other program's driver as well.
        let word = text.split('+').next().unwrap_or_default();
        Engine::ALL.into_iter().find(|engine| engine.names.contains(&word))
    }

    /// The engine's name, which is also the scheme of its URLs.
    pub fn as_str(self) -> &'static str {
        self.names[0]
    }
}
