//! What is said about orders: notes, tracking numbers, and files of shipments.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    the_note_of_an_order_is_set_in_any_status_and_cleared,
    a_note_on_a_change_of_status_is_a_remark_and_leaves_the_orders_note,
    a_file_of_shipments_ships_orders_and_corrects_numbers,
    wrong_lines_of_a_file_of_shipments_are_named_and_nothing_is_shipped,
    the_other_shipments_of_a_file_are_shipped_on_request,
    a_file_of_names_still_ships_orders,
    a_tracking_number_is_one_line,
    the_tracking_number_of_an_order_that_was_shipped_can_always_be_corrected,
    an_order_that_was_never_shipped_gets_no_tracking_number,
    an_event_tells_the_note_and_the_number_of_before,
    a_file_of_shipments_is_read_as_an_import_is,
);

/// Orders with these statuses.
fn orders<const N: usize>(shop: &Shop, verbs: [&[&str]; N]) -> [String; N] {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 50);
    verbs.map(|verbs| {
        let run = shop.run(&["order", "create", "--user", &user, "--item", "MUG", "--json"]).success();
        let reference = run.json()["reference"].as_str().expect("text").to_owned();
        verbs.iter().for_each(|verb| drop(shop.run(&["order", verb, &reference, "--yes"]).success()));
        reference
    })
}

fn shown(shop: &Shop, reference: &str, member: &str) -> Value {
    shop.run(&["order", "show", reference, "--json"]).success().json()[member].clone()
}

fn verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn the_note_of_an_order_is_set_in_any_status_and_cleared(shop: &Shop) {
    let all: [&[&str]; 6] = [&[], &["pay"], &["pay", "ship"], &["pay", "complete"], &["cancel"], &["pay", "refund"]];
    for reference in orders(shop, all) {
        let note = |text: &str| shop.run(&["order", "note", &reference, text, "--json"]).success().json();
        assert_eq!(shown(shop, &reference, "note"), Value::Null);
        let status = shown(shop, &reference, "status");
        let set = note("ring twice");
        assert_eq!(
            (&set["changed"], &set["before"]["note"], &set["after"]["note"]),
            (&true.into(), &Value::Null, &"ring twice".into())
        );
        assert_eq!(shown(shop, &reference, "note"), "ring twice");
        assert_eq!(note("ring twice")["changed"], false);
        assert_eq!(note("- ring once")["before"]["note"], "ring twice");
        assert!(shop.run(&["order", "show", &reference, "-o", "table"]).success().stdout.contains("- ring once"));
        assert_eq!(note("")["after"]["note"], Value::Null);
        assert_eq!(note(" ")["changed"], false);
        assert_eq!((shown(shop, &reference, "note"), shown(shop, &reference, "status")), (Value::Null, status));
    }
    shop.run(&["order", "note", "NOSUCH-ORDER", "x"]).exits_with(3);
    verified(shop);
}

fn a_note_on_a_change_of_status_is_a_remark_and_leaves_the_orders_note(shop: &Shop) {
    let [reference] = orders(shop, [&[]]);
    shop.run(&["order", "note", &reference, "first"]).success();
    shop.run(&["order", "change", &reference, "--item", "MUG:2", "--note", "for two"]).success();
    assert_eq!(shown(shop, &reference, "note"), "for two");
    shop.run(&["order", "pay", &reference, "--note", "bank transfer"]).success();
    let refund = ["order", "refund", &reference, "--line", "MUG:1", "--yes", "--note", "one was chipped"];
    shop.run(&refund).success();
    shop.run(&["order", "restock", &reference, "MUG:1", "--note", "came by post"]).success();
    assert_eq!(shown(shop, &reference, "note"), "for two");
    for text in ["two", "transfer", "chipped", "post"] {
        let found = shop.run(&["order", "list", "--search", text, "--fields", "reference", "-o", "tsv"]).success();
        assert_eq!(found.stdout.trim_end(), reference, "{text}");
    }
    let run = shop.run(&["order", "show", &reference, "--timeline", "--json"]).success().json();
    let changes: Vec<_> = run["timeline"].as_array().into_iter().flatten().map(|event| &event["change"]).collect();
    let told = ["pending → paid; note: bank transfer", "note: first → for two"];
    let has = |text: &str| changes.iter().any(|change| change.as_str().is_some_and(|change| change.contains(text)));
    assert!(told.into_iter().all(has), "{changes:?}");
    shop.run(&["order", "change", &reference, "--note", "x"]).exits_with(2).says(&format!("order note {reference} x"));
    verified(shop);
}

