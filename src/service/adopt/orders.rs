//! Orders: the pieces that their lines took, those that came back, and their totals.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::candidates::Candidates;
use super::{Taker, Work, line};
use crate::domain::quantity::movements_of;
use crate::domain::{EntityKind, Id, Money, MovementReason, OrderStatus, Quantity};
use crate::entity::{Moment, order, order_item, product, stock_movement};
use crate::error::Result;
use crate::repository::order::Refund;
use crate::repository::{adoption, order as orders, trail};
use crate::service::explain::{ForeignRow, ROWS_AT_ONCE, TAKEN};
use crate::service::operation::Operation;
use crate::service::order_lifecycle::Balance;

/// The pieces of one product in an order.
#[derive(Debug, Default)]
struct Pieces {
    ordered: i64,
    /// By movements that took them.
    taken: i64,
    /// By all other movements, except those that balance the placing.
    back: i64,
}

/// What an order needs.
struct Needs {
    taken: Vec<(Id, i64)>,
    restored: Vec<(Id, i64)>,
    total: Option<Money>,
    /// Its refunds.
    refunds: Vec<Refund>,
}

/// Takes in the orders, locked and removed.
pub(super) async fn take(
    taker: &mut Taker<'_>,
    work: &mut Work,
    candidates: &Candidates,
    products: &[product::Model],
    sets_totals: bool,
) -> Result<()> {
    let skus: HashMap<Id, &str> = products.iter().map(|product| (product.id, product.sku.as_str())).collect();
    for ids in candidates.orders.chunks(ROWS_AT_ONCE as usize) {
        let some = taker.find::<order::Entity>(ids).await?;
        let foreign = taker.differences::<order::Entity>(some.clone()).await?;
        let mut foreign = work.note(foreign);
        let (operation, mut with_totals) = (&*taker.operation, Vec::new());
        let mut items = HashMap::<Id, Vec<order_item::Model>>::new();
        for item in trail::find_items_of(operation.handle(), ids).await? {
            items.entry(item.order_id).or_default().push(item);
        }
        let mut moved = HashMap::<Id, Vec<stock_movement::Model>>::new();
        for movement in trail::find_movements_of_orders(operation.handle(), ids).await? {
            moved.entry(movement.order_id).or_default().push(movement);
        }
        let mut refunds = orders::find_refunds_of(operation.handle(), ids).await?;
        for order in &some {
            let items = items.remove(&order.id).unwrap_or_default();
            let moved = moved.remove(&order.id).unwrap_or_default();
            let found = foreign.remove(&order.id);
            let has_zero = candidates.totals_of_zero.contains(&order.id) && order.total_amount == Money::ZERO;
            // A row that violates a CHECK cannot be written.
            let can_be_set = has_zero && order.status.known().is_some();
            let needs = Needs {
                total: if can_be_set { sum_of(&items) } else { None },
                refunds: refunds.remove(&order.id).unwrap_or_default(),
                ..needs(order, found.as_ref(), &items, &moved)
            };
            if has_zero && (!sets_totals || needs.total.is_none()) {
                work.adoption.totals_of_zero.push(order.reference.or_id(order.id));
            }
            let needs = Needs { total: needs.total.filter(|_| sets_totals), ..needs };
            with_totals.extend(take_one(operation, work, order, found, &items, &needs, &skus));
        }
        work.adoption.totals_set += with_totals.len() as u64;
        // The orders' changes cover them.
        let _covered = adoption::set_totals(operation.handle(), &with_totals).await?;
        taker.write(work).await?;
    }
    take_removed_orders(taker, work, candidates).await
}

/// The sum of the lines, if each has an amount and a quantity and it is one.
fn sum_of(items: &[order_item::Model]) -> Option<Money> {
    items.iter().try_fold(Money::ZERO, |sum, item| {
        let quantity = Quantity::new(i64::from(item.quantity.known()?)).ok()?;
        sum.checked_plus(item.unit_price.checked_times(quantity)?)
    })
}

/// The movements that an order lacks.
fn needs(
    order: &order::Model,
    found: Option<&ForeignRow>,
    items: &[order_item::Model],
    moved: &[stock_movement::Model],
) -> Needs {
    let mut products = BTreeMap::<Id, Pieces>::new();
    for item in items {
        // Others get no movement, which is told as what stays open.
        let quantity = item.quantity.known().filter(|quantity| *quantity > 0);
        if let Some(quantity) = quantity.filter(|_| item.product_id != Id::Missing) {
            products.entry(item.product_id).or_default().ordered += i64::from(quantity);
        }
    }
    for movement in moved {
        let pieces = products.entry(movement.product_id).or_default();
        match movement.reason.known() {
            Some(MovementReason::BALANCE) => {}
            Some(MovementReason::Order) => pieces.taken -= movement.delta.pieces(),
            _ => pieces.back += movement.delta.pieces(),
        }
    }
    let status = |document: Option<&Json>| OrderStatus::from_stored(document?["status"].as_str()?);
    let had_given_back = found.is_some_and(|row| status(row.known.as_ref()).is_some_and(OrderStatus::restocks));
    // Another program that ended an order is taken to have given its pieces back.
    let gives_back = found.is_some() && !had_given_back && order.status.known().is_some_and(OrderStatus::restocks);
    let taken = products.iter().map(|(id, pieces)| (*id, pieces.ordered - pieces.taken));
    // Where another program took pieces out of a line, no more can have come back than are left in it.
    let lost = |id: &Id| {
        let removed = found.into_iter().flat_map(|row| &row.removed).filter(|movement| movement.is_restock);
        removed.filter(|movement| movement.product == id.to_string()).map(|movement| movement.pieces).sum::<i64>()
    };
    let restored = products.iter().map(|(id, pieces)| {
        let left = pieces.ordered - pieces.back;
        // What another program took with another reason is none of the order's.
        (*id, if gives_back { left } else { left.min(lost(id)).max(-pieces.back) })
    });
    Needs {
        taken: taken.filter(|(_, pieces)| *pieces != 0).collect(),
        restored: restored.filter(|(_, pieces)| *pieces != 0).collect(),
        total: None,
        refunds: Vec::new(),
    }
}

