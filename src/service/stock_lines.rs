//! Deliveries and stock-takes: the stock of many products in one operation.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::operation::{Completion, Idempotency, Operation, Operations, Request};
use super::price;
use super::product::{Changed, known_stock};
use super::stock::{self, with_note};
use super::undone::undone_by;
use crate::domain::{EventName, Id, IdempotencyKey, MovementReason, Quantity, Violations};
use crate::entity::product::Model;
use crate::entity::{audit_event, stock_movement};
use crate::error::{Error, Result, printable};
use crate::repository;

/// Maximum number of products whose first result is given again.
const REPLAYED_MAX: u64 = 1_000_000;

/// What a line says about the stock of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockLine {
    /// Delivered pieces, from 0.
    Received(i32),
    /// Counted pieces, from 0.
    Counted {
        /// What was counted.
        level: i32,
        /// The recorded stock that the line was written for, if it says so.
        expected: Option<i32>,
    },
}

impl StockLine {
    /// The pieces that come or go.
    ///
    /// Errors: exit 6 for a stock that is not the expected one, that cannot take them, or that is not a number.
    fn delta(self, product: &Model) -> Result<i32> {
        let have = known_stock(product)?;
        let delta = match self {
            StockLine::Received(pieces) => i64::from(pieces),
            StockLine::Counted { expected: Some(expected), .. } if expected != have => {
                return Err(stock::unexpected(product, have, expected));
            }
            StockLine::Counted { level, .. } => i64::from(level) - i64::from(have),
        };
        let fits = i32::try_from(delta).ok().filter(|delta| have.checked_add(*delta).is_some_and(|sum| sum >= 0));
        fits.ok_or_else(|| stock::too_much(product, have, delta))
    }
}

/// Lines of a delivery or a stock-take, each of another product.
#[derive(Debug, Clone)]
pub struct StockLines {
    /// The products as they were read before.
    pub lines: Vec<(Model, StockLine)>,
    /// The reason recorded with the movements.
    pub reason: MovementReason,
    /// Free text recorded with the movements.
    pub note: Option<String>,
    /// Whether lines are applied though others are rejected.
    pub keeps_others: bool,
}

/// The result of lines.
#[derive(Debug)]
pub enum LinesResult {
    /// The product of each line, or why the line is rejected.
    Done(Vec<Result<Changed>>),
    /// What an earlier request with the same key did.
    Replayed(Received),
}

/// Applies lines in a separate operation; one that changes nothing writes nothing.
///
/// Errors: exit 6 for a key that was used for another request. Rejected lines are part of the result.
pub async fn run(operations: &Operations, request: &Request, wanted: &StockLines) -> Result<LinesResult> {
    match operations.run(request, async |operation| apply(operation, wanted).await).await? {
        Completion::Done(results) => Ok(LinesResult::Done(results)),
        Completion::Replayed(event) => replayed(operations, &event).await.map(LinesResult::Replayed),
    }
}

/// The request that applies lines; `fingerprint` is of the lines.
pub fn request(
    name: EventName,
    wanted: &StockLines,
    key: Option<IdempotencyKey>,
    lines: &impl serde::Serialize,
) -> Request {
    let reason = wanted.reason.as_str();
    let fingerprint = json!({ "lines": lines, "reason": reason, "note": wanted.note });
    Request {
        reason: Some(reason.to_owned()),
        idempotency: key.map(|key| Idempotency::new(key, name, &fingerprint)),
        ..Request::new(name)
    }
}

/// Applies lines on an open operation: the products are locked together, then their stock, the movements and the
/// events are written in a constant number of statements.
pub async fn apply(operation: &mut Operation, wanted: &StockLines) -> Result<Vec<Result<Changed>>> {
    let mut ids: Vec<Id> = wanted.lines.iter().map(|(product, _)| product.id).collect();
    ids.sort_unstable();
    let locked = repository::product::find_many_for_update(operation.handle(), &ids).await?;
    let mut locked: HashMap<Id, Model> = locked.into_iter().map(|product| (product.id, product)).collect();
    let now = operation.now();
    let result = |(read, line): &(Model, StockLine)| {
        let before = locked.remove(&read.id).ok_or_else(|| Error::not_found("product", &read.sku))?;
        let delta = line.delta(&before)?;
        if delta == 0 {
            return Ok(Changed { after: before.clone(), before, changed: false });
        }
        let stock_quantity = (known_stock(&before)? + delta).into();
        let after = Model { stock_quantity, updated_at: now.into(), ..before.clone() };
        Ok(Changed { before, after, changed: true })
    };
    let results: Vec<Result<Changed>> = wanted.lines.iter().map(result).collect();
    if wanted.keeps_others || results.iter().all(Result::is_ok) {
        write(operation, wanted, &results).await?;
    }
    Ok(results)
}

