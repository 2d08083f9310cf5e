//! Another program changes a row, and a step of shopctl starts from that change before `adopt` has taken it in: the row
//! no longer shows it, but the events do.

use serde_json::Value;

use crate::adopt_rows::{adopt, assert_green};
use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    a_total_that_another_program_changed_before_a_step_is_named_and_taken_in,
    a_product_that_another_program_changed_before_a_step_is_named_and_taken_in,
    a_user_that_another_program_changed_before_a_step_is_named_and_taken_in,
    a_row_of_another_program_that_a_step_changed_first_is_named_and_taken_in,
    two_changes_that_cancel_each_other_out_are_both_named,
    an_operation_that_waited_for_others_is_not_taken_for_another_program,
    a_total_below_what_was_refunded_leaves_no_check_failed,
    the_time_of_adopting_is_no_time_of_a_price,
    an_adopted_change_of_a_person_is_erased_and_its_seal_stays_valid,
);

fn order(shop: &Shop) -> String {
    let arguments = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--item", "PEN", "--json"];
    shop.run(&arguments).success().json()["reference"].as_str().expect("text").to_owned()
}

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 1000);
    shop.product("PEN", "2.40", 1000);
}

/// The findings of `audit verify` about one name; all findings are changes by other programs.
fn findings(shop: &Shop, name: &str) -> Vec<String> {
    let run = shop.run(&["audit", "verify", "--json"]);
    let items = run.json()["items"].as_array().expect("a list").clone();
    assert_eq!(run.code, if items.is_empty() { 0 } else { 9 }, "{run}");
    assert!(items.iter().all(|item| item["kind"] == "foreign"), "{run}");
    let of = items.iter().filter(|item| item["name"] == name);
    of.map(|item| item["finding"].as_str().expect("text").to_owned()).collect()
}

#[track_caller]
fn assert_found(shop: &Shop, name: &str, wanted: &[&str]) {
    let found = findings(shop, name);
    assert_eq!(found.len(), wanted.len(), "{name}: {found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        // `… between order.place (event 01a2…) and order.pay (event 01a2…)`
        let told: Vec<&str> =
            found.split(" (event ").map(|part| part.split_once(')').map_or(part, |(_, rest)| rest)).collect();
        assert_eq!(told.concat(), *wanted, "{name}");
    }
}

/// Everything is taken in, once.
#[track_caller]
fn assert_taken_in(shop: &Shop, count: &str, rows: i64) {
    let sealed = shop.run(&["audit", "seal", "--json"]).success().json()["head"].as_str().expect("a hash").to_owned();
    shop.run(&["doctor", "--deep"]).success();
    let run = adopt(shop);
    assert_eq!(run[count]["changed"], rows, "{run}");
    assert_green(shop);
    shop.run(&["audit", "verify", "--head", &sealed]).success();
    let again = shop.run(&["adopt", "--yes"]).success();
    assert!(again.stdout.contains("nothing to adopt"), "{again}");
}

fn a_total_that_another_program_changed_before_a_step_is_named_and_taken_in(shop: &Shop) {
    stocked(shop);
    let ways: [(&[&str], &[&str], &str); 6] = [
        (&[], &["pay"], "order.place and order.pay"),
        (&["pay"], &["ship", "--tracking", "1Z"], "order.pay and order.ship"),
        (&["pay"], &["complete"], "order.pay and order.complete"),
        (&[], &["cancel", "--yes"], "order.place and order.cancel"),
        (&["pay", "ship"], &["refund", "--yes"], "order.ship and order.refund"),
        (&[], &["change", "--item", "PEN:3"], "order.place and order.change"),
    ];
    let mut orders = Vec::new();
    for (verbs, step, events) in ways {
        let reference = order(shop);
        verbs.iter().for_each(|verb| drop(shop.run(&["order", verb, &reference]).success()));
        shop.sql(&format!("UPDATE orders SET total_amount = 20.00 WHERE reference = '{reference}'"));
        shop.run(&[&["order", step[0], &reference], &step[1..]].concat()).success();
        orders.push((reference, format!("another program changed total_amount from 27.40 to 20.00 between {events}")));
    }
    orders.iter().for_each(|(reference, wanted)| assert_found(shop, reference, &[wanted]));
    let run =
        shop.run(&["audit", "verify"]).exits_with(9).says("6 changes by another program have not been adopted yet");
    run.says("shopctl adopt");
    assert_taken_in(shop, "orders", 6);
    let event = shop.run(&["audit", "list", "--order", &orders[0].0, "--operation", "adopted", "--json"]).success();
    let event = event.json()["items"][0].clone();
    assert_eq!((&event["before"]["total_amount"], &event["after"]["total_amount"]), (&"27.40".into(), &"20.00".into()));
    assert_eq!(event["after"]["between"].as_array().map(Vec::len), Some(2), "{event}");
}

