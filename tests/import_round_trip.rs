//! Moving a shop: an empty shop that imports all exports of another becomes identical to it.

use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    importing_all_exports_into_an_empty_shop_reproduces_the_original,
    an_anonymized_user_stays_anonymized_in_another_shop,
    rows_that_violate_the_rules_are_rejected_with_their_line,
);

const NOUNS: [&str; 3] = ["user", "product", "order"];
const STATUSES: [&str; 6] = ["pending", "paid", "shipped", "completed", "cancelled", "refunded"];
const BITS: [&str; 20] =
    ["a", "B", " ", "  ", "'", "=", "+", "-", "@", "\"", ",", ";", "İ", "é", "ß", "日本", "|", "\\", "#", "/"];

/// A shop with values as odd as it takes them, made of what it was offered.
fn odd_shop(shop: &Shop, seed: u64) {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut text = move |most: usize| {
        (0..random.random_range(0..most)).map(|_| BITS[random.random_range(0..BITS.len())]).collect::<String>()
    };
    let offer = |noun: &str, rows: Vec<Value>| {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        shop.file("offered.jsonl", &lines.join("\n"));
        let flags = ["--on-error", "reject-rows", "--json"];
        let stock: &[&str] = if noun == "order" { &["--stock", "skip"] } else { &[] };
        let run = shop.run(&[&[noun, "import", "offered.jsonl"], &flags[..], stock].concat());
        assert!([0, 8].contains(&run.code), "shop {seed}: {run}");
        assert!(run.json()["created"].as_u64() > Some(10), "shop {seed}: {run}");
    };
    let users = (0..30).map(|number| {
        let status = if number % 5 == 0 { "disabled" } else { "active" };
        json!({ "email": format!("x{number}@e.com"), "first_name": text(6), "last_name": format!("{}x", text(6)), "status": status })
    });
    offer("user", users.collect());
    let products = (0..30).map(|number| {
        let description = if number % 3 == 0 { Value::Null } else { format!("{}\r\n{}", text(5), text(5)).into() };
        let price = ["0", "0.01", "99999999.99", "12.5"][number % 4];
        let (sku, name) = (format!("{}{number}", text(5)), format!("{}{number}", text(6)));
        let retired_at = if number % 7 == 0 { "2020-01-02T03:04:05.678901Z".into() } else { Value::Null };
        json!({ "sku": sku, "name": name, "description": description, "price": price, "stock_quantity": number * 7,
                "retired_at": retired_at })
    });
    offer("product", products.collect());
    let (users, skus) = (
        shop.column("SELECT email FROM users ORDER BY email"),
        shop.column("SELECT sku FROM products WHERE price < 1000 ORDER BY sku"),
    );
    let orders = (0..60).map(|number| {
        let sku = |offset: usize| &skus[(number * 3 + offset) % skus.len()];
        let items = json!([
            { "sku": sku(0), "quantity": number + 1 },
            { "sku": sku(1), "quantity": 2, "unit_price": "0.00" },
            { "sku": sku(0), "quantity": 1, "unit_price": "7.77" },
        ]);
        let items = if number % 2 == 0 { items } else { json!([items[0]]) };
        let reference = format!("{}{number}", text(6).replace(' ', ""));
        let year = [1900, 1969, 1999, 2020][number % 4];
        // The orders of the first two users are closed, so that these users can be anonymized.
        let status = if number % users.len() < 2 { "completed" } else { STATUSES[number % STATUSES.len()] };
        let created_at = format!("{year}-02-03T04:05:06.{number:06}Z");
        json!({ "reference": reference, "user": users[number % users.len()], "status": status, "created_at": created_at, "items": items })
    });
    offer("order", orders.collect());
    for email in &users[..2] {
        shop.run(&["user", "anonymize", email, "--confirm", email]).success();
    }
}

/// All rows of a noun without what no file carries, sorted.
fn rows(shop: &Shop, noun: &str) -> Vec<Value> {
    fn carried(row: &mut Value, is_order: bool) {
        let Value::Object(members) = row else { return };
        members.retain(|name, _| !["id", "user_id", "product_id", "updated_at"].contains(&name.as_str()));
        if !is_order {
            members.remove("created_at");
        }
        let items = members.get_mut("items").and_then(Value::as_array_mut);
        if let Some(items) = items {
            items.iter_mut().for_each(|item| carried(item, false));
            items.sort_by_key(Value::to_string);
        }
    }
    let text = shop.run(&[noun, "export", "-o", "jsonl"]).success().stdout;
    let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    rows.iter_mut().for_each(|row| carried(row, noun == "order"));
    rows.sort_by_key(Value::to_string);
    rows
}

/// Exports everything into files of a format and imports them elsewhere; the answers.
fn moved(from: &Shop, to: &Shop, format: &str, flags: &[&str]) -> [crate::support::Run; 3] {
    NOUNS.map(|noun| {
        let file = from.path(&format!("{noun}.{format}")).display().to_string();
        from.run(&[noun, "export", "--out", &file]).success();
        let stock: &[&str] = if noun == "order" { &["--stock", "skip"] } else { &[] };
        to.run(&[&[noun, "import", &file, "--json"], stock, flags].concat())
    })
}

