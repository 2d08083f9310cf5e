//! Moving an order through its lifecycle (BR-002): pay, ship, complete, cancel, expire, refund.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::operation::{Idempotency, Operation, Operations, Outcome, Request};
use crate::domain::order_status::{self, Step, StockEffect, Transition, Verb};
use crate::domain::text::shell_word;
use crate::domain::{IdempotencyKey, MovementReason, OrderStatus, Quantity, reference};
use crate::entity::{Moment, audit_event, order, order_item, stock_movement};
use crate::error::{Error, Result, printable};
use crate::repository::order::ItemWithProduct;
use crate::repository::{self, Lock};

/// What is to be done with one order.
#[derive(Debug, Clone)]
pub struct Move {
    /// Reference or id.
    pub order: String,
    pub verb: Verb,
    pub reason: Option<String>,
    /// Kept in the event and with the stock movements.
    pub note: Option<String>,
    /// The parcel's number, kept in the event.
    pub tracking: Option<String>,
    pub restock: Restock,
    /// Only if it was placed before this time.
    pub placed_before: Option<DateTime<Utc>>,
}

impl Move {
    /// A move with nothing said beside it.
    pub fn of(order: Uuid, verb: Verb) -> Move {
        let (reason, note, tracking, placed_before) = (None, None, None, None);
        Move { order: order.to_string(), verb, reason, note, tracking, restock: Restock::AsUsual, placed_before }
    }
}

/// What goes back into stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restock {
    /// What the lifecycle's table says.
    AsUsual,
    Nothing,
    Everything,
    /// These products (SKU or id), so many pieces of each.
    Lines(Vec<(String, Quantity)>),
}

/// How a move ended.
#[derive(Debug, Clone)]
pub struct Moved {
    pub before: order::Model,
    pub after: order::Model,
    /// False when the order was there already.
    pub changed: bool,
    pub replayed: bool,
    pub restored: Vec<Restored>,
}

/// Pieces of one product that went back into stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub product_id: Uuid,
    pub sku: String,
    pub quantity: i32,
}

/// Moves one order in an operation of its own.
///
/// Errors: exit 3; exit 6 for a pair that the lifecycle does not have, for more pieces than the
/// order took, or a key used for something else.
pub async fn run(operations: &Operations, wanted: &Move, key: Option<IdempotencyKey>) -> Result<Moved> {
    let name = wanted.verb.operation();
    let request = Request {
        name,
        entity: "order",
        reason: wanted.reason.clone().or_else(|| (wanted.verb == Verb::Expire).then(|| "expired".to_owned())),
        idempotency: key.map(|key| Idempotency::new(key, name, &fingerprint(wanted))),
        ..Request::default()
    };
    match operations.run(&request, async |operation| apply(operation, wanted).await).await? {
        Outcome::Done(moved) => Ok(moved),
        Outcome::Replayed(event) => {
            let id = event.entity_id.unwrap_or_default();
            let order = repository::order::find_by_id(operations.database.connection(), id).await?;
            let order = order.ok_or_else(|| Error::not_found("order", id))?;
            Ok(replay(&order, &event))
        }
    }
}

