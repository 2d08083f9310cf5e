//! One migration at a time, with its record.
//!
//! Where DDL takes part in transactions a migration and its record are one transaction. Where DDL
//! commits by itself (MySQL, MariaDB) an intent goes before it and the result after it: a run that
//! died in between is recognised by its intent, and only then an object that is already there, or
//! already gone, counts as done.

use std::time::{Duration, Instant};

use migration::{MIGRATIONS, Migration};
use sea_orm::{ConnectionTrait, DbErr};

use super::history::{self, Record, Run};
use super::lock::Lock;
use super::{Plan, Step};
use crate::db::Database;
use crate::db::fault::{Fault, classify};
use crate::db::write::WriteHandle;
use crate::error::{Error, Kind, Result, printable};

/// What runs steps under the lock.
pub struct Runner<'a> {
    database: &'a Database,
    plan: &'a Plan,
    lock: &'a Lock,
    records: Vec<Record>,
}

impl<'a> Runner<'a> {
    /// Reads what is applied: after the lock was had, because whoever held it has changed it.
    pub async fn new(database: &'a Database, plan: &'a Plan, lock: &'a Lock) -> Result<Self> {
        let records = if lock.spans_steps() { history::read(database.connection()).await? } else { Vec::new() };
        Ok(Runner { database, plan, lock, records })
    }

