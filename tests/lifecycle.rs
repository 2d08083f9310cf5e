//! The lifecycle of an order: every pair of state and verb, what goes back into stock, many at once.

use shopctl::domain::OrderStatus;
use shopctl::domain::order_status::{self, Step, StockEffect, Verb};

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    every_state_and_verb_does_what_the_table_says,
    never_more_goes_back_than_was_taken,
    a_refund_takes_back_what_it_is_told_to,
    several_orders_are_all_attempted,
    a_refund_with_a_key_happens_once,
    old_pending_orders_expire_and_others_stay,
    two_cancels_at_once_restore_once,
    a_dry_run_of_each_verb_changes_nothing,
);

/// Places an order of two mugs and a pen and moves it to a status.
fn order_in(shop: &Shop, status: OrderStatus) -> String {
    let arguments =
        ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--item", "PEN", "--json", "--quiet"];
    let reference = shop.run(&arguments).success().json()["reference"].as_str().expect("text").to_owned();
    let verbs: &[&str] = match status {
        OrderStatus::Pending => &[],
        OrderStatus::Paid => &["pay"],
        OrderStatus::Shipped => &["pay", "ship"],
        OrderStatus::Completed => &["pay", "ship", "complete"],
        OrderStatus::Cancelled => &["cancel"],
        OrderStatus::Refunded => &["pay", "refund"],
    };
    verbs.iter().for_each(|verb| drop(shop.run(&["order", verb, &reference, "--yes"]).success()));
    reference
}

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 1000);
    shop.product("PEN", "2.40", 1000);
}

fn stock(shop: &Shop) -> Vec<i64> {
    ["MUG", "PEN"].map(|sku| shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'"))).to_vec()
}

fn every_state_and_verb_does_what_the_table_says(shop: &Shop) {
    stocked(shop);
    // An order expires by age, not by name: it has a test of its own.
    for verb in Verb::ALL.into_iter().filter(|verb| *verb != Verb::Expire) {
        for from in OrderStatus::ALL {
            let reference = order_in(shop, from);
            let (stock_before, counts) = (stock(shop), shop.counts());
            let run = shop.run(&["order", verb.as_str(), &reference, "--yes", "--json"]);
            let now = shop.run(&["order", "show", &reference, "--json"]).success().json();
            let after = shop.counts();
            let (movements, events) = (after[4] - counts[4], after[5] - counts[5]);
            match order_status::step(from, verb) {
                Step::Take(row) => {
                    let json = run.success().json();
                    assert_eq!(json["changed"], true, "{from:?} {verb:?}");
                    assert_eq!(json["before"]["status"], from.as_str());
                    assert_eq!(json["after"]["status"], verb.leads_to().as_str());
                    assert_eq!(now["status"], verb.leads_to().as_str());
                    let back = if row.stock == StockEffect::Restored { [2, 1] } else { [0, 0] };
                    assert_eq!(stock(shop), [stock_before[0] + back[0], stock_before[1] + back[1]]);
                    assert_eq!((movements, events), (if back[0] > 0 { 2 } else { 0 }, 1), "{from:?} {verb:?}");
                }
                Step::AlreadyThere => {
                    assert_eq!(run.success().json()["changed"], false, "{from:?} {verb:?}");
                    assert_eq!(after, counts, "{from:?} {verb:?} wrote something");
                }
                Step::Refused => {
                    let error: serde_json::Value =
                        serde_json::from_str(&run.exits_with(6).stderr).expect("one JSON object");
                    assert_eq!(error["error"]["code"], "order.transition");
                    for allowed in order_status::allowed(from) {
                        assert!(error["error"]["message"].as_str().expect("text").contains(allowed.as_str()));
                    }
                    assert_eq!(now["status"], from.as_str());
                    assert_eq!((movements, events), (0, 1), "only the failed event is left");
                    assert_eq!(
                        shop.number("SELECT COUNT(*) FROM audit_events WHERE outcome = 'failed' AND entity_id IS NULL"),
                        0
                    );
                }
            }
        }
    }
    shop.assert_invariants();
}

fn never_more_goes_back_than_was_taken(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Shipped);
    let before = shop.counts();
    shop.run(&["order", "refund", &reference, "--restock", "MUG=3", "--restock", "HAT=1", "--yes"])
        .exits_with(6)
        .says("MUG: 3 to be restored, 2 were taken; HAT: 1 to be restored, 0 were taken");
    shop.run(&["order", "refund", &reference, "--restock", "MUG=1", "--restock", "mug=2", "--yes"])
        .exits_with(6)
        .says("MUG: 3 to be restored");
    assert_eq!(shop.counts()[..5], before[..5]);
    // What another program gave back already cannot go back once more.
    shop.sql(&format!(
        "INSERT INTO stock_movements (product_id, delta, reason, order_id) SELECT i.product_id, i.quantity, 'restock', o.id \
         FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.reference = '{reference}' AND i.quantity = 2"
    ));
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 2 WHERE sku = 'MUG'");
    let run = shop.run(&["order", "refund", "--restock", &reference, "--yes", "--json"]).success().json();
    assert_eq!(run["restocked"].as_array().expect("a list").len(), 1, "{run}");
    assert_eq!(run["restocked"][0]["sku"], "PEN");
    assert_eq!(stock(shop), [1000, 1000]);
    shop.assert_invariants();
}

