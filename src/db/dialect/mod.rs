//! Everything that an engine does its own way: the questions, grouped by subject, and a folder for each engine
//! with its answers. Nothing else tells engines apart.

pub(super) mod access;
mod catalog;
mod connect;
mod ddl;
mod inspect;
mod mysql;
mod postgres;
mod server;
mod sessions;
mod sqlite;
mod values;

use std::fmt;
use std::ops::Deref;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

/// The protocol a database speaks. Distributed engines are reached through `Postgres` and `Mysql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

pub(super) use postgres::copy::Copying;
pub(super) use postgres::text::{push_row, unescaped};
pub(super) use sqlite::rows::Maker;
pub(super) use sqlite::{TRANSACTION_MODE, copy, make_folder};

/// All that is asked of an engine.
pub trait Dialect:
    access::Grants
    + catalog::Catalog
    + connect::Connect
    + ddl::Ddl
    + inspect::Inspect
    + sessions::Sessions
    + values::Values
    + Sync
{
}

impl Deref for Engine {
    type Target = dyn Dialect;

    fn deref(&self) -> &Self::Target {
        match self {
            Engine::Sqlite => &sqlite::Sqlite,
            Engine::Postgres => &postgres::Postgres,
            Engine::Mysql => &mysql::Mysql,
        }
    }
}

/// An engine that has servers.
#[derive(Clone, Copy)]
pub struct ServerEngine(&'static dyn server::Server);

impl Deref for ServerEngine {
    type Target = dyn server::Server;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for ServerEngine {
    fn eq(&self, other: &Self) -> bool {
        self.engine() == other.engine()
    }
}

impl Eq for ServerEngine {}

impl fmt::Debug for ServerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine().fmt(f)
    }
}

impl Engine {
    pub const ALL: [Engine; 3] = [Engine::Sqlite, Engine::Postgres, Engine::Mysql];

    /// The engine of a connection of [`crate::db::Database`], which opens no other backend than these.
    pub fn of(connection: &impl ConnectionTrait) -> Engine {
        Engine::of_backend(connection.get_database_backend()).unwrap_or(Engine::Sqlite)
    }

    /// The engine that SeaORM calls so, if it is one of these.
    pub fn of_backend(backend: DbBackend) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.backend() == backend)
    }

    /// The engine of a URL's scheme or of `DB_DIALECT`.
    pub fn parse(text: &str) -> Option<Engine> {
        // `postgresql+psycopg://` names the other program's driver as well.
        let word = text.split('+').next().unwrap_or_default();
        Engine::ALL.into_iter().find(|engine| engine.names().contains(&word))
    }

    /// The engine's name, which is also the scheme of its URLs.
    pub fn as_str(self) -> &'static str {
        self.names()[0]
    }
}

/// A connection or a transaction, whatever it is, as a dialect asks it.
#[async_trait]
pub trait Session: Sync {
    async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr>;

    async fn query_text(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr>;
}

#[async_trait]
impl<C: ConnectionTrait> Session for C {
    async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_raw(statement).await
    }

    async fn query_text(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_raw(Statement::from_string(self.get_database_backend(), sql)).await
    }
}
