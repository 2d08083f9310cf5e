//! What is said of undoing: which events offer it, the command that is printed, and what is done instead.

use serde_json::Value;

use super::{newest, ordered, rows, undo, verified};
use crate::on_every_backend;
use crate::support::{Run, Shop};

on_every_backend!(
    a_change_of_a_row_that_moved_on_is_not_listed_as_undoable,
    the_command_that_takes_a_change_back_is_printed,
    what_is_done_instead_works_as_pasted,
    a_repeated_command_says_that_its_operation_was_undone,
    what_cannot_be_taken_back_says_what_to_do_instead,
);

fn what_cannot_be_taken_back_says_what_to_do_instead(shop: &Shop) {
    let order = ordered(shop);
    shop.run(&["order", "pay", &order]).success();
    shop.run(&["order", "refund", &order, "--yes"]).success();
    shop.file("people.csv", "email,first_name,last_name\nnew@example.com,New,One\n");
    shop.run(&["user", "import", "people.csv"]).success();
    shop.run(&["user", "anonymize", "bo@example.com", "--confirm", "bo@example.com"]).success();
    let refusals = [
        ("order.place", format!("shopctl order cancel {order}")),
        ("order.pay", format!("shopctl order refund {order}")),
        ("order.refund", "the money was returned".to_owned()),
        ("product.create", "shopctl product delete".to_owned()),
        ("user.create", "it created a row".to_owned()),
        ("user.import", "shopctl user import".to_owned()),
        ("user.anonymize", "erased for good".to_owned()),
    ];
    for (name, instead) in refusals {
        let operation = newest(shop, name);
        undo(shop, &[&operation, "--yes"]).exits_with(6).says("undo.not_undoable").says(&instead);
        let listed = shop.run(&["audit", "list", "--operation-id", &operation, "--json"]).success().json();
        assert_eq!(listed["items"][0]["undoable"], false, "{name}");
    }
    // A refused operation changed nothing.
    shop.run(&["stock", "adjust", "MUG", "-99", "--reason", "damaged"]).exits_with(6);
    let failed = shop.run(&["audit", "list", "--outcome", "failed", "--limit", "1", "--json"]).success().json();
    undo(shop, &[failed["items"][0]["operation_id"].as_str().expect("an id"), "--yes"])
        .exits_with(6)
        .says("undo.failed");
    verified(shop);
}

fn is_undoable(shop: &Shop, operation: &str) -> bool {
    let listed = shop.run(&["audit", "list", "--operation-id", operation, "--json"]).success().json();
    let of = |event: &Value| event["undoable"] == true;
    let events = listed["items"].as_array().expect("a list");
    let shown = shop.run(&["audit", "show", events[0]["id"].as_str().expect("an id"), "--json"]).success().json();
    assert_eq!(shown["undoable"], events[0]["undoable"]);
    events.iter().all(of)
}

fn a_change_of_a_row_that_moved_on_is_not_listed_as_undoable(shop: &Shop) {
    let order = ordered(shop);
    shop.run(&["order", "change", &order, "--item", "MUG:3"]).success();
    let first = newest(shop, "order.change");
    assert!(is_undoable(shop, &first));
    shop.run(&["order", "change", &order, "--item", "PEN"]).success();
    let second = newest(shop, "order.change");
    assert_eq!((is_undoable(shop, &first), is_undoable(shop, &second)), (false, true));
    shop.run(&["order", "pay", &order]).success();
    assert_eq!((is_undoable(shop, &first), is_undoable(shop, &second)), (false, false));
    let mut steps: Vec<String> = Vec::new();
    for (name, arguments) in [
        ("product.update", &["product", "update", "MUG", "--price", "20"][..]),
        ("product.price", &["product", "price", "MUG", "--to", "21"]),
        ("user.update", &["user", "update", "bo@example.com", "--last-name", "Ek"]),
        ("stock.adjust", &["stock", "adjust", "PEN", "+2", "--reason", "received"]),
        ("stock.set", &["stock", "set", "PEN", "1", "--expect", "6"]),
        ("user.disable", &["user", "disable", "bo@example.com", "--yes"]),
    ] {
        shop.run(arguments).success();
        steps.push(newest(shop, name));
    }
    let undoable: Vec<bool> = steps.iter().map(|operation| is_undoable(shop, operation)).collect();
    // The price has changed since, and of the two pieces one is left.
    assert_eq!(undoable, [false, true, true, false, true, true]);
    for (operation, is_undoable) in steps.iter().zip(undoable) {
        undo(shop, &[operation, "-n"]).exits_with(if is_undoable { 0 } else { 6 });
    }
    shop.run(&["user", "anonymize", "bo@example.com", "--confirm", "bo@example.com"]).success();
    assert!(!is_undoable(shop, &steps[2]));
    verified(shop);
}

fn the_command_that_takes_a_change_back_is_printed(shop: &Shop) {
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "12.50", 3));
    let before = rows(shop);
    let url = format!("--database-url={}", shop.url);
    let run = shop.run(&[&url, "product", "price", "--all", "--by", "+1", "--yes"]).success();
    let line = run.stderr.lines().find_map(|line| line.strip_prefix("take it back with: ")).expect("a command");
    assert!(line.starts_with("shopctl --database-url") && line.ends_with(&newest(shop, "product.price")), "{run}");
    let command = format!("shopctl undo {} --yes --reason 'wrong column'", line.rsplit(' ').next().expect("an id"));
    let undone = shop.paste(&command).success().says("take it back with: shopctl undo ");
    assert_eq!(rows(shop), before);
    let event = shop.run(&["audit", "list", "--operation", "undo", "--limit", "1", "--json"]).success().json();
    assert_eq!(event["items"][0]["reason"], "wrong column");
    assert!(undone.stderr.contains(&newest(shop, "undo")), "{undone}");
    let says_nothing = |arguments: &[&str]| {
        let run = shop.run(arguments).success();
        assert!(!run.stderr.contains("take it back") && !run.stderr.contains("take them back"), "{run}");
    };
    says_nothing(&["product", "price", "MUG", "--to", "12.50", "--yes"]);
    says_nothing(&["product", "price", "MUG", "--to", "13", "--yes", "-n"]);
    says_nothing(&["product", "price", "MUG", "--to", "13", "--yes", "--quiet"]);
    says_nothing(&["product", "create", "--sku", "HAT", "--name", "Hat", "--price", "1"]);
    shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"])
        .success()
        .says("take it back with: shopctl undo ");
    verified(shop);
}

