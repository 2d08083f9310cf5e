//! Whether a server that says nothing is at work, asked over a connection of its own.
//!
//! The drivers give no way to their sockets (sqlx 0.9 has no keepalive and no user timeout), so that
//! a lost host cannot be told from a long statement where it happens.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, Statement};

use super::budget::Budget;
use super::inspection::text;
use super::{Access, ConnectSettings, Database};
use crate::error::Result;

/// What the server says about this process's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    AtWork,
    WaitsForLock,
    /// It does not answer, or has no statement of this process.
    Nothing,
}

/// What tells this process's sessions from those of others.
#[derive(Debug, Clone)]
pub struct Marks {
    /// PostgreSQL: the application's name.
    pub name: String,
    /// MySQL and MariaDB: the numbers of the sessions, as they connect.
    pub sessions: Arc<Mutex<Vec<u64>>>,
}

impl Marks {
    pub fn new() -> Marks {
        Marks { name: format!("shopctl-{:08x}", rand::random::<u32>()), sessions: Arc::default() }
    }

    pub fn note_session(&self, number: u64) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }
}

/// Looks after the sessions of one pool.
#[derive(Debug)]
pub struct Witness {
    settings: ConnectSettings,
    marks: Marks,
}

impl Witness {
    pub fn new(settings: &ConnectSettings, marks: Marks) -> Witness {
        // Whoever looks must not take long to see.
        let budget = Budget::new(Some(settings.connect_timeout), true);
        Witness { settings: ConnectSettings { budget, access: Access::Read, ..settings.clone() }, marks }
    }

    /// Looks once, for no longer than it takes to connect.
    pub async fn look(&self) -> Sighting {
        let Some(question) = self.settings.target.engine().sightings(&self.marks) else { return Sighting::AtWork };
        let settings = ConnectSettings { budget: self.settings.budget.renewed(), ..self.settings.clone() };
        match self.ask(&settings, question).await {
            Ok(sighting) => sighting,
            Err(error) => {
                tracing::debug!("nobody tells whether the server is at work: {error}");
                Sighting::Nothing
            }
        }
    }

    async fn ask(&self, settings: &ConnectSettings, question: Statement) -> Result<Sighting> {
        let database = Database::open(settings).await?;
        let rows = database.connection().query_all_raw(question).await?;
        database.close().await;
        let sightings: Vec<_> = rows.iter().filter_map(|row| text(row, "sighting")).collect();
        Ok(match sightings.iter().find(|sighting| *sighting == "waits").or(sightings.first()) {
            None => Sighting::Nothing,
            Some(sighting) if sighting == "waits" => Sighting::WaitsForLock,
            Some(_) => Sighting::AtWork,
        })
    }
}
