//! The outcome of a lost COMMIT, found out with a tombstone.
//!
//! A failed event with the operation's own (operation_id, sequence 0) is inserted over a new
//! connection. If it goes in, the operation did not happen and can no longer happen: its own first
//! event would violate the unique constraint. If it conflicts, the operation happened. While the
//! lost transaction is still open on the server the insert waits for it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::db::Database;
use crate::entity::audit_event;
use crate::error::{Error, Result};
use crate::repository;

/// Between two attempts to reach the database.
const PAUSE: Duration = Duration::from_millis(200);

/// What is known about an operation whose COMMIT was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Happened,
    DidNotHappen,
    /// Nobody answered in time.
    Unknown,
}

/// Asks until somebody answers or what the COMMIT kept back of its time is over.
pub async fn settle(database: &Database, tombstone: audit_event::Model) -> Settled {
    let limit = database.budget().to_settle();
    let asking = async {
        loop {
            match ask(database, &tombstone).await {
                Ok(settled) => return settled,
                Err(error) => tracing::debug!("the outcome is not known yet: {error}"),
            }
            sleep(PAUSE).await;
        }
    };
    timeout(limit, asking).await.unwrap_or(Settled::Unknown)
}

async fn ask(database: &Database, tombstone: &audit_event::Model) -> Result<Settled> {
    let database = database.reconnect().await?;
    let handle = database.begin().await?;
    let inserted = repository::audit_event::create_many(&handle, [tombstone.clone()]).await;
    let fault = handle.first_fault();
    match (inserted, fault) {
        (Ok(()), None) => {
            handle.commit().await?;
            Ok(Settled::DidNotHappen)
        }
        (_, Some(fault)) if repository::audit_event::UNIQUE_SEQUENCE.is_violated_by(&fault) => {
            handle.rollback().await?;
            // Perhaps it is our own tombstone, whose COMMIT was lost in its turn.
            let first = repository::audit_event::find_first_of(database.connection(), tombstone.operation_id).await?;
            match first {
                Some(event) if event.outcome == "succeeded" => Ok(Settled::Happened),
                Some(_) => Ok(Settled::DidNotHappen),
                None => Err(Error::internal("the conflicting event is gone")),
            }
        }
        (Err(error), _) => Err(error),
        (Ok(()), Some(_)) => Err(Error::internal("the tombstone was not written")),
    }
}
