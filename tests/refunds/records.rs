//! Refunds as rows: those of other programs, in the audit trail, in seeds and in files.

use serde_json::Value;
use shopctl::domain::Money;
use shopctl::domain::order_status::Verb;
use shopctl::service::operation::Operation;
use shopctl::service::order_lifecycle::RefundScope;

use super::{assert_sound, moved, order, refund, show, stock, stocked, while_waiting};
use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    a_refund_that_another_program_wrote_or_changed_shows,
    an_order_that_another_program_refunded_gets_its_refund_by_adopt,
    the_refund_of_another_program_stays_in_the_audit_trail_of_a_pending_order,
    undoing_a_seed_deletes_the_refunds_of_its_orders,
    shipping_an_order_keeps_its_refunds_in_the_audit_trail,
    exported_refunds_are_imported_as_unchanged_and_into_an_empty_shop,
    an_imported_refunded_amount_must_fit_the_order,
    a_seed_of_a_shop_with_refunds_recreates_them,
    the_id_of_a_refund_is_not_settled_as_an_operation,
    a_file_of_shipments_that_waited_for_a_refund_keeps_it_in_the_audit_trail,
);

fn the_id_of_a_refund_is_not_settled_as_an_operation(shop: &Shop) {
    stocked(shop);
    let paid = order(shop, &["pay"]);
    let refund = refund(shop, &paid, &["--line", "PEN", "--json"]).success().item()["refund"].clone();
    for id in [&refund["id"], &refund["lines"][0]["id"]] {
        let id = id.as_str().expect("an id");
        shop.run(&["audit", "settle", id]).exits_with(7).says(&format!("{id} is the id of a refund"));
    }
}

fn a_file_of_shipments_that_waited_for_a_refund_keeps_it_in_the_audit_trail(shop: &Shop) {
    stocked(shop);
    let [first, second] = [0, 1].map(|_| order(shop, &["pay"]));
    shop.file("p.csv", &format!("reference,tracking\n{first},A\n{second},B\n"));
    let part = RefundScope { lines: Vec::new(), amount: Some(Money::parse_total("1.25").expect("an amount")) };
    let refund = async |operation: &mut Operation| moved(operation, &second, Verb::Refund, part.clone()).await;
    let nothing = async |_: &mut Operation| {};
    while_waiting(shop, &["order", "ship", "-f", "p.csv", "--yes"], refund, nothing).success();
    let shown = show(shop, &second);
    assert_eq!((&shown["status"], &shown["refunded_amount"]), (&"shipped".into(), &"1.25".into()), "{shown}");
    assert_sound(shop);
}

fn a_refund_that_another_program_wrote_or_changed_shows(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay", "ship"]);
    refund(shop, &reference, &["--line", "MUG:1"]).success();
    let verify = || shop.run(&["audit", "verify"]);
    verify().success();
    let differs = || {
        let run = verify().exits_with(9);
        assert!(run.stdout.contains("its refunds differ from the events"), "{run}");
    };
    shop.sql("UPDATE order_refunds SET amount = 2.50");
    differs();
    shop.sql("UPDATE order_refunds SET amount = 12.50");
    verify().success();
    shop.sql(&format!(
        "INSERT INTO order_refunds (order_id, amount) SELECT id, 20 FROM orders WHERE reference = '{reference}'"
    ));
    differs();
    let doctor = shop.run(&["doctor", "--deep"]);
    assert!(doctor.stdout.contains("orders with refunds above their total"), "{doctor}");
    assert!(doctor.stdout.contains("written by another program"), "{doctor}");
    refund(shop, &reference, &["--amount", "1"]).exits_with(6).says("0.00 of 27.40 is left");
    shop.sql("DELETE FROM order_refunds WHERE amount = 20");
    shop.sql("UPDATE order_refund_lines SET quantity = 3");
    let doctor = shop.run(&["doctor", "--deep"]);
    assert!(doctor.stdout.contains("lines with more units refunded than ordered"), "{doctor}");
}

