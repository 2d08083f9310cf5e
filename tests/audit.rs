//! The audit trail: seals, mismatches between rows and events, and erasing personal data.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    tampering_with_sealed_events_is_detected,
    a_truncated_trail_is_detected_by_a_saved_head,
    concurrent_and_repeated_sealing_gives_one_chain,
    seals_lost_with_their_migration_are_one_finding_with_a_hint,
    changes_by_other_programs_are_found_and_named,
    every_change_by_shopctl_is_explained_by_its_events,
    an_edited_time_and_a_split_movement_are_detected,
    events_older_than_a_column_still_explain_their_rows,
    a_changed_password_hash_note_or_reason_is_detected,
    personal_data_is_erased_everywhere_and_seals_still_verify,
    a_user_with_open_orders_is_not_anonymized,
    an_audit_export_has_every_event_or_is_absent,
);

/// A shop in which all sorts of things happened.
pub fn busy(shop: &Shop) -> Vec<String> {
    let user = shop.user("ann");
    shop.user("bob");
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "12.50", 100));
    let orders: Vec<String> = (0..5)
        .map(|_| {
            let run = shop.run(&["order", "create", "--user", &user, "--item", "MUG:2", "--item", "PEN", "--json"]);
            run.success().json()["reference"].as_str().expect("text").to_owned()
        })
        .collect();
    for (order, verbs) in
        orders.iter().zip([&["pay", "ship", "complete"][..], &["cancel"], &["pay", "refund"], &["pay"]])
    {
        verbs.iter().for_each(|verb| drop(shop.run(&["order", verb, order, "--yes"]).success()));
    }
    shop.run(&["stock", "adjust", "MUG", "-3", "--reason", "damaged"]).success();
    shop.run(&["stock", "set", "PEN", "90", "--expect", "97"]).success();
    shop.run(&["product", "update", "MUG", "--price", "13.00"]).success();
    shop.run(&["product", "create", "--name", "Hat", "--sku", "HAT", "--price", "1", "--stock", "2"]).success();
    shop.run(&["product", "delete", "HAT", "--confirm", "HAT"]).success();
    shop.run(&["user", "update", "bob@example.com", "--last-name", "Lee"]).success();
    shop.run(&["order", "cancel", &orders[0], "--yes"]).exits_with(6);
    orders
}

pub fn head(shop: &Shop) -> String {
    shop.run(&["audit", "seal", "--json"]).success().json()["head"].as_str().expect("text").to_owned()
}

fn seal_findings(shop: &Shop, arguments: &[&str]) -> Vec<String> {
    let run = shop.run(&[&["audit", "verify", "--json"], arguments].concat()).exits_with(9).json();
    let items = run["items"].as_array().expect("a list").iter();
    items.filter(|item| item["entity"] == "seal").map(|item| item["name"].as_str().expect("text").to_owned()).collect()
}

fn seals_lost_with_their_migration_are_one_finding_with_a_hint(shop: &Shop) {
    busy(shop);
    let kept = head(shop);
    shop.run(&["migrate", "env", "development"]).success();
    let redo = ["migrate", "redo", "--to", "m20260101_000010_create_seed_rows"];
    shop.run(&redo).exits_with(11).says("its events cannot be verified");
    shop.run(&[&redo[..], &["-y"]].concat()).success().says("its events cannot be verified");
    // Without seals nothing is lost.
    let again = shop.run(&[&redo[..], &["-y"]].concat()).success();
    assert!(!again.stderr.contains("verified"), "{again}");

    let finding = |arguments: &[&str]| {
        let run = shop.run(&[&["audit", "verify"], arguments].concat()).exits_with(9).says("backup");
        let json = shop.run(&[&["audit", "verify", "--json"], arguments].concat()).exits_with(9).json();
        let of_seals = json["items"].as_array().expect("a list").clone();
        (run, of_seals.into_iter().map(|item| item["finding"].as_str().expect("text").to_owned()).collect::<Vec<_>>())
    };
    let (run, found) = finding(&[]);
    assert!(matches!(&found[..], [one] if one.contains("the table of seals is empty, but")), "{found:?}");
    assert_eq!(finding(&["--head", &kept]).1.len(), 2, "the head is gone as well");
    // Sealing reports the same finding.
    shop.user("cat");
    shop.run(&["audit", "seal"]).success();
    let found = finding(&[]).1;
    assert!(matches!(&found[..], [one] if one.contains("refer to seals that are gone")), "{found:?}");
    let (_, way_out) = run.stderr.split_once("UPDATE ").expect("a statement");
    shop.sql(&format!("UPDATE {}", way_out.split_once(';').expect("its end").0));
    shop.run(&["audit", "seal"]).success();
    shop.run(&["audit", "verify"]).success();
}

