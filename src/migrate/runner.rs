//! One migration at a time, with its record.
//!
//! With transactional DDL a migration and its record are one transaction. Otherwise (MySQL, MariaDB) an intent
//! is recorded before and the result after it: a run that died in between is recognised by its intent, and only
//! then an object that already exists, or is already gone, counts as done.

use std::time::{Duration, Instant};

use migration::Migration;
use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::timeout;

use super::lock_wait::{FIRST_PAUSE, LockWait};
use super::revert::to_revert;
use super::status::{check_preconditions, statuses};
use super::{
    CLOSE_TIMEOUT, Direction, Failure, History, Job, Lock, Plan, Progress, Record, Run, RunState, Step, begin,
    begin_within, blocked, checksum_of, failed, history,
};
use crate::db::Database;
use crate::db::ddl::{LOCK_TIMEOUT, broken_references};
use crate::db::fault::{Fault, classify};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::error::{CommandLine, Error, Hint, Result};

/// Runs steps under the lock.
pub struct Runner<'a> {
    /// For changes of the schema; what reads beside its transactions is the database of the job.
    pub(super) database: Database,
    pub(super) job: Job<'a>,
    pub(super) lock: &'a Lock,
    pub(super) history: History,
    /// The remaining time to wait for locks.
    pub(super) lock_wait: LockWait,
    /// The migrations of a COMMIT whose outcome is unknown.
    pub(super) in_doubt: Vec<&'static str>,
    /// Whether a removal was committed and its outcome is unknown.
    pub(super) is_removal_in_doubt: bool,
    /// The direction of the rejected migration.
    pub(super) refused: Option<Direction>,
    /// Whether the history was looked at since it was read: `up` is refused for some states.
    is_checked: bool,
}

/// Which migration the next step runs.
#[derive(Clone, Copy)]
pub enum Selection<'m> {
    /// The oldest of these that is pending.
    OldestPending(&'m [Migration]),
    /// The one that was applied last, unless the plan ends there.
    NewestApplied,
}

/// One way of one migration.
pub(super) struct Task {
    migration: Migration,
    direction: Direction,
    statements: Vec<String>,
    /// The migration's record before this run.
    known: Option<Record>,
    run: Run,
}

impl Task {
    pub(super) fn name(&self) -> &'static str {
        self.migration.name
    }

    /// Whether an earlier runner died over it, so that it may be done already.
    fn was_interrupted(&self) -> bool {
        self.known.as_ref().is_some_and(Record::is_interrupted)
    }

    fn finish(&mut self, duration: Duration) {
        self.run.state = RunState::Done;
        self.run.duration_milliseconds = Some(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    }
}

impl<'a> Runner<'a> {
    /// Reads what is applied: under the lock, because its previous holder may have changed it.
    pub async fn new(job: Job<'a>, lock: &'a Lock) -> Result<Self> {
        let lock_wait = job.plan.lock_wait;
        let database = job.database.for_schema_changes(lock_wait).await?;
        let mut history = History::default();
        if lock.spans_steps() {
            history = history::read(database.connection()).await?;
        }
        Ok(Runner {
            database,
            job,
            lock,
            history,
            lock_wait: LockWait::new(lock_wait),
            in_doubt: Vec::new(),
            is_removal_in_doubt: false,
            refused: None,
            is_checked: false,
        })
    }

    /// Closes the connection that [`Runner::new`] made for itself.
    pub async fn close(self) {
        if !self.lock.spans_steps() {
            self.database.close().await;
        }
    }

    /// Runs the next task, if there is one; again and again while others hold its tables, until the
    /// time for waiting is over.
    pub async fn step(&mut self, selection: Selection<'_>) -> Result<Option<Step>> {
        self.lock_wait.reset_pause();
        loop {
            self.job.plan.stop.check()?;
            let handle = self.begin().await?;
            let mut task = match self.choose(selection) {
                Ok(Some(task)) => task,
                other => {
                    // The decision is reported whether or not the rollback succeeds.
                    let _ = timeout(CLOSE_TIMEOUT, handle.rollback()).await;
                    return other.map(|_| None);
                }
            };
            let begun = Instant::now();
            self.in_doubt.clear();
            let (error, statement) = match self.carry_out(handle, &mut task).await {
                Ok(step) => return Ok(Some(step)),
                Err(Failure::Runner(error)) => return Err(error),
                Err(Failure::Database { error, statement }) => (error, statement),
            };
            self.settle(&mut task, error, statement, begun).await?;
        }
    }

