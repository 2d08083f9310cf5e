//! The databases that a command opens: all of them are closed together, however the command ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::database::Database;
use super::scratch::{Leftover, Scratch};
use super::settings::{Access, ConnectSettings};
use super::target::Target;
use crate::error::Result;

/// Opens databases with the same pool and time limits, and closes them.
pub struct Connections {
    settings: ConnectSettings,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    databases: Vec<Database>,
    scratches: Vec<Scratch>,
}

impl Connections {
    /// Target and access of the settings are replaced by those of each database.
    pub fn new(settings: ConnectSettings) -> Connections {
        Connections { settings, open: Mutex::default() }
    }

    /// Whether this database was opened for writing.
    pub fn has_writable(&self, target: &Target) -> bool {
        self.open().databases.iter().any(|open| open.target() == target && open.settings().access != Access::Read)
    }

    /// Opens a database. Earlier connections are no longer needed and are released: a login may be limited to one.
    ///
    /// Errors: those of [`Database::open`].
    pub async fn open_database(&self, target: &Target, access: Access) -> Result<Database> {
        let earlier = self.open().databases.clone();
        for database in earlier.iter().filter(|earlier| !earlier.has_timed_out()) {
            database.release_connection().await;
        }
        let settings = ConnectSettings { target: target.clone(), access, ..self.settings.clone() };
        let database = Database::open(&settings).await?;
        self.open().databases.push(database.clone());
        Ok(database)
    }

    /// Creates an empty database next to another one; [`Connections::close`] drops it.
    ///
    /// Errors: exit 4 if the role must not create databases.
    pub async fn scratch(&self, beside: &Database, now: DateTime<Utc>) -> Result<Database> {
        let scratch = Scratch::beside(beside, now).await?;
        self.open().scratches.push(scratch.clone());
        scratch.ready().await?;
        Ok(scratch.database)
    }

    /// Creates an empty SQLite file; [`Connections::close`] deletes it.
    ///
    /// Errors: exit 4 without a temporary folder.
    pub async fn scratch_file(&self) -> Result<Database> {
        let scratch = Scratch::in_folder(&self.settings).await?;
        self.open().scratches.push(scratch.clone());
        Ok(scratch.database)
    }

    /// Closes the databases, so that servers do not log a lost client and a SQLite shop is a single file again. Gives
    /// back the scratch databases that could not be removed.
    pub async fn close(&self) -> Vec<Leftover> {
        let Open { databases, scratches } = std::mem::take(&mut *self.open());
        let mut left = Vec::new();
        for scratch in scratches {
            left.extend(scratch.remove().await);
        }
        for database in databases {
            database.close().await;
        }
        left
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
