//! Rows of other programs are first-class: they are used as they are, told apart from faults, and taken in.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    an_order_without_movements_or_total_goes_through_every_verb,
    an_order_without_movements_or_total_is_exported_and_imported_as_unchanged,
    checks_tell_rows_of_other_programs_from_faults,
    adopted_rows_leave_every_check_green_and_the_stock_as_it_is,
    rows_that_another_program_changed_or_removed_are_adopted,
    adopting_again_changes_nothing,
    a_total_of_zero_is_set_only_when_asked_for,
    pieces_that_another_program_oversold_are_counted,
    a_cancelled_order_of_another_program_restocks_nothing_twice,
    addresses_and_statuses_in_another_case_have_a_repair_that_works,
    totals_that_were_taken_in_as_they_are_are_counted,
    hostile_rows_stop_no_list_no_check_and_no_adoption,
    a_dry_run_of_adopt_changes_nothing,
    a_full_stock_and_orders_as_large_are_taken_in,
);

/// What a program that knows only the original columns does: an order of 2 MUG and 1 PEN, without a total, whose
/// pieces it takes out of the stock itself.
pub fn place(shop: &Shop, reference: &str, status: &str) {
    shop.sql(&format!(
        "INSERT INTO orders (reference, user_id, status) SELECT '{reference}', id, '{status}' FROM users WHERE email = 'app@example.com'"
    ));
    shop.add_lines_as_another_program(reference);
}

/// A product of shopctl, a product and a user of the other program.
pub fn stocked(shop: &Shop) {
    shop.product("MUG", "12.50", 100);
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('PEN', 'Pen', 2.40, 50)");
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('app@example.com', 'x', 'App', 'User')",
    );
}

