//! The migration runner: applies the history of the `migration` crate exactly once each, however
//! many runners start together, and says where a database stands without changing it.

mod adoption;
mod backup;
mod blocking_rows;
mod catalog;
pub(crate) mod draft;
pub(crate) mod entities;
mod failure;
pub mod finding;
pub mod history;
mod impact;
mod job;
pub(crate) mod lint;
mod lock;
pub mod lock_file;
mod lock_wait;
mod lost_commit;
mod referenced;
mod rehearsal;
mod removal;
mod resolution;
mod revert;
mod runner;
mod script;
mod status;
mod stop;
pub(crate) mod verify;

use std::path::Path;
use std::time::{Duration, Instant};

use migration::Migration;
use sea_orm::ConnectionTrait;

use crate::db::Database;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{Clock, named_enum};
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result};
pub use adoption::{
    ForeignShop, Misfit, broken_off, cuts, defaults, foreign_shop, foreign_shop_error, foreign_tables, misfits,
    numbered_by_type, numbers_as_ids, refuse_foreign_shop, remove_broken_off, set_id_form,
};
pub use backup::Asked;
use backup::finish_with_copy;
pub use blocking_rows::{BlockingRows, blocking_rows};
pub use catalog::Catalog;
use catalog::{checksum_of, statements};
use failure::{Failure, StoppedRun, blocked, failed};
pub use history::{Direction, History, Run, setting_row};
use history::{Record, RunState};
pub use impact::Impact;
pub use job::Job;
use lock::{Lock, LockError, begin, begin_within};
use lock_wait::LockWait;
pub use referenced::{foreign_objects, object_list};
pub use rehearsal::{RehearsedStatement, rehearse};
pub use removal::{Removal, refuse_removal};
pub use resolution::{Resolution, baseline, resolve};
use runner::{Runner, Selection, Task, finish_transaction, new_run};
pub use script::script;
pub use status::{MigrationStatus, State, explanation};
pub use stop::StopSignal;

/// Maximum time to close a connection that may be dead.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// The options of a run.
#[derive(Clone)]
pub struct Plan {
    /// The known migrations, of which the plan selects some.
    pub catalog: Catalog,
    /// Maximum number of migrations.
    pub steps: Option<u32>,
    /// Up: until this one is applied. Down: until this one is the newest.
    pub to: Option<String>,
    /// Whether a migration may be applied though a newer one is already.
    pub allow_late: bool,
    /// How long to wait for another runner, and for tables that others hold.
    pub lock_wait: Duration,
    /// How the run is asked to end early.
    pub stop: StopSignal,
    /// `user@host, process 123`: shown to those who wait.
    pub runner: String,
    /// Settings recorded with the first migration ([`ENVIRONMENT`], [`MADE_BY`]).
    pub settings: Vec<(&'static str, &'static str)>,
    /// The source of the times in the history.
    pub clock: Clock,
    /// What the user confirmed before tables are dropped; a database file is then copied first.
    pub asked: Option<Asked>,
}

named_enum! {
    /// The kind of run, by the command's name.
    pub enum RunKind {
        /// Apply what is pending, oldest first.
        Up = "up",
        /// Revert, in reverse order of application.
        Down = "down",
        /// Revert and apply again.
        Redo = "redo",
        /// Revert everything.
        Reset = "reset",
        /// Revert everything and apply it again.
        Refresh = "refresh",
        /// Drop everything, other programs' objects included, and apply all migrations.
        Fresh = "fresh",
    }
}

impl RunKind {
    /// How many migrations it reverts at most. Down to a migration without a number of steps: as
    /// many as it takes.
    fn downward(self, plan: &Plan) -> usize {
        match self {
            RunKind::Up | RunKind::Fresh => 0,
            RunKind::Down | RunKind::Redo => {
                plan.steps.map_or(if plan.to.is_some() { usize::MAX } else { 1 }, |steps| steps as usize)
            }
            RunKind::Reset | RunKind::Refresh => usize::MAX,
        }
    }
}

/// An executed migration.
#[derive(Debug, Clone)]
pub struct Step {
    /// The migration's name.
    pub name: String,
    /// Whether it was applied or reverted.
    pub direction: Direction,
    /// How long its statements took.
    pub duration: Duration,
}

