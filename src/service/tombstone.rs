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
use crate::error::{Error, Result};
use crate::repository;

/// Pause between two attempts to reach the database.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The outcome of an operation whose COMMIT was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Happened,
    DidNotHappen,
    /// No answer in time.
    Unknown,
}

/// The final outcome of an operation.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub is_applied: bool,
    /// Whether this call decided it.
    pub is_new: bool,
}

/// Retries until the database answers or the reserved time of the COMMIT is over.
pub async fn find_out(database: &Database, tombstone: audit_event::Model) -> Settled {
    let limit = database.budget().settle_limit();
    let asking = async {
        loop {
            match ask_anew(database, &tombstone).await {
                Ok(Verdict { is_applied: true, .. }) => return Settled::Happened,
                Ok(_) => return Settled::DidNotHappen,
                Err(error) => tracing::debug!("the outcome is not known yet: {error}"),
            }
            sleep(PAUSE).await;
        }
    };
    timeout(limit, asking).await.unwrap_or(Settled::Unknown)
}

async fn ask_anew(database: &Database, tombstone: &audit_event::Model) -> Result<Verdict> {
    ask(&database.reconnect().await?, tombstone, false).await
}

/// Tries once, on this connection.
pub async fn ask(database: &Database, tombstone: &audit_event::Model, dry_run: bool) -> Result<Verdict> {
    let handle = database.begin().await?;
    let inserted = repository::audit_event::create_many(&handle, [tombstone.clone()]).await;
    let fault = handle.first_fault();
    match (inserted, fault) {
        (Ok(()), None) => {
            match dry_run {
                true => handle.rollback().await?,
                false => handle.commit().await?,
            }
            Ok(Verdict { is_applied: false, is_new: true })
        }
        (_, Some(fault)) if repository::audit_event::UNIQUE_SEQUENCE.is_violated_by(&fault) => {
            handle.rollback().await?;
            // It may be our own tombstone, whose COMMIT was lost as well.
            let first = repository::audit_event::find_first_of(database.connection(), tombstone.operation_id).await?;
            let first = first.ok_or_else(|| Error::internal("the conflicting event is gone"))?;
            Ok(Verdict { is_applied: first.outcome == Outcome::Succeeded, is_new: false })
        }
        (Err(error), _) => Err(error),
        (Ok(()), Some(_)) => Err(Error::internal("the tombstone was not written")),
    }
}