    /// Records what the database refused, or waits for those who hold the tables: then it is tried again.
    pub(super) async fn settle(
        &mut self,
        task: &mut Task,
        error: DbErr,
        statement: Option<String>,
        begun: Instant,
    ) -> Result<()> {
        let fault = classify(&error);
        if !fault.leaves_in_doubt() {
            // A rejected statement had no effect.
            self.in_doubt.clear();
        }
        let is_asked_to_stop = self.job.plan.stop.check();
        if fault != Fault::Transient || is_asked_to_stop.is_err() {
            self.record_failure(task, &error, statement).await;
            is_asked_to_stop?;
            self.refused = Some(task.direction);
            let failed = failed(&task.run, &error);
            return Err(if self.in_doubt.is_empty() { failed } else { failed.outcome_unknown() });
        }
        let held_up = (task.migration.name, statement.as_deref().unwrap_or_default());
        match self.lock_wait.wait(&self.database, held_up, begun, self.job.progress).await? {
            Some(by) => {
                self.record_failure(task, &error, statement).await;
                Err(blocked(&format!("migration {}", task.run.name), &by))
            }
            None => Ok(()),
        }
    }

    pub(super) fn choose(&mut self, selection: Selection<'_>) -> Result<Option<Task>> {
        match selection {
            Selection::OldestPending(migrations) => {
                self.check_preconditions()?;
                let pending = migrations.iter().find(|migration| !self.history.is_applied(migration.name));
                Ok(pending.map(|migration| self.task(migration, Direction::Up)))
            }
            Selection::NewestApplied => {
                let newest = to_revert(&self.history, self.job.plan, 1)?;
                Ok(newest.first().map(|migration| self.task(migration, Direction::Down)))
            }
        }
    }

    /// Reports notable states of the history once, and refuses those that must not continue.
    fn check_preconditions(&mut self) -> Result<()> {
        if self.is_checked {
            return Ok(());
        }
        let statuses = statuses(self.database.engine(), &self.job.plan.catalog, &self.history)?;
        for notice in check_preconditions(&statuses, self.job.plan.allow_late)? {
            (self.job.progress)(Progress::Notice(&notice));
        }
        self.is_checked = true;
        Ok(())
    }

    fn task(&self, migration: &Migration, direction: Direction) -> Task {
        let backend = self.database.engine().backend;
        let statements = match direction {
            Direction::Up => (migration.up)(backend),
            _ => (migration.down)(backend),
        };
        let engine = self.database.engine();
        let run = Run {
            state: RunState::Running,
            checksum: (direction == Direction::Up).then(|| checksum_of(engine, migration)),
            statements_total: i64::try_from(statements.len()).unwrap_or(i64::MAX),
            ..new_run(self.job.plan, engine, &self.history, migration.name, direction)
        };
        let known = self.history.find(migration.name).cloned();
        Task { migration: *migration, direction, statements, known, run }
    }

    /// Runs a task and records it. A failure leaves nothing, or on MySQL and MariaDB an intent.
    async fn carry_out(&mut self, handle: WriteHandle, task: &mut Task) -> Result<Step, Failure> {
        let started = Instant::now();
        let name = task.migration.name;
        if self.database.engine().has_transactional_ddl {
            let changed = self.change(&handle, task).await;
            // A failure before COMMIT leaves no changes.
            self.in_doubt.extend(changed.is_ok().then_some(name));
            let finished = finish_transaction(handle, changed).await;
            self.known_outcome(finished, task.direction).await?;
        } else {
            self.in_doubt.push(name);
            let changed = self.intend_and_change(&handle, task).await;
            finish_transaction(handle, changed).await?;
            task.finish(started.elapsed());
            self.record_afterwards(task).await?;
        }
        self.in_doubt.clear();
        Ok(self.done(task))
    }

