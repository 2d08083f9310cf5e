//! Compares the movements of an order or a product with the events of their operations: pieces, reason,
//! note and time.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{ParsedEvent, signed};
use crate::domain::quantity::movements_of;
use crate::domain::{EventName, Id, MovementReason};
use crate::entity::{Moment, stock_movement};
use crate::error::printable;
use crate::service::place_order::RECEIVED;

/// The member of an adopted or changed order's event, or of a change that was taken back, for the pieces that its lines
/// took, in the form of lines; less than 0 for pieces that they gave back.
pub(in crate::service) const TAKEN: &str = "taken";
/// The member of an adopted product's event for the pieces of its own movement.
pub(in crate::service) const RECORDED: &str = "recorded_quantity";

/// The member of an adopted event for the movements that another program removed.
const REMOVED: &str = "removed_movements";

/// How movements differ from the events of their operations.
pub(in crate::service) enum MovementDifference {
    /// What shopctl wrote was edited, and a statement can write it back.
    Wrong(WrongMovement),
    /// Another program removed, added or moved some.
    Other { removed: Vec<RemovedMovement>, strays: Vec<StrayMovement> },
}

/// A movement that is not as its operation wrote it, or not where.
pub(in crate::service) struct StrayMovement {
    pub movement: stock_movement::Model,
    pub what: String,
}

/// How movements contradict their events.
pub(in crate::service) struct WrongMovement {
    pub what: String,
    /// The statement that writes back what the event says, where one movement was edited.
    pub repair: Option<String>,
}

