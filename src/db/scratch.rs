//! A database for a moment: beside the real one, where the role may make one.

use std::sync::Arc;

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::fault::{Fault, classify};
use super::target::{Engine, ServerTarget, SqliteTarget, Target};
use super::{Access, ConnectSettings, Database};
use crate::error::{Error, Result};

/// What the names of scratch databases begin with.
const PREFIX: &str = "shopctl_scratch_";

/// An empty database that is gone after [`Scratch::remove`].
#[derive(Clone)]
pub struct Scratch {
    pub database: Database,
    place: Arc<Place>,
}

enum Place {
    /// Gone with its folder.
    Folder(#[allow(dead_code, reason = "held for its Drop")] TempDir),
    /// Dropped by whoever made it.
    Server(Box<Database>, String),
}

impl Scratch {
    /// Makes a database on the same server as another, or in a temporary folder.
    ///
    /// Errors: exit 4 where the role may not.
    pub async fn beside(database: &Database) -> Result<Scratch> {
        let settings = &database.settings;
        match &settings.target {
            Target::Sqlite(_) => Scratch::in_folder(settings).await,
            Target::Server(server) => Scratch::on_server(database, server).await,
        }
    }

    /// Makes a SQLite file in a temporary folder.
    pub async fn in_folder(settings: &ConnectSettings) -> Result<Scratch> {
        let unwritable = |error| Error::configuration("file.unwritable", format!("no temporary folder: {error}"));
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(unwritable)?;
        let target = Target::Sqlite(SqliteTarget { path: folder.path().join("scratch.db") });
        let database = Database::open(&ConnectSettings { target, access: Access::Create, ..settings.clone() }).await?;
        Ok(Scratch { database, place: Arc::new(Place::Folder(folder)) })
    }

    async fn on_server(database: &Database, server: &ServerTarget) -> Result<Scratch> {
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        let options = match server.engine {
            // The first template may be in use, or hold what somebody put there.
            Engine::Postgres | Engine::Sqlite => "TEMPLATE template0",
            Engine::Mysql => "CHARACTER SET utf8mb4",
        };
        let made = database.connection().execute_unprepared(&format!("CREATE DATABASE {name} {options}")).await;
        if let Err(error) = made {
            let may_not = classify(&error) == Fault::Permission;
            let error = Error::from(error);
            return Err(match may_not {
                true => error.hint("name an empty database to work in: --scratch-url URL"),
                false => error,
            });
        }
        let target = Target::Server(ServerTarget { database: name.clone(), ..server.clone() });
        let settings = ConnectSettings { target, access: Access::Write, ..database.settings.clone() };
        let place = Arc::new(Place::Server(Box::new(database.clone()), name));
        Ok(Scratch { database: Database::open(&settings).await?, place })
    }

    /// Removes it. Best effort: what cannot be removed is said in the log.
    pub async fn remove(self) {
        let engine = self.database.engine();
        self.database.close().await;
        let Place::Server(maker, name) = self.place.as_ref() else { return };
        // A pooler keeps connections to it.
        let force = if engine == Engine::Postgres { " WITH (FORCE)" } else { "" };
        let drop = format!("DROP DATABASE IF EXISTS {name}{force}");
        if let Err(error) = maker.connection().execute_unprepared(&drop).await {
            tracing::debug!("{name} could not be removed: {error}");
        }
    }
}
