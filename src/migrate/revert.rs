//! The plan of a revert, determined before anything is reverted.

use migration::Migration;

use super::{History, Plan, Record};
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
