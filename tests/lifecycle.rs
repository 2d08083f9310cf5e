//! The lifecycle of an order: every pair of state and verb, restocking, and batches.

use shopctl::domain::OrderStatus;
use shopctl::domain::order_status::{self, Decision, StockEffect, Verb};

use crate::on_every_backend;
use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::support::shop::block_on;
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    every_pair_of_state_and_verb_follows_the_transition_table,
    no_more_is_restocked_than_was_taken,
    a_refund_restocks_the_given_quantities,
    several_orders_are_all_attempted,
    a_refund_with_a_key_happens_once,
    an_empty_list_of_orders_changes_nothing,
    a_refund_without_a_restock_is_reported,
    only_old_pending_orders_expire,
    concurrent_cancellations_restock_once,
    a_dry_run_of_each_verb_changes_nothing,
    an_unknown_order_stops_the_whole_batch,
    an_order_of_another_program_is_restocked_by_its_lines,
    a_corrected_tracking_number_is_recorded,
    pieces_can_be_restocked_after_the_refund,
    flags_without_effect_are_rejected,
    a_duration_without_a_unit_is_rejected,
    an_interrupted_batch_reports_done_and_pending_orders,
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

fn every_pair_of_state_and_verb_follows_the_transition_table(shop: &Shop) {
    stocked(shop);
    // Orders expire by age, not by name; a separate test covers it.
    for verb in Verb::ALL.into_iter().filter(|verb| *verb != Verb::Expire) {
        for from in OrderStatus::ALL {
            let reference = order_in(shop, from);
            let (stock_before, counts) = (stock(shop), shop.counts());
            let run = shop.run(&["order", verb.as_str(), &reference, "--yes", "--json"]);
            let now = shop.run(&["order", "show", &reference, "--json"]).success().json();
            let after = shop.counts();
            let (movements, events) = (after[4] - counts[4], after[5] - counts[5]);
            match order_status::decide(from, verb) {
                Decision::Allowed(row) => {
                    let json = run.success().item();
                    assert_eq!(json["changed"], true, "{from:?} {verb:?}");
                    assert_eq!(json["before"]["status"], from.as_str());
                    assert_eq!(json["after"]["status"], verb.leads_to().as_str());
                    assert_eq!(now["status"], verb.leads_to().as_str());
                    let back = if row.stock == StockEffect::Restored { [2, 1] } else { [0, 0] };
                    assert_eq!(stock(shop), [stock_before[0] + back[0], stock_before[1] + back[1]]);
                    assert_eq!((movements, events), (if back[0] > 0 { 2 } else { 0 }, 1), "{from:?} {verb:?}");
                }
                Decision::AlreadyReached => {
                    assert_eq!(run.success().json()["changed"], false, "{from:?} {verb:?}");
                    assert_eq!(after, counts, "{from:?} {verb:?} wrote something");
                }
                Decision::Refused => {
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

fn no_more_is_restocked_than_was_taken(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Shipped);
    let before = shop.counts();
    shop.run(&["order", "refund", &reference, "--restock", "MUG:3", "--restock", "PEN:4", "--yes"])
        .exits_with(6)
        .says("MUG: cannot restock 3: the order took only 2; PEN: cannot restock 4: the order took only 1");
    shop.run(&["order", "refund", &reference, "--restock", "MUG:1", "--restock", "mug=2", "--yes"])
        .exits_with(6)
        .says("MUG: cannot restock 3");
    assert_eq!(shop.counts()[..5], before[..5]);
    // Pieces restocked by another program cannot be restocked again.
    shop.sql(&format!(
        "INSERT INTO stock_movements (product_id, delta, reason, order_id) SELECT i.product_id, i.quantity, 'restock', o.id \
         FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.reference = '{reference}' AND i.quantity = 2"
    ));
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 2 WHERE sku = 'MUG'");
    let run = shop.run(&["order", "refund", "--restock-all", &reference, "--yes", "--json"]).success().item();
    assert_eq!(run["restocked"].as_array().expect("a list").len(), 1, "{run}");
    assert_eq!(run["restocked"][0]["sku"], "PEN");
    assert_eq!(stock(shop), [1000, 1000]);
    shop.assert_invariants();
}

fn a_refund_restocks_the_given_quantities(shop: &Shop) {
    stocked(shop);
    let cases: [(OrderStatus, &[&str], [i64; 2]); 8] = [
        (OrderStatus::Paid, &[], [2, 1]),
        (OrderStatus::Paid, &["--no-restock"], [0, 0]),
        (OrderStatus::Shipped, &[], [0, 0]),
        (OrderStatus::Shipped, &["--restock-all"], [2, 1]),
        (OrderStatus::Completed, &["--restock", "MUG:1"], [1, 0]),
        (OrderStatus::Completed, &["--restock", "MUG"], [2, 0]),
        (OrderStatus::Completed, &["--restock", "pen=1", "--restock", "MUG:2"], [2, 1]),
        (OrderStatus::Paid, &["--restock", "PEN:1"], [0, 1]),
    ];
    for (status, flags, back) in cases {
        let reference = order_in(shop, status);
        let before = stock(shop);
        let arguments = [&["order", "refund", "--yes", &reference, "--reason", "broken"], flags].concat();
        shop.run(&arguments).success();
        assert_eq!(stock(shop), [before[0] + back[0], before[1] + back[1]], "{arguments:?}");
    }
    let reference = order_in(shop, OrderStatus::Shipped);
    shop.run(&["order", "refund", &reference, "--restock-all", "--no-restock", "--yes"]).exits_with(2);
    shop.run(&["order", "refund", &reference, "--restock-all", "--restock", "MUG", "--yes"]).exits_with(2);
    shop.run(&["order", "refund", &reference, "--restock", "MUG:zero", "--yes"]).exits_with(7);
    shop.run(&["order", "refund", &reference, "--restock", ":1", "--yes"]).exits_with(7);
    shop.run(&["order", "cancel", &reference, "--yes"]).exits_with(6).says("shopctl order refund");
    shop.assert_invariants();
}

fn several_orders_are_all_attempted(shop: &Shop) {
    stocked(shop);
    let orders =
        [OrderStatus::Pending, OrderStatus::Shipped, OrderStatus::Pending].map(|status| order_in(shop, status));
    let list = format!("{}\r\n\n  {}  \n", orders[1], orders[2].to_lowercase());
    let arguments = ["order", "cancel", &orders[0], "-f", "-", "--yes", "--json"];
    let run = shop.run_with_input(&arguments, &list).exits_with(8);
    let items = run.json()["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), 2);
    let error: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap_or_default()).expect("JSON");
    let failures = error["error"]["details"]["failures"].as_array().expect("a list").clone();
    let codes: Vec<_> = failures.iter().map(|failure| failure["exit"].as_i64().expect("a number")).collect();
    assert_eq!(codes, [6], "{error}");
    assert_eq!(
        error["error"]["message"],
        format!("of 3: 2 done ({}, {}); 1 failed ({})", orders[0], orders[2].to_lowercase(), orders[1])
    );

    // Confirmation is impossible, so nothing is done.
    let orders = [OrderStatus::Pending, OrderStatus::Pending].map(|status| order_in(shop, status));
    shop.run(&["order", "pay", &orders[0], &orders[1]]).exits_with(11).says("--yes");
    let [paid, also_paid] = [OrderStatus::Paid; 2].map(|status| order_in(shop, status));
    let run = shop.run(&["order", "pay", &orders[0], &paid]).exits_with(11);
    run.says("this marks 1 order as paid in ").says(&format!("; 1 is already paid: {paid}"));
    // There is nothing to confirm.
    let run = shop.run(&["order", "pay", &paid, &also_paid]).success();
    assert_eq!(run.stdout.matches(" is already paid").count(), 2, "{run}");
    let shipped = order_in(shop, OrderStatus::Cancelled);
    let run = shop.run(&["order", "pay", &shipped, &orders[0], &orders[1], "--yes", "--fail-fast"]).exits_with(6);
    assert!(run.stderr.contains("2 not tried"), "{run}");
    let run = shop.run(&["order", "pay", &orders[0], &orders[1], "--yes"]).success();
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    shop.run(&["order", "pay"]).exits_with(2).says("no order is given");
    shop.assert_invariants();
}

fn a_refund_without_a_restock_is_reported(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Completed);
    let refund = |flags: &[&str]| shop.run(&[&["order", "refund", &reference, "--yes"], flags].concat()).success();
    let told = |run: &Run| run.stdout.trim().to_owned();
    let tried = refund(&["--dry-run"]);
    assert_eq!(
        told(&tried),
        format!("order {reference} would be refunded, nothing would be restocked because it was already completed")
    );
    assert_eq!(
        told(&refund(&[])),
        format!("order {reference} refunded, nothing restocked because it was already completed")
    );
}

fn an_empty_list_of_orders_changes_nothing(shop: &Shop) {
    let none = shop.run(&["order", "list", "--status", "pending", "-o", "id"]).success().stdout;
    shop.file("none.txt", "\u{feff} \n\n");
    for verb in ["pay", "ship", "complete", "cancel", "refund"] {
        let run = shop.run_with_input(&["order", verb, "-f", "-", "--yes"], &none).success();
        assert_eq!(run.stdout, "");
        run.says("no orders: nothing to do");
        // No prompt either.
        shop.run(&["order", verb, "-f", "none.txt"]).success().says("no orders: nothing to do");
        shop.run(&["order", verb, "--yes"]).exits_with(2).says("no order is given");
        shop.run(&["order", verb, "-f", "missing.txt", "--yes"]).exits_with(4);
    }
    let json = shop.run(&["order", "pay", "-f", "none.txt", "--json"]).success().json();
    assert!(json["items"].as_array().is_some_and(Vec::is_empty), "{json}");
}

fn a_refund_with_a_key_happens_once(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Paid);
    let arguments = ["order", "refund", &reference, "--yes", "--json", "--idempotency-key", "refund-1"];
    let first = shop.run(&arguments).success().item();
    let second = shop.run(&arguments).success().item();
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

fn only_old_pending_orders_expire(shop: &Shop) {
    stocked(shop);
    let [old, paid, young] =
        [OrderStatus::Pending, OrderStatus::Paid, OrderStatus::Pending].map(|status| order_in(shop, status));
    let time = if shop.backend == Backend::Sqlite { "2026-01-02 03:04:05.000000+00:00" } else { "2026-01-02 03:04:05" };
    for reference in [&old, &paid] {
        shop.sql(&format!("UPDATE orders SET created_at = '{time}' WHERE reference = '{reference}'"));
    }
    shop.run(&["order", "expire", "--older-than", "soon", "--yes"]).exits_with(7);
    shop.run(&["order", "expire", "--older-than", "7d"]).exits_with(11).says("--yes");
    let run = shop.run(&["order", "expire", "--older-than", "7d", "--yes", "--json"]).success();
    assert_eq!(run.json()["items"].as_array().expect("a list").len(), 1, "{run}");
    assert_eq!(run.json()["items"][0]["reference"], old.as_str());
    assert_eq!(shop.column("SELECT reason FROM audit_events WHERE operation = 'order.expire'"), ["expired"]);
    let status = |reference: &str| shop.run(&["order", "show", reference, "--json"]).success().json()["status"].clone();
    assert_eq!([status(&old), status(&paid), status(&young)], ["cancelled", "paid", "pending"]);
    shop.run(&["order", "expire", "--older-than", "7d", "--yes"]).success().says("there are no orders to expire");
    shop.assert_invariants();
}

fn concurrent_cancellations_restock_once(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Pending);
    let arguments = ["order", "cancel", &reference, "--yes", "--json"];
    let children: Vec<_> = (0..8).map(|_| shop.start(&arguments)).collect();
    let runs: Vec<_> =
        children.into_iter().map(|child| crate::support::shop::finish(child, &arguments).success().item()).collect();
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
        let run = shop.run(&["order", verb, &reference, "--dry-run", "--json"]).success().item();
        assert_eq!((&run["changed"], &run["dry_run"]), (&true.into(), &true.into()));
        shop.run(&["order", verb, &reference, "-n", "--exit-code"]).exits_with(9);
        assert_eq!(shop.everything(), before, "{verb}");
    }
    let done = order_in(shop, OrderStatus::Paid);
    shop.run(&["order", "pay", &done, "-n", "--exit-code"]).success();
    shop.run(&["order", "pay", &done, "--exit-code"]).exits_with(2);
}

fn an_unknown_order_stops_the_whole_batch(shop: &Shop) {
    stocked(shop);
    let orders: Vec<String> =
        [OrderStatus::Paid, OrderStatus::Shipped, OrderStatus::Paid].map(|status| order_in(shop, status)).into();
    let before = shop.everything();
    for verb in ["pay", "ship", "complete", "cancel", "refund"] {
        let run = shop.run(&["order", verb, &orders[0], "NOSUCH", &orders[1], "NOPE", "--yes"]).exits_with(3);
        assert!(run.stderr.contains("no orders NOSUCH, NOPE"), "{run}");
        assert!(run.stdout.is_empty(), "{run}");
        let list = format!("{}\nNOSUCH\n", orders[0]);
        shop.run_with_input(&["order", verb, "-f", "-", "--yes"], &list).exits_with(3).says("no order NOSUCH");
        shop.run_with_input(&["order", verb, "-f", "-", "--dry-run"], &list).exits_with(3);
    }
    // Regression: a flag's value was read as an order, and all pieces were restocked.
    shop.run(&["order", "refund", &orders[1], "--restock", "HAT:1", "--yes"]).exits_with(3).says("has no HAT");
    shop.run(&["order", "refund", &orders[1], "--restock", "HAT", "--restock", "CAP", "--yes"])
        .exits_with(3)
        .says("has no HAT, CAP");
    shop.run(&["order", "refund", &orders[1], "--restock", &orders[2], "--yes"]).exits_with(3);
    shop.run(&["order", "refund", &orders[0], &orders[1], "--restock", "MUG:1", "--yes"]).exits_with(2);
    assert_eq!(shop.everything(), before);
}

/// An order as a program without stock movements places it: it takes the stock itself.
fn foreign_order(shop: &Shop, reference: &str, status: &str) {
    shop.sql(&format!(
        "INSERT INTO orders (reference, user_id, status, total_amount) SELECT '{reference}', id, '{status}', 27.40 FROM users"
    ));
    shop.add_lines_as_another_program(reference);
}

fn an_order_of_another_program_is_restocked_by_its_lines(shop: &Shop) {
    stocked(shop);
    for (verb, status, flags) in [
        ("cancel", "pending", &[][..]),
        ("refund", "paid", &[]),
        ("refund", "shipped", &["--restock-all"]),
        ("refund", "completed", &["--restock", "MUG:2", "--restock", "PEN"]),
    ] {
        let reference = format!("FOREIGN{}", shop.number("SELECT COUNT(*) FROM orders"));
        foreign_order(shop, &reference, status);
        let before = stock(shop);
        let run = shop.run(&[&["order", verb, &reference, "--yes"], flags].concat()).success();
        assert!(run.stdout.contains("3 units restocked according to its lines (placed by another program)"), "{run}");
        assert_eq!(stock(shop), [before[0] + 2, before[1] + 1], "{verb} {status}");
        // A second restock is impossible.
        shop.run(&["order", verb, &reference, "--yes"]).success();
        shop.run(&["order", "refund", &reference, "--restock", "MUG:1", "--yes"]).exits_with(6);
        assert_eq!(stock(shop), [before[0] + 2, before[1] + 1], "{verb} {status}");
    }
    // Only the stock taken by the other program is reported.
    let run = shop.run(&["stock", "verify", "--json"]).exits_with(9);
    let found: Vec<i64> = run.json()["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["difference"].as_i64().expect("a number"))
        .collect();
    assert_eq!(found, [-8, -4], "{run}");
    shop.run(&["stock", "verify", "--accept", "--yes"]).success();
    shop.run(&["stock", "verify"]).success();
    shop.run(&["audit", "verify"]).exits_with(9).says("4 changes by another program have not been adopted yet");
    let deep = shop.run(&["doctor", "--deep"]);
    assert!(deep.stdout.contains("restock-within-taken\tok"), "{deep}");
}

fn a_corrected_tracking_number_is_recorded(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Paid);
    let ship = |tracking: &str| shop.run(&["order", "ship", &reference, "--tracking", tracking, "--json"]);
    let told = || {
        let shown = shop.run(&["order", "show", &reference, "--timeline", "--json"]).success().json();
        let events = shown["timeline"].as_array().expect("a list").clone();
        events.iter().filter_map(|event| Some(event["tracking"].as_str()?.to_owned())).collect::<Vec<_>>()
    };
    ship("AAA").success();
    assert_eq!(ship("AAA").success().item()["changed"], false);
    let run = ship("BBB").success();
    assert_eq!((&run.item()["changed"], &run.item()["after"]["status"]), (&true.into(), &"shipped".into()), "{run}");
    assert_eq!(told(), ["AAA", "BBB"]);
    shop.run(&["order", "ship", &reference, "--tracking", "CCC", "-n"]).success();
    assert_eq!(ship("BBB").success().item()["changed"], false);
    assert_eq!(told(), ["AAA", "BBB"]);
    shop.run(&["order", "complete", &reference]).success();
    let run = ship("CCC").success();
    assert_eq!((&run.item()["changed"], &run.item()["after"]["status"]), (&true.into(), &"completed".into()), "{run}");
    assert_eq!(told(), ["AAA", "BBB", "CCC"]);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn pieces_can_be_restocked_after_the_refund(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Shipped);
    shop.run(&["order", "refund", &reference, "--yes"]).success();
    let before = stock(shop);
    let restock = |flags: &[&str]| shop.run(&[&["order", "refund", &reference, "--yes"], flags].concat());
    let run = restock(&["--restock", "MUG:1"]).success();
    assert!(run.stdout.contains("was already refunded, 1 unit restocked"), "{run}");
    // A repeated call may mean the same piece or another: only a key decides.
    restock(&["--restock", "MUG:1"]).exits_with(6).says("were already restocked").says("--idempotency-key");
    assert_eq!(stock(shop), [before[0] + 1, before[1]]);
    restock(&["--restock", "MUG:1", "--idempotency-key", "second"]).success();
    restock(&["--restock", "MUG:1", "--idempotency-key", "second"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1]]);
    // Nothing is left: what is asked for is refused, also if it is the sum of what came back.
    for pieces in ["MUG:1", "MUG:2", "MUG:3"] {
        restock(&["--restock", pieces]).exits_with(6).says("already restocked");
    }
    restock(&["--restock", "MUG:1", "--idempotency-key", "third"])
        .exits_with(6)
        .says("MUG: cannot restock 1: the order took only 2, and 2 are already restocked");
    restock(&["--restock", "HAT"]).exits_with(3);
    restock(&["--restock-all"]).success();
    restock(&["--restock-all"]).success();
    assert_eq!(stock(shop), [before[0] + 2, before[1] + 1]);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn flags_without_effect_are_rejected(shop: &Shop) {
    stocked(shop);
    let reference = order_in(shop, OrderStatus::Pending);
    let cancel = |flags: &[&str]| shop.run(&[&["order", "cancel", &reference, "--yes"], flags].concat());
    cancel(&["--reason", "too late", "--note", "by phone"]).success();
    cancel(&["--reason", "too late"]).success();
    cancel(&[]).success();
    cancel(&["--reason", "too expensive"]).exits_with(6).says("another reason cannot be recorded");
    cancel(&["--note", "by mail"]).exits_with(6).says("another note cannot be recorded");
    cancel(&["--no-restock"]).exits_with(6).says("units of it were restocked");
    shop.assert_invariants();
}

fn a_duration_without_a_unit_is_rejected(shop: &Shop) {
    stocked(shop);
    order_in(shop, OrderStatus::Pending);
    let before = shop.everything();
    for age in ["5", "60", "5 apples", ""] {
        shop.run(&["order", "expire", "--older-than", age, "--yes"]).exits_with(7);
        assert_eq!(shop.everything(), before, "{age}");
    }
    shop.run(&["order", "expire", "--older-than", "5", "--yes"]).exits_with(7).says("5s, 5m, 5h or 5d");
    for age in ["3000000d", "741000d", "99999999999h"] {
        shop.run(&["order", "expire", "--older-than", age, "-n"]).exits_with(7).says("goes back too far");
    }
    for flag in ["--timeout", "--connect-timeout"] {
        shop.run(&["user", "list", flag, "30"]).exits_with(7).says("30s");
    }
    shop.run(&["migrate", "status", "--timeout", "0"]).success();
}

fn an_interrupted_batch_reports_done_and_pending_orders(shop: &Shop) {
    if shop.backend != Backend::Postgres {
        // Other engines lock more than one of so few rows, which would block the whole batch.
        return;
    }
    stocked(shop);
    let orders: Vec<String> = (0..4).map(|_| order_in(shop, OrderStatus::Pending)).collect();
    let arguments: Vec<&str> = ["order", "pay"]
        .into_iter()
        .chain(orders.iter().map(String::as_str))
        .chain(["--yes", "--timeout", "2s"])
        .collect();
    let run = block_on(async {
        let connection = shop.connect().await;
        let other = connection.begin().await.expect("begins");
        other
            .execute_unprepared(&format!("SELECT id FROM orders WHERE reference = '{}' FOR UPDATE", orders[1]))
            .await
            .expect("locks");
        let run = shop.run(&arguments);
        other.rollback().await.expect("rolls back");
        connection.close().await.expect("closes");
        run
    });
    let run = run.exits_with(8);
    let [a, b, c, d] = orders.as_slice() else { panic!("four orders") };
    assert!(run.stderr.contains(&format!("of 4: 1 done ({a}); 1 failed ({b}); 2 not tried ({c}, {d})")), "{run}");
    assert!(!run.stderr.contains("nothing of this command"), "{run}");
    assert!(run.stderr.contains("run the same command again: completed ones stay unchanged"), "{run}");
    let run = shop.run(&arguments).success();
    assert!(run.stdout.contains(&format!("order {a} is already paid")), "{run}");
    shop.assert_invariants();
}