fn a_product_that_another_program_changed_before_a_step_is_named_and_taken_in(shop: &Shop) {
    let steps: [(&str, &[&str]); 5] = [
        ("product.update", &["product", "update", "A", "--name", "New"]),
        ("product.price", &["product", "price", "B", "--to", "15.00", "--yes"]),
        ("stock.adjust", &["stock", "adjust", "C", "+1", "--reason", "received"]),
        ("stock.set", &["stock", "set", "D", "7", "--expect", "5"]),
        ("product.delete", &["product", "delete", "E", "--confirm", "E"]),
    ];
    for (number, (_, step)) in steps.iter().enumerate() {
        let sku = &"ABCDE"[number..=number];
        shop.product(sku, "10.00", 5);
        shop.sql(&format!("UPDATE products SET price = 14.00 WHERE sku = '{sku}'"));
        shop.run(step).success();
    }
    for (number, (event, _)) in steps.iter().enumerate() {
        let wanted = format!("another program changed price from 10.00 to 14.00 between product.create and {event}");
        assert_found(shop, &"ABCDE"[number..=number], &[&wanted]);
    }
    assert_taken_in(shop, "products", 5);
}

fn a_user_that_another_program_changed_before_a_step_is_named_and_taken_in(shop: &Shop) {
    let steps: [(&str, &[&str]); 4] = [
        ("user.update", &["user", "update", "ann@example.com", "--first-name", "New"]),
        ("user.disable", &["user", "disable", "bob@example.com", "--yes"]),
        ("user.set_password", &["user", "set-password", "eve@example.com", "--password-stdin"]),
        ("user.delete", &["user", "delete", "zoe@example.com", "--confirm", "zoe@example.com"]),
    ];
    for (name, (_, step)) in ["ann", "bob", "eve", "zoe"].into_iter().zip(&steps) {
        shop.user(name);
        shop.sql(&format!("UPDATE users SET last_name = 'Lee', password_hash = 'x' WHERE first_name = '{name}'"));
        shop.run_with_input(step, "battery staple\n").success();
    }
    for (name, (event, _)) in ["ann", "bob", "eve", "zoe"].into_iter().zip(&steps) {
        let wanted = format!(
            "another program changed last_name from Test to Lee, its password hash between user.create and {event}"
        );
        assert_found(shop, &format!("{name}@example.com"), &[&wanted]);
    }
    assert_taken_in(shop, "users", 4);
}

fn a_row_of_another_program_that_a_step_changed_first_is_named_and_taken_in(shop: &Shop) {
    stocked(shop);
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('app@example.com', 'x', 'App', 'User')",
    );
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('CUP', 'Cup', 2.40, 50)");
    shop.sql("INSERT INTO orders (reference, user_id) SELECT 'APP-1', id FROM users WHERE email = 'app@example.com'");
    shop.add_lines_as_another_program("APP-1");
    shop.run(&["user", "update", "app@example.com", "--last-name", "Lee"]).success();
    shop.run(&["stock", "adjust", "CUP", "+1", "--reason", "received"]).success();
    shop.run(&["order", "pay", "APP-1"]).success();
    for (name, event) in [("app@example.com", "user.update"), ("CUP", "stock.adjust"), ("APP-1", "order.pay")] {
        let wanted = format!("was not created by shopctl before its {event}");
        assert_eq!(findings(shop, name)[0].split(" (event").next(), Some(&*wanted), "{name}");
    }
    let run = adopt(shop);
    for kind in ["users", "orders", "products"] {
        assert_eq!(run[kind]["made"], 1, "{run}");
    }
    shop.run(&["adopt", "--fix-totals", "--yes"]).success();
    assert_green(shop);
}

