//! Giving money back in part, and goods that come back later.

mod records;

use std::cell::RefCell;

use serde_json::Value;
use shopctl::domain::order_status::Verb;
use shopctl::domain::{EventName, Quantity};
use shopctl::service::change_order::{self, NewQuantity, OrderChange};
use shopctl::service::operation::{Operation, Request};
use shopctl::service::order_lifecycle::{self, OrderTransition, RefundScope};

use crate::on_every_backend;
use crate::support::library::{database, operations};
use crate::support::shop::{block_on, finish};
use crate::support::{Run, Shop};

on_every_backend!(
    an_order_is_refunded_in_parts_until_nothing_is_left,
    an_amount_is_shared_out_over_the_lines_by_value,
    no_line_is_credited_with_more_than_it_cost,
    a_refund_that_waited_for_a_change_and_a_payment_has_the_new_lines,
    no_more_than_is_left_is_refunded,
    a_bad_amount_or_quantity_is_refused,
    a_free_order_is_refunded_when_all_its_pieces_are,
    a_refund_in_part_with_a_key_happens_once,
    goods_that_come_back_later_go_into_stock_without_money,
    the_pieces_of_a_part_go_back_into_stock_unless_the_order_was_shipped,
    refunds_in_parts_restock_the_same_units_as_one_in_full,
    the_cents_of_a_part_are_rounded_and_add_up,
    concurrent_refunds_of_one_order_never_exceed_its_total,
);

/// Two mugs and a pen: 27.40.
fn order(shop: &Shop, verbs: &[&str]) -> String {
    let arguments = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--item", "PEN", "--json"];
    let reference = shop.run(&arguments).success().json()["reference"].as_str().expect("text").to_owned();
    verbs.iter().for_each(|verb| drop(shop.run(&["order", verb, &reference]).success()));
    reference
}

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 1000);
    shop.product("PEN", "2.40", 1000);
}

fn refund(shop: &Shop, reference: &str, flags: &[&str]) -> Run {
    shop.run(&[&["order", "refund", reference, "--yes"], flags].concat())
}

fn show(shop: &Shop, reference: &str) -> Value {
    shop.run(&["order", "show", reference, "--json"]).success().json()
}

