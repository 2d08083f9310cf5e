//! Why an operation is not taken back, and what to do instead.

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::instead::{Keys, instead};
use super::{Recorded, command};
use crate::domain::{EntityKind, EventName, Id, Outcome, Zone};
use crate::entity::audit_event;
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository;
use crate::service::settle::subject;

/// Maximum number of rows named in a message.
const NAMED: usize = 10;
/// Maximum number of events of a row that are looked through.
const EVENTS: u64 = 1_000;

/// A row that does not have the values that the operation left behind.
pub(super) struct MovedOn {
    pub entity: EntityKind,
    pub id: Id,
    /// The values that differ; empty if the row is gone.
    pub fields: Vec<&'static str>,
}

impl MovedOn {
    /// A row that is gone.
    pub(super) fn gone(entity: EntityKind, event: &Recorded) -> MovedOn {
        MovedOn { entity, id: event.id, fields: Vec::new() }
    }

    /// The fields, or `None` for a row that is gone, with the newest of these events that set them.
    fn by<'e>(&self, since: impl Iterator<Item = &'e audit_event::Model> + Clone) -> Vec<Group<'_, 'e>> {
        let fields = self.fields.iter().copied().map(Some);
        let fields: Vec<_> = if self.fields.is_empty() { vec![None] } else { fields.collect() };
        let mut groups = Vec::<Group<'_, 'e>>::new();
        for field in fields {
            let by = since.clone().find(|event| is_by(event, field));
            let operation = |event: Option<&audit_event::Model>| event.map(|event| event.operation_id);
            match groups.iter_mut().find(|(known, _)| operation(*known) == operation(by)) {
                Some((_, fields)) => fields.extend(field),
                None => groups.push((by, field.into_iter().collect())),
            }
        }
        groups
    }
}

/// An event, if it was not another program, and the fields that it set.
type Group<'f, 'e> = (Option<&'e audit_event::Model>, Vec<&'f str>);

/// Whether an event set this field, or removed the row.
fn is_by(event: &audit_event::Model, field: Option<&str>) -> bool {
    let (before, after) = event.documents();
    event.outcome == Outcome::Succeeded && (after.is_null() || field.is_some_and(|field| before[field] != after[field]))
}

/// Exit 6 naming each row with the operation that changed it since.
pub(super) async fn moved_on(
    connection: &impl ConnectionTrait,
    target: &audit_event::Model,
    rows: &[MovedOn],
) -> Result<Error> {
    let (mut texts, mut details, mut later) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.iter().take(NAMED) {
        let events = repository::audit_event::find_by_entity(connection, row.entity, row.id, EVENTS).await?;
        let since = events.iter().rev().take_while(|event| event.operation_id != target.operation_id);
        // One that was refused has no name.
        let named = events.iter().rfind(|event| event.name().is_some());
        let name = named.map_or_else(|| format!("{} {}", row.entity, row.id), subject);
        let mut differences = Vec::new();
        for (by, fields) in row.by(since) {
            let what = match (fields.as_slice(), differences.is_empty()) {
                ([], _) => "is gone".to_owned(),
                (_, true) => format!("has a different {}", fields.join(", ")),
                (_, false) => fields.join(", "),
            };
            differences.push(match by {
                Some(by) => {
                    let time = by.occurred_at.told_in(&Zone::utc());
                    format!("{what} since {} {} of {time}", by.operation, by.operation_id)
                }
                None => format!("{what}, by another program"),
            });
            details.push(json!({ "entity": row.entity, "id": row.id, "fields": fields,
                "operation": by.map(|by| &by.operation), "operation_id": by.map(|by| by.operation_id) }));
            later.extend(by.cloned());
        }
        texts.push(format!("{name} {}", differences.join(", and ")));
    }
    let more = rows.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("… and {more} more"));
    let message = match texts.as_slice() {
        [only] => only.clone(),
        _ => texts
            .into_iter()
            .chain(more)
            .fold(format!("{} rows have changed since; nothing was written", rows.len()), |message, text| {
                format!("{message}\n  {text}")
            }),
    };
    let undoable = later.into_iter().find(|by| by.operation.known().is_some_and(EventName::is_undoable));
    let hint = undoable.map(|by| Hint::from("first undo that: ").and(command(by.operation_id)));
    Ok(Error::conflict("undo.moved_on", message).hints_of(hint).details(json!({ "rows": details })))
}

/// Exit 6 for stocks that cannot move back: name, stock, pieces to add.
pub(super) fn not_in_stock(short: &[(String, i32, i64)]) -> Error {
    let text = |(name, stock, pieces): &(String, i32, i64)| {
        let name = printable(name);
        match pieces {
            ..0 => format!("{name} has {stock} in stock; cannot remove {}", -pieces),
            _ => format!("{name} has {stock} in stock; {pieces} more would exceed the maximum"),
        }
    };
    let texts: Vec<String> = short.iter().take(NAMED).map(text).collect();
    let more = if short.len() > NAMED { "; …" } else { "" };
    let is_too_much = short.iter().all(|(_, _, pieces)| *pieces > 0);
    let code = if is_too_much { "stock.too_much" } else { "stock.insufficient" };
    let history = |(name, _, _): &(String, i32, i64)| CommandLine::new("stock history").argument(&printable(name));
    Error::conflict(code, format!("{}{more}", texts.join("; "))).hints_of(short.first().map(history))
}

/// Exit 6 for an operation that cannot be taken back.
pub(super) async fn not_undoable(connection: &impl ConnectionTrait, first: &audit_event::Model) -> Result<Error> {
    let (id, name) = (first.operation_id, printable(&first.operation.to_string()));
    if first.outcome == Outcome::Failed {
        let message = format!("operation {id} ({name}) failed: it changed nothing");
        return Ok(Error::conflict("undo.failed", message));
    }
    let (why, hints) = match first.operation.known() {
        Some(operation) => instead(operation, first, &Keys::find(connection, first).await?),
        None => ("this shopctl does not know it", Vec::new()),
    };
    Ok(Error::conflict("undo.not_undoable", format!("{name} cannot be undone: {why}")).hints_of(hints))
}
