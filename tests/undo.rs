//! Taking back operations: the rows have the values of before, or nothing is written.

mod hints;

use serde_json::Value;

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Run, Shop, terminal};

on_every_backend!(
    a_price_change_undone_gives_every_price_of_before,
    a_thousand_prices_come_back_in_one_operation,
    every_undoable_operation_gives_the_rows_of_before,
    an_undo_can_be_undone_and_is_done_once,
    a_row_that_moved_on_is_refused_with_what_changed_it,
    stock_moves_back_by_what_moved,
    a_changed_order_gets_its_lines_customer_and_total_back,
    two_undos_at_once_take_back_once,
    an_undo_races_with_changes_of_the_same_rows,
);

fn undo(shop: &Shop, arguments: &[&str]) -> Run {
    shop.run(&[&["undo"], arguments].concat())
}

/// The id of the newest operation of this name.
fn newest(shop: &Shop, operation: &str) -> String {
    let list = ["audit", "list", "--operation", operation, "--outcome", "succeeded", "--limit", "1", "--json"];
    let run = shop.run(&list).success().json();
    run["items"][0]["operation_id"].as_str().unwrap_or_else(|| panic!("no {operation}")).to_owned()
}

/// Every value of users, products, orders and their lines, apart from times.
fn rows(shop: &Shop) -> Vec<Value> {
    let listed = |list: &[&str], fields: &str| {
        let run = shop.run(&[list, &["--all", "--sort", "created_at", "--json", "--fields", fields]].concat());
        run.success().json()["items"].as_array().expect("a list").clone()
    };
    let mut rows = listed(&["user", "list"], "id,email,first_name,last_name,status");
    rows.extend(listed(&["product", "list"], "id,sku,name,description,price,stock_quantity"));
    rows.extend(listed(&["product", "list", "--retired"], "id,sku,stock_quantity,retired_at"));
    rows.extend(listed(&["order", "list"], "id,reference,user,status,total_amount,note"));
    rows.push(shop.column("SELECT quantity FROM order_items ORDER BY id").into());
    rows.push(shop.column("SELECT CAST(unit_price AS char(20)) FROM order_items ORDER BY id").into());
    rows.push(shop.column("SELECT CAST(id AS char(36)) FROM order_items ORDER BY id").into());
    rows
}

/// Every check that compares rows, movements and events.
fn verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
    shop.run(&["adopt", "-n", "--exit-code"]).success();
}

/// A shop with a pending order of 2 mugs.
fn ordered(shop: &Shop) -> String {
    shop.user("ann");
    shop.user("bo");
    shop.product("MUG", "12.50", 10);
    shop.product("PEN", "2.40", 5);
    let run = shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--json", "--quiet"]);
    run.success().json()["reference"].as_str().expect("text").to_owned()
}

fn a_price_change_undone_gives_every_price_of_before(shop: &Shop) {
    for (sku, price) in [("MUG", "12.50"), ("PEN", "0.01"), ("HAT", "0.00")] {
        shop.product(sku, price, 3);
    }
    let before = rows(shop);
    shop.run(&["product", "price", "--all", "--by", "+0.33", "--yes"]).success();
    let operation = newest(shop, "product.price");
    let listed = || shop.run(&["audit", "list", "--operation-id", &operation, "--json"]).success().json();
    assert_eq!(listed()["items"][0]["undoable"], true);

    let dry = undo(shop, &[&operation, "-n", "-o", "table"]).success();
    for part in ["ENTITY", "NOW", "RESTORED", "MUG", "12.83", "12.50", "would be undone: 3 values"] {
        assert!(dry.stdout.contains(part), "{part} is missing in {dry}");
    }
    assert_ne!(rows(shop), before);
    undo(shop, &[&operation]).exits_with(11).says("this undoes product.price").says("3 values");
    let run = undo(shop, &[&operation, "--yes", "--json"]).success().json();
    assert_eq!((&run["changed"], &run["rows"], &run["undone"]), (&true.into(), &3.into(), &operation.as_str().into()));
    assert_eq!(run["operation"], "product.price");
    let value = &run["values"][0];
    assert_eq!((&value["field"], &value["entity"]), (&"price".into(), &"product".into()), "{run}");
    assert_eq!(rows(shop), before);
    assert_eq!(listed()["items"][0]["undoable"], false);
    let event = shop.run(&["audit", "list", "--operation", "undo", "--limit", "1", "--json"]).success().json();
    assert_eq!(event["items"][0]["reason"], format!("undoes product.price {operation}"));
    assert_eq!(event["items"][0]["operation_id"], run["id"]);
    verified(shop);
}

