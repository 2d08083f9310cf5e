//! What a command did, which decides its last note and its exit code.

use crate::db::target::Target;
use crate::output::Output;

/// What a command that succeeded did to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Nothing: it only read, or everything was as wanted already.
    Unchanged,
    /// A check that is to print nothing says no.
    SaysNo,
    /// A dry run found something to change.
    WouldChange,
    /// It changed this database.
    Changed(Target),
}

impl Effect {
    /// The effect of a change of a database, or of its dry run.
    pub fn new(changed: bool, dry_run: bool, target: &Target) -> Effect {
        match (changed, dry_run) {
            (false, _) => Effect::Unchanged,
            (true, true) => Effect::WouldChange,
            (true, false) => Effect::Changed(target.clone()),
        }
    }

    /// Notes which database was changed. A command does so itself only if an error follows.
    pub fn note(&self, output: &Output) {
        if let Effect::Changed(target) = self {
            output.note(&format!("changed {target}"));
        }
    }
}

/// Commands that only read.
impl From<()> for Effect {
    fn from((): ()) -> Effect {
        Effect::Unchanged
    }
}