fn tampering_with_sealed_events_is_detected(shop: &Shop) {
    busy(shop);
    let first = head(shop);
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    let second = head(shop);
    assert_ne!(first, second);
    shop.run(&["audit", "verify"]).success();
    // An older head is still in the chain.
    [&first, &second].iter().for_each(|head| drop(shop.run(&["audit", "verify", "--head", head]).success()));

    let of = |number: i32| format!("(SELECT id FROM audit_seals WHERE number = {number})");
    let tampering = [
        ("an edited reason", "UPDATE audit_events SET reason = 'eve' WHERE operation = 'order.cancel'".to_owned(),
            "UPDATE audit_events SET reason = NULL WHERE operation = 'order.cancel'".to_owned()),
        ("an edited price", "UPDATE audit_events SET after = REPLACE(after, '13.00', '12.00') WHERE operation = 'product.update'".to_owned(),
            "UPDATE audit_events SET after = REPLACE(after, '12.00', '13.00') WHERE operation = 'product.update'".to_owned()),
        ("an edited space", "UPDATE audit_events SET after = REPLACE(after, '\"last_name\":\"Lee\"', '\"last_name\": \"Lee\"') WHERE operation = 'user.update'".to_owned(),
            "UPDATE audit_events SET after = REPLACE(after, '\"last_name\": \"Lee\"', '\"last_name\":\"Lee\"') WHERE operation = 'user.update'".to_owned()),
        ("an inserted event", "INSERT INTO audit_events (operation, actor, outcome, entity_type, seal_id) SELECT 'order.pay', 'eve', 'failed', 'order', s.id FROM audit_seals s WHERE s.number = 1".to_owned(),
            "DELETE FROM audit_events WHERE actor = 'eve'".to_owned()),
        ("an event out of its seal", "UPDATE audit_events SET seal_id = NULL WHERE operation = 'order.ship'".to_owned(),
            format!("UPDATE audit_events SET seal_id = {} WHERE operation = 'order.ship'", of(1))),
    ];
    for (what, tamper, repair) in tampering {
        shop.sql(&tamper);
        assert_eq!(seal_findings(shop, &[]), ["1"], "{what}");
        shop.sql(&repair);
        let run = shop.run(&["audit", "verify"]);
        assert_eq!(run.code, 0, "{what}, undone: {run}");
    }
    shop.sql(&format!("UPDATE audit_events SET seal_id = {} WHERE operation = 'order.ship'", of(2)));
    assert_eq!(seal_findings(shop, &[]), ["1", "2"], "an event moved to another seal");
    shop.sql(&format!("UPDATE audit_events SET seal_id = {} WHERE operation = 'order.ship'", of(1)));
    shop.sql("UPDATE audit_seals SET event_count = event_count + 1 WHERE number = 1");
    assert_eq!(seal_findings(shop, &[]), ["1"], "an edited seal");
    shop.sql("UPDATE audit_seals SET event_count = event_count - 1 WHERE number = 1");
    shop.sql("DELETE FROM audit_events WHERE operation = 'order.ship'");
    assert_eq!(seal_findings(shop, &[]), ["1"], "a removed event");
}

