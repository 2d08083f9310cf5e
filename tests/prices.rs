//! Prices: changed together or not at all, and their history.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop, terminal};

on_every_backend!(
    a_price_can_be_set_in_every_form,
    many_prices_change_in_one_operation,
    products_are_selected_like_a_list,
    invalid_prices_are_rejected_together,
    the_change_limit_stops_large_price_changes,
    a_dry_run_changes_nothing,
    a_price_changed_since_it_was_shown_is_rejected,
    concurrent_price_increases_all_apply,
    hundreds_of_products_are_written_in_chunks,
    more_than_ten_thousand_prices_are_rejected,
    a_price_history_names_the_lowest_price,
    a_price_set_by_another_program_is_reported,
);

fn shop_with(shop: &Shop, products: &[(&str, &str)]) {
    products.iter().for_each(|(sku, price)| shop.product(sku, price, 10));
}

fn price(shop: &Shop, arguments: &[&str]) -> Run {
    shop.run(&[&["product", "price"], arguments].concat())
}

/// Prices by SKU.
fn prices(shop: &Shop) -> Vec<String> {
    let run = shop.run(&["product", "list", "--sort", "sku", "--all", "--json", "--fields", "sku,price"]).success();
    items(&run.json()).iter().map(|item| format!("{} {}", text(item, "sku"), text(item, "price"))).collect()
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().expect("a list").clone()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} of {value}"))
}

fn events(shop: &Shop) -> i64 {
    shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'product.price' AND outcome = 'succeeded'")
}

fn a_price_can_be_set_in_every_form(shop: &Shop) {
    shop_with(shop, &[("MUG", "12.50")]);
    let run = price(shop, &["mug", "--to", "13.00"]).success().says("changed ");
    assert_eq!(run.stdout, "price of MUG set: 12.50 → 13.00\n");
    let ways: [(&[&str], &str); 8] = [
        (&["--by", "-5%"], "12.35"),
        (&["--by", "+0.65"], "13.00"),
        (&["--by", "-1"], "12.00"),
        (&["--by", "12.5%"], "13.50"),
        (&["--by", "0", "--round", "0.99"], "13.99"),
        (&["--to", "14.49", "--round", "0.99"], "14.99"),
        (&["--by=-100%"], "0.00"),
        (&["--by", "0.2", "--round", ".99"], ""),
    ];
    for (arguments, wanted) in ways {
        let run = price(shop, &[&["MUG", "--json"], arguments].concat());
        if wanted.is_empty() {
            run.exits_with(7).says("round");
            continue;
        }
        let run = run.success().item();
        assert_eq!((text(&run["after"], "price"), text(&run, "sku"), &run["changed"]), (wanted, "MUG", &true.into()));
    }
    price(shop, &["MUG", "--by", "0.2", "--round", "0.99"]).success();
    assert_eq!(prices(shop), ["MUG 0.99"]);
    let before = shop.everything();
    let run = price(shop, &["MUG", "--to", "0.99"]).success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("price of MUG is already 0.99\n", ""));
    assert_eq!((shop.everything(), events(shop)), (before, 9));
    price(shop, &["NOSUCH", "--to", "1"]).exits_with(3);
    shop.run(&["audit", "verify"]).success();
    shop.assert_invariants();
}

fn many_prices_change_in_one_operation(shop: &Shop) {
    shop_with(shop, &[("A", "10.00"), ("B", "20.00"), ("C", "11.00")]);
    let run = price(shop, &["A", "B", "c", "A", "--to", "11.00"]).exits_with(11);
    run.says("this changes 2 prices in ").says("A 10.00 → 11.00").says("--yes");
    assert_eq!(events(shop), 0);
    let run = price(shop, &["B", "A", "c", "A", "--to", "11.00", "--yes", "--json"]).success();
    let told: Vec<_> =
        items(&run.json()).iter().map(|item| (text(item, "sku").to_owned(), item["changed"] == true)).collect();
    assert_eq!(told, [("B".to_owned(), true), ("A".to_owned(), true), ("C".to_owned(), false)]);
    let run = run.says("2 prices changed, 1 unchanged");
    assert_eq!(run.stderr.matches("\nchanged ").count(), 1, "{run}");
    assert_eq!(prices(shop), ["A 11.00", "B 11.00", "C 11.00"]);
    assert_eq!(events(shop), 2, "one for each that changed");
    assert_eq!(
        shop.number("SELECT COUNT(DISTINCT operation_id) FROM audit_events WHERE operation = 'product.price'"),
        1
    );
    // Without a change there is no prompt.
    let run = price(shop, &["A", "B", "--to", "11.00"]).success();
    assert_eq!(run.stdout, "price of A is already 11.00\nprice of B is already 11.00\n");
    price(shop, &["A", "NOSUCH", "B", "NONE", "--to", "1", "--yes"]).exits_with(3).says("NOSUCH, NONE");
    assert_eq!(events(shop), 2);
    shop.run(&["audit", "verify"]).success();
}

