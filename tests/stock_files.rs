//! Deliveries and stock-takes: `stock receive` and `stock import`.

use crate::on_every_backend;
use crate::support::Shop;
use crate::support::library::database;
use crate::support::shop::{block_on, finish};

use shopctl::db::Database;
use shopctl::domain::{EventName, MovementReason};
use shopctl::service::stock_lines::{self, StockLine, StockLines};

on_every_backend!(
    a_delivery_is_received_completely_or_not_at_all,
    a_delivery_with_a_key_is_received_once,
    a_delivery_file_adds_its_pieces,
    a_stock_take_sets_what_was_counted,
    wrong_lines_of_a_stock_file_are_named_and_nothing_is_written,
    the_other_lines_of_a_stock_file_are_imported_on_request,
    a_counted_line_is_rejected_if_the_stock_is_not_the_expected_one,
    a_delivery_file_with_a_key_is_imported_once,
    a_delivery_file_is_not_received_twice_by_mistake,
    a_number_with_a_plus_sign_is_not_counted_pieces,
    a_column_of_pieces_under_another_name_is_asked_for,
    a_stock_take_during_sales_loses_no_piece,
    the_statements_of_a_stock_file_do_not_grow_with_its_lines,
);

fn levels(shop: &Shop) -> Vec<String> {
    shop.column("SELECT stock_quantity FROM products ORDER BY sku")
}

fn verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["stock", "verify"]).success();
    shop.run(&["audit", "verify"]).success();
}

fn a_delivery_is_received_completely_or_not_at_all(shop: &Shop) {
    shop.product("MUG", "12.50", 10);
    shop.product("PEN", "2.40", 2_147_483_600);
    let run = shop.run(&["stock", "receive", "mug:24", "PEN=7", "--note", "4711", "--json"]).success().json();
    let told = |field: &str| run["items"][0][field]["stock_quantity"].as_i64();
    assert_eq!((told("before"), told("after")), (Some(10), Some(34)));
    let moved = shop.column("SELECT delta FROM stock_movements WHERE reason = 'received' AND note = '4711' ORDER BY 1");
    assert_eq!(moved, ["7", "24"]);
    let operations = "SELECT COUNT(DISTINCT operation_id) FROM audit_events WHERE operation = 'stock.receive'";
    assert_eq!(shop.number(operations), 1);
    let before = shop.counts()[..5].to_vec();
    shop.run(&["stock", "receive", "MUG:1", "NO-1:1", "NO-2:1"]).exits_with(3).says("NO-1, NO-2");
    shop.run(&["stock", "receive", "MUG:1", "PEN:1", "mug:2"]).exits_with(7).says("mug is given twice");
    shop.run(&["stock", "receive", "MUG:1", "PEN:41"]).exits_with(6).says("PEN has 2147483607 in stock; 41 more");
    shop.run(&["stock", "receive", "MUG"]).exits_with(7).says("product MUG: needs a number of units: MUG:N");
    for pieces in ["0", "-1", "1.5", "x", "1000001"] {
        shop.run(&["stock", "receive", &format!("MUG:{pieces}")]).exits_with(7).says("units of MUG");
    }
    assert_eq!((levels(shop), &shop.counts()[..5]), (vec!["34".to_owned(), "2147483607".to_owned()], &before[..]));
    let run = shop.run(&["stock", "receive", "MUG:1"]).success();
    assert_eq!(run.stdout, "stock of MUG: 1 unit received, 34 → 35\n");
    verified(shop);
}

fn a_delivery_with_a_key_is_received_once(shop: &Shop) {
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    let receive =
        |lines: &[&str]| shop.run(&[&["stock", "receive", "--idempotency-key", "d-1", "--json"], lines].concat());
    let first = receive(&["MUG:5", "PEN:6"]).success();
    assert!(first.stderr.contains("11 units of 2 products received"), "{first}");
    let again = receive(&["pen:6", "mug:5"]).success();
    assert!(again.stderr.contains("11 units of 2 products already received"), "{again}");
    assert_eq!(again.json()["items"][0]["replayed"], true);
    assert_eq!(again.json()["items"][0]["after"]["stock_quantity"], 15);
    receive(&["MUG:5", "PEN:7"]).exits_with(6).says("idempotency.key_reused");
    assert_eq!(levels(shop), ["15", "16"]);
    verified(shop);
}