fn a_truncated_trail_is_detected_by_a_saved_head(shop: &Shop) {
    busy(shop);
    head(shop);
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    let kept = head(shop);
    // Someone with write access removes the last seal, its events and the stock.
    let last = "(SELECT s.id FROM audit_seals s WHERE s.number = 2)";
    shop.sql("DELETE FROM stock_movements WHERE reason = 'received'");
    let moved = "(SELECT MAX(m.created_at) FROM stock_movements m WHERE m.product_id = products.id)";
    shop.sql(&format!(
        "UPDATE products SET stock_quantity = stock_quantity - 1, updated_at = {moved} WHERE sku = 'MUG'"
    ));
    shop.sql(&format!("DELETE FROM audit_events WHERE seal_id = {last}"));
    shop.sql("DELETE FROM audit_events WHERE seal_id IS NULL");
    shop.sql("DELETE FROM audit_seals WHERE number = 2");
    shop.run(&["audit", "verify"]).success();
    let run = shop.run(&["audit", "verify", "--head", &kept, "--json"]).exits_with(9);
    assert!(run.json()["items"][0]["finding"].as_str().expect("text").contains("cut off"), "{run}");
    // A lagging replica looks the same.
    assert!(run.stdout.contains("no seal has the hash") && run.stdout.contains("may be behind"), "{run}");
    shop.run(&["audit", "verify", "--head", "beef"]).exits_with(7);
    // A seal removed from the middle leaves a gap.
    head(shop);
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    head(shop);
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    head(shop);
    shop.sql("DELETE FROM audit_seals WHERE number = 2");
    assert_eq!(seal_findings(shop, &[])[0], "2");
}

fn concurrent_and_repeated_sealing_gives_one_chain(shop: &Shop) {
    busy(shop);
    let arguments = ["audit", "seal", "--json"];
    let children: Vec<_> = (0..6).map(|_| shop.start(&arguments)).collect();
    let runs: Vec<Value> =
        children.into_iter().map(|child| crate::support::shop::finish(child, &arguments).success().json()).collect();
    assert!(runs.iter().any(|run| run["changed"] == true));
    let count = shop.number("SELECT COUNT(*) FROM audit_seals");
    assert_eq!(shop.number("SELECT MAX(number) FROM audit_seals"), count);
    let again = shop.run(&arguments).success().json();
    assert_eq!((&again["changed"], &again["events"]), (&false.into(), &0.into()), "sealing is no reason to seal");
    let run = shop.run(&["audit", "verify"]).success();
    assert!(!run.stderr.contains("not covered by a seal"), "a seal does not ask for another: {run}");
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    shop.run(&["audit", "verify"]).success().says("not covered by a seal");
    let before = shop.everything();
    shop.run(&["audit", "seal", "-n", "--exit-code"]).exits_with(9);
    assert_eq!(shop.everything(), before);
}

fn changes_by_other_programs_are_found_and_named(shop: &Shop) {
    let orders = busy(shop);
    shop.run(&["audit", "verify"]).success();
    let stored = orders[3].clone();
    let cases = [
        ("UPDATE products SET price = 99 WHERE sku = 'PEN'".to_owned(), "UPDATE products SET price = 12.50 WHERE sku = 'PEN'".to_owned(), "PEN", "price is 99.00, the events say 12.50"),
        ("UPDATE users SET first_name = 'Eve' WHERE email = 'bob@example.com'".to_owned(), "UPDATE users SET first_name = 'bob' WHERE email = 'bob@example.com'".to_owned(), "bob@example.com", "first_name is Eve, the events say bob"),
        (format!("UPDATE orders SET status = 'completed' WHERE reference = '{stored}'"), format!("UPDATE orders SET status = 'paid' WHERE reference = '{stored}'"), &orders[3], "status is completed, the events say paid"),
        (format!("UPDATE order_items SET unit_price = 1 WHERE quantity = 2 AND order_id = (SELECT id FROM orders WHERE reference = '{stored}')"), format!("UPDATE order_items SET unit_price = 12.50 WHERE quantity = 2 AND order_id = (SELECT id FROM orders WHERE reference = '{stored}')"), &orders[3], "its lines differ"),
        ("UPDATE products SET stock_quantity = stock_quantity + 5 WHERE sku = 'PEN'".to_owned(), "UPDATE products SET stock_quantity = stock_quantity - 5 WHERE sku = 'PEN'".to_owned(), "PEN", "stock is"),
        ("UPDATE stock_movements SET delta = -4 WHERE reason = 'damaged'".to_owned(), "UPDATE stock_movements SET delta = -3 WHERE reason = 'damaged'".to_owned(), "MUG", "its movements in operation"),
        ("UPDATE stock_movements SET reason = 'shrinkage' WHERE reason = 'damaged'".to_owned(), "UPDATE stock_movements SET reason = 'damaged' WHERE reason = 'shrinkage'".to_owned(), "MUG", "says shrinkage, the event says damaged"),
        (format!("UPDATE stock_movements SET reason = 'gift' WHERE order_id = (SELECT id FROM orders WHERE reference = '{stored}')"), format!("UPDATE stock_movements SET reason = 'order' WHERE order_id = (SELECT id FROM orders WHERE reference = '{stored}')"), &orders[3], "says gift, which is not the reason of its event"),
        ("INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('eve@example.com', '!', 'Eve', 'X')".to_owned(), "DELETE FROM users WHERE first_name = 'Eve'".to_owned(), "eve@example.com", "was not created by shopctl"),
    ];
    for (break_it, mend_it, name, finding) in cases {
        shop.sql(&break_it);
        let run = shop.run(&["audit", "verify", "--json"]).exits_with(9);
        let items = run.json()["items"].as_array().expect("a list").clone();
        let is_told = |item: &Value| item["name"] == name && item["finding"].as_str().expect("text").contains(finding);
        assert!(items.iter().any(is_told), "{break_it}\n{run}");
        match break_it.contains("UPDATE stock_movements") {
            true => write_back(shop),
            false => shop.sql(&mend_it),
        }
        shop.run(&["audit", "verify"]).success();
    }
    // Lost for good: no repair.
    let lost = format!("(SELECT o.id FROM orders o WHERE o.reference = '{stored}')");
    shop.sql(&format!("DELETE FROM order_items WHERE order_id = {lost}"));
    shop.sql(&format!("DELETE FROM orders WHERE reference = '{stored}'"));
    let run = shop.run(&["audit", "verify", "--json"]).exits_with(9);
    let item = &run.json()["items"][0];
    assert_eq!(
        (&item["name"], &item["finding"]),
        (&Value::from(stored), &"is missing although no event deleted it".into())
    );
    shop.sql(
        "INSERT INTO stock_movements (product_id, delta, reason) SELECT id, 3, 'gift' FROM products WHERE sku = 'PEN'",
    );
    let run = shop.run(&["audit", "verify", "--json"]).exits_with(9);
    let items = run.json()["items"].as_array().expect("a list").clone();
    let is_told = |item: &Value| item["name"] == "+3 PEN" && item["finding"] == "was not created by shopctl";
    assert!(items.iter().any(is_told), "{run}");
}

