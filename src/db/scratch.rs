//! A database for a moment: beside the real one, where the role may make one.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::database::Database;
use super::fault::{Fault, classify};
use super::settings::{Access, ConnectSettings};
use super::target::{ServerTarget, SqliteTarget, Target};
use crate::error::{Error, Result, io_reason};

/// The prefix of the names of scratch databases.
const PREFIX: &str = "shopctl_scratch_";

/// An empty database that is gone after [`Scratch::remove`]; whoever has one removes it, also when
/// it never became ready.
#[derive(Clone)]
pub struct Scratch {
    pub database: Database,
    location: Arc<Location>,
}

enum Location {
    /// Deleted with its folder.
    Folder(#[expect(dead_code, reason = "held for its Drop")] TempDir),
    Server(Box<ServerDatabase>),
}

struct ServerDatabase {
    creator: Database,
    name: String,
    /// A task of its own: a command that is interrupted must know whether there is something to
    /// remove.
    creation: Mutex<Option<JoinHandle<Result<(), DbErr>>>>,
}

impl Scratch {
    /// Begins to make a database on the same server as another, or in a temporary folder.
    ///
    /// Errors: exit 4 where there can be no such folder.
    pub async fn beside(database: &Database) -> Result<Scratch> {
        let settings = database.settings();
        match &settings.target {
            Target::Sqlite(_) => Scratch::in_folder(settings).await,
            Target::Server(server) => Scratch::on_server(database, server).await,
        }
    }

    /// Makes a SQLite file in a temporary folder.
    ///
    /// Errors: exit 4 where there can be no such folder.
    pub async fn in_folder(settings: &ConnectSettings) -> Result<Scratch> {
        let unwritable = |error: std::io::Error| {
            Error::configuration("file.unwritable", format!("no temporary folder: {}", io_reason(&error)))
        };
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(unwritable)?;
        let target = Target::Sqlite(SqliteTarget { path: folder.path().join("scratch.db") });
        let database = Database::open(&ConnectSettings { target, access: Access::Create, ..settings.clone() }).await?;
        Ok(Scratch { database, location: Arc::new(Location::Folder(folder)) })
    }

    async fn on_server(database: &Database, server: &ServerTarget) -> Result<Scratch> {
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        let options = server.engine.engine.new_database;
        let target = Target::Server(ServerTarget { database: name.clone(), ..server.clone() });
        let settings = ConnectSettings { target, access: Access::Write, ..database.settings().clone() };
        let scratch = Database::open(&settings).await?;
        let (creator, create) = (database.clone(), format!("CREATE DATABASE {name} {options}"));
        let creation = {
            let creator = creator.clone();
            tokio::spawn(async move { creator.connection().execute_unprepared(&create).await.map(drop) })
        };
        let location = ServerDatabase { creator, name, creation: Mutex::new(Some(creation)) };
        Ok(Scratch { database: scratch, location: Arc::new(Location::Server(Box::new(location))) })
    }

    /// Waits until it is created.
    ///
    /// Errors: exit 4 where the role may not make one.
    pub async fn ready(&self) -> Result<()> {
        let Location::Server(location) = self.location.as_ref() else { return Ok(()) };
        let Err(error) = location.created().await else { return Ok(()) };
        let may_not = classify(&error) == Fault::Permission;
        let error = Error::from(error);
        Err(if may_not { error.hint("name an empty database to work in: --scratch-url URL") } else { error })
    }

    /// Removes it, best effort: failures are logged.
    pub async fn remove(self) {
        let engine = self.database.engine();
        self.database.close().await;
        let Location::Server(location) = self.location.as_ref() else { return };
        if location.created().await.is_err() {
            return;
        }
        let drop = format!("DROP DATABASE IF EXISTS {}{}", location.name, engine.drop_database);
        if let Err(error) = location.creator.connection().execute_unprepared(&drop).await {
            tracing::debug!("{} could not be removed: {error}", location.name);
        }
    }
}

impl ServerDatabase {
    async fn created(&self) -> Result<(), DbErr> {
        let mut creation = self.creation.lock().await;
        let Some(task) = creation.as_mut() else { return Ok(()) };
        let created = task.await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())));
        *creation = None;
        created
    }
}
