//! `audit settle`: what became of an operation whose outcome nobody was told.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::operation::{Operations, Request};
use super::tombstone::{PAUSE, Verdict, ask};
use crate::domain::EventName;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result};

/// Decides what became of any operation: one that is not there by now will never be.
///
/// Errors: exit 5 while its transaction is still open at the server; those of the database.
pub async fn decide(operations: &Operations, operation_id: Uuid) -> Result<Verdict> {
    let request = Request::new(EventName::AuditSettle);
    let tombstone = operations.failed_event(&request, operation_id, "it had not happened when it was settled");
    let database = &operations.database;
    let mut waited = Duration::ZERO;
    loop {
        let asked = Instant::now();
        let error = match ask(database, &tombstone, operations.dry_run).await {
            Ok(verdict) => return Ok(verdict),
            Err(error) => error,
        };
        waited += asked.elapsed();
        if error.is(Cause::Busy) && database.budget().allows_another(waited) {
            sleep(PAUSE).await;
        } else if error.is(Cause::Busy) || error.is(Cause::TimedOut) {
            return Err(undecided(operation_id, &error));
        } else {
            return Err(error);
        }
    }
}

fn undecided(operation_id: Uuid, error: &Error) -> Error {
    let message = format!(
        "it is still undecided whether operation {operation_id} was applied, its transaction may be open at the server: {error}"
    );
    Error::new(Kind::Unavailable, "operation.undecided", message)
        .hint(Hint::from("run it again: ").and(CommandLine::again()))
}