/// Progress notifications for the caller.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another runner holds the lock.
    Waiting(&'a str),
    /// Others hold the tables that a migration needs; it is tried again.
    Blocked {
        /// The migration's name, or the command that waits.
        migration: &'a str,
        /// The sessions that hold the tables, as far as the server shows them.
        by: &'a [String],
    },
    /// A remark about the history that does not prevent `up`.
    Notice(&'a str),
    /// A database file was copied before something in it was dropped.
    Copied(&'a Path),
    /// A migration was executed.
    Done(&'a Step),
}

/// The state of every migration. Read-only: in a database without history all are pending.
///
/// Errors: exit 9 for a list of migrations that is not sound.
pub async fn status(connection: &impl ConnectionTrait, catalog: &Catalog) -> Result<Vec<MigrationStatus>> {
    status::statuses(Engine::of(connection), catalog, &history::read(connection).await?)
}

/// The states of all migrations for a database that does not exist yet.
pub fn all_pending(catalog: &Catalog) -> Result<Vec<MigrationStatus>> {
    catalog.check()?;
    Ok(catalog.names().map(MigrationStatus::pending).collect())
}

/// The migrations that a plan is about, applied or not.
///
/// Errors: exit 3 for an unknown `to`.
pub fn selected(plan: &Plan) -> Result<&[Migration]> {
    let all = plan.catalog.migrations();
    Ok(match plan.to.as_deref() {
        Some(to) => &all[..=plan.catalog.position(to)?],
        None => all,
    })
}

/// The migrations that `up` would apply, in order.
///
/// Errors: exit 9 as for `up`; exit 3 for an unknown `to`; exit 6 for a removal that has not ended.
pub async fn pending(connection: &impl ConnectionTrait, plan: &Plan) -> Result<Vec<Migration>> {
    refuse_removal(connection, Kind::Conflict).await?;
    let history = history::read(connection).await?;
    status::check_preconditions(&status::statuses(Engine::of(connection), &plan.catalog, &history)?, plan.allow_late)?;
    let open = selected(plan)?.iter().filter(|migration| !history.is_applied(migration.name));
    Ok(open.take(plan.steps.map_or(usize::MAX, |steps| steps as usize)).copied().collect())
}

/// The number of the next run in the history.
pub async fn next_sequence(connection: &impl ConnectionTrait) -> Result<i64> {
    Ok(history::read(connection).await?.next_sequence())
}

/// The migrations that a run reverts, newest first; rejections happen before the user is asked.
///
/// Errors: exit 6 for a way down that there is not, and for a removal that has not ended.
pub async fn reverted(connection: &impl ConnectionTrait, plan: &Plan, kind: RunKind) -> Result<Vec<Migration>> {
    refuse_removal(connection, Kind::Conflict).await?;
    if let Some(to) = &plan.to {
        plan.catalog.position(to)?;
    }
    revert::to_revert(&history::read(connection).await?, plan, kind.downward(plan))
}

/// The tables that reverting a migration drops.
pub fn tables_dropped(engine: Engine, migration: &Migration) -> Vec<String> {
    lint::tables_dropped(&(migration.down)(engine.backend))
}

/// The risks of what `up` would apply. The database is queried only if any migration is risky at all.
pub async fn risks(Job { database, plan, .. }: Job<'_>) -> Result<Vec<lint::Warning>> {
    let engine = database.engine();
    // Separately: together, tables created by one migration would be ignored in the next.
    let is_risky = |migration: &Migration| !lint::lint(engine, &[*migration]).is_empty();
    if !selected(plan)?.iter().any(is_risky) {
        return Ok(Vec::new());
    }
    Ok(lint::lint(engine, &pending(database.connection(), plan).await?))
}

/// Carries out a plan under the lock; returns the migrations that were run, in that order.
///
/// A runner that had to wait and finds nothing left is as successful as the one that did the work.
///
/// Errors: exit 1 for a migration that failed (it is recorded, the others stay as they are); exit 5
/// when another runner held the lock, or others the tables, for too long; exit 3 for an unknown
/// `to`; exit 9 for a history that must be settled first; exit 6 for a way down that there is not.
pub async fn run(job: Job<'_>, kind: RunKind) -> Result<Vec<Step>> {
    let plan = job.plan;
    plan.catalog.check()?;
    let selected = selected(plan)?;
    let lock = tokio::select! {
        lock = Lock::acquire(job) => lock?,
        () = plan.stop.requested() => return Err(stop::interrupted()),
    };
    let done = async { Ok(run_locked(Runner::new(job, &lock).await?, kind, selected).await?) };
    let done = done.await;
    lock.finish(done).await
}

async fn run_locked(runner: Runner<'_>, kind: RunKind, selected: &[Migration]) -> Result<Vec<Step>, StoppedRun> {
    let (job, lock) = (runner.job, runner.lock);
    let mut active = ActiveRun { runner, steps: Vec::new(), reapplied: None, is_emptied: false };
    let done = until_stopped(active.execute(kind, selected), job, lock).await;
    let ActiveRun { runner, steps, reapplied, is_emptied } = active;
    let done = done.err().map(|error| {
        let is_open = |name: &&str| !runner.history.is_applied(name) && !runner.in_doubt.contains(name);
        let open = match (kind, &reapplied) {
            (RunKind::Down | RunKind::Reset, _) => Vec::new(),
            (RunKind::Redo | RunKind::Refresh | RunKind::Fresh, None) => Vec::new(),
            (_, Some(reapplied)) => reapplied.iter().map(|migration| migration.name).filter(is_open).collect(),
            (_, None) => selected.iter().map(|migration| migration.name).filter(is_open).collect(),
        };
        let resume = resume_hint(kind, job.plan, &steps, reapplied.as_deref());
        let (in_doubt, refused) = (runner.in_doubt.clone(), runner.refused);
        let is_interrupted_removal = error.kind() == Kind::Interrupted && runner.is_removal_in_doubt;
        let error = if is_interrupted_removal { removal::unknown_extent(error) } else { error };
        StoppedRun { error, is_emptied, steps: steps.clone(), in_doubt, open, refused, resume }
    });
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, runner.close()).await;
    done.map_or(Ok(steps), Err)
}

/// The command that completes an interrupted run.
fn resume_hint(kind: RunKind, plan: &Plan, steps: &[Step], reapplied: Option<&[Migration]>) -> Hint {
    let done = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let again = match plan.steps.filter(|_| done > 0) {
        Some(limit) => CommandLine::again().option("--steps", &limit.saturating_sub(done).max(1).to_string()),
        None => CommandLine::again(),
    };
    let up_to = |newest: &str| CommandLine::like("migrate up").without("--steps").option("--to", newest);
    match (kind, reapplied, steps.first()) {
        (RunKind::Redo, Some(_), Some(newest)) => up_to(&newest.name).into(),
        // Reverted migrations are not part of a repeated run.
        (RunKind::Redo, None, Some(newest)) => again.and(", then ").and(up_to(&newest.name)),
        (RunKind::Refresh | RunKind::Fresh, Some(_), _) => CommandLine::like("migrate up").into(),
        _ => again.into(),
    }
}

/// A run until its end, or until it is asked to end. Where DDL commits by itself its statement is
/// ended on the server, and the run then ends by itself, knowing what is done.
async fn until_stopped(
    run: impl Future<Output = Result<()>>,
    Job { database, plan, .. }: Job<'_>,
    lock: &Lock,
) -> Result<()> {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        biased;
        done = &mut run => return done,
        () = plan.stop.requested() => {}
    }
    if database.engine().has_transactional_ddl {
        return Err(stop::interrupted());
    }
    tokio::select! {
        biased;
        done = &mut run => return done,
        () = lock.end_statement() => {}
    }
    run.await
}

/// [`RunKind::Up`].
pub async fn up(job: Job<'_>) -> Result<Vec<Step>> {
    run(job, RunKind::Up).await
}

/// Applies what is pending. Where nothing is, gives the objects that are missing all the same.
///
/// Errors: those of [`run`].
pub async fn up_completely(job: Job<'_>) -> Result<(Vec<Step>, Vec<String>)> {
    let (database, mut seen) = (job.database, None);
    loop {
        let steps = up(job).await?;
        if !steps.is_empty() || job.plan.to.is_some() || job.plan.steps.is_some() {
            return Ok((steps, Vec::new()));
        }
        let look = async || Ok((next_sequence(database.connection()).await?, entities::missing(database).await?));
        let (next, missing) = retry_while_busy(database, look).await?;
        // Objects that another runner has just removed are missing until it creates them again.
        if missing.is_empty() || seen.replace(next) == Some(next) {
            return Ok((steps, missing));
        }
    }
}

/// [`RunKind::Down`].
pub async fn down(job: Job<'_>) -> Result<Vec<Step>> {
    run(job, RunKind::Down).await
}

/// A run in progress.
struct ActiveRun<'a> {
    runner: Runner<'a>,
    steps: Vec<Step>,
    /// The migrations to apply again after reverting.
    reapplied: Option<Vec<Migration>>,
    /// Whether all objects were removed.
    is_emptied: bool,
}

