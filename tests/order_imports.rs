//! Importing orders: lines become orders, the rules hold, and a rejected order does not affect others.

use crate::on_every_backend;
use crate::support::{Backend, Shop, rounds};

on_every_backend!(
    exported_orders_are_unchanged_here_and_recreate_the_shop_elsewhere,
    open_orders_of_a_copied_shop_give_their_pieces_back,
    orders_copied_as_ended_are_not_restocked_again,
    lines_with_the_same_reference_form_one_validated_order,
    a_rejected_order_does_not_affect_the_others,
    a_wrong_order_total_rejects_the_whole_file,
    the_total_of_an_order_may_stand_on_any_of_its_lines,
    a_file_of_invoices_is_imported_without_editing,
    references_with_the_cancellation_prefix_are_skipped,
    an_interrupted_import_resumes_where_it_stopped,
    a_killed_import_of_orders_is_completed_by_the_next_run,
    flat_json_records_of_one_reference_form_one_order,
);

const GENERATE: [&str; 9] = ["seed", "generate", "--users", "20", "--products", "10", "--orders", "700", "-y"];

fn exported_orders_are_unchanged_here_and_recreate_the_shop_elsewhere(shop: &Shop) {
    shop.run(&GENERATE).success();
    let before = shop.everything();
    for format in ["csv", "jsonl", "json"] {
        let file = format!("order.{format}");
        shop.run(&["order", "export", "--out", &file]).success();
        let run = shop.run(&["order", "import", &file, "--json"]).success();
        assert_eq!((&run.json()["unchanged"], &run.json()["changed"]), (&700.into(), &false.into()), "{run}");
    }
    assert_eq!(shop.everything(), before);
    let other = Shop::migrated(shop.backend).expect("the same backend");
    for noun in ["user", "product"] {
        shop.run(&[noun, "export", "--out", &format!("{noun}.csv")]).success();
        other.run(&[noun, "import", &shop.path(&format!("{noun}.csv")).display().to_string()]).success();
    }
    let stock = other.column("SELECT stock_quantity FROM products ORDER BY sku");
    let file = shop.path("order.csv").display().to_string();
    let run = other.run(&["order", "import", &file, "--stock", "skip"]).success();
    assert!(run.stdout.contains("700 orders imported: 700 created"), "{run}");
    assert_eq!(other.column("SELECT stock_quantity FROM products ORDER BY sku"), stock, "history takes nothing");
    let export = |shop: &Shop| {
        let text = shop.run(&["order", "export", "-o", "csv"]).success().stdout;
        // The lines of an order are unordered, and only the first has the total.
        let mut lines: Vec<_> =
            text.lines().filter_map(|line| line.rsplit_once(',')).map(|(line, _)| line.to_owned()).collect();
        lines.sort();
        (lines, shop.column("SELECT CONCAT(reference, total_amount) FROM orders ORDER BY reference"))
    };
    assert_eq!(export(&other), export(shop));
    other.assert_invariants();
    other.run(&["audit", "verify"]).success();
    let run = other.run(&["order", "import", &file, "--stock", "skip"]).success();
    assert!(run.stdout.contains("0 orders imported: 700 unchanged"), "{run}");
}

fn pieces(shop: &Shop, sku: &str) -> i64 {
    shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'"))
}

fn assert_verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
}

/// Copies 10 MUG less those of one order in each status, which took 1.
fn with_copied_orders(shop: &Shop) {
    stocked(shop);
    let statuses = ["pending", "paid", "shipped", "completed", "cancelled", "refunded"];
    let lines = statuses.map(|status| format!("{status}-1,ann@example.com,{status},MUG,1,12.50\n")).concat();
    shop.file("orders.csv", &format!("reference,user,status,sku,quantity,unit_price\n{lines}"));
    shop.run(&["order", "import", "orders.csv", "--stock", "skip"]).success();
    assert_eq!(pieces(shop, "MUG"), 10);
    assert_verified(shop);
}

