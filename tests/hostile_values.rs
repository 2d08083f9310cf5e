//! Any value in any column of users, products, orders and lines that an engine admits without constraints: no list,
//! export, report, check or adoption ends with an error.

use crate::on_every_backend;
use crate::support::readers::{CHECKS, REPORTS};
use crate::support::{Backend, Column, Shop};

on_every_backend!(any_value_in_any_column_stops_no_list_no_check_and_no_adoption);

const TABLES: [&str; 4] = ["users", "products", "orders", "order_items"];

/// The rows of each table.
const ROWS: usize = 10;

const READERS: [&[&str]; 10] = [
    &["user", "list"],
    &["product", "list", "--json", "--sort", "name"],
    &["order", "list", "--json"],
    &["stock", "list"],
    &["user", "export", "-o", "csv"],
    &["product", "export", "-o", "jsonl"],
    &["order", "export", "-o", "csv"],
    &["order", "export", "-o", "jsonl"],
    &["stock", "history", "P9"],
    &["audit", "list"],
];

/// What SQLite admits in every column.
const ANY: [&str; 8] =
    ["NULL", "''", "'abc'", "1e300", "-1", "X'00FF'", "'12,50'", "replace(printf('%05000d', 0), '0', 'y')"];

/// What a server admits in a column.
fn admitted(backend: Backend, column: &Column) -> [&'static str; 3] {
    match column.name.as_str() {
        _ if column.is_number => ["-1", "0", "99999999"],
        name if name.ends_with("_at") && backend == Backend::Postgres => {
            ["'infinity'", "'-infinity'", "'4000-01-01 BC'"]
        }
        name if name.ends_with("_at") => ["'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'1000-01-01'"],
        name if name == "id" || name.ends_with("_id") => [
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            "'0190a2b4-7c1e-7d00-8000-0000000000ab'",
        ],
        _ => ["''", "'abc'", "'yyyyyyyyyyyyyyyy'"],
    }
}

/// Ten users, products and orders with a line each, of another program.
fn fill(shop: &Shop) {
    let rows = |row: fn(usize) -> String| (0..ROWS).map(row).collect::<Vec<_>>().join(", ");
    let users = rows(|number| format!("('u{number}@example.com', 'x', 'F', 'L')"));
    shop.sql(&format!("INSERT INTO users (email, password_hash, first_name, last_name) VALUES {users}"));
    let products = rows(|number| format!("('P{number}', 'P', 2.5, 20)"));
    shop.sql(&format!("INSERT INTO products (sku, name, price, stock_quantity) VALUES {products}"));
    shop.sql(
        "INSERT INTO orders (reference, user_id, status, total_amount) \
         SELECT CONCAT('R', SUBSTR(email, 2, 1)), id, 'paid', 5 FROM users",
    );
    shop.sql(
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 2, 2.5 \
         FROM orders o JOIN products p ON SUBSTR(p.sku, 2, 1) = SUBSTR(o.reference, 2, 1)",
    );
}

/// Drops what would refuse a value.
fn forget_constraints(shop: &Shop) {
    match shop.backend {
        Backend::Sqlite => shop.sql(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'; \
             PRAGMA writable_schema = RESET",
        ),
        Backend::Postgres => shop.sql(
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT conrelid::regclass AS t, conname AS n FROM pg_constraint \
             WHERE contype IN ('c', 'f') AND connamespace = current_schema()::regnamespace LOOP \
             EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.n); END LOOP; END $$",
        ),
        Backend::MariaDb => {}
    }
}

/// Sets the column of the row with this number.
fn set(shop: &Shop, Column { table, name, .. }: &Column, number: usize, value: &str) {
    let row = match table.as_str() {
        "users" => format!("email = 'u{number}@example.com'"),
        "products" => format!("sku = 'P{number}'"),
        "orders" => format!("reference = 'R{number}'"),
        _ => format!("order_id = (SELECT id FROM orders WHERE reference = 'R{number}')"),
    };
    let begin = match shop.backend {
        Backend::Sqlite => "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; ",
        Backend::Postgres => "",
        Backend::MariaDb => "SET check_constraint_checks = 0, foreign_key_checks = 0; ",
    };
    shop.sql(&format!("{begin}UPDATE {table} SET {name} = {value} WHERE {row}"));
}

fn any_value_in_any_column_stops_no_list_no_check_and_no_adoption(shop: &Shop) {
    let next = || Shop::migrated(shop.backend).expect("the server is there");
    let columns = shop.columns();
    if shop.backend == Backend::Sqlite {
        for column in columns.iter().filter(|column| TABLES.contains(&column.table.as_str())) {
            let shop = next();
            fill(&shop);
            forget_constraints(&shop);
            for (number, value) in ANY.iter().enumerate() {
                set(&shop, column, number, value);
            }
            assert_goes_on(&shop, &format!("{}.{}", column.table, column.name));
        }
        return;
    }
    for number in 0..3 {
        let shop = next();
        fill(&shop);
        forget_constraints(&shop);
        // The keys last, because they name the rows.
        for table in TABLES.iter().rev() {
            for (row, column) in columns.iter().filter(|column| column.table == *table).enumerate() {
                set(&shop, column, row % ROWS, admitted(shop.backend, column)[number]);
            }
        }
        assert_goes_on(&shop, &format!("{:?}, values {number}", shop.backend));
    }
}

#[track_caller]
fn assert_goes_on(shop: &Shop, what: &str) {
    let check = || {
        for arguments in CHECKS {
            let run = shop.run(arguments);
            assert!([0, 9].contains(&run.code), "{what}: {run}");
            assert!(!run.stdout.contains("the database refused"), "{what}: {run}");
        }
    };
    for arguments in READERS.into_iter().chain(REPORTS) {
        let run = shop.run(arguments);
        assert_eq!(run.code, 0, "{what}: {run}");
    }
    check();
    let run = shop.run(&["adopt", "--yes", "--json"]);
    assert_eq!(run.code, 0, "{what}: {run}");
    check();
    let run = shop.run(&["adopt", "--yes", "--json"]);
    assert!(run.code == 0 && run.json()["changed"] == false, "{what}: {run}");
}
