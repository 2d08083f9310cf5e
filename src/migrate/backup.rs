//! The copy of a database file before anything in it is dropped.
//!
//! It is made while the transaction that drops holds the write lock: what others committed before is in it, and
//! nobody commits anything between it and the drops.

use migration::HISTORY_TABLES;

use super::row_counts::COUNT_LIMIT;
use super::{Failure, Job, Progress, RunKind, Runner, finish_transaction};
use crate::db::FileCopy;
use crate::db::fault::classify;
use crate::db::schema::{RowCount, row_counts, tables};
use crate::db::write::WriteHandle;
use crate::domain::text::counted;
use crate::error::{Result, printable};

/// The data loss that the user confirmed.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The run that was asked about.
    pub kind: RunKind,
    /// The rows of the tables that go.
    pub dropped: Vec<RowCount>,
    /// Whether something goes that no migration made.
    pub has_others: bool,
}

impl Asked {
    /// What there is more of now, as a sentence.
    fn growth(&self, counts: &[RowCount]) -> Option<String> {
        let before = |name: &str| self.dropped.iter().find(|(table, ..)| table == name).map(|(_, count, _)| *count);
        let grown = |(table, count, _): &&RowCount| match before(table) {
            Some(before) => *count > before,
            None => *count > 0 && self.kind == RunKind::Fresh,
        };
        let grown: Vec<String> = counts
            .iter()
            .filter(grown)
            .map(|(table, count, _)| format!("{} now {}", printable(table), counted(*count, "row")))
            .collect();
        (!grown.is_empty()).then(|| format!("another program added rows after they were counted: {}", grown.join(", ")))
    }
}

impl Runner<'_> {
    /// Copies a database file that has anything in it, if the user was asked, while `handle` keeps all others from
    /// writing; tells what there is more of than was asked about.
    pub(super) async fn back_up(&self, handle: &WriteHandle) -> Result<Option<FileCopy>> {
        let engine = self.database.engine();
        let Some(asked) = self.job.plan.asked.as_ref().filter(|_| engine.has_one_writer) else { return Ok(None) };
        let tables = tables(handle, engine, &HISTORY_TABLES).await?;
        let counts = row_counts(handle, engine, &tables, COUNT_LIMIT).await?;
        if let Some(growth) = asked.growth(&counts) {
            (self.job.progress)(Progress::Notice(&growth));
        }
        if !asked.has_others && counts.iter().all(|(_, count, _)| *count == 0) {
            return Ok(None);
        }
        self.job.database.back_up(&format!("before-{}", asked.kind), self.job.plan.clock.now()).await
    }
}

/// Ends a transaction that drops tables. What was not dropped needs no copy. A stop is deferred from COMMIT on, until
/// the caller has noted what was done.
pub(super) async fn finish_with_copy(
    handle: WriteHandle,
    dropped: Result<(), Failure>,
    copy: Option<FileCopy>,
    job: Job<'_>,
) -> Result<(), Failure> {
    let is_committed = dropped.is_ok();
    if is_committed {
        job.plan.stop.defer();
    }
    let Some(mut copy) = copy.filter(|_| is_committed) else { return finish_transaction(handle, dropped).await };
    // Whoever gives a COMMIT up while it is under way does not know whether it happened.
    copy.keep();
    let finished = finish_transaction(handle, dropped).await;
    match &finished {
        Err(Failure::Database { error, .. }) if !classify(error).leaves_in_doubt() => copy.discard(),
        _ => (job.progress)(Progress::Copied(copy.path())),
    }
    finished
}
