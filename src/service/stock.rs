//! Stock: adjustments, counted levels, and changes by other programs.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::operation::{Completion, Idempotency, Operation, Operations, Request};
use super::product::{Changed, find_for_update, known_stock};
use super::undone::undone_by;
use crate::domain::quantity::movements_of;
use crate::domain::{EventName, Id, IdempotencyKey, MovementReason};
use crate::entity::product::Model;
use crate::entity::{Stored, audit_event, stock_movement};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository::product::StockDifference;
use crate::repository::{self, adoption};

/// A change of one product's stock.
#[derive(Debug, Clone)]
pub struct Adjustment {
    /// SKU or id.
    pub product: String,
    /// Pieces: never 0.
    pub delta: i32,
    /// The reason recorded with the movement.
    pub reason: MovementReason,
    /// Free text recorded with the movement.
    pub note: Option<String>,
}

/// The result of an adjustment.
#[derive(Debug, Clone)]
pub struct AdjustmentResult {
    /// The product before and after.
    pub product: Changed,
    /// Whether an earlier request with the same key did it.
    pub replayed: bool,
    /// The operation by which that one is taken back, if it is.
    pub undone_by: Option<Id>,
}

/// Adjusts stock in a separate operation.
///
/// Errors: exit 3; exit 6 if the stock would be negative, or the key was used for another request.
pub async fn adjust(
    operations: &Operations,
    adjustment: &Adjustment,
    key: Option<IdempotencyKey>,
) -> Result<AdjustmentResult> {
    let fingerprint = json!({
        "product": adjustment.product.to_ascii_uppercase(),
        "delta": adjustment.delta,
        "reason": adjustment.reason.as_str(),
        "note": adjustment.note,
    });
    let request = Request {
        reason: Some(adjustment.reason.as_str().to_owned()),
        idempotency: key.map(|key| Idempotency::new(key, EventName::StockAdjust, &fingerprint)),
        ..Request::new(EventName::StockAdjust)
    };
    match operations.run(&request, async |operation| apply_adjust(operation, adjustment).await).await? {
        Completion::Done(product) => Ok(AdjustmentResult { product, replayed: false, undone_by: None }),
        Completion::Replayed(event) => {
            let (connection, id) = (operations.database.connection(), event.entity_id);
            let now = repository::product::find_by_id(connection, id).await?;
            let now = now.ok_or_else(|| Error::not_found("product", id))?;
            let undone_by = undone_by(connection, event.operation_id).await?;
            Ok(AdjustmentResult { product: replayed(&now, &event), replayed: true, undone_by })
        }
    }
}

/// A product as it was before and after the operation of an event, apart from what has changed since.
pub(super) fn replayed(now: &Model, event: &audit_event::Model) -> Changed {
    let level = |document: &Value| document["stock_quantity"].as_i64().and_then(|level| i32::try_from(level).ok());
    let at = |level: Option<i32>| {
        let stock_quantity = level.map_or_else(|| now.stock_quantity.clone(), Stored::Known);
        Model { stock_quantity, ..now.clone() }
    };
    let (before, after) = event.documents();
    Changed { before: at(level(&before)), after: at(level(&after)), changed: false }
}

/// Adjusts stock on an open operation.
pub async fn apply_adjust(operation: &mut Operation, adjustment: &Adjustment) -> Result<Changed> {
    let before = find_for_update(operation, &adjustment.product).await?;
    move_by(operation, before, adjustment).await
}

/// Changes the stock of a locked product.
async fn move_by(operation: &mut Operation, before: Model, adjustment: &Adjustment) -> Result<Changed> {
    let stock = known_stock(&before)?;
    let moved =
        repository::product::move_stock(operation.handle(), before.id, adjustment.delta, operation.now()).await?;
    if moved.count() == 0 {
        return Err(out_of_range(&before, stock, adjustment));
    }
    let movement = stock_movement::Model {
        note: adjustment.note.clone(),
        ..operation.movement(before.id, adjustment.delta, adjustment.reason)
    };
    let rows = repository::stock_movement::create_many(operation.handle(), &[movement]).await?;
    let after = Model {
        stock_quantity: (stock + adjustment.delta).into(),
        updated_at: operation.now().into(),
        ..before.clone()
    };
    // `changed` covers the product's row, which `moved` counted.
    operation
        .record(with_note(repository::product::changed(&before, &after), adjustment.note.as_deref()).with_rows(rows));
    Ok(Changed { before, after, changed: true })
}

/// A counted stock level.
#[derive(Debug, Clone)]
pub struct StockCount {
    /// SKU or id.
    pub product: String,
    /// The counted pieces, from 0.
    pub level: i32,
    /// The recorded level that the caller expects.
    pub expected: i32,
    /// The reason recorded with the movement, if the level changes.
    pub reason: MovementReason,
    /// Free text recorded with the movement.
    pub note: Option<String>,
}

/// Sets stock to a level if the current one is as expected (compare-and-set).
///
/// Errors: exit 3; exit 6 if the stock has changed.
pub async fn set(operations: &Operations, count: &StockCount) -> Result<Changed> {
    let body = async |operation: &mut Operation| {
        let before = find_for_update(operation, &count.product).await?;
        let have = known_stock(&before)?;
        if have != count.expected {
            return Err(changed_meanwhile(&before, have, count));
        }
        if have == count.level {
            return Ok(Changed { after: before.clone(), before, changed: false });
        }
        // From one below 0 it may be more than a movement holds.
        let more = i64::from(count.level) - i64::from(have);
        let adjustment = Adjustment {
            product: before.sku.or_id(before.id),
            delta: i32::try_from(more).map_err(|_| too_much(&before, have, more))?,
            reason: count.reason,
            note: count.note.clone(),
        };
        move_by(operation, before, &adjustment).await
    };
    let reason = Some(count.reason.as_str().to_owned());
    let request = Request { reason, ..Request::new(EventName::StockSet) };
    operations.run(&request, body).await?.done()
}