/// The commands of an error's hints.
fn commands(run: &Run) -> Vec<String> {
    run.stderr.lines().filter_map(|line| Some(format!("shopctl {}", line.split_once("shopctl ")?.1))).collect()
}

fn what_is_done_instead_works_as_pasted(shop: &Shop) {
    let order = ordered(shop);
    let instead = |operation: &str| {
        let run = undo(shop, &[&newest(shop, operation), "--yes"]).exits_with(6).says("undo.not_undoable");
        commands(&run)
    };
    let member = |name: &str| shop.run(&["order", "show", &order, "--json"]).success().json()[name].clone();
    shop.run(&["order", "note", &order, "ring twice"]).success();
    assert_eq!(instead("order.note"), [format!("shopctl order note {order} ''")]);
    shop.run(&["order", "note", &order, "ring once"]).success();
    shop.paste(&instead("order.note")[0]).success();
    assert_eq!(member("note"), "ring twice");
    shop.run(&["order", "reassign", &order, "--user", "bo@example.com"]).success();
    assert_eq!(instead("order.reassign"), [format!("shopctl order reassign {order} --user ann@example.com")]);
    shop.paste(&instead("order.reassign")[0]).success();
    assert_eq!(member("user"), "ann@example.com");
    shop.run(&["order", "pay", &order]).success();
    shop.run(&["order", "ship", &order, "--tracking", "OLD"]).success();
    assert_eq!(instead("order.ship"), [format!("shopctl order refund {order}")]);
    shop.run(&["order", "ship", &order, "--tracking", "NEW"]).success();
    shop.paste(&format!("{} --yes", instead("order.ship")[0])).success();
    assert_eq!(member("tracking"), "OLD");
    // The pieces of a part are sold again, or nothing but money went back.
    shop.run(&["order", "refund", &order, "--line", "MUG:1", "--yes"]).success();
    let placed = shop.paste(&format!("{} --json", instead("order.refund")[0])).success().json();
    assert_eq!((&placed["total_amount"], &placed["user"]), (&"12.50".into(), &"ann@example.com".into()), "{placed}");
    shop.run(&["order", "refund", &order, "--amount", "1", "--yes"]).success();
    assert_eq!(instead("order.refund"), [format!("shopctl order show {order}")]);
    shop.run(&["order", "restock", &order, "MUG:1"]).success();
    shop.paste(&instead("order.restock")[0]).success();
    let cancelled = placed["reference"].as_str().expect("text");
    shop.run(&["order", "cancel", cancelled, "--yes"]).success();
    let again = instead("order.cancel");
    assert_eq!(again, ["shopctl order create --user ann@example.com --item MUG:1"]);
    let again = shop.paste(&format!("{} --json", again[0])).success().json();
    assert_eq!(again["total_amount"], "12.50");
    verified(shop);
}

fn a_repeated_command_says_that_its_operation_was_undone(shop: &Shop) {
    shop.user("ann");
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "12.50", 10));
    let order = shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG", "-o", "id"]).success();
    let order = order.stdout.trim();
    shop.file("d.csv", "sku,received\nMUG,2\nPEN,3\n");
    let commands: [(&[&str], &str, &str); 5] = [
        (&["stock", "adjust", "MUG", "+1", "--reason", "received"], "stock.adjust", "was already adjusted"),
        (&["stock", "receive", "MUG:1"], "stock.receive", "1 unit was already received"),
        (&["stock", "receive", "MUG:5", "PEN:1"], "stock.receive", "5 units were already received"),
        (&["stock", "import", "d.csv"], "stock.import", "2 products already received"),
        (&["order", "change", order, "--item", "MUG:3"], "order.change", "was already changed"),
    ];
    for (number, (command, operation, already)) in commands.into_iter().enumerate() {
        let key = format!("key-{number}");
        let keyed = |flags: &[&str]| shop.run(&[command, &["--idempotency-key", &key], flags].concat()).success();
        let told = |run: &Run| format!("{}{}", run.stdout, run.stderr);
        let json = |run: Run| match run.json() {
            one if one.get("replayed").is_some() => one,
            several => several["items"][0].clone(),
        };
        keyed(&[]);
        let run = keyed(&[]);
        assert!(told(&run).contains(already) && !told(&run).contains("undone"), "{run}");
        assert_eq!(json(keyed(&["--json"])).get("undone_by"), None, "{operation}");
        undo(shop, &[&newest(shop, operation), "--yes"]).success();
        let by = newest(shop, "undo");
        let run = keyed(&[]);
        assert!(told(&run).contains(&format!("{already}, but undone by operation {by}")), "{run}");
        let again = json(keyed(&["--json"]));
        assert_eq!((&again["replayed"], &again["undone_by"]), (&true.into(), &by.as_str().into()), "{again}");
        undo(shop, &[&by, "--yes"]).success();
        let run = keyed(&[]);
        assert!(!told(&run).contains("undone"), "an undo that was undone: {run}");
    }
    verified(shop);
}