/// The first result again, as its event tells it.
fn replay(order: &order::Model, event: &audit_event::Model) -> Moved {
    let data = |text: &Option<String>| -> Json {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let (before, after) = (data(&event.before), data(&event.after));
    let at = |data: &Json| order::Model {
        status: data["status"].as_str().unwrap_or(&order.status).to_owned(),
        updated_at: data["updated_at"].as_str().map_or(order.updated_at.clone(), Moment::from_stored),
        ..order.clone()
    };
    let line = |line: &Json| {
        Some(Restored {
            product_id: Uuid::try_parse(line["product_id"].as_str()?).ok()?,
            sku: line["sku"].as_str()?.to_owned(),
            quantity: i32::try_from(line["quantity"].as_i64()?).ok()?,
        })
    };
    let restored = after["restored"].as_array().into_iter().flatten().filter_map(line).collect();
    Moved { before: at(&before), after: at(&after), changed: false, replayed: true, restored }
}

/// Requests that mean the same have the same fingerprint, however the order is spelled.
fn fingerprint(wanted: &Move) -> Json {
    let order = reference::folded(&wanted.order);
    let restock = match &wanted.restock {
        Restock::AsUsual => json!("as usual"),
        Restock::Nothing => json!("nothing"),
        Restock::Everything => json!("everything"),
        Restock::Lines(lines) => {
            let mut lines: Vec<_> =
                lines.iter().map(|(product, pieces)| (product.to_ascii_uppercase(), pieces.get())).collect();
            lines.sort();
            json!(lines)
        }
    };
    json!({ "order": order, "restock": restock, "reason": wanted.reason, "note": wanted.note })
}

/// Moves an order on an open operation. The order's row is locked first: whoever else wants to move
/// it waits, and then finds it moved.
pub async fn apply(operation: &mut Operation, wanted: &Move) -> Result<Moved> {
    let found = repository::order::find_named(operation.handle(), &wanted.order, Lock::Update).await?;
    let before = found.ok_or_else(|| unknown(&wanted.order))?;
    operation.about(before.id);
    let Some(transition) = transition(&before, wanted)? else {
        return Ok(Moved { after: before.clone(), before, changed: false, replayed: false, restored: Vec::new() });
    };
    let items = repository::order::find_items(operation.handle(), before.id).await?;
    let restored = match goes_back(transition, &wanted.restock) {
        Restock::Nothing | Restock::AsUsual => Vec::new(),
        what => {
            let movements = repository::stock_movement::find_by_order(operation.handle(), before.id).await?;
            choose(&before, &items, &taken(&movements), &what)?
        }
    };
    let after = order::Model {
        status: transition.verb.leads_to().as_str().to_owned(),
        updated_at: operation.now().into(),
        ..before.clone()
    };
    let stock_rows = restore(operation, &before, &restored, wanted.note.as_deref()).await?;
    let items: Vec<order_item::Model> = items.into_iter().map(|(item, _)| item).collect();
    let more = more(wanted, transition, &restored);
    let change = repository::order::change_status(operation.handle(), &before, &after, &items, more).await?;
    operation.record(stock_rows.into_iter().fold(change, repository::Change::covering));
    Ok(Moved { before, after, changed: true, replayed: false, restored })
}

/// Exit 3 for an order that there is not.
pub fn unknown(name: &str) -> Error {
    Error::not_found("order", name).hint("shopctl order list --user WHO finds a customer's orders")
}

/// The row of the table, or none when the order is already there.
fn transition(order: &order::Model, wanted: &Move) -> Result<Option<Transition>> {
    let name = printable(&order.reference);
    let Some(status) = OrderStatus::from_stored(&order.status) else {
        return Err(Error::conflict(
            "order.status_unknown",
            format!("order {name} has the status {}, which shopctl does not know", printable(&order.status)),
        ));
    };
    match order_status::step(status, wanted.verb) {
        Step::AlreadyThere => Ok(None),
        Step::Take(_) if wanted.placed_before.is_some_and(|time| !is_before(order, time)) => {
            Err(Error::conflict("order.too_young", format!("order {name} is not old enough to expire")))
        }
        Step::Take(transition) => Ok(Some(transition)),
        // What was pending when the list was made has moved on since: it need not expire.
        Step::Refused if wanted.verb == Verb::Expire => Ok(None),
        Step::Refused => Err(refused(&name, status, wanted)),
    }
}

fn is_before(order: &order::Model, time: DateTime<Utc>) -> bool {
    matches!(order.created_at, Moment::Known(created) if created < time)
}

fn refused(name: &str, status: OrderStatus, wanted: &Move) -> Error {
    let verb = wanted.verb;
    let allowed: Vec<&str> = order_status::allowed(status).map(Verb::as_str).collect();
    let details = json!({ "status": status.as_str(), "verb": verb.as_str(), "allowed": allowed });
    let error = |message: String| Error::conflict("order.transition", message).details(details.clone());
    if allowed.is_empty() {
        return error(format!("order {name} is {}, which is final", status.as_str()));
    }
    let refusal = error(format!("order {name} is {}; allowed: {}", status.as_str(), allowed.join(", ")));
    if verb == Verb::Cancel && allowed.contains(&Verb::Refund.as_str()) {
        // Cancelled means that no money is held.
        let reason = wanted.reason.as_ref().map(|reason| format!(" --reason {}", shell_word(reason)));
        let reason = reason.unwrap_or_default();
        return refusal.hint(format!("the money goes back with: shopctl order refund {name}{reason}"));
    }
    refusal.hint("shopctl help lifecycle")
}

/// What the caller asked for, or what the table says.
fn goes_back(transition: Transition, wanted: &Restock) -> Restock {
    match (wanted, transition.stock) {
        (Restock::AsUsual, StockEffect::Restored) => Restock::Everything,
        (Restock::AsUsual, _) | (_, StockEffect::None) => Restock::Nothing,
        (asked, _) => asked.clone(),
    }
}

/// Pieces of each product that the order took and did not give back yet.
fn taken(movements: &[stock_movement::Model]) -> Vec<(Uuid, i64)> {
    let mut taken = Vec::<(Uuid, i64)>::new();
    for movement in movements {
        let pieces = -i64::from(movement.delta);
        match taken.iter_mut().find(|(id, _)| *id == movement.product_id) {
            Some((_, sum)) => *sum += pieces,
            None => taken.push((movement.product_id, pieces)),
        }
    }
    taken
}

/// The pieces of each product that go back, never more than were taken.
///
/// Errors: exit 6, naming each product of which more was asked than there is to give back.
fn choose(
    order: &order::Model,
    items: &[ItemWithProduct],
    taken: &[(Uuid, i64)],
    what: &Restock,
) -> Result<Vec<Restored>> {
    let sku_of = |id: Uuid| {
        let product = items.iter().find_map(|(item, product)| product.as_ref().filter(|_| item.product_id == id));
        product.map_or_else(|| id.to_string(), |product| product.sku.clone())
    };
    let pieces = |pieces: i64| i32::try_from(pieces).map_err(|_| Error::internal("an order took too many pieces"));
    let Restock::Lines(lines) = what else {
        let everything = taken.iter().filter(|(_, quantity)| *quantity > 0);
        return everything
            .map(|(id, quantity)| Ok(Restored { product_id: *id, sku: sku_of(*id), quantity: pieces(*quantity)? }))
            .collect();
    };
    let mut chosen = Vec::<Restored>::new();
    let mut problems = Vec::new();
    for (name, quantity) in lines {
        let product = items
            .iter()
            .find_map(|(_, product)| product.as_ref().filter(|product| repository::product::is_named(product, name)));
        let (id, sku) = product.map_or((Uuid::nil(), name.clone()), |product| (product.id, product.sku.clone()));
        let already = chosen.iter().find(|restored| restored.product_id == id).map_or(0, |restored| restored.quantity);
        let total = i64::from(already) + i64::from(quantity.get());
        let there = taken.iter().find(|(product, _)| *product == id).map_or(0, |(_, quantity)| (*quantity).max(0));
        if total > there {
            problems.push(format!("{}: {total} to be restored, {there} were taken", printable(&sku)));
            continue;
        }
        chosen.retain(|restored| restored.product_id != id);
        chosen.push(Restored { product_id: id, sku, quantity: pieces(total)? });
    }
    if problems.is_empty() {
        return Ok(chosen);
    }
    let name = printable(&order.reference);
    Err(Error::conflict("order.restock_too_much", format!("order {name}: {}", problems.join("; "))))
}

/// Puts the pieces back and appends their movements; the rows are for the order's change to cover.
async fn restore(
    operation: &Operation,
    order: &order::Model,
    restored: &[Restored],
    note: Option<&str>,
) -> Result<Vec<repository::Rows>> {
    if restored.is_empty() {
        return Ok(Vec::new());
    }
    let quantities: Vec<(Uuid, i32)> = restored.iter().map(|line| (line.product_id, line.quantity)).collect();
    let rows = repository::product::return_stock(operation.handle(), &quantities, operation.now()).await?;
    if rows.count() != restored.len() as u64 {
        let skus: Vec<_> = restored.iter().map(|line| printable(&line.sku)).collect();
        let message = format!("{}: the stock cannot take the pieces back", skus.join(", "));
        return Err(Error::conflict("stock.too_much", message).hint("give --no-restock, and correct the stock"));
    }
    let movements: Vec<_> = restored
        .iter()
        .map(|line| stock_movement::Model {
            order_id: Some(order.id),
            note: note.map(str::to_owned),
            ..operation.movement(line.product_id, line.quantity, MovementReason::Restock)
        })
        .collect();
    Ok(vec![rows, repository::stock_movement::create_many(operation.handle(), &movements).await?])
}

/// What the event says beside the order itself.
fn more(wanted: &Move, transition: Transition, restored: &[Restored]) -> Map<String, Json> {
    let mut more = Map::new();
    let texts = [("tracking", &wanted.tracking), ("note", &wanted.note)];
    more.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
    if transition.stock != StockEffect::None {
        more.insert("restored".to_owned(), to_json(restored));
    }
    more
}

/// Restored pieces as events and answers show them.
pub fn to_json(restored: &[Restored]) -> Json {
    let line = |line: &Restored| json!({ "sku": line.sku, "product_id": line.product_id, "quantity": line.quantity });
    restored.iter().map(line).collect()
}