impl ActiveRun<'_> {
    async fn execute(&mut self, kind: RunKind, selected: &[Migration]) -> Result<()> {
        let plan = self.runner.job.plan;
        let all = plan.catalog.migrations();
        let limit = plan.steps.map(|steps| steps as usize);
        let downward = kind.downward(plan);
        if kind != RunKind::Fresh {
            self.runner.undo_announced().await?;
        }
        match kind {
            RunKind::Up => self.run_steps(Selection::OldestPending(selected), limit.unwrap_or(usize::MAX)).await,
            RunKind::Down | RunKind::Reset => self.revert(downward).await,
            RunKind::Redo => {
                self.revert(downward).await?;
                let is_reverted = |migration: &&Migration| self.steps.iter().any(|step| step.name == migration.name);
                let reverted: Vec<Migration> = all.iter().filter(is_reverted).copied().collect();
                self.reapplied = Some(reverted.clone());
                self.run_steps(Selection::OldestPending(&reverted), usize::MAX).await
            }
            RunKind::Refresh => {
                self.revert(downward).await?;
                self.reapplied = Some(all.to_vec());
                self.run_steps(Selection::OldestPending(all), usize::MAX).await
            }
            RunKind::Fresh => {
                self.runner.remove_everything().await?;
                self.is_emptied = true;
                self.reapplied = Some(all.to_vec());
                self.runner.read_history().await?;
                plan.stop.resume();
                self.run_steps(Selection::OldestPending(all), usize::MAX).await
            }
        }
    }

    async fn revert(&mut self, limit: usize) -> Result<()> {
        if !self.runner.database.engine().has_one_writer {
            return self.run_steps(Selection::NewestApplied, limit).await;
        }
        for step in self.runner.revert_at_once(limit).await? {
            self.add(step);
        }
        self.runner.job.plan.stop.resume();
        Ok(())
    }

    fn add(&mut self, step: Step) {
        (self.runner.job.progress)(Progress::Done(&step));
        self.steps.push(step);
    }

    async fn run_steps(&mut self, selection: Selection<'_>, limit: usize) -> Result<()> {
        for _ in 0..limit {
            let Some(step) = self.runner.step(selection).await? else { break };
            self.add(step);
        }
        Ok(())
    }
}

