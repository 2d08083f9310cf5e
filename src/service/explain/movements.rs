//! Compares the movements of an order or a product with the events of their operations: pieces, reason,
//! note and time.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{ParsedEvent, signed};
use crate::domain::quantity::movements_of;
use crate::domain::{EventName, MovementReason};
use crate::entity::{Moment, stock_movement};
use crate::error::printable;
use crate::service::place_order::RECEIVED;

/// The member of an adopted or changed order's event, or of a change that was taken back, for the pieces that its lines
/// took, in the form of lines; less than 0 for pieces that they gave back.
pub(in crate::service) const TAKEN: &str = "taken";
/// The member of an adopted product's event for the pieces of its own movement.
pub(in crate::service) const RECORDED: &str = "recorded_quantity";

/// The differences between an order's movements and its events.
pub(super) fn wrong_of_order(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    wrong_order_pieces(events, movements)
        .or_else(|| wrong_order_reason(events, movements))
        .or_else(|| wrong_note(events, movements))
        .or_else(|| wrong_time(events, movements))
}

/// The differences between a product's other movements and its events.
pub(super) fn wrong_of_product(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    wrong_own_pieces(events, movements)
        .or_else(|| wrong_own_reason(events, movements))
        .or_else(|| wrong_note(events, movements))
        .or_else(|| wrong_time(events, movements))
}

/// Each movement corresponds to one line of an event: pieces taken or restored.
fn wrong_order_pieces(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    let mut expected = Vec::new();
    for event in events.iter().filter(|event| !event.is_between()) {
        let after = event.after.as_ref().unwrap_or(&Json::Null);
        let taken = match event.before {
            _ if matches!(
                event.operation.known(),
                Some(EventName::Adopted | EventName::OrderChange | EventName::Undo)
            ) =>
            {
                &after[TAKEN]
            }
            None => &after["items"],
            Some(_) => &Json::Null,
        };
        for (lines, sign) in [(taken, -1), (&after["restored"], 1), (&after[RECEIVED], 1)] {
            for line in lines.as_array().into_iter().flatten() {
                let product = line["product_id"].as_str().unwrap_or_default().to_owned();
                expected.push(((event.operation_id, product), sign * line["quantity"].as_i64().unwrap_or(0)));
            }
        }
    }
    let found = movements
        .iter()
        .map(|movement| ((movement.operation_id, movement.product_id.to_string()), movement.delta.pieces()));
    let ((operation, product), difference) = first_difference(expected, found)?;
    Some(format!("its movements of product {product} in operation {operation} {difference}"))
}

/// Each event that changed a stock, except for orders, has one movement, or several for what one cannot hold.
fn wrong_own_pieces(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    let expected = events.iter().filter(|event| !event.is_between()).filter_map(|event| {
        let level = |document: &Option<Json>| {
            let document = document.as_ref()?;
            document.get("moved_quantity").or_else(|| document.get("stock_quantity"))?.as_i64()
        };
        // Deleting a product deletes no movements.
        let pieces = match event.operation.known() {
            Some(EventName::Adopted) => event.after.as_ref()?[RECORDED].as_i64().unwrap_or(0),
            _ => level(&event.after)? - level(&event.before).unwrap_or(0),
        };
        Some(movements_of(pieces).map(|pieces| (event.operation_id, i64::from(pieces))))
    });
    let expected = expected.flatten();
    let found = movements.iter().map(|movement| (movement.operation_id, movement.delta.pieces()));
    let (operation, difference) = first_difference(expected, found)?;
    Some(format!("its movements in operation {operation} {difference}"))
}

/// The first key whose movements differ from the expected ones, in any order.
fn first_difference<K: Ord>(
    expected: impl IntoIterator<Item = (K, i64)>,
    found: impl IntoIterator<Item = (K, i64)>,
) -> Option<(K, String)> {
    let mut sides = BTreeMap::<K, (Vec<i64>, Vec<i64>)>::new();
    expected.into_iter().for_each(|(key, pieces)| sides.entry(key).or_default().0.push(pieces));
    found.into_iter().for_each(|(key, pieces)| sides.entry(key).or_default().1.push(pieces));
    sides.into_iter().find_map(|(key, (mut expected, mut found))| {
        expected.sort_unstable();
        found.sort_unstable();
        (expected != found).then(|| (key, format!("are {}, the events say {}", listed(&found), listed(&expected))))
    })
}