impl WrongMovement {
    /// One movement whose column should have this value, as SQL.
    fn edited(movement: &stock_movement::Model, what: String, column: &str, value: &str) -> WrongMovement {
        let id = movement.id.literal();
        let repair = format!("UPDATE stock_movements SET {column} = {value} WHERE id = {id}");
        // A backslash is written differently on each engine.
        WrongMovement { what, repair: (!repair.contains('\\')).then_some(repair) }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A movement that another program removed.
#[derive(Debug, Clone)]
pub(in crate::service) struct RemovedMovement {
    operation: String,
    /// Its id as it is shown.
    pub product: String,
    pub pieces: i64,
    /// Whether pieces of an order came back into stock by it, and are gone with it.
    pub is_restock: bool,
    what: String,
}

impl RemovedMovement {
    fn missing((operation, product): &Key, pieces: i64, is_restock: bool) -> RemovedMovement {
        let what = format!("its movement of {pieces:+} units in operation {operation} is missing");
        RemovedMovement { operation: operation.clone(), product: product.clone(), pieces, is_restock, what }
    }
}

/// Adds the removed movements to the document of an adopted event.
pub(in crate::service) fn record_removed(document: &mut Json, removed: &[RemovedMovement]) {
    let line = |movement: &RemovedMovement| json!({ "operation_id": movement.operation, "product_id": movement.product, "quantity": movement.pieces });
    if !removed.is_empty() {
        document[REMOVED] = removed.iter().map(line).collect();
    }
}

/// `its movement of -2 units in operation 01a2… is missing`
pub(super) fn told_removed(removed: &[RemovedMovement]) -> String {
    removed.iter().map(|movement| movement.what.as_str()).collect::<Vec<_>>().join("; ")
}

/// The differences between an order's movements and its events.
pub(super) fn difference_of_order(
    events: &[ParsedEvent],
    movements: &[stock_movement::Model],
) -> Option<MovementDifference> {
    let others = |movements: &[_]| wrong_order_reason(events, movements).or_else(|| wrong_note(events, movements));
    let told = |(operation, product): Key, what: String| {
        format!("its movements of product {product} in operation {operation} {what}")
    };
    compared(pieces_of_order(events, movements), events, (movements, key_of_order), others, told)
}

/// The differences between a product's other movements and its events.
pub(super) fn difference_of_product(
    events: &[ParsedEvent],
    movements: &[stock_movement::Model],
) -> Option<MovementDifference> {
    let others = |movements: &[_]| wrong_own_reason(events, movements).or_else(|| wrong_note(events, movements));
    let told = |(operation, _): Key, what: String| format!("its movements in operation {operation} {what}");
    compared(own_pieces(events, movements), events, (movements, key_of_product), others, told)
}

/// The operation and the product of movements, as they are shown; without the product where it is the same for all.
type Key = (String, String);

fn key_of_order(movement: &stock_movement::Model) -> Key {
    (movement.operation_id.to_string(), movement.product_id.to_string())
}

fn key_of_product(movement: &stock_movement::Model) -> Key {
    (movement.operation_id.to_string(), String::new())
}

/// The pieces of movements by what they belong to: those that the events say, and those that are there.
#[derive(Default)]
struct Sides(BTreeMap<Key, (Vec<i64>, Vec<i64>)>);

impl Sides {
    fn expect(&mut self, key: Key, pieces: i64) {
        self.0.entry(key).or_default().0.push(pieces);
    }

    fn find(&mut self, key: Key, pieces: i64) {
        self.0.entry(key).or_default().1.push(pieces);
    }

    /// What `adopt` has recorded as removed counts as there.
    fn find_recorded(&mut self, events: &[ParsedEvent]) {
        let adopted = events.iter().filter(|event| !event.is_between());
        let lines = adopted.filter_map(|event| event.after.as_ref()?[REMOVED].as_array()).flatten();
        for line in lines {
            let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
            self.find((text("operation_id"), text("product_id")), line["quantity"].as_i64().unwrap_or(0));
        }
    }
}

/// What one edit explains, else what the caller finds wrong, else all that is gone, added or of another time.
fn compared(
    (sides, is_restock): (Sides, impl Fn(&Key) -> bool),
    events: &[ParsedEvent],
    (movements, key_of): (&[stock_movement::Model], fn(&stock_movement::Model) -> Key),
    others: impl FnOnce(&[stock_movement::Model]) -> Option<WrongMovement>,
    told: impl Fn(Key, String) -> String,
) -> Option<MovementDifference> {
    let (mut removed, mut strays) = (Vec::new(), Vec::<StrayMovement>::new());
    for (key, (mut expected, mut found)) in sides.0 {
        expected.sort_unstable();
        found.sort_unstable();
        let (mut gone, mut added) = (expected.clone(), Vec::new());
        for pieces in &found {
            match gone.iter().position(|expected| expected == pieces) {
                Some(position) => drop(gone.remove(position)),
                None => added.push(*pieces),
            }
        }
        let what = || told(key.clone(), format!("are {}, the events say {}", listed(&found), listed(&expected)));
        for pieces in &added {
            let is_stray = |movement: &&stock_movement::Model| {
                let is_taken = strays.iter().any(|stray| stray.movement.id == movement.id);
                key_of(movement) == key && movement.delta.pieces() == *pieces && !is_taken
            };
            // Of equal ones the last was added.
            let movement = movements.iter().filter(is_stray).max_by_key(|movement| movement.id);
            match (movement, added.as_slice(), gone.as_slice()) {
                (Some(edited), [_], [pieces]) => {
                    let edited = WrongMovement::edited(edited, what(), "delta", &pieces.to_string());
                    return Some(MovementDifference::Wrong(edited));
                }
                (Some(movement), ..) => strays.push(StrayMovement { movement: movement.clone(), what: what() }),
                (None, ..) => {
                    return Some(MovementDifference::Wrong(WrongMovement { what: what(), repair: None }));
                }
            }
        }
        let may_restock = !gone.is_empty() && is_restock(&key);
        let missing = gone.into_iter().map(|pieces| RemovedMovement::missing(&key, pieces, may_restock && pieces > 0));
        removed.extend(missing);
    }
    let is_settled = |movement: &&stock_movement::Model| strays.iter().all(|stray| stray.movement.id != movement.id);
    let settled: Vec<_> = movements.iter().filter(is_settled).cloned().collect();
    if let Some(wrong) = others(&settled) {
        return Some(MovementDifference::Wrong(wrong));
    }
    for (movement, what) in of_another_time(events, &settled) {
        let ((operation, product), pieces) = (key_of(movement), movement.delta.pieces());
        removed.push(RemovedMovement { operation, product, pieces, is_restock: false, what: what.clone() });
        strays.push(StrayMovement { movement: movement.clone(), what });
    }
    (!removed.is_empty() || !strays.is_empty()).then_some(MovementDifference::Other { removed, strays })
}

/// Each movement corresponds to one line of an event: pieces taken or restored. Also tells whether an operation
/// restocked pieces, rather than balance those of a past order.
fn pieces_of_order(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> (Sides, impl Fn(&Key) -> bool) {
    let mut sides = Sides::default();
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
                let key = (event.operation_id.to_string(), product);
                sides.expect(key, sign * line["quantity"].as_i64().unwrap_or(0));
            }
        }
    }
    sides.find_recorded(events);
    for movement in movements {
        sides.find(key_of_order(movement), movement.delta.pieces());
    }
    let restored = |event: &&ParsedEvent| event.after.as_ref().is_some_and(|after| after["restored"].is_array());
    let restocking: Vec<String> = events.iter().filter(restored).map(|event| event.operation_id.to_string()).collect();
    (sides, move |(operation, _): &Key| restocking.contains(operation))
}

