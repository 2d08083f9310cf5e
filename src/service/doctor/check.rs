//! A check of the doctor and its result.

use crate::domain::named_enum;
use crate::error::{CommandLine, Error, Hint};
use crate::repository::invariant::NAMED;

named_enum! {
    /// The status of a check.
    pub enum State {
        Ok = "ok",
        Warning = "warning",
        Failed = "failed",
        /// Skipped, because an earlier check failed.
        Skipped = "skipped",
    }
}

/// A check and its findings.
#[derive(Debug, Clone)]
pub struct Check {
    /// Stable name, for programs.
    pub name: &'static str,
    /// Whether the check passed.
    pub state: State,
    /// The finding.
    pub detail: String,
    /// The remedy, if any: a command where possible.
    pub hint: Option<Hint>,
    /// What it found, by name, where the finding names only the first.
    pub rows: Vec<String>,
}

impl Check {
    pub(super) fn new(name: &'static str, state: State, detail: impl Into<String>) -> Check {
        Check { name, state, detail: detail.into(), hint: None, rows: Vec::new() }
    }

    pub(super) fn hint(mut self, hint: impl Into<Hint>) -> Check {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }

    /// Keeps the names of all that was found if these are more than the finding names, and says how to list them.
    pub(super) fn listing(mut self, rows: Vec<String>) -> Check {
        if rows.len() > NAMED {
            let list = CommandLine::new("doctor --deep --json").option("--fields", "name,rows");
            let all = Hint::from("to list them all: ").and(list);
            let hints: Vec<Hint> = self.hint.take().into_iter().chain([all]).collect();
            (self.hint, self.rows) = (Some(Hint::joined(&hints, "; ")), rows);
        }
        self
    }

    pub(super) fn skipped(name: &'static str, why: &str) -> Check {
        Check::new(name, State::Skipped, why)
    }

    /// A check that failed with a database error.
    pub(super) fn refused(name: &'static str, error: &Error) -> Check {
        Check::new(name, State::Failed, error.message()).hint(Hint::joined(error.hints(), "; "))
    }
}
