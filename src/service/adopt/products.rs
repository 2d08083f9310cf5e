//! Products: one movement makes what was recorded come to the stock, which stays.

use crate::domain::{EntityKind, Id, MovementReason};
use crate::entity::product;
use crate::error::Result;
use crate::repository::{adoption, product as products};
use crate::service::explain::{ForeignRow, RECORDED};
use crate::service::operation::Operation;

use super::candidates::Candidates;
use super::{Work, differences, oversold, pieces};

/// Takes in the locked products, after the orders.
pub(super) async fn take(
    operation: &Operation,
    work: &mut Work,
    candidates: &Candidates,
    locked: Vec<product::Model>,
) -> Result<()> {
    let changed: Vec<_> = locked.iter().filter(|product| candidates.products.contains(&product.id)).cloned().collect();
    let foreign = differences::<product::Entity>(operation, changed).await?;
    let mut foreign = work.note(EntityKind::Product, foreign);
    let sums = adoption::find_sums(operation.handle()).await?;
    for product in locked.iter().filter(|product| product.id != Id::Missing) {
        let found = foreign.remove(&product.id);
        let is_new = found.as_ref().is_some_and(|row| row.known.is_none());
        let moved = sums.get(&product.id).copied();
        if let Some(stock) = product.stock_quantity.known().map(i64::from) {
            let sold = work.sold.get(&product.id).copied().unwrap_or(0);
            let beyond = oversold(stock, moved.filter(|_| !is_new), sold);
            if beyond > 0 {
                work.adoption.oversold.push((product.sku.or_id(product.id), beyond));
            }
        }
        take_one(operation, work, product, found, moved.unwrap_or(0));
    }
    Ok(())
}

fn take_one(operation: &Operation, work: &mut Work, product: &product::Model, found: Option<ForeignRow>, moved: i64) {
    let moved = moved + work.of_orders.get(&product.id).copied().unwrap_or(0);
    let recorded = match product.stock_quantity.known().map(|stock| i64::from(stock) - moved) {
        Some(0) => None,
        Some(difference) if pieces(difference).is_some() => pieces(difference),
        _ => {
            let why = format!("its stock is {}, its movements come to {moved}", product.stock_quantity);
            work.adoption.leave(EntityKind::Product, &product.sku.or_id(product.id), why);
            None
        }
    };
    if found.is_none() && recorded.is_none() {
        return;
    }
    let mut after = products::audit_view(product);
    let (entity, id, name) = (EntityKind::Product, product.id, product.sku.or_id(product.id));
    let stock_differs = || format!("its stock is {}, its movements came to {moved}", product.stock_quantity);
    let what = found.as_ref().map_or_else(stock_differs, |row| row.what.clone());
    let known = found.map_or_else(|| Some(after.clone()), |row| row.known);
    if let Some(pieces) = recorded {
        let reason = if known.is_none() { MovementReason::Initial } else { MovementReason::External };
        work.movements.push(operation.movement(product.id, pieces, reason));
        after[RECORDED] = pieces.into();
    }
    let rows = u64::from(recorded.is_some());
    work.take(ForeignRow { entity, id, name, what, known, found: Some(after) }, rows);
}
