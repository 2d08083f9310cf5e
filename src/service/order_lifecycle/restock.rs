//! Goods of an order that come back later: they go into stock, without any money.

use serde_json::json;

use super::{Plan, Restock, Said, TransitionResult, known_status, run_request, shown, sorted, unknown, write};
use crate::domain::order_status::StockEffect;
use crate::domain::{EventName, IdempotencyKey, OrderStatus, Quantity, reference};
use crate::error::{CommandLine, Error, Hint, Result};
use crate::repository;
use crate::service::operation::{Idempotency, Operation, Operations, Request};

/// Pieces of an order that came back.
#[derive(Debug, Clone)]
pub struct OrderRestock {
    /// Reference or id.
    pub order: String,
    /// Products (SKU or id) with the number of pieces, or all that the order took and that are not back.
    pub lines: Vec<(String, Option<Quantity>)>,
    /// The reason recorded in the event.
    pub reason: Option<String>,
    /// Kept in the event and with the stock movements.
    pub note: Option<String>,
}

/// Restocks pieces of one order in a separate operation.
///
/// Errors: exit 3 for an unknown order or product; exit 6 for a pending order, for more pieces than the order took and
/// that are not back, or a key used for another request.
pub async fn restock(
    operations: &Operations,
    wanted: &OrderRestock,
    key: Option<IdempotencyKey>,
) -> Result<TransitionResult> {
    let name = EventName::OrderRestock;
    let order = reference::folded(&wanted.order);
    let lines = sorted(&wanted.lines);
    let fingerprint = json!({ "order": order, "lines": lines, "reason": wanted.reason, "note": wanted.note });
    let request = Request {
        reason: wanted.reason.clone(),
        idempotency: key.map(|key| Idempotency::new(key, name, &fingerprint)),
        ..Request::new(name)
    };
    run_request(operations, &request, async |operation| apply(operation, wanted).await).await
}

async fn apply(operation: &mut Operation, wanted: &OrderRestock) -> Result<TransitionResult> {
    let found = repository::order::find_for_update(operation.handle(), &wanted.order).await?;
    let before = found.ok_or_else(|| unknown(&wanted.order))?;
    operation.set_subject(before.id)?;
    if known_status(&before)? == OrderStatus::Pending {
        let name = shown(&before);
        let cancel = CommandLine::new("order cancel").argument(&name);
        return Err(Error::conflict("order.restock_pending", format!("order {name} is pending: nothing was shipped"))
            .hint(Hint::from("to restock its units: ").and(cancel)));
    }
    let mut plan = Plan::load(operation, &before).await?;
    plan.restock(operation, &before, &Restock::Lines(wanted.lines.clone())).await?;
    if plan.restored.is_empty() {
        return Ok(TransitionResult::unchanged(before, plan.refunds));
    }
    let said = Said { note: wanted.note.as_deref(), sets_note: false, tracking: None };
    write(operation, before, said, StockEffect::OnRequest, plan).await
}