/// Exit 6 for a stock that differs from the expected level.
pub(super) fn unexpected(product: &Model, have: i32, expected: i32) -> Error {
    let message = format!("{} has {have} in stock, not {expected} as expected", printable(&product.sku));
    Error::conflict("stock.changed", message)
}

fn changed_meanwhile(product: &Model, have: i32, count: &StockCount) -> Error {
    let error = unexpected(product, have, count.expected);
    if have == count.level {
        return error;
    }
    let again = CommandLine::again().option("--expect", &have.to_string());
    error.hint(Hint::from(format!("if {} is right anyway: ", count.level)).and(again))
}

/// A product whose stock differs from its movements, or of which another program sold more than there was.
#[derive(Debug, Clone)]
pub struct StockFinding {
    /// The product, its stock and its movements.
    pub difference: StockDifference,
    /// Pieces in orders of other programs, which no movement took.
    pub sold: i64,
    /// How many of them were sold beyond what there was, or the stock is below zero.
    pub oversold: i64,
}

/// The findings by SKU, of all products or those with these ids.
pub async fn find_differences(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<StockFinding>> {
    let mut differences = repository::product::find_stock_differences(connection, ids).await?;
    let sold = adoption::find_sold_elsewhere(connection).await?;
    let sums = if sold.is_empty() { HashMap::new() } else { adoption::find_sums(connection).await? };
    let is_asked = |id: &Id| ids.is_empty() || ids.contains(id);
    let is_beyond = |(id, sold): &(&Id, &i64)| sums.get(id).is_some_and(|moved| *sold > moved);
    let others: Vec<Id> = sold.iter().filter(is_beyond).map(|(id, _)| *id).filter(is_asked).collect();
    for product in repository::product::find_by_ids(connection, &others).await? {
        if differences.iter().all(|difference| difference.id != product.id) {
            let moved = product.stock_quantity.pieces();
            let Model { id, sku, stock_quantity, .. } = product;
            differences.push(StockDifference { id, sku, stock_quantity, moved });
        }
    }
    differences.sort_by(|one, other| one.sku.cmp(&other.sku));
    let finding = |difference: StockDifference| {
        let sold = sold.get(&difference.id).copied().unwrap_or(0);
        let moved = sums.get(&difference.id).copied();
        let oversold = super::adopt::oversold(difference.stock_quantity.pieces(), moved, sold);
        StockFinding { difference, sold, oversold }
    };
    Ok(differences.into_iter().map(finding).collect())
}

/// A difference between a product's stock and its movements, recorded as a movement.
#[derive(Debug, Clone)]
pub struct AcceptedDifference {
    /// The product, with its stock unchanged.
    pub product: Model,
    /// Pieces; 0 if there was no difference.
    pub delta: i64,
}

/// Records a stock change by another program as a movement; the stock is unchanged.
///
/// Errors: exit 3; exit 6 if the stock is not a number.
pub async fn accept(operations: &Operations, product: &str, note: Option<&str>) -> Result<AcceptedDifference> {
    let body = async |operation: &mut Operation| {
        let product = find_for_update(operation, product).await?;
        let moved = repository::stock_movement::sum(operation.handle(), product.id).await?;
        let delta = i64::from(known_stock(&product)?) - moved;
        if delta == 0 {
            return Ok(AcceptedDifference { product, delta });
        }
        let movement = |pieces| stock_movement::Model {
            note: note.map(str::to_owned),
            ..operation.movement(product.id, pieces, MovementReason::External)
        };
        let movements: Vec<_> = movements_of(delta).map(movement).collect();
        let rows = repository::stock_movement::create_many(operation.handle(), &movements).await?;
        operation.record(with_note(repository::product::accepted(&product, moved), note).with_rows(rows));
        Ok(AcceptedDifference { product, delta })
    };
    operations.run(&Request::new(EventName::StockAccept), body).await?.done()
}

/// The change with the note of its movement, so that an edit of the note is detected.
pub(super) fn with_note(mut change: repository::Change, note: Option<&str>) -> repository::Change {
    if let (Some(after), Some(note)) = (&mut change.after, note) {
        after["note"] = note.into();
    }
    change
}

/// Exit 6 for more pieces than a stock can hold, or too few to bring it back to 0.
pub(super) fn too_much(product: &Model, have: i32, more: i64) -> Error {
    let sku = printable(&product.sku);
    if i64::from(have) + more < 0 {
        let count = CommandLine::like("stock set").argument(&sku).number(0).option("--expect", &have.to_string());
        let message = format!("{sku} has {have} in stock; {more} more would leave it below 0");
        return Error::conflict("stock.below_zero", message).hint(Hint::from("if none is there: ").and(count));
    }
    Error::conflict("stock.too_much", format!("{sku} has {have} in stock; {more} more would exceed the maximum"))
}

fn out_of_range(product: &Model, have: i32, adjustment: &Adjustment) -> Error {
    let delta = adjustment.delta;
    if delta > 0 {
        return too_much(product, have, delta.into());
    }
    let sku = printable(&product.sku);
    let need = -delta;
    let error = Error::conflict("stock.insufficient", format!("{sku} has {have} in stock; cannot remove {need}"))
        .details(json!({ "lines": [{ "sku": product.sku, "have": have, "need": need }] }));
    if have <= 0 {
        return error;
    }
    let most = CommandLine::like("stock adjust")
        .argument(&sku)
        .number(-have)
        .option("--reason", adjustment.reason.as_str())
        .options("--note", adjustment.note.as_deref());
    error.hint(Hint::from("at most: ").and(most))
}
