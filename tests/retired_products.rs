//! Retired products: they cannot be ordered, and everything else goes on.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    a_retired_product_cannot_be_ordered_until_it_is_restored,
    what_was_ordered_of_a_retired_product_goes_on,
    retired_products_are_listed_only_on_request,
    several_products_are_retired_all_or_none,
    a_retired_product_that_was_exported_is_imported_as_unchanged,
    an_imported_order_of_a_retired_product_is_rejected_unless_it_takes_no_stock,
    a_seed_of_a_shop_with_retired_products_recreates_it,
    another_program_that_retires_a_product_is_named_and_adopted,
    an_order_and_a_retirement_at_once_happen_one_after_the_other,
    users_without_orders_and_products_without_sales_are_listed,
    products_that_a_complete_file_lacks_are_retired,
    a_file_that_is_not_complete_retires_nothing,
);

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 12);
    shop.product("PEN", "2.40", 5);
}

fn retire(shop: &Shop, skus: &[&str]) -> Run {
    shop.run(&[&["product", "retire", "--yes", "--json"], skus].concat())
}

fn order(shop: &Shop, items: &[&str]) -> Run {
    shop.run(&[&["order", "create", "--user", "ann@example.com", "--json"], items].concat())
}

fn placed(shop: &Shop, items: &[&str]) -> String {
    order(shop, items).success().json()["reference"].as_str().expect("text").to_owned()
}

fn skus(shop: &Shop, arguments: &[&str]) -> BTreeSet<String> {
    let page = shop.run(&[arguments, &["--json"]].concat()).success().json();
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|item| item["sku"].as_str().expect("text").to_owned()).collect()
}

fn set(skus: &[&str]) -> BTreeSet<String> {
    skus.iter().map(|sku| (*sku).to_owned()).collect()
}

/// Every check that compares rows, movements and events.
fn verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
    shop.run(&["adopt", "-n", "--exit-code"]).success();
}

fn a_retired_product_cannot_be_ordered_until_it_is_restored(shop: &Shop) {
    stocked(shop);
    let run = retire(shop, &["mug"]).success().item();
    assert_eq!(
        (&run["sku"], &run["changed"], &run["before"]["retired_at"]),
        (&"MUG".into(), &true.into(), &Value::Null)
    );
    assert!(run["after"]["retired_at"].is_string(), "{run}");
    let before = shop.counts();
    let refused = order(shop, &["--item", "MUG:1", "--item", "PEN:99"]).exits_with(6).says("product.retired");
    assert!(refused.stderr.contains("MUG is retired and cannot be ordered"), "{refused}");
    assert!(refused.stderr.contains("shopctl product restore MUG"), "{refused}");
    order(shop, &["--item", "MUG:1", "-n"]).exits_with(6).says("product.retired");
    retire(shop, &["PEN"]).success();
    order(shop, &["--item", "MUG", "--item", "PEN"]).exits_with(6).says("MUG, PEN are retired and cannot be ordered");
    assert_eq!(shop.counts()[..5], before[..5]);
    let shown = shop.run(&["product", "show", "MUG", "-o", "table"]).success().stdout;
    assert!(shown.contains("retired_at:      2"), "{shown}");
    assert_eq!(retire(shop, &["MUG"]).success().item()["changed"], false);
    shop.paste("shopctl product restore MUG").success();
    let restored = shop.run(&["product", "restore", "MUG", "--json"]).success().item();
    assert_eq!((&restored["changed"], &restored["after"]["retired_at"]), (&false.into(), &Value::Null));
    placed(shop, &["--item", "MUG:2"]);
    let refusal = shop.run(&["product", "delete", "MUG", "--confirm", "MUG"]).exits_with(6);
    assert!(refusal.stderr.contains("shopctl product retire MUG"), "{refusal}");
    verified(shop);
}