    /// Applies the oldest of these migrations that is pending, if there is one.
    pub async fn apply_next(&mut self, migrations: &[Migration]) -> Result<Option<Step>> {
        let handle = self.begin().await?;
        let is_applied = |name: &str| self.records.iter().any(|record| record.is_applied && record.name == name);
        let Some(migration) = migrations.iter().find(|migration| !is_applied(migration.name)) else {
            handle.rollback().await?;
            return Ok(None);
        };
        let known = self.records.iter().find(|record| record.name == migration.name).cloned();
        let sequence = self.records.iter().map(|record| record.sequence).max().unwrap_or(0) + 1;
        let run = Run { name: migration.name, sequence, runner: &self.plan.runner, known: known.as_ref() };
        let step = match self.apply(handle, migration, &run).await {
            Ok(step) => step,
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Database(error)) => {
                self.record_failure(&run, &error).await;
                return Err(failed(migration, "up", &error));
            }
        };
        let record = Record::applied(&run, self.plan.clock.now());
        self.records.retain(|record| record.name != migration.name);
        self.records.push(record);
        Ok(Some(step))
    }

    async fn apply(&self, handle: WriteHandle, migration: &Migration, run: &Run<'_>) -> Result<Step, Failure> {
        let started = Instant::now();
        let handle = self.change(handle, migration, run, Direction::Up).await?;
        let duration = started.elapsed();
        let recorded = self.record_applied(&handle, run, duration).await;
        conclude(handle, recorded).await?;
        Ok(Step { name: migration.name.to_owned(), duration })
    }

    async fn record_applied(&self, handle: &WriteHandle, run: &Run<'_>, duration: Duration) -> Result<(), Failure> {
        history::record_applied(handle, run, duration, self.plan.clock.now()).await?;
        if self.records.iter().all(|record| !record.is_applied) {
            for (name, value) in &self.plan.settings {
                history::set_setting_if_absent(handle, name, value).await?;
            }
        }
        Ok(self.lock.hold(handle).await?)
    }

    /// Reverts the migration that was applied last, unless the plan ends there.
    pub async fn revert_newest(&mut self) -> Result<Option<Step>> {
        let handle = self.begin().await?;
        let found = self.newest();
        let (record, migration) = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                handle.rollback().await?;
                return Ok(None);
            }
            Err(error) => {
                // The refusal is what the user needs to hear, whatever the rollback says.
                let _ = handle.rollback().await;
                return Err(error);
            }
        };
        let run =
            Run { name: migration.name, sequence: record.sequence, runner: &self.plan.runner, known: Some(&record) };
        let step = match self.revert(handle, migration, &run).await {
            Ok(step) => step,
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Database(error)) => {
                self.take_back(&run).await;
                return Err(failed(migration, "down", &error));
            }
        };
        self.records.retain(|record| record.name != migration.name);
        Ok(Some(step))
    }

    /// The migration to revert next. One that a run left halfway is reverted too.
    fn newest(&self) -> Result<Option<(Record, &'static Migration)>> {
        if let Some(to) = &self.plan.to
            && !self.records.iter().any(|record| record.is_applied && record.name == *to)
        {
            return Err(Error::conflict(
                "migrate.not_applied",
                format!("{to} is not applied, so there is no way down to it"),
            )
            .hint("shopctl migrate status tells what is applied; --steps N reverts the newest N"));
        }
        let newest = self
            .records
            .iter()
            .filter(|record| record.is_applied || record.is_interrupted)
            .max_by(|one, other| one.sequence.cmp(&other.sequence).then_with(|| one.name.cmp(&other.name)));
        let Some(newest) = newest.filter(|newest| self.plan.to.as_ref() != Some(&newest.name)) else {
            return Ok(None);
        };
        match MIGRATIONS.iter().find(|migration| migration.name == newest.name) {
            Some(migration) => Ok(Some((newest.clone(), migration))),
            None => Err(Error::conflict(
                "migrate.unknown",
                format!(
                    "{} is applied, but this shopctl does not know it and cannot revert it",
                    printable(&newest.name)
                ),
            )
            .hint("use the shopctl that applied it")),
        }
    }

    async fn revert(&self, handle: WriteHandle, migration: &Migration, run: &Run<'_>) -> Result<Step, Failure> {
        let started = Instant::now();
        let handle = self.change(handle, migration, run, Direction::Down).await?;
        let duration = started.elapsed();
        let recorded = self.record_reverted(&handle, run).await;
        conclude(handle, recorded).await?;
        Ok(Step { name: migration.name.to_owned(), duration })
    }

    async fn record_reverted(&self, handle: &WriteHandle, run: &Run<'_>) -> Result<(), Failure> {
        history::record_reverted(handle, run.name).await?;
        Ok(self.lock.hold(handle).await?)
    }

    /// Runs a migration's statements; the result is to be recorded in the transaction that comes
    /// back. Where DDL commits by itself that is a new one, after an intent in the first.
    async fn change(
        &self,
        handle: WriteHandle,
        migration: &Migration,
        run: &Run<'_>,
        direction: Direction,
    ) -> Result<WriteHandle, Failure> {
        let backend = handle.get_database_backend();
        let statements = match direction {
            Direction::Up => (migration.up)(backend),
            Direction::Down => (migration.down)(backend),
        };
        if !self.database.engine().has_transactional_ddl() {
            let changed = self.intend_and_change(&handle, &statements, run, direction).await;
            conclude(handle, changed).await?;
            return Ok(self.database.begin().await.map_err(Error::from)?);
        }
        match self.execute(&handle, &statements).await {
            Ok(()) => Ok(handle),
            Err(error) => {
                let _ = handle.rollback().await;
                Err(error.into())
            }
        }
    }

    async fn intend_and_change(
        &self,
        handle: &WriteHandle,
        statements: &[String],
        run: &Run<'_>,
        direction: Direction,
    ) -> Result<(), Failure> {
        self.lock.hold(handle).await?;
        // How the database says that an earlier run did it before it died.
        let done = match direction {
            Direction::Up => {
                history::intend_to_apply(handle, run).await?;
                Fault::AlreadyExists
            }
            Direction::Down => {
                history::intend_to_revert(handle, run).await?;
                Fault::NoSchema
            }
        };
        let was_interrupted = run.known.is_some_and(|known| known.is_interrupted);
        match self.execute(handle, statements).await {
            Err(error) if was_interrupted && classify(&error) == done => {
                handle.forgive();
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Begins a step's transaction. On SQLite another process may hold the file for longer than the
    /// driver waits; and because others may have run steps since the last one, what is applied is
    /// read again there, within the transaction.
    async fn begin(&mut self) -> Result<WriteHandle> {
        let until = Instant::now() + self.plan.lock_wait;
        let handle = loop {
            match self.database.begin().await {
                Ok(handle) => break handle,
                Err(failure) if failure.fault == Some(Fault::Transient) && Instant::now() < until => {}
                Err(failure) => return Err(failure.error),
            }
        };
        if !self.lock.spans_steps() {
            self.records = history::read(&handle).await?;
        }
        Ok(handle)
    }

    /// All statements in one message.
    async fn execute(&self, handle: &WriteHandle, statements: &[String]) -> Result<(), DbErr> {
        let sql = format!("{}{}", self.database.engine().begin_migration(), statements.join(";\n"));
        handle.execute_unprepared(&sql).await.map(drop)
    }

    /// Best effort: the failure itself is what is reported.
    async fn record_failure(&self, run: &Run<'_>, error: &DbErr) {
        let record = async {
            let handle = self.database.begin().await?;
            // Whoever took the lock over may have applied it meanwhile.
            self.lock.hold(&handle).await?;
            history::record_failed(&handle, run, &error.to_string()).await?;
            handle.commit().await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = record.await {
            tracing::debug!("the failure could not be recorded: {error}");
        }
    }

    /// A migration that could not be reverted is still applied; best effort.
    async fn take_back(&self, run: &Run<'_>) {
        if self.database.engine().has_transactional_ddl() || !run.known.is_some_and(|known| known.is_applied) {
            return;
        }
        let record = async {
            let handle = self.database.begin().await?;
            self.lock.hold(&handle).await?;
            history::still_applied(&handle, run.name).await?;
            handle.commit().await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = record.await {
            tracing::debug!("the failure could not be recorded: {error}");
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Commits what went well and rolls back what did not: the first error is the one reported,
/// whatever the rollback says.
async fn conclude(handle: WriteHandle, result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(handle.commit().await?),
        Err(failure) => {
            let _ = handle.rollback().await;
            Err(failure)
        }
    }
}

/// Why a step ended early: what the database refused is recorded, what the runner refused is not.
enum Failure {
    Database(DbErr),
    Ours(Error),
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Failure::Database(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Ours(error)
    }
}

fn failed(migration: &Migration, direction: &str, error: &DbErr) -> Error {
    let kind = match classify(error) {
        Fault::Permission | Fault::ReadOnly => Kind::Configuration,
        Fault::Transient | Fault::ConnectionLost | Fault::Full | Fault::Unreachable => Kind::Unavailable,
        _ => Kind::Internal,
    };
    let cause = Error::from(error.clone());
    Error::new(kind, "migrate.failed", format!("migration {} failed ({direction}): {cause}", migration.name))
        .hint(format!("earlier migrations are kept; mend the cause and run shopctl migrate {direction} again"))
}