fn a_thousand_prices_come_back_in_one_operation(shop: &Shop) {
    let lines: String = (1..=1_000).map(|n| format!("P{n},Thing {n},{}.{:02},1\n", n / 7, n % 100)).collect();
    shop.file("products.csv", &format!("sku,name,price,stock_quantity\n{lines}"));
    shop.run(&["product", "import", "products.csv"]).success();
    let before = rows(shop);
    shop.run(&["product", "price", "--all", "--by", "+7.3%", "--yes"]).success();
    shop.run(&["stock", "adjust", "P500", "+4", "--reason", "received"]).success();
    let events = shop.number("SELECT COUNT(*) FROM audit_events");
    let run = undo(shop, &[&newest(shop, "product.price"), "--yes", "--json"]).success().json();
    assert!(run["rows"].as_i64().is_some_and(|rows| rows > 990), "{}", run["rows"]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events") - events, run["rows"].as_i64().expect("a number"));
    undo(shop, &[&newest(shop, "stock.adjust"), "--yes"]).success();
    assert_eq!(rows(shop), before);
    verified(shop);
}

fn every_undoable_operation_gives_the_rows_of_before(shop: &Shop) {
    let order = ordered(shop);
    shop.run(&["product", "price", "MUG", "--to", "13"]).success();
    shop.file("counted.csv", "sku,counted\nMUG,3\nPEN,50\n");
    shop.product("OLD", "1.00", 1);
    shop.run(&["product", "retire", "OLD", "--yes"]).success();
    let operations: [(&str, &[&str]); 15] = [
        ("product.retire", &["product", "retire", "MUG", "PEN", "--yes"]),
        ("product.restore", &["product", "restore", "OLD"]),
        ("product.update", &["product", "update", "MUG", "--name", "Cup", "--sku", "CUP", "--description", "a\nb"]),
        ("product.update", &["product", "update", "PEN", "--price", "9.99"]),
        ("product.price", &["product", "price", "MUG", "PEN", "--by", "+10%", "--yes"]),
        ("stock.adjust", &["stock", "adjust", "MUG", "-3", "--reason", "damaged", "--note", "fell"]),
        ("stock.set", &["stock", "set", "PEN", "9", "--expect", "5"]),
        ("stock.receive", &["stock", "receive", "MUG:24", "PEN:3", "--note", "4711"]),
        ("stock.import", &["stock", "import", "counted.csv"]),
        ("user.update", &["user", "update", "bo@example.com", "--email", "bob@example.com", "--last-name", "Ek"]),
        ("user.disable", &["user", "disable", "bo@example.com", "--yes"]),
        ("order.change", &["order", "change", &order, "--item", "MUG:5", "--item", "PEN:2", "--note", "more"]),
        ("order.change", &["order", "change", &order, "--remove", "MUG", "--item", "PEN:2"]),
        ("order.change", &["order", "change", &order, "--user", "bo@example.com"]),
        ("order.change", &["order", "change", &order, "--reprice"]),
    ];
    for (name, arguments) in operations {
        let before = rows(shop);
        shop.run(arguments).success();
        let after = rows(shop);
        assert_ne!(after, before, "{arguments:?}");
        undo(shop, &[&newest(shop, name), "--yes"]).success();
        assert_eq!(rows(shop), before, "{arguments:?} undone");
        undo(shop, &[&newest(shop, "undo"), "--yes"]).success();
        assert_eq!(rows(shop), after, "{arguments:?} undone and redone");
        undo(shop, &[&newest(shop, "undo"), "--yes"]).success();
        assert_eq!(rows(shop), before, "{arguments:?} undone, redone and undone");
    }
    shop.run(&["user", "disable", "bo@example.com", "--yes"]).success();
    let before = rows(shop);
    shop.run(&["user", "enable", "bo@example.com"]).success();
    undo(shop, &[&newest(shop, "user.enable"), "--yes"]).success();
    assert_eq!(rows(shop), before);
    verified(shop);
}

fn an_undo_can_be_undone_and_is_done_once(shop: &Shop) {
    shop.product("MUG", "12.50", 3);
    shop.run(&["product", "update", "MUG", "--price", "20"]).success();
    let operation = newest(shop, "product.update");
    let first = undo(shop, &[&operation, "--yes", "--json"]).success().json()["id"].clone();
    let again = undo(shop, &[&operation, "--json"]).success().json();
    assert_eq!((&again["changed"], &again["id"]), (&false.into(), &first), "{again}");
    let redone = undo(shop, &[first.as_str().expect("an id"), "--yes", "--json"]).success().json()["id"].clone();
    let redone = redone.as_str().expect("an id");
    assert_eq!(shop.run(&["product", "show", "MUG", "--json"]).success().json()["price"], "20.00");
    undo(shop, &[&operation, "--yes"]).exits_with(6).says("undo.redone").says(&format!("shopctl undo {redone}"));
    // An event's id stands for its operation.
    let events = shop.run(&["audit", "list", "--operation-id", redone, "--json"]).success().json();
    undo(shop, &[events["items"][0]["id"].as_str().expect("an id"), "--yes"]).success();
    assert_eq!(undo(shop, &[&operation, "--json"]).success().json()["changed"], false);
    undo(shop, &["01a2099a-f92b-73dc-878a-58879510c016"]).exits_with(3).says("audit list --fields");
    undo(shop, &["last"]).exits_with(7);
    verified(shop);
}

fn a_row_that_moved_on_is_refused_with_what_changed_it(shop: &Shop) {
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "12.50", 3));
    shop.run(&["product", "price", "MUG", "PEN", "--to", "13", "--yes"]).success();
    let operation = newest(shop, "product.price");
    shop.run(&["product", "update", "PEN", "--name", "Quill", "--price", "15"]).success();
    let later = newest(shop, "product.update");
    let before = rows(shop);
    undo(shop, &[&operation, "--yes"])
        .exits_with(6)
        .says("undo.moved_on")
        .says(&format!("product PEN has a different price since product.update {later} of 20"))
        .says(&format!("shopctl undo {later}"));
    assert_eq!(rows(shop), before, "all or nothing");
    // Other fields may have moved on.
    undo(shop, &[&later, "--yes"]).success();
    shop.run(&["product", "update", "PEN", "--name", "Feather"]).success();
    undo(shop, &[&operation, "--yes"]).success();
    shop.run(&["product", "update", "PEN", "--price", "16"]).success();
    shop.run(&["product", "delete", "PEN", "--confirm", "PEN"]).success();
    let deleted = newest(shop, "product.delete");
    undo(shop, &[&newest(shop, "product.update"), "--yes"])
        .exits_with(6)
        .says(&format!("product PEN is gone since product.delete {deleted}"));
    shop.run(&["product", "update", "MUG", "--price", "17"]).success();
    shop.sql("UPDATE products SET price = 18 WHERE sku = 'MUG'");
    undo(shop, &[&newest(shop, "product.update"), "--yes"]).exits_with(6).says("a different price, by another program");
    // A name that somebody else has by now.
    shop.run(&["product", "update", "MUG", "--sku", "CUP"]).success();
    shop.product("MUG", "1", 1);
    undo(shop, &[&newest(shop, "product.update"), "--yes"]).exits_with(6).says("product.duplicate");
}