/// Runs the statements by which edited movements are written back.
fn write_back(shop: &Shop) {
    for _ in 0..3 {
        let run = shop.run(&["audit", "verify"]);
        let repairs =
            run.stderr.lines().filter_map(|line| line.split_once("to write it back, in the database's own client: "));
        let repairs: Vec<&str> = repairs.map(|(_, statement)| statement).collect();
        assert!(run.code == 0 || !repairs.is_empty(), "{run}");
        repairs.iter().for_each(|statement| shop.sql(statement));
    }
}

fn every_change_by_shopctl_is_explained_by_its_events(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    busy(shop);
    shop.run(&["user", "anonymize", "bob@example.com", "--confirm", "bob@example.com"]).success();
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 5 WHERE sku = 'PEN'");
    shop.run(&["stock", "verify", "--accept", "--yes"]).success();
    shop.run(&["seed", "down", "demo", "--confirm", "demo"]).success();
    let run = shop.run(&["audit", "verify"]).success();
    assert!(run.stderr.contains("rows compared"), "{run}");
}

fn an_edited_time_and_a_split_movement_are_detected(shop: &Shop) {
    busy(shop);
    shop.file("past.csv", "reference,user,sku,quantity,created_at\nOLD,ann@example.com,PEN,1,2024-05-06T07:08:09Z\n");
    shop.run(&["order", "import", "past.csv"]).success();
    shop.run(&["audit", "verify"]).success();
    for table in ["products", "stock_movements"] {
        shop.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"));
    }
    let of_own = "its movement in operation";
    let split = "INSERT INTO stock_movements (product_id, delta, reason, operation_id, created_at) \
        SELECT k.product_id, 2, k.reason, k.operation_id, k.created_at FROM kept_stock_movements k \
        WHERE k.reason = 'damaged'; UPDATE stock_movements SET delta = -5 WHERE reason = 'damaged' AND delta = -3";
    let split_of_order = "INSERT INTO stock_movements (product_id, delta, reason, operation_id, order_id, created_at) \
        SELECT k.product_id, -1, k.reason, k.operation_id, k.order_id, k.created_at FROM kept_stock_movements k \
        WHERE k.delta = -2 AND k.reason = 'order'; UPDATE stock_movements SET delta = -1 WHERE delta = -2 AND reason = 'order'";
    let cases = [
        ("UPDATE stock_movements SET created_at = '2020-01-01 00:00:00' WHERE reason = 'damaged'", of_own),
        ("UPDATE stock_movements SET created_at = '2020-01-01 00:00:00' WHERE reason = 'initial'", of_own),
        ("UPDATE stock_movements SET created_at = '2020-01-01 00:00:00' WHERE reason = 'restock'", of_own),
        ("UPDATE stock_movements SET created_at = '2020-01-01 00:00:00' WHERE reason = 'order'", of_own),
        ("UPDATE products SET updated_at = '2020-01-01 00:00:00' WHERE sku = 'MUG'", "updated_at is 2020-01-01"),
        ("UPDATE products SET updated_at = '2020-01-01 00:00:00' WHERE sku = 'PEN'", "updated_at is 2020-01-01"),
        (split, "are -5 and +2, the events say -3"),
        (split_of_order, "are -1 and -1, the events say -2"),
    ];
    for (edit, finding) in cases {
        shop.sql(edit);
        let run = shop.run(&["audit", "verify"]).exits_with(9);
        assert!(run.stdout.contains(finding), "{edit}\n{run}");
        shop.sql("DELETE FROM stock_movements");
        shop.sql("INSERT INTO stock_movements SELECT * FROM kept_stock_movements");
        shop.sql(
            "UPDATE products SET updated_at = (SELECT k.updated_at FROM kept_products k WHERE k.id = products.id)",
        );
        shop.run(&["audit", "verify"]).success();
    }
}

