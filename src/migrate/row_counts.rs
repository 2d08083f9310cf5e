//! Counting rows before they are destroyed: tables that others hold are waited for as migrations wait for them.

use std::time::{Duration, Instant};

use migration::HISTORY_TABLES;
use tokio::time::timeout;

use super::{CLOSE_TIMEOUT, Job, LockWait, begin, blocked, retry_while_busy};
use crate::db::Database;
use crate::db::schema::{RowCount, row_counts, row_counts_of_present, tables};
use crate::error::{Cause, Result};

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
