//! Takes back an operation: another one writes what the events of the first say of before, all or nothing, if the
//! rows still have the values that it left behind.

mod as_left;
mod instead;
mod refusal;
mod rows;

use std::cell::Cell;

use sea_orm::ConnectionTrait;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use self::refusal::{MovedOn, moved_on, not_undoable};
use super::change_order::{self, Restored};
use super::operation::{Idempotency, Operation, Operations, Request};
use super::undone::{key, last_undo};
use crate::domain::{EntityKind, EventName, Id, IdempotencyKey, Outcome};
use crate::entity::audit_event;
use crate::error::{CommandLine, Error, Kind, Result};
use crate::repository;

/// Maximum number of rows of an operation that can be taken back, because all are locked together.
const MAX_ROWS: usize = 25_000;

/// A value that came back.
#[derive(Debug, Clone)]
pub struct RestoredValue {
    /// What kind of row has it.
    pub entity: EntityKind,
    /// The row's id.
    pub id: Id,
    /// E-mail address, SKU or reference.
    pub name: String,
    /// The name of the value: `price`, or `item MUG-01` for a line of an order.
    pub field: String,
    /// What it was until now.
    pub now: Json,
    /// What it was before the operation, and is again.
    pub then: Json,
}

/// The result of taking back an operation.
#[derive(Debug, Clone)]
pub struct Undone {
    /// The first event of the operation that was taken back.
    pub target: audit_event::Model,
    /// The id of the operation that took it back.
    pub by: Id,
    /// The values that came back; none if they had come back before.
    pub values: Vec<RestoredValue>,
    /// False if it had been taken back before.
    pub changed: bool,
}

/// An event of the operation, with its documents.
struct Recorded {
    id: Id,
    before: Json,
    after: Json,
}

/// Takes back an operation, named by its id or that of one of its events.
///
/// Errors: exit 3 for an unknown id; exit 6 for an operation that cannot be taken back, or whose rows have other values
/// since then, naming what to do instead.
pub async fn run(operations: &Operations, id: Uuid, reason: Option<&str>) -> Result<Undone> {
    let target = find(operations.database.connection(), id.into()).await?;
    let usual = || format!("undoes {} {}", target.operation, target.operation_id);
    let request = Request { reason: Some(reason.map_or_else(usual, str::to_owned)), ..Request::new(EventName::Undo) };
    // Rows that moved on may have been taken back just now by another undo of the operation: a second look sees it.
    let is_second_look = Cell::new(false);
    let body = async |operation: &mut Operation| apply(operation, &target, is_second_look.replace(true)).await;
    operations.run(&request, body).await?.done()
}

/// Which of these events are of operations that can be taken back and were not yet, and left values behind that their
/// row still has.
pub async fn undoable(connection: &impl ConnectionTrait, events: &[audit_event::Model]) -> Result<Vec<bool>> {
    let candidates: Vec<&audit_event::Model> = events.iter().filter(|event| can_be_undone(event)).collect();
    let keys: Vec<String> = candidates.iter().map(|event| key(event.operation_id)).collect();
    let used = repository::audit_event::find_keys_among(connection, &keys).await?;
    let open = candidates.into_iter().filter(|event| !used.contains(&key(event.operation_id)));
    let as_left = as_left::find(connection, &open.collect::<Vec<_>>()).await?;
    Ok(events.iter().map(|event| as_left.contains(&event.id)).collect())
}

/// The command that takes back an operation.
pub fn command(operation: Id) -> CommandLine {
    CommandLine::new("undo").argument(&operation.to_string())
}

/// The command that lists what can be taken back.
pub fn list_command() -> CommandLine {
    CommandLine::new("audit list").option("--fields", "occurred_at,operation,name,operation_id,undoable")
}

/// The first event of an operation.
async fn find(connection: &impl ConnectionTrait, id: Id) -> Result<audit_event::Model> {
    let events = repository::audit_event::find_by_operation(connection, id, 1).await?;
    if let Some(first) = events.into_iter().next() {
        return Ok(first);
    }
    let unknown = || Error::not_found("operation", id).hint(list_command());
    let event = repository::audit_event::find_by_id(connection, id).await?.ok_or_else(unknown)?;
    let events = repository::audit_event::find_by_operation(connection, event.operation_id, 1).await?;
    Ok(events.into_iter().next().unwrap_or(event))
}

/// Whether the operation succeeded and is of a kind that can be taken back.
fn can_be_undone(first: &audit_event::Model) -> bool {
    let is_success = first.outcome == Outcome::Succeeded;
    let is_change = first.before.is_some() && first.after.is_some();
    is_success && is_change && first.operation.known().is_some_and(EventName::is_undoable)
}

async fn apply(operation: &mut Operation, target: &audit_event::Model, is_second_look: bool) -> Result<Undone> {
    operation.set_subject(target.operation_id)?;
    if !can_be_undone(target) {
        return Err(not_undoable(operation.handle(), target).await?);
    }
    let key = key(target.operation_id);
    if let Some(event) = repository::audit_event::find_by_idempotency_key(operation.handle(), &key).await? {
        return already(operation, target, event.operation_id).await;
    }
    let key = IdempotencyKey::parse(&key).map_err(Error::internal)?;
    operation.mark(Idempotency::new(key, EventName::Undo, &json!(target.operation_id)));
    let limit = MAX_ROWS as u64 + 1;
    let events = repository::audit_event::find_by_operation(operation.handle(), target.operation_id, limit).await?;
    if events.len() > MAX_ROWS {
        let message = format!("the operation changed more than {MAX_ROWS} rows, the maximum for undo");
        return Err(Error::conflict("undo.too_many", message).hint("import an earlier export instead"));
    }
    let of = |kind: EntityKind| -> Vec<Recorded> {
        let events = events.iter().filter(|event| event.entity_type == kind.as_str());
        let recorded = events.map(|event| (event.entity_id, event.documents()));
        recorded.map(|(id, (before, after))| Recorded { id, before, after }).collect()
    };
    let mut moved = Vec::new();
    let mut values = rows::restore_users(operation, &of(EntityKind::User), &mut moved).await?;
    values.extend(rows::restore_products(operation, &of(EntityKind::Product), &mut moved).await?);
    for event in of(EntityKind::Order) {
        match change_order::restore(operation, event.id, &event.after, &event.before).await? {
            Restored::MovedOn(fields) => moved.push(MovedOn { entity: EntityKind::Order, id: event.id, fields }),
            Restored::Done { name, values: restored } => {
                let value = |(field, now, then)| RestoredValue {
                    entity: EntityKind::Order,
                    id: event.id,
                    name: name.clone(),
                    field,
                    now,
                    then,
                };
                values.extend(restored.into_iter().map(value));
            }
        }
    }
    if !moved.is_empty() {
        return Err(match is_second_look {
            true => moved_on(operation.handle(), target, &moved).await?,
            false => operation.handle().outdated("another undo may have been first").into(),
        });
    }
    Ok(Undone { target: target.clone(), by: operation.id().into(), values, changed: true })
}

/// An operation that was taken back before: unchanged, unless that was taken back in turn.
///
/// Errors: exit 6 naming the operation to take back instead.
async fn already(operation: &Operation, target: &audit_event::Model, first: Id) -> Result<Undone> {
    let (last, is_undone) = last_undo(operation.handle(), target.operation_id).await?;
    if is_undone {
        return Ok(Undone { target: target.clone(), by: last, values: Vec::new(), changed: false });
    }
    let message = format!("operation {} was undone by {first}, which was undone by {last}", target.operation_id);
    Err(Error::new(Kind::Conflict, "undo.redone", message).hint(command(last)))
}
