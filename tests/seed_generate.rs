//! `seed generate`: the same valid shop on every engine, generated completely or not at all.

use serde_json::Value;
use sha2::{Digest, Sha256};
use shopctl::domain::text::hexadecimal;

use crate::on_every_backend;
use crate::support::{Backend, Shop, rounds};

on_every_backend!(
    the_same_flags_generate_the_same_shop_with_its_indexes,
    a_generated_shop_obeys_every_rule,
    repeated_changes_of_generated_rows_are_explained,
    existing_rows_are_kept_when_a_shop_is_generated,
    a_killed_run_leaves_nothing_and_can_be_repeated,
);

const SMALL: [&str; 9] = ["seed", "generate", "--users", "30", "--products", "12", "--orders", "400", "-y"];

fn digests(answer: &Value) -> Vec<(&str, i64, &str)> {
    let tables = answer["tables"].as_object().expect("an object").iter();
    tables
        .map(|(table, loaded)| {
            let digest = loaded["digest"].as_str().expect("text");
            (table.as_str(), loaded["rows"].as_i64().expect("a number"), &digest[..8])
        })
        .collect()
}

fn the_same_flags_generate_the_same_shop_with_its_indexes(shop: &Shop) {
    let schema = shop.schema();
    let answer = shop.run(&[&SMALL[..], &["--json"]].concat()).success().json();
    assert_eq!(shop.schema(), schema, "every index and constraint is there again");
    // Digests recorded by an earlier version: generated shops never change.
    let expected = [
        ("users", 30, "271ad283"),
        ("products", 12, "8b8c6f80"),
        ("orders", 400, "36186ac4"),
        ("order_items", 1_017, "9c0264f4"),
        ("order_refunds", 20, "d2da6f78"),
        ("order_refund_lines", 22, "7be23620"),
        ("stock_movements", 1_097, "c67773d9"),
    ];
    assert_eq!(digests(&answer), expected);
    // Columns added to products later are not generated.
    let fields = ["--fields", "id,sku,name,description,price,stock_quantity,created_at,updated_at"];
    let export =
        |(noun, fields): (&str, &[&str])| shop.run(&[&[noun, "export", "-o", "csv"], fields].concat()).success().stdout;
    let exported = [("user", &[][..]), ("product", &fields), ("order", &[])].map(export).concat();
    let digest = hexadecimal(&Sha256::digest(exported));
    assert_eq!(&digest[..8], "a03da630", "what the tables hold, as it is read back");
    let rows = |table: &str| shop.number(&format!("SELECT COUNT(*) FROM {table}"));
    for (table, count, _) in digests(&answer) {
        assert_eq!(rows(table), count, "{table}");
    }
    let everything = shop.everything();
    let again = shop.run(&[&SMALL[..], &["--json"]].concat()).success();
    assert_eq!(again.json()["changed"], false);
    let run = shop.run(&["seed", "generate", "--users", "31", "-y"]).exits_with(6);
    assert!(run.stderr.contains("--users 30 --products 12 --orders 400 --rng-seed 42"), "{run}");
    assert_eq!(shop.everything(), everything);
    let other = Shop::migrated(shop.backend).expect("the same backend");
    let other = other.run(&[&SMALL[..], &["--json", "--rng-seed", "43"]].concat()).success().json();
    for (one, two) in digests(&answer).into_iter().zip(digests(&other)) {
        assert_ne!(one.2, two.2, "{} of another seed", one.0);
    }
}

fn a_generated_shop_obeys_every_rule(shop: &Shop) {
    shop.run(&SMALL).success();
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    let order = |status: &str| {
        let query = format!("SELECT reference FROM orders WHERE status = '{status}' ORDER BY created_at DESC LIMIT 1");
        shop.column(&query).pop().expect("all statuses are there")
    };
    shop.run(&["order", "refund", &order("completed"), "--restock-all", "-y"]).success();
    shop.run(&["order", "complete", &order("shipped")]).success();
    let user = shop.column("SELECT email FROM users WHERE status = 'active' ORDER BY id LIMIT 1").remove(0);
    let sku = shop.column("SELECT sku FROM products WHERE stock_quantity > 2 ORDER BY id LIMIT 1").remove(0);
    shop.run(&["order", "create", "--user", &user, "--item", &format!("{sku}:2")]).success();
    shop.run(&["product", "update", &sku, "--price", "1.23"]).success();
    shop.run(&["stock", "adjust", &sku, "-1", "--reason", "damaged"]).success();
    let idle = "SELECT email FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id) ORDER BY id";
    let idle = shop.column(idle).remove(0);
    shop.run(&["user", "anonymize", &idle, "--confirm", &idle]).success();
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    // Rows of other programs are still detected.
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 1");
    shop.run(&["audit", "verify"]).exits_with(9);
}