fn two_changes_that_cancel_each_other_out_are_both_named(shop: &Shop) {
    shop.product("MUG", "10.00", 5);
    for price in ["12.00", "10.00"] {
        shop.sql(&format!("UPDATE products SET price = {price}"));
        shop.run(&["product", "update", "MUG", "--name", price]).success();
        shop.run(&["product", "update", "MUG", "--name", "MUG"]).success();
    }
    assert_found(
        shop,
        "MUG",
        &[
            "another program changed price from 10.00 to 12.00 between product.create and product.update",
            "another program changed price from 12.00 to 10.00 between product.update and product.update",
        ],
    );
    // Both are of one product.
    assert_taken_in(shop, "products", 1);
}

/// The time of an operation is that of its beginning: one that waits for a row has an earlier time than what it waits
/// for.
fn an_operation_that_waited_for_others_is_not_taken_for_another_program(shop: &Shop) {
    shop.product("MUG", "10.00", 5);
    shop.run(&["product", "update", "MUG", "--price", "11"]).success();
    for _ in 0..2 {
        shop.run(&["stock", "adjust", "MUG", "-1", "--reason", "damaged"]).success();
    }
    let began =
        shop.column("SELECT CAST(occurred_at AS char(32)) FROM audit_events WHERE operation = 'product.create'");
    shop.sql(&format!("UPDATE audit_events SET occurred_at = '{}' WHERE operation = 'stock.adjust'", began[0]));
    shop.sql(&format!("UPDATE stock_movements SET created_at = '{}' WHERE reason = 'damaged'", began[0]));
    assert_found(shop, "MUG", &[]);
}

fn a_total_below_what_was_refunded_leaves_no_check_failed(shop: &Shop) {
    stocked(shop);
    let reference = order(shop);
    shop.run(&["order", "pay", &reference]).success();
    shop.run(&["order", "refund", &reference, "--amount", "20", "--yes"]).success();
    shop.sql(&format!("UPDATE orders SET total_amount = 10.00 WHERE reference = '{reference}'"));
    shop.run(&["order", "ship", &reference]).success();
    shop.run(&["doctor", "--deep"]).success();
    adopt(shop);
    shop.run(&["audit", "verify"]).success();
    let run = shop.run(&["doctor", "--deep", "--json"]).success();
    let checks = run.json()["items"].as_array().expect("a list").clone();
    let check = checks.iter().find(|check| check["name"] == "refunds-within-total").expect("checked");
    assert_eq!(check["state"], "warning", "{check}");
    assert_eq!(check["hint"], format!("shopctl order show {reference}"), "nothing is left to adopt: {check}");
}

fn the_time_of_adopting_is_no_time_of_a_price(shop: &Shop) {
    shop.product("MUG", "10.00", 5);
    shop.sql("UPDATE products SET price = 8.00");
    shop.run(&["product", "price", "MUG", "--to", "9.00", "--yes"]).success();
    let prices = || shop.run(&["product", "show", "MUG", "--prices", "--json"]).success().json();
    let before = prices();
    adopt(shop);
    assert_eq!(prices(), before);
}

fn an_adopted_change_of_a_person_is_erased_and_its_seal_stays_valid(shop: &Shop) {
    shop.user("ann");
    shop.sql("UPDATE users SET last_name = 'Quillfeather'");
    shop.run(&["user", "update", "ann@example.com", "--first-name", "Zoemarie"]).success();
    adopt(shop);
    let sealed = shop.run(&["audit", "seal", "--json"]).success().json();
    shop.run(&["user", "anonymize", "ann@example.com", "--confirm", "ann@example.com"]).success();
    let all = shop.everything_in_the_clear();
    assert!(!all.contains("Quillfeather") && !all.contains("Zoemarie"), "{all}");
    shop.run(&["audit", "verify", "--head", sealed["head"].as_str().expect("a hash")]).success();
    let adopted: Vec<Value> = shop
        .run(&["audit", "export", "--operation", "adopted"])
        .success()
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    assert_eq!(adopted.len(), 1);
    assert!(adopted[0]["after"]["last_name"]["commitment"].is_string(), "{adopted:?}");
}
