//! Stock: adjustments with their reason.

use serde_json::json;

use super::operation::{Idempotency, Operation, Operations, Outcome, Request};
use super::product::{Changed, find_for_update};
use crate::domain::{IdempotencyKey, MovementReason};
use crate::entity::product::Model;
use crate::entity::stock_movement;
use crate::error::{Error, Result, printable};
use crate::repository;

/// A change of one product's stock.
#[derive(Debug, Clone)]
pub struct Adjustment {
    /// SKU or id.
    pub product: String,
    /// Pieces: never 0.
    pub delta: i32,
    pub reason: MovementReason,
    pub note: Option<String>,
}

/// How an adjustment ended.
#[derive(Debug, Clone)]
pub struct Adjusted {
    pub product: Changed,
    pub replayed: bool,
}

/// Adjusts stock in an operation of its own.
///
/// Errors: exit 3; exit 6 when the stock would go below zero, or the key was used for something else.
pub async fn adjust(operations: &Operations, adjustment: &Adjustment, key: Option<IdempotencyKey>) -> Result<Adjusted> {
    let fingerprint = json!({
        "product": adjustment.product.to_ascii_uppercase(),
        "delta": adjustment.delta,
        "reason": adjustment.reason.as_str(),
        "note": adjustment.note,
    });
    let request = Request {
        name: "stock.adjust",
        entity: "product",
        reason: Some(adjustment.reason.as_str().to_owned()),
        idempotency: key.map(|key| Idempotency::new(key, "stock.adjust", &fingerprint)),
        ..Request::default()
    };
    match operations.run(&request, async |operation| apply_adjust(operation, adjustment).await).await? {
        Outcome::Done(product) => Ok(Adjusted { product, replayed: false }),
        Outcome::Replayed(event) => {
            let id = event.entity_id.unwrap_or_default();
            let now = repository::product::find_by_id(operations.database.connection(), id).await?;
            let now = now.ok_or_else(|| Error::not_found("product", id))?;
            let level = |json: &Option<String>| {
                let value: Option<serde_json::Value> = json.as_deref().and_then(|text| serde_json::from_str(text).ok());
                value.and_then(|value| value["stock_quantity"].as_i64()).and_then(|level| i32::try_from(level).ok())
            };
            let at = |level: Option<i32>| Model { stock_quantity: level.unwrap_or(now.stock_quantity), ..now.clone() };
            let product = Changed { before: at(level(&event.before)), after: at(level(&event.after)), changed: false };
            Ok(Adjusted { product, replayed: true })
        }
    }
}

/// Adjusts stock on an open operation.
pub async fn apply_adjust(operation: &mut Operation, adjustment: &Adjustment) -> Result<Changed> {
    let before = find_for_update(operation, &adjustment.product).await?;
    let moved =
        repository::product::move_stock(operation.handle(), before.id, adjustment.delta, operation.now()).await?;
    if moved.count() == 0 {
        return Err(out_of_range(&before, adjustment));
    }
    let movement = stock_movement::Model {
        id: operation.new_id(),
        product_id: before.id,
        delta: adjustment.delta,
        reason: adjustment.reason.as_str().to_owned(),
        order_id: None,
        operation_id: operation.id(),
        note: adjustment.note.clone(),
        created_at: operation.now().into(),
    };
    let rows = repository::stock_movement::create_many(operation.handle(), vec![movement]).await?;
    let after = Model {
        stock_quantity: before.stock_quantity + adjustment.delta,
        updated_at: operation.now().into(),
        ..before.clone()
    };
    // `changed` stands for the product's row, which `moved` counted.
    operation.record(repository::product::changed(&before, &after).covering(rows));
    Ok(Changed { before, after, changed: true })
}

fn out_of_range(product: &Model, adjustment: &Adjustment) -> Error {
    let (delta, reason) = (adjustment.delta, adjustment.reason.as_str());
    let sku = printable(&product.sku);
    let have = product.stock_quantity;
    if delta > 0 {
        return Error::conflict("stock.too_much", format!("{sku} has {have} in stock; {delta} more cannot be counted"));
    }
    let need = -delta;
    let error = Error::conflict("stock.insufficient", format!("{sku} has {have} in stock, {need} to be taken"))
        .details(json!({ "lines": [{ "sku": product.sku, "have": have, "need": need }] }));
    if have > 0 { error.hint(format!("at most: shopctl stock adjust {sku} -{have} --reason {reason}")) } else { error }
}