/// `-3 and +2`
fn listed(pieces: &[i64]) -> String {
    if pieces.is_empty() {
        return "none".to_owned();
    }
    pieces.iter().map(|pieces| format!("{pieces:+}")).collect::<Vec<_>>().join(" and ")
}

/// The events of a movement's operation: a seed places and advances an order in one operation.
fn events_of<'a>(
    events: &'a [ParsedEvent],
    movement: &stock_movement::Model,
) -> impl Iterator<Item = &'a ParsedEvent> + Clone {
    let operation_id = movement.operation_id;
    events.iter().filter(move |event| event.operation_id == operation_id)
}

/// Orders take with one reason and restock with another; receipts on placing balance pieces that did not come
/// from the stock.
fn wrong_order_reason(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    let may_bring = |event: &ParsedEvent| -> &[MovementReason] {
        if event.operation == EventName::Adopted {
            return &[MovementReason::Restock, MovementReason::Order];
        }
        if event.operation == EventName::OrderChange || event.operation == EventName::Undo {
            return &[MovementReason::Order];
        }
        if event.before.is_some() {
            return &[MovementReason::Restock];
        }
        let is_balanced = event.after.as_ref().is_some_and(|after| after[RECEIVED].is_array());
        if is_balanced { &[MovementReason::BALANCE] } else { &[MovementReason::Restock] }
    };
    let is_adopted = |movement: &stock_movement::Model| {
        events_of(events, movement).any(|event| event.operation == EventName::Adopted)
    };
    let is_right = |movement: &stock_movement::Model| match movement.delta.pieces() {
        ..0 if movement.reason == MovementReason::Restock => is_adopted(movement),
        ..0 => movement.reason == MovementReason::Order,
        _ => {
            let own = events_of(events, movement);
            // A movement without an event is reported separately.
            own.clone().next().is_none() || own.flat_map(may_bring).any(|reason| movement.reason == *reason)
        }
    };
    let wrong = movements.iter().find(|movement| !is_right(movement))?;
    let (pieces, reason) = (signed(&wrong.delta), printable(&wrong.reason.to_string()));
    Some(format!("its movement of {pieces} pieces says {reason}, which is not the reason of its event"))
}

/// The event of an adjusted or counted stock has the reason that its movement has.
fn wrong_own_reason(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    let expected = |movement: &stock_movement::Model| {
        let event = events_of(events, movement).find(|event| !event.is_between())?;
        match event.operation.known() {
            Some(EventName::StockAdjust | EventName::StockImport | EventName::StockReceive | EventName::StockSet) => {
                event.reason.as_deref()
            }
            Some(EventName::StockAccept) => Some(MovementReason::External.as_str()),
            Some(EventName::Undo) => Some(MovementReason::Correction.as_str()),
            Some(EventName::Adopted) if event.before.is_some() => Some(MovementReason::External.as_str()),
            _ => Some(MovementReason::Initial.as_str()),
        }
    };
    movements.iter().find_map(|movement| {
        let reason = movement.reason.to_string();
        let expected = expected(movement).filter(|expected| *expected != reason)?;
        let (operation, reason) = (movement.operation_id, printable(&reason));
        Some(format!("its movement in operation {operation} says {reason}, the event says {}", printable(expected)))
    })
}

/// A movement has the note that its event has.
fn wrong_note(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    movements.iter().find_map(|movement| {
        let mut notes = events_of(events, movement).map(|event| event.after.as_ref()?["note"].as_str());
        let (operation, note) = (movement.operation_id, movement.note.as_deref());
        let expected = notes.clone().next()?;
        let shown = |note: Option<&str>| note.map_or_else(|| "nothing".to_owned(), printable);
        (!notes.any(|expected| expected == note)).then(|| {
            format!("its movement in operation {operation} notes {}, the event {}", shown(note), shown(expected))
        })
    })
}

/// A movement has the time of its operation, or of the order that it places.
fn wrong_time(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<String> {
    let time = |event: &ParsedEvent| match (&event.before, &event.after) {
        _ if event.operation == EventName::Adopted => event.time.clone(),
        (None, Some(after)) => after["created_at"].as_str().map_or_else(|| event.time.clone(), Moment::from_stored),
        _ => event.time.clone(),
    };
    movements.iter().find_map(|movement| {
        let mut times = events_of(events, movement).map(time);
        let expected = times.clone().next()?;
        (!times.any(|time| time == movement.created_at)).then(|| {
            let (operation, found) = (movement.operation_id, printable(&movement.created_at.to_string()));
            format!("its movement in operation {operation} is of {found}, the event of {expected}")
        })
    })
}
