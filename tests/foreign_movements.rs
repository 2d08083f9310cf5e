//! Stock movements that another program inserted or deleted are told apart from faults, and taken in.

use serde_json::Value;

use crate::adopt_rows::{adopt, assert_green};
use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    a_movement_that_another_program_inserted_is_named_and_taken_in,
    movements_of_orders_that_another_program_inserted_are_taken_in,
    movements_that_another_program_deleted_are_named_and_taken_in,
    pieces_whose_return_another_program_deleted_come_back_once,
    a_movement_that_was_taken_in_is_watched_from_then_on,
    movements_that_another_program_deleted_are_not_oversold_pieces,
    movements_with_another_time_are_named_and_taken_in,
    movements_that_another_program_gave_to_another_order_are_taken_in,
    missing_values_are_said,
);

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 100);
    shop.product("PEN", "2.40", 50);
}

fn order(shop: &Shop, verbs: &[&[&str]]) -> String {
    let arguments = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--item", "PEN", "--json"];
    let reference = shop.run(&arguments).success().json()["reference"].as_str().expect("text").to_owned();
    verbs.iter().for_each(|verb| drop(shop.run(&[&["order", verb[0], &reference], &verb[1..]].concat()).success()));
    reference
}

fn stock(shop: &Shop) -> [i64; 2] {
    ["MUG", "PEN"].map(|sku| shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'")))
}

fn id_of(reference: &str) -> String {
    format!("(SELECT o.id FROM orders o WHERE o.reference = '{reference}')")
}

/// The findings as `NAME: FINDING`; none is a fault, for `doctor` either.
#[track_caller]
fn findings(shop: &Shop) -> Vec<String> {
    shop.run(&["doctor", "--deep"]).success();
    let run =
        shop.run(&["audit", "verify", "--json"]).exits_with(9).says("nothing else is wrong").says("shopctl adopt");
    let items = run.json()["items"].as_array().expect("a list").clone();
    let text = |item: &Value, member: &str| item[member].as_str().expect("text").to_owned();
    items.iter().map(|item| format!("{}: {}", text(item, "name"), text(item, "finding"))).collect()
}

/// The stock stays, and adopting again changes nothing.
#[track_caller]
fn assert_taken_in(shop: &Shop) -> Value {
    let before = stock(shop);
    let run = adopt(shop);
    assert_eq!(stock(shop), before, "{run}");
    assert_green(shop);
    let again = shop.run(&["adopt", "--yes"]).success();
    assert!(again.stdout.contains("nothing to adopt"), "{again}");
    run
}

fn a_movement_that_another_program_inserted_is_named_and_taken_in(shop: &Shop) {
    stocked(shop);
    let insert =
        "INSERT INTO stock_movements (product_id, delta, reason) SELECT id, 5, 'gift' FROM products WHERE sku = 'PEN'";
    // Once beside the stock, once along with it.
    for stock in [0, 5] {
        shop.sql(insert);
        shop.sql(&format!("UPDATE products SET stock_quantity = stock_quantity + {stock} WHERE sku = 'PEN'"));
        let found = findings(shop);
        assert!(found.contains(&"+5 PEN: was not created by shopctl".to_owned()), "{found:?}");
        let run = shop.run(&["doctor", "--deep", "--json"]).success();
        let checks = run.json()["items"].as_array().expect("a list").clone();
        let check = checks.iter().find(|check| check["name"] == "movement-has-event").expect("checked");
        assert_eq!((&check["state"], &check["hint"]), (&"warning".into(), &"shopctl adopt".into()), "{check}");
        let run = assert_taken_in(shop);
        assert_eq!(run["foreign_movements"]["made"], 1, "{run}");
        assert_eq!(run["movements"], i64::from(stock == 0), "{run}");
    }
}

fn movements_of_orders_that_another_program_inserted_are_taken_in(shop: &Shop) {
    stocked(shop);
    let (more, back, cancelled) = (order(shop, &[]), order(shop, &[]), order(shop, &[&["cancel", "--yes"]]));
    let cases = [(&more, -1, "order"), (&back, 3, "restock"), (&cancelled, 1, "restock")];
    for (reference, delta, reason) in cases {
        shop.sql(&format!(
            "INSERT INTO stock_movements (product_id, delta, reason, order_id) \
             SELECT id, {delta}, '{reason}', {} FROM products WHERE sku = 'MUG'",
            id_of(reference)
        ));
    }
    // Of an order that never was.
    shop.sql("INSERT INTO stock_movements (product_id, delta, reason, order_id) SELECT id, -1, 'order', id FROM products WHERE sku = 'PEN'");
    let found = findings(shop);
    for name in ["-1 MUG", "+3 MUG", "+1 MUG", "-1 PEN"] {
        assert!(found.contains(&format!("{name}: was not created by shopctl")), "{found:?}");
    }
    let run = assert_taken_in(shop);
    assert_eq!(run["foreign_movements"]["made"], 4, "{run}");
    // No order gives back more than it took.
    let before = stock(shop);
    shop.run(&["order", "cancel", &more, "--yes"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    assert_green(shop);
}

fn movements_that_another_program_deleted_are_named_and_taken_in(shop: &Shop) {
    stocked(shop);
    shop.run(&["stock", "adjust", "PEN", "-4", "--reason", "damaged"]).success();
    let (placed, sold) = (order(shop, &[]), order(shop, &[&["pay"], &["ship"]]));
    for which in [
        "reason = 'damaged'".to_owned(),
        format!("order_id = {} AND delta = -2", id_of(&placed)),
        format!("order_id = {}", id_of(&sold)),
    ] {
        shop.sql(&format!("DELETE FROM stock_movements WHERE {which}"));
    }
    let found = findings(shop);
    for (name, pieces) in [("PEN", "-4"), (&placed, "-2"), (&sold, "-2"), (&sold, "-1")] {
        let is_told = |found: &&String| {
            found.starts_with(&format!("{name}: its movement of "))
                && found.contains(&format!("movement of {pieces} units in operation"))
        };
        assert_eq!(found.iter().filter(is_told).count(), 1, "{name} {pieces}: {found:?}");
    }
    assert_taken_in(shop);
    let before = stock(shop);
    let run = shop.run(&["order", "cancel", &placed, "--yes"]).success();
    assert!(run.stdout.contains("3 units restocked") && !run.stdout.contains("according to its lines"), "{run}");
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    assert_green(shop);
}

fn movements_that_another_program_deleted_are_not_oversold_pieces(shop: &Shop) {
    stocked(shop);
    let of = |sku: &str| format!("product_id = (SELECT p.id FROM products p WHERE p.sku = '{sku}')");
    for (sku, deleted) in [("CUP", "reason = 'initial'"), ("BOX", "reason = 'order'"), ("JAR", "delta <> 0")] {
        shop.product(sku, "1.00", 5);
        let item = format!("{sku}:5");
        shop.run(&["order", "create", "--user", "ann@example.com", "--item", &item]).success();
        shop.sql(&format!("DELETE FROM stock_movements WHERE {deleted} AND {}", of(sku)));
        let run = shop.run(&["adopt", "--dry-run"]).success();
        assert!(!run.stderr.contains("oversold"), "{sku}: {run}");
        let told = format!(
            "another program removed {} of {sku}",
            if sku == "JAR" { "2 stock movements" } else { "1 stock movement" }
        );
        assert!(run.stderr.contains(&told), "{sku}: {run}");
        let run = assert_taken_in(shop);
        assert_eq!(run["oversold"], Value::Array(Vec::new()), "{sku}: {run}");
    }
    // What was sold beyond that is told as before.
    shop.product("NIB", "1.00", 5);
    shop.sql(&format!("DELETE FROM stock_movements WHERE {}", of("NIB")));
    shop.sql("UPDATE products SET updated_at = CURRENT_TIMESTAMP WHERE sku = 'NIB'");
    for (number, sold) in [(1, 4), (2, 4)] {
        shop.sql(&format!(
            "INSERT INTO orders (reference, user_id, status, total_amount) SELECT 'APP-{number}', id, 'paid', {sold} FROM users"
        ));
        shop.sql(&format!(
            "INSERT INTO order_items (order_id, product_id, quantity, unit_price) \
             SELECT o.id, p.id, {sold}, 1 FROM orders o, products p WHERE o.reference = 'APP-{number}' AND p.sku = 'NIB'"
        ));
    }
    shop.sql("UPDATE products SET stock_quantity = 1 WHERE sku = 'NIB'");
    let run = adopt(shop);
    assert_eq!(run["oversold"], serde_json::json!([{ "sku": "NIB", "units": 3 }]), "{run}");
}

fn pieces_whose_return_another_program_deleted_come_back_once(shop: &Shop) {
    stocked(shop);
    let refunded = order(shop, &[&["pay"], &["ship"], &["refund", "--restock", "MUG:1", "--yes"]]);
    shop.sql(&format!("DELETE FROM stock_movements WHERE order_id = {} AND reason = 'restock'", id_of(&refunded)));
    findings(shop);
    assert_taken_in(shop);
    shop.run(&["order", "refund", &refunded, "--restock", "MUG:2", "--yes"]).exits_with(6);
    shop.run(&["order", "refund", &refunded, "--restock-all", "--yes"]).success();
    assert_eq!(stock(shop), [100, 50]);
    assert_green(shop);
    // What balances the pieces of a past order does not come back.
    shop.file("past.csv", "reference,user,sku,quantity\nOLD,ann@example.com,MUG,1\n");
    shop.run(&["order", "import", "past.csv", "--stock", "skip"]).success();
    shop.sql(&format!("DELETE FROM stock_movements WHERE order_id = {} AND delta > 0", id_of("OLD")));
    findings(shop);
    assert_taken_in(shop);
}

fn a_movement_that_was_taken_in_is_watched_from_then_on(shop: &Shop) {
    stocked(shop);
    shop.sql(
        "INSERT INTO stock_movements (product_id, delta, reason) SELECT id, 5, 'gift' FROM products WHERE sku = 'PEN'",
    );
    assert_taken_in(shop);
    shop.sql("UPDATE stock_movements SET note = 'no gift' WHERE reason = 'gift'");
    assert_eq!(findings(shop), ["+5 PEN: note is no gift, the events say null"]);
    assert_taken_in(shop);
    shop.sql("DELETE FROM stock_movements WHERE reason = 'gift'");
    assert!(findings(shop).iter().any(|found| found.ends_with("is missing although no event deleted it")));
    let run = assert_taken_in(shop);
    assert_eq!(run["foreign_movements"]["removed"], 1, "{run}");
}

fn movements_with_another_time_are_named_and_taken_in(shop: &Shop) {
    stocked(shop);
    shop.run(&["stock", "adjust", "PEN", "-4", "--reason", "damaged"]).success();
    let placed = order(shop, &[]);
    let refunded = order(shop, &[&["pay"], &["ship"], &["refund", "--restock", "MUG:1", "--yes"]]);
    for which in [
        "reason = 'damaged'".to_owned(),
        format!("order_id = {}", id_of(&placed)),
        format!("order_id = {} AND reason = 'restock'", id_of(&refunded)),
    ] {
        shop.sql(&format!("UPDATE stock_movements SET created_at = '2020-01-01 00:00:00' WHERE {which}"));
        let found = findings(shop);
        assert!(
            found.iter().all(|found| found.contains(" is of 2020-01-01T00:00:00+00:00, the event of ")),
            "{found:?}"
        );
        let run = assert_taken_in(shop);
        assert_eq!(run["movements"], 0, "{run}");
    }
    if shop.backend == Backend::MariaDb {
        shop.sql("ALTER TABLE stock_movements MODIFY created_at datetime(6) NULL");
    } else if shop.backend == Backend::Postgres {
        shop.sql("ALTER TABLE stock_movements ALTER created_at DROP NOT NULL");
    }
    if shop.backend != Backend::Sqlite {
        shop.sql("UPDATE stock_movements SET created_at = NULL WHERE reason = 'initial'");
        let found = findings(shop);
        assert!(found.iter().any(|found| found.contains(" is of NULL, the event of ")), "{found:?}");
        adopt(shop);
        shop.run(&["audit", "verify"]).success();
    }
    // Nothing comes back twice.
    let before = stock(shop);
    shop.run(&["order", "refund", &refunded, "--restock", "MUG:2", "--yes"]).exits_with(6);
    shop.run(&["order", "cancel", &placed, "--yes"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
}

fn movements_that_another_program_gave_to_another_order_are_taken_in(shop: &Shop) {
    stocked(shop);
    shop.run(&["stock", "adjust", "PEN", "-4", "--reason", "damaged"]).success();
    let [one, other, third] = [(); 3].map(|()| order(shop, &[]));
    let anybody = "'550e8400-e29b-41d4-a716-446655440000'";
    for (which, id) in [
        (format!("order_id = {} AND delta = -2", id_of(&one)), "NULL".to_owned()),
        (format!("order_id = {} AND delta = -1", id_of(&one)), id_of(&other)),
        (format!("order_id = {}", id_of(&third)), anybody.to_owned()),
        ("reason = 'damaged'".to_owned(), id_of(&other)),
    ] {
        // MariaDB does not read the table that it changes.
        shop.sql(&format!("UPDATE stock_movements SET order_id = {id} WHERE {which}"));
        let found = findings_of_any(shop);
        assert!(found.iter().any(|found| found.contains("in operation")), "{found:?}");
        assert_taken_in(shop);
    }
    let before = stock(shop);
    [&one, &other, &third].iter().for_each(|order| drop(shop.run(&["order", "cancel", order, "--yes"]).success()));
    assert_eq!(stock(shop), [before[0] + 6, before[1] + 3]);
    assert_green(shop);
}

/// As [`findings`], where `doctor` may find a fault as well.
fn findings_of_any(shop: &Shop) -> Vec<String> {
    let run =
        shop.run(&["audit", "verify", "--json"]).exits_with(9).says("nothing else is wrong").says("shopctl adopt");
    let items = run.json()["items"].as_array().expect("a list").clone();
    items.iter().map(|item| item["finding"].as_str().expect("text").to_owned()).collect()
}

fn missing_values_are_said(shop: &Shop) {
    stocked(shop);
    match shop.backend {
        Backend::Sqlite => {
            shop.sql(
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, \
                 '\"stock_quantity\" integer NOT NULL DEFAULT 0', '\"stock_quantity\" integer') WHERE name = 'products'",
            );
        }
        Backend::Postgres => shop.sql("ALTER TABLE products ALTER stock_quantity DROP NOT NULL"),
        Backend::MariaDb => shop.sql("ALTER TABLE products MODIFY stock_quantity integer NULL"),
    }
    shop.sql("UPDATE products SET stock_quantity = NULL WHERE sku = 'PEN'");
    let told = "product PEN: its stock is NULL, but its movements add up to 50";
    shop.run(&["adopt", "--yes"]).success().says(told);
    shop.run(&["adopt", "--yes"]).success().says(told);
    let run = shop.run(&["product", "delete", "PEN", "-n"]);
    assert!(!run.stderr.contains("  ") && !run.stdout.contains("  "), "{run}");
}