fn stock_moves_back_by_what_moved(shop: &Shop) {
    let stock = || shop.number("SELECT stock_quantity FROM products");
    shop.product("MUG", "12.50", 10);
    shop.run(&["stock", "adjust", "MUG", "+5", "--reason", "received"]).success();
    let received = newest(shop, "stock.adjust");
    shop.run(&["stock", "set", "MUG", "4", "--expect", "15", "--reason", "shrinkage"]).success();
    undo(shop, &[&received, "--yes"])
        .exits_with(6)
        .says("stock.insufficient")
        .says("MUG has 4 in stock; cannot remove 5");
    assert_eq!(stock(), 4);
    shop.run(&["stock", "adjust", "MUG", "+2", "--reason", "return"]).success();
    undo(shop, &[&received, "--yes"]).success();
    assert_eq!(stock(), 1);
    undo(shop, &[&newest(shop, "stock.set"), "--yes"]).success();
    assert_eq!(stock(), 12);
    let corrections = "SELECT COUNT(*) FROM stock_movements WHERE reason = 'correction' AND note IS NULL";
    assert_eq!(shop.number(corrections), 2);
    verified(shop);
}

fn a_changed_order_gets_its_lines_customer_and_total_back(shop: &Shop) {
    let order = ordered(shop);
    let change = |flags: &[&str]| {
        shop.run(&[&["order", "change", &order], flags].concat()).success();
        newest(shop, "order.change")
    };
    let changed = change(&["--item", "MUG:1", "--item", "PEN:5"]);
    let dry = undo(shop, &[&changed, "-n", "-o", "table"]).success();
    for part in ["item MUG", "1 at 12.50", "2 at 12.50", "item PEN", "total_amount", "25.00"] {
        assert!(dry.stdout.contains(part), "{part} is missing in {dry}");
    }
    // The pieces that the change gave back are sold.
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:9"]).success();
    undo(shop, &[&changed, "--yes"]).exits_with(6).says("MUG has 0 in stock beside the 1 of this order, 2 requested");
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    undo(shop, &[&changed, "--yes"]).success();
    // What a change left alone may have been changed since.
    let lines = change(&["--item", "MUG:1"]);
    shop.run(&["order", "reassign", &order, "--user", "bo@example.com", "--yes"]).success();
    undo(shop, &[&lines, "--yes"]).success();
    let listed = shop.run(&["order", "show", &order, "--json"]).success().json();
    assert_eq!((&listed["user"], &listed["total_amount"]), (&"bo@example.com".into(), &"25.00".into()), "{listed}");
    let changed = change(&["--user", "ann@example.com"]);
    shop.run(&["order", "change", &order, "--item", "MUG:1"]).success();
    undo(shop, &[&changed, "--yes"]).success();
    let listed = shop.run(&["order", "show", &order, "--json"]).success().json();
    assert_eq!((&listed["user"], &listed["total_amount"]), (&"bo@example.com".into(), &"12.50".into()), "{listed}");
    shop.run(&["order", "change", &order, "--item", "MUG:2", "--user", "ann@example.com"]).success();
    let changed = change(&["--user", "bo@example.com"]);
    shop.run(&["user", "disable", "ann@example.com", "--yes"]).success();
    undo(shop, &[&changed, "--yes"]).exits_with(6).says("user.not_active");
    shop.run(&["user", "enable", "ann@example.com"]).success();
    // A note that somebody replaced since is theirs.
    let changed_note = change(&["--item", "MUG:1", "--note", "one is enough"]);
    shop.run(&["order", "note", &order, "calls back"]).success();
    let noted = newest(shop, "order.note");
    undo(shop, &[&changed_note, "--yes"])
        .exits_with(6)
        .says(&format!("order {order} has a different note since order.note {noted}"));
    shop.run(&["order", "note", &order, "one is enough"]).success();
    let dry = undo(shop, &[&changed_note, "-n", "-o", "table"]).success();
    assert!(dry.stdout.contains("one is enough"), "{dry}");
    undo(shop, &[&changed_note, "--yes"]).success();
    let changed_both = change(&["--item", "MUG:1", "--note", "only one"]);
    shop.run(&["order", "pay", &order]).success();
    let paid = newest(shop, "order.pay");
    undo(shop, &[&changed, "--yes"])
        .exits_with(6)
        .says(&format!("order {order} has a different status since order.pay {paid}"));
    // Each field is told with the operation that set it.
    shop.run(&["order", "note", &order, "at the back door"]).success();
    let (noted, status) = (newest(shop, "order.note"), format!("status since order.pay {paid}"));
    let run = undo(shop, &[&changed_both, "--yes"]).exits_with(6).says(&status);
    assert!(run.stderr.contains(&format!("note since order.note {noted}")), "{run}");
    verified(shop);
}