/// Changes that leave a row as it was, apart from its stock and time, end where others start.
fn repeated_changes_of_generated_rows_are_explained(shop: &Shop) {
    shop.run(&SMALL).success();
    let first = |query: &str| shop.column(query).into_iter().next().expect("there is one");
    let sku = first("SELECT sku FROM products ORDER BY id LIMIT 1");
    let email = first("SELECT email FROM users WHERE status = 'active' ORDER BY id LIMIT 1");
    let order = first("SELECT reference FROM orders WHERE status = 'shipped' ORDER BY id LIMIT 1");
    for _ in 0..4 {
        shop.run(&["stock", "receive", &format!("{sku}:1")]).success();
        for price in ["1.00", "2.00"] {
            shop.run(&["product", "update", &sku, "--price", price]).success();
        }
        shop.run(&["user", "disable", &email, "-y"]).success();
        shop.run(&["user", "enable", &email]).success();
        for note in ["one", "two"] {
            shop.run(&["order", "note", &order, note]).success();
        }
        shop.run(&["audit", "verify"]).success();
    }
    // What another program does between two of them is still found, and what it does after them.
    shop.sql(&format!("UPDATE products SET name = 'Changed' WHERE sku = '{sku}'"));
    shop.run(&["stock", "receive", &format!("{sku}:1")]).success();
    let run = shop.run(&["audit", "verify"]).exits_with(9);
    assert!(run.stdout.contains("changed name from"), "{run}");
}

fn existing_rows_are_kept_when_a_shop_is_generated(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let users = shop.number("SELECT COUNT(*) FROM users");
    let orders = shop.column("SELECT reference FROM orders ORDER BY reference");
    let schema = shop.schema();
    shop.run(&SMALL).success();
    assert_eq!(shop.schema(), schema);
    assert_eq!(shop.number("SELECT COUNT(*) FROM users"), users + 30);
    let after = shop.column("SELECT reference FROM orders ORDER BY reference");
    assert!(orders.iter().all(|order| after.contains(order)), "the orders that were there are there");
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

/// At a random moment, again and again; `SHOPCTL_TEST_ROUNDS=30` is what the promise is judged by.
fn a_killed_run_leaves_nothing_and_can_be_repeated(shop: &Shop) {
    let arguments = ["seed", "generate", "--users", "2000", "--products", "50", "--orders", "8000", "-y"];
    let whole = Shop::migrated(shop.backend).expect("the same backend");
    let whole_run = whole.run(&arguments).success();
    let longest = whole_run.duration.as_millis() as u64;
    let facts =
        |shop: &Shop| shop.column("SELECT after FROM audit_events WHERE operation = 'seed.generate' ORDER BY sequence");
    for _ in 0..rounds() {
        let killed = Shop::migrated(shop.backend).expect("the same backend");
        let schema = killed.schema();
        killed.run_killed(&arguments, longest);
        let events = killed.number("SELECT COUNT(*) FROM audit_events");
        assert_eq!(killed.number("SELECT COUNT(*) FROM users"), if events == 0 { 0 } else { 2_000 });
        killed.run(&arguments).success();
        assert_eq!(killed.schema(), schema);
        assert_eq!(facts(&killed), facts(&whole));
        assert_eq!(killed.number("SELECT COUNT(*) FROM orders"), 8_000);
        killed.assert_invariants();
    }
}

#[test]
fn an_impossible_plan_is_rejected_and_nothing_is_written() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let generate = |arguments: &[&str]| shop.run(&[&["seed", "generate"], arguments].concat());
    generate(&["-y", "--users", "0"]).exits_with(7).says("users");
    generate(&["-y", "--products", "0"]).exits_with(7).says("products");
    generate(&["-y", "--as-of", "2999-01-01"]).exits_with(7).says("future");
    generate(&["-y", "--as-of", "1970-01-01"]).exits_with(7).says("1980");
    for (flag, value) in [("--users", "-1"), ("--users", "10000001"), ("--orders", "1e3"), ("--rng-seed", "x")] {
        generate(&["-y", &format!("{flag}={value}")]).exits_with(7).says(flag.trim_start_matches('-'));
    }
    generate(&["-y", "--as-of", "soon"]).exits_with(7).says("as-of soon");
    generate(&[]).exits_with(11).says("--yes");
    shop.run(&["migrate", "env", "production"]).success();
    generate(&["-y"]).exits_with(11).says("seeds are refused");
    assert_eq!(shop.counts()[..5], [0, 0, 0, 0, 0]);
    let empty = Shop::migrated(Backend::Sqlite).expect("always there");
    empty.run(&["seed", "generate", "-y", "--users", "0", "--products", "0", "--orders", "0"]).success();
    empty.assert_invariants();
    let bare = Shop::empty(Backend::Sqlite).expect("always there");
    bare.run(&["seed", "generate", "-y"]).exits_with(4);
}
