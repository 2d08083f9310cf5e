//! The status of each migration: the program's list compared with the recorded history.

use chrono::{DateTime, Utc};
use migration::Migration;

use super::{Catalog, History, Record, checksum_of};
use crate::db::target::Engine;
use crate::domain::named_enum;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};

named_enum! {
    /// The state of a migration.
    pub enum State {
        Applied = "applied",
        Pending = "pending",
        /// Pending, though a newer one is applied: it came with a merge.
        Late = "late",
        /// Its last run failed; the next `up` tries again.
        Failed = "failed",
        /// Its last run died where DDL commits by itself; the next `up` completes it.
        Interrupted = "interrupted",
        /// Applied, but today it does something else.
        Edited = "edited",
        /// Pending, and does exactly what a missing one did.
        Renamed = "renamed",
        /// Applied, but not in this program.
        Missing = "missing",
    }
}

impl State {
    /// Whether it is not in the database at all.
    pub fn is_absent(self) -> bool {
        matches!(self, State::Pending | State::Late | State::Failed)
    }

    /// Whether the next `up` would run it.
    pub fn is_open(self) -> bool {
        matches!(self, State::Pending | State::Late | State::Failed | State::Interrupted)
    }
}

/// A migration and its state.
#[derive(Debug, Clone)]
pub struct MigrationStatus {
    /// The migration's name.
    pub name: String,
    /// Its state in this database.
    pub state: State,
    /// When it was applied, in whole seconds; `None` if it is not.
    pub applied_at: Option<DateTime<Utc>>,
    /// The runner that applied it; absent if another tool did.
    pub runner: Option<String>,
    /// Details of its state: the error, the other name.
    pub note: Option<String>,
    /// Its other name, where it is applied under one.
    applied_as: Option<String>,
    /// A run died while it reverted it.
    is_reverting: bool,
    /// Whether the history says anything about it.
    is_recorded: bool,
}

impl MigrationStatus {
    fn new(name: &str, state: State, record: Option<&Record>) -> MigrationStatus {
        let applied = record.filter(|record| record.is_applied);
        let run = record.and_then(|record| record.applied.as_ref().or(record.newest.as_ref()));
        let applied_at = applied.and_then(|record| record.applied_at);
        MigrationStatus {
            name: name.to_owned(),
            state,
            applied_at,
            runner: run.map(|run| run.runner.clone()),
            note: None,
            applied_as: None,
            is_reverting: record.is_some_and(Record::is_reverting),
            is_recorded: record.is_some(),
        }
    }

    /// A migration unknown to the database.
    pub fn pending(name: &str) -> MigrationStatus {
        MigrationStatus::new(name, State::Pending, None)
    }

    /// Whether this database has never seen it, under whatever name.
    pub fn is_unknown(&self) -> bool {
        self.state.is_absent() && !self.is_recorded
    }

    /// The remedy for a state that `up` alone does not repair.
    pub fn remedy(&self) -> Option<Hint> {
        let name = printable(&self.name);
        let resolve = |name: &str, how: &str| CommandLine::new("migrate resolve").argument(name).flag(how);
        let first = |words: &str| Hint::from(format!("{name}: {words}"));
        Some(match self.state {
            State::Applied | State::Pending => return None,
            State::Late => first("")
                .and(CommandLine::new("migrate up --allow-late"))
                .and(" applies it after the newer ones; or rename it so that it comes last"),
            State::Failed => first("fix the cause, then ").and(resolve(&name, "--retry")),
            State::Interrupted if self.is_reverting => first("")
                .and(CommandLine::new("migrate down"))
                .and(" reverts what is left of it, ")
                .and(CommandLine::new("migrate up"))
                .and(" applies it again"),
            State::Interrupted => first("").and(CommandLine::new("migrate up")).and(" completes it"),
            State::Edited => {
                first("undo the edit and write a new migration; if this database already has the new schema: ")
                    .and(resolve(&name, "--applied"))
                    .and("; if both texts make the same schema everywhere: ")
                    .and(CommandLine::new("migrate bless").argument(&name).option("--reason", "WHY"))
            }
            State::Renamed => {
                let old = printable(self.applied_as.as_deref().unwrap_or_default());
                first(&format!("rename it back to {old}; or: "))
                    .and(resolve(&old, "--reverted"))
                    .and(", then ")
                    .and(resolve(&name, "--applied"))
            }
            State::Missing => {
                first("use the shopctl that has it; if that no longer exists: ").and(resolve(&name, "--reverted"))
            }
        })
    }
}