fn stock(shop: &Shop) -> Vec<i64> {
    ["MUG", "PEN"].map(|sku| shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'"))).to_vec()
}

/// The law of refunds and the audit trail hold after each test.
fn assert_sound(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn an_order_is_refunded_in_parts_until_nothing_is_left(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay", "ship"]);
    let run = refund(shop, &reference, &["--line", "mug:1", "--reason", "arrived broken"]).success();
    assert_eq!(
        run.stdout.trim(),
        format!("order {reference} refunded 12.50 of 27.40, nothing restocked because it was already shipped")
    );
    let shown = show(shop, &reference);
    assert_eq!((&shown["status"], &shown["refunded_amount"]), (&"shipped".into(), &"12.50".into()));
    let first = &shown["refunds"][0];
    assert_eq!((&first["amount"], &first["reason"]), (&"12.50".into(), &"arrived broken".into()));
    let line =
        &shown["items"].as_array().expect("a list").iter().find(|item| item["sku"] == "MUG").expect("there")["id"];
    let lines = serde_json::json!([{ "order_item_id": line, "sku": "MUG", "quantity": 1, "amount": "12.50" }]);
    assert_eq!(first["lines"], lines);
    let run = shop.run(&["order", "show", &reference, "-o", "table"]).success();
    assert!(run.stdout.contains("shipped, refunded 12.50 of 27.40"), "{run}");
    let run = shop.run(&["order", "list", "-o", "table"]).success();
    let words: Vec<&str> = run.stdout.split_whitespace().collect();
    assert!(run.stdout.contains("REFUNDED") && !run.stdout.contains("shipped,"), "{run}");
    assert!(words.windows(3).any(|row| row == ["shipped", "27.40", "12.50"]), "{run}");
    let listed = shop.run(&["order", "list", "--json"]).success().json();
    assert_eq!(listed["items"][0]["refunded_amount"], "12.50");
    assert_eq!(listed["items"][0]["status"], "shipped");

    let run = refund(shop, &reference, &["--amount", "0.90", "--dry-run"]).success();
    assert_eq!(
        run.stdout.trim(),
        format!(
            "order {reference} would be refunded 0.90, 13.40 of 27.40 so far, nothing would be restocked because it was \
             already shipped"
        )
    );
    refund(shop, &reference, &["--amount", "0.90"]).success();
    let json = refund(shop, &reference, &["--json"]).success().item();
    assert_eq!((&json["status"], &json["changed"]), (&"refunded".into(), &true.into()));
    assert_eq!(json["refund"]["amount"], "14.00");
    assert_eq!(
        (&json["before"]["refunded_amount"], &json["after"]["refunded_amount"]),
        (&"13.40".into(), &"27.40".into())
    );
    let shown = show(shop, &reference);
    assert_eq!(shown["refunds"].as_array().map(Vec::len), Some(3), "{shown}");
    // What is left of the lines is part of the last refund.
    let last = shown["refunds"][2]["lines"].as_array().expect("a list");
    assert_eq!(last.iter().map(|line| line["quantity"].as_i64().expect("a number")).sum::<i64>(), 2, "{shown}");
    let again = refund(shop, &reference, &[]).success();
    assert!(again.stdout.contains("is already refunded"), "{again}");
    assert_sound(shop);
}

fn an_amount_is_shared_out_over_the_lines_by_value(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay", "ship"]);
    // 25.00 and 2.40 of 27.40.
    refund(shop, &reference, &["--line", "MUG", "--line", "PEN", "--amount", "10.00"]).success();
    let amounts: Vec<Value> = show(shop, &reference)["refunds"][0]["lines"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line["amount"].clone())
        .collect();
    assert_eq!(amounts, ["9.12", "0.88"]);
    refund(shop, &reference, &["--amount", "7.40"]).success();
    assert_eq!(show(shop, &reference)["refunds"][1]["lines"], serde_json::json!([]));
    // All pieces are refunded, but not all of the money.
    assert_eq!(show(shop, &reference)["status"], "shipped");
    refund(shop, &reference, &["--line", "PEN"]).exits_with(6).says("1 is already refunded");
    refund(shop, &reference, &[]).success();
    assert_eq!(show(shop, &reference)["status"], "refunded");
    assert_sound(shop);
}

/// What was credited to lines beyond their price: nothing, ever.
const CREDITED_TOO_MUCH: &str = "SELECT COUNT(*) FROM order_items i WHERE i.quantity * i.unit_price < \
    (SELECT COALESCE(SUM(amount), 0) - 0.001 FROM order_refund_lines l WHERE l.order_item_id = i.id)";

fn no_line_is_credited_with_more_than_it_cost(shop: &Shop) {
    stocked(shop);
    shop.product("GIFT", "0", 1000);
    shop.product("GUM", "0.01", 1000);
    let reference = order(shop, &["pay", "ship"]);
    refund(shop, &reference, &["--line", "MUG", "--amount", "5.00"]).success();
    refund(shop, &reference, &[]).success();
    let shown = show(shop, &reference);
    assert_eq!((&shown["status"], &shown["refunds"][1]["amount"]), (&"refunded".into(), &"22.40".into()), "{shown}");
    let lines = shown["refunds"][1]["lines"].as_array().expect("a list");
    assert_eq!((lines.len(), &lines[0]["sku"], &lines[0]["amount"]), (1, &"PEN".into(), &"2.40".into()), "{shown}");
    // Nor by the cents that are left after rounding.
    for (items, amount) in
        [(["GUM", "MUG", "GIFT"], "12.50"), (["MUG", "PEN", "GUM"], "7.77"), (["PEN", "GIFT", "GUM"], "0.01")]
    {
        let items = items.map(|sku| ["--item", sku]).concat();
        let create = [&["order", "create", "--user", "ann@example.com", "--json"], &items[..]].concat();
        let reference = shop.run(&create).success().json()["reference"].as_str().expect("text").to_owned();
        shop.run(&["order", "pay", &reference]).success();
        let lines: Vec<&str> = items.iter().map(|word| if *word == "--item" { "--line" } else { *word }).collect();
        refund(shop, &reference, &[&lines[..], &["--amount", amount]].concat()).success();
        refund(shop, &reference, &[]).success();
    }
    assert_eq!(shop.number(CREDITED_TOO_MUCH), 0);
    assert_sound(shop);
}

/// Runs one step of an operation that holds the order's lock, then a command until it waits for the lock, then the
/// other step.
fn while_waiting(
    shop: &Shop,
    command: &[&str],
    first: impl AsyncFn(&mut Operation),
    then: impl AsyncFn(&mut Operation),
) -> Run {
    let child = RefCell::new(None);
    block_on(async {
        let database = database(shop).await;
        let body = async |operation: &mut Operation| {
            first(operation).await;
            child.replace(Some(shop.start(command)));
            shop.await_waiting().await;
            then(operation).await;
            Ok(())
        };
        operations(&database).run(&Request::new(EventName::OrderChange), body).await.expect("the locks are ours");
        database.close().await;
    });
    finish(child.into_inner().expect("started"), command)
}

async fn moved(operation: &mut Operation, reference: &str, verb: Verb, refund: RefundScope) {
    let wanted = OrderTransition { refund, ..OrderTransition::new(reference.to_owned(), verb) };
    order_lifecycle::apply(operation, &wanted).await.expect("allowed");
}

fn a_refund_that_waited_for_a_change_and_a_payment_has_the_new_lines(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &[]);
    // The key is looked up first: on some engines every later read sees the state of that moment.
    let command = ["order", "refund", &reference, "--no-restock", "--yes", "--idempotency-key", "k", "--json"];
    let change = async |operation: &mut Operation| {
        let lines = ["MUG:5", "PEN:3"].map(|line| line.split_once(':').expect("two parts"));
        let line = |(sku, pieces): (&str, &str)| NewQuantity {
            product: sku.to_owned(),
            quantity: Some(Quantity::parse(pieces).expect("a number")),
        };
        let lines = lines.map(line).to_vec();
        let wanted = OrderChange { lines, ..OrderChange::of(reference.clone()) };
        change_order::apply(operation, &wanted).await.expect("allowed");
    };
    let pay = async |operation: &mut Operation| moved(operation, &reference, Verb::Pay, RefundScope::default()).await;
    let run = while_waiting(shop, &command, change, pay).success().item();
    assert_eq!((&run["status"], &run["refund"]["amount"]), (&"refunded".into(), &"69.70".into()), "{run}");
    let pieces = "SELECT SUM(l.quantity) FROM order_refund_lines l";
    assert_eq!(shop.number(pieces), 8, "{run}");
    assert_eq!(shop.number(CREDITED_TOO_MUCH), 0);
    assert_sound(shop);
}

fn no_more_than_is_left_is_refunded(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay", "ship"]);
    refund(shop, &reference, &["--amount", "27.41"])
        .exits_with(6)
        .says("cannot refund 27.41: only 27.40 of 27.40 is left");
    refund(shop, &reference, &["--line", "MUG:3"]).exits_with(6).says("MUG: cannot refund 3: only 2 were ordered");
    refund(shop, &reference, &["--line", "HAT:1"]).exits_with(3).says("has no HAT");
    refund(shop, &reference, &["--line", "MUG:1", "--restock", "MUG:3"]).exits_with(6).says("MUG: cannot restock 3");
    let run = refund(shop, &reference, &["--line", "MUG:1", "--amount", "20"]).exits_with(6);
    let run = run.says("cannot refund 20.00 for units that cost 12.50");
    assert!(run.stderr.contains(&format!("order refund {reference} --amount 7.50")), "{run}");
    refund(shop, &reference, &["--line", "MUG:1"]).success();
    refund(shop, &reference, &["--amount", "7.50"]).success();
    let run = refund(shop, &reference, &["--line", "MUG:2"]).exits_with(6);
    let run = run.says("MUG: cannot refund 2: only 1 of 2 is left");
    assert!(!run.stderr.contains("--amount"), "{run}");
    // The pieces cost more than what is left of the money.
    let run = refund(shop, &reference, &["--line", "MUG:1"]).exits_with(6);
    let run = run.says("cannot refund 12.50: only 7.40 of 27.40 is left");
    assert!(run.stderr.contains("--line MUG:1 --amount 7.40"), "{run}");
    refund(shop, &reference, &["--line", "MUG:1", "--amount", "7.40"]).success();
    for flags in [&["--amount", "0.01"][..], &["--line", "PEN"]] {
        refund(shop, &reference, flags).exits_with(6).says("nothing of 27.40 is left");
    }
    let pending = order(shop, &[]);
    refund(shop, &pending, &["--amount", "1"]).exits_with(6).says("order.transition");
    shop.run(&["order", "refund", &pending, &reference, "--amount", "1", "--yes"])
        .exits_with(2)
        .says("--amount is for a single");
    shop.run(&["order", "refund", &pending, &reference, "--line", "MUG", "--yes"])
        .exits_with(2)
        .says("--line is for a single");
    assert_sound(shop);
}

fn a_bad_amount_or_quantity_is_refused(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay"]);
    let before = shop.everything();
    for flags in [
        ["--amount", "0"],
        ["--amount", "-1"],
        ["--amount", "1.005"],
        ["--amount", "much"],
        ["--line", "MUG:0"],
        ["--line", "MUG:many"],
        ["--line", ":1"],
    ] {
        refund(shop, &reference, &flags).exits_with(7);
        assert_eq!(shop.everything(), before, "{flags:?}");
    }
    shop.run(&["order", "restock", &reference, "MUG:0"]).exits_with(7);
    shop.run(&["order", "restock", &reference]).exits_with(2);
}

fn a_free_order_is_refunded_when_all_its_pieces_are(shop: &Shop) {
    stocked(shop);
    shop.product("GIFT", "0", 10);
    let free = ["order", "create", "--user", "ann@example.com", "--item", "GIFT:2", "-o", "id"];
    let [whole, parts] = [0, 1].map(|_| shop.run(&free).success().stdout.trim().to_owned());
    for order in [&whole, &parts] {
        shop.run(&["order", "pay", order]).success();
    }
    refund(shop, &whole, &[]).success();
    assert_eq!(show(shop, &whole)["status"], "refunded");
    refund(shop, &parts, &["--line", "GIFT:1"]).success();
    assert_eq!(show(shop, &parts)["status"], "paid");
    refund(shop, &parts, &["--line", "GIFT:1"]).success();
    assert_eq!(show(shop, &parts)["status"], "refunded");
    assert_sound(shop);
}

fn a_refund_in_part_with_a_key_happens_once(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay"]);
    let keyed =
        |flags: &[&str]| refund(shop, &reference, &[flags, &["--json", "--idempotency-key", "part-1"]].concat());
    let first = keyed(&["--line", "MUG:1", "--amount", "5"]).success().item();
    let second = keyed(&["--line", "mug:1", "--amount", "5.00"]).success().item();
    assert_eq!((&first["replayed"], &second["replayed"]), (&false.into(), &true.into()));
    for member in ["restocked", "refund", "before", "after", "id", "reference", "status"] {
        assert_eq!(first[member], second[member], "{member}");
    }
    for flags in [&["--line", "MUG:1"][..], &["--amount", "5"], &[]] {
        keyed(flags).exits_with(6).says("idempotency.key_reused");
    }
    assert_eq!(show(shop, &reference)["refunded_amount"], "5.00");
    // Without a key it is another refund.
    refund(shop, &reference, &["--line", "MUG:1", "--amount", "5"]).success();
    assert_eq!(show(shop, &reference)["refunded_amount"], "10.00");
    assert_sound(shop);
}

fn goods_that_come_back_later_go_into_stock_without_money(shop: &Shop) {
    stocked(shop);
    let before = stock(shop);
    let reference = order(shop, &["pay", "ship"]);
    refund(shop, &reference, &["--line", "MUG:2"]).success();
    let restock = |arguments: &[&str]| shop.run(&[&["order", "restock", &reference], arguments].concat());
    let run = restock(&["mug:1", "--note", "parcel came back"]).success();
    assert_eq!(run.stdout.trim(), format!("order {reference}: 1 unit restocked"));
    assert_eq!(show(shop, &reference)["refunded_amount"], "25.00", "no money");
    restock(&["MUG:2"]).exits_with(6).says("MUG: cannot restock 2: the order took only 2, and 1 is already restocked");
    restock(&["HAT:1"]).exits_with(3);
    let keyed = ["MUG:1", "--idempotency-key", "back", "--json"];
    let (first, second) = (restock(&keyed).success().json(), restock(&keyed).success().json());
    assert_eq!((&first["replayed"], &second["replayed"]), (&false.into(), &true.into()));
    assert_eq!(first["restocked"], second["restocked"]);
    let run = restock(&["MUG"]).success();
    assert_eq!(run.stdout.trim(), format!("order {reference}: nothing to restock"));
    restock(&["MUG:1"]).exits_with(6).says("already restocked");
    restock(&["PEN", "-n"]).success();
    restock(&["PEN"]).success();
    assert_eq!(stock(shop), before);
    let pending = order(shop, &[]);
    shop.run(&["order", "restock", &pending, "MUG:1"]).exits_with(6).says("shopctl order cancel");
    shop.run(&["order", "restock", "NONE", "MUG:1"]).exits_with(3);
    assert_sound(shop);
}

fn the_pieces_of_a_part_go_back_into_stock_unless_the_order_was_shipped(shop: &Shop) {
    stocked(shop);
    let cases: [(&[&str], &[&str], [i64; 2]); 7] = [
        (&["pay"], &["--line", "MUG:1"], [1, 0]),
        (&["pay"], &["--line", "MUG:1", "--amount", "1"], [1, 0]),
        (&["pay"], &["--amount", "1"], [0, 0]),
        (&["pay"], &["--line", "MUG:1", "--no-restock"], [0, 0]),
        (&["pay", "ship"], &["--line", "MUG:1"], [0, 0]),
        (&["pay", "ship"], &["--line", "MUG:1", "--restock-all"], [2, 1]),
        (&["pay", "complete"], &["--line", "MUG:2", "--restock", "PEN:1"], [0, 1]),
    ];
    for (verbs, flags, back) in cases {
        let reference = order(shop, verbs);
        let before = stock(shop);
        refund(shop, &reference, flags).success();
        assert_eq!(stock(shop), [before[0] + back[0], before[1] + back[1]], "{verbs:?} {flags:?}");
    }
    // What was kept out of the stock stays out of it when the rest is refunded, and what is back is not taken twice.
    let reference = order(shop, &["pay"]);
    let before = stock(shop);
    refund(shop, &reference, &["--line", "MUG:1", "--no-restock"]).success();
    refund(shop, &reference, &[]).success();
    assert_eq!(stock(shop), [before[0] + 1, before[1] + 1]);
    let reference = order(shop, &["pay"]);
    let before = stock(shop);
    shop.run(&["order", "restock", &reference, "MUG:2"]).success();
    refund(shop, &reference, &["--line", "MUG:2"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1]]);
    // Units that are back are those of the refund: none of the others, which the customer still gets, comes back with it.
    for (restocked, refunded) in [(2, 2), (2, 1), (1, 2), (2, 3)] {
        let create = ["order", "create", "--user", "ann@example.com", "--item", "MUG:3", "-o", "id"];
        let three = shop.run(&create).success().stdout.trim().to_owned();
        shop.run(&["order", "pay", &three]).success();
        let before = stock(shop);
        shop.run(&["order", "restock", &three, &format!("MUG:{restocked}")]).success();
        refund(shop, &three, &["--line", &format!("MUG:{refunded}")]).success();
        assert_eq!(stock(shop)[0], before[0] + restocked.max(refunded), "{restocked} restocked, {refunded} refunded");
        // What is left is restocked with the rest.
        if refunded < 3 {
            refund(shop, &three, &[]).success();
        }
        assert_eq!(stock(shop)[0], before[0] + 3);
    }
    assert_sound(shop);
}

