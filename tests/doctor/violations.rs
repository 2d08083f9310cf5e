//! Every invariant, violated by plain SQL and restored.

use crate::support::Backend;

/// A statement that breaks one rule, what heals it again, and what has to be found.
#[derive(Clone, Copy)]
pub struct Break {
    pub check: &'static str,
    pub statement: &'static str,
    pub healing: &'static str,
    pub state: &'static str,
    pub offender: &'static str,
}

const fn broken(check: &'static str, offender: &'static str, statement: &'static str, healing: &'static str) -> Break {
    Break { check, statement, healing, state: "failed", offender }
}

const fn foreign(check: &'static str, offender: &'static str, statement: &'static str, healing: &'static str) -> Break {
    Break { state: "warning", ..broken(check, offender, statement, healing) }
}

/// A value that is none of its type, in the column `place`.
const fn odd(place: &'static str, statement: &'static str, healing: &'static str) -> Break {
    foreign("value-has-its-type", place, statement, healing)
}

const fn odd_time(statement: &'static str) -> Break {
    odd("orders.updated_at ", statement, "UPDATE orders SET updated_at = created_at")
}

const fn odd_price(statement: &'static str) -> Break {
    odd("products.price ", statement, "UPDATE products SET price = 1 WHERE sku = 'EXTRA'")
}

const FORGET_MOVEMENTS: &str = "DELETE FROM stock_movements WHERE note = 'broken'";

const ANYWHERE: &[Break] = &[
    foreign(
        "stock-equals-movements",
        "MUG-01",
        "UPDATE products SET stock_quantity = stock_quantity + 1 WHERE sku = 'MUG-01'",
        "UPDATE products SET stock_quantity = stock_quantity - 1 WHERE sku = 'MUG-01'",
    ),
    broken(
        "stock-not-negative",
        "MUG-01",
        "UPDATE products SET stock_quantity = stock_quantity - 100000 WHERE sku = 'MUG-01'",
        "UPDATE products SET stock_quantity = stock_quantity + 100000 WHERE sku = 'MUG-01'",
    ),
    foreign(
        "restock-within-taken",
        "DEM01-00003",
        "INSERT INTO stock_movements (product_id, delta, reason, order_id, note) SELECT product_id, quantity + 1, \
             'restock', order_id, 'broken' FROM order_items WHERE order_id = (SELECT id FROM orders WHERE reference = 'DEM01-00003')",
        FORGET_MOVEMENTS,
    ),
    foreign(
        "restock-within-taken",
        "DEM01-00003",
        "INSERT INTO stock_movements (product_id, delta, reason, order_id, note) SELECT product_id, -1, \
             'order', order_id, 'broken' FROM order_items WHERE order_id = (SELECT id FROM orders WHERE reference = 'DEM01-00003')",
        FORGET_MOVEMENTS,
    ),
    foreign(
        "total-equals-lines",
        "all of orders written by another program: 1 (DEM01-00003)",
        "UPDATE orders SET total_amount = total_amount + 0.01 WHERE reference = 'DEM01-00003'",
        "UPDATE orders SET total_amount = total_amount - 0.01 WHERE reference = 'DEM01-00003'",
    ),
    broken(
        "line-has-movement",
        "DEM01-00003",
        "UPDATE stock_movements SET reason = 'other' WHERE reason = 'order' \
             AND order_id = (SELECT id FROM orders WHERE reference = 'DEM01-00003')",
        "UPDATE stock_movements SET reason = 'order' WHERE reason = 'other'",
    ),
    broken(
        "movement-has-order",
        "order ",
        "INSERT INTO stock_movements (product_id, delta, reason, order_id, operation_id, note) \
             SELECT p.id, -1, 'order', p.id, e.operation_id, 'broken' FROM products p JOIN audit_events e ON e.entity_id = p.id \
             WHERE p.sku = 'EXTRA'",
        FORGET_MOVEMENTS,
    ),
    broken(
        "line-has-order-and-product",
        "order_items ",
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) \
             SELECT id, id, 1, 1 FROM products WHERE sku = 'MUG-01'",
        "DELETE FROM order_items WHERE order_id = product_id",
    ),
    broken(
        "refund-has-order",
        "order_refunds ",
        "INSERT INTO order_refunds (order_id, amount, reason) SELECT id, 1, 'broken' FROM products WHERE sku = 'MUG-01'",
        "DELETE FROM order_refunds WHERE reason = 'broken'",
    ),
    broken(
        "refund-has-order",
        "order_refund_lines ",
        "INSERT INTO order_refund_lines (refund_id, order_item_id, quantity, amount) \
             SELECT id, id, 1, 1 FROM products WHERE sku = 'MUG-01'",
        "DELETE FROM order_refund_lines WHERE refund_id = order_item_id",
    ),
    foreign(
        "status-is-refunded",
        "DEM01-00003",
        "INSERT INTO order_refunds (order_id, amount, reason) SELECT id, total_amount, 'broken' FROM orders WHERE reference = 'DEM01-00003'",
        "DELETE FROM order_refunds WHERE reason = 'broken'",
    ),
    broken(
        "order-has-user",
        "DEM01-00003",
        "UPDATE orders SET user_id = id WHERE reference = 'DEM01-00003'",
        "UPDATE orders SET user_id = (SELECT id FROM users WHERE email = 'mina@example.com') WHERE reference = 'DEM01-00003'",
    ),
    foreign(
        "order-has-lines",
        "EMPTY-00001",
        "INSERT INTO orders (reference, user_id) SELECT 'EMPTY-00001', id FROM users WHERE email = 'grace@example.com'",
        "DELETE FROM orders WHERE reference = 'EMPTY-00001'",
    ),
    foreign(
        "order-has-event",
        "EMPTY-00001",
        "INSERT INTO orders (reference, user_id) SELECT 'EMPTY-00001', id FROM users WHERE email = 'grace@example.com'",
        "DELETE FROM orders WHERE reference = 'EMPTY-00001'",
    ),
    foreign(
        "movement-has-event",
        "stock_movements ",
        "INSERT INTO stock_movements (product_id, delta, reason, note) SELECT id, 0, 'other', 'broken' FROM products WHERE sku = 'MUG-01'",
        FORGET_MOVEMENTS,
    ),
    foreign(
        "status-is-known",
        "orders.status ",
        "UPDATE orders SET status = 'lost' WHERE reference = 'DEM01-00003'",
        "UPDATE orders SET status = 'pending' WHERE reference = 'DEM01-00003'",
    ),
    foreign(
        "status-is-known",
        "users.status ",
        "UPDATE users SET status = 'lost' WHERE email = 'grace@example.com'",
        "UPDATE users SET status = 'active' WHERE email = 'grace@example.com'",
    ),
    foreign(
        "email-is-lower-case",
        "Grace@example.com",
        "UPDATE users SET email = 'Grace@example.com' WHERE email = 'grace@example.com'",
        "UPDATE users SET email = 'grace@example.com' WHERE email = 'Grace@example.com'",
    ),
    foreign(
        "email-is-address",
        "nobody",
        "UPDATE users SET email = 'nobody' WHERE email = 'grace@example.com'",
        "UPDATE users SET email = 'grace@example.com' WHERE email = 'nobody'",
    ),
    foreign(
        "keys-differ-by-more-than-case",
        "EXTRA and extra",
        "INSERT INTO products (sku, name, price, stock_quantity) VALUES ('extra', 'x', 1, 0)",
        "DELETE FROM products WHERE sku = 'extra'",
    ),
    foreign(
        "keys-differ-by-more-than-case",
        "Grace@example.com and grace@example.com",
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('Grace@example.com', 'x', 'x', 'x')",
        "DELETE FROM users WHERE email = 'Grace@example.com'",
    ),
    foreign(
        "keys-differ-by-more-than-case",
        "DEM01-00003 and dem01-00003",
        "INSERT INTO orders (reference, user_id) SELECT 'dem01-00003', id FROM users WHERE email = 'grace@example.com'",
        "DELETE FROM orders WHERE reference = 'dem01-00003'",
    ),
];

