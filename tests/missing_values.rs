//! Values that another program left out, where it dropped a column's NOT NULL: they are listed, shown, exported and
//! imported unchanged, and named by the checks and `adopt`.

use std::collections::BTreeSet;

use crate::on_every_backend;
use crate::support::emulator::Emulator;
use crate::support::readers::{CHECKS, REPORTS};
use crate::support::{Backend, Shop};

on_every_backend!(
    a_row_without_any_one_value_stops_no_list_no_check_and_no_adoption,
    missing_values_are_not_shown_as_empty_texts,
    paging_returns_every_row_without_a_value_once,
);

/// The tables of the shop, each with the columns that are never NULL in shopctl's schema.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("users", &["id", "email", "password_hash", "first_name", "last_name", "status", "created_at", "updated_at"]),
    ("products", &["id", "sku", "name", "price", "stock_quantity", "created_at", "updated_at"]),
    ("orders", &["id", "reference", "user_id", "status", "total_amount", "created_at", "updated_at"]),
    ("order_items", &["id", "order_id", "product_id", "quantity", "unit_price"]),
    ("audit_events", &["operation_id", "sequence", "operation", "actor", "outcome", "entity_type", "occurred_at"]),
    ("audit_seals", &["number", "previous_hash", "hash", "event_count", "sealed_by", "sealed_at"]),
];

/// The columns of a table that can be NULL once NOT NULL is dropped: a primary key cannot on the servers.
fn columns(shop: &Shop, table: &str) -> Vec<&'static str> {
    let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == table).expect("a table");
    columns.iter().copied().filter(|column| *column != "id" || shop.backend == Backend::Sqlite).collect()
}

/// Drops NOT NULL of all these columns.
fn allow_null(shop: &Shop, table: &str) {
    match shop.backend {
        Backend::Sqlite => shop.sql(&format!(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table' AND name = '{table}'; \
             PRAGMA writable_schema = RESET"
        )),
        Backend::Postgres => {
            let drops = columns(shop, table).into_iter().map(|column| format!("ALTER {column} DROP NOT NULL"));
            shop.sql(&format!("ALTER TABLE {table} {}", drops.collect::<Vec<_>>().join(", ")));
        }
        Backend::MariaDb => {
            let modify = columns(shop, table).into_iter().map(|column| {
                let found = shop.column(&format!(
                    "SELECT column_type FROM information_schema.columns \
                     WHERE table_schema = DATABASE() AND table_name = '{table}' AND column_name = '{column}'"
                ));
                format!("MODIFY `{column}` {} NULL", found[0])
            });
            shop.sql(&format!("ALTER TABLE {table} {}", modify.collect::<Vec<_>>().join(", ")));
        }
    }
}

/// Sets the column to NULL in the row that is the given number in the order of `key`.
fn leave_out(shop: &Shop, table: &str, key: &str, number: usize, column: &str) {
    let found = shop.column(&format!("SELECT CONCAT({key}, '') FROM {table} WHERE {key} IS NOT NULL ORDER BY {key}"));
    unbound(shop, &format!("UPDATE {table} SET {column} = NULL WHERE {key} = '{}'", found[number]));
}

/// Writes without foreign keys.
fn unbound(shop: &Shop, sql: &str) {
    match shop.backend {
        Backend::Sqlite => shop.sql(&format!("PRAGMA foreign_keys = OFF; {sql}")),
        Backend::Postgres | Backend::MariaDb => shop.sql(sql),
    }
}

/// A shop with a row for each column, which has no value there. Keys begin with a letter for the column.
fn shop_with_a_row_without_each_value(shop: &Shop) {
    for number in 0..9 {
        let email = shop.user(&format!("u{number}"));
        shop.product(&format!("P{number}"), "2.50", 20);
        shop.run(&["order", "create", "--user", &email, "--item", &format!("P{number}:2"), "--json"]).success();
    }
    shop.run(&["audit", "seal"]).success();
    shop.run(&["audit", "seal"]).success();
    for (table, _) in COLUMNS {
        allow_null(shop, table);
        for (number, column) in columns(shop, table).into_iter().enumerate() {
            let number = if table == "audit_seals" { 0 } else { number };
            // The id of a row that keeps it names the row.
            let key = if column == "id" { "created_at" } else { "id" };
            match (table, column) {
                ("order_items", "id") => unbound(shop, "UPDATE order_items SET id = NULL WHERE rowid = 1"),
                _ => leave_out(shop, table, key, number, column),
            }
        }
    }
}