fn refunds_in_parts_restock_the_same_units_as_one_in_full(shop: &Shop) {
    stocked(shop);
    let parts: [&[&[&str]]; 8] = [
        &[&[]],
        &[&["--amount", "20"], &[]],
        &[&["--amount", "20"], &["--amount", "7.40"]],
        &[&["--amount", "20", "--no-restock"], &["--amount", "7.40"]],
        &[&["--line", "MUG:1"], &["--amount", "14.90"]],
        &[&["--line", "MUG:2"], &["--amount", "1.40"], &["--amount", "1"]],
        &[&["--line", "MUG", "--amount", "5"], &["--line", "PEN", "--amount", "0.40"], &["--amount", "22"]],
        &[&["--amount", "1", "--restock", "MUG:1"], &["--amount", "26.40"]],
    ];
    for parts in parts {
        let before = stock(shop);
        let reference = order(shop, &["pay"]);
        parts.iter().for_each(|flags| drop(refund(shop, &reference, flags).success()));
        assert_eq!((&show(shop, &reference)["status"], stock(shop)), (&"refunded".into(), before), "{parts:?}");
    }
    // The question and a dry run name the units that are restocked.
    let reference = order(shop, &["pay"]);
    let before = stock(shop);
    shop.run(&["order", "restock", &reference, "MUG:1"]).success();
    refund(shop, &reference, &["--amount", "20"]).success();
    let last = ["--amount", "7.40"];
    let ask = shop.run(&["order", "refund", &reference, last[0], last[1]]).exits_with(11);
    assert!(ask.stderr.contains("; 2 units are restocked"), "{ask}");
    let dry = refund(shop, &reference, &[&last[..], &["-n"]].concat()).success();
    assert!(dry.stdout.contains(", 2 units would be restocked"), "{dry}");
    let run = refund(shop, &reference, &last).success();
    assert!(run.stdout.contains("refunded 7.40, the last of 27.40, 2 units restocked"), "{run}");
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    // What a refund was for that kept it out of stock stays out of it, and so does what was shipped.
    let back = |verbs: &[&str], parts: [&[&str]; 2]| {
        let reference = order(shop, verbs);
        let before = stock(shop);
        parts.iter().for_each(|flags| drop(refund(shop, &reference, flags).success()));
        [0, 1].map(|product| stock(shop)[product] - before[product])
    };
    assert_eq!(back(&["pay"], [&["--line", "MUG:1", "--no-restock"], &["--amount", "14.90"]]), [1, 1]);
    assert_eq!(back(&["pay"], [&["--line", "MUG:2", "--restock", "MUG:1"], &["--amount", "2.40"]]), [1, 1]);
    assert_eq!(back(&["pay"], [&["--amount", "20"], &["--amount", "7.40", "--no-restock"]]), [0, 0]);
    assert_eq!(back(&["pay", "ship"], [&["--amount", "20"], &["--amount", "7.40"]]), [0, 0]);
    assert_sound(shop);
}

