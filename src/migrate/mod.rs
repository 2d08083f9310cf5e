//! The migration runner: applies the history of the `migration` crate exactly once each, however
//! many runners start together, and says where a database stands without changing it.

mod history;
mod lock;

use std::time::{Duration, Instant};

use migration::{MIGRATIONS, Migration};
use sea_orm::ConnectionTrait;

use crate::db::Database;
use crate::db::fault::{Fault, classify};
use crate::db::write::WriteHandle;
use crate::domain::Clock;
use crate::error::{Error, Kind, Result, printable};
use history::Record;
use lock::Lock;

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Applied,
    Pending,
    /// Its last run failed; the next `up` tries again.
    Failed,
    /// In the database's history, but not in this program.
    Unknown,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Applied => "applied",
            State::Pending => "pending",
            State::Failed => "failed",
            State::Unknown => "unknown",
        }
    }
}

/// A migration and where it stands.
#[derive(Debug, Clone)]
pub struct MigrationStatus {
    pub name: String,
    pub state: State,
    pub applied_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Who ran it, from where; absent when another tool did.
    pub runner: Option<String>,
}

/// How to go up or down.
#[derive(Debug, Clone)]
pub struct Plan {
    /// At most so many migrations.
    pub steps: Option<u32>,
    /// Up: until this one is applied. Down: until this one is the newest.
    pub to: Option<String>,
    /// How long to wait for another runner.
    pub lock_wait: Duration,
    /// `user@host, process 123`: shown to those who wait.
    pub runner: String,
    /// What the database is to say about itself ([`ENVIRONMENT`], [`MADE_BY`]), noted when it gets
    /// its first migration.
    pub settings: Vec<(&'static str, &'static str)>,
    pub clock: Clock,
}

/// One migration that was run.
#[derive(Debug, Clone)]
pub struct Step {
    pub name: String,
    pub duration: Duration,
}