const ON_SQLITE: &[Break] = &[
    odd_time("UPDATE orders SET updated_at = 'soon' WHERE reference = 'DEM01-00003'"),
    odd_time("UPDATE orders SET updated_at = '1700000000' WHERE reference = 'DEM01-00003'"),
    odd(
        "products.stock_quantity ",
        "UPDATE products SET stock_quantity = 1.5 WHERE sku = 'EXTRA'",
        "UPDATE products SET stock_quantity = 0 WHERE sku = 'EXTRA'",
    ),
    odd_price("UPDATE products SET price = 'cheap' WHERE sku = 'EXTRA'"),
    odd_price("UPDATE products SET price = X'00' WHERE sku = 'EXTRA'"),
    odd(
        "products.name ",
        "UPDATE products SET name = X'616263' WHERE sku = 'EXTRA'",
        "UPDATE products SET name = 'x' WHERE sku = 'EXTRA'",
    ),
    odd(
        "audit_events.actor ",
        "UPDATE audit_events SET actor = CAST(X'41FF' AS text) WHERE operation = 'product.create'",
        "UPDATE audit_events SET actor = 'x' WHERE operation = 'product.create'",
    ),
];

const ON_POSTGRES: &[Break] = &[
    odd_time("UPDATE orders SET updated_at = 'infinity' WHERE reference = 'DEM01-00003'"),
    odd_time("UPDATE orders SET updated_at = '-infinity' WHERE reference = 'DEM01-00003'"),
    odd_price("UPDATE products SET price = 'NaN' WHERE sku = 'EXTRA'"),
];

const ON_MARIADB: &[Break] =
    &[odd_time("UPDATE orders SET updated_at = '0000-00-00 00:00:00' WHERE reference = 'DEM01-00003'")];

/// All that can be broken on a backend.
pub fn of(backend: Backend) -> impl Iterator<Item = Break> {
    let own = match backend {
        Backend::Sqlite => ON_SQLITE,
        Backend::Postgres => ON_POSTGRES,
        Backend::MariaDb => ON_MARIADB,
    };
    ANYWHERE.iter().chain(own).copied()
}

/// What lets a session write what the constraints forbid.
pub fn unbound(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; ",
        Backend::Postgres => "SET session_replication_role = replica; ",
        Backend::MariaDb => "SET check_constraint_checks = 0, foreign_key_checks = 0, sql_mode = ''; ",
    }
}
