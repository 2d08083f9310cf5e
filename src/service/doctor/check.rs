//! One check of the doctor, and how it ended.

use crate::domain::named_enum;
use crate::error::{Error, Hint};

named_enum! {
    /// How a check ended.
    pub enum State {
        Ok = "ok",
        Warning = "warning",
        Failed = "failed",
        /// Could not be made, because an earlier one failed.
        Skipped = "skipped",
    }
}

/// One check and what it saw.
#[derive(Debug, Clone)]
pub struct Check {
    /// Stable, for programs.
    pub name: &'static str,
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// What to do, if there is something to do: a command where one does it.
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

    /// A check that the database refused to make.
    pub(super) fn refused(name: &'static str, error: &Error) -> Check {
        Check::new(name, State::Failed, error.message()).hint(Hint::joined(error.hints(), "; "))
    }
}
