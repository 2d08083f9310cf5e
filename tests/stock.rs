//! Stock: counted levels, history, changes by other programs, and orders with an expected total.

use crate::adopt_rows::unbound;
use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    stock_is_set_only_from_the_expected_level,
    a_stock_below_zero_that_another_program_left_can_be_corrected,
    stock_is_listed_lowest_first,
    stock_is_listed_as_it_was_at_a_time,
    a_stock_history_names_its_orders,
    stock_changes_by_other_programs_are_found_and_accepted,
    an_order_whose_total_differs_from_the_expected_one_is_rejected,
    timelines_list_every_event,
);

fn stock_is_set_only_from_the_expected_level(shop: &Shop) {
    shop.product("MUG", "12.50", 24);
    let set = |level: &str, expected: &str| {
        shop.run(&["stock", "set", "mug", level, "--expect", expected, "--reason", "shrinkage", "--json"])
    };
    let run = set("22", "24").success().json();
    assert_eq!((&run["before"]["stock_quantity"], &run["after"]["stock_quantity"]), (&24.into(), &22.into()));
    set("20", "24").exits_with(6).says("stock.changed").says("--expect 22");
    assert_eq!(set("22", "22").success().json()["changed"], false);
    set("-1", "22").exits_with(7);
    let reasons = shop.column("SELECT reason FROM stock_movements ORDER BY created_at");
    assert_eq!(reasons, ["initial", "shrinkage"]);
    assert_eq!(
        shop.column("SELECT reason FROM audit_events WHERE operation = 'stock.set' AND outcome = 'succeeded'"),
        ["shrinkage"]
    );
    shop.assert_invariants();
}

fn a_stock_below_zero_that_another_program_left_can_be_corrected(shop: &Shop) {
    let leave = |stock: i32| {
        let update = format!("UPDATE products SET stock_quantity = {stock} WHERE sku = 'MUG'");
        match shop.backend {
            Backend::Postgres => shop
                .sql(&format!("ALTER TABLE products DROP CONSTRAINT IF EXISTS ck_products_stock_quantity; {update}")),
            _ => unbound(shop, &update),
        }
    };
    shop.product("MUG", "12.50", 5);
    shop.product("PEN", "1.00", 5);
    leave(-5);
    let listed = shop.run(&["stock", "list", "--max-stock", "-1", "-o", "id"]).success().stdout;
    assert_eq!(listed.lines().count(), 1, "{listed}");
    for expected in [&["--expect", "-4"][..], &["--expect=-4"]] {
        let run = shop.run(&[&["stock", "set", "MUG", "3"], expected].concat()).exits_with(6);
        assert!(run.stderr.contains("MUG has -5 in stock, not -4 as expected"), "{run}");
    }
    let run = shop.run(&["stock", "set", "MUG", "3", "--expect", "3"]).exits_with(6);
    let hint = run.stderr.lines().find_map(|line| line.split_once("is right anyway: ")).expect("a hint").1;
    shop.paste(hint).success();
    leave(-5);
    shop.run(&["stock", "set", "MUG", "2147483647", "--expect", "-5"]).exits_with(6).says("stock.too_much");
    shop.run(&["stock", "adjust", "MUG", "-1", "--reason", "other"]).exits_with(6).says("MUG has -5 in stock");
    for more in [&["stock", "adjust", "MUG", "+4", "--reason", "other"][..], &["stock", "receive", "MUG:4"]] {
        let run = shop.run(more).exits_with(6).says("MUG has -5 in stock; 4 more would leave it below 0");
        let hint = run.stderr.lines().find_map(|line| line.split_once("if none is there: ")).expect("a hint").1;
        shop.paste(&format!("{hint} --dry-run")).success();
    }
    shop.file("count.csv", "sku,counted,expected\nMUG,4,-5\n");
    shop.run(&["stock", "import", "count.csv"]).success();
    let run = shop.run(&["stock", "import", "count.csv"]).exits_with(7);
    assert!(run.stderr.contains("MUG has 4 in stock, not -5 as expected"), "{run}");
    assert_eq!(shop.number("SELECT stock_quantity FROM products WHERE sku = 'MUG'"), 4);
}

