//! The plan of a revert, determined before anything is reverted; and the revert of several migrations in one
//! transaction, where there is one writer: nobody writes between the copy of the database and the last drop, and a
//! failure reverts nothing.

use std::time::Instant;

use migration::Migration;

use super::{Direction, Failure, History, Plan, Record, Runner, Selection, Step, Task, finish_with_copy};
use crate::db::write::WriteHandle;
use crate::error::{CommandLine, Error, Hint, Result, printable};

/// The migrations to revert, newest first: in reverse order of application, until the plan's `to`, at most
/// `limit`. A migration left incomplete by a run counts as the newest.
///
/// Errors: exit 6 for a `to` that is not applied, and for what this program does not have.
pub fn to_revert(history: &History, plan: &Plan, limit: usize) -> Result<Vec<Migration>> {
    if let Some(to) = &plan.to
        && !history.is_applied(to)
    {
        return Err(Error::conflict(
            "migrate.not_applied",
            format!("{to} is not applied, so it cannot be reverted to"),
        )
        .hint(
            Hint::from("--steps N reverts the newest N; to see what is applied: ")
                .and(CommandLine::new("migrate status")),
        ));
    }
    let mut interrupted: Vec<&Record> = history.records.iter().filter(|record| record.is_interrupted()).collect();
    interrupted.sort_by_key(|record| record.sequence());
    let applied = history.applied().into_iter().filter(|record| !record.is_interrupted());
    // Migrations that another tool applied have no sequence yet: they come last.
    let (foreign, ours): (Vec<&Record>, Vec<&Record>) = applied.partition(|record| record.is_foreign());
    // What this program does not have and never ran is another's.
    let foreign = foreign.into_iter().filter(|record| plan.catalog.find(&record.name).is_some());
    let order: Vec<&Record> = ours.into_iter().chain(foreign).chain(interrupted).collect();
    let newest = order.into_iter().rev().take_while(|record| plan.to.as_ref() != Some(&record.name)).take(limit);
    newest.map(|record| find_migration(plan, record)).collect()
}

fn find_migration(plan: &Plan, record: &Record) -> Result<Migration> {
    plan.catalog.find(&record.name).copied().ok_or_else(|| {
        let name = printable(&record.name);
        Error::conflict(
            "migrate.missing",
            format!("{name} is applied, but this shopctl does not have it and cannot revert it"),
        )
        .hint(
            Hint::from("use the shopctl that applied it; if that no longer exists: ")
                .and(CommandLine::new("migrate resolve").argument(&name).flag("--reverted")),
        )
    })
}

impl Runner<'_> {
    /// Reverts the newest migrations, no more than `limit`; tries again while others hold the database, until the time
    /// for waiting is over.
    pub async fn revert_at_once(&mut self, limit: usize) -> Result<Vec<Step>> {
        self.lock_wait.reset_pause();
        loop {
            self.job.plan.stop.check()?;
            let handle = self.begin().await?;
            let begun = Instant::now();
            self.in_doubt.clear();
            self.job.plan.stop.resume();
            let mut task = None;
            match (self.try_revert(handle, limit, &mut task).await, &mut task) {
                (Ok(steps), _) => return Ok(steps),
                (Err(Failure::Runner(error)), _) => return Err(error),
                (Err(Failure::Database { error, .. }), None) => return Err(error.into()),
                (Err(Failure::Database { error, statement }), Some(task)) => {
                    self.settle(task, error, statement, begun).await?;
                }
            }
        }
    }

    /// `task` is the one that was run last.
    async fn try_revert(
        &mut self,
        handle: WriteHandle,
        limit: usize,
        task: &mut Option<Task>,
    ) -> Result<Vec<Step>, Failure> {
        let (mut steps, mut names, mut copy) = (Vec::new(), Vec::new(), None);
        let reverted = async {
            while steps.len() < limit {
                let Some(next) = self.choose(Selection::NewestApplied)? else { break };
                if steps.is_empty() {
                    copy = self.back_up(&handle).await?;
                }
                let next = task.insert(next);
                self.change(&handle, next).await?;
                names.push(next.name());
                steps.push(self.done(next));
            }
            Ok(())
        };
        let reverted = reverted.await;
        if reverted.is_ok() {
            self.in_doubt = names;
        }
        let finished = finish_with_copy(handle, reverted, copy, self.job).await;
        self.known_outcome(finished, Direction::Down).await?;
        self.in_doubt.clear();
        Ok(steps)
    }
}