/// Each event that changed a stock, except for orders, has one movement, or several for what one cannot hold.
fn own_pieces(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> (Sides, impl Fn(&Key) -> bool) {
    let mut sides = Sides::default();
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
    let key = |operation: Id| (operation.to_string(), String::new());
    expected.flatten().for_each(|(operation, pieces)| sides.expect(key(operation), pieces));
    sides.find_recorded(events);
    for movement in movements {
        sides.find(key_of_product(movement), movement.delta.pieces());
    }
    (sides, |_: &Key| false)
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
fn wrong_order_reason(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<WrongMovement> {
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
    let (pieces, reason) = (signed(&wrong.delta), wrong.reason.told());
    let what = format!("its movement of {pieces} units says {reason}, which is not the reason of its event");
    let expected = match wrong.delta.pieces() {
        ..0 => Some(MovementReason::Order),
        _ => events_of(events, wrong).flat_map(may_bring).next().copied(),
    };
    Some(match expected {
        Some(expected) => WrongMovement::edited(wrong, what, "reason", &quoted(expected.as_str())),
        None => WrongMovement { what, repair: None },
    })
}

/// The event of an adjusted or counted stock has the reason that its movement has.
fn wrong_own_reason(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<WrongMovement> {
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
        let what =
            format!("its movement in operation {operation} says {reason}, the event says {}", printable(expected));
        Some(WrongMovement::edited(movement, what, "reason", &quoted(expected)))
    })
}

/// A movement has the note that its event has.
fn wrong_note(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<WrongMovement> {
    movements.iter().find_map(|movement| {
        let mut notes = events_of(events, movement).map(|event| event.after.as_ref()?["note"].as_str());
        let (operation, note) = (movement.operation_id, movement.note.as_deref());
        let expected = notes.clone().next()?;
        let shown = |note: Option<&str>| note.map_or_else(|| "nothing".to_owned(), printable);
        (!notes.any(|expected| expected == note)).then(|| {
            let what =
                format!("its movement in operation {operation} notes {}, the event {}", shown(note), shown(expected));
            WrongMovement::edited(movement, what, "note", &expected.map_or_else(|| "NULL".to_owned(), quoted))
        })
    })
}

/// The movements that have neither the time of their operation nor that of the order that it places.
fn of_another_time<'a>(
    events: &[ParsedEvent],
    movements: &'a [stock_movement::Model],
) -> Vec<(&'a stock_movement::Model, String)> {
    let time = |event: &ParsedEvent| match (&event.before, &event.after) {
        _ if event.operation == EventName::Adopted => event.time.clone(),
        (None, Some(after)) => after["created_at"].as_str().map_or_else(|| event.time.clone(), Moment::from_stored),
        _ => event.time.clone(),
    };
    let of_another = movements.iter().filter_map(|movement| {
        let mut times = events_of(events, movement).map(time);
        let expected = times.clone().next()?;
        (!times.any(|time| time == movement.created_at)).then(|| {
            let (operation, found) = (movement.operation_id, movement.created_at.told());
            let what = format!("its movement in operation {operation} is of {found}, the event of {}", expected.told());
            (movement, what)
        })
    });
    of_another.collect()
}