    /// Runs a task and records it, both in this transaction.
    pub(super) async fn change(&self, handle: &WriteHandle, task: &mut Task) -> Result<(), Failure> {
        let started = Instant::now();
        self.execute(handle, task).await?;
        task.finish(started.elapsed());
        self.record_success(handle, task).await
    }

    pub(super) fn done(&mut self, task: &Task) -> Step {
        self.history.record(&task.run, self.job.plan.clock.now());
        let duration = Duration::from_millis(task.run.duration_milliseconds.unwrap_or_default().unsigned_abs());
        Step { name: task.run.name.clone(), direction: task.direction, duration }
    }

    /// Without transactional DDL: the DDL also commits the intent before it.
    async fn intend_and_change(&self, handle: &WriteHandle, task: &mut Task) -> Result<(), Failure> {
        self.lock.renew(handle).await?;
        history::mark_interrupted(handle, &task.run.name).await?;
        // A try before this one may have left it there.
        history::replace_log(handle, &task.run).await?;
        // How the database says that an earlier run did it before it died.
        let done = match task.direction {
            Direction::Up => Fault::AlreadyExists,
            _ => Fault::NoSchema,
        };
        match self.execute(handle, task).await {
            Err(Failure::Database { error, .. }) if task.was_interrupted() && classify(&error) == done => {
                handle.clear_fault();
                Ok(())
            }
            other => other,
        }
    }

    /// Records a completed migration with retries; if that fails, the intent remains for the next `up`.
    async fn record_afterwards(&self, task: &Task) -> Result<(), Failure> {
        let until = Instant::now() + self.lock_wait.left;
        loop {
            let recorded = match begin(&self.database, self.lock_wait.left).await {
                Ok(handle) => {
                    let recorded = self.record_success(&handle, task).await;
                    finish_transaction(handle, recorded).await
                }
                Err(failure) => Err(failure.into()),
            };
            match recorded {
                Err(Failure::Database { error, .. })
                    if classify(&error) == Fault::Transient && Instant::now() < until =>
                {
                    self.database.budget().pause(FIRST_PAUSE.mul_f64(rand::random())).await;
                }
                Err(Failure::Database { error, .. }) => {
                    let how = if task.direction == Direction::Up { "--applied" } else { "--reverted" };
                    let resolve = CommandLine::new("migrate resolve").argument(&task.run.name).flag(how);
                    let hint = Hint::from("the migration itself is done; to record it: ").and(resolve);
                    let is_unknown = classify(&error).leaves_in_doubt();
                    let error = Error::from(error).hint(hint);
                    let error = if is_unknown { error.outcome_unknown() } else { error };
                    return Err(Failure::Runner(error));
                }
                other => return other,
            }
        }
    }

    /// One statement a message, so that the one that fails is known.
    async fn execute(&self, handle: &WriteHandle, task: &mut Task) -> Result<(), Failure> {
        for statement in &task.statements {
            self.run_statement(handle, statement).await?;
            task.run.statements_done += 1;
        }
        let broken = broken_references(handle).await?;
        if broken.is_empty() {
            return Ok(());
        }
        Err(Failure::from(DbErr::Custom(broken.join("; "))))
    }

