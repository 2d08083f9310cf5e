//! Orders that go to another customer: single ones, or all of a user who is there twice.

use serde_json::{Value as Json, json};

use super::anonymize;
use super::operation::{Changed, Operation, Operations, Request};
use super::order_lifecycle;
use super::user::{self, refuse_anonymized};
use crate::domain::{EntityKind, EventName, Id, UserStatus};
use crate::entity::{order, user::Model};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository;
use crate::repository::order::find_of_user_for_update;

/// Maximum number of references in the event of a user; the events of the orders have all.
const NAMED: usize = 20;
/// Maximum number of events of a user that are looked through.
const EVENTS: u64 = 1_000;

/// An order that went to another customer.
#[derive(Debug, Clone)]
pub struct Reassigned {
    /// The order.
    pub order: Changed<order::Model>,
    /// Its customer now.
    pub user: Model,
}

/// Gives an order in any status to another customer; one that is the customer's already is unchanged.
///
/// Errors: exit 3; exit 6 for an anonymized customer.
pub async fn reassign(operations: &Operations, order: &str, who: &str, reason: Option<&str>) -> Result<Reassigned> {
    let body = async |operation: &mut Operation| apply_reassign(operation, order, who).await;
    let request = Request { reason: reason.map(str::to_owned), ..Request::new(EventName::OrderReassign) };
    operations.run(&request, body).await?.done()
}

async fn apply_reassign(operation: &mut Operation, order: &str, who: &str) -> Result<Reassigned> {
    let found = repository::order::find_for_update(operation.handle(), order).await?;
    let before = found.ok_or_else(|| order_lifecycle::unknown(order))?;
    let to = user::find(operation, who).await?;
    operation.set_subject(before.id)?;
    if to.id == before.user_id {
        return Ok(Reassigned { order: Changed { after: before.clone(), before, changed: false }, user: to });
    }
    refuse_anonymized(&to)?;
    let from = repository::user::find_by_id_for_share(operation.handle(), before.user_id).await?;
    let after = order::Model { user_id: to.id, updated_at: operation.now().into(), ..before.clone() };
    let orders = std::slice::from_ref(&before);
    move_orders(operation, orders, to.id).await?;
    record_handover(operation, from.as_ref(), &to, &before);
    Ok(Reassigned { order: Changed { before, after, changed: true }, user: to })
}

/// Records in the events of both customers, who are locked and complete, that an order went from one to the other: the
/// events of the order itself are those of its present customer.
pub(super) fn record_handover(operation: &mut Operation, from: Option<&Model>, to: &Model, order: &order::Model) {
    let orders = std::slice::from_ref(order);
    if let Some(from) = from {
        operation.record(repository::user::noted(from, GIVEN, moved(orders, to.id)));
    }
    operation.record(repository::user::noted(to, RECEIVED, moved(orders, order.user_id)));
}

/// Moves locked orders, a constant number of statements for each few hundred of them.
async fn move_orders(operation: &mut Operation, orders: &[order::Model], to: Id) -> Result<()> {
    for change in repository::order::move_to_user(operation.handle(), orders, to, operation.now()).await? {
        operation.record(change);
    }
    Ok(())
}

/// The member of a user's event for orders that another one gets.
const GIVEN: &str = "orders_given";
/// The member of a user's event for orders that were another one's.
const RECEIVED: &str = "orders_received";

/// What the event of a user says about orders that go to, or come from, another one.
fn moved(orders: &[order::Model], other: Id) -> Json {
    let references: Vec<_> = orders.iter().take(NAMED).map(|order| &order.reference).collect();
    json!({ "count": orders.len(), "references": references, "user_id": other })
}

/// A user who became a part of another one.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The user who is anonymized.
    pub from: Changed<Model>,
    /// The user who has the orders.
    pub into: Model,
    /// The number of orders that were moved.
    pub orders: usize,
}

/// Moves all orders of a user to another one, and anonymizes the first, in one operation.
///
/// Errors: exit 3; exit 6 if both are the same user, if the one who gets the orders is anonymized, or if the other one
/// is and has no orders: somebody else has just merged them, perhaps into another user.
pub async fn merge(operations: &Operations, from: &str, into: &str) -> Result<Merged> {
    let body = async |operation: &mut Operation| apply_merge(operation, from, into).await;
    operations.run(&Request::new(EventName::UserMerge), body).await?.done()
}

async fn apply_merge(operation: &mut Operation, from: &str, into: &str) -> Result<Merged> {
    let into = user::find(operation, into).await?;
    let from = user::find(operation, from).await?;
    if from.id == into.id {
        return Err(same(&from));
    }
    refuse_anonymized(&into)?;
    // Whoever places an order for a user locks the user: none is added meanwhile.
    let orders = find_of_user_for_update(operation.handle(), from.id).await?;
    for order in orders.iter().filter(|order| order.id == Id::Missing) {
        operation.set_subject(order.id)?;
    }
    if from.status == UserStatus::Anonymized && orders.is_empty() {
        return Err(nothing_left(operation, &from).await?);
    }
    move_orders(operation, &orders, into.id).await?;
    let from = anonymize::erase(operation, from, Some((GIVEN, moved(&orders, into.id)))).await?;
    if !from.changed {
        operation.record(repository::user::noted(&from.before, GIVEN, moved(&orders, into.id)));
    }
    operation.record(repository::user::noted(&into, RECEIVED, moved(&orders, from.before.id)));
    Ok(Merged { from, into, orders: orders.len() })
}

/// Exit 6 for a user who was anonymized and has no orders, with the one who got them, if any.
async fn nothing_left(operation: &Operation, from: &Model) -> Result<Error> {
    let events = repository::audit_event::find_by_entity(operation.handle(), EntityKind::User, from.id, EVENTS).await?;
    let given = events.iter().rev().find_map(|event| event.documents().1[GIVEN]["user_id"].as_str().map(str::to_owned));
    let message = format!("{} is anonymized and has no orders: nothing is left to merge", printable(&from.email));
    let owner = given.map(|id| Hint::from("its orders went to: ").and(CommandLine::new("user show").argument(&id)));
    Ok(Error::conflict("user.nothing_to_merge", message).hints_of(owner))
}

/// Exit 6 for one user under two names.
fn same(user: &Model) -> Error {
    let email = printable(&user.email);
    Error::conflict("user.same", format!("both are {email}: there is nothing to merge"))
        .hint(Hint::from("to find the other one: ").and(CommandLine::new("user list --search TEXT")))
}