fn stock(shop: &Shop) -> [i64; 2] {
    ["MUG", "PEN"].map(|sku| shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'")))
}

pub fn adopt(shop: &Shop) -> Value {
    shop.run(&["adopt", "--yes", "--json"]).success().json()
}

/// All three checks find nothing, not even a warning about rows.
#[track_caller]
pub fn assert_green(shop: &Shop) {
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
    let run = shop.run(&["doctor", "--deep", "--json"]).success();
    let checks = run.json()["items"].as_array().expect("a list").clone();
    let odd: Vec<&Value> =
        checks.iter().filter(|check| check["state"] != "ok" && check["name"] != "environment").collect();
    assert!(odd.is_empty(), "{odd:#?}");
}

fn an_order_without_movements_or_total_goes_through_every_verb(shop: &Shop) {
    stocked(shop);
    let ways: [(&str, &str, &[&str], i64); 6] = [
        ("pending", "cancel", &[], 1),
        ("pending", "pay", &[], 0),
        ("paid", "refund", &[], 1),
        ("paid", "ship", &["--tracking", "1Z"], 0),
        ("shipped", "refund", &["--restock-all"], 1),
        ("shipped", "complete", &[], 0),
    ];
    for (number, (status, verb, flags, back)) in ways.into_iter().enumerate() {
        let reference = format!("APP-{number}");
        place(shop, &reference, status);
        let before = stock(shop);
        let listed = shop.run(&["order", "list", "--user", "app@example.com", "--json", "--all"]).success();
        assert!(listed.stdout.contains(&reference), "{listed}");
        let shown = shop.run(&["order", "show", &reference.to_lowercase(), "--json"]).success().json();
        let lines = shown["items"].as_array().expect("a list");
        assert_eq!((&shown["total_amount"], lines.len()), (&"0.00".into(), 2), "{shown}");
        assert!(lines.iter().any(|line| line["line_total"] == "25.00"), "{shown}");
        let run = shop.run(&[&["order", verb, &reference, "--yes"], flags].concat()).success();
        let told = run.stdout.contains("3 units restocked according to its lines (placed by another program)");
        assert_eq!(told, back == 1, "{run}");
        assert_eq!(stock(shop), [before[0] + 2 * back, before[1] + back], "{verb} {status}");
        // Never more than its lines say.
        shop.run(&["order", "refund", &reference, "--restock", "MUG:3", "--yes"]).exits_with(6);
        assert_eq!(stock(shop), [before[0] + 2 * back, before[1] + back], "{verb} {status}");
    }
    place(shop, "APP-OLD", "pending");
    let before = stock(shop);
    let run = shop.run(&["order", "expire", "--older-than", "0s", "--yes"]).success();
    assert!(run.stdout.contains("order APP-OLD cancelled, 3 units restocked according to its lines"), "{run}");
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    shop.run(&["doctor", "--deep"]).success();
    adopt(shop);
    shop.run(&["adopt", "--fix-totals", "--yes"]).success();
    assert_green(shop);
}

fn an_order_without_movements_or_total_is_exported_and_imported_as_unchanged(shop: &Shop) {
    stocked(shop);
    for (number, status) in ["pending", "paid", "shipped", "completed", "cancelled", "refunded"].iter().enumerate() {
        place(shop, &format!("APP-{number}"), status);
    }
    for format in ["jsonl", "csv"] {
        let file = format!("orders.{format}");
        shop.run(&["order", "export", "-o", format, "--out", &file]).success();
        let before = shop.everything();
        let run = shop.run(&["order", "import", &file, "--json"]).success().json();
        assert_eq!((&run["created"], &run["unchanged"]), (&0.into(), &6.into()), "{format}: {run}");
        assert_eq!(shop.everything(), before);
    }
    adopt(shop);
    let run = shop.run(&["order", "import", "orders.jsonl", "--json"]).success().json();
    assert_eq!(run["unchanged"], 6, "{run}");
}

fn checks_tell_rows_of_other_programs_from_faults(shop: &Shop) {
    stocked(shop);
    place(shop, "APP-1", "pending");
    let run = shop.run(&["doctor", "--deep", "--json"]).success();
    let checks = run.json()["items"].as_array().expect("a list").clone();
    for name in ["line-has-movement", "total-is-set", "stock-equals-movements", "order-has-event", "product-has-event"]
    {
        let check = checks.iter().find(|check| check["name"] == name).expect("checked");
        assert_eq!(check["state"], "warning", "{name}: {run}");
        assert!(check["hint"].as_str().expect("a command").starts_with("shopctl adopt"), "{name}: {run}");
    }
    let run =
        shop.run(&["audit", "verify", "--json"]).exits_with(9).says("nothing else is wrong").says("shopctl adopt");
    let items = run.json()["items"].as_array().expect("a list").clone();
    assert!(items.iter().all(|item| item["kind"] == "foreign"), "{run}");
    let names: Vec<&str> = items.iter().map(|item| item["name"].as_str().expect("text")).collect();
    assert!(["app@example.com", "PEN", "MUG", "APP-1"].iter().all(|name| names.contains(name)), "{names:?}");
    let run = shop.run(&["stock", "verify"]).exits_with(9);
    // The hint works as pasted, but for the question.
    let hint = run.stderr.lines().find_map(|line| line.split_once("everything that it wrote: ")).expect("a hint").1;
    shop.paste(&format!("{hint} --fix-totals --yes")).success();
    assert_green(shop);

    // What only shopctl writes is wrong, whoever changed it.
    shop.sql("UPDATE stock_movements SET delta = delta - 1 WHERE reason = 'order' AND delta = -2");
    let run = shop.run(&["audit", "verify", "--json"]).exits_with(9);
    assert!(run.stdout.contains("\"kind\":\"wrong\""), "{run}");
    assert!(!run.stderr.contains("nothing else is wrong"), "{run}");
}

fn adopted_rows_leave_every_check_green_and_the_stock_as_it_is(shop: &Shop) {
    stocked(shop);
    let own = shop.run(&["order", "create", "--user", "app@example.com", "--item", "MUG:3", "--item", "PEN", "--json"]);
    let own = own.success().json()["reference"].as_str().expect("text").to_owned();
    for (number, status) in ["pending", "paid", "shipped", "completed", "cancelled", "refunded"].iter().enumerate() {
        place(shop, &format!("APP-{number}"), status);
    }
    place(shop, "APP-PAID", "pending");
    shop.run(&["order", "pay", "APP-PAID"]).success();
    shop.sql("UPDATE orders SET total_amount = 27.40 WHERE reference LIKE 'APP-%'");
    let before = stock(shop);
    let run = adopt(shop);
    assert_eq!(run["users"]["made"], 1, "{run}");
    assert_eq!(run["orders"]["made"], 7, "{run}");
    assert_eq!((&run["products"]["made"], &run["products"]["changed"]), (&1.into(), &1.into()), "{run}");
    assert_eq!(stock(shop), before);
    assert_green(shop);
    shop.assert_invariants();
    let events = shop.column(
        "SELECT entity_type FROM audit_events WHERE operation = 'adopted' AND outcome = 'succeeded' ORDER BY entity_type",
    );
    // Of the order that was paid before also what it was by then.
    assert_eq!(events, [["order"; 8].as_slice(), &["product"; 2], &["user"]].concat());
    // Each order took what its lines say; those that ended gave it back.
    for (reference, taken) in [("APP-0", -3), ("APP-3", -3), ("APP-4", 0), ("APP-5", 0), ("APP-PAID", -3), (&own, -4)] {
        let net = shop.number(&format!(
            "SELECT SUM(m.delta) FROM stock_movements m JOIN orders o ON o.id = m.order_id WHERE o.reference = '{reference}'"
        ));
        assert_eq!(net, taken, "{reference}");
    }
    // Verbs go on with the movements.
    let run = shop.run(&["order", "cancel", "APP-0", "--yes"]).success();
    assert!(run.stdout.contains("3 units restocked") && !run.stdout.contains("according to its lines"), "{run}");
    shop.run(&["order", "refund", "APP-5", "--restock-all", "--yes"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    assert_green(shop);
}

fn rows_that_another_program_changed_or_removed_are_adopted(shop: &Shop) {
    ["ann", "bob", "eve"].iter().for_each(|name| drop(shop.user(name)));
    ["MUG", "PEN", "HAT"].iter().for_each(|sku| shop.product(sku, "1.00", 40));
    let order = |items: &[&str]| {
        let items = items.iter().flat_map(|item| ["--item", item]);
        let arguments: Vec<&str> =
            ["order", "create", "--user", "ann@example.com", "--json"].into_iter().chain(items).collect();
        shop.run(&arguments).success().json()["reference"].as_str().expect("text").to_owned()
    };
    let of = |reference: &str| format!("(SELECT o.id FROM orders o WHERE o.reference = '{reference}')");
    let [fewer, more, added, cancelled, refunded, removed, lessened] =
        [2, 3, 4, 5, 6, 7, 8].map(|n| order(&[&format!("MUG:{n}")]));
    shop.run(&["order", "pay", &refunded]).success();
    shop.run(&["order", "cancel", &lessened, "--yes"]).success();
    shop.sql(&format!("UPDATE order_items SET quantity = 3 WHERE order_id = {}", of(&lessened)));
    shop.sql("UPDATE users SET last_name = 'Lee' WHERE email = 'bob@example.com'");
    shop.sql("DELETE FROM users WHERE email = 'eve@example.com'");
    shop.sql("UPDATE products SET price = 2, stock_quantity = 30 WHERE sku = 'PEN'");
    shop.sql("DELETE FROM products WHERE sku = 'HAT'");
    shop.sql(&format!("UPDATE order_items SET quantity = 1 WHERE order_id = {}", of(&fewer)));
    shop.sql(&format!("UPDATE order_items SET quantity = 9 WHERE order_id = {}", of(&more)));
    shop.sql(&format!(
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 2, 1 \
         FROM orders o, products p WHERE o.reference = '{added}' AND p.sku = 'PEN'"
    ));
    shop.sql(&format!("UPDATE orders SET status = 'cancelled' WHERE reference = '{cancelled}'"));
    shop.sql(&format!("UPDATE orders SET status = 'refunded' WHERE reference = '{refunded}'"));
    shop.sql(&format!("DELETE FROM order_items WHERE order_id = {}", of(&removed)));
    shop.sql(&format!("DELETE FROM orders WHERE reference = '{removed}'"));
    shop.run(&["doctor", "--deep"]).success();
    let before = stock(shop);

    let run = adopt(shop);
    assert_eq!((&run["users"]["changed"], &run["users"]["removed"]), (&1.into(), &1.into()), "{run}");
    assert_eq!((&run["products"]["removed"], &run["orders"]["removed"]), (&1.into(), &1.into()), "{run}");
    assert_eq!(run["orders"]["changed"], 6, "{run}");
    assert_eq!(stock(shop), before);
    assert_green(shop);
    // The pieces of an order that another program refunded cannot come back twice.
    shop.run(&["order", "refund", &refunded, "--restock", "MUG:1", "--yes"]).exits_with(6);
    let run = shop.run(&["order", "cancel", &more, "--yes"]).success();
    assert!(run.stdout.contains("9 units restocked"), "{run}");
    assert_green(shop);
}

fn adopting_again_changes_nothing(shop: &Shop) {
    let run = shop.run(&["adopt"]).success();
    assert!(run.stdout.contains("nothing to adopt"), "{run}");
    stocked(shop);
    place(shop, "APP-1", "pending");
    adopt(shop);
    let before = shop.everything();
    let run = shop.run(&["adopt", "--yes", "--json"]).success();
    assert_eq!(run.json()["changed"], false, "{run}");
    shop.run(&["adopt", "-n", "--exit-code"]).success();
    assert_eq!(shop.everything(), before);
    // Several at once take everything in once.
    (0..8).for_each(|number| place(shop, &format!("APP-1{number}"), "paid"));
    let arguments = ["adopt", "--yes", "--fix-totals"];
    let children: Vec<_> = (0..3).map(|_| shop.start(&arguments)).collect();
    children.into_iter().for_each(|child| drop(crate::support::shop::finish(child, &arguments).success()));
    let adopted = "SELECT COUNT(*) FROM audit_events WHERE operation = 'adopted' AND entity_type = 'order'";
    assert_eq!(shop.number(adopted), 10, "nine orders, and the total of the first");
    assert_green(shop);
}

fn a_total_of_zero_is_set_only_when_asked_for(shop: &Shop) {
    stocked(shop);
    place(shop, "APP-1", "paid");
    shop.run(&["adopt"]).exits_with(11).says("shopctl adopt --yes");
    let run = shop.run(&["adopt", "--yes"]).success().says("the total of 1 order is 0").says("adopt --fix-totals");
    assert!(run.stdout.contains("1 user, 1 product and 1 order adopted"), "{run}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders WHERE total_amount = 0"), 1);
    let run = shop.run(&["doctor", "--deep"]).success();
    assert!(run.stdout.contains("total-is-set\twarning"), "{run}");
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    assert_eq!((&run["totals_set"], &run["totals_of_zero"]), (&1.into(), &Value::Array(Vec::new())), "{run}");
    assert_eq!(shop.run(&["order", "show", "APP-1", "--json"]).success().json()["total_amount"], "27.40");
    assert_green(shop);
    // A total that is more than the lines may hold the postage: it is taken in as it is.
    place(shop, "APP-2", "paid");
    shop.sql("UPDATE orders SET total_amount = 31.30 WHERE reference = 'APP-2'");
    shop.run(&["adopt", "--fix-totals", "--yes"]).success();
    assert_eq!(shop.run(&["order", "show", "APP-2", "--json"]).success().json()["total_amount"], "31.30");
    assert_green(shop);
}

fn pieces_that_another_program_oversold_are_counted(shop: &Shop) {
    shop.product("MUG", "12.50", 5);
    shop.product("PEN", "2.40", 50);
    shop.user("app");
    // Four processes that read 5, took 2 each and wrote what they came to.
    for number in 0..4 {
        place(shop, &format!("APP-{number}"), "paid");
        shop.sql("UPDATE products SET stock_quantity = 3 WHERE sku = 'MUG'");
    }
    let run =
        shop.run(&["stock", "verify", "--json"]).exits_with(9).says("another program oversold 3 units of 1 product");
    let mug = run.json()["items"].as_array().expect("a list").iter().find(|row| row["sku"] == "MUG").cloned();
    let mug = mug.expect("found");
    assert_eq!((&mug["sold_elsewhere"], &mug["oversold"]), (&8.into(), &3.into()), "{run}");
    let run = adopt(shop);
    assert_eq!(run["oversold"], serde_json::json!([{ "sku": "MUG", "units": 3 }]), "{run}");
    assert_eq!(stock(shop)[0], 3);
    shop.run(&["stock", "verify"]).success();
}

fn a_cancelled_order_of_another_program_restocks_nothing_twice(shop: &Shop) {
    stocked(shop);
    place(shop, "APP-1", "pending");
    place(shop, "APP-2", "paid");
    shop.run(&["order", "cancel", "APP-1", "--yes"]).success();
    shop.run(&["order", "refund", "APP-2", "--no-restock", "--yes"]).success();
    let before = stock(shop);
    adopt(shop);
    shop.run(&["adopt", "--fix-totals", "--yes"]).success();
    assert_eq!(stock(shop), before);
    assert_green(shop);
    shop.run(&["order", "refund", "APP-2", "--restock", "MUG:3", "--yes"]).exits_with(6);
    shop.run(&["order", "refund", "APP-2", "--restock-all", "--yes"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    assert_green(shop);
}

/// What lets a session write what the constraints forbid.
pub fn unbound(shop: &Shop, statement: &str) {
    match shop.backend {
        Backend::Sqlite => {
            shop.sql(&format!("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; {statement}"));
        }
        Backend::Postgres => shop.sql(statement),
        Backend::MariaDb => shop.sql(&format!("SET check_constraint_checks = 0, foreign_key_checks = 0; {statement}")),
    }
}

/// PostgreSQL has no switch for its CHECKs.
pub fn forget_checks(shop: &Shop) {
    if shop.backend == Backend::Postgres {
        for (table, name) in [("orders", "status"), ("users", "status"), ("order_items", "quantity")] {
            shop.sql(&format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_{name}"));
        }
    }
}

fn addresses_and_statuses_in_another_case_have_a_repair_that_works(shop: &Shop) {
    stocked(shop);
    forget_checks(shop);
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) \
         VALUES ('O''Hara@Example.com', 'x', 'O', 'H'), (' up@example.com ', 'x', 'U', 'P'), \
         ('App@Example.com', 'x', 'A', 'P'), ('app+2@example.com', 'x', 'A', 'P')",
    );
    place(shop, "APP-1", "pending");
    unbound(shop, "UPDATE orders SET status = 'Paid' WHERE reference = 'APP-1'");
    unbound(shop, "UPDATE users SET status = 'ACTIVE' WHERE email = 'app@example.com'");
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    let repairs = run["repairs"].as_array().expect("a list").clone();
    assert_eq!(repairs.len(), 5, "{run}");
    for repair in repairs {
        let repair = repair["repair"].as_str().expect("a repair");
        if repair.starts_with("shopctl ") { drop(shop.paste(repair).success()) } else { shop.sql(repair) }
    }
    // A row that violates a CHECK could not be written before.
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    assert_eq!(run["repairs"], Value::Array(Vec::new()), "{run}");
    assert_eq!(shop.column("SELECT status FROM orders"), ["paid"]);
    let third =
        "SELECT COUNT(*) FROM users WHERE email IN ('app@example.com', 'app+2@example.com', 'app+3@example.com')";
    assert_eq!(shop.number(third), 3, "each has an address of its own");
    assert_green(shop);
    shop.run(&["order", "ship", "APP-1"]).success();
}

fn totals_that_were_taken_in_as_they_are_are_counted(shop: &Shop) {
    stocked(shop);
    place(shop, "APP-1", "pending");
    shop.add_lines_as_another_program("APP-1");
    shop.sql("UPDATE orders SET total_amount = 1 WHERE reference = 'APP-1'");
    shop.run(&["adopt", "--yes"]).success();
    let run = shop.run(&["doctor", "--deep"]).success();
    let told = "no orders whose total differs from their lines except those written by another program: 1 (APP-1)";
    assert!(run.stdout.contains(told), "{run}");
}

fn hostile_rows_stop_no_list_no_check_and_no_adoption(shop: &Shop) {
    stocked(shop);
    forget_checks(shop);
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES (' Ann@EXAMPLE.com', '', '', 'x')",
    );
    shop.sql("INSERT INTO orders (reference, user_id) SELECT 'EMPTY', id FROM users WHERE email = 'app@example.com'");
    for (reference, status) in [("ODD", "lost"), ("ZERO", "pending"), ("CAPS", "SHIPPED")] {
        place(shop, reference, "pending");
        unbound(shop, &format!("UPDATE orders SET status = '{status}' WHERE reference = '{reference}'"));
    }
    unbound(
        shop,
        "UPDATE order_items SET quantity = 0 WHERE order_id = (SELECT id FROM orders WHERE reference = 'ZERO')",
    );
    if shop.backend == Backend::Sqlite {
        for statement in [
            "UPDATE orders SET created_at = 1700000000, updated_at = 1700000000.5 WHERE reference = 'ODD'",
            "UPDATE orders SET total_amount = 'free' WHERE reference = 'CAPS'",
            "UPDATE users SET created_at = 1700000000000 WHERE email = 'app@example.com'",
            "INSERT INTO users (id, email, password_hash, first_name, last_name) VALUES ('a b', 'odd@example.com', 'x', 'O', 'I')",
            "INSERT INTO products (id, sku, name, price, stock_quantity) VALUES (7, 'SEVEN', 'Seven', 1, 'many')",
        ] {
            unbound(shop, statement);
        }
    }
    let readers: [&[&str]; 9] = [
        &["user", "list"],
        &["product", "list"],
        &["order", "list"],
        &["order", "show", "odd"],
        &["user", "export", "-o", "csv"],
        &["product", "export", "-o", "csv"],
        &["order", "export", "-o", "jsonl"],
        &["report", "sales"],
        &["stock", "list"],
    ];
    let all_are_read = || {
        readers.iter().for_each(|arguments| drop(shop.run(arguments).success()));
        for check in [["audit", "verify"], ["stock", "verify"], ["doctor", "--deep"]] {
            let run = shop.run(&check);
            assert!([0, 9].contains(&run.code), "{run}");
        }
    };
    all_are_read();
    let before = shop.column("SELECT stock_quantity FROM products ORDER BY sku");
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    let named = format!("{} {}", run["left"], run["repairs"]);
    for name in ["ODD", "CAPS", "ZERO", " Ann@EXAMPLE.com"] {
        assert!(named.contains(name), "{name}: {run}");
    }
    if shop.backend == Backend::Sqlite {
        assert!(named.contains("SEVEN") && run["rows"].to_string().contains("odd@example.com"), "{run}");
    }
    assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY sku"), before);
    all_are_read();
    let again = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    assert_eq!(again["changed"], false, "{again}");
    for open in ["left", "lost", "repairs", "totals_of_zero"] {
        assert_eq!(again[open], run[open], "the same stays open");
    }
}

fn a_full_stock_and_orders_as_large_are_taken_in(shop: &Shop) {
    stocked(shop);
    for (reference, status) in [("BIG-1", "paid"), ("BIG-2", "cancelled")] {
        place(shop, reference, status);
        shop.sql(&format!(
            "UPDATE order_items SET quantity = 2147483647 WHERE order_id = (SELECT id FROM orders WHERE reference = '{reference}') \
             AND product_id = (SELECT id FROM products WHERE sku = 'PEN')"
        ));
    }
    shop.sql("UPDATE products SET stock_quantity = 2147483647 WHERE sku = 'PEN'");
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    assert_eq!((&run["left"], &run["lost"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())), "{run}");
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
    assert_eq!(shop.number("SELECT stock_quantity FROM products WHERE sku = 'PEN'"), 2_147_483_647);
    // The stock is full: nothing can come back.
    shop.run(&["order", "refund", "BIG-1", "--yes"]).exits_with(6).says("stock.too_much").says("--no-restock");
    shop.run(&["order", "refund", "BIG-1", "--no-restock", "--yes"]).success();
    shop.run(&["audit", "verify"]).success();
}

fn a_dry_run_of_adopt_changes_nothing(shop: &Shop) {
    stocked(shop);
    place(shop, "APP-1", "pending");
    let before = shop.everything();
    let run = shop.run(&["adopt", "-n", "--fix-totals"]).success().says("order APP-1: was not created by shopctl");
    assert!(run.stdout.contains("would be adopted") && !run.stderr.contains("changed "), "{run}");
    shop.run(&["adopt", "-n", "--exit-code"]).exits_with(9);
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_stock_that_is_no_number_has_a_repair_that_works() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("MUG", "9.50", 7);
    shop.sql("UPDATE products SET stock_quantity = 'abc'");
    let run = shop.run(&["adopt", "--yes", "--json"]).success().json();
    let repair = run["repairs"][0]["repair"].as_str().expect("a repair").to_owned();
    shop.sql(&repair);
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 7);
    assert_green(&shop);
}

#[test]
fn twice_as_many_orders_take_twice_as_long_to_adopt() {
    const ORDERS: i64 = 200;
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    stocked(&shop);
    shop.sql(&format!(
        "INSERT INTO orders (reference, user_id, status) SELECT CONCAT('APP-', seq), u.id, 'paid' FROM users u, seq_1_to_{ORDERS}"
    ));
    shop.sql("INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 1, 1 FROM orders o, products p");
    shop.sql("SET GLOBAL userstat = 1");
    adopt(&shop);
    let read = "SELECT rows_read FROM information_schema.table_statistics WHERE table_name = 'audit_events' AND table_schema = ";
    let read = shop.number(&format!("{read}'{}'", shop.database_name()));
    assert!(read < 20 * ORDERS, "{read} events read");
}