fn a_file_of_shipments_ships_orders_and_corrects_numbers(shop: &Shop) {
    let [one, two, three] = orders(shop, [&["pay"], &["pay"], &["pay"]]);
    shop.run(&["order", "ship", &two, "--tracking", "OLD"]).success();
    shop.run(&["order", "ship", &three, "--tracking", "SAME"]).success();
    let lower = one.to_lowercase();
    shop.file(
        "p.csv",
        &format!("Reference,Tracking,status\n{lower},AAA,paid\n{two},BBB,shipped\n{three},SAME,shipped\n"),
    );
    let ship = ["order", "ship", "-f", "p.csv"];
    shop.run(&ship).exits_with(11).says("this marks 1 order as shipped in ").says("corrects the tracking number of 1");
    let before = shop.everything();
    shop.run(&[&ship[..], &["-n"]].concat()).success().says("1 order would be shipped, 1 corrected, 1 unchanged");
    assert_eq!(shop.everything(), before);
    let run = shop.run(&[&ship[..], &["--yes"]].concat()).success().says("1 order shipped, 1 corrected, 1 unchanged");
    let told = [
        format!("order {one} shipped"),
        format!("order {two} is already shipped; tracking number corrected"),
        format!("order {three} is already shipped"),
    ];
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), told);
    let numbers = [&one, &two, &three].map(|reference| shown(shop, reference, "tracking"));
    assert_eq!(numbers, ["AAA", "BBB", "SAME"]);
    let in_one = "SELECT COUNT(*) FROM audit_events a JOIN audit_events b ON a.operation_id = b.operation_id \
                  WHERE a.operation = 'order.ship' AND a.id <> b.id";
    assert_eq!(shop.number(in_one), 2, "one operation with two events");
    let input = format!("{{\"reference\": \"{one}\", \"tracking\": 4711}}\n");
    shop.file("p.jsonl", &input);
    shop.run(&["order", "ship", "-f", "p.jsonl", "--yes", "--json"]).success();
    assert_eq!(shown(shop, &one, "tracking"), "4711");
    verified(shop);
}

fn wrong_lines_of_a_file_of_shipments_are_named_and_nothing_is_shipped(shop: &Shop) {
    let [paid, pending] = orders(shop, [&["pay"], &[]]);
    let again = paid.replace('-', "").to_lowercase();
    shop.file("p.csv", &format!("reference,tracking\n{paid},AAA\n{pending},BBB\nNOSUCH,C\n{again},D\n{paid},\n"));
    let before = shop.everything();
    let run = shop.run(&["order", "ship", "-f", "p.csv", "--yes"]).exits_with(7);
    for told in [
        "4 of 5 rows are invalid, nothing was shipped".to_owned(),
        format!("line 3: {pending}: order {pending} is pending; allowed: "),
        "line 4: NOSUCH: the order does not exist".to_owned(),
        "line 5: ".to_owned(),
        "line 6: ".to_owned(),
        "ship the others: shopctl order ship --file p.csv --yes --on-error reject-rows".to_owned(),
    ] {
        assert!(run.stderr.contains(&told), "{told} is not said by {run}");
    }
    let file = ["order", "ship", "-f", "p.csv", "--yes"];
    for more in [&["--tracking", "X"][..], &[&paid], &["--fail-fast"]] {
        shop.run(&[&file[..], more].concat()).exits_with(2).says("gives all orders");
    }
    assert_eq!(shop.everything(), before);
}

fn the_other_shipments_of_a_file_are_shipped_on_request(shop: &Shop) {
    let [paid, pending] = orders(shop, [&["pay"], &[]]);
    shop.file("p.csv", &format!("reference,tracking\n{pending},BBB\n{paid},AAA\n"));
    let ship = ["order", "ship", "-f", "p.csv", "--on-error", "reject-rows", "--yes"];
    let run = shop.run(&ship).exits_with(8).says("1 row was rejected").says("1 order shipped, 0 corrected");
    assert_eq!(run.stdout, format!("order {paid} shipped\n"));
    assert_eq!((shown(shop, &paid, "tracking"), shown(shop, &pending, "status")), ("AAA".into(), "pending".into()));
    verified(shop);
}