fn open_orders_of_a_copied_shop_give_their_pieces_back(shop: &Shop) {
    with_copied_orders(shop);
    let mut expected = 10;
    for (command, gives_back) in [
        (&["cancel", "pending-1"][..], 1),
        (&["cancel", "pending-1"], 0),
        (&["refund", "paid-1"], 1),
        (&["refund", "shipped-1", "--restock", "MUG:1"], 1),
        (&["refund", "completed-1"], 0),
        (&["refund", "completed-1", "--restock-all"], 1),
        (&["refund", "completed-1", "--restock-all"], 0),
    ] {
        shop.run(&[&["order"], command, &["--yes"]].concat()).success();
        expected += gives_back;
        assert_eq!(pieces(shop, "MUG"), expected, "{command:?}");
        assert_verified(shop);
    }
    shop.run(&["order", "refund", "shipped-1", "--restock", "MUG:2", "--yes"])
        .exits_with(6)
        .says("MUG: cannot restock 2: the order took only 1, and 1 is already restocked");
    // Nor do later steps of other programs change what an order can give back.
    for table in ["order_refund_lines", "order_refunds", "order_items", "orders"] {
        shop.sql(&format!("DELETE FROM {table}"));
    }
    shop.run(&["adopt", "--yes"]).success();
    assert_eq!(pieces(shop, "MUG"), expected);
    assert_verified(shop);
}

