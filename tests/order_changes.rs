//! Changing pending orders: lines, prices, customer, and the stock that moves with them.

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Run, Shop};

on_every_backend!(
    a_quantity_moves_the_stock_by_the_difference,
    a_kept_line_keeps_its_price_unless_repriced,
    another_total_than_the_expected_one_is_refused,
    only_pending_orders_can_be_changed,
    the_last_line_cannot_be_removed,
    a_product_named_twice_is_refused,
    another_customer_must_be_active,
    the_order_of_a_customer_who_may_not_order_does_not_grow,
    both_customers_know_of_an_order_that_changes_hands,
    a_wrong_new_quantity_is_told_with_the_allowed_ones,
    a_repeated_change_with_a_key_happens_once,
    a_cancelled_order_gives_back_what_its_changes_left,
    a_product_at_two_prices_loses_its_newest_line_first,
    lines_of_another_program_are_adopted_first,
    concurrent_changes_and_cancellations_keep_the_stock,
    an_edited_file_changes_the_order,
    an_order_that_was_changed_meanwhile_is_not_overwritten,
);

/// A shop with 12 mugs and 5 pens, and a pending order of 10 mugs.
fn ordered(shop: &Shop) -> String {
    shop.user("ann");
    shop.product("MUG", "12.50", 12);
    shop.product("PEN", "2.40", 5);
    place(shop, &["--item", "MUG:10"])
}

fn place(shop: &Shop, items: &[&str]) -> String {
    let arguments = [&["order", "create", "--user", "ann@example.com", "--json", "--quiet"], items].concat();
    shop.run(&arguments).success().json()["reference"].as_str().expect("text").to_owned()
}

fn stock(shop: &Shop) -> [i64; 2] {
    ["MUG", "PEN"].map(|sku| shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'")))
}

/// Every check that compares rows, movements and events.
fn verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
    shop.run(&["adopt", "-n", "--exit-code"]).success();
}