/// The state of every migration, oldest first; those missing from the program come last.
///
/// Errors: exit 9 for a list that is not sound, exit 1 for a lock file that is not.
pub fn statuses(engine: Engine, catalog: &Catalog, history: &History) -> Result<Vec<MigrationStatus>> {
    catalog.check()?;
    // What no shopctl ever ran is another program's, which keeps its history in the same table.
    let missing = |record: &&Record| record.is_applied && !record.is_foreign() && catalog.find(&record.name).is_none();
    let missing: Vec<&Record> = history.records.iter().filter(missing).collect();
    let newest = catalog.names().filter(|name| history.is_applied(name)).last();
    let mut all = Vec::with_capacity(history.records.len());
    for migration in catalog.migrations() {
        let record = history.find(migration.name);
        let status = |state| MigrationStatus::new(migration.name, state, record);
        all.push(match record {
            Some(record) if record.is_applied => {
                status(if is_edited(engine, catalog, migration, record)? { State::Edited } else { State::Applied })
            }
            Some(record) if record.is_failed() => {
                let error = record.newest.as_ref().and_then(|run| run.error.clone());
                MigrationStatus { note: error, ..status(State::Failed) }
            }
            Some(record) if record.is_interrupted() => status(State::Interrupted),
            _ => match renamed_from(engine, migration, &missing) {
                Some(old) => {
                    let note = Some(format!("applied as {old}"));
                    MigrationStatus { note, applied_as: Some(old), ..status(State::Renamed) }
                }
                None if newest.is_some_and(|newest| newest > migration.name) => status(State::Late),
                None => status(State::Pending),
            },
        });
    }
    all.extend(missing.iter().map(|record| MigrationStatus::new(&record.name, State::Missing, Some(record))));
    Ok(all)
}

fn is_edited(engine: Engine, catalog: &Catalog, migration: &Migration, record: &Record) -> Result<bool> {
    // A migration applied by another tool has no recorded checksum.
    let recorded = record.applied.as_ref().and_then(|run| run.checksum.as_deref());
    recorded.map_or(Ok(false), |recorded| Ok(!catalog.accepts(engine, migration, recorded)?))
}

fn renamed_from(engine: Engine, migration: &Migration, missing: &[&Record]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let today = checksum_of(engine, migration);
    let checksum = |record: &Record| record.applied.as_ref().and_then(|run| run.checksum.clone());
    missing.iter().find(|record| checksum(record).as_ref() == Some(&today)).map(|record| record.name.clone())
}

/// Checks whether `up` may run; returns remarks for the user.
///
/// Errors: exit 9 for edited or renamed migrations; and, unless allowed, for late ones, or pending ones beside
/// missing ones, because that order was never tested.
pub fn check_preconditions(statuses: &[MigrationStatus], allow_late: bool) -> Result<Vec<String>> {
    let of = |state: State| -> Vec<&MigrationStatus> {
        statuses.iter().filter(|migration| migration.state == state).collect()
    };
    for (state, code) in [(State::Edited, "migrate.edited"), (State::Renamed, "migrate.renamed")] {
        if let [first, ..] = of(state).as_slice() {
            return Err(refusal(first, code));
        }
    }
    let is_open = statuses.iter().any(|migration| migration.state.is_open());
    let odd = [(State::Late, "migrate.late"), (State::Missing, "migrate.missing")];
    let mut notices = Vec::new();
    for (state, code) in odd {
        let these = of(state);
        let Some(first) = these.first() else { continue };
        if is_open && !allow_late {
            return Err(refusal(first, code).hint("--allow-late continues anyway"));
        }
        let names: Vec<String> = these.iter().map(|migration| printable(&migration.name)).collect();
        notices.push(format!("{}: {}", explanation(state), names.join(", ")));
    }
    Ok(notices)
}

fn refusal(migration: &MigrationStatus, code: &'static str) -> Error {
    let name = printable(&migration.name);
    let note = migration.note.as_deref().map(|note| format!(" ({})", printable(note))).unwrap_or_default();
    Error::new(Kind::CheckFailed, code, format!("migration {name}: {}{note}", explanation(migration.state)))
        .hints_of(migration.remedy())
}

/// A short description of a state.
pub fn explanation(state: State) -> &'static str {
    match state {
        State::Applied => "applied",
        State::Pending => "not applied yet",
        State::Late => "not applied yet, although newer ones are",
        State::Failed => "its last run failed",
        State::Interrupted => "its last run died halfway",
        State::Edited => "does not do the same as when it was applied",
        State::Renamed => "does the same as an applied one that this shopctl does not have",
        State::Missing => "applied, but this shopctl does not have it",
    }
}