fn what_was_ordered_of_a_retired_product_goes_on(shop: &Shop) {
    stocked(shop);
    let [pending, paid, late] = ["MUG:4", "MUG:2", "MUG:1"].map(|item| placed(shop, &["--item", item]));
    [&paid, &late].iter().for_each(|order| drop(shop.run(&["order", "pay", order]).success()));
    shop.run(&["order", "ship", &late]).success();
    retire(shop, &["MUG"]).success();
    let change = |flags: &[&str]| shop.run(&[&["order", "change", &pending, "--json"], flags].concat());
    change(&["--item", "MUG:5"]).exits_with(6).says("MUG is retired and cannot be ordered");
    change(&["--item", "MUG:4", "--item", "PEN:1"]).success();
    change(&["--item", "MUG:3"]).success();
    change(&["--reprice"]).success();
    let other = placed(shop, &["--item", "PEN:1"]);
    shop.run(&["order", "change", &other, "--item", "MUG:1"]).exits_with(6).says("product.retired");
    shop.run(&["order", "cancel", &pending, "--yes"]).success();
    shop.run(&["order", "refund", &paid, "--yes"]).success();
    shop.run(&["order", "refund", &late, "--yes", "--restock-all"]).success();
    assert_eq!(shop.column("SELECT stock_quantity FROM products WHERE sku = 'MUG'"), ["12"]);
    shop.run(&["stock", "set", "MUG", "11", "--expect", "12", "--reason", "shrinkage"]).success();
    shop.run(&["product", "update", "MUG", "--name", "Old mug"]).success();
    shop.run(&["product", "price", "MUG", "--to", "9"]).success();
    verified(shop);
}