/// Such an event does not say what a row has there: the migration may have filled it in.
fn events_older_than_a_column_still_explain_their_rows(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 9);
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).success();
    shop.sql("UPDATE audit_events SET after = REPLACE(after, '\"description\":null,', '')");
    shop.sql("UPDATE products SET description = 'filled in'");
    shop.run(&["audit", "verify"]).success();
    shop.run(&["product", "update", "MUG", "--price", "13.00"]).success();
    shop.run(&["audit", "verify"]).success();
    shop.sql("UPDATE products SET description = 'edited'");
    let run = shop.run(&["audit", "verify"]).exits_with(9);
    assert!(run.stdout.contains("description is edited, the events say filled in"), "{run}");
}

fn a_changed_password_hash_note_or_reason_is_detected(shop: &Shop) {
    ["ann", "bob"].iter().for_each(|name| drop(shop.user(name)));
    shop.product("MUG", "1", 50);
    shop.file("users.csv", "email,first_name,last_name\nzoe@example.com,Zoe,Q\n");
    shop.run(&["user", "import", "users.csv"]).success();
    let set = ["user", "set-password", "bob@example.com", "--password-stdin"];
    shop.run_with_input(&set, "battery staple\n").success();
    shop.run(&["user", "update", "bob@example.com", "--first-name", "Rob"]).success();
    let create = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--note", "a gift", "--json"];
    let order = shop.run(&create).success().json()["reference"].as_str().expect("text").to_owned();
    shop.run(&["order", "cancel", &order, "--yes", "--note", "by phone"]).success();
    shop.run(&["stock", "adjust", "MUG", "-3", "--reason", "damaged", "--note", "fell"]).success();
    shop.run(&["stock", "adjust", "MUG", "+3", "--reason", "received"]).success();
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 1");
    shop.run(&["stock", "verify", "--accept", "--yes", "--note", "till"]).success();
    shop.file("past.csv", "reference,user,sku,quantity\nOLD,ann@example.com,MUG,1\n");
    shop.run(&["order", "import", "past.csv", "--stock", "skip"]).success();
    shop.run(&["audit", "verify"]).success();
    // The hash itself never appears in the trail.
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE after LIKE '%argon2%'"), 0);

    let of =
        |what: &str, value: &str, where_: &str| format!("UPDATE stock_movements SET {what} = {value} WHERE {where_}");
    let cases = [
        (
            "UPDATE users SET password_hash = 'x' WHERE email = 'ann@example.com'".to_owned(),
            "ann@example.com",
            "its password hash differs from the events",
        ),
        (
            "UPDATE users SET password_hash = 'x' WHERE email = 'bob@example.com'".to_owned(),
            "bob@example.com",
            "its password hash differs from the events",
        ),
        (
            "UPDATE users SET password_hash = 'x' WHERE email = 'zoe@example.com'".to_owned(),
            "zoe@example.com",
            "its password hash differs from the events",
        ),
        (of("note", "'stolen'", "note = 'fell'"), "MUG", "notes stolen, the event fell"),
        (of("note", "NULL", "note = 'fell'"), "MUG", "notes nothing, the event fell"),
        (of("note", "'x'", "reason = 'received' AND order_id IS NULL"), "MUG", "notes x, the event nothing"),
        (of("note", "'x'", "reason = 'initial'"), "MUG", "notes x, the event nothing"),
        (of("reason", "'received'", "reason = 'initial'"), "MUG", "says received, the event says initial"),
        (of("note", "'x'", "note = 'till'"), "MUG", "notes x, the event till"),
        (of("note", "'x'", "note = 'a gift'"), order.as_str(), "notes x, the event a gift"),
        (of("note", "NULL", "note = 'by phone'"), order.as_str(), "notes nothing, the event by phone"),
        (of("reason", "'received'", "note = 'by phone'"), order.as_str(), "says received, which is not the reason"),
        (
            of("reason", "'restock'", "reason = 'received' AND order_id IS NOT NULL"),
            "OLD",
            "says restock, which is not the reason",
        ),
    ];
    for table in ["users", "stock_movements"] {
        shop.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"));
    }
    for (edit, name, finding) in cases {
        shop.sql(&edit);
        let run = shop.run(&["audit", "verify", "--json"]).exits_with(9);
        let item = &run.json()["items"][0];
        let found = item["finding"].as_str().expect("text");
        assert!(item["name"] == name && found.contains(finding), "{edit}\n{run}");
        shop.sql("DELETE FROM stock_movements");
        shop.sql("INSERT INTO stock_movements SELECT * FROM kept_stock_movements");
        shop.sql("UPDATE users SET password_hash = (SELECT k.password_hash FROM kept_users k WHERE k.id = users.id)");
    }
    shop.run(&["audit", "verify"]).success();
}

