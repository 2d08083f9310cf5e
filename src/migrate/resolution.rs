//! Sets the status of a migration without running it: the remedy if database and history disagree, and
//! the way to adopt a shop that another program created.

use super::removal::undo_announced;
use super::{Catalog, Direction, Job, Lock, begin_within, history, new_run};
use crate::error::{CommandLine, Error, Hint, Result};

/// A manual resolution of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The schema has it, just as this program's form of it makes it.
    Applied,
    /// The schema does not contain it.
    Reverted,
}

/// Records the user's statement about a migration. Returns whether it changed anything.
///
/// Errors: exit 3 for a migration that neither the program nor the history has; exit 5 when another
/// runner held the lock for too long.
pub async fn resolve(job: Job<'_>, name: &str, resolution: Resolution) -> Result<bool> {
    let direction = match resolution {
        Resolution::Applied => Direction::ResolveApplied,
        Resolution::Reverted => Direction::ResolveReverted,
    };
    if resolution == Resolution::Applied {
        job.plan.catalog.position(name)?;
    }
    Ok(!record_runs(job, &[name], direction).await?.is_empty())
}

/// Records everything up to a migration as applied, because the schema already exists and the caller has
/// compared it. Returns the names that were not recorded as applied before.
///
/// Errors: as [`resolve`].
pub async fn baseline(job: Job<'_>, to: &str) -> Result<Vec<String>> {
    let last = job.plan.catalog.position(to)?;
    let names: Vec<&str> = job.plan.catalog.names().take(last + 1).collect();
    record_runs(job, &names, Direction::Baseline).await
}

async fn record_runs(job: Job<'_>, names: &[&str], direction: Direction) -> Result<Vec<String>> {
    let lock = Lock::acquire(job).await?;
    let noted = match undo_announced(job, &lock).await {
        Ok(()) => record_locked(job, names, direction, &lock).await,
        Err(error) => Err(error),
    };
    lock.finish(noted).await
}

async fn record_locked(job: Job<'_>, names: &[&str], direction: Direction, lock: &Lock) -> Result<Vec<String>> {
    let Job { database, plan, .. } = job;
    let connected = database.for_schema_changes(plan.lock_wait).await?;
    let handle = begin_within(&connected, plan.lock_wait).await?;
    let mut history = history::read(&handle).await?;
    let mut recorded = Vec::new();
    for name in names {
        let known = history.find(name);
        if known.is_none() && plan.catalog.find(name).is_none() {
            return Err(unknown(&plan.catalog, name));
        }
        let is_listed = known.is_some_and(history::Record::is_listed);
        let says_applied = direction != Direction::ResolveReverted;
        let run = new_run(plan, database.engine(), &history, name, direction);
        let newest = known.and_then(|record| record.newest.as_ref());
        let is_settled = newest.is_none_or(|newest| newest.state == history::RunState::Done);
        let is_same = match says_applied {
            // Its form of today is what is said to be applied.
            true => known.and_then(|record| record.applied.as_ref()).is_some_and(|old| old.checksum == run.checksum),
            false => true,
        };
        if is_listed == says_applied && is_settled && is_same {
            continue;
        }
        history::mark_interrupted(&handle, name).await?;
        history::log(&handle, &run).await?;
        history::set_reverted(&handle, name).await?;
        if says_applied {
            history::set_applied(&handle, name, run.started_at).await?;
        }
        history.record(&run, run.started_at);
        recorded.push((*name).to_owned());
    }
    lock.renew(&handle).await?;
    handle.commit_or_unknown(Hint::from("to see the state of each: ").and(CommandLine::new("migrate status"))).await?;
    Ok(recorded)
}

fn unknown(catalog: &Catalog, name: &str) -> Error {
    match catalog.position(name) {
        Err(error) => error,
        Ok(_) => Error::not_found("migration", name),
    }
}
