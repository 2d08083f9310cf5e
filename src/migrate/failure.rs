//! Failures of the runner's steps, and their messages.

use sea_orm::DbErr;
use serde_json::json;

use super::{Direction, LockError, Run, Step};
use crate::db::BeginFailure;
use crate::db::fault::{Fault, classify};
use crate::error::{Cause, CommandLine, Error, Hint, Kind, printable};

/// Why a step ended early: what the database refused is recorded, what the runner refused is not.
pub enum Failure {
    Database { error: DbErr, statement: Option<String> },
    Runner(Error),
}

impl From<BeginFailure> for Failure {
    fn from(failure: BeginFailure) -> Self {
        Failure::Runner(failure.error)
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Failure::Database { error, statement: None }
    }
}

impl From<LockError> for Failure {
    fn from(failure: LockError) -> Self {
        match failure {
            LockError::Database(error) => Failure::from(error),
            lost => Failure::Runner(lost.into()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Runner(error)
    }
}

/// The error of a migration that the database rejected.
pub fn failed(run: &Run, error: &DbErr) -> Error {
    let direction = run.direction;
    let fault = classify(error);
    let kind = match fault {
        Fault::Permission | Fault::ReadOnly => Kind::Configuration,
        Fault::ConnectionLost
        | Fault::TimedOut
        | Fault::Full
        | Fault::Unreachable
        | Fault::ServerLimit
        | Fault::ConnectionLimit
        | Fault::ServerReadOnly => Kind::Unavailable,
        _ => Kind::Internal,
    };
    let place = match &run.statement {
        Some(_) => format!("{}, statement {} of {}", direction.as_str(), run.statements_done + 1, run.statements_total),
        None => direction.as_str().to_owned(),
    };
    let cause = Error::from(error.clone());
    let failed = Error::new(kind, "migrate.failed", format!("migration {} failed ({place}): {cause}", run.name))
        .details(json!({ "migration": run.name, "direction": direction.as_str(), "statement": run.statement }));
    match (direction, fault) {
        (Direction::Up, Fault::AlreadyExists) => failed.hint(
            Hint::from(
                "an object of that name exists that no migration created: rename or drop it; if it is exactly what the migration creates, adopt it: ",
            )
            .and(CommandLine::new("migrate baseline").option("--to", &run.name)),
        ),
        _ => failed,
    }
}

/// Other sessions hold the required tables.
pub fn blocked(what: &str, by: &[String]) -> Error {
    let by = match by {
        [] => "by unknown sessions".to_owned(),
        by => format!("by {}", by.join(", ")),
    };
    let message = format!("{what}: its tables are locked {by}");
    Error::from_cause(Cause::Blocked, message).hint("wait for them or end them on the server; --lock-wait waits longer")
}

/// A run that an error ended, and what it changed until then.
pub struct StoppedRun {
    pub error: Error,
    /// Whether everything was dropped before these.
    pub is_emptied: bool,
    pub steps: Vec<Step>,
    /// The migrations whose outcome is unknown.
    pub in_doubt: Vec<&'static str>,
    /// The migrations that were selected but not applied.
    pub open: Vec<&'static str>,
    /// The direction of the rejected migration.
    pub refused: Option<Direction>,
    /// The hint to complete it.
    pub resume: Hint,
}

impl From<StoppedRun> for Error {
    /// The error, with what the run changed.
    fn from(run: StoppedRun) -> Error {
        let error = run.error;
        let then = |words: &str| Hint::from(words).and(run.resume.clone());
        let error = match run.refused {
            Some(Direction::Up) => error.hint(then("earlier migrations are kept; fix the cause, then ")),
            Some(_) => error.hint(then("it is still applied; fix the cause, then ")),
            None => error,
        };
        if !run.is_emptied && run.steps.is_empty() && run.in_doubt.is_empty() {
            return error;
        }
        let done = |is_wanted: fn(&Step) -> bool| -> Vec<&str> {
            run.steps.iter().filter(|step| is_wanted(step)).map(|step| step.name.as_str()).collect()
        };
        let parts = [
            ("reverted", done(|step| step.direction == Direction::Down)),
            ("applied", done(|step| step.direction != Direction::Down)),
            ("in doubt", run.in_doubt.clone()),
            ("not applied", run.open.clone()),
        ];
        let summary = parts.iter().filter(|(_, names)| !names.is_empty());
        let summary = summary.map(|(what, names)| format!("{what}: {} ({})", names.len(), from_to(names)));
        let emptied = run.is_emptied.then(|| "everything was dropped".to_owned());
        let summary: Vec<String> = emptied.into_iter().chain(summary).collect();
        let message = format!("{}; {}", error.message(), summary.join(", "));
        let is_cut = matches!(error.kind(), Kind::Unavailable | Kind::OutcomeUnknown | Kind::Interrupted)
            && !error.is(Cause::Blocked);
        let error = error.reworded(message);
        if is_cut {
            // Its own hints speak of one operation, of which nothing was kept.
            let is_downward = run.steps.iter().any(|step| step.direction == Direction::Down);
            return error.without_hints().hint(match is_downward || run.open.is_empty() {
                // How much is left to revert is not known.
                true if !run.in_doubt.is_empty() => {
                    Hint::from("to see the state of each: ").and(CommandLine::new("migrate status"))
                }
                true => CommandLine::new("migrate status")
                    .and(" shows the state of each, ")
                    .and(run.resume.clone())
                    .and(" does the rest"),
                false => run.resume.clone().and(" completes it"),
            });
        }
        error
    }
}

/// The single name, or the first and the last.
fn from_to(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => printable(only),
        [first, .., last] => format!("{} to {}", printable(first), printable(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Invocation;
    use crate::migrate::stop::interrupted;

    #[test]
    fn an_interrupt_right_after_everything_was_dropped_says_so() {
        let stopped = |is_emptied| StoppedRun {
            error: interrupted(),
            is_emptied,
            steps: Vec::new(),
            in_doubt: Vec::new(),
            open: vec!["m1", "m2", "m3"],
            refused: None,
            resume: CommandLine::new("migrate up").into(),
        };
        let error = Error::from(stopped(true));
        assert_eq!(error.message(), "interrupted; everything was dropped, not applied: 3 (m1 to m3)");
        assert_eq!(error.hint_lines(&Invocation::default()), ["shopctl migrate up completes it"]);
        assert_eq!(Error::from(stopped(false)).message(), "interrupted");
    }
}
