//! The invariants of refunds.

use sea_orm::{ConnectionTrait, Statement};

use super::{order_name, rows_without};
use crate::db::target::Engine;
use crate::domain::{Id, OrderStatus};
use crate::error::Result;

/// The refunded orders whose total is not fully refunded, by id: another program refunded them.
pub async fn find_orders_without_their_refund(connection: &impl ConnectionTrait) -> Result<Vec<Id>> {
    let orders = format!("{} ORDER BY order_id", sums_of_refunds(Engine::of(connection), LACKS_REFUND));
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), orders)).await?;
    Ok(rows.into_iter().map(|row| row.try_get("", "order_id")).collect::<Result<_, _>>()?)
}

/// Orders with more refunded than their total.
pub(super) fn above_total(engine: Engine) -> String {
    orders_by_refunds(engine, "SUM(refunded) > SUM(total)")
}

/// Refunded orders of which money is left.
pub(super) fn without_their_refund(engine: Engine) -> String {
    orders_by_refunds(engine, LACKS_REFUND)
}

/// Orders that are not refunded although no money of theirs is left.
pub(super) fn without_their_status(engine: Engine) -> String {
    orders_by_refunds(engine, LACKS_STATUS)
}

/// Refunds without their order, and their lines without their refund or the order's line.
pub(super) fn without_order_or_line(engine: Engine) -> String {
    let references = [
        ("order_refunds", "order_id", "orders"),
        ("order_refund_lines", "refund_id", "order_refunds"),
        ("order_refund_lines", "order_item_id", "order_items"),
    ];
    rows_without(engine, &references)
}

/// A free order has a refund of nothing.
const LACKS_REFUND: &str = "(MAX(is_refunded) = 1 AND (SUM(refunded) < SUM(total) OR SUM(refunds) = 0))";
const LACKS_STATUS: &str = "(MAX(is_refunded) = 0 AND SUM(total) > 0 AND SUM(refunded) >= SUM(total))";

fn orders_by_refunds(engine: Engine, is_broken: &str) -> String {
    let (sums, name) = (sums_of_refunds(engine, is_broken), order_name(engine));
    format!(
        "SELECT '' AS place, o.id AS order_id, {name} AS name FROM ({sums}) sums JOIN orders o ON o.id = sums.order_id"
    )
}

/// The orders that are refunded or have refunds, for whose sums `is_broken` holds.
fn sums_of_refunds(engine: Engine, is_broken: &str) -> String {
    let (total, amount, many_groups) =
        (engine.exact_amount("total_amount"), engine.exact_amount("amount"), engine.many_groups);
    let is_refunded = format!("{} = '{}'", engine.to_the_letter("status"), OrderStatus::Refunded);
    format!(
        "SELECT {many_groups}order_id FROM \
         (SELECT id AS order_id, {total} AS total, 0 AS refunded, 0 AS refunds, \
            CASE WHEN {is_refunded} THEN 1 ELSE 0 END AS is_refunded FROM orders \
          WHERE {is_refunded} OR id IN (SELECT order_id FROM order_refunds) \
          UNION ALL SELECT order_id, 0, {amount}, 1, 0 FROM order_refunds) both_sides \
         GROUP BY order_id HAVING {is_broken}"
    )
}

/// Lines with more pieces refunded than ordered, or refunded with another order.
pub(super) fn above_line(engine: Engine) -> String {
    let (many_groups, name) = (engine.many_groups, order_name(engine));
    format!(
        "SELECT COALESCE(p.sku, '') AS place, o.id AS order_id, {name} AS name FROM \
         (SELECT {many_groups}order_item_id FROM \
           (SELECT id AS order_item_id, quantity, 0 AS refunded FROM order_items \
            WHERE id IN (SELECT order_item_id FROM order_refund_lines) \
            UNION ALL SELECT order_item_id, 0, quantity FROM order_refund_lines) both_sides \
          GROUP BY order_item_id HAVING SUM(refunded) > SUM(quantity) \
          UNION SELECT l.order_item_id FROM order_refund_lines l JOIN order_refunds r ON r.id = l.refund_id \
           JOIN order_items i ON i.id = l.order_item_id WHERE i.order_id <> r.order_id) line \
         JOIN order_items i ON i.id = line.order_item_id JOIN orders o ON o.id = i.order_id \
         LEFT JOIN products p ON p.id = i.product_id"
    )
}
