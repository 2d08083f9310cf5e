//! Which orders may be changed, and by how much.

use std::collections::BTreeMap;

use super::{OrderChange, quantities};
use crate::domain::{Id, MovementReason, OrderStatus, Quantity};
use crate::entity::{order, order_item, stock_movement, user};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::service::order_lifecycle;
use crate::service::place_order::{PlacedOrder, check_may_order};

/// Errors: exit 6 naming the verbs that are allowed.
pub(super) fn check_pending(order: &order::Model, wanted: &OrderChange) -> Result<()> {
    let status = order_lifecycle::known_status(order)?;
    if status == OrderStatus::Pending {
        return Ok(());
    }
    let (name, why) = (printable(&order.reference), ", and only pending orders can be changed");
    let hint = match &wanted.user {
        Some(user) => Hint::from("to assign it to another customer: ")
            .and(CommandLine::new("order reassign").argument(&name).option("--user", user)),
        None => Hint::from("for more units, place another order; for fewer, refund them; the rules: ")
            .and(CommandLine::anywhere("help lifecycle")),
    };
    Err(order_lifecycle::not_allowed(&name, status, "change", why, hint))
}

/// What somebody was shown of an order and may change: its customer and the pieces of each product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownOrder {
    user: Id,
    pieces: BTreeMap<Id, i64>,
}

impl ShownOrder {
    /// What is shown of an order.
    pub fn of(order: &PlacedOrder) -> ShownOrder {
        let items: Vec<order_item::Model> = order.items.iter().map(|(item, _)| item.clone()).collect();
        ShownOrder { user: order.order.user_id, pieces: quantities(&items) }
    }
}

/// Errors: exit 6 for an order whose customer or pieces are others than those that were shown.
pub(super) fn check_shown(order: &order::Model, items: &[order_item::Model], shown: Option<&ShownOrder>) -> Result<()> {
    if shown.is_none_or(|shown| *shown == ShownOrder { user: order.user_id, pieces: quantities(items) }) {
        return Ok(());
    }
    let name = printable(&order.reference);
    Err(Error::conflict("row.changed", format!("someone else changed order {name} meanwhile; nothing was written"))
        .hint("repeat the command to start from the current order"))
}

/// Errors: exit 6 for lines that another program wrote, whose pieces no movement took.
pub(super) fn check_own(
    order: &order::Model,
    items: &[order_item::Model],
    moved: &[stock_movement::Model],
) -> Result<()> {
    let mut pieces = quantities(items);
    for movement in moved.iter().filter(|movement| movement.reason == MovementReason::Order) {
        *pieces.entry(movement.product_id).or_default() += movement.delta.pieces();
    }
    let is_whole = |item: &order_item::Model| Quantity::new(item.quantity.pieces()).is_ok();
    if items.iter().all(is_whole) && pieces.values().all(|pieces| *pieces == 0) {
        return Ok(());
    }
    let name = printable(&order.reference);
    let message = format!("the lines of order {name} differ from its stock movements: another program wrote them");
    Err(Error::conflict("order.foreign_lines", message)
        .hint(Hint::from("first adopt them: ").and(CommandLine::new("adopt"))))
}

/// Pieces that are added are ordered, as in a new order; who may not order may still get fewer, or other prices.
///
/// Errors: exit 6 for more pieces of a customer who may not order.
pub(super) fn check_may_grow(user: Option<&user::Model>, difference: &BTreeMap<Id, i64>) -> Result<()> {
    let grows = difference.values().any(|pieces| *pieces > 0);
    user.filter(|_| grows).map_or(Ok(()), check_may_order)
}