fn a_quantity_moves_the_stock_by_the_difference(shop: &Shop) {
    let order = ordered(shop);
    let change = |flags: &[&str]| shop.run(&[&["order", "change", &order, "--json"], flags].concat());
    let run = change(&["--item", "MUG:9"]).success().json();
    assert_eq!((&run["changed"], &run["total_amount"]), (&true.into(), &"112.50".into()), "{run}");
    assert_eq!((&run["restocked"][0]["quantity"], &run["taken"]), (&1.into(), &serde_json::json!([])), "{run}");
    assert_eq!((&run["before"]["total_amount"], &run["after"]["items"][0]["quantity"]), (&"125.00".into(), &9.into()));
    assert_eq!(stock(shop), [3, 5]);
    change(&["--item", "MUG:12"]).success();
    assert_eq!(stock(shop), [0, 5]);
    verified(shop);
    let before = shop.counts();
    change(&["--item", "MUG:13", "--item", "PEN:6"])
        .exits_with(6)
        .says("MUG has 0 in stock beside the 12 of this order, 13 requested; PEN has 5 in stock, 6 requested");
    assert_eq!(shop.counts()[..5], before[..5]);
    assert_eq!(change(&["--item", "MUG:12"]).success().json()["changed"], false);
    change(&["--item", "PEN:5", "--item", "mug:0", "--note", "no mugs"]).success();
    assert_eq!(stock(shop), [12, 0]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM stock_movements WHERE note = 'no mugs'"), 2);
    change(&["--remove", "MUG"]).exits_with(3).says(&format!("order {order} has no MUG"));
    change(&["--item", "HAT"]).exits_with(3);
    verified(shop);
}

fn a_kept_line_keeps_its_price_unless_repriced(shop: &Shop) {
    let order = ordered(shop);
    shop.run(&["product", "update", "MUG", "--price", "10"]).success();
    shop.run(&["product", "update", "PEN", "--price", "3"]).success();
    let total = |flags: &[&str]| {
        let run = shop.run(&[&["order", "change", &order, "--json"], flags].concat()).success().json();
        run["total_amount"].as_str().expect("text").to_owned()
    };
    assert_eq!(total(&["--item", "MUG:2", "--item", "PEN:1"]), "28.00");
    assert_eq!(total(&["--reprice"]), "23.00");
    assert_eq!(shop.run(&["order", "change", &order, "--reprice", "--json"]).success().json()["changed"], false);
    verified(shop);
}

fn another_total_than_the_expected_one_is_refused(shop: &Shop) {
    let order = ordered(shop);
    let change = |total: &str| shop.run(&["order", "change", &order, "--item", "MUG:9", "--expect-total", total]);
    change("112.51").exits_with(6).says("order.total_changed").says("the total is 112.50, not 112.51");
    assert_eq!(stock(shop), [2, 5]);
    let run = change("112.50").success();
    assert!(run.stdout.contains("9 units for ann@example.com, total 112.50 (was 125.00)"), "{run}");
    shop.run(&["order", "change", &order, "--expect-total", "1"]).exits_with(2).says("nothing to change");
}

fn only_pending_orders_can_be_changed(shop: &Shop) {
    let order = ordered(shop);
    let change = || shop.run(&["order", "change", &order, "--item", "MUG:9"]);
    shop.run(&["order", "pay", &order]).success();
    change().exits_with(6).says("order.transition").says("allowed: ship, complete, refund");
    shop.run(&["order", "change", &order, "--user", "bob@example.com"])
        .exits_with(6)
        .says(&format!("shopctl order reassign {order} --user bob@example.com"));
    shop.run(&["order", "ship", &order, "--tracking", " "]).exits_with(7).says("must not be empty");
    shop.run(&["order", "refund", &order, "--yes"]).success();
    change().exits_with(6).says("which is final");
    shop.run(&["order", "change", "NONE-1", "--item", "MUG:9"]).exits_with(3);
    verified(shop);
}

fn the_last_line_cannot_be_removed(shop: &Shop) {
    let order = ordered(shop);
    let before = stock(shop);
    for flags in [["--remove", "MUG"], ["--item", "MUG:0"]] {
        let run = shop.run(&[&["order", "change", &order], &flags[..]].concat());
        run.exits_with(6).says("no lines left").says(&format!("shopctl order cancel {order}"));
    }
    assert_eq!(stock(shop), before);
}

fn a_product_named_twice_is_refused(shop: &Shop) {
    let order = ordered(shop);
    let id = shop.run(&["product", "show", "MUG", "--json"]).success().json()["id"].as_str().expect("text").to_owned();
    for flags in [
        ["--item", "MUG:1", "--item", "mug:2"],
        ["--item", "MUG:1", "--remove", "mug"],
        ["--item", "MUG:1", "--remove", &id],
    ] {
        shop.run(&[&["order", "change", &order], &flags[..]].concat()).exits_with(7).says("is given twice");
    }
    shop.run(&["order", "change", "NONE-1", "--remove", "MUG", "--remove", "MUG"]).exits_with(7);
}

fn another_customer_must_be_active(shop: &Shop) {
    let order = ordered(shop);
    ["bo", "off"].iter().for_each(|name| drop(shop.user(name)));
    shop.run(&["user", "disable", "off@example.com", "--yes"]).success();
    let change = |who: &str| shop.run(&["order", "change", &order, "--user", who]);
    change("off@example.com").exits_with(6).says("user.not_active");
    change("none@example.com").exits_with(3);
    let run = change("bo@example.com").success();
    assert!(run.stdout.contains("changed: 10 units for bo@example.com, total 125.00\n"), "{run}");
    assert_eq!(shop.run(&["order", "show", &order, "--json"]).success().json()["user"], "bo@example.com");
    verified(shop);
}

fn a_repeated_change_with_a_key_happens_once(shop: &Shop) {
    let order = ordered(shop);
    let keyed = |item: &str| {
        shop.run(&["order", "change", &order, "--item", item, "--idempotency-key", "web-1", "--json", "--quiet"])
    };
    keyed("MUG:4").success();
    shop.run(&["order", "change", &order, "--item", "MUG:5"]).success();
    let run = keyed("mug:4").success().json();
    assert_eq!((&run["replayed"], &run["changed"]), (&true.into(), &false.into()), "{run}");
    assert_eq!(stock(shop), [7, 5]);
    keyed("MUG:3").exits_with(6).says("idempotency.key_reused");
    verified(shop);
}

fn a_cancelled_order_gives_back_what_its_changes_left(shop: &Shop) {
    let order = ordered(shop);
    for flags in [["--item", "MUG:3", "--item", "PEN:4"], ["--item", "MUG:7", "--remove", "PEN"]] {
        shop.run(&[&["order", "change", &order], &flags[..]].concat()).success();
    }
    assert_eq!(stock(shop), [5, 5]);
    let run = shop.run(&["order", "cancel", &order, "--yes", "--json"]).success().item();
    assert_eq!(run["restocked"].as_array().expect("a list").len(), 1, "{run}");
    assert_eq!(run["restocked"][0]["quantity"], 7, "{run}");
    assert_eq!(stock(shop), [12, 5]);
    verified(shop);
}

fn a_product_at_two_prices_loses_its_newest_line_first(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 12);
    shop.file(
        "orders.csv",
        "reference,user,status,sku,quantity,unit_price\nTWO-1,ann@example.com,pending,MUG,2,10.00\nTWO-1,ann@example.com,pending,MUG,3,11.00\n",
    );
    shop.run(&["order", "import", "orders.csv"]).success();
    let total = |item: &str| {
        shop.run(&["order", "change", "TWO-1", "--item", item, "--json"]).success().json()["total_amount"].clone()
    };
    assert_eq!(total("MUG:6"), "64.00");
    assert_eq!(total("MUG:3"), "31.00");
    assert_eq!(total("MUG:1"), "10.00");
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_items"), 1);
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 11);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn lines_of_another_program_are_adopted_first(shop: &Shop) {
    let order = ordered(shop);
    shop.sql("UPDATE order_items SET quantity = 11");
    let change = || shop.run(&["order", "change", &order, "--item", "MUG:1"]);
    change().exits_with(6).says("another program wrote them").says("shopctl adopt");
    shop.run(&["adopt", "--yes"]).success();
    change().success();
    assert_eq!(shop.number("SELECT SUM(delta) FROM stock_movements WHERE reason = 'order'"), -1);
    shop.run(&["audit", "verify"]).success();
}