/// The refund that an order lacks, if another program refunded it; as of its last change.
fn missing_refund(
    operation: &Operation,
    order: &order::Model,
    items: &[order_item::Model],
    refunds: &[Refund],
) -> Option<Refund> {
    let balance = Balance { order, refunds };
    let is_lacking = order.status == OrderStatus::Refunded && (refunds.is_empty() || balance.left()? > Money::ZERO);
    let at = match order.updated_at {
        Moment::Known(_) => order.updated_at.clone(),
        _ => operation.now().into(),
    };
    if is_lacking { balance.refund_rest(operation, items.iter(), at) } else { None }
}

/// Takes in one order, if anything is to be done; returns it with its new total, if it gets one.
fn take_one(
    operation: &Operation,
    work: &mut Work,
    order: &order::Model,
    found: Option<ForeignRow>,
    items: &[order_item::Model],
    needs: &Needs,
    skus: &HashMap<Id, &str>,
) -> Option<order::Model> {
    let is_whole = needs.taken.is_empty() && needs.restored.is_empty() && needs.total.is_none();
    let with_total = needs.total.map(|total| order::Model {
        total_amount: total.into(),
        updated_at: operation.now().into(),
        ..order.clone()
    });
    let refund = missing_refund(operation, with_total.as_ref().unwrap_or(order), items, &needs.refunds);
    if found.is_none() && is_whole && refund.is_none() {
        return None;
    }
    let view = orders::audit_view(order, items, &needs.refunds);
    let refunds: Vec<Refund> = needs.refunds.iter().chain(&refund).cloned().collect();
    let mut after = orders::audit_view(with_total.as_ref().unwrap_or(order), items, &refunds);
    let (mut taken, mut restored) = (Vec::new(), Vec::new());
    let is_held = !order.status.known().is_some_and(OrderStatus::restocks);
    for (product, count, reason, lines) in needs
        .taken
        .iter()
        .map(|(product, count)| (*product, *count, MovementReason::Order, true))
        .chain(needs.restored.iter().map(|(product, count)| (*product, *count, MovementReason::Restock, false)))
    {
        let sign = if lines { -1 } else { 1 };
        if lines && is_held {
            // No other program sold what a removed movement took.
            let removed = found.iter().flat_map(|row| &row.removed);
            let removed = removed.filter(|movement| movement.product == product.to_string() && movement.pieces < 0);
            let taken_before = -removed.map(|movement| movement.pieces).sum::<i64>();
            *work.sold.entry(product).or_default() += count - taken_before;
        }
        *work.of_orders.entry(product).or_default() += sign * count;
        let list = if lines { &mut taken } else { &mut restored };
        for delta in movements_of(sign * count) {
            let movement = operation.movement(product, delta, reason);
            work.movements.push(stock_movement::Model { order_id: order.id, ..movement });
            list.push(line(product, skus.get(&product).copied(), sign * i64::from(delta)));
        }
    }
    let refund_rows = refund.as_ref().map_or(0, |refund| 1 + refund.lines.len());
    let rows = (taken.len() + restored.len() + refund_rows) as u64 + u64::from(with_total.is_some());
    after[TAKEN] = taken.into();
    if !restored.is_empty() {
        after["restored"] = restored.into();
    }
    let what = match &found {
        Some(row) => row.what.clone(),
        None if with_total.is_some() => "its total was 0".to_owned(),
        None if is_whole => "its money was not recorded as refunded".to_owned(),
        None => "its lines had no movements".to_owned(),
    };
    work.refunds.extend(refund);
    let (known, removed) = found.map_or_else(|| (Some(view), Vec::new()), |row| (row.known, row.removed));
    let name = order.reference.or_id(order.id);
    let found = Some(after);
    work.take(ForeignRow { entity: EntityKind::Order, id: order.id, name, what, known, found, removed }, rows);
    with_total
}

/// The pieces of removed orders count as given back.
async fn take_removed_orders(taker: &mut Taker<'_>, work: &mut Work, candidates: &Candidates) -> Result<()> {
    if candidates.removed_orders.is_empty() {
        return Ok(());
    }
    let mut left = HashMap::<Id, Vec<(Id, i64)>>::new();
    for (order, product, net) in adoption::find_movements_of_removed_orders(taker.operation.handle()).await? {
        left.entry(order).or_default().push((product, net));
    }
    for ids in candidates.removed_orders.chunks(ROWS_AT_ONCE as usize) {
        for row in taker.removed::<order::Entity>(work, ids).await? {
            let mut rows = 0;
            for (product, net) in left.remove(&row.id).unwrap_or_default() {
                let Some(product) = product.present() else { continue };
                *work.of_orders.entry(product).or_default() -= net;
                for delta in movements_of(-net) {
                    let movement = taker.operation.movement(product, delta, MovementReason::Restock);
                    work.movements.push(stock_movement::Model { order_id: row.id, ..movement });
                    rows += 1;
                }
            }
            work.take(row, rows);
        }
        taker.write(work).await?;
    }
    Ok(())
}