const READERS: [&[&str]; 21] = [
    &["user", "list"],
    &["user", "list", "--json", "--sort", "email"],
    &["user", "export", "-o", "csv"],
    &["user", "export", "-o", "mongo-json"],
    &["product", "list"],
    &["product", "list", "--json", "--sort", "-name"],
    &["product", "export", "-o", "csv"],
    &["product", "export", "-o", "jsonl"],
    &["order", "list"],
    &["order", "list", "--json", "--all"],
    &["order", "export", "-o", "csv"],
    &["order", "export", "-o", "jsonl"],
    &["stock", "list"],
    &["stock", "list", "--json"],
    &["stock", "history", "P8"],
    &["audit", "list", "--json"],
    &["audit", "export"],
    &["user", "show", "u8@example.com"],
    &["product", "show", "P8"],
    &["user", "export-data", "u8@example.com"],
    &["seed", "status"],
];

fn all_are_read(shop: &Shop) {
    READERS.into_iter().chain(REPORTS).for_each(|arguments| drop(shop.run(arguments).success()));
    for check in CHECKS {
        let run = shop.run(check);
        assert!([0, 9].contains(&run.code), "{run}");
        assert!(!run.stdout.contains("refused:"), "{run}");
    }
    for id in shop.run(&["order", "list", "--all", "-o", "id"]).success().stdout.lines().filter(|id| !id.is_empty()) {
        shop.run(&["order", "show", id]).success();
    }
}

fn a_row_without_any_one_value_stops_no_list_no_check_and_no_adoption(shop: &Shop) {
    shop_with_a_row_without_each_value(shop);
    all_are_read(shop);
    let deep = shop.run(&["doctor", "--deep"]);
    assert!(deep.stdout.contains("rows with missing or invalid values"), "{deep}");
    assert!(deep.stdout.contains("audit_events.actor"), "{deep}");
    for (noun, format, key) in [
        ("user", "csv", "email"),
        ("user", "json", "email"),
        ("product", "csv", "sku"),
        ("product", "jsonl", "sku"),
        ("order", "csv", "reference"),
        ("order", "jsonl", "reference"),
    ] {
        let file = format!("{noun}.{format}");
        shop.run(&[noun, "export", "--out", &file]).success();
        let run = shop.run(&[noun, "import", &file, "--on-error", "reject-rows", "--json"]).exits_with(8);
        let run = run.says(&format!("{key}: is missing"));
        let counts = run.json();
        assert_eq!(
            (&counts["created"], &counts["updated"], &counts["rejected"]),
            (&0.into(), &0.into(), &1.into()),
            "{run}"
        );
    }
    let adopted = shop.run(&["adopt", "--yes", "--json"]).success().json();
    let lost = adopted["lost"].to_string();
    for what in ["has no order", "has no product", "has no user"] {
        assert!(lost.contains(what), "{what}: {adopted}");
    }
    if shop.backend == Backend::Sqlite {
        for command in
            [&["user", "disable", "u0@example.com", "--yes"][..], &["product", "update", "P0", "--name", "x"]]
        {
            shop.run(command).exits_with(6).says("row.without_id");
        }
        assert_eq!(adopted["left"].to_string().matches("has no id").count(), 3, "{adopted}");
    }
    assert!(adopted["repairs"].to_string().contains("no status"), "{adopted}");
    all_are_read(shop);
    assert_eq!(shop.run(&["adopt", "--yes", "--json"]).success().json()["changed"], false);
}

