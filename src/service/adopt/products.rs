//! Products: one movement makes what was recorded come to the stock, which stays.

use std::collections::HashMap;

use crate::domain::quantity::movements_of;
use crate::domain::{EntityKind, Id, MovementReason};
use crate::entity::product;
use crate::error::Result;
use crate::repository::product as products;
use crate::service::explain::{ForeignRow, RECORDED, ROWS_AT_ONCE};
use crate::service::operation::Operation;

use super::candidates::Candidates;
use super::{Taker, Work, oversold};

/// Takes in the locked products, after the orders; `sums` are those of their movements before.
pub(super) async fn take(
    taker: &mut Taker<'_>,
    work: &mut Work,
    candidates: &Candidates,
    locked: &[product::Model],
    sums: &HashMap<Id, i64>,
) -> Result<()> {
    for some in locked.chunks(ROWS_AT_ONCE as usize) {
        let some: Vec<&product::Model> = some.iter().filter(|product| product.id != Id::Missing).collect();
        let changed = some.iter().filter(|product| candidates.products.contains(&product.id));
        let changed = changed.map(|product| (*product).clone()).collect();
        let foreign = taker.differences::<product::Entity>(changed).await?;
        let mut foreign = work.note(foreign);
        for product in some {
            let found = foreign.remove(&product.id);
            let is_new = found.as_ref().is_some_and(|row| row.known.is_none());
            let moved = sums.get(&product.id).copied();
            let removed = work.removed.take(product.id);
            if !removed.is_empty() {
                work.adoption.removed_movements.push((product.sku.or_id(product.id), removed.len()));
            }
            if let Some(stock) = product.stock_quantity.known().map(i64::from) {
                let sold = work.sold.get(&product.id).copied().unwrap_or(0);
                // What was removed moved the stock all the same.
                let gone = (!removed.is_empty()).then(|| removed.iter().sum::<i64>());
                let moved = (moved.is_some() || gone.is_some()).then(|| moved.unwrap_or(0) + gone.unwrap_or(0));
                let beyond = oversold(stock, moved.filter(|_| !is_new), sold);
                if beyond > 0 {
                    work.adoption.oversold.push((product.sku.or_id(product.id), beyond));
                }
            }
            take_one(taker.operation, work, product, found, moved.unwrap_or(0));
        }
        taker.write(work).await?;
    }
    Ok(())
}

fn take_one(operation: &Operation, work: &mut Work, product: &product::Model, found: Option<ForeignRow>, moved: i64) {
    let moved = moved + work.of_orders.get(&product.id).copied().unwrap_or(0);
    // A stock that is no number is told as what stays open.
    let recorded = product.stock_quantity.known().map(|stock| i64::from(stock) - moved);
    let recorded = recorded.filter(|difference| *difference != 0);
    if found.is_none() && recorded.is_none() {
        return;
    }
    let mut after = products::audit_view(product);
    let (entity, id, name) = (EntityKind::Product, product.id, product.sku.or_id(product.id));
    let stock_differs =
        || format!("its stock was {}, but its movements added up to {moved}", product.stock_quantity.told());
    let what = found.as_ref().map_or_else(stock_differs, |row| row.what.clone());
    let (known, removed) = found.map_or_else(|| (Some(after.clone()), Vec::new()), |row| (row.known, row.removed));
    let mut rows = 0;
    if let Some(difference) = recorded {
        let reason = if known.is_none() { MovementReason::Initial } else { MovementReason::External };
        for pieces in movements_of(difference) {
            work.movements.push(operation.movement(product.id, pieces, reason));
            rows += 1;
        }
        after[RECORDED] = difference.into();
    }
    work.take(ForeignRow { entity, id, name, what, known, found: Some(after), removed }, rows);
}