fn two_undos_at_once_take_back_once(shop: &Shop) {
    const PROCESSES: usize = 4;
    shop.product("MUG", "12.50", 10);
    shop.run(&["stock", "adjust", "MUG", "+5", "--reason", "received"]).success();
    shop.run(&["product", "price", "MUG", "--by", "+1"]).success();
    for operation in [newest(shop, "stock.adjust"), newest(shop, "product.price")] {
        let command = ["undo", operation.as_str(), "--yes", "--json"];
        let children: Vec<_> = (0..PROCESSES).map(|_| shop.start(&command)).collect();
        let runs = children.into_iter().map(|child| finish(child, &command).success().json());
        assert_eq!(runs.filter(|run| run["changed"] == true).count(), 1);
    }
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 10);
    assert_eq!(shop.run(&["product", "show", "MUG", "--json"]).success().json()["price"], "12.50");
    verified(shop);
}

fn an_undo_races_with_changes_of_the_same_rows(shop: &Shop) {
    const ROUNDS: usize = 3;
    ["MUG", "PEN", "HAT"].iter().for_each(|sku| shop.product(sku, "12.50", 10));
    for round in 0..ROUNDS {
        let price = format!("{}.00", 20 + round);
        shop.run(&["product", "price", "PEN", "MUG", "--to", &price, "--yes"]).success();
        let operation = newest(shop, "product.price");
        shop.run(&["stock", "adjust", "HAT", "+5", "--reason", "received"]).success();
        let adjusted = newest(shop, "stock.adjust");
        let commands: [&[&str]; 5] = [
            &["undo", &operation, "--yes"],
            &["undo", &adjusted, "--yes"],
            &["product", "price", "MUG", "PEN", "--by", "+1", "--yes"],
            &["stock", "adjust", "HAT", "-1", "--reason", "damaged"],
            &["product", "update", "PEN", "--description", &price],
        ];
        let children: Vec<_> = commands.iter().map(|command| (shop.start(command), command)).collect();
        for (child, command) in children {
            let run = finish(child, command);
            assert!(run.code == 0 || run.code == 6, "{run}");
        }
        let prices = shop.column("SELECT CAST(price AS char(20)) FROM products WHERE sku <> 'HAT' ORDER BY sku");
        assert_eq!(prices[0], prices[1], "both prices or none");
    }
    verified(shop);
}

#[test]
fn an_undo_is_asked_about_with_its_values() {
    let shop = Shop::migrated(crate::support::Backend::Sqlite).expect("always there");
    shop.product("MUG", "12.50", 10);
    shop.run(&["product", "update", "MUG", "--price", "20"]).success();
    let operation = newest(&shop, "product.update");
    let asked = |keys: &str| {
        let mut session = terminal::start(&shop, &["undo", &operation], &[]);
        let shown = terminal::answer(&mut session, "Continue? [y/N] ", keys);
        (shown, terminal::end(session).0)
    };
    let (shown, code) = asked("n\r");
    assert!(shown.contains("This undoes product.update of ") && shown.contains(" in sqlite:"), "{shown}");
    assert!(shown.contains(": 1 value") && shown.contains("product MUG price: 20.00 → 12.50"), "{shown}");
    assert_eq!(code, 10);
    assert_eq!(asked("y\r").1, 0);
    assert_eq!(shop.run(&["product", "show", "MUG", "--json"]).success().json()["price"], "12.50");
    // There is nothing left to ask about.
    let session = terminal::start(&shop, &["undo", &operation], &[]);
    let (code, said) = terminal::end(session);
    assert!(code == 0 && said.contains("was already undone"), "{said}");
}
