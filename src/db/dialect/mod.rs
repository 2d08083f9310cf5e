//! Everything that an engine does its own way: the questions, grouped by subject, and a folder for each engine
//! with its answers. Nothing else tells engines apart.

mod access;
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

use std::ops::Deref;

use sea_orm::{ConnectionTrait, DbBackend};

use super::engine::{Engine, ServerEngine};

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

impl Deref for ServerEngine {
    type Target = dyn server::Server;

    fn deref(&self) -> &Self::Target {
        match self {
            ServerEngine::Postgres => &postgres::Postgres,
            ServerEngine::Mysql => &mysql::Mysql,
        }
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
