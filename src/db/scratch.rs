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

/// What the names of scratch databases begin with.
const PREFIX: &str = "shopctl_scratch_";

/// An empty database that is gone after [`Scratch::remove`]; whoever has one removes it, also when
/// it never became ready.
#[derive(Clone)]
pub struct Scratch {
    pub database: Database,
    place: Arc<Place>,
}

enum Place {
    /// Deleted with its folder.
    Folder(#[expect(dead_code, reason = "held for its Drop")] TempDir),
    Server(Box<OnServer>),
}

struct OnServer {
    maker: Database,
    name: String,
    /// A task of its own: a command that is interrupted must know whether there is something to
    /// remove.
    making: Mutex<Option<JoinHandle<Result<(), DbErr>>>>,
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
        Ok(Scratch { database, place: Arc::new(Place::Folder(folder)) })
    }

    async fn on_server(database: &Database, server: &ServerTarget) -> Result<Scratch> {
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        let options = server.engine.engine.new_database;
        let target = Target::Server(ServerTarget { database: name.clone(), ..server.clone() });
        let settings = ConnectSettings { target, access: Access::Write, ..database.settings().clone() };
        let scratch = Database::open(&settings).await?;
        let (maker, create) = (database.clone(), format!("CREATE DATABASE {name} {options}"));
        let making = {
            let maker = maker.clone();
            tokio::spawn(async move { maker.connection().execute_unprepared(&create).await.map(drop) })
        };
        let place = OnServer { maker, name, making: Mutex::new(Some(making)) };
        Ok(Scratch { database: scratch, place: Arc::new(Place::Server(Box::new(place))) })
    }

    /// Waits until it is created.
    ///
    /// Errors: exit 4 where the role may not make one.
    pub async fn ready(&self) -> Result<()> {
        let Place::Server(place) = self.place.as_ref() else { return Ok(()) };
        let Err(error) = place.made().await else { return Ok(()) };
        let may_not = classify(&error) == Fault::Permission;
        let error = Error::from(error);
        Err(if may_not { error.hint("name an empty database to work in: --scratch-url URL") } else { error })
    }

    /// Removes it, best effort: failures are logged.
    pub async fn remove(self) {
        let engine = self.database.engine();
        self.database.close().await;
        let Place::Server(place) = self.place.as_ref() else { return };
        if place.made().await.is_err() {
            return;
        }
        let drop = format!("DROP DATABASE IF EXISTS {}{}", place.name, engine.drop_database);
        if let Err(error) = place.maker.connection().execute_unprepared(&drop).await {
            tracing::debug!("{} could not be removed: {error}", place.name);
        }
    }
}

impl OnServer {
    async fn made(&self) -> Result<(), DbErr> {
        let mut making = self.making.lock().await;
        let Some(task) = making.as_mut() else { return Ok(()) };
        let made = task.await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())));
        *making = None;
        made
    }
}