fn missing_values_are_not_shown_as_empty_texts(shop: &Shop) {
    let email = shop.user("ann");
    shop.product("MUG", "2.50", 20);
    shop.run(&["order", "create", "--user", &email, "--item", "MUG:2"]).success();
    for table in ["users", "products", "orders"] {
        allow_null(shop, table);
    }
    shop.sql("UPDATE users SET first_name = NULL, last_name = ''");
    shop.sql("UPDATE products SET sku = NULL, name = NULL, price = NULL, created_at = NULL");
    shop.sql("UPDATE orders SET reference = NULL, status = NULL, user_id = NULL");
    let first = |noun: &str| shop.run(&[noun, "list", "--json"]).success().json()["items"][0].clone();
    let (user, product, order) = (first("user"), first("product"), first("order"));
    assert!(user["first_name"].is_null() && user["last_name"] == "", "{user}");
    assert!(["sku", "name", "price", "created_at"].iter().all(|field| product[field].is_null()), "{product}");
    assert!(["reference", "status", "user_id", "user"].iter().all(|field| order[field].is_null()), "{order}");
    let table = shop.run(&["user", "list", "-o", "table", "--fields", "first_name,last_name,status"]).success();
    assert_eq!(
        table.stdout.lines().nth(1).map(str::split_whitespace).expect("a row").collect::<Vec<_>>(),
        ["-", "active"]
    );
    let id = product["id"].as_str().expect("an id");
    assert_eq!(shop.run(&["product", "show", id, "--json"]).success().json()["id"], id);
    shop.run(&["product", "update", id, "--sku", "MUG-2", "--name", "Mug", "--price", "3"]).success();
    assert_eq!(shop.column("SELECT sku FROM products"), ["MUG-2"]);
}

fn paging_returns_every_row_without_a_value_once(shop: &Shop) {
    shop_with_a_row_without_each_value(shop);
    for table in ["users", "products", "orders"] {
        let null = columns(shop, table)
            .into_iter()
            .filter(|column| column.ends_with("_at"))
            .map(|column| format!("{column} = NULL"));
        let key = ["email", "sku", "reference"]
            [["users", "products", "orders"].iter().position(|name| *name == table).expect("a table")];
        let null: Vec<String> = null.collect();
        let some =
            shop.column(&format!("SELECT CONCAT({key}, '') FROM {table} WHERE {key} IS NOT NULL ORDER BY {key}"));
        for name in &some[..4] {
            shop.sql(&format!("UPDATE {table} SET {} WHERE {key} = '{name}'", null.join(", ")));
        }
    }
    shop.sql("UPDATE products SET price = NULL, stock_quantity = NULL, name = NULL WHERE sku < 'P4'");
    shop.sql("UPDATE orders SET total_amount = NULL WHERE created_at IS NULL");
    for (noun, fields) in [
        ("user", &["created_at", "email"][..]),
        ("product", &["created_at", "sku", "name", "price", "stock_quantity"]),
        ("order", &["created_at", "total_amount"]),
    ] {
        let all = shop.number(&format!("SELECT COUNT(*) FROM {noun}s"));
        for sort in ["created_at", "-created_at"] {
            let run = shop.run(&[noun, "list", "--sort", sort, "--limit", "1", "-o", "id"]).success();
            // Rows that have no id either are one page.
            let left = all - run.stdout.lines().count() as i64;
            let said = if left == 1 { format!("1 more {noun}:") } else { format!("{left} more {noun}s:") };
            let list = format!("shopctl {noun} list --sort={sort} --limit 1 -o id");
            let (_, screen) = Emulator::start(shop, &list, (200, 40), &[]).end();
            assert!(left == 0 || screen.contains(&said), "{sort}: {screen}");
        }
        for sort in fields.iter().flat_map(|field| [(*field).to_owned(), format!("-{field}")]) {
            for limit in ["1", "2", "4"] {
                let rows = pages(shop, noun, &sort, limit);
                let different: BTreeSet<&String> = rows.iter().collect();
                assert_eq!((rows.len() as i64, different.len() as i64), (all, all), "{noun} by {sort}, {limit} a page");
            }
            let listed = shop.run(&[noun, "list", "--sort", &sort, "--limit", "100", "--json"]).success().json();
            let listed: Vec<String> =
                listed["items"].as_array().expect("a list").iter().map(ToString::to_string).collect();
            assert_eq!(pages(shop, noun, &sort, "3"), listed, "{noun} by {sort}: the pages are the list");
        }
    }
}

/// The rows of all pages.
fn pages(shop: &Shop, noun: &str, sort: &str, limit: &str) -> Vec<String> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec![noun, "list", "--json", "--limit", limit, "--sort", sort];
        arguments.extend(cursor.iter().flat_map(|cursor| ["--after", cursor]));
        let page = shop.run(&arguments).success().json();
        rows.extend(page["items"].as_array().expect("a list").iter().map(ToString::to_string));
        assert!(rows.len() < 100, "{noun} by {sort}: no end");
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return rows;
        }
    }
}