fn a_delivery_file_adds_its_pieces(shop: &Shop) {
    ["MUG", "PEN", "TEA"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    shop.file("d.csv", "SKU;Received\nmug;24\nTEA;0\nPEN;1\n");
    let before = shop.everything();
    let dry = shop.run(&["stock", "import", "d.csv", "-n"]).success();
    assert_eq!(shop.everything(), before);
    let run = shop.run(&["stock", "import", "d.csv", "--note", "4711"]).success();
    let lines = "MUG: stock_quantity 10 → 34\nPEN: stock_quantity 10 → 11\n";
    assert_eq!(run.stdout, format!("{lines}3 products received: 2 changed, 1 unchanged; 25 units added\n"));
    assert_eq!(dry.stdout, format!("{lines}3 products would be received: 2 changed, 1 unchanged; 25 units added\n"));
    assert_eq!(levels(shop), ["34", "11", "10"]);
    let events = "SELECT COUNT(*) FROM audit_events WHERE operation = 'stock.import' AND reason = 'received'";
    assert_eq!(shop.number(events), 2);
    assert_eq!(shop.number("SELECT COUNT(DISTINCT operation_id) FROM stock_movements WHERE note = '4711'"), 1);
    let jsonl = "{\"sku\": \"MUG\", \"received\": 2}\n{\"sku\": \"PEN\", \"received\": \"3\"}\n";
    let run = shop.run_with_input(&["stock", "import", "-", "--format", "jsonl", "--json"], jsonl).success().json();
    assert_eq!((&run["updated"], &run["units_added"]), (&2.into(), &5.into()));
    assert_eq!(run["changes"][0]["after"], "36");
    verified(shop);
}

fn a_stock_take_sets_what_was_counted(shop: &Shop) {
    ["MUG", "PEN", "TEA"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    shop.file("c.csv", "sku,counted,expected\nMUG,7,10\nPEN,10,\nTEA,15,10\n");
    let run = shop.run(&["stock", "import", "c.csv", "--reason", "shrinkage"]).success();
    let lines = "MUG: stock_quantity 10 → 7\nTEA: stock_quantity 10 → 15\n";
    let summary = "3 products counted: 2 changed, 1 unchanged; 5 units added, 3 units removed\n";
    assert_eq!(run.stdout, format!("{lines}{summary}"));
    assert_eq!(levels(shop), ["7", "10", "15"]);
    assert_eq!(shop.column("SELECT delta FROM stock_movements WHERE reason = 'shrinkage' ORDER BY 1"), ["-3", "5"]);
    // What `stock list` writes is a stock-take once there is a column of counted pieces.
    shop.file("listed.csv", "sku,name,stock_quantity,updated_at,counted\nMUG,Mug,7,2026-01-01,8\n");
    let map = ["--map", "stock_quantity=expected"];
    shop.run(&[&["stock", "import", "listed.csv"], &map[..]].concat()).success();
    assert_eq!(shop.column("SELECT delta FROM stock_movements WHERE reason = 'correction'"), ["1"]);
    shop.file("none.csv", "sku,counted\n");
    let run = shop.run(&["stock", "import", "none.csv", "--json"]).success().json();
    assert_eq!((&run["changed"], &run["updated"]), (&false.into(), &0.into()));
    verified(shop);
}

fn wrong_lines_of_a_stock_file_are_named_and_nothing_is_written(shop: &Shop) {
    shop.product("MUG", "1.00", 10);
    shop.product("PEN", "1.00", 2_147_483_000);
    ["TEA", "CUP"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    shop.file(
        "d.csv",
        "sku,received\nTEA,1\nNOSUCH,1\nMUG,-1\nCUP,1.5\nPEN,1000\ntea,2\nHAT,99999999999\n,3\nTEA-2,\n",
    );
    let before = shop.everything();
    let run = shop.run(&["stock", "import", "d.csv"]).exits_with(7);
    for told in [
        "8 of 9 rows are invalid, nothing was imported",
        "line 3: sku NOSUCH: is not a known product",
        "line 4: received -1: must be between 0 and 2147483647",
        "line 5: received 1.5: must be a whole number",
        "line 6: received 1000: PEN has 2147483000 in stock; 1000 more would exceed the maximum",
        "line 7: tea: the same product is already in the file, in line 2",
        "line 8: received 99999999999: must be between 0 and 2147483647",
        "line 9: sku: is missing",
        "line 10: received: is missing",
    ] {
        assert!(run.stderr.contains(told), "{told} is not said by {run}");
    }
    for (content, told) in
        [("sku,received,counted\nMUG,1,2\n", "both columns received and counted"), ("sku\nMUG\n", "no column received")]
    {
        shop.file("d.csv", content);
        shop.run(&["stock", "import", "d.csv"]).exits_with(7).says(told);
    }
    shop.file("d.csv", "sku,received,counted\nMUG,1,2\n");
    let run = shop.run(&["stock", "import", "d.csv"]).says("--ignore-columns counted");
    assert!(!run.stderr.contains("--map"), "a column that is there needs no other name: {run}");
    shop.run(&["stock", "import", "d.csv", "--ignore-columns", "counted", "-n"]).success();
    shop.file("d.csv", "sku,qty\nMUG,1\n");
    shop.run(&["stock", "import", "d.csv"]).exits_with(7).says("qty");
    shop.file("d.jsonl", "{\"sku\": \"MUG\", \"counted\": 1}\n{\"sku\": \"TEA\", \"received\": 2}\n");
    shop.run(&["stock", "import", "d.jsonl"]).exits_with(7).says("received 2: is for a delivery");
    assert_eq!(shop.everything(), before);
}

fn the_other_lines_of_a_stock_file_are_imported_on_request(shop: &Shop) {
    ["MUG", "PEN", "TEA"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    shop.file("c.csv", "sku,counted,expected\nMUG,7,10\nNOSUCH,1,\nPEN,5,9\nTEA,10,\n");
    let import = ["stock", "import", "c.csv", "--on-error", "reject-rows", "--errors", "wrong.csv"];
    let run = shop.run(&import).exits_with(8).says("2 rows were rejected");
    assert!(run.stdout.contains("MUG: stock_quantity 10 → 7"), "{run}");
    assert!(run.stdout.contains("2 products counted: 1 changed, 1 unchanged, 2 rejected; 3 units removed"), "{run}");
    assert_eq!(levels(shop), ["7", "10", "10"]);
    let wrong = std::fs::read_to_string(shop.path("wrong.csv")).expect("written");
    let wrong: Vec<&str> = wrong.lines().skip(1).map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert_eq!(wrong, ["3", "4"]);
    shop.file("c.csv", "sku,counted\nNOSUCH,1\n");
    shop.run(&import).exits_with(7).says("nothing was imported");
    verified(shop);
}

fn a_counted_line_is_rejected_if_the_stock_is_not_the_expected_one(shop: &Shop) {
    shop.product("MUG", "1.00", 10);
    shop.file("c.csv", "sku,counted,expected\nMUG,7,9\n");
    shop.run(&["stock", "import", "c.csv"]).exits_with(7).says("expected 9: MUG has 10 in stock, not 9 as expected");
    assert_eq!(levels(shop), ["10"]);
}

fn a_delivery_file_with_a_key_is_imported_once(shop: &Shop) {
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    shop.file("d.csv", "sku,received\nMUG,24\nPEN,1\n");
    let import = ["stock", "import", "d.csv", "--idempotency-key", "d-1", "--json"];
    shop.run(&import).success();
    let again = shop.run(&import).success().json();
    assert_eq!((&again["replayed"], &again["changed"]), (&true.into(), &false.into()));
    assert_eq!(levels(shop), ["34", "11"]);
    shop.file("d.csv", "sku,received\nMUG,24\nPEN,2\n");
    shop.run(&import).exits_with(6).says("idempotency.key_reused");
    assert_eq!(levels(shop), ["34", "11"]);
}

fn a_delivery_file_is_not_received_twice_by_mistake(shop: &Shop) {
    shop.product("MUG", "1.00", 10);
    shop.file("d.csv", "sku,received\nMUG,24\n");
    let import = |more: &[&str]| shop.run(&[&["stock", "import", "d.csv"], more].concat());
    import(&["--dry-run"]).success();
    import(&[]).success();
    let also: [&[&str]; 6] = [
        &[],
        &["--dry-run"],
        &["--reason", "return"],
        &["--note", "of the second truck"],
        &["--note", "truck", "--reason", "received"],
        &["--on-error", "reject-rows"],
    ];
    for more in also {
        let run = import(more).exits_with(6).says("stock.already_received");
        assert!(run.stderr.contains("--idempotency-key KEY"), "{run}");
    }
    assert_eq!(levels(shop), ["34"]);
    import(&["--idempotency-key", "d-2"]).success();
    import(&["--idempotency-key", "d-3", "--note", "of the third truck"]).success();
    assert_eq!(levels(shop), ["82"]);
    // Taken back, it is received again by undoing that.
    shop.file("e.csv", "sku,received\nMUG,1\n");
    let newest = |operation: &str| {
        let list = shop.run(&["audit", "list", "--operation", operation, "--limit", "1", "--json"]).success().json();
        list["items"][0]["operation_id"].as_str().expect("an id").to_owned()
    };
    shop.run(&["stock", "import", "e.csv"]).success();
    shop.run(&["undo", &newest("stock.import"), "--yes"]).success();
    let undo = newest("undo");
    let run = shop.run(&["stock", "import", "e.csv"]).exits_with(6).says("stock.already_received");
    let hint = format!("shopctl undo {undo}");
    assert!(run.stderr.contains(&format!("to receive it again: {hint}")), "{run}");
    shop.paste(&format!("{hint} --yes")).success();
    assert_eq!(levels(shop), ["83"]);
    // A stock-take sets what was counted, however often.
    shop.file("c.csv", "sku,counted\nMUG,7\n");
    for _ in 0..2 {
        shop.run(&["stock", "import", "c.csv"]).success();
    }
    assert_eq!(levels(shop), ["7"]);
}

/// Orders are placed and stock is counted at the same time: what was counted is what is there, less what was ordered
/// afterwards.
fn a_stock_take_during_sales_loses_no_piece(shop: &Shop) {
    const PRODUCTS: usize = 12;
    const ORDERS: usize = 12;
    let user = shop.user("ann");
    let skus: Vec<String> = (0..PRODUCTS).map(|number| format!("SKU-{number:02}")).collect();
    skus.iter().for_each(|sku| shop.product(sku, "1.00", 100));
    let lines: String = skus.iter().rev().map(|sku| format!("{sku},50\n")).collect();
    shop.file("c.csv", &format!("sku,counted\n{lines}"));
    shop.file("d.csv", &format!("sku,received\n{}", lines.replace(",50", ",1")));
    let mut commands: Vec<Vec<String>> = Vec::new();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    for number in 0..ORDERS {
        let (one, other) = (&skus[number % PRODUCTS], &skus[(number * 5 + 3) % PRODUCTS]);
        let items = ["order", "create", "--user", &user, "--item", one, "--item", other];
        commands.push(owned(&items));
        let file = if number % 2 == 0 { "c.csv" } else { "d.csv" };
        // Deliveries of the same lines are told apart by their keys.
        commands.push(owned(&["stock", "import", file, "--idempotency-key", &number.to_string()]));
    }
    let children: Vec<_> = commands
        .iter()
        .map(|command| {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            (shop.start(&words), words)
        })
        .collect();
    children.into_iter().for_each(|(child, words)| drop(finish(child, &words).success()));
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), ORDERS as i64);
    verified(shop);
}

async fn statements_of(database: &Database, lines: &[(shopctl::service::product::Model, StockLine)]) -> u64 {
    let wanted =
        StockLines { lines: lines.to_vec(), reason: MovementReason::Correction, note: None, keeps_others: false };
    let request = stock_lines::request(EventName::StockImport, &wanted, None, &"");
    let before = database.statement_count();
    let operations = crate::support::library::operations(database);
    stock_lines::run(&operations, &request, &wanted).await.expect("the stock is as it was read");
    database.statement_count() - before
}

fn the_statements_of_a_stock_file_do_not_grow_with_its_lines(shop: &Shop) {
    let rows: String = (0..60).map(|number| format!("SKU-{number:02},Cup,1.00,10\n")).collect();
    shop.file("p.csv", &format!("sku,name,price,stock_quantity\n{rows}"));
    shop.run(&["product", "import", "p.csv"]).success();
    block_on(async {
        let database = database(shop).await;
        let names: Vec<String> = (0..60).map(|number| format!("SKU-{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let products = shopctl::repository::product::find_named(database.connection(), &names).await.expect("readable");
        // More pieces of one half, and fewer of the other.
        let counted = |round: i32| -> Vec<_> {
            let level = |number: usize| if number.is_multiple_of(2) { 20 + round } else { 9 - round };
            let line = |number| StockLine::Counted { level: level(number), expected: None };
            products.iter().cloned().enumerate().map(|(number, product)| (product, line(number))).collect()
        };
        let few = statements_of(&database, &counted(0)[..2]).await;
        let many = statements_of(&database, &counted(1)).await;
        assert_eq!(few, many);
        database.close().await;
    });
    verified(shop);
}

fn a_number_with_a_plus_sign_is_not_counted_pieces(shop: &Shop) {
    shop.product("MUG", "12.50", 10);
    shop.user("ann");
    let before = shop.everything();
    for (header, row) in [
        ("sku,counted", "MUG,+5"),
        ("sku,counted", "MUG,\" +5\""),
        ("sku,counted,expected", "MUG,5,+10"),
        ("sku,received", "MUG,+5"),
    ] {
        shop.file("f.csv", &format!("{header}\n{row}\n"));
        shop.run(&["stock", "import", "f.csv"]).exits_with(7).says("line 2").says("without +");
    }
    shop.file("f.jsonl", "{\"sku\": \"MUG\", \"counted\": \"+5\"}\n");
    shop.run(&["stock", "import", "f.jsonl"]).exits_with(7).says("without +");
    shop.file("o.csv", "reference,user,sku,quantity\nR-1,ann@example.com,MUG,+5\n");
    shop.run(&["order", "import", "o.csv"]).exits_with(7).says("without +");
    shop.file("p.csv", "sku,name,price,stock_quantity\nNEW,New,1.00,+5\n");
    shop.run(&["product", "import", "p.csv"]).exits_with(7).says("without +");
    assert_eq!(shop.everything(), before);
}

fn a_column_of_pieces_under_another_name_is_asked_for(shop: &Shop) {
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    for (text, theirs, more) in [
        ("sku;qty\nMUG;3\n", "qty", ""),
        ("sku,Menge\nMUG,3\n", "Menge", ""),
        ("sku,amount found\nMUG,3\n", "amount found", ""),
        ("Artikelnummer;Bestand\nMUG;3\n", "Bestand", "--map Artikelnummer=sku"),
        ("sku,shelf,Qty\nMUG,A,3\n", "Qty", "--ignore-columns shelf"),
    ] {
        shop.file("f.csv", text);
        let run = shop.run(&["stock", "import", "f.csv"]).exits_with(7).says(&format!("say what {theirs} is: "));
        let maps = ["received", "counted"].map(|ours| match theirs.contains(' ') {
            true => format!("--map '{theirs}={ours}'"),
            false => format!("--map {theirs}={ours}"),
        });
        assert!(run.stderr.contains(&maps.join(" or ")) && run.stderr.contains(more), "{run}");
        let mut line = format!("shopctl stock import f.csv {} {more}", maps[1]);
        line.push_str(" -n");
        shop.paste(&line).success();
    }
    shop.file("f.csv", "sku,a,b\nMUG,1,2\n");
    shop.run(&["stock", "import", "f.csv"]).exits_with(7).says("--map COLUMN=received or --map COLUMN=counted");
}