fn products_are_selected_like_a_list(shop: &Shop) {
    shop_with(shop, &[("MUG-1", "10.00"), ("MUG-2", "20.00"), ("PEN", "5.00")]);
    shop.run(&["stock", "adjust", "PEN", "-10", "--reason", "damaged"]).success();
    for arguments in [
        &["--to", "1"][..],
        &["PEN", "--all", "--to", "1"],
        &["PEN", "--search", "mug", "--to", "1"],
        &["--all", "--low", "--to", "1"],
        &["PEN"],
        &["PEN", "--to", "1", "--by", "1"],
        &["PEN", "--to", "1", "--exit-code"],
    ] {
        price(shop, arguments).exits_with(2);
    }
    price(shop, &["--search", " ", "--to", "1", "--yes"]).exits_with(7).says("--all");
    price(shop, &["--search", "mug", "--by", "+1", "--yes"]).success();
    assert_eq!(prices(shop), ["MUG-1 11.00", "MUG-2 21.00", "PEN 5.00"]);
    price(shop, &["--out-of-stock", "--by", "+1"]).success().says("1 price changed, 0 unchanged");
    price(shop, &["--min-price", "11", "--max-price", "21", "--max-stock", "10", "--by", "10%", "-y"]).success();
    assert_eq!(prices(shop), ["MUG-1 12.10", "MUG-2 23.10", "PEN 6.00"]);
    price(shop, &["--all", "--by", "0", "--round", "0.99", "-y"]).success();
    assert_eq!(prices(shop), ["MUG-1 11.99", "MUG-2 22.99", "PEN 5.99"]);
    let run = price(shop, &["--search", "nothing", "--to", "1", "--json"]).success().says("no product matches");
    assert_eq!(items(&run.json()), Vec::<Value>::new());
    assert_eq!(events(shop), 8);
}

fn invalid_prices_are_rejected_together(shop: &Shop) {
    shop_with(shop, &[("A", "1.00"), ("B", "2.00"), ("C", "9.00"), ("D", "99999999.00")]);
    let before = shop.everything();
    let all = |arguments: &[&str]| price(shop, &[&["--all", "--yes"], arguments].concat());
    all(&["--by", "-5"]).exits_with(7).says("price of A: would be -4.00").says("price of B: would be -3.00");
    all(&["--by", "1"]).exits_with(7).says("price of D: would be more than 99999999.99");
    all(&["--by", "-100.01%"]).exits_with(7).says("4 invalid values");
    price(shop, &["A", "--by", "-1.01"]).exits_with(7);
    price(shop, &["A", "--to", "-1", "--round", "1", "--max-change", "-1%"]).exits_with(7).says("3 invalid values");
    price(shop, &["A", "--by", "five"]).exits_with(7).says("+0.50");
    assert_eq!(shop.everything(), before);
}

fn the_change_limit_stops_large_price_changes(shop: &Shop) {
    shop_with(shop, &[("A", "1.00"), ("B", "2.00"), ("C", "100.00"), ("FREE", "0.00")]);
    let before = shop.everything();
    let run = price(shop, &["A", "B", "C", "--by", "1.00", "--max-change", "50", "--yes"]).exits_with(11);
    let run = run.says("product.price_guard").says("1 of 3 prices").says("A 1.00 → 2.00 (+100.0%)");
    assert!(!run.stderr.contains("B 2.00"), "{run}");
    price(shop, &["--all", "--by", "1.00", "--max-change", "99%", "--yes"]).exits_with(11).says("from nothing");
    price(shop, &["A", "--to", "0.49", "--max-change", "50%"]).exits_with(11);
    price(shop, &["A", "--to", "0.49", "--max-change", "50%", "--dry-run"]).exits_with(11);
    assert_eq!(shop.everything(), before);
    price(shop, &["A", "--to", "0.50", "--max-change", "50%"]).success();
}