fn a_tracking_number_is_one_line(shop: &Shop) {
    let [paid] = orders(shop, [&["pay"]]);
    let before = shop.everything();
    let long = "1".repeat(501);
    for (number, problem) in [
        ("1Z\n2Z", "contains the control character"),
        ("1Z\t2Z", "contains the control character"),
        ("1Z\u{2028}2Z", "contains the line separator"),
        ("1Z\u{1b}[31m", "contains the control character"),
        ("1Z\u{202e}", "contains the control character"),
        (" ", "must not be empty"),
        (&long, "is longer than 500 characters"),
    ] {
        shop.run(&["order", "ship", &paid, "--tracking", number]).exits_with(7).says(problem);
        shop.file("p.jsonl", &serde_json::json!({ "reference": paid, "tracking": number }).to_string());
        shop.run(&["order", "ship", "-f", "p.jsonl", "--yes"]).exits_with(7);
    }
    assert_eq!(shop.everything(), before);
    shop.run(&["order", "ship", &paid, "--tracking", " 1Z 2Z\n"]).success();
    assert_eq!(shown(shop, &paid, "tracking"), "1Z 2Z");
    verified(shop);
}

fn the_tracking_number_of_an_order_that_was_shipped_can_always_be_corrected(shop: &Shop) {
    let shipped: [&[&str]; 3] = [&["pay", "ship"], &["pay", "ship", "complete"], &["pay", "ship", "refund"]];
    let statuses = ["shipped", "completed", "refunded"];
    for (reference, status) in orders(shop, shipped).iter().zip(statuses) {
        let ship = |flags: &[&str]| shop.run(&[&["order", "ship", reference], flags].concat());
        let run = ship(&["--tracking", "1Z"]).success();
        assert_eq!(run.stdout, format!("order {reference} is already {status}; tracking number corrected\n"));
        let again = ship(&["--tracking", "1Z", "--json"]).success().item();
        assert_eq!((&again["changed"], &again["status"]), (&false.into(), &status.into()));
        let before = shop.everything();
        ship(&["--tracking", "2Z", "-n"]).success();
        assert_eq!(shop.everything(), before);
        shop.file("p.csv", &format!("reference,tracking\n{reference},2Z\n"));
        shop.run(&["order", "ship", "-f", "p.csv", "--yes"]).success().says("0 orders shipped, 1 corrected");
        assert_eq!(
            (shown(shop, reference, "tracking"), shown(shop, reference, "status")),
            ("2Z".into(), status.into())
        );
        if status != "shipped" {
            ship(&[]).exits_with(6).says("order.transition");
            let note = ["--tracking", "2Z", "--note", "x"];
            ship(&note).exits_with(6).says(&format!("is already {status}; another note cannot be recorded"));
        }
    }
    verified(shop);
}

fn an_order_that_was_never_shipped_gets_no_tracking_number(shop: &Shop) {
    let never: [&[&str]; 4] = [&[], &["pay", "complete"], &["pay", "refund"], &["cancel"]];
    for reference in orders(shop, never) {
        shop.run(&["order", "ship", &reference, "--tracking", "1Z"]).exits_with(6).says("order.transition");
        assert_eq!(shown(shop, &reference, "tracking"), Value::Null);
    }
    verified(shop);
}

fn a_file_of_names_still_ships_orders(shop: &Shop) {
    let [one, two] = orders(shop, [&["pay"], &["pay"]]);
    shop.file("names.txt", &format!("{one}\n\n{two}\n"));
    shop.run(&["order", "ship", "-f", "names.txt", "--on-error", "reject-all", "--yes"]).exits_with(2);
    shop.run(&["order", "ship", "-f", "names.txt", "--yes"]).success();
    let [three] = orders_again(shop);
    shop.run_with_input(&["order", "ship", "-f", "-", "--yes"], &format!("{three}\n")).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders WHERE status = 'shipped'"), 3);
    shop.run(&["order", "ship", "-f", "nosuch.csv", "--yes"]).exits_with(4).says("cannot read nosuch.csv");
}