fn an_order_that_another_program_refunded_gets_its_refund_by_adopt(shop: &Shop) {
    stocked(shop);
    let [whole, part, free] = [0, 1, 2].map(|_| order(shop, &["pay", "ship"]));
    refund(shop, &part, &["--line", "MUG:1"]).success();
    for reference in [&whole, &part, &free] {
        shop.sql(&format!("UPDATE orders SET status = 'refunded' WHERE reference = '{reference}'"));
    }
    let doctor = shop.run(&["doctor", "--deep"]);
    assert!(doctor.stdout.contains("refunded orders whose total is not fully refunded"), "{doctor}");
    assert!(doctor.stdout.contains("all of orders written by another program"), "{doctor}");
    shop.run(&["adopt", "--yes"]).success();
    for reference in [&whole, &part, &free] {
        assert_eq!(show(shop, reference)["refunded_amount"], "27.40", "{reference}");
    }
    let refunds = show(shop, &part)["refunds"].as_array().expect("a list").len();
    assert_eq!(refunds, 2);
    assert_sound(shop);
    let again = shop.run(&["adopt", "--yes"]).success();
    assert!(again.stdout.contains("nothing to adopt"), "{again}");
}

/// shopctl refunds no pending order, but it keeps in the audit trail what another program wrote.
fn the_refund_of_another_program_stays_in_the_audit_trail_of_a_pending_order(shop: &Shop) {
    stocked(shop);
    for verb in ["pay", "cancel"] {
        let pending = order(shop, &[]);
        shop.sql(&format!(
            "INSERT INTO order_refunds (order_id, amount) SELECT id, 1 FROM orders WHERE reference = '{pending}'"
        ));
        shop.run(&["adopt", "--yes"]).success();
        shop.run(&["order", verb, &pending, "--yes"]).success();
        shop.run(&["audit", "verify"]).success();
    }
}

fn undoing_a_seed_deletes_the_refunds_of_its_orders(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let order = shop.column("SELECT reference FROM orders ORDER BY reference")[0].clone();
    shop.run(&["order", "pay", &order]).success();
    refund(shop, &order, &["--amount", "0.50"]).success();
    assert_sound(shop);
    shop.run(&["seed", "down", "demo", "--force", "--confirm", "demo"]).success();
    let left = ["order_refund_lines", "order_refunds", "orders"];
    assert_eq!(left.map(|table| shop.number(&format!("SELECT COUNT(*) FROM {table}"))), [0, 0, 0]);
    assert_sound(shop);
}

fn shipping_an_order_keeps_its_refunds_in_the_audit_trail(shop: &Shop) {
    stocked(shop);
    let reference = order(shop, &["pay"]);
    refund(shop, &reference, &["--line", "PEN"]).success();
    shop.run(&["order", "ship", &reference]).success();
    shop.run(&["order", "complete", &reference]).success();
    let shown = show(shop, &reference);
    assert_eq!((&shown["status"], &shown["refunded_amount"]), (&"completed".into(), &"2.40".into()));
    assert_sound(shop);
}

fn exported_refunds_are_imported_as_unchanged_and_into_an_empty_shop(shop: &Shop) {
    stocked(shop);
    let [part, whole, paid] = [&["pay", "ship"][..], &["pay"], &["pay"]].map(|verbs| order(shop, verbs));
    refund(shop, &part, &["--line", "MUG:1", "--amount", "9.95"]).success();
    refund(shop, &whole, &[]).success();
    for format in ["csv", "tsv", "json", "jsonl"] {
        let file = shop.path(&format!("orders.{format}")).display().to_string();
        shop.run(&["order", "export", "--out", &file]).success();
        let json = shop.run(&["order", "import", &file, "--json"]).success().json();
        assert_eq!((&json["changed"], &json["unchanged"]), (&false.into(), &3.into()), "{format}: {json}");
        let Some(other) = Shop::migrated(shop.backend) else { return };
        stocked(&other);
        other.run(&["order", "import", &file]).success();
        let refunded = [&part, &whole, &paid].map(|reference| show(&other, reference)["refunded_amount"].clone());
        assert_eq!(refunded, ["9.95", "27.40", "0.00"], "{format}");
        assert_eq!(other.number("SELECT COUNT(*) FROM order_refunds"), 2, "{format}");
        assert_sound(&other);
    }
    // As the total it is on the first line of its order only.
    let csv = shop.run(&["order", "export", "-o", "csv", "--fields", "reference,sku,refunded_amount"]).success();
    let of_part: Vec<&str> = csv.stdout.lines().filter(|line| line.starts_with(&part)).collect();
    assert_eq!(of_part, [format!("{part},MUG,9.95"), format!("{part},PEN,")]);
    refund(shop, &part, &["--amount", "1"]).success();
    let file = shop.path("orders.csv").display().to_string();
    shop.run(&["order", "import", &file]).exits_with(7).says("a different refunded amount");
}