fn stock_is_listed_lowest_first(shop: &Shop) {
    [("A", 7), ("B", 0), ("C", 3)].iter().for_each(|(sku, stock)| shop.product(sku, "1.00", *stock));
    let skus = |flags: &[&str]| {
        let run = shop.run(&[&["stock", "list", "--json", "--fields", "sku"], flags].concat()).success().json();
        run["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| item["sku"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(skus(&[]), ["B", "C", "A"]);
    assert_eq!(skus(&["--low"]), ["B", "C"]);
    assert_eq!(skus(&["--max-stock", "2"]), ["B"]);
    assert_eq!(skus(&["--out-of-stock"]), ["B"]);
    assert_eq!(skus(&["--sort", "-sku"]), ["C", "B", "A"]);
}

fn stock_is_listed_as_it_was_at_a_time(shop: &Shop) {
    shop.user("ann");
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "2.50", 10));
    let moved = || {
        let run = shop.run(&["stock", "history", "MUG", "--limit", "1", "--json"]).success().json();
        run["items"][0]["created_at"].as_str().expect("a time").to_owned()
    };
    shop.run(&["stock", "adjust", "MUG", "-7", "--reason", "damaged"]).success();
    let damaged = moved();
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--item", "PEN:1"]).success();
    let sold = moved();
    shop.product("HAT", "1.00", 4);
    let stock = |at: &str, flags: &[&str]| {
        let list = ["stock", "list", "--json", "--fields", "sku,stock_quantity", "--at", at];
        let run = shop.run(&[&list, flags].concat()).success().json();
        let rows = run["items"].as_array().expect("a list").iter();
        let rows: Vec<String> =
            rows.map(|row| format!("{} {}", row["sku"].as_str().expect("text"), row["stock_quantity"])).collect();
        rows.join(", ")
    };
    assert_eq!(stock(&damaged, &[]), "MUG 3, PEN 10");
    assert_eq!(stock(&sold, &["--sort", "-sku"]), "PEN 9, MUG 1");
    assert_eq!(stock(&sold, &["--max-stock", "2"]), "MUG 1");
    assert_eq!(stock(&damaged, &["--out-of-stock"]), "");
    assert_eq!(stock("2020-01-01", &[]), "");
    // A day is its end, as it is for --until.
    for day in [&sold[..10], &sold[..7], "today", "this-month"] {
        assert_eq!(stock(day, &["--all"]), "MUG 1, HAT 4, PEN 9", "{day}");
    }
    assert_eq!(stock("2999-01-01", &["--all"]), "MUG 1, HAT 4, PEN 9");
    let page = shop.run(&["stock", "list", "--at", &sold, "--limit", "1", "--count", "--json"]).success().json();
    assert_eq!(page["total"], 2, "{page}");
    assert_eq!(stock(&sold, &["--after", page["next"].as_str().expect("a cursor")]), "PEN 9");
    let report = |at: &str| shop.run(&["report", "stock-value", "--at", at, "--json"]).success().json();
    let then = report(&damaged);
    assert_eq!(then["totals"], serde_json::json!({ "products": 2, "stock": 13, "value": "32.50" }), "{then}");
    assert_eq!((&then["items"][0]["sku"], &then["items"][0]["value"]), (&"PEN".into(), &"25.00".into()), "{then}");
    assert_eq!(report("2020-01-01")["totals"]["products"], 0);
    // A product that was retired later was not retired then.
    shop.run(&["product", "retire", "PEN", "--yes"]).success();
    assert_eq!(stock(&sold, &[]), "MUG 1, PEN 9");
    assert_eq!(stock("2999-01-01", &[]), "MUG 1, HAT 4");
    assert_eq!(stock("2999-01-01", &["--retired"]), "PEN 9");
    // Another program's movement counts when it says that it was.
    shop.sql(&format!(
        "INSERT INTO stock_movements (product_id, delta, reason, operation_id, created_at) \
         SELECT id, 5, 'external', id, '{}' FROM products WHERE sku = 'PEN'",
        &damaged[..10]
    ));
    assert_eq!(stock(&damaged, &[]), "MUG 3, PEN 15");
    shop.run(&["stock", "list", "--at", "yesterdy"]).exits_with(7).says("did you mean yesterday?");
}