/// What the caller may tell its user meanwhile.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another runner holds the lock.
    Waiting(&'a str),
    /// A migration is done.
    Done(&'a Step),
}

/// Where every migration stands. Read only: a database that was never migrated has all pending.
pub async fn status(connection: &impl ConnectionTrait) -> Result<Vec<MigrationStatus>> {
    let records = history::read(connection).await?;
    let find = |name: &str| records.iter().find(|record| record.name == name);
    let known = MIGRATIONS.iter().map(|migration| describe(migration.name, find(migration.name), State::Pending));
    let is_unknown =
        |record: &&Record| record.is_applied && MIGRATIONS.iter().all(|migration| migration.name != record.name);
    let unknown = records.iter().filter(is_unknown).map(|record| describe(&record.name, Some(record), State::Unknown));
    Ok(known.chain(unknown).collect())
}

fn describe(name: &str, record: Option<&Record>, otherwise: State) -> MigrationStatus {
    let state = match record {
        Some(record) if otherwise == State::Unknown && record.is_applied => State::Unknown,
        Some(record) if record.is_applied => State::Applied,
        Some(record) if record.is_failed => State::Failed,
        _ => otherwise,
    };
    let applied_at = record.filter(|record| record.is_applied).and_then(|record| record.applied_at);
    let runner = record.and_then(|record| record.runner.clone());
    MigrationStatus { name: name.to_owned(), state, applied_at, runner }
}

/// Applies pending migrations, oldest first. A runner that had to wait and finds nothing left is
/// as successful as the one that did the work.
///
/// Errors: exit 1 for a migration that failed (it is recorded, earlier ones stay applied); exit 5
/// when another runner held the lock for too long; exit 3 for an unknown `to`.
pub async fn up(database: &Database, plan: &Plan, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<Step>> {
    let last = plan.to.as_deref().map(position).transpose()?;
    let lock = Lock::acquire(database, plan, progress).await?;
    let done = up_locked(database, plan, last, &lock, progress).await;
    lock.release().await;
    done
}

async fn up_locked(
    database: &Database,
    plan: &Plan,
    last: Option<usize>,
    lock: &Lock,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    while plan.steps.is_none_or(|limit| steps.len() < limit as usize) {
        lock.check().await?;
        let Some(step) = apply_next(database, plan, last).await? else { break };
        progress(Progress::Done(&step));
        steps.push(step);
    }
    Ok(steps)
}

/// Applies the oldest pending migration, if there is one up to `last`.
async fn apply_next(database: &Database, plan: &Plan, last: Option<usize>) -> Result<Option<Step>> {
    let handle = begin(database, plan.lock_wait).await?;
    let records = history::read(&handle).await?;
    let pending = MIGRATIONS
        .iter()
        .enumerate()
        .find(|(_, migration)| records.iter().all(|record| record.name != migration.name || !record.is_applied));
    let Some((_, migration)) = pending.filter(|(position, _)| last.is_none_or(|last| *position <= last)) else {
        handle.rollback().await?;
        return Ok(None);
    };
    if records.iter().all(|record| !record.is_applied) {
        for (name, value) in &plan.settings {
            if history::setting(&handle, name).await?.is_none() {
                history::set_setting(&handle, name, value).await?;
            }
        }
    }
    let sequence = records.iter().map(|record| record.sequence).max().unwrap_or(0) + 1;
    let started = Instant::now();
    let statements = (migration.up)(handle.get_database_backend());
    if !database.engine().has_transactional_ddl() {
        // An intent row, committed before the DDL that commits by itself.
        history::record_intent(&handle, migration.name, sequence, &plan.runner).await?;
    }
    let result = execute(&handle, &statements, Fault::AlreadyExists).await;
    if let Err(error) = result {
        // The first error is reported, whatever the rollback says.
        let _ = handle.rollback().await;
        record_failure(database, migration, sequence, plan, &error).await;
        return Err(failed(migration, "up", &error));
    }
    let step = Step { name: migration.name.to_owned(), duration: started.elapsed() };
    history::record_applied(&handle, migration.name, sequence, &plan.runner, step.duration, plan.clock.now()).await?;
    handle.commit().await?;
    Ok(Some(step))
}

/// Reverts migrations in reverse order of their application.
///
/// Errors: as [`up`]; exit 6 for one that this program does not know.
pub async fn down(database: &Database, plan: &Plan, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<Step>> {
    if let Some(to) = &plan.to {
        position(to)?;
    }
    let lock = Lock::acquire(database, plan, progress).await?;
    let done = down_locked(database, plan, &lock, progress).await;
    lock.release().await;
    done
}

async fn down_locked(
    database: &Database,
    plan: &Plan,
    lock: &Lock,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Step>> {
    // Down to a migration without a number of steps: as many as it takes.
    let limit = plan.steps.unwrap_or(if plan.to.is_some() { u32::MAX } else { 1 }) as usize;
    let mut steps = Vec::new();
    while steps.len() < limit {
        lock.check().await?;
        let Some(step) = revert_newest(database, plan).await? else { break };
        progress(Progress::Done(&step));
        steps.push(step);
    }
    Ok(steps)
}

async fn revert_newest(database: &Database, plan: &Plan) -> Result<Option<Step>> {
    let handle = begin(database, plan.lock_wait).await?;
    let records = history::read(&handle).await?;
    let newest = records
        .iter()
        .filter(|record| record.is_applied)
        .max_by(|one, other| one.sequence.cmp(&other.sequence).then_with(|| one.name.cmp(&other.name)));
    let Some(newest) = newest.filter(|newest| plan.to.as_ref() != Some(&newest.name)) else {
        handle.rollback().await?;
        return Ok(None);
    };
    let Some(migration) = MIGRATIONS.iter().find(|migration| migration.name == newest.name) else {
        handle.rollback().await?;
        let name = printable(&newest.name);
        return Err(Error::conflict(
            "migrate.unknown",
            format!("{name} is applied, but this shopctl does not know it and cannot revert it"),
        )
        .hint("use the shopctl that applied it"));
    };
    let started = Instant::now();
    let statements = (migration.down)(handle.get_database_backend());
    if let Err(error) = execute(&handle, &statements, Fault::NoSchema).await {
        let _ = handle.rollback().await;
        return Err(failed(migration, "down", &error));
    }
    history::record_reverted(&handle, migration.name).await?;
    handle.commit().await?;
    Ok(Some(Step { name: migration.name.to_owned(), duration: started.elapsed() }))
}

/// Runs the statements of one migration. On an engine whose DDL commits by itself an earlier run
/// may have died between the DDL and its record: `done` is how the database says that.
async fn execute(handle: &WriteHandle, statements: &[String], done: Fault) -> Result<(), sea_orm::DbErr> {
    let result = handle.execute_unprepared(&statements.join(";\n")).await;
    match result {
        Err(error) if !handle.engine().has_transactional_ddl() && classify(&error) == done => {
            handle.forgive();
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Begins a transaction; on SQLite another process may hold the file for longer than the driver
/// waits.
async fn begin(database: &Database, wait: Duration) -> Result<WriteHandle> {
    let until = Instant::now() + wait;
    loop {
        match database.begin().await {
            Ok(handle) => return Ok(handle),
            Err(failure) if failure.fault == Some(Fault::Transient) && Instant::now() < until => {}
            Err(failure) => return Err(failure.error),
        }
    }
}

async fn record_failure(
    database: &Database,
    migration: &Migration,
    sequence: i64,
    plan: &Plan,
    error: &sea_orm::DbErr,
) {
    let record = async {
        let handle = database.begin().await?;
        history::record_failed(&handle, migration.name, sequence, &plan.runner, &error.to_string()).await?;
        handle.commit().await?;
        Ok::<(), Error>(())
    };
    if let Err(error) = record.await {
        tracing::debug!("the failure could not be recorded: {error}");
    }
}

fn failed(migration: &Migration, direction: &str, error: &sea_orm::DbErr) -> Error {
    let cause = Error::from(error.clone());
    let kind = match cause.kind() {
        Kind::Configuration | Kind::Unavailable => cause.kind(),
        _ => Kind::Internal,
    };
    Error::new(kind, "migrate.failed", format!("migration {} failed ({direction}): {cause}", migration.name))
        .hint("earlier migrations are kept; mend the cause and run shopctl migrate up again")
}

fn position(name: &str) -> Result<usize> {
    MIGRATIONS
        .iter()
        .position(|migration| migration.name == name)
        .ok_or_else(|| Error::not_found("migration", name).hint("shopctl migrate status lists the migrations"))
}

/// What the database is for: `development`, `production` …
pub const ENVIRONMENT: &str = "environment";
/// Which command made the database, if it was not `migrate up`.
pub const MADE_BY: &str = "made_by";

/// What the database says about itself, if it says anything.
pub async fn setting(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    history::setting(connection, name).await
}

/// Notes what the database is to say about itself.
///
/// Errors: exit 4 when the database has no shop schema.
pub async fn set_setting(database: &Database, name: &str, value: &str) -> Result<()> {
    let handle = database.begin().await?;
    history::set_setting(&handle, name, value).await?;
    handle.commit().await?;
    Ok(())
}

/// The names of all migrations, oldest first.
pub fn names() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.name)
}