/// The purpose of the database: `development`, `production` …
pub const ENVIRONMENT: &str = "environment";
/// The [`ENVIRONMENT`] in which seeds are applied, and things destroyed without typing a name: only
/// where something said so, never because of an address.
pub const DEVELOPMENT: &str = "development";
/// The command that created the database, if not `migrate up`.
pub const MADE_BY: &str = "made_by";

/// The database's setting of this name, if set.
pub async fn setting(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    history::setting(connection, name).await
}

/// Sets a setting of the database.
///
/// Errors: exit 4 when the database has no shop schema.
pub async fn set_setting(database: &Database, name: &str, value: &str) -> Result<()> {
    write_setting(database, async |handle| history::set_setting(handle, name, value).await).await
}

/// Removes a setting of the database, if set.
///
/// Errors: as [`set_setting`].
pub async fn remove_setting(database: &Database, name: &str) -> Result<()> {
    write_setting(database, async |handle| Ok(history::remove_setting(handle, name).await?)).await
}

/// Sets a setting of the database unless it is set; returns the resulting value.
///
/// Errors: as [`set_setting`].
pub async fn set_setting_if_absent(database: &Database, name: &str, value: &str) -> Result<String> {
    write_setting(database, async |handle| history::set_setting_if_absent(handle, name, value).await).await?;
    Ok(setting(database.connection(), name).await?.unwrap_or_else(|| value.to_owned()))
}

/// Writes settings, again where another process was in the way.
async fn write_setting(database: &Database, write: impl AsyncFn(&WriteHandle) -> Result<()>) -> Result<()> {
    let attempt = async || {
        let handle = begin(database, crate::db::ddl::LOCK_TIMEOUT).await?;
        match write(&handle).await {
            Ok(()) => {
                let again = Hint::from("to complete it, the same command again: ").and(CommandLine::again());
                handle.commit_or_unknown(again).await
            }
            Err(error) => handle.rollback().await.map_err(Error::from).and(Err(error)),
        }
    };
    retry_while_busy(database, attempt).await
}

/// Does something again where another process was in the way: also a look at many tables loses a deadlock
/// to a runner that removes them. For what leaves nothing behind when it fails.
///
/// Errors: those of the last attempt.
pub async fn retry_while_busy<T>(database: &Database, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.is(Cause::Busy) && database.budget().allows_another(began.elapsed()) => {
                database.budget().pause(CLOSE_TIMEOUT.mul_f64(rand::random())).await;
            }
            done => return done,
        }
    }
}
