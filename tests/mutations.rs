//! Every command that changes data: its output, its event, its dry run.

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    a_mutation_reports_its_changes_and_writes_one_event,
    a_dry_run_of_every_mutation_changes_nothing,
    the_json_of_a_change_names_its_operation,
);

/// Each command that takes `--dry-run`, with arguments under which it would change something.
const MUTATIONS: [(&str, &[&str]); 35] = [
    (
        "user create",
        &["--email", "bo@example.com", "--first-name", "Bo", "--last-name", "Ek", "--password-file", "secret.txt"],
    ),
    ("user import", &["people.csv"]),
    ("product import", &["products.csv"]),
    ("user update", &["ann@example.com", "--last-name", "Lee"]),
    ("user set-password", &["ann@example.com", "--password-file", "secret.txt"]),
    ("user verify-password", &["old@example.com", "--password-file", "secret.txt"]),
    ("user disable", &["ann@example.com"]),
    ("user enable", &["off@example.com"]),
    ("user anonymize", &["off@example.com"]),
    ("user merge", &["ann@example.com", "old@example.com"]),
    ("user delete", &["off@example.com"]),
    ("product create", &["--name", "Hat", "--price", "1", "--stock", "4"]),
    ("product update", &["MUG", "--price", "1"]),
    ("product price", &["--all", "--by", "+10%"]),
    ("product retire", &["MUG", "PEN"]),
    ("product restore", &["OLD"]),
    ("product delete", &["PEN"]),
    ("stock adjust", &["MUG", "-3", "--reason", "damaged"]),
    ("stock set", &["MUG", "5", "--expect", "7"]),
    ("stock receive", &["MUG:24", "PEN:1"]),
    ("stock import", &["counted.csv"]),
    ("stock verify", &["--accept"]),
    ("order create", &["--user", "ann@example.com", "--item", "MUG:2"]),
    ("order change", &["PENDING", "--item", "PEN:1", "--item", "MUG:3", "--user", "old@example.com"]),
    ("order import", &["orders.csv"]),
    ("order pay", &["PENDING"]),
    ("order ship", &["PAID", "--tracking", "1Z"]),
    ("order note", &["PENDING", "ring twice"]),
    ("order reassign", &["PENDING", "--user", "old@example.com"]),
    ("order complete", &["PAID"]),
    ("order cancel", &["PENDING"]),
    ("order refund", &["PAID"]),
    ("order restock", &["SHIPPED", "MUG:1"]),
    ("order expire", &["--older-than", "0s"]),
    ("undo", &["DISABLED"]),
];

/// The commands that take any number of objects: their JSON has `items`, also for one. The others' is the object.
const OF_MANY: [&str; 13] = [
    "product price",
    "product retire",
    "product restore",
    "stock receive",
    "stock verify",
    "order pay",
    "order ship",
    "order reassign",
    "order complete",
    "order cancel",
    "order refund",
    "order expire",
    "migrate up",
];

fn a_mutation_reports_its_changes_and_writes_one_event(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let run = shop.run(&["order", "create", "--user", &user, "--item", "MUG:2", "--actor", "boss"]).success();
    assert!(
        run.stdout.starts_with("order ") && run.stdout.contains("2 units for ann@example.com, total 25.00"),
        "{run}"
    );
    assert!(run.stderr.starts_with("changed "), "{run}");
    assert_eq!(shop.column("SELECT actor FROM audit_events WHERE operation = 'order.place'"), ["boss"]);
    let after = shop.column(
        "SELECT after FROM audit_events WHERE operation = 'order.place'"
            .replace("after", column(shop, "after"))
            .as_str(),
    );
    assert!(after[0].contains("\"total_amount\":\"25.00\""), "{after:?}");
    let hashes = shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'user.create'");
    assert_eq!(hashes, 1);
    assert!(
        !shop
            .column(&format!("SELECT {} FROM audit_events", column(shop, "after")))
            .iter()
            .any(|json| json.contains("argon2"))
    );
}