fn personal_data_is_erased_everywhere_and_seals_still_verify(shop: &Shop) {
    busy(shop);
    let arguments = [
        "user",
        "create",
        "--email",
        "zoe.quill@example.com",
        "--first-name",
        "Zoemarie",
        "--last-name",
        "Quillfeather",
        "--password-stdin",
    ];
    shop.run_with_input(&arguments, "correct horse\n").success();
    shop.run_with_input(&arguments, "correct horse\n").exits_with(6);
    shop.run(&["user", "update", "zoe.quill@example.com", "--last-name", "Quillfeather-Lee"]).success();
    let order =
        shop.run(&["order", "create", "--user", "zoe.quill@example.com", "--item", "MUG", "--json"]).success().json();
    let reference = order["reference"].as_str().expect("text");
    shop.run(&["order", "cancel", reference, "--yes"]).success();
    let kept = head(shop);
    shop.run(&["user", "anonymize", "zoe.quill@example.com"]).exits_with(11).says("--confirm");
    let before = shop.everything();
    shop.run(&["user", "anonymize", "zoe.quill@example.com", "-n"]).success();
    assert_eq!(shop.everything(), before);
    shop.run(&["user", "anonymize", "zoe.quill@example.com", "--confirm", "zoe.quill@example.com"]).success();
    let all = shop.everything_in_the_clear();
    for trace in ["zoe.quill", "Zoemarie", "Quillfeather"] {
        assert!(!all.contains(trace), "{trace} is still there");
    }
    if shop.backend == Backend::Sqlite {
        let file = std::fs::read(shop.path("shop.db")).expect("the shop's file");
        let text = String::from_utf8_lossy(&file).into_owned();
        assert!(!text.contains("Quillfeather"), "the file still has it");
    }
    shop.run(&["audit", "verify", "--head", &kept]).success();
    let id = order["user_id"].as_str().expect("text");
    let user = shop.run(&["user", "show", id, "--json"]).success().json();
    assert_eq!(user["status"], "anonymized");
    shop.run(&["order", "show", reference]).success();
    let email = user["email"].as_str().expect("text");
    shop.run(&["order", "create", "--user", email, "--item", "MUG"]).exits_with(6);
    shop.run(&["user", "enable", email]).exits_with(6);
    let again = shop.run(&["user", "anonymize", id, "--json"]).success().json();
    assert_eq!(again["changed"], false);
    shop.assert_invariants();
}

