//! Checks over a separate connection whether a silent server is still working.
//!
//! The drivers do not expose their sockets (sqlx 0.9 has no keepalive and no user timeout), so that a lost host
//! looks like a long statement.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, Statement};
use tokio::time::timeout;

use super::answers::text;
use super::budget::Budget;
use super::guarded::{Activity, ActivityProbe};
use super::settings::{Access, ConnectSettings, Purpose};
use crate::error::Result;

/// Identifies the sessions of this process.
#[derive(Debug, Clone)]
pub struct SessionIds {
    /// PostgreSQL: the application's name.
    pub name: String,
    /// MySQL and MariaDB: the numbers of the sessions, as they connect.
    pub sessions: Arc<Mutex<Vec<u64>>>,
}

impl SessionIds {
    pub fn new() -> SessionIds {
        SessionIds { name: format!("shopctl-{:08x}", rand::random::<u32>()), sessions: Arc::default() }
    }

    pub fn note_session(&self, number: u64) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }
}

/// Watches the sessions of one pool.
#[derive(Debug)]
pub struct ProbeConnection {
    settings: ConnectSettings,
    ids: SessionIds,
}

impl ProbeConnection {
    pub fn new(settings: &ConnectSettings, ids: SessionIds) -> ProbeConnection {
        ProbeConnection { settings: ConnectSettings { access: Access::Read, ..settings.clone() }, ids }
    }

    async fn ask(&self, question: Statement) -> Result<Activity> {
        let mut settings = self.settings.clone();
        // The check itself must be quick.
        settings.budget = Budget::new(Some(settings.connect_timeout), true);
        let engine = settings.target.engine();
        let (connection, _) = engine.open(&mut settings, Purpose::General, &mut SessionIds::new()).await?;
        let rows = connection.query_all_raw(question).await?;
        connection.close().await?;
        let activities: Vec<_> = rows.iter().filter_map(|row| text(row, "sighting")).collect();
        Ok(match activities.iter().find(|activity| *activity == "waits").or(activities.first()) {
            None => Activity::None,
            Some(activity) if activity == "waits" => Activity::WaitingForLock,
            Some(_) => Activity::Working,
        })
    }
}

#[async_trait]
impl ActivityProbe for ProbeConnection {
    async fn activity(&self) -> Activity {
        let Some(question) = self.settings.target.engine().activity_query(&self.ids) else { return Activity::Working };
        match timeout(self.settings.connect_timeout, self.ask(question)).await {
            Ok(Ok(activity)) => activity,
            Ok(Err(error)) => {
                tracing::debug!("it is unknown whether the server is working: {error}");
                Activity::None
            }
            Err(_) => {
                tracing::debug!("it is unknown whether the server is working: no answer in time");
                Activity::None
            }
        }
    }
}
