//! The log of all runs of migrations.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use super::{Direction, RunState};

/// A row of the log.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shopctl_migration_runs")]
pub struct Model {
    /// Order of the runs, and so of application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    /// The migration's name.
    pub name: String,
    /// The purpose of the run.
    pub direction: Direction,
    /// How far the run came.
    pub state: RunState,
    /// Of what applies it, as it was then.
    pub checksum: Option<String>,
    /// Number of statements that succeeded.
    pub statements_done: i64,
    /// Number of statements of the run.
    pub statements_total: i64,
    /// The statement that failed.
    pub statement: Option<String>,
    /// The message of the failure.
    pub error: Option<String>,
    /// `user@host, process 123`.
    pub runner: String,
    /// Of the shopctl that ran it.
    pub version: String,
    /// When the run began, by the clock of its runner.
    pub started_at: DateTime<Utc>,
    /// How long it took; `None` if it did not end.
    pub duration_milliseconds: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
