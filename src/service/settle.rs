//! `audit settle`: determines the outcome of an operation whose COMMIT was not answered.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::operation::{Operations, Request};
use super::tombstone::{PAUSE, Settlement, write_tombstone};
use crate::domain::{EventName, Id};
use crate::entity::audit_event::Model;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::repository::{audit_event, order, product, stock_movement, user};

/// Settles the outcome of any operation: one that is not committed by now can no longer be.
///
/// Errors: exit 5 while its transaction is still open at the server; those of the database.
pub async fn settle(operations: &Operations, operation_id: Uuid) -> Result<Settlement> {
    let request = Request::new(EventName::AuditSettle);
    let tombstone = operations.failed_event(&request, operation_id, "it had not happened when it was settled");
    let database = &operations.database;
    let mut waited = Duration::ZERO;
    loop {
        let asked = Instant::now();
        let error = match write_tombstone(database, &tombstone, operations.dry_run).await {
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
        "it is not yet known whether operation {operation_id} was applied; its transaction may be open on the server: {error}"
    );
    Error::new(Kind::Unavailable, "operation.undecided", message)
        .hint(Hint::from("run it again: ").and(CommandLine::again()))
}

/// Rejects an id that is not an operation's: all ids look alike.
///
/// Errors: exit 7, naming the owner of the id and the probable operation; those of the database.
pub async fn refuse_other_ids(connection: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    let Some((owner, meant)) = owner(connection, id.into()).await? else { return Ok(()) };
    let message = format!("operation: {id} is the id of {owner}, not of an operation");
    let settle = |operation: Id| CommandLine::like("audit settle").argument(&operation.to_string());
    let meant = meant.map(|(words, operation)| Hint::from(words).and(settle(operation)));
    Err(Error::new(Kind::Invalid, "invalid", message).hints_of(meant))
}

/// The owner of an id that is not an operation's, with its operation.
async fn owner(connection: &impl ConnectionTrait, id: Id) -> Result<Option<(String, Option<(&'static str, Id)>)>> {
    let is_operation = async |id| Ok::<_, Error>(!audit_event::find_by_operation(connection, id, 1).await?.is_empty());
    if is_operation(id).await? {
        return Ok(None);
    }
    if let Some(event) = audit_event::find_by_id(connection, id).await? {
        return Ok(Some(("an event".to_owned(), Some(("of its operation: ", event.operation_id)))));
    }
    if let Some(event) = audit_event::find_first_about(connection, id).await? {
        return Ok(Some((subject(&event), Some(("of its first operation: ", event.operation_id)))));
    }
    if let Some(movement) = stock_movement::find_by_id(connection, id).await? {
        let operation = is_operation(movement.operation_id).await?.then_some(movement.operation_id);
        return Ok(Some(("a stock movement".to_owned(), operation.map(|operation| ("of its operation: ", operation)))));
    }
    if let Some(refund) = order::find_refund_by_any_id(connection, id).await? {
        let operation = is_operation(refund.operation_id).await?.then_some(refund.operation_id);
        return Ok(Some(("a refund".to_owned(), operation.map(|operation| ("of its operation: ", operation)))));
    }
    // Rows without events: generated, or written by another program.
    let owner = if let Some(order) = order::find_by_id(connection, id).await? {
        format!("order {}", printable(&order.reference))
    } else if let Some(user) = user::find_by_id(connection, id).await? {
        format!("user {}", printable(&user.email))
    } else if let Some(product) = product::find_by_id(connection, id).await? {
        format!("product {}", printable(&product.sku))
    } else if order::has_item(connection, id).await? {
        "a line of an order".to_owned()
    } else {
        return Ok(None);
    };
    Ok(Some((owner, None)))
}

/// The subject of an event: `order K7Q2M-9XD4T`.
pub fn subject(event: &Model) -> String {
    let name = event.name().or_else(|| Some(event.entity_id.present()?.to_string())).unwrap_or_default();
    format!("{} {}", printable(&event.entity_type), printable(&name))
}