fn an_imported_refunded_amount_must_fit_the_order(shop: &Shop) {
    stocked(shop);
    let import = |status: &str, refunded: &str| {
        let row = format!(
            "reference,user,status,sku,quantity,refunded_amount\nR-1,ann@example.com,{status},MUG,2,{refunded}\n"
        );
        shop.file("o.csv", &row);
        shop.run(&["order", "import", "o.csv", "--stock", "skip"])
    };
    for (status, refunded, problem) in [
        ("paid", "25.01", "25.01 is refunded, which is more than its total of 25.00"),
        ("shipped", "25.00", "all of 25.00 is refunded, so its status must be refunded, not shipped"),
        ("refunded", "5.00", "5.00 of 25.00 is refunded"),
        ("pending", "5.00", "a pending order cannot have 5.00 refunded"),
        ("cancelled", "0.01", "a cancelled order cannot have 0.01 refunded"),
        ("paid", "-1", "refunded_amount"),
    ] {
        import(status, refunded).exits_with(7).says(problem);
        assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0, "{status} {refunded}");
    }
    // Another shop also gives the costs of shipping back.
    import("refunded", "29.90").success();
    assert_eq!(show(shop, "R-1")["refunded_amount"], "25.00");
    let again = import("refunded", "29.90").success();
    assert!(again.stdout.contains("1 unchanged"), "{again}");
    assert_sound(shop);
}

fn a_seed_of_a_shop_with_refunds_recreates_them(shop: &Shop) {
    stocked(shop);
    let whole = order(shop, &["pay"]);
    refund(shop, &whole, &[]).success();
    let part = order(shop, &["pay", "ship"]);
    refund(shop, &part, &["--line", "MUG:1", "--reason", "scratched"]).success();
    refund(shop, &part, &["--amount", "0.50"]).success();
    let all = order(shop, &["pay"]);
    refund(shop, &all, &["--line", "MUG:2", "--amount", "5"]).success();
    refund(shop, &all, &[]).success();
    let in_parts = order(shop, &["pay", "complete"]);
    refund(shop, &in_parts, &["--line", "MUG:2", "--restock-all"]).success();
    refund(shop, &in_parts, &["--line", "PEN"]).success();
    let orders = [&whole, &part, &all, &in_parts];
    let refunds = |shop: &Shop, reference: &str| {
        let shown = show(shop, reference);
        let refund = |refund: &Value| {
            let line = |line: &Value| format!("{} {} {}", line["sku"], line["quantity"], line["amount"]);
            let mut lines: Vec<String> = refund["lines"].as_array().expect("a list").iter().map(line).collect();
            lines.sort_unstable();
            format!("{} {} {lines:?}", refund["amount"], refund["reason"])
        };
        let refunds: Vec<String> = shown["refunds"].as_array().expect("a list").iter().map(refund).collect();
        (shown["status"].clone(), shown["refunded_amount"].clone(), refunds)
    };
    let text = shop.run(&["seed", "export", "--no-mask"]).success().stdout;
    let other = Shop::migrated(shop.backend).expect("the same backend");
    other.file("seeds/1_export.toml", &text);
    other.run(&["seed", "up", "--dir", "seeds"]).success();
    for reference in orders {
        assert_eq!(refunds(&other, reference), refunds(shop, reference), "{text}");
    }
    assert_eq!(stock(&other), stock(shop));
    assert_sound(&other);
    // Reasons are somebody's words.
    assert!(text.contains("scratched"));
    assert!(!shop.run(&["seed", "export"]).success().stdout.contains("scratched"));
    for (status, amount) in [("pending", "1.00"), ("paid", "x"), ("paid", "99.00")] {
        other.file(
            "bad/1_bad.toml",
            &format!(
                "description = \"d\"\nenvironments = [\"development\"]\n[[order]]\nreference = \"AAAAA-AAAAA\"\n\
             user = \"ann@example.com\"\nstatus = \"{status}\"\nitems = [{{ sku = \"PEN\", quantity = 1 }}]\n\
             refund = [{{ amount = \"{amount}\" }}]\n"
            ),
        );
        let run = other.run(&["seed", "up", "--dir", "bad"]);
        assert!(matches!(run.code, 6 | 7), "{run}");
    }
    assert_eq!(other.number("SELECT COUNT(*) FROM orders"), 4);
}
