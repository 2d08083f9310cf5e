//! Settles the outcome of a lost COMMIT with a tombstone.
//!
//! A failed event with the operation's own (operation_id, sequence 0) is inserted over a new
//! connection. If it goes in, the operation did not happen and can no longer happen: its own first
//! event would violate the unique constraint. If it conflicts, the operation happened. While the
//! lost transaction is still open on the server the insert waits for it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::db::Database;
use crate::domain::Outcome;
use crate::entity::audit_event;
use crate::error::{CommandLine, Error, Hint, Result};
use crate::repository;

/// Pause between two attempts to reach the database.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The outcome of an operation whose COMMIT was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    Applied,
    NotApplied,
    /// No answer in time.
    Unknown,
}

/// The final outcome of an operation.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub is_applied: bool,
    /// Whether this call decided it.
    pub is_new: bool,
}

/// Retries until the database answers or the reserved time of the COMMIT is over.
pub async fn settle_commit(database: &Database, tombstone: audit_event::Model) -> CommitOutcome {
    let limit = database.budget().settle_limit();
    let asking = async {
        loop {
            match write_on_new_connection(database, &tombstone).await {
                Ok(Settlement { is_applied: true, .. }) => return CommitOutcome::Applied,
                Ok(_) => return CommitOutcome::NotApplied,
                Err(error) => tracing::debug!("the outcome is not yet known: {error}"),
            }
            sleep(PAUSE).await;
        }
    };
    timeout(limit, asking).await.unwrap_or(CommitOutcome::Unknown)
}

async fn write_on_new_connection(database: &Database, tombstone: &audit_event::Model) -> Result<Settlement> {
    write_tombstone(&database.reconnect().await?, tombstone, false).await
}

/// Tries once, on this connection.
pub async fn write_tombstone(database: &Database, tombstone: &audit_event::Model, dry_run: bool) -> Result<Settlement> {
    let handle = database.begin().await?;
    let inserted = repository::audit_event::create_many(&handle, [tombstone.clone()]).await;
    let fault = handle.first_fault();
    match (inserted, fault) {
        (Ok(()), None) => {
            match dry_run {
                true => handle.rollback().await?,
                false => handle.commit_or_unknown(Hint::from("to settle it: ").and(CommandLine::again())).await?,
            }
            Ok(Settlement { is_applied: false, is_new: true })
        }
        (_, Some(fault)) if repository::audit_event::UNIQUE_SEQUENCE.is_violated_by(&fault) => {
            handle.rollback().await?;
            // It may be our own tombstone, whose COMMIT was lost as well.
            let first =
                repository::audit_event::find_first_of_operation(database.connection(), tombstone.operation_id).await?;
            let first = first.ok_or_else(|| Error::internal("the conflicting event is gone"))?;
            Ok(Settlement { is_applied: first.outcome == Outcome::Succeeded, is_new: false })
        }
        (Err(error), _) => Err(error),
        (Ok(()), Some(_)) => Err(Error::internal("the tombstone was not written")),
    }
}