fn orders_copied_as_ended_are_not_restocked_again(shop: &Shop) {
    with_copied_orders(shop);
    shop.run(&["order", "refund", "refunded-1", "--restock-all", "--yes"]).success();
    shop.run(&["order", "refund", "refunded-1", "--restock", "MUG:1", "--yes"]).exits_with(6);
    shop.run(&["order", "cancel", "cancelled-1", "--yes"]).success();
    assert_eq!(pieces(shop, "MUG"), 10);
    // Another program ends them, and gives back what they took.
    shop.sql("UPDATE orders SET status = 'cancelled' WHERE reference = 'pending-1'");
    shop.sql("UPDATE products SET stock_quantity = 11 WHERE sku = 'MUG'");
    shop.run(&["adopt", "--yes"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM stock_movements WHERE reason = 'external'"), 0);
    assert_verified(shop);
}

fn stocked(shop: &Shop) {
    ["ann", "bo", "off"].iter().for_each(|name| drop(shop.user(name)));
    shop.run(&["user", "disable", "off@example.com", "--yes"]).success();
    [("MUG", "12.50", 10), ("PEN", "2.40", 3)].iter().for_each(|(sku, price, stock)| shop.product(sku, price, *stock));
}

fn lines_with_the_same_reference_form_one_validated_order(shop: &Shop) {
    stocked(shop);
    shop.file(
        "orders.csv",
        "reference,user,status,created_at,sku,quantity,unit_price\r\n\
         K7Q2M-9XD40,ann@example.com,,2025-03-01,MUG,2,\r\n\
         K7Q2M-9XD40,ann@example.com,,2025-03-01,PEN,1,2.00\r\n\
         K7Q2M-9XD40,ann@example.com,,2025-03-01,mug,1,\r\n\
         K7Q2M-9XD41,BO@example.com,cancelled,2025-03-02,PEN,99,\r\n\
         K7Q2M-9XD42,bo@example.com,completed,2025-03-03,MUG,3,\r\n",
    );
    let run = shop.run(&["order", "import", "orders.csv"]).success();
    assert!(run.stdout.contains("3 orders imported: 3 created"), "{run}");
    assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY sku"), ["4", "2"], "cancelled ones gave back");
    let order = shop.run(&["order", "show", "K7Q2M9XD40", "--json"]).success().json();
    assert_eq!((&order["total_amount"], order["items"].as_array().map(Vec::len)), (&"39.50".into(), Some(2)));
    assert!(order["created_at"].as_str().expect("text").starts_with("2025-03-01T00:00:00"), "{order}");
    assert_eq!(shop.column("SELECT status FROM orders ORDER BY reference"), ["pending", "cancelled", "completed"]);
    shop.run(&["order", "cancel", "K7Q2M-9XD40", "-y"]).success();
    shop.run(&["order", "refund", "K7Q2M-9XD42", "--restock-all", "-y"]).success();
    assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY sku"), ["10", "3"]);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    // A second import reports the differences from the shop.
    let run = shop.run(&["order", "import", "orders.csv", "--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("1 unchanged, 2 rejected"), "{run}");
    assert!(run.stderr.contains("K7Q2M-9XD40: is cancelled here but pending in the file"), "{run}");
    let run = shop.run(&["order", "import", "orders.csv", "--on-conflict", "skip"]).success();
    assert!(run.stdout.contains("3 skipped"), "{run}");
    shop.run(&["order", "import", "orders.csv", "--on-conflict", "error"])
        .exits_with(7)
        .says("such an order already exists");
    let nested = r#"{"items": [{"reference": "K7Q2M-9XD43", "user": "ann@example.com", "total_amount": "27.40",
        "items": [{"sku": "MUG", "quantity": 2}, {"sku": "PEN", "quantity": 1, "line_total": "2.40"}]},
        {"reference": "K7Q2M-9XD44", "user": "ann@example.com", "total_amount": "99.00", "items": [{"sku": "MUG", "quantity": 1}]}]}"#;
    shop.file("orders.json", nested);
    let run = shop.run(&["order", "import", "orders.json"]).exits_with(7);
    assert!(run.stderr.contains("line 3: K7Q2M-9XD44: the total is 12.50, not 99.00"), "{run}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 3);
    shop.run(&["order", "import", "orders.json", "--on-error", "reject-rows"]).exits_with(8);
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 4);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn a_rejected_order_does_not_affect_the_others(shop: &Shop) {
    stocked(shop);
    let mut file = "reference,user,sku,quantity\n".to_owned();
    // More than the stock in total; several unknown users and products.
    for number in 0..40 {
        let (user, sku) = match number {
            7 => ("off@example.com", "MUG"),
            11 => ("nobody@example.com", "MUG"),
            13 => ("ann@example.com", "HAT"),
            _ => ("ann@example.com", "MUG"),
        };
        file += &format!("AAAAA-000{number:02},{user},{sku},1\n");
    }
    file += "AAAAA-00050,ann@example.com,PEN,1\nAAAAA-00050,ann@example.com,PEN,x\nAAAAA-00050,bo@example.com,PEN,1\n";
    file += "AAAAA-00051,ann@example.com,PEN,1\nAAAAA-00051,bo@example.com,PEN,1\nAAAAA-00000,ann@example.com,PEN,1\n";
    shop.file("orders.csv", &file);
    let before = shop.everything();
    let run = shop.run(&["order", "import", "orders.csv", "--errors", "wrong.csv"]).exits_with(7);
    assert!(run.stderr.contains("32 of 42 orders are invalid, nothing was imported"), "{run}");
    assert_eq!(shop.everything(), before);
    let wrong = std::fs::read_to_string(shop.path("wrong.csv")).expect("written");
    for said in [
        "off@example.com is disabled",
        "there is no user nobody@example.com",
        "there is no product HAT",
        "MUG would have 0 in stock by then, 1 requested",
        "43,quantity,x,",
        "user differs between the lines of one order",
        "comes again, in line 47: keep its lines together",
    ] {
        assert!(wrong.contains(said), "{said} in {wrong}");
    }
    let run = shop.run(&["order", "import", "orders.csv", "--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("10 orders imported: 10 created, 0 updated, 0 unchanged, 32 rejected"), "{run}");
    assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY sku"), ["0", "3"]);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

/// What an order comes to can be known before anything is written.
fn the_total_of_an_order_may_stand_on_any_of_its_lines(shop: &Shop) {
    stocked(shop);
    let import = |lines: &[&str]| {
        let lines: String = lines.iter().map(|line| format!("T1,ann@example.com,{line}\n")).collect();
        shop.file("a.csv", &format!("reference,user,sku,quantity,unit_price,total_amount\n{lines}"));
        shop.run(&["order", "import", "a.csv"])
    };
    for (mug, pen) in [("", "13.90"), ("14.90", "13.90")] {
        let lines = [format!("MUG,1,12.50,{mug}"), format!("PEN,1,2.40,{pen}")];
        import(&[&lines[0], &lines[1]]).exits_with(7);
    }
    import(&["MUG,1,12.50,", "PEN,1,2.40,14.90"]).success();
    assert_eq!(shop.column("SELECT reference FROM orders WHERE total_amount = 14.90"), ["T1"]);
}

fn a_wrong_order_total_rejects_the_whole_file(shop: &Shop) {
    stocked(shop);
    let before = shop.everything();
    let head = "reference,user,sku,quantity,unit_price,total_amount\n";
    let (first, last) = ("G-1,ann@example.com,MUG,1,1.00,1.00\n", "G-2,ann@example.com,PEN,1,1.00,1.00\n");
    let wide = "T-1,ann@example.com,MUG,600,99999999.99,\n";
    let many = "T-1,ann@example.com,MUG,600000,0.01,\n".repeat(2);
    for (wrong, said) in [
        ("T-1,ann@example.com,MUG,2,1.00,5.00\n", "line 3: T-1: the total is 2.00, not 5.00"),
        ("T-1,ann@example.com,MUG,2,,24.99\n", "line 3: T-1: the total is 25.00, not 24.99"),
        (wide, "T-1: total: is more than 9999999999.99"),
        (&many, "T-1: quantity of MUG: must be between 1 and 1000000"),
    ] {
        shop.file("orders.csv", &format!("{head}{first}{wrong}{last}"));
        shop.file("alone.csv", &format!("{head}{wrong}"));
        for flags in [&["--stock", "skip"][..], &["--stock", "skip", "--batch", "1"]] {
            let import = |file: &str| shop.run(&[&["order", "import", file], flags].concat());
            import("orders.csv").exits_with(7).says(said);
            import("alone.csv").exits_with(7);
        }
        assert_eq!(shop.everything(), before);
    }
    shop.file("orders.csv", &format!("{head}{first}T-1,ann@example.com,MUG,2,1.00,5.00\n{last}"));
    shop.run(&["order", "import", "orders.csv"]).exits_with(7).says("1 of 3 orders is invalid, nothing was imported");
    let item = |quantity: u32, price: &str| {
        format!(r#""items":[{{"sku":"MUG","quantity":{quantity},"unit_price":"{price}"}}]"#)
    };
    let order =
        |reference: &str, rest: &str| format!(r#"{{"reference":"{reference}","user":"ann@example.com",{rest}}}"#);
    for rest in [item(600, "99999999.99"), format!(r#""total_amount":5,{}"#, item(2, "1.00"))] {
        shop.file("orders.jsonl", &[order("G-1", &item(1, "1.00")), order("T-1", &rest)].join("\n"));
        shop.run(&["order", "import", "orders.jsonl", "--stock", "skip"]).exits_with(7).says("T-1: ");
    }
    assert_eq!(shop.everything(), before);
    shop.file("orders.csv", &format!("{head}{first}T-1,ann@example.com,MUG,2,1.00,5.00\n{last}"));
    let run = shop.run(&["order", "import", "orders.csv", "--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("2 created, 0 updated, 0 unchanged, 1 rejected"), "{run}");
    shop.assert_invariants();
}

fn a_file_of_invoices_is_imported_without_editing(shop: &Shop) {
    // Four valid invoices, and one with hundreds of lines.
    let mut file = include_str!("files/invoices.csv").to_owned();
    for line in 0..640 {
        file += &format!("581587,P{line},\"THING {line}\",{},12/9/2011 12:50,0.85,12680,France\r\n", line % 7 + 1);
    }
    shop.file("invoices.csv", &file);
    let run = shop.run(&["order", "import", "invoices.csv"]).exits_with(7);
    assert!(run.stderr.ends_with("hint: --invoices\n"), "{run}");
    shop.run(&["order", "import", "invoices.csv", "--invoices"]).exits_with(7).says("nothing was imported");
    let arguments =
        ["order", "import", "invoices.csv", "--invoices", "--on-error", "reject-rows", "--errors", "wrong.csv"];
    let run = shop.run(&arguments).exits_with(8);
    assert!(run.stdout.contains("9 orders imported: 9 created, 0 updated, 0 unchanged, 5 rejected"), "{run}");
    assert!(run.stdout.contains("8 users and 654 products created for them"), "{run}");
    let wrong = std::fs::read_to_string(shop.path("wrong.csv")).expect("written");
    for said in ["12,Quantity,'-1,is a return", "14,CustomerID,,is missing", "17,Quantity,'-10,is a return"] {
        assert!(wrong.contains(said), "{said} in {wrong}");
    }
    let order = shop.run(&["order", "show", "536365", "--json"]).success().json();
    assert_eq!(
        (&order["user"], &order["total_amount"], &order["status"]),
        (&"customer-17850@example.invalid".into(), &"57.64".into(), &"completed".into())
    );
    assert!(order["created_at"].as_str().expect("text").starts_with("2010-12-01T08:26:00"), "{order}");
    let order = shop.run(&["order", "show", "581587", "--json"]).success().json();
    assert_eq!(order["items"].as_array().map(Vec::len), Some(640));
    assert_eq!(
        shop.column(
            "SELECT unit_price FROM order_items i JOIN orders o ON o.id = i.order_id \
                            WHERE reference = '537197'"
        )
        .len(),
        1,
        "a price of 0 is a price"
    );
    assert_eq!(shop.number("SELECT SUM(stock_quantity) FROM products"), 0);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
    let run = shop.run(&arguments).exits_with(8);
    assert!(run.stdout.contains("0 orders imported: 9 unchanged, 5 rejected"), "{run}");
}

fn references_with_the_cancellation_prefix_are_skipped(shop: &Shop) {
    let line = |number: &str| format!("{number},AA1,1,2020-12-31,1.00,17\n");
    let numbers = ["C1001", "1002", "CA-1003", "c1004"].map(line).concat();
    shop.file("i.csv", &format!("InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n{numbers}"));
    let import = ["order", "import", "i.csv", "--invoices", "--on-error", "reject-rows"];
    let run = shop.run(&[&import[..], &["--cancellation-prefix", "C1"]].concat()).exits_with(8);
    assert!(run.stderr.contains("line 2: InvoiceNo C1001: is a cancellation without its original invoice"), "{run}");
    assert_eq!(shop.column("SELECT reference FROM orders ORDER BY reference"), ["1002", "CA-1003", "c1004"]);
    // Without the flag all are imported; without invoices it has no effect.
    shop.run(&import).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 4);
    shop.run(&["order", "import", "i.csv", "--cancellation-prefix", "C"]).exits_with(2).says("--invoices");
    shop.assert_invariants();
}

fn flat_json_records_of_one_reference_form_one_order(shop: &Shop) {
    stocked(shop);
    let line = |reference: &str, sku: &str, price: &str, total: &str| {
        format!(
            r#"{{"reference":"{reference}","user":"ann@example.com","status":"completed","created_at":"2024-01-01","sku":"{sku}","quantity":1,"unit_price":"{price}","total_amount":"{total}"}}"#
        )
    };
    let nested = r#"{"reference":"J2","user":"ann@example.com","items":[{"sku":"MUG","quantity":1}]}"#.to_owned();
    let records = [
        line("J1", "MUG", "12.50", "14.90"),
        line("J1", "PEN", "2.40", "14.90"),
        nested,
        line("J3", "PEN", "2.40", "2.40"),
    ];
    shop.file("a.json", &format!("[{}]", records.join(",")));
    let run = shop.run(&["order", "import", "a.json"]).success();
    assert!(run.stdout.contains("3 orders imported: 3 created"), "{run}");
    assert_eq!(shop.column("SELECT reference FROM orders WHERE total_amount = 14.90"), ["J1"]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_items"), 4);
    shop.file("a.jsonl", &records.join("\n"));
    let run = shop.run(&["order", "import", "a.jsonl"]).success();
    assert!(run.stdout.contains("0 orders imported: 3 unchanged"), "{run}");
    // Lines that are scattered, or next to an unreadable one, reject the whole order.
    let scattered = ["J4", "J5", "J4"].map(|reference| line(reference, "PEN", "2.40", "2.40"));
    shop.file("b.json", &format!("[{}]", scattered.join(",")));
    let run = shop.run(&["order", "import", "b.json", "--on-error", "reject-rows"]).exits_with(8);
    run.says("record 1: J4: the same order comes again, in record 3");
    let part = line("J6", "PEN", "2.40", "4.80");
    shop.file("b.jsonl", &format!("{part}\n{{\n{part}\n"));
    shop.run(&["order", "import", "b.jsonl", "--on-error", "reject-rows"]).exits_with(7);
    assert_eq!(shop.column("SELECT reference FROM orders ORDER BY reference"), ["J1", "J2", "J3", "J5"]);
    let invoice = |code: &str| {
        format!(
            r#"{{"InvoiceNo":"7","StockCode":"{code}","Quantity":1,"InvoiceDate":"2010-12-01 08:26","UnitPrice":"1.00","CustomerID":5}}"#
        )
    };
    shop.file("i.json", &format!("[{},{}]", invoice("X"), invoice("Y")));
    let run = shop.run(&["order", "import", "i.json", "--invoices", "--stock", "skip"]).success();
    assert!(run.stdout.contains("1 order imported: 1 created"), "{run}");
    shop.assert_invariants();
}

fn an_interrupted_import_resumes_where_it_stopped(shop: &Shop) {
    stocked(shop);
    let line = |number: usize| format!("sku{number},Name {number},1.00\n");
    let file = |rows: usize| format!("sku,name,price\n{}", (0..rows).map(line).collect::<String>());
    shop.file("products.csv", &file(1_200));
    shop.run(&["product", "import", "products.csv", "--batch", "500"]).success();
    // Simulates a missing last transaction.
    shop.sql("DELETE FROM products WHERE name IN ('Name 1100', 'Name 3')");
    shop.sql("DELETE FROM audit_events WHERE idempotency_key LIKE 'import:%:000000001201.%'");
    let run = shop.run(&["product", "import", "products.csv", "--resume"]).success();
    assert!(run.stderr.contains("continuing after line 1001"), "{run}");
    assert!(run.stdout.contains("1 product imported: 1 created, 0 updated, 199 unchanged"), "{run}");
    let run = shop.run(&["product", "import", "products.csv"]).success();
    assert!(
        run.stdout.contains("1 product imported: 1 created, 0 updated, 1199 unchanged"),
        "without --resume every row is looked at: {run}"
    );
    // A different file is a different import.
    shop.file("products.csv", &file(1_201));
    let run = shop.run(&["product", "import", "products.csv", "--resume"]).success();
    assert!(run.stdout.contains("1 product imported: 1 created, 0 updated, 1200 unchanged"), "{run}");
}

/// At a random moment, again and again; `SHOPCTL_TEST_ROUNDS=30` is what the promise is judged by.
fn a_killed_import_of_orders_is_completed_by_the_next_run(shop: &Shop) {
    stocked(shop);
    shop.run(&["stock", "set", "MUG", "100000", "--expect", "10"]).success();
    for round in 0..rounds() {
        let order = |number: usize| format!("{round:05}-{number:05},ann@example.com,MUG,2,{}.50\n", number % 90);
        let orders: String = (0..1_600).map(order).collect();
        shop.file("orders.csv", &format!("reference,user,sku,quantity,unit_price\n{orders}"));
        let arguments = ["order", "import", "orders.csv", "--batch", "500"];
        shop.run_killed(&arguments, 2_000);
        let written = shop.number(&format!("SELECT COUNT(*) FROM orders WHERE reference LIKE '{round:05}%'"));
        assert!(written % 500 == 0 || written == 1_600, "whole transactions only: {written}");
        let resume = if round % 2 == 0 { &["--resume"][..] } else { &[] };
        let run = shop.run(&[&arguments[..], resume].concat()).success();
        let rest = match 1_600 - written {
            0 => "0 orders imported: ".to_owned(),
            created => format!("{created} orders imported: {created} created"),
        };
        assert!(run.stdout.contains(&rest), "{run}");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), rounds() * 1_600);
    assert_eq!(shop.number("SELECT stock_quantity FROM products WHERE sku = 'MUG'"), 100_000 - rounds() * 3_200);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

/// The plan by which PostgreSQL checks foreign keys is kept for the session; made for an empty table it
/// was to read all of it, for each row.
#[test]
fn import_cost_per_order_is_constant() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    stocked(&shop);
    shop.run(&["stock", "set", "MUG", "100000", "--expect", "10"]).success();
    shop.run(&["stock", "set", "PEN", "100000", "--expect", "3"]).success();
    shop.product("HAT", "1.00", 100_000);
    shop.sql("VACUUM ANALYZE");
    let line = |number: usize| ["MUG", "PEN", "HAT"].map(|sku| format!("AAAAA-{number:05},ann@example.com,{sku},2\n"));
    let orders: String = (0..2_000).flat_map(line).collect();
    shop.file("orders.csv", &format!("reference,user,sku,quantity\n{orders}"));
    shop.run(&["order", "import", "orders.csv", "--batch", "500"]).success();
    let read = "SELECT COALESCE(SUM(seq_tup_read), 0)::bigint FROM pg_stat_user_tables WHERE relname = 'orders'";
    assert!(shop.number(read) < 20_000, "whole tables were read for each row: {}", shop.number(read));
}

#[test]
fn a_resumed_import_reports_the_errors_of_the_file_again() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.file("products.csv", "sku,name,price\nA,a,1\nB,b,x\nC,c,1\n");
    let arguments = ["product", "import", "products.csv", "--on-error", "reject-rows", "--errors", "wrong.csv"];
    shop.run(&arguments).exits_with(8);
    let run = shop.run(&[&arguments[..], &["--resume"]].concat()).exits_with(8);
    assert!(run.stdout.contains("0 products imported: 1 unchanged, 1 rejected"), "{run}");
    assert!(run.stderr.contains("line 3: price x"), "{run}");
    assert!(std::fs::read_to_string(shop.path("wrong.csv")).expect("written").contains("3,price,x,"));
}

#[test]
fn an_invalid_order_is_rejected_with_its_line_and_nothing_is_written() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    stocked(&shop);
    let before = shop.everything();
    let head = "reference,user,sku,quantity\n";
    for (name, content, said) in [
        ("a.csv", "reference,user,sku\n".to_owned(), "the column quantity is missing"),
        ("a.csv", format!("{head}K7 Q2M,ann@example.com,MUG,1\n"), "printable characters without spaces"),
        ("a.csv", format!("{head},ann@example.com,MUG,1\n"), "line 2: reference: is missing"),
        ("a.csv", format!("{head}K7Q2M-9XD40,ann@example.com,MUG,0\n"), "line 2: quantity 0"),
        ("a.csv", format!("{head}K7Q2M-9XD40,ann@example.com,MUG,1,2\n"), "has 5 fields"),
        (
            "a.json",
            "[{\"reference\":\"K7Q2M-9XD40\",\"user\":\"ann@example.com\",\"items\":[]}]".to_owned(),
            "items: must be a list with at least one item",
        ),
        (
            "a.json",
            "[{\"reference\":\"K7Q2M-9XD40\",\"user\":\"ann@example.com\",\"items\":[3]}]".to_owned(),
            "is not an object",
        ),
        (
            "a.json",
            "[{\"reference\":\"K7Q2M-9XD40\",\"items\":[{\"items\":[{\"sku\":\"MUG\"}]}]}]".to_owned(),
            "unknown column items",
        ),
    ] {
        shop.file(name, &content);
        let run = shop.run(&["order", "import", name]).exits_with(7);
        assert!(run.stderr.contains(said), "{said} in {run}");
    }
    let many: String = (0..5_001).map(|_| "K7Q2M-9XD40,ann@example.com,MUG,1\n").collect();
    shop.file("a.csv", &format!("{head}{many}"));
    shop.run(&["order", "import", "a.csv"]).exits_with(7).says("more than 5000 lines");
    assert_eq!(shop.everything(), before);
}