fn a_refund_takes_back_what_it_is_told_to(shop: &Shop) {
    stocked(shop);
    let cases: [(OrderStatus, &[&str], [i64; 2]); 7] = [
        (OrderStatus::Paid, &[], [2, 1]),
        (OrderStatus::Paid, &["--no-restock"], [0, 0]),
        (OrderStatus::Shipped, &[], [0, 0]),
        (OrderStatus::Shipped, &["--restock"], [2, 1]),
        (OrderStatus::Completed, &["--restock", "MUG=1"], [1, 0]),
        (OrderStatus::Completed, &["--restock", "pen=1", "--restock", "MUG=2"], [2, 1]),
        (OrderStatus::Paid, &["--restock", "PEN=1"], [0, 1]),
    ];
    for (status, flags, back) in cases {
        let reference = order_in(shop, status);
        let before = stock(shop);
        let arguments = [&["order", "refund", "--yes", &reference, "--reason", "broken"], flags].concat();
        shop.run(&arguments).success();
        assert_eq!(stock(shop), [before[0] + back[0], before[1] + back[1]], "{arguments:?}");
    }
    let reference = order_in(shop, OrderStatus::Shipped);
    shop.run(&["order", "refund", &reference, "--restock", "--no-restock", "--yes"]).exits_with(2);
    shop.run(&["order", "refund", &reference, "--restock", "MUG=zero", "--yes"]).exits_with(7);
    shop.run(&["order", "cancel", &reference, "--yes"]).exits_with(6).says("shopctl order refund");
    shop.assert_invariants();
}

fn several_orders_are_all_attempted(shop: &Shop) {
    stocked(shop);
    let orders =
        [OrderStatus::Pending, OrderStatus::Shipped, OrderStatus::Pending].map(|status| order_in(shop, status));
    let list = format!("{}\r\n\n  {}  \n", orders[1], orders[2].to_lowercase());
    let arguments = ["order", "cancel", &orders[0], "NOSUCH", "-f", "-", "--yes", "--json"];
    let run = shop.run_with_input(&arguments, &list).exits_with(8);
    let items = run.json()["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), 2);
    let error: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap_or_default()).expect("JSON");
    let failures = error["error"]["details"]["failures"].as_array().expect("a list").clone();
    let codes: Vec<_> = failures.iter().map(|failure| failure["exit"].as_i64().expect("a number")).collect();
    assert_eq!(codes, [3, 6], "{error}");

    // Nobody can be asked, so nothing is done.
    let orders = [OrderStatus::Pending, OrderStatus::Pending].map(|status| order_in(shop, status));
    shop.run(&["order", "pay", &orders[0], &orders[1]]).exits_with(11).says("--yes");
    let run = shop.run(&["order", "pay", "NOSUCH", &orders[0], &orders[1], "--yes", "--fail-fast"]).exits_with(3);
    assert!(run.stderr.contains("2 not tried"), "{run}");
    let run = shop.run(&["order", "pay", &orders[0], &orders[1], "--yes"]).success();
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    shop.run(&["order", "pay"]).exits_with(2).says("no order is named");
    // An empty list, as the one before it in a pipe may well be, is nothing to do.
    let run = shop.run(&["order", "pay", "-f", "-", "--json"]).success();
    assert_eq!(run.json()["items"], serde_json::json!([]));
    shop.assert_invariants();
}