fn importing_all_exports_into_an_empty_shop_reproduces_the_original(shop: &Shop) {
    let seed = rand::random::<u64>();
    odd_shop(shop, seed);
    let expected = NOUNS.map(|noun| rows(shop, noun));
    let statuses = shop.column("SELECT DISTINCT status FROM orders");
    assert_eq!(statuses.len(), STATUSES.len(), "shop {seed}");
    for format in ["csv", "tsv", "json", "jsonl"] {
        let Some(other) = Shop::migrated(shop.backend) else { return };
        for (run, expected) in moved(shop, &other, format, &[]).into_iter().zip(&expected) {
            let run = run.success();
            assert_eq!(run.json()["created"], expected.len(), "shop {seed}: {run}");
        }
        for (noun, expected) in NOUNS.into_iter().zip(&expected) {
            assert_eq!(&rows(&other, noun), expected, "shop {seed}, {format}");
        }
        let before = other.everything();
        for run in moved(shop, &other, format, &[]) {
            assert_eq!(run.success().json()["changed"], false, "shop {seed}");
        }
        assert_eq!(other.everything(), before, "shop {seed}");
        other.assert_invariants();
        other.run(&["audit", "verify"]).success();
    }
}

fn an_anonymized_user_stays_anonymized_in_another_shop(shop: &Shop) {
    let email = shop.user("ann");
    shop.product("P1", "1.00", 5);
    shop.file("o.csv", "reference,user,sku,quantity,status\nR1,ann@example.com,P1,1,completed\n");
    shop.run(&["order", "import", "o.csv"]).success();
    shop.run(&["user", "anonymize", &email, "--confirm", &email]).success();
    let other = Shop::migrated(shop.backend).expect("the same backend");
    moved(shop, &other, "csv", &[]).into_iter().for_each(|run| drop(run.success()));
    let stored = ["email", "first_name", "last_name", "status"].map(|column| format!("SELECT {column} FROM users"));
    assert_eq!(stored.clone().map(|query| other.column(&query)), stored.map(|query| shop.column(&query)));
    assert_eq!(other.column("SELECT password_hash FROM users"), ["!"]);
    let erased = other.column("SELECT email FROM users").remove(0);
    other.run(&["user", "enable", &erased]).exits_with(6).says("is anonymized");
    let changed = other.run(&["user", "anonymize", &erased, "--confirm", &erased, "--json"]).success().json();
    assert_eq!(changed["changed"], false);
    other.run(&["audit", "verify"]).success();
    // Without a status column, the address shows that the user is anonymized.
    let third = Shop::migrated(shop.backend).expect("the same backend");
    third.file("users.csv", &format!("email,first_name,last_name\n{erased},anonymized,anonymized\n"));
    third.run(&["user", "import", "users.csv"]).success();
    assert_eq!(third.column("SELECT status FROM users"), ["anonymized"]);
    // A status in a file does not anonymize a user and must not appear to.
    third.user("bo");
    for row in ["cy@example.com,Cy,Lee,anonymized", "bo@example.com,bo,Test,anonymized"] {
        third.file("users.csv", &format!("email,first_name,last_name,status\n{row}\n"));
        third.run(&["user", "import", "users.csv"]).exits_with(7).says("only user anonymize erases them");
    }
    assert_eq!(third.number("SELECT COUNT(*) FROM users"), 2);
}

fn rows_that_violate_the_rules_are_rejected_with_their_line(shop: &Shop) {
    for (email, first) in [("Ann@Example.com", "Ann"), ("bo@example.com", ""), ("no address", "No")] {
        shop.sql(&format!(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('{email}', 'x', '{first}', 'Lee')"
        ));
    }
    for (sku, name) in [("mug-01", "Mug"), ("a:b", "Colon")] {
        shop.sql(&format!("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('{sku}', '{name}', 12, 0)"));
    }
    for (reference, total) in [("k7q2m9xd4t", 24), ("WRONG-TOTAL", 25)] {
        shop.sql(&format!("INSERT INTO orders (reference, user_id, total_amount) SELECT '{reference}', id, {total} FROM users WHERE first_name = 'Ann'"));
        shop.sql(&format!("INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 2, 12 FROM orders o, products p WHERE p.sku = 'mug-01' AND o.reference = '{reference}'"));
    }
    let other = Shop::migrated(shop.backend).expect("the same backend");
    let [users, products, orders] = moved(shop, &other, "csv", &["--on-error", "reject-rows"]);
    for (run, created, rejected) in [(users, 1, 2), (products, 1, 1), (orders, 1, 1)] {
        let run = run.exits_with(8);
        assert_eq!((&run.json()["created"], &run.json()["rejected"]), (&created.into(), &rejected.into()), "{run}");
        assert_eq!(run.stderr.matches("\"reason\":").count(), rejected as usize, "{run}");
    }
    // In this shop's spelling.
    assert_eq!(other.column("SELECT email FROM users"), ["ann@example.com"]);
    assert_eq!(other.column("SELECT sku FROM products"), ["MUG-01"]);
    other.assert_invariants();
}
