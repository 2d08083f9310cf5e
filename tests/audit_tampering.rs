//! Sealed events and seals, edited by someone who can write to the database: each edit is detected.

use serde_json::Value;
use shopctl::domain::personal;

use crate::audit::{busy, head};
use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    an_edit_of_any_sealed_value_is_detected_and_named,
    nothing_is_adopted_beside_an_edited_seal,
    only_anonymizing_erases_values,
);

/// A shop with two seals; the second covers one event of stock and the event of the first seal.
fn sealed(shop: &Shop) -> String {
    busy(shop);
    head(shop);
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
    let kept = head(shop);
    for table in TABLES {
        shop.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"));
    }
    let guards = match shop.backend {
        Backend::Sqlite => &[][..],
        Backend::Postgres => &["DROP CONSTRAINT ck_audit_seals_number", "DROP CONSTRAINT uq_audit_seals_number"],
        Backend::MariaDb => &["DROP CONSTRAINT ck_audit_seals_number", "DROP INDEX uq_audit_seals_number"],
    };
    guards.iter().for_each(|guard| shop.sql(&format!("ALTER TABLE audit_seals {guard}")));
    kept
}

const TABLES: [&str; 2] = ["audit_events", "audit_seals"];

/// Whoever owns the database is stopped by no CHECK.
fn tamper(shop: &Shop, statement: &str) {
    let unchecked = if shop.backend == Backend::Sqlite { "PRAGMA ignore_check_constraints = ON; " } else { "" };
    shop.sql(&format!("{unchecked}{statement}"));
}

fn restore(shop: &Shop) {
    for table in TABLES {
        shop.sql(&format!("DELETE FROM {table}"));
        shop.sql(&format!("INSERT INTO {table} SELECT * FROM kept_{table}"));
    }
}

/// What is named: seals by their numbers, events by their operations.
fn names(shop: &Shop, entity: &str, head: &str) -> Vec<String> {
    let run = shop.run(&["audit", "verify", "--json", "--head", head]);
    assert!(run.code == 0 || run.code == 9, "{run}");
    let items = run.json()["items"].as_array().expect("a list").clone();
    assert_eq!(items.is_empty(), run.code == 0, "{run}");
    let of = items.iter().filter(|item| item["entity"] == entity);
    of.map(|item| item["name"].as_str().expect("text").to_owned()).collect()
}

/// The stored document of the one event that a condition finds, and the statement that puts another
/// in its place.
fn document(shop: &Shop, condition: &str) -> (String, impl Fn(&str) -> String) {
    let found = shop.column(&format!("SELECT after FROM audit_events WHERE {condition}"));
    let [text] = found.as_slice() else { panic!("{condition}: {found:?}") };
    let condition = condition.to_owned();
    (text.clone(), move |text: &str| format!("UPDATE audit_events SET after = '{text}' WHERE {condition}"))
}

fn of(number: i32) -> String {
    format!("(SELECT s.id FROM audit_seals s WHERE s.number = {number})")
}

type Tampering = (&'static str, String, (&'static str, &'static str));

fn tampered_documents(shop: &Shop) -> Vec<Tampering> {
    let (user, set_user) = document(shop, "operation = 'user.update'");
    let parsed: Value = serde_json::from_str(&user).expect("a document");
    let salt = format!(",\"salt\":{}", parsed["salt"]);
    assert!(user.contains(&salt) && user.contains("\"status\":\"active\""), "{user}");
    let unsalted = user.replace(&salt, "");
    let first = |text: &str| text.replacen('{', &format!("{{{},", &salt[1..]), 1);
    let (product, set_product) = document(shop, "operation = 'product.update'");
    let added = |member: &str| format!("{},{member}}}", product.strip_suffix('}').expect("an object"));
    let (status, last) = ("\"status\":\"active\",", "\"last_name\":\"Lee\",");
    assert!(user.contains(&format!("{last}{status}")), "{user}");
    let texts = [
        ("a salt taken away", set_user(&unsalted)),
        ("a salt moved to the front", set_user(&first(&unsalted))),
        ("a salt moved by one member", set_user(&unsalted.replace(status, &format!("{},{status}", &salt[1..])))),
        ("a salt twice", set_user(&first(&user))),
        ("a salt that is a number", set_user(&user.replace(&salt, ",\"salt\":5"))),
        ("a salt that is an object", set_user(&user.replace(&salt, ",\"salt\":{}"))),
        ("another salt", set_user(&user.replace(&salt, &format!(",\"salt\":\"{}\"", "0".repeat(32))))),
        ("a name", set_user(&user.replace("Lee", "Lea"))),
        ("reordered members", set_user(&user.replace(&format!("{last}{status}"), &format!("{status}{last}")))),
        ("an added member of a person", set_user(&user.replace(&salt, &format!(",\"x\":1{salt}")))),
        ("a member behind the salt", set_user(&user.replace(&salt, &format!("{salt},\"x\":1")))),
        ("a person's document without a value", set_user(&user.replace(last, ""))),
        ("a salt added to a product: number", set_product(&added("\"salt\":5"))),
        ("a salt added to a product: object", set_product(&added("\"salt\":{}"))),
        ("a salt added to a product: text", set_product(&added(&salt[1..]))),
        ("an added member", set_product(&added("\"x\":null"))),
        ("another form of a text", set_product(&product.replace("MUG", "\\u004dUG").replace('\\', backslash(shop)))),
        ("a number as a text", set_product(&product.replace("\"13.00\"", "13.00"))),
        ("no document at all", set_product("")),
    ];
    texts.into_iter().map(|(what, statement)| (what, statement, ("seal", "1"))).collect()
}

/// How a backslash is written in a literal.
fn backslash(shop: &Shop) -> &'static str {
    if shop.backend == Backend::MariaDb { "\\\\" } else { "\\" }
}

