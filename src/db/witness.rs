//! Checks over a separate connection whether a silent server is still working.
//!
//! The drivers give no way to their sockets (sqlx 0.9 has no keepalive and no user timeout), so that
//! a lost host cannot be told from a long statement where it happens.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, Statement};
use tokio::time::timeout;

use super::answers::text;
use super::budget::Budget;
use super::guarded::{Sighting, Witness};
use super::settings::{Access, ConnectSettings, Purpose};
use crate::error::Result;

/// Identifies the sessions of this process.
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

/// Watches the sessions of one pool.
#[derive(Debug)]
pub struct SecondConnection {
    settings: ConnectSettings,
    marks: Marks,
}

impl SecondConnection {
    pub fn new(settings: &ConnectSettings, marks: Marks) -> SecondConnection {
        SecondConnection { settings: ConnectSettings { access: Access::Read, ..settings.clone() }, marks }
    }

    async fn ask(&self, question: Statement) -> Result<Sighting> {
        let mut settings = self.settings.clone();
        // The check itself must be quick.
        settings.budget = Budget::new(Some(settings.connect_timeout), true);
        let engine = settings.target.engine();
        let (connection, _) = engine.open(&mut settings, Purpose::Usual, &mut Marks::new()).await?;
        let rows = connection.query_all_raw(question).await?;
        connection.close().await?;
        let sightings: Vec<_> = rows.iter().filter_map(|row| text(row, "sighting")).collect();
        Ok(match sightings.iter().find(|sighting| *sighting == "waits").or(sightings.first()) {
            None => Sighting::Nothing,
            Some(sighting) if sighting == "waits" => Sighting::WaitsForLock,
            Some(_) => Sighting::AtWork,
        })
    }
}

#[async_trait]
impl Witness for SecondConnection {
    async fn look(&self) -> Sighting {
        let Some(question) = self.settings.target.engine().sightings(&self.marks) else { return Sighting::AtWork };
        match timeout(self.settings.connect_timeout, self.ask(question)).await {
            Ok(Ok(sighting)) => sighting,
            Ok(Err(error)) => {
                tracing::debug!("nobody tells whether the server is at work: {error}");
                Sighting::Nothing
            }
            Err(_) => {
                tracing::debug!("nobody tells in time whether the server is at work");
                Sighting::Nothing
            }
        }
    }
}