fn a_dry_run_changes_nothing(shop: &Shop) {
    shop_with(shop, &[("A", "1.00"), ("B", "2.00")]);
    let before = shop.everything();
    let run = price(shop, &["--all", "--by", "10%", "-n", "--exit-code"]).exits_with(9);
    assert_eq!(run.stdout, "price of A would be set: 1.00 → 1.10\nprice of B would be set: 2.00 → 2.20\n");
    assert_eq!(run.stderr.trim(), "2 prices would be changed, 0 unchanged");
    let run = price(shop, &["A", "--to", "3", "-n", "--json"]).success().item();
    assert_eq!((&run["dry_run"], text(&run["after"], "price")), (&true.into(), "3.00"));
    price(shop, &["A", "--to", "3", "-n", "--exit-code"]).exits_with(9);
    price(shop, &["A", "--to", "1", "-n", "--exit-code"]).success();
    assert_eq!(shop.everything(), before);
}

fn a_price_changed_since_it_was_shown_is_rejected(shop: &Shop) {
    shop_with(shop, &[("A", "1.00"), ("B", "2.00")]);
    let mut session = terminal::start(shop, &["product", "price", "A", "B", "--by", "1"], &[]);
    session.exp_string("Continue? [y/N] ").expect("a question");
    shop.run(&["product", "update", "B", "--price", "5.00"]).success();
    session.send("y\r").expect("it listens");
    session.flush().expect("it listens");
    let (code, said) = terminal::end(session);
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("product.price_changed") && said.contains("B 2.00 → 5.00"), "{said}");
    assert!(!said.contains("A 1.00"), "{said}");
    assert_eq!(prices(shop), ["A 1.00", "B 5.00"]);
    assert_eq!(events(shop), 0);
    shop.run(&["audit", "verify"]).success();
}

fn concurrent_price_increases_all_apply(shop: &Shop) {
    shop_with(shop, &[("A", "1.00"), ("B", "2.00")]);
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let one = |sku: &'static str| scope.spawn(move || price(shop, &[sku, "--by", "+1"]).success().code);
        // Concurrently, in either order: rejected when the price has changed since it was read.
        let both = |skus: [&'static str; 2]| {
            scope.spawn(move || price(shop, &[skus[0], skus[1], "--by", "+10", "--yes"]).code)
        };
        let runs = [one("A"), both(["A", "B"]), one("A"), both(["B", "A"]), one("B")];
        runs.into_iter().map(|run| run.join().expect("it ends")).collect()
    });
    let together = [codes[1], codes[3]];
    assert!(together.iter().all(|code| matches!(code, 0 | 6)), "{codes:?}");
    let rises = 10 * together.iter().filter(|code| **code == 0).count();
    assert_eq!(prices(shop), [format!("A {}.00", 3 + rises), format!("B {}.00", 3 + rises)]);
    shop.run(&["audit", "verify"]).success();
}

#[test]
fn a_protected_shop_requires_its_name_for_several_prices() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop_with(&shop, &[("A", "1.00"), ("B", "2.00")]);
    let url = &shop.url;
    shop.file(
        "shopctl.toml",
        &format!(
            "[context.live]\ndatabase_url = \"{url}\"\nprotected = true\n\
             [context.reports]\ndatabase_url = \"{url}\"\nread_only = true\n"
        ),
    );
    let run = |arguments: &[&str]| {
        let arguments = [&["product", "price", "--by", "1"], arguments].concat();
        finish(shop.command(&arguments).env_remove("DATABASE_URL").spawn().expect("built"), &arguments)
    };
    run(&["A", "B", "--yes", "--context", "reports"]).exits_with(11).says("read-only");
    run(&["A", "B", "--yes", "--context", "live"]).exits_with(11).says("A 1.00 → 2.00").says("--confirm");
    assert_eq!(prices(&shop), ["A 1.00", "B 2.00"]);
    run(&["A", "--context", "live"]).success();
    run(&["A", "B", "--context", "live", "--confirm", "shop"]).success();
    assert_eq!(prices(&shop), ["A 3.00", "B 3.00"]);
}

/// Products as another program writes them.
fn insert(shop: &Shop, count: usize) {
    for start in (0..count).step_by(2_000) {
        let rows: Vec<String> =
            (start..count.min(start + 2_000)).map(|n| format!("('P{n:05}', 'P{n:05}', 1.00, 0)")).collect();
        shop.sql(&format!("INSERT INTO products (sku, name, price, stock_quantity) VALUES {}", rows.join(", ")));
    }
}

fn hundreds_of_products_are_written_in_chunks(shop: &Shop) {
    insert(shop, 1_201);
    shop.sql("UPDATE products SET price = 2.00 WHERE sku = 'P00700'");
    let run = price(shop, &["--all", "--by", "25%", "--yes"]).success();
    run.says("1201 prices changed, 0 unchanged");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products WHERE price = 1.25"), 1_200);
    assert_eq!(shop.number("SELECT COUNT(*) FROM products WHERE price = 2.50"), 1);
    assert_eq!(events(shop), 1_201);
    if shop.backend == Backend::Sqlite {
        assert_eq!(shop.column("SELECT DISTINCT typeof(price) FROM products"), ["real"]);
    }
}