fn tampered_rows() -> Vec<Tampering> {
    let of_ship = |set: &str| format!("UPDATE audit_events SET {set} WHERE operation = 'order.ship'");
    let columns = [
        ("an actor", of_ship("actor = 'eve'")),
        ("a time", of_ship("occurred_at = '2020-01-02 03:04:05'")),
        ("an outcome", of_ship("outcome = 'failed'")),
        ("an operation", of_ship("operation = 'order.pay'")),
        ("an entity", of_ship("entity_type = 'user'")),
        ("an entity's id", of_ship("entity_id = NULL")),
        ("a reason", of_ship("reason = 'because'")),
        ("an empty reason", of_ship("reason = ''")),
        ("an error", of_ship("error = 'none'")),
        ("a sequence", of_ship("sequence = 7")),
        ("an operation's id", of_ship("operation_id = id")),
        ("a key", of_ship("idempotency_key = 'k'")),
        ("a fingerprint", of_ship("request_fingerprint = 'f'")),
        ("an event without its seal", of_ship("seal_id = NULL")),
        ("a removed event", "DELETE FROM audit_events WHERE operation = 'order.ship'".to_owned()),
        (
            "an event inserted into a seal",
            "INSERT INTO audit_events (operation, actor, outcome, entity_type, seal_id) \
             SELECT 'order.pay', 'eve', 'failed', 'order', s.id FROM audit_seals s WHERE s.number = 1"
                .to_owned(),
        ),
        ("an edited hash", format!("UPDATE audit_seals SET hash = '{}' WHERE number = 1", "0".repeat(64))),
        ("an edited count", "UPDATE audit_seals SET event_count = event_count + 1 WHERE number = 1".to_owned()),
        ("an edited sealer", "UPDATE audit_seals SET sealed_by = 'eve' WHERE number = 1".to_owned()),
        (
            "an edited time of sealing",
            "UPDATE audit_seals SET sealed_at = '2020-01-02 03:04:05' WHERE number = 1".to_owned(),
        ),
    ];
    columns.into_iter().map(|(what, statement)| (what, statement, ("seal", "1"))).collect()
}