/// Another paid order of the same shop.
fn orders_again(shop: &Shop) -> [String; 1] {
    let run = shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG", "--json"]).success();
    let reference = run.json()["reference"].as_str().expect("text").to_owned();
    shop.run(&["order", "pay", &reference]).success();
    [reference]
}

fn an_event_tells_the_note_and_the_number_of_before(shop: &Shop) {
    let [one] = orders(shop, [&[]]);
    shop.run(&["order", "note", &one, "first"]).success();
    shop.run(&["order", "change", &one, "--item", "MUG:2", "--note", "for two"]).success();
    shop.run(&["order", "pay", &one, "--note", "cash"]).success();
    shop.run(&["order", "note", &one, ""]).success();
    shop.run(&["order", "ship", &one, "--tracking", "OLD"]).success();
    shop.run(&["order", "ship", &one, "--tracking", "NEW"]).success();
    let list = ["audit", "list", "--order", &one, "--limit", "6", "--json"];
    let events = shop.run(&list).success().json()["items"].as_array().expect("a list").clone();
    let said = |member: &str| -> Vec<_> {
        let both = |event: &Value| Some((event["before"].get(member)?.clone(), event["after"].get(member)?.clone()));
        events.iter().rev().filter_map(both).collect()
    };
    let pair = |before: Value, after: &str| (before, Value::from(after));
    let notes = [
        pair(Value::Null, "first"),
        pair("first".into(), "for two"),
        // A note given when it was paid is a remark on that.
        pair("for two".into(), ""),
    ];
    assert_eq!(said("note"), notes);
    assert_eq!(said("tracking"), [pair(Value::Null, "OLD"), pair("OLD".into(), "NEW")]);
    verified(shop);
}

fn a_file_of_shipments_is_read_as_an_import_is(shop: &Shop) {
    let [one, two, three, four] = orders(shop, [&["pay"], &["pay"], &["pay"], &["pay"]]);
    shop.file("dhl.csv", &format!("Parcels of today\nBestellung;Sendung\n{one};A1\n"));
    let ship = |flags: &[&str]| shop.run(&[&["order", "ship", "--yes"], flags].concat());
    ship(&["-f", "dhl.csv", "--map", "Bestellung=reference", "--map", "Sendung=tracking", "--skip-lines", "1"])
        .success();
    assert_eq!(shown(shop, &one, "tracking"), "A1");
    // Each hint is a flag of this command.
    shop.file("other.csv", &format!("reference,Tracking number\n{two},B2\n"));
    let run = ship(&["-f", "other.csv"]).exits_with(7).says("--map 'Tracking number=tracking'");
    assert_eq!(shown(shop, &two, "status"), "paid", "{run}");
    ship(&["-f", "other.csv", "--map", "Tracking number=tracking"]).success();
    assert_eq!(shown(shop, &two, "tracking"), "B2");
    shop.file("none.csv", &format!("reference,user\n{three},ann@example.com\n"));
    let run = ship(&["-f", "none.csv"]).exits_with(7).says("the column tracking is missing");
    assert!(run.stderr.contains("--map NAME=tracking"), "{run}");
    // No reference has a separator: these are columns, whatever they are called.
    shop.file("de.csv", &format!("Bestellnummer;Sendungsnummer\n{three};003400\n"));
    ship(&["-f", "de.csv"]).exits_with(7).says("unknown columns").says("--map ").says("Bestellnummer");
    // A list of references with its header is one of names.
    shop.file("names.csv", &format!("reference\n{three}\n"));
    ship(&["-f", "names.csv"]).success().says("the first line, reference, is a header");
    assert_eq!(shown(shop, &three, "status"), "shipped");
    for header in ["reference\n", "Reference\r\n", "reference,tracking\n", ""] {
        shop.file("empty.csv", header);
        ship(&["-f", "empty.csv"]).success();
    }
    let listed =
        shop.run(&["order", "list", "--status", "paid", "--fields", "reference", "-o", "csv"]).success().stdout;
    assert!(listed.starts_with("reference\n"), "{listed}");
    shop.run_with_input(&["order", "refund", "-f", "-", "--yes"], &listed).success();
    assert_eq!(shown(shop, &four, "status"), "refunded");
    ship(&[&four, "--map", "a=b"]).exits_with(2).says("for a file with the columns");
    verified(shop);
}