fn more_than_ten_thousand_prices_are_rejected(shop: &Shop) {
    insert(shop, 10_001);
    price(shop, &["--all", "--to", "2", "--yes"]).exits_with(7).says("10000").says("select fewer products");
    assert_eq!(events(shop), 0);
    shop.sql("DELETE FROM products WHERE sku = 'P10000'");
    price(shop, &["--all", "--to", "2", "--yes"]).success().says("10000 prices changed, 0 unchanged");
    assert_eq!(events(shop), 10_000);
}

/// Moves the event that set a price into the past.
fn age(shop: &Shop, price: &str, days: u32) {
    let time = match shop.backend {
        Backend::Sqlite => format!("strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-{days} days')"),
        Backend::Postgres => format!("clock_timestamp() - interval '{days} days'"),
        Backend::MariaDb => format!("utc_timestamp(6) - interval {days} day"),
    };
    shop.sql(&format!("UPDATE audit_events SET occurred_at = {time} WHERE after LIKE '%\"price\":\"{price}\"%'"));
}

fn a_price_history_names_the_lowest_price(shop: &Shop) {
    shop_with(shop, &[("MUG", "12.00")]);
    let show = || shop.run(&["product", "show", "MUG", "--prices", "--json"]).success().json();
    let run = show();
    assert_eq!((text(&run, "lowest_30_days"), &run["lowest_before_current"]), ("12.00", &Value::Null));
    price(shop, &["MUG", "--to", "8.00"]).success();
    shop.run(&["product", "update", "MUG", "--price", "11.00"]).success();
    price(shop, &["MUG", "--to", "10.00"]).success();
    price(shop, &["MUG", "--to", "9.50", "--actor", "sale"]).success();
    shop.run(&["stock", "adjust", "MUG", "-1", "--reason", "damaged"]).success();
    [("12.00", 90), ("8.00", 60), ("11.00", 40), ("10.00", 20)]
        .iter()
        .for_each(|(price, days)| age(shop, price, *days));
    let run = show();
    let told: Vec<_> = run["prices"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| [text(item, "price"), text(item, "operation"), text(item, "actor")].join(" "))
        .collect();
    let tester = |text: &str| told.iter().any(|row| row.starts_with(text));
    assert!(tester("8.00 product.price") && tester("12.00 product.create"), "{told:?}");
    assert_eq!((told.len(), told[0].as_str()), (5, "9.50 product.price sale"));
    assert!(told[2].starts_with("11.00 product.update"), "{told:?}");
    assert!(run["prices"][0]["since"].as_str() > run["prices"][1]["since"].as_str());
    assert_eq!((text(&run, "lowest_30_days"), text(&run, "lowest_before_current")), ("9.50", "10.00"));
    // 8.00 was in force until 25 days ago: it counts, although it began long before.
    age(shop, "11.00", 25);
    let run = show();
    assert_eq!((text(&run, "lowest_30_days"), text(&run, "lowest_before_current")), ("8.00", "8.00"));
    let run = shop.run(&["product", "show", "MUG", "--prices", "-o", "table"]).success();
    assert!(run.stdout.contains("lowest_before_current") && run.stdout.contains("product.create"), "{run}");
    shop.run(&["product", "show", "MUG", "--prices", "--fields", "sku,lowest_30_days"]).success();
    shop.run(&["product", "show", "MUG", "--fields", "lowest_30_days"]).exits_with(2);
}

fn a_price_set_by_another_program_is_reported(shop: &Shop) {
    shop_with(shop, &[("MUG", "12.00")]);
    shop.sql("UPDATE products SET price = 7.00 WHERE sku = 'MUG'");
    let run = shop.run(&["product", "show", "MUG", "--prices", "--json"]).success().says("another program");
    assert_eq!((text(&run.json(), "lowest_30_days"), &run.json()["lowest_before_current"]), ("7.00", &Value::Null));
    // shopctl's next change shows what was in force before it.
    price(shop, &["MUG", "--to", "9.00"]).success();
    let run = shop.run(&["product", "show", "MUG", "--prices", "--json"]).success().json();
    assert_eq!((text(&run, "lowest_30_days"), text(&run, "lowest_before_current")), ("7.00", "7.00"));
    insert(shop, 1);
    shop.run(&["product", "show", "P00000", "--prices"]).success().says("another program created");
}