fn concurrent_changes_and_cancellations_keep_the_stock(shop: &Shop) {
    const ROUNDS: usize = 3;
    let order = ordered(shop);
    let orders = [order, place(shop, &["--item", "PEN:1", "--item", "MUG:1"])];
    for round in 0..ROUNDS {
        let [first, second] = orders.each_ref().map(String::as_str);
        let cancel: &[&str] = &["order", "cancel", second, "--yes"];
        let last: &[&str] = if round + 1 == ROUNDS { cancel } else { &["order", "change", second, "--item", "PEN:1"] };
        // The products are named in both orders.
        let commands: [&[&str]; 5] = [
            &["order", "change", first, "--item", "MUG:4", "--item", "PEN:2"],
            &[
                "order",
                "change",
                first,
                "--item",
                "PEN:1",
                "--item",
                "MUG:6",
                "--idempotency-key",
                &format!("a{round}"),
            ],
            &["order", "change", second, "--item", "PEN:3", "--item", "MUG:2"],
            &[
                "order",
                "change",
                second,
                "--item",
                "MUG:1",
                "--item",
                "PEN:2",
                "--idempotency-key",
                &format!("b{round}"),
            ],
            last,
        ];
        let children: Vec<_> = commands.iter().map(|command| (shop.start(command), command)).collect();
        for (child, command) in children {
            let run = finish(child, command);
            let is_late = run.code == 6 && run.stderr.contains("order.transition");
            assert!(run.code == 0 || is_late, "{run}");
        }
    }
    let held = |sku: &str| {
        shop.number(&format!(
            "SELECT COALESCE(SUM(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id \
             JOIN products p ON p.id = i.product_id WHERE o.status = 'pending' AND p.sku = '{sku}'"
        ))
    };
    assert_eq!(stock(shop), [12 - held("MUG"), 5 - held("PEN")]);
    verified(shop);
}