async fn write(operation: &mut Operation, wanted: &StockLines, results: &[Result<Changed>]) -> Result<()> {
    let changed = results.iter().flatten().filter(|result| result.changed);
    let pairs: Vec<(Model, Model)> = changed.map(|changed| (changed.before.clone(), changed.after.clone())).collect();
    let movement = |(before, after): &(Model, Model)| stock_movement::Model {
        note: wanted.note.clone(),
        ..operation.movement(before.id, after_less_before(before, after), wanted.reason)
    };
    let movements: Vec<stock_movement::Model> = pairs.iter().map(movement).collect();
    let changes = repository::product::update_many(operation.handle(), &pairs).await?;
    let mut rows = Some(repository::stock_movement::create_many(operation.handle(), &movements).await?);
    for change in changes {
        // The first change covers all movements.
        let change = rows.take().into_iter().fold(change, repository::Change::with_rows);
        operation.record(with_note(change, wanted.note.as_deref()));
    }
    Ok(())
}

/// The pieces that came or went.
pub fn difference(changed: &Changed) -> i32 {
    after_less_before(&changed.before, &changed.after)
}

fn after_less_before(before: &Model, after: &Model) -> i32 {
    let level = |product: &Model| product.stock_quantity.known().unwrap_or(0);
    level(after).saturating_sub(level(before))
}

/// The first result of a request, from its events.
async fn replayed(operations: &Operations, first: &audit_event::Model) -> Result<Received> {
    let connection = operations.database.connection();
    let events = repository::audit_event::find_by_operation(connection, first.operation_id, REPLAYED_MAX).await?;
    let ids: Vec<Id> = events.iter().map(|event| event.entity_id).collect();
    let now = repository::product::find_by_ids(connection, &ids).await?;
    let now: HashMap<Id, Model> = now.into_iter().map(|product| (product.id, product)).collect();
    let product = |event: &audit_event::Model| Some(stock::replayed(now.get(&event.entity_id)?, event));
    let products = events.iter().filter_map(product).collect();
    Ok(Received { products, replayed: true, undone_by: undone_by(connection, first.operation_id).await? })
}

/// A delivery, as typed.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// SKUs or ids, each with the delivered pieces.
    pub lines: Vec<(String, Quantity)>,
    /// The reason recorded with the movements.
    pub reason: MovementReason,
    /// Free text recorded with the movements.
    pub note: Option<String>,
}

/// The result of a delivery.
#[derive(Debug)]
pub struct Received {
    /// The products, in the order of the lines.
    pub products: Vec<Changed>,
    /// Whether an earlier request with the same key did it.
    pub replayed: bool,
    /// The operation by which that one is taken back, if it is.
    pub undone_by: Option<Id>,
}

impl Received {
    /// What was done just now.
    pub fn now(products: Vec<Changed>) -> Received {
        Received { products, replayed: false, undone_by: None }
    }
}

/// Adds the pieces of a delivery, all or none.
///
/// Errors: exit 3 naming every unknown product; exit 6 if a stock cannot take them, or the key was used for another
/// request; exit 7 for a product that is named twice.
pub async fn receive(operations: &Operations, delivery: &Delivery, key: Option<IdempotencyKey>) -> Result<Received> {
    let names: Vec<String> = delivery.lines.iter().map(|(name, _)| name.clone()).collect();
    let products = price::find_named(operations.database.connection(), &names).await?;
    if products.len() < names.len() {
        return Err(named_twice(&products, &names));
    }
    let lines = products.into_iter().zip(&delivery.lines);
    let lines = lines.map(|(product, (_, pieces))| (product, StockLine::Received(pieces.get()))).collect();
    let wanted = StockLines { lines, reason: delivery.reason, note: delivery.note.clone(), keeps_others: false };
    let mut said: Vec<(String, i32)> =
        delivery.lines.iter().map(|(name, pieces)| (name.to_ascii_uppercase(), pieces.get())).collect();
    said.sort_unstable();
    let request = request(EventName::StockReceive, &wanted, key, &said);
    let body = async |operation: &mut Operation| {
        if let [(only, _)] = wanted.lines.as_slice() {
            operation.set_subject(only.id)?;
        }
        apply(operation, &wanted).await?.into_iter().collect::<Result<Vec<Changed>>>()
    };
    match operations.run(&request, body).await? {
        Completion::Done(products) => Ok(Received::now(products)),
        Completion::Replayed(event) => replayed(operations, &event).await,
    }
}

/// Exit 7 for a product that is named twice, also by its SKU and its id.
fn named_twice(products: &[Model], names: &[String]) -> Error {
    let mut seen = HashSet::new();
    let is_again = |name: &&String| {
        let product = repository::product::match_name(products, name);
        product.is_some_and(|product| !seen.insert(product.id))
    };
    let name = names.iter().find(is_again).map_or_else(String::new, |name| printable(name));
    Violations::single("product", format!("{name} is given twice: give the sum once")).into_error()
}