fn a_refund_with_a_key_happens_once(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Paid);
    let arguments = ["order", "refund", &reference, "--yes", "--json", "--idempotency-key", "refund-1"];
    let first = shop.run(&arguments).success().json();
    let second = shop.run(&arguments).success().json();
    assert_eq!((&first["replayed"], &second["replayed"]), (&false.into(), &true.into()));
    for member in ["restocked", "before", "after", "id", "reference", "status"] {
        assert_eq!(first[member], second[member], "{member}");
    }
    let other = order_in(shop, OrderStatus::Paid);
    shop.run(&["order", "refund", &other, "--yes", "--idempotency-key", "refund-1"])
        .exits_with(6)
        .says("idempotency.key_reused");
    shop.assert_invariants();
}

fn old_pending_orders_expire_and_others_stay(shop: &Shop) {
    stocked(shop);
    let [old, paid, young] =
        [OrderStatus::Pending, OrderStatus::Paid, OrderStatus::Pending].map(|status| order_in(shop, status));
    for reference in [&old, &paid] {
        shop.sql(&format!("UPDATE orders SET created_at = '2026-01-02 03:04:05' WHERE reference = '{reference}'"));
    }
    shop.run(&["order", "expire", "--older-than", "soon", "--yes"]).exits_with(7);
    shop.run(&["order", "expire", "--older-than", "7d"]).exits_with(11).says("--yes");
    let run = shop.run(&["order", "expire", "--older-than", "7d", "--yes", "--json"]).success();
    assert_eq!(run.json()["items"].as_array().expect("a list").len(), 1, "{run}");
    assert_eq!(run.json()["items"][0]["reference"], old.as_str());
    assert_eq!(shop.column("SELECT reason FROM audit_events WHERE operation = 'order.expire'"), ["expired"]);
    let status = |reference: &str| shop.run(&["order", "show", reference, "--json"]).success().json()["status"].clone();
    assert_eq!([status(&old), status(&paid), status(&young)], ["cancelled", "paid", "pending"]);
    shop.run(&["order", "expire", "--older-than", "7d", "--yes"]).success().says("no orders to expire");
    shop.assert_invariants();
}

fn two_cancels_at_once_restore_once(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Pending);
    let arguments = ["order", "cancel", &reference, "--yes", "--json"];
    let children: Vec<_> = (0..8).map(|_| shop.start(&arguments)).collect();
    let runs: Vec<_> =
        children.into_iter().map(|child| crate::support::shop::finish(child, &arguments).success().json()).collect();
    assert_eq!(runs.iter().filter(|run| run["changed"] == true).count(), 1);
    assert_eq!(stock(shop), [1000, 1000]);
    shop.assert_invariants();
}

fn a_dry_run_of_each_verb_changes_nothing(shop: &Shop) {
    stocked(shop);
    for (status, verb) in [
        (OrderStatus::Pending, "pay"),
        (OrderStatus::Pending, "cancel"),
        (OrderStatus::Paid, "ship"),
        (OrderStatus::Shipped, "complete"),
        (OrderStatus::Paid, "refund"),
    ] {
        let reference = order_in(shop, status);
        let before = shop.everything();
        let run = shop.run(&["order", verb, &reference, "--dry-run", "--json"]).success().json();
        assert_eq!((&run["changed"], &run["dry_run"]), (&true.into(), &true.into()));
        shop.run(&["order", verb, &reference, "-n", "--exit-code"]).exits_with(9);
        assert_eq!(shop.everything(), before, "{verb}");
    }
    let done = order_in(shop, OrderStatus::Paid);
    shop.run(&["order", "pay", &done, "-n", "--exit-code"]).success();
    shop.run(&["order", "pay", &done, "--exit-code"]).exits_with(2);
}
