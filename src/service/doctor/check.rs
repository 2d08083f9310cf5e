//! A check of the doctor and its result.

use crate::domain::named_enum;
use crate::error::{Error, Hint};

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
}

impl Check {
    pub(super) fn new(name: &'static str, state: State, detail: impl Into<String>) -> Check {
        Check { name, state, detail: detail.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<Hint>) -> Check {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
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