fn tampered_chains(shop: &Shop) -> Vec<Tampering> {
    let renumbered = |from: i32, to: i32| format!("UPDATE audit_seals SET number = {to} WHERE number = {from}");
    let swapped = format!(
        "UPDATE audit_events SET seal_id = CASE operation WHEN 'order.ship' THEN {} ELSE {} END \
         WHERE operation = 'order.ship' OR (operation = 'stock.adjust' AND reason = 'received')",
        of(2),
        of(1)
    );
    let mut cases = vec![
        ("a seal of number 0", renumbered(1, 0), ("seal", "0")),
        ("the events of a seal of number 0", renumbered(1, 0), ("event", "order.ship")),
        ("the last seal with a number below 0", renumbered(2, -1), ("seal", "-1")),
        ("the events of a seal below 0", renumbered(2, -1), ("event", "audit.seal")),
        ("a gap", renumbered(2, 5), ("seal", "2")),
        ("the first seal gone", "DELETE FROM audit_seals WHERE number = 1".to_owned(), ("seal", "1")),
        (
            "the events of a seal that is gone",
            "DELETE FROM audit_seals WHERE number = 1".to_owned(),
            ("event", "order.ship"),
        ),
        (
            "an event of another seal",
            format!("UPDATE audit_events SET seal_id = {} WHERE operation = 'order.ship'", of(2)),
            ("seal", "2"),
        ),
        (
            "an event of no seal that exists",
            "UPDATE audit_events SET seal_id = id WHERE operation = 'order.ship'".to_owned(),
            ("event", "order.ship"),
        ),
        ("events exchanged between seals", swapped.clone(), ("seal", "1")),
        ("events exchanged between seals, the later one", swapped, ("seal", "2")),
        (
            "a seal exchanged with the next",
            "UPDATE audit_seals SET number = 3 - number + 10; UPDATE audit_seals SET number = number - 10".to_owned(),
            ("seal", "1"),
        ),
        (
            "a removed tail",
            format!(
                "DELETE FROM audit_events WHERE seal_id = {} OR seal_id IS NULL; DELETE FROM audit_seals WHERE number = 2",
                of(2)
            ),
            ("seal", ""),
        ),
        ("no seals at all", "UPDATE audit_events SET seal_id = NULL; DELETE FROM audit_seals".to_owned(), ("seal", "")),
    ];
    // SQLite cannot drop the UNIQUE constraint, and stores anything in a text column.
    if shop.backend != Backend::Sqlite {
        cases.push(("a number twice", renumbered(2, 1), ("seal", "1")));
        return cases;
    }
    let time = |table: &str, time: &str| format!("UPDATE {table} SET {time} = REPLACE({time}, ' ', 'T')");
    cases.push(("another form of the events' times", time("audit_events", "occurred_at"), ("seal", "1")));
    cases.push(("another form of the seals' times", time("audit_seals", "sealed_at"), ("seal", "2")));
    for column in ["actor", "operation", "reason", "after", "occurred_at"] {
        let statement = format!("UPDATE audit_events SET {column} = X'00ff' WHERE operation = 'order.ship'");
        cases.push(("a text that is a blob", statement.clone(), ("seal", "1")));
        cases.push(("the event with the blob", statement, ("event", "")));
    }
    cases
}

fn an_edit_of_any_sealed_value_is_detected_and_named(shop: &Shop) {
    let kept = sealed(shop);
    shop.run(&["audit", "verify", "--head", &kept]).success();
    let cases = [tampered_documents(shop), tampered_rows(), tampered_chains(shop)].concat();
    let before = shop.everything();
    for (what, statement, (entity, name)) in cases {
        tamper(shop, &statement);
        let names = names(shop, entity, &kept);
        let is_named = |found: &String| found == name || (entity, name) == ("event", "") && found.len() == 36;
        assert!(names.iter().any(is_named), "{what}: {names:?}");
        restore(shop);
    }
    assert_eq!(shop.everything(), before, "every edit is undone");
    shop.run(&["audit", "verify", "--head", &kept]).success();
}

fn nothing_is_adopted_beside_an_edited_seal(shop: &Shop) {
    sealed(shop);
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 1");
    shop.run(&["audit", "verify"]).exits_with(9).says("shopctl adopt");
    tamper(shop, "UPDATE audit_seals SET event_count = event_count + 1 WHERE number = 1");
    let run = shop.run(&["audit", "verify"]).exits_with(9);
    assert!(!run.stderr.contains("shopctl adopt"), "{run}");
    shop.run(&["doctor", "--deep"]).says("shopctl audit verify");
}

fn only_anonymizing_erases_values(shop: &Shop) {
    let kept = sealed(shop);
    let (text, set) = document(shop, "operation = 'user.update'");
    let parsed: Value = serde_json::from_str(&text).expect("a document");
    let erased = personal::erased(parsed.clone());
    let mut half = parsed;
    half["email"] = erased["email"].clone();
    shop.sql(&set(&half.to_string()));
    assert_eq!(names(shop, "seal", &kept), ["1"], "one value was erased and the salt kept");
    shop.sql(&set(&erased.to_string()));
    assert_eq!(names(shop, "user", &kept)[0], "bob@example.com", "nobody anonymized the user");
    shop.sql(&set(&text));
    shop.run(&["user", "anonymize", "bob@example.com", "--confirm", "bob@example.com"]).success();
    shop.run(&["audit", "verify", "--head", &kept]).success();
    let (text, set) = document(shop, "operation = 'user.update'");
    let edits = [
        text.replacen("\"commitment\":\"", "\"commitment\":\"0", 1),
        text.replacen("\"commitment\":", "\"x\":1,\"commitment\":", 1),
        text.replacen("{\"commitment\"", "{ \"commitment\"", 1),
        text.replacen('}', "},\"salt\":\"00112233445566778899aabbccddeeff\"", 1),
    ];
    for edit in edits {
        assert_ne!(edit, text);
        shop.sql(&set(&edit));
        assert_eq!(names(shop, "seal", &kept), ["1"], "{edit}");
    }
    shop.sql(&set(&text));
    shop.run(&["audit", "verify", "--head", &kept]).success();
}
