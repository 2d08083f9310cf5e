//! Before anything is dropped: its rows are counted, and a database file is copied.
//!
//! Tables that others hold are waited for as migrations wait for them.
//!
//! The copy is made while the transaction that drops holds the write lock: what others committed before is in it, and
//! nobody commits anything between it and the drops.

use std::time::{Duration, Instant};

use migration::HISTORY_TABLES;
use tokio::time::timeout;

use super::{
    CLOSE_TIMEOUT, Failure, Job, LockWait, Progress, RunKind, Runner, begin, blocked, finish_transaction,
    retry_while_busy,
};
use crate::db::fault::classify;
use crate::db::schema::{RowCount, row_counts, row_counts_of_present, tables};
use crate::db::write::WriteHandle;
use crate::db::{Database, FileCopy};
use crate::domain::text::counted;
use crate::error::{Cause, Result, printable};

/// The data loss that the user confirmed.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The run that was asked about.
    pub kind: RunKind,
    /// The rows of the tables that go.
    pub dropped: Vec<RowCount>,
    /// Whether something goes that no migration made.
    pub has_others: bool,
    /// Whether a database file is copied first.
    pub is_backed_up: bool,
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
        if !asked.is_backed_up || !asked.has_others && counts.iter().all(|(_, count, _)| *count == 0) {
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

/// Rows are counted up to here: a question must not take minutes.
pub(super) const COUNT_LIMIT: u64 = 100_000;

/// Counts the rows of all tables but the history's, each up to a limit, for the command of this name.
///
/// Errors: exit 5 naming who holds the tables, if it takes longer than `lock_wait`.
pub async fn count_rows(job: Job<'_>, command: &str, limit: u64) -> Result<Vec<RowCount>> {
    let database = job.database;
    let (connection, engine) = (database.connection(), database.engine());
    if engine.has_one_writer {
        let count = async || {
            let tables = tables(connection, engine, &HISTORY_TABLES).await?;
            row_counts_of_present(connection, engine, &tables, limit).await
        };
        return retry_while_busy(database, count).await;
    }
    // A connection of its own where the server keeps the limit of one wait for all that follow.
    let keeps_limits = !engine.has_transactional_ddl;
    let own = if keeps_limits { database.reconnect().await? } else { database.clone() };
    let mut waiting = LockWait::new(job.plan.lock_wait);
    loop {
        let began = Instant::now();
        let tables = tables(connection, engine, &HISTORY_TABLES).await?;
        let error = match count(&own, &tables, waiting.left, limit).await {
            Ok(counts) => {
                if keeps_limits {
                    own.close().await;
                }
                return Ok(counts);
            }
            Err(error) => error,
        };
        // A table may have been removed since its name was read.
        if !error.is(Cause::Busy) && !error.is(Cause::NoSchema) {
            return Err(error);
        }
        if let Some(by) = waiting.wait(database, (command, &tables.join(" ")), began, job.progress).await? {
            return Err(if error.is(Cause::Busy) { blocked(command, &by) } else { error });
        }
    }
}

async fn count(own: &Database, tables: &[String], wait: Duration, limit: u64) -> Result<Vec<RowCount>> {
    let handle = begin(own, wait).await?;
    let counts = row_counts(&handle, own.engine(), tables, limit).await;
    // The counts are known whether or not the rollback succeeds.
    let _ = timeout(CLOSE_TIMEOUT, handle.rollback()).await;
    counts
}