fn retired_products_are_listed_only_on_request(shop: &Shop) {
    stocked(shop);
    shop.product("HAT", "1.00", 0);
    retire(shop, &["PEN", "HAT"]).success();
    assert_eq!(skus(shop, &["product", "list"]), set(&["MUG"]));
    assert_eq!(skus(shop, &["product", "list", "--retired"]), set(&["PEN", "HAT"]));
    assert_eq!(skus(shop, &["product", "list", "--retired", "--out-of-stock"]), set(&["HAT"]));
    assert_eq!(shop.run(&["product", "list", "--count", "--json"]).success().json()["total"], 1);
    assert_eq!(skus(shop, &["stock", "list"]), set(&["MUG"]));
    assert_eq!(skus(shop, &["stock", "list", "--retired", "--low"]), set(&["PEN", "HAT"]));
    let lines = |arguments: &[&str]| shop.run(arguments).success().stdout.lines().count();
    assert_eq!(lines(&["product", "export", "-o", "jsonl"]), 3);
    assert_eq!(lines(&["product", "export", "-o", "jsonl", "--retired"]), 2);
    let repriced = shop.run(&["product", "price", "--all", "--by", "+1", "--yes"]).success();
    assert_eq!(repriced.stdout.lines().count(), 1, "{repriced}");
    shop.run(&["product", "price", "--retired", "--to", "1", "--yes"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM products WHERE price = 1"), 2);
}

fn several_products_are_retired_all_or_none(shop: &Shop) {
    stocked(shop);
    let before = shop.everything();
    retire(shop, &["MUG", "PEN", "HAT"]).exits_with(3).says("HAT");
    let asked = shop.run(&["product", "retire", "MUG", "PEN"]).exits_with(11);
    let question = ": MUG, PEN; they cannot be ordered until restored";
    assert!(asked.stderr.contains(question), "{asked}");
    shop.run(&["product", "retire", "MUG", "PEN", "-n", "--exit-code"]).exits_with(9);
    assert_eq!(shop.everything(), before);
    retire(shop, &["PEN"]).success();
    let run = shop.run(&["product", "retire", "MUG", "PEN", "--yes"]).success();
    assert_eq!(run.stdout, "product MUG retired\nproduct PEN unchanged\n");
    assert!(run.stderr.contains("1 product retired, 1 unchanged"), "{run}");
    shop.run(&["product", "restore", "MUG", "PEN"]).exits_with(11).says("this restores 2 products in ");
    let run = shop.run(&["product", "restore", "MUG", "PEN", "--yes", "--json"]).success().json();
    assert!(run["items"].as_array().expect("a list").iter().all(|one| one["changed"] == true), "{run}");
    let events = "SELECT COUNT(DISTINCT operation_id) FROM audit_events WHERE operation = 'product.restore'";
    assert_eq!(shop.number(events), 1);
    verified(shop);
}

fn a_retired_product_that_was_exported_is_imported_as_unchanged(shop: &Shop) {
    stocked(shop);
    retire(shop, &["PEN"]).success();
    let before = shop.everything();
    for format in ["csv", "tsv", "json", "jsonl"] {
        let file = format!("products.{format}");
        shop.run(&["product", "export", "--out", &file]).success();
        let run = shop.run(&["product", "import", &file, "--json"]).success().json();
        assert_eq!((&run["unchanged"], &run["changed"]), (&2.into(), &false.into()), "{run}");
    }
    assert_eq!(shop.everything(), before);
    shop.file("others.csv", "sku,name\nPEN,Fine pen\n");
    shop.run(&["product", "import", "others.csv"]).success();
    assert_eq!(skus(shop, &["product", "list", "--retired"]), set(&["PEN"]));
    shop.file("changed.csv", "sku,retired_at\nPEN,\nMUG,2026-01-02\n");
    assert_eq!(shop.run(&["product", "import", "changed.csv", "--json"]).success().json()["updated"], 2);
    assert_eq!(skus(shop, &["product", "list", "--retired"]), set(&["MUG"]));
    shop.file("wrong.csv", "sku,retired_at\nPEN,yes\n");
    shop.run(&["product", "import", "wrong.csv"]).exits_with(7).says("line 2");
    verified(shop);
}

fn an_imported_order_of_a_retired_product_is_rejected_unless_it_takes_no_stock(shop: &Shop) {
    stocked(shop);
    retire(shop, &["PEN"]).success();
    let line = |reference: &str, sku: &str, status: &str| format!("{reference},ann@example.com,{sku},1,{status}\n");
    let file = |name: &str, lines: &[String]| {
        shop.file(name, &format!("reference,user,sku,quantity,status\n{}", lines.concat()));
    };
    file("orders.csv", &[line("R1", "MUG", "paid"), line("R2", "PEN", "pending"), line("R3", "PEN", "cancelled")]);
    let import = |file: &str, flags: &[&str]| shop.run(&[&["order", "import", file, "--json"], flags].concat());
    let refused = import("orders.csv", &[]).exits_with(7).says("PEN is retired and cannot be ordered");
    assert!(refused.stderr.contains("line 3") && refused.stderr.contains("--stock skip"), "{refused}");
    assert_eq!(import("orders.csv", &["--on-error", "reject-rows"]).exits_with(8).json()["created"], 2);
    assert_eq!(import("orders.csv", &["--stock", "skip"]).success().json()["created"], 1);
    verified(shop);
}

fn a_seed_of_a_shop_with_retired_products_recreates_it(shop: &Shop) {
    stocked(shop);
    let reference = placed(shop, &["--item", "PEN:2"]);
    retire(shop, &["PEN"]).success();
    let text = shop.run(&["seed", "export", "--no-mask"]).success().stdout;
    let other = Shop::migrated(shop.backend).expect("the same backend");
    other.file("seeds/1_export.toml", &text);
    other.run(&["seed", "up", "--dir", "seeds"]).success();
    let retired_at =
        |shop: &Shop| shop.run(&["product", "show", "PEN", "--json"]).success().json()["retired_at"].clone();
    assert!(retired_at(shop).is_string());
    assert_eq!(retired_at(&other), retired_at(shop));
    other.run(&["order", "show", &reference]).success();
    other.file("seeds/1_export.toml", &format!("# edited\n{text}"));
    let again = other.run(&["seed", "up", "--dir", "seeds"]).success();
    assert!(again.stdout.contains("0 created, 0 updated"), "{again}");
    verified(&other);
}

fn another_program_that_retires_a_product_is_named_and_adopted(shop: &Shop) {
    stocked(shop);
    shop.sql("INSERT INTO products (sku, name, price) VALUES ('CUP', 'Cup', 1)");
    assert!(skus(shop, &["product", "list"]).contains("CUP"), "a row without the column is not retired");
    shop.run(&["adopt", "--yes"]).success();
    let time =
        if shop.backend == Backend::Sqlite { "'2026-01-02 03:04:05.000000+00:00'" } else { "'2026-01-02 03:04:05'" };
    shop.sql(&format!("UPDATE products SET retired_at = {time} WHERE sku = 'PEN'"));
    order(shop, &["--item", "PEN"]).exits_with(6).says("product.retired");
    let found = shop.run(&["audit", "verify"]).exits_with(9);
    assert!(found.stdout.contains("retired_at is 2026-01-02T03:04:05"), "{found}");
    shop.run(&["adopt", "--yes"]).success();
    verified(shop);
}

fn an_order_and_a_retirement_at_once_happen_one_after_the_other(shop: &Shop) {
    shop.user("ann");
    let skus: Vec<String> = (0..4).map(|number| format!("P{number}")).collect();
    skus.iter().for_each(|sku| shop.product(sku, "1.00", 100));
    let retires = |number: usize| number % 3 == 2;
    let commands: Vec<Vec<&str>> = (0..12)
        .map(|number| match retires(number) {
            true => vec!["product", "retire", "--yes", &skus[number / 3]],
            false => vec!["order", "create", "--user", "ann@example.com", "--item", &skus[number / 3]],
        })
        .collect();
    let children: Vec<_> = commands.iter().map(|command| (shop.start(command), command)).collect();
    let runs: Vec<Run> = children.into_iter().map(|(child, command)| finish(child, command)).collect();
    for (number, run) in runs.iter().enumerate() {
        let is_refused = !retires(number) && run.code == 6 && run.stderr.contains("product.retired");
        assert!(run.code == 0 || is_refused, "{run}");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM products WHERE retired_at IS NOT NULL"), 4);
    let placed = (0..12).filter(|number| !retires(*number) && runs[*number].code == 0).count();
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), placed as i64);
    // Nothing was ordered of a product after it was retired.
    let later = "SELECT COUNT(*) FROM products p JOIN stock_movements m ON m.product_id = p.id \
                 WHERE m.reason = 'order' AND p.updated_at > p.retired_at";
    assert_eq!(shop.number(later), 0);
    verified(shop);
}

fn users_without_orders_and_products_without_sales_are_listed(shop: &Shop) {
    stocked(shop);
    ["bob", "eve"].iter().for_each(|name| drop(shop.user(name)));
    shop.product("HAT", "1.00", 0);
    let emails = |flags: &[&str]| {
        let run =
            shop.run(&[&["user", "list", "--never-ordered", "--count", "--json"], flags].concat()).success().json();
        let items = run["items"].as_array().expect("a list").clone();
        assert_eq!(run["total"], items.len(), "{run}");
        items.iter().map(|user| user["first_name"].as_str().expect("text").to_owned()).collect::<BTreeSet<_>>()
    };
    let never_sold = |flags: &[&str]| skus(shop, &[&["product", "list", "--never-sold"], flags].concat());
    assert_eq!(emails(&[]), set(&["ann", "bob", "eve"]));
    let [paid, cancelled] = ["MUG:1", "PEN:1"].map(|item| placed(shop, &["--item", item]));
    assert_eq!(emails(&[]), set(&["bob", "eve"]));
    assert_eq!(emails(&["--search", "eve"]), set(&["eve"]));
    assert_eq!(shop.run(&["user", "export", "--never-ordered", "-o", "jsonl"]).success().stdout.lines().count(), 2);
    assert_eq!(never_sold(&[]), set(&["MUG", "PEN", "HAT"]));
    shop.run(&["order", "pay", &paid]).success();
    shop.run(&["order", "cancel", &cancelled, "--yes"]).success();
    assert_eq!(never_sold(&[]), set(&["PEN", "HAT"]));
    assert_eq!(never_sold(&["--out-of-stock"]), set(&["HAT"]));
    assert_eq!(shop.run(&["product", "list", "--never-sold", "--count", "--json"]).success().json()["total"], 2);
}

fn products_that_a_complete_file_lacks_are_retired(shop: &Shop) {
    stocked(shop);
    ["HAT", "CAP", "odd-1"].iter().for_each(|sku| shop.product(sku, "1.00", 0));
    shop.sql("UPDATE products SET sku = 'odd-1' WHERE sku = 'ODD-1'");
    shop.run(&["adopt", "--yes"]).success();
    retire(shop, &["CAP"]).success();
    shop.file("catalogue.csv", "sku,name,price\nmug,Mug,12.50\nNEW,New,3.00\nOdd-1,odd-1,1.00\n");
    let import =
        |flags: &[&str]| shop.run(&[&["product", "import", "catalogue.csv", "--retire-missing"], flags].concat());
    let before = shop.everything();
    let asked = import(&[]).exits_with(11);
    assert!(asked.stderr.contains("imports 3 rows into"), "{asked}");
    assert!(asked.stderr.contains("and retires 2 products missing from it: HAT, PEN"), "{asked}");
    let dry = import(&["-n"]).success();
    assert!(dry.stdout.contains("; 2 others would be retired"), "{dry}");
    assert!(dry.stdout.contains("HAT: retired_at '' → 2") && dry.stdout.contains("PEN: retired_at '' → 2"), "{dry}");
    let dry = import(&["-n", "--json"]).success().json();
    assert_eq!((&dry["retired"], &dry["created"], &dry["changed"]), (&2.into(), &1.into(), &true.into()), "{dry}");
    assert_eq!(shop.everything(), before);
    let run = import(&["--yes"]).success();
    assert!(run.stdout.contains("1 created, 1 updated, 1 unchanged; 2 others retired"), "{run}");
    assert_eq!(skus(shop, &["product", "list"]), set(&["MUG", "NEW", "odd-1"]));
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'product.retire'"), 3);
    let again = import(&["--json"]).success().json();
    assert_eq!((&again["retired"], &again["changed"]), (&0.into(), &false.into()), "{again}");
    // A file that names a retired product leaves it retired, unless it says otherwise.
    shop.file("catalogue.csv", "sku,name,price\nMUG,Mug,12.50\nNEW,New,3.00\nODD-1,odd-1,1.00\nHAT,HAT,1.00\n");
    assert_eq!(import(&["--json"]).success().json()["changed"], false);
    assert_eq!(skus(shop, &["product", "list", "--retired"]), set(&["CAP", "HAT", "PEN"]));
    verified(shop);
}

fn a_file_that_is_not_complete_retires_nothing(shop: &Shop) {
    stocked(shop);
    let before = shop.everything();
    let import = |text: &str, flags: &[&str]| {
        shop.file("catalogue.csv", &format!("sku,name,price\n{text}"));
        shop.run(&[&["product", "import", "catalogue.csv", "--retire-missing", "--yes"], flags].concat())
    };
    let run = import("MUG,MUG,12.50\nNEW,New,x\n", &[]).exits_with(7).says("line 3");
    assert!(run.stderr.contains("--retire-missing needs all rows of the file"), "{run}");
    let run = import("MUG,MUG,12.50 EUR\nPEN,PEN,2.40 USD\n", &[]).exits_with(7).says("more than one currency");
    // Neither is allowed with --retire-missing.
    assert!(!run.stderr.contains("--on-error") && !run.stderr.contains("--resume"), "{run}");
    import("", &[]).exits_with(7).says("would retire all of them");
    import("MUG,MUG,12.50\n", &["--on-error", "reject-rows"]).exits_with(2);
    import("MUG,MUG,12.50\n", &["--resume"]).exits_with(2);
    import("MUG,MUG,12.50\n", &["--on-conflict", "error"]).exits_with(7);
    assert_eq!(shop.everything(), before);
}
