//! All that a run works with, from its start to its end.

use super::{Plan, Progress};
use crate::db::Database;

/// What to do, in which database, and who hears of the progress.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The database, open for writing.
    pub database: &'a Database,
    /// What is to be done there.
    pub plan: &'a Plan,
    /// Receives the progress.
    pub progress: &'a dyn Fn(Progress<'_>),
}

impl<'a> Job<'a> {
    /// A job that does not report its progress.
    pub fn silent(database: &'a Database, plan: &'a Plan) -> Job<'a> {
        Job { database, plan, progress: &|_| {} }
    }
}