fn a_stock_history_names_its_orders(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 24);
    let order = shop.run(&["order", "create", "--user", &user, "--item", "MUG:2", "--json"]).success().json();
    let reference = order["reference"].as_str().expect("text");
    shop.run(&["order", "cancel", reference, "--yes", "--note", "called"]).success();
    let run = shop.run(&["stock", "history", "MUG", "--json", "--count"]).success().json();
    let told: Vec<_> = run["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["delta"].as_i64(), item["reason"].as_str(), item["order"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some(2), Some("restock"), Some(reference)),
            (Some(-2), Some("order"), Some(reference)),
            (Some(24), Some("initial"), None)
        ]
    );
    assert_eq!((&run["total"], &run["items"][0]["note"]), (&3.into(), &"called".into()));
    let page = shop.run(&["stock", "history", "MUG", "--limit", "1", "--json"]).success().json();
    let next = page["next"].as_str().expect("a cursor");
    let page = shop.run(&["stock", "history", "MUG", "--limit", "1", "--json", "--after", next]).success().json();
    assert_eq!(page["items"][0]["reason"], "order");
    shop.run(&["stock", "history", "NOSUCH"]).exits_with(3);
}

fn stock_changes_by_other_programs_are_found_and_accepted(shop: &Shop) {
    ["A", "B", "C"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    shop.run(&["stock", "verify"]).success();
    shop.sql("UPDATE products SET stock_quantity = 7 WHERE sku = 'A'");
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('D', 'D', 1, 4)");
    let run = shop.run(&["stock", "verify", "--json"]).exits_with(9);
    let told: Vec<_> = run.json()["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["sku"].to_string(), item["difference"].as_i64()))
        .collect();
    assert_eq!(told, [("\"A\"".to_owned(), Some(-3)), ("\"D\"".to_owned(), Some(4))]);
    shop.run(&["stock", "verify", "B"]).success();
    shop.run(&["stock", "verify", "--accept"]).exits_with(11);
    let before = shop.everything();
    shop.run(&["stock", "verify", "--accept", "-n", "--exit-code"]).exits_with(9);
    assert_eq!(shop.everything(), before);
    let run = shop.run(&["stock", "verify", "--accept", "--yes", "--note", "till", "--json"]).success().json();
    assert_eq!(run["items"].as_array().expect("a list").len(), 2);
    assert_eq!(
        shop.column("SELECT delta FROM stock_movements WHERE reason = 'external' AND note = 'till' ORDER BY delta"),
        ["-3", "4"]
    );
    shop.run(&["stock", "verify"]).success();
    shop.run(&["stock", "verify", "--accept", "--yes"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'stock.accept'"), 2);
    shop.assert_invariants();
}

fn an_order_whose_total_differs_from_the_expected_one_is_rejected(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 24);
    let create =
        |total: &str| shop.run(&["order", "create", "--user", &user, "--item", "MUG:2", "--expect-total", total]);
    create("25").success();
    shop.run(&["product", "update", "MUG", "--price", "13.00"]).success();
    let before = shop.counts();
    create("25.00").exits_with(6).says("order.total_changed").says("2 × MUG at 13.00").says("--expect-total 26.00");
    create("25.001").exits_with(7);
    assert_eq!(shop.counts()[..5], before[..5]);
    create("26.00").success();
    shop.assert_invariants();
}

fn timelines_list_every_event(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 24);
    let order = shop.run(&["order", "create", "--user", &user, "--item", "MUG:2", "--json"]).success().json();
    let reference = order["reference"].as_str().expect("text");
    shop.run(&["order", "pay", reference, "--actor", "till"]).success();
    shop.run(&["order", "cancel", reference, "--yes"]).exits_with(6);
    shop.run(&["order", "ship", reference, "--tracking", "1Z999"]).success();
    shop.run(&["user", "update", &user, "--last-name", "Lee"]).success();
    let told = |arguments: &[&str]| -> Vec<[String; 3]> {
        let run = shop.run(arguments).success().json();
        let rows = run["timeline"].as_array().expect("a list").clone();
        let text = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
        rows.iter().map(|row| ["operation", "change", "tracking"].map(|field| text(row, field))).collect()
    };
    let refused = format!("refused: order {reference} is paid; allowed: ship, complete, refund");
    let order_told = [
        ["order.place", "created, total 25.00", ""],
        ["order.pay", "pending → paid", ""],
        ["order.cancel", &refused, ""],
        ["order.ship", "paid → shipped; tracking: - → 1Z999", "1Z999"],
    ];
    assert_eq!(told(&["order", "show", reference, "--timeline", "--json"]), order_told);
    let mut all = vec![["user.create", "created", ""]];
    all.extend(order_told);
    all.push(["user.update", "last name: Test → Lee", ""]);
    assert_eq!(told(&["user", "show", &user, "--timeline", "--json"]), all);
    assert!(shop.run(&["order", "show", reference, "--json"]).success().json().get("timeline").is_none());
}