    /// A change of the schema, which takes as long as it needs.
    pub(super) async fn run_statement(&self, handle: &WriteHandle, statement: &str) -> Result<(), Failure> {
        let sql = format!("{}{statement}", self.lock.tag());
        match handle.execute_unprepared(&sql).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::Database { error, statement: Some(statement.to_owned()) }),
        }
    }

    /// Both tables' rows for what was done.
    async fn record_success(&self, handle: &WriteHandle, task: &Task) -> Result<(), Failure> {
        history::replace_log(handle, &task.run).await?;
        // A run that died while it reverted has left it there.
        let is_listed = task.known.as_ref().is_some_and(Record::is_listed);
        if task.direction == Direction::Down || is_listed {
            history::set_reverted(handle, &task.run.name).await?;
        }
        if task.direction == Direction::Up {
            history::set_applied(handle, &task.run.name, self.job.plan.clock.now()).await?;
            // What another program keeps in the same table does not count.
            if self.history.applied().into_iter().all(Record::is_foreign) {
                for (name, value) in &self.job.plan.settings {
                    history::set_setting_if_absent(handle, name, value).await?;
                }
            }
        }
        Ok(self.lock.renew(handle).await?)
    }

    /// Begins a step's transaction; what another tool applied meanwhile gets its place in the order
    /// of application first.
    pub(super) async fn begin(&mut self) -> Result<WriteHandle> {
        loop {
            let handle = self.begin_step().await?;
            let is_known = |record: &&Record| self.job.plan.catalog.find(&record.name).is_some();
            let foreign = self.history.applied().into_iter().filter(|record| record.is_foreign()).filter(is_known);
            let foreign: Vec<String> = foreign.map(|record| record.name.clone()).collect();
            if foreign.is_empty() {
                return Ok(handle);
            }
            for name in &foreign {
                let run = new_run(self.job.plan, self.database.engine(), &self.history, name, Direction::Adopt);
                history::log(&handle, &run).await?;
                self.history.record(&run, run.started_at);
            }
            self.lock.renew(&handle).await?;
            handle
                .commit_or_unknown(Hint::from("to see the state of each: ").and(CommandLine::new("migrate status")))
                .await?;
        }
    }

    /// On SQLite another process may hold the file for longer than the driver waits; and because
    /// others may have run steps since the last one, what is applied is read again there, within
    /// the transaction.
    pub(super) async fn begin_step(&mut self) -> Result<WriteHandle> {
        let handle = begin_within(&self.database, self.lock_wait.left).await?;
        if !self.lock.spans_steps() {
            self.history = history::read(&handle).await?;
        }
        Ok(handle)
    }

    /// Best effort: the failure itself is what is reported. A migration that could not be reverted
    /// is still applied; and what an earlier runner meant to do before it died stays open, because a
    /// failure after it does not tell whether that is done.
    async fn record_failure(&self, task: &mut Task, error: &DbErr, statement: Option<String>) {
        let is_unknown = classify(error).leaves_in_doubt();
        if is_unknown && !self.database.engine().has_transactional_ddl {
            // It may have been applied: the intent records that.
            return;
        }
        if !task.was_interrupted() {
            task.run.state = RunState::Failed;
        }
        task.run.error = Some(Error::from(error.clone()).message().to_owned());
        task.run.statement = statement;
        let record = async {
            let handle = begin(&self.database, LOCK_TIMEOUT).await?;
            // Another runner that took the lock may have applied it meanwhile.
            self.lock.renew(&handle).await?;
            history::replace_log(&handle, &task.run).await?;
            handle.commit().await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = record.await {
            tracing::debug!("the failure could not be recorded: {error}");
        }
    }
}

/// A run of a migration that ran nothing: what is said about it, in its place.
pub fn new_run(plan: &Plan, engine: Engine, history: &History, name: &str, direction: Direction) -> Run {
    Run {
        sequence: history.next_sequence(),
        name: name.to_owned(),
        direction,
        state: RunState::Done,
        checksum: plan.catalog.find(name).map(|migration| checksum_of(engine, migration)),
        statements_done: 0,
        statements_total: 0,
        statement: None,
        error: None,
        runner: plan.runner.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: plan.clock.now(),
        duration_milliseconds: None,
    }
}

/// Commits what went well and rolls back what did not: the first error is the one reported,
/// whatever the rollback says.
pub async fn finish_transaction(handle: WriteHandle, result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(handle.commit().await?),
        Err(failure) => {
            let _ = timeout(CLOSE_TIMEOUT, handle.rollback()).await;
            Err(failure)
        }
    }
}