fn a_user_with_open_orders_is_not_anonymized(shop: &Shop) {
    let orders = busy(shop);
    let run = shop.run(&["user", "anonymize", "ann@example.com", "--confirm", "ann@example.com"]).exits_with(6);
    assert!(run.stderr.contains(&orders[3]) && run.stderr.contains(&orders[4]), "{run}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE email = 'ann@example.com'"), 1);
}

fn an_audit_export_has_every_event_or_is_absent(shop: &Shop) {
    busy(shop);
    let count = shop.number("SELECT COUNT(*) FROM audit_events");
    let run = shop.run(&["audit", "export"]).success();
    assert_eq!(run.stdout.lines().count() as i64, count);
    let times: Vec<String> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a JSON object")["occurred_at"].to_string())
        .collect();
    assert!(times.is_sorted());
    shop.run(&["audit", "export", "--out", "events.jsonl"]).success();
    assert_eq!(std::fs::read_to_string(shop.path("events.jsonl")).expect("written"), run.stdout);
    shop.run(&["audit", "export", "--out", "no/such/folder/events.jsonl"]).exits_with(4);
    // An export interrupted while waiting for the database leaves nothing behind.
    let arguments = ["audit", "export", "--out", "stopped.jsonl"];
    let child = shop.start(&arguments);
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(stop.expect("kill is there").success());
    let run = crate::support::shop::finish(child, &arguments);
    assert_ne!(run.code, 1, "{run}");
    let left = std::fs::read_dir(shop.home.path()).expect("readable").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".tmp")), "{left:?}");
    shop.run(&["audit", "export", "-o", "csv"]).exits_with(2);
    let id = shop.run(&["audit", "list", "-o", "id", "--limit", "1"]).success().stdout;
    let event = shop.run(&["audit", "show", id.trim(), "--json"]).success().json();
    assert_eq!(event["id"], id.trim());
    let some = shop.run(&["audit", "export", "--product", "MUG", "--operation", "stock.adjust"]).success();
    assert_eq!(some.stdout.lines().count(), 1);
}

#[test]
fn a_timeline_that_is_cut_says_so_and_an_export_of_a_persons_data_is_not() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let (user, orders) = (shop.user("ann"), 1_001);
    shop.product("MUG", "1.00", orders);
    let lines: String = (0..orders).map(|number| format!("WEB-{number},{user},MUG,1,1.00\n")).collect();
    shop.file("orders.csv", &format!("reference,user,sku,quantity,unit_price\n{lines}"));
    shop.run(&["order", "import", "orders.csv"]).success();
    let run = shop.run(&["user", "show", &user, "--timeline", "--json"]).success();
    let run = run.says("only the newest 1000 events are shown").says(&format!("audit list --user {user} --all"));
    let timeline = run.json()["timeline"].as_array().expect("a list").clone();
    assert_eq!(timeline.len(), 1_000);
    assert!(timeline.iter().all(|event| event["operation"] != "user.create"), "the oldest is left out");
    let data = shop.run(&["user", "export-data", &user]).success().json();
    assert_eq!(data["events"].as_array().map(Vec::len), Some(1_002));
}

#[test]
fn an_event_is_shown_by_the_id_of_its_operation() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("MUG", "1.00", 3);
    shop.product("PEN", "1.00", 3);
    let operation = |sql: &str| shop.column(&format!("SELECT operation_id FROM audit_events WHERE {sql}"))[0].clone();
    let one = operation("entity_type = 'product' ORDER BY occurred_at LIMIT 1");
    assert_eq!(shop.run(&["audit", "show", &one, "--json"]).success().json()["operation_id"], one.as_str());
    shop.run(&["product", "price", "--all", "--by", "+10%", "--yes"]).success();
    let many = operation("operation = 'product.price' LIMIT 1");
    shop.run(&["audit", "show", &many]).exits_with(3).says(&format!("audit list --operation-id {many}"));
    shop.run(&["audit", "show", "01a22aeb-a2bb-7136-b4e6-fe6c0bea93db"]).exits_with(3).says("audit list -o id");
}