fn the_cents_of_a_part_are_rounded_and_add_up(shop: &Shop) {
    stocked(shop);
    ["A", "B", "C"].iter().for_each(|sku| shop.product(sku, "10.00", 10));
    let three =
        ["order", "create", "--user", "ann@example.com", "--item", "A", "--item", "B", "--item", "C", "-o", "id"];
    let shares = |reference: &str, flags: &[&str]| -> Vec<String> {
        let run = refund(shop, reference, &[flags, &["--json"]].concat()).success().item();
        let lines = run["refund"]["lines"].as_array().expect("a list").clone();
        lines.iter().map(|line| line["amount"].as_str().expect("text").to_owned()).collect()
    };
    // 2.737 and 0.263
    let order = order(shop, &["pay", "ship"]);
    assert_eq!(shares(&order, &["--line", "MUG", "--line", "PEN", "--amount", "3.00"]), ["2.74", "0.26"]);
    let lines = ["--line", "A", "--line", "B", "--line", "C"];
    for (amount, expected) in [
        ("10.00", ["3.33", "3.33", "3.34"]),
        ("5.00", ["1.67", "1.67", "1.66"]),
        ("0.01", ["0.00", "0.00", "0.01"]),
        ("0.02", ["0.01", "0.01", "0.00"]),
    ] {
        let order = shop.run(&three).success().stdout.trim().to_owned();
        shop.run(&["order", "pay", &order]).success();
        assert_eq!(shares(&order, &[&lines[..], &["--amount", amount]].concat()), expected, "{amount}");
    }
    assert_eq!(shop.number(CREDITED_TOO_MUCH), 0);
    assert_sound(shop);
}

