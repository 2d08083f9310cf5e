//! The invariants of stock movements.

use crate::db::target::Engine;
use crate::domain::{EntityKind, MovementReason};

/// Whether shopctl wrote a movement `m`.
pub(super) const OF_AN_OPERATION: &str =
    "EXISTS (SELECT 1 FROM audit_events w WHERE w.operation_id = m.operation_id AND w.outcome = 'succeeded')";

/// Whether `adopt` has taken a movement `m` in.
pub(super) fn is_taken_in() -> String {
    format!(
        "EXISTS (SELECT 1 FROM audit_events a WHERE a.entity_type = '{}' AND a.entity_id = m.id \
         AND a.outcome = 'succeeded')",
        EntityKind::Movement
    )
}

/// The operation's event, or the one by which `adopt` took the movement in.
pub(super) fn without_event(engine: Engine) -> String {
    format!(
        "SELECT 'stock_movements' AS place, {} AS name FROM stock_movements m \
         WHERE NOT {OF_AN_OPERATION} AND NOT {}",
        engine.id_as_text("m.id"),
        is_taken_in()
    )
}

/// Movements of deleted products are ignored.
pub(super) fn stock_differs(engine: Engine) -> String {
    let name = engine.key_or_id("p.sku", "p.id");
    format!(
        "SELECT '' AS place, {name} AS name FROM \
     (SELECT product_id FROM (SELECT id AS product_id, stock_quantity AS stock, 0 AS delta FROM products \
       UNION ALL SELECT product_id, 0, delta FROM stock_movements) both_sides \
      GROUP BY product_id HAVING SUM(stock) <> SUM(delta)) sums JOIN products p ON p.id = sums.product_id"
    )
}

/// The orders that are gone, known to the audit trail or not, whose movements do not sum to zero: a deleted order
/// has restocked everything.
pub(super) fn without_order(engine: Engine, is_known: &str) -> String {
    let (order, balance) = (EntityKind::Order, MovementReason::BALANCE);
    let reason = engine.to_the_letter("m.reason");
    format!(
        "SELECT DISTINCT 'order' AS place, {} AS name FROM \
         (SELECT m.order_id FROM stock_movements m WHERE m.order_id IS NOT NULL AND {reason} <> '{balance}' \
          AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = m.order_id) \
          AND {is_known}EXISTS (SELECT 1 FROM audit_events e WHERE e.entity_type = '{order}' \
            AND e.entity_id = m.order_id AND e.outcome = 'succeeded') \
          GROUP BY m.order_id, m.product_id HAVING SUM(m.delta) <> 0) gone",
        engine.id_as_text("gone.order_id")
    )
}