/// Edits an order with this command as the editor, with temporary files in the shop's folder.
fn edit(shop: &Shop, order: &str, editor: &str) -> Run {
    edit_with(shop, order, editor, &[])
}

fn edit_with(shop: &Shop, order: &str, editor: &str, flags: &[&str]) -> Run {
    let arguments = [&["order", "edit", order, "--json"], flags].concat();
    let mut command = shop.command(&arguments);
    command.env("EDITOR", editor).env("TMPDIR", shop.home.path());
    finish(command.spawn().expect("built"), &arguments)
}

fn an_edited_file_changes_the_order(shop: &Shop) {
    let order = ordered(shop);
    let bob = shop.user("bob");
    let rows = || (shop.number("SELECT COUNT(*) FROM stock_movements"), stock(shop));
    let before = rows();
    let run = edit(shop, &order, "true").success().json();
    assert_eq!((&run["changed"], &run["total_amount"]), (&false.into(), &"125.00".into()), "{run}");
    for (editor, code, message) in [
        ("sed -i 's/= 10/= x/'", 7, "not understood as TOML"),
        ("sed -i 's/= 10/= 1.5/'", 7, "items.MUG"),
        ("sed -i 's/items/lines/'", 2, "the fields are user, items"),
        ("sed -i /MUG/d", 6, "order cancel"),
        ("sed -i 's/= 10/= 99/'", 6, "MUG"),
        ("sed -i 's/ann@/nobody@/'", 3, "nobody@"),
    ] {
        edit(shop, &order, editor).exits_with(code).says(message);
    }
    let dry = edit_with(shop, &order, "sed -i 's/= 10/= 9/'", &["--dry-run", "--exit-code"]).exits_with(9);
    assert_eq!(dry.json()["total_amount"], "112.50", "{dry}");
    assert_eq!(rows(), before);
    let run = edit(shop, &order, r#"sed -i 's/^"MUG" = 10/mug = 9\nPEN = 2/'"#).success().json();
    assert_eq!((&run["changed"], &run["total_amount"]), (&true.into(), &"117.30".into()), "{run}");
    assert_eq!(stock(shop), [3, 3]);
    let run = edit(shop, &order, &format!("sed -i -e /PEN/d -e 's/^user = .*/user = \"{bob}\"/'")).success().json();
    assert_eq!((&run["user"], &run["total_amount"]), (&bob.as_str().into(), &"112.50".into()), "{run}");
    assert_eq!(stock(shop), [3, 5]);
    shop.run(&["order", "pay", &order]).success();
    edit(shop, &order, "true").exits_with(6).says("only pending orders can be changed");
    verified(shop);
}

fn an_order_that_was_changed_meanwhile_is_not_overwritten(shop: &Shop) {
    let order = ordered(shop);
    let bob = shop.user("bob");
    let edit_while = |command: &str, quantities: &str| {
        let other = format!("shopctl {command} > changed.txt 2>&1");
        shop.file("editor.sh", &format!("{other} && sed -i 's/= {quantities}/' \"$1\"\n"));
        edit(shop, &order, "sh editor.sh")
    };
    edit_while(&format!("order change {order} --item MUG:8"), "10/= 9").exits_with(6).says("row.changed");
    assert_eq!(stock(shop), [4, 5]);
    edit_while(&format!("order change {order} --item PEN"), "8/= 9").exits_with(6).says("row.changed");
    shop.run(&["order", "change", &order, "--remove", "PEN"]).success();
    edit_while(&format!("order reassign {order} --user {bob}"), "8/= 9").exits_with(6).says("row.changed");
    // What the file does not have may change: a note, prices, and what is back as it was.
    edit_while(&format!("order note {order} 'ring twice'"), "8/= 9").success();
    assert_eq!(stock(shop), [3, 5]);
    shop.run(&["product", "price", "MUG", "--to", "13"]).success();
    let run = edit_while(&format!("order change {order} --reprice"), "9/= 10").success().json();
    assert_eq!(run["total_amount"], "130.00", "{run}");
    let there_and_back = format!("order change {order} --item PEN && shopctl order change {order} --remove PEN");
    edit_while(&there_and_back, "10/= 9").success();
    let shown = shop.run(&["order", "show", &order, "--json"]).success().json();
    assert_eq!((&shown["note"], &shown["total_amount"]), (&"ring twice".into(), &"117.00".into()), "{shown}");
    verified(shop);
}

fn the_order_of_a_customer_who_may_not_order_does_not_grow(shop: &Shop) {
    let order = ordered(shop);
    let change = |flags: &[&str]| shop.run(&[&["order", "change", &order], flags].concat());
    change(&["--item", "PEN:2"]).success();
    shop.run(&["user", "disable", "ann@example.com", "--yes"]).success();
    let before = shop.counts();
    for flags in [&["--item", "MUG:11"][..], &["--item", "PEN:3", "--item", "MUG:1"], &["--item", "PEN:3", "-n"]] {
        let run = change(flags).exits_with(6).says("user.not_active");
        assert!(run.stderr.contains("ann@example.com is disabled and cannot order"), "{run}");
    }
    assert_eq!(shop.counts()[..5], before[..5]);
    // Fewer pieces and other prices are no order.
    shop.run(&["product", "price", "MUG", "--to", "13"]).success();
    change(&["--reprice"]).success();
    change(&["--item", "MUG:3"]).success();
    let fewer =
        shop.run(&["audit", "list", "--operation", "order.change", "--limit", "1", "-o", "id"]).success().stdout;
    shop.run(&["undo", fewer.trim(), "--yes"]).exits_with(6).says("user.not_active");
    shop.user("bo");
    change(&["--item", "MUG:4", "--user", "bo@example.com"]).success();
    shop.run(&["user", "enable", "ann@example.com"]).success();
    verified(shop);
}

fn both_customers_know_of_an_order_that_changes_hands(shop: &Shop) {
    let order = ordered(shop);
    shop.user("bo");
    let told = |who: &str, operation: &str| {
        let list = ["audit", "list", "--user", who, "--operation", operation, "--json"];
        let items = shop.run(&list).success().json()["items"].as_array().expect("a list").clone();
        let members = items.iter().flat_map(|event| event["after"].as_object().expect("an object").keys().cloned());
        members.filter(|name| name.starts_with("orders_")).collect::<Vec<_>>()
    };
    shop.run(&["order", "change", &order, "--user", "bo@example.com", "--item", "PEN:1"]).success();
    assert_eq!(told("ann@example.com", "order.change"), ["orders_given"]);
    assert_eq!(told("bo@example.com", "order.change"), ["orders_received"]);
    let find = ["audit", "list", "--operation", "order.change", "--order", &order, "--json"];
    let changed = shop.run(&find).success().json()["items"][0].clone();
    assert_eq!(changed["undoable"], true);
    let run = shop.run(&["undo", changed["operation_id"].as_str().expect("an id"), "--yes", "--json"]).success().json();
    assert_eq!(run["rows"], 1, "{run}");
    assert_eq!(told("bo@example.com", "undo"), ["orders_given"]);
    assert_eq!(told("ann@example.com", "undo"), ["orders_received"]);
    shop.run(&["undo", run["id"].as_str().expect("an id"), "--yes"]).success();
    assert_eq!(shop.run(&["order", "show", &order, "--json"]).success().json()["user"], "bo@example.com");
    shop.run(&["order", "change", &order, "--item", "PEN:2"]).success();
    assert_eq!(told("bo@example.com", "order.change"), ["orders_received"], "no other change is one of the customer");
    verified(shop);
}

fn a_wrong_new_quantity_is_told_with_the_allowed_ones(shop: &Shop) {
    let order = ordered(shop);
    for (quantity, told) in [("1000001", "between 0 and 1000000"), ("-1", "between 0 and 1000000"), ("+1", "without +")]
    {
        shop.run(&["order", "change", &order, "--item", &format!("MUG:{quantity}")]).exits_with(7).says(told);
    }
    shop.run(&["order", "change", &order, "--item", "MUG:00"]).exits_with(6).says("order.no_lines");
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:0"])
        .exits_with(7)
        .says("between 1 and 1000000");
}