fn concurrent_refunds_of_one_order_never_exceed_its_total(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay", "ship"]);
    let commands: Vec<Vec<String>> = (0..12)
        .map(|number| {
            let what: &[&str] = match number % 3 {
                0 => &["--amount", "9.00"],
                1 => &["--line", "MUG:1", "--restock", "MUG:1"],
                _ => &["--amount", "9.00", "--idempotency-key"],
            };
            let key = format!("key-{number}");
            let own = ["order", "refund", &reference, "--yes", "--json"].into_iter().chain(what.iter().copied());
            own.chain((number % 3 == 2).then_some(key.as_str())).map(str::to_owned).collect()
        })
        .collect();
    let children: Vec<_> = commands
        .iter()
        .map(|command| command.iter().map(String::as_str).collect::<Vec<_>>())
        .map(|command| (shop.start(&command), command))
        .collect();
    let runs: Vec<Run> = children.into_iter().map(|(child, command)| finish(child, &command)).collect();
    assert!(
        runs.iter().all(|run| run.code == 0 || run.code == 6 && run.stderr.contains("order.refund_too_m")),
        "{runs:?}"
    );
    let shown = show(shop, &reference);
    let cents = |value: &Value| value.as_str().expect("text").replace('.', "").parse::<i64>().expect("a number");
    let refunds = shown["refunds"].as_array().expect("a list");
    assert_eq!(runs.iter().filter(|run| run.code == 0).count(), refunds.len(), "{shown}");
    let sum: i64 = refunds.iter().map(|refund| cents(&refund["amount"])).sum();
    // No further 9.00 fit, and no mug with its price.
    assert!(sum <= 2740 && 2740 - sum < 900, "{shown}");
    assert_sound(shop);
}