fn column(shop: &Shop, name: &'static str) -> &'static str {
    if shop.backend == Backend::MariaDb && name == "before" { "`before`" } else { name }
}

fn a_dry_run_of_every_mutation_changes_nothing(shop: &Shop) {
    ["ann", "off", "old"].iter().for_each(|name| drop(shop.user(name)));
    shop.run(&["user", "disable", "off@example.com", "--yes"]).success();
    let disabled = shop
        .column("SELECT CAST(operation_id AS char(36)) FROM audit_events WHERE operation = 'user.disable'")
        .remove(0);
    ["MUG", "PEN", "OLD"].iter().for_each(|sku| shop.product(sku, "12.50", 10));
    shop.run(&["product", "retire", "OLD", "--yes"]).success();
    let [pending, paid, shipped] = [0, 1, 2].map(|_| {
        let run = shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG", "--json"]);
        run.success().json()["reference"].as_str().expect("text").to_owned()
    });
    shop.run(&["order", "pay", &paid]).success();
    shop.run(&["order", "pay", &shipped]).success();
    shop.run(&["order", "ship", &shipped]).success();
    // A change by another program, for `stock verify --accept`.
    shop.sql("UPDATE products SET stock_quantity = 9 WHERE sku = 'PEN'");
    shop.file("secret.txt", "correct horse\n");
    shop.file("people.csv", "email,first_name,last_name\nnew@example.com,New,One\n");
    shop.file("products.csv", "sku,name,price\nMUG,Mug,1.00\n");
    shop.file("orders.csv", "reference,user,sku,quantity\nK7Q2M-9XD4T,ann@example.com,MUG,1\n");
    shop.file("counted.csv", "sku,counted\nMUG,20\n");
    let before = shop.everything();
    let sealing = [("audit seal", &[][..]), ("audit settle", &["01a2099a-f92b-73dc-878a-58879510c016"])];
    for (command, arguments) in MUTATIONS.iter().copied().chain(sealing) {
        let named = |argument: &&'static str| match *argument {
            "PENDING" => pending.clone(),
            "PAID" => paid.clone(),
            "SHIPPED" => shipped.clone(),
            "DISABLED" => disabled.clone(),
            other => other.to_owned(),
        };
        let arguments: Vec<String> = command.split(' ').map(str::to_owned).chain(arguments.iter().map(named)).collect();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.push("-n");
        let run = shop.run(&arguments).success();
        assert!(!run.stderr.contains("changed "), "{run}");
        let json = shop.run(&[&arguments[..], &["--json"]].concat()).success().json();
        assert!(json["changed"].is_boolean(), "{command}: {json}");
        // The items of an order are a field of one object.
        let is_of_many = json["items"].is_array() && json["id"].is_null();
        assert_eq!(is_of_many, OF_MANY.contains(&command), "{command}: {json}");
        for format in ["csv", "tsv", "mongo-json"] {
            shop.run(&[&arguments[..], &["-o", format]].concat()).exits_with(2).says("is for lists and exports");
        }
        // Checking a password changes nothing.
        if command != "user verify-password" {
            assert!(run.stdout.contains("would"), "{run}");
            arguments.push("--exit-code");
            shop.run(&arguments).exits_with(9);
        }
        assert_eq!(shop.everything(), before, "{command}");
    }
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:99", "-n"]).exits_with(6);
    assert_eq!(shop.everything(), before, "a refusal under dry run is not recorded");
}

fn the_json_of_a_change_names_its_operation(shop: &Shop) {
    ["ann", "off"].iter().for_each(|name| drop(shop.user(name)));
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "12.50", 10));
    shop.file("products.csv", "sku,name,price\nMUG,Mug,1.00\n");
    shop.file("counted.csv", "sku,counted\nMUG,20\n");
    let last = || {
        let events = shop.run(&["audit", "list", "--limit", "1", "--json", "--fields", "operation_id"]).success();
        events.json()["items"][0]["operation_id"].clone()
    };
    let order = ["order", "create", "--user", "ann@example.com", "--item", "MUG", "--idempotency-key", "k", "--json"];
    let placed = shop.run(&order).success().json();
    assert_eq!(placed["operation_id"], last());
    let reference = placed["reference"].as_str().expect("text");
    for line in [
        &["product", "update", "MUG", "--name", "Cup"][..],
        &["product", "price", "--all", "--by", "+10%", "-y"],
        &["product", "import", "products.csv", "-y"],
        &["product", "delete", "PEN", "--confirm", "PEN"],
        &["user", "disable", "off@example.com", "-y"],
        &["stock", "adjust", "MUG", "-1", "--reason", "damaged"],
        &["stock", "receive", "MUG:2"],
        &["stock", "import", "counted.csv", "-y"],
        &["order", "note", reference, "ring twice"],
        &["order", "pay", reference],
    ] {
        let json = shop.run(&[line, &["--json"]].concat()).success().json();
        let named = [&json["operation_id"], &json["operation_ids"][0], &json["items"][0]["operation_id"]];
        let named = named.into_iter().find(|id| id.is_string());
        assert_eq!(named, Some(&last()), "{line:?}: {json}");
    }
    let price = last();
    let unchanged = shop.run(&["order", "pay", reference, "--json"]).success().json();
    assert!(unchanged["items"][0]["operation_id"].is_null(), "{unchanged}");
    let replayed = shop.run(&order).success().json();
    assert_eq!(replayed["operation_id"], placed["operation_id"], "{replayed}");
    let dry = shop.run(&["stock", "adjust", "MUG", "-1", "--reason", "damaged", "-n", "--json"]).success().json();
    assert!(dry["operation_id"].is_null() && last() == price, "{dry}");
}

#[test]
fn every_command_with_a_dry_run_is_covered() {
    let mut with_dry_run = Vec::new();
    for noun in shopctl::cli::Cli::whole().get_subcommands() {
        for verb in noun.get_subcommands() {
            if verb.get_arguments().any(|argument| argument.get_id() == "dry_run") {
                with_dry_run.push(format!("{} {}", noun.get_name(), verb.get_name()));
            }
        }
    }
    // Dry runs of migrations, grants and editors have their own tests.
    let elsewhere =
        ["access apply", "audit seal", "audit settle", "migrate up", "order edit", "product edit", "user edit"];
    let tried: Vec<&str> = MUTATIONS.iter().map(|(command, _)| *command).chain(elsewhere).collect();
    let missing: Vec<_> = with_dry_run.iter().filter(|command| !tried.contains(&command.as_str())).collect();
    assert!(missing.is_empty(), "without a dry run in the tests: {missing:?}");
    assert!(with_dry_run.len() > 15);
}
