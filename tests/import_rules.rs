//! Import rules: duplicate rows, ambiguous names and amounts, and line numbers.

use crate::on_every_backend;
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    an_order_sharing_its_reference_with_a_rejected_record_is_placed_once,
    a_duplicate_key_is_rejected_whether_the_first_row_is_created_or_skipped,
    an_order_that_differs_from_the_stored_one_is_rejected,
    an_order_with_a_single_line_price_is_unchanged_on_reimport,
    a_dry_run_has_the_same_counts_as_the_real_run,
    a_partial_record_is_not_replaced_by_a_later_complete_one,
    a_row_is_valid_although_an_earlier_invalid_row_has_its_key,
    an_order_is_valid_although_an_earlier_invalid_record_has_its_reference,
    a_key_with_a_nul_is_rejected_with_its_line,
    an_interrupted_import_with_on_conflict_error_is_resumed,
    an_ambiguous_sku_is_rejected_with_its_line,
    an_ambiguous_email_is_rejected_with_its_line,
    an_ambiguous_reference_is_rejected_with_its_line,
);

const REJECT: [&str; 2] = ["--on-error", "reject-rows"];

fn import(shop: &Shop, noun: &str, file: &str, text: &str, flags: &[&str]) -> Run {
    shop.file(file, text);
    shop.run(&[&[noun, "import", file][..], flags].concat())
}

fn a_row_is_valid_although_an_earlier_invalid_row_has_its_key(shop: &Shop) {
    let rows = ["A,a,x", "A,b,y", "A,c,3", "a,d,4", "B,e,5", "A,f,z", "B,g,6", "C,h,-"];
    let file = format!("sku,name,price\n{}\n", rows.join("\n"));
    let run = import(shop, "product", "a.csv", &file, &REJECT).exits_with(8);
    let run = run.says("line 2: price x").says("line 3: price y");
    let run = run.says("line 5: a: the same product is already in the file, in line 4");
    let run = run.says("line 7: A: the same product is already in the file, in line 4");
    run.says("line 8: B: the same product is already in the file, in line 6").says("6 rows were rejected");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["c", "e"]);
    // The same in transactions of two rows; existing rows are kept.
    let run = import(shop, "product", "a.csv", &file, &["--batch", "2", "--json", REJECT[0], REJECT[1]]).exits_with(8);
    assert_eq!((&run.json()["unchanged"], &run.json()["rejected"]), (&2.into(), &6.into()), "{run}");
    let users = "email,first_name,last_name\nann@example.com,,Lee\nAnn@example.com,Ann,Lee\nann@example.com,Bo,Ek\n";
    let run = import(shop, "user", "u.csv", users, &REJECT).exits_with(8);
    run.says("line 2: first_name").says("line 4: ann@example.com: the same user is already in the file, in line 3");
    assert_eq!(shop.column("SELECT first_name FROM users"), ["Ann"]);
    shop.assert_invariants();
}

/// PostgreSQL rejects any statement with such a text, also a query.
fn a_key_with_a_nul_is_rejected_with_its_line(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("A", "1.00", 9);
    let orders = format!("reference,user,sku,quantity\nR-1,{user},A,1\n");
    for (noun, rows) in [
        ("user", "email,first_name,last_name\nbo@example.com,B,L\nb\0d@example.com,B,L\n".to_owned()),
        ("product", "sku,name,price\nB,b,1\nC\0D,c,1\n".to_owned()),
        ("order", format!("{orders}R\02,{user},A,1\n")),
        ("order", format!("{orders}R-2,a\0nn@example.com,A,1\n")),
        ("order", format!("{orders}R-2,{user},A\0,1\n")),
    ] {
        import(shop, noun, "a.csv", &rows, &[]).exits_with(7).says("line 3: ");
        import(shop, noun, "a.csv", &rows, &REJECT).exits_with(8).says("line 3: ");
    }
    let invoices = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n7\08,A,1,12/31/2010 8:26,1.00,5\n";
    import(shop, "order", "a.csv", invoices, &["--invoices"]).exits_with(7).says("line 2: ");
    shop.run_with_input(&["order", "pay", "-f", "-", "-y"], "R\u{0}1\n").exits_with(3);
    shop.assert_invariants();
}

fn an_interrupted_import_with_on_conflict_error_is_resumed(shop: &Shop) {
    let rows: String = (1..=30).map(|number| format!("u{number}@example.com,U,{number}\n")).collect();
    let file = format!("email,first_name,last_name\n{rows}");
    import(shop, "user", "u.csv", &file, &["--batch", "10"]).success();
    // Simulates a missing last transaction.
    shop.sql("DELETE FROM users WHERE last_name IN ('21', '22', '23', '24', '25', '26', '27', '28', '29', '30')");
    shop.sql("DELETE FROM audit_events WHERE idempotency_key LIKE 'import:%:000000000031.%'");
    let flags = ["--batch", "10", "--on-conflict", "error"];
    import(shop, "user", "u.csv", &file, &flags).exits_with(7).says("20 of 30 rows are invalid");
    let run = import(shop, "user", "u.csv", &file, &[&flags[..], &["--resume"]].concat()).success();
    assert!(run.stdout.contains("10 users imported: 10 created"), "{run}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users"), 30);
}

/// What only changes a product or a user has its key, whether there is one or not.
fn a_partial_record_is_not_replaced_by_a_later_complete_one(shop: &Shop) {
    let products = [r#"{"sku":"A","price":"1.00"}"#, r#"{"sku":"A","name":"Ant","price":"3.00"}"#];
    let users = [
        r#"{"email":"ann@example.com","first_name":"Bo"}"#,
        r#"{"email":"ann@example.com","first_name":"Ann","last_name":"Lee"}"#,
    ];
    for (noun, key, [change, whole]) in [("product", "A", products), ("user", "ann@example.com", users)] {
        let again = format!("line 2: {key}: the same {noun} is already in the file, in line 1");
        let both = format!("{change}\n{whole}\n");
        for _ in 0..2 {
            import(shop, noun, "a.jsonl", &both, &REJECT).exits_with(7).says("line 1: ").says(&again);
        }
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {noun}s")), 0);
        import(shop, noun, "b.jsonl", whole, &[]).success();
        for count in ["updated", "unchanged"] {
            let flags = [&REJECT[..], &["--json"]].concat();
            let run = import(shop, noun, "a.jsonl", &both, &flags).exits_with(8).says(&again);
            assert_eq!(run.json()[count], 1, "{run}");
        }
        // An invalid record does not claim the reference.
        let wrong = change.replace("1.00", "x").replace("Bo", " ");
        let run = import(shop, noun, "c.jsonl", &format!("{wrong}\n{whole}\n"), &REJECT).exits_with(8);
        run.says("line 1: ").says("1 row was rejected");
    }
    shop.assert_invariants();
}

fn an_order_is_valid_although_an_earlier_invalid_record_has_its_reference(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5);
    let order = |reference: &str, sku: &str, pieces: u8| {
        format!(
            r#"{{"reference":"{reference}","user":"ann@example.com","items":[{{"sku":"{sku}","quantity":{pieces}}}]}}"#
        )
    };
    let orders = [order("R1", "NONE", 1), order("R1", "P1", 2), order("R1", "P1", 3), order("R2", "P1", 3)];
    let run = import(shop, "order", "a.jsonl", &orders.join("\n"), &REJECT).exits_with(8);
    run.says("line 1: R1: there is no product NONE")
        .says("line 3: R1: the same order is already in the file, in line 2");
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 0);
    // Scattered lines of one order are rejected, whichever of them are invalid.
    let lines =
        "reference,user,sku,quantity\nS1,ann@example.com,P1,x\nS2,ann@example.com,P1,1\nS1,ann@example.com,P1,1\n";
    let run = import(shop, "order", "a.csv", lines, &["--stock", "skip", REJECT[0], REJECT[1]]).exits_with(8);
    run.says("line 2: S1: the same order comes again, in line 4")
        .says("line 4: S1: the same order is already in the file");
    assert_eq!(shop.column("SELECT reference FROM orders ORDER BY reference"), ["R1", "R2", "S2"]);
    shop.assert_invariants();
}

fn an_order_that_differs_from_the_stored_one_is_rejected(shop: &Shop) {
    ["jose", "mina"].iter().for_each(|name| drop(shop.user(name)));
    shop.product("MUG", "12.50", 10);
    let order = |name: &str, sku: &str, pieces: u8| {
        format!(r#"{{"reference":"Z1","user":"{name}@example.com","items":[{{"sku":"{sku}","quantity":{pieces}}}]}}"#)
    };
    let files = [
        ("already exists with a different user", [order("jose", "MUG", 1), order("mina", "MUG", 3)]),
        ("already exists with different lines", [order("mina", "NONE", 3), order("mina", "MUG", 3)]),
    ];
    shop.file("a.jsonl", &files[1].1.join("\n"));
    let again = |file: &str, flags: &[&str]| shop.run(&[&["order", "import", file][..], flags, &REJECT].concat());
    let first = again("a.jsonl", &[]).exits_with(8).says("line 1: Z1: there is no product NONE");
    assert!(first.stdout.contains("1 created, 0 updated, 0 unchanged, 1 rejected"), "{first}");
    for (said, records) in files {
        shop.file("a.jsonl", &records.join("\n"));
        for flags in [&[][..], &["--dry-run"], &["--batch", "1"]] {
            let run = again("a.jsonl", flags).exits_with(8).says(&format!("line 1: Z1: {said}"));
            assert!(run.stdout.contains("imported: 1 unchanged, 1 rejected"), "{run}");
        }
        shop.run(&["order", "import", "a.jsonl"]).exits_with(7).says(&format!("line 1: Z1: {said}"));
    }
    assert_eq!(shop.column("SELECT stock_quantity FROM products"), ["7"]);
    shop.assert_invariants();
}

fn an_order_with_a_single_line_price_is_unchanged_on_reimport(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "2.40", 10);
    let order = |lines: &[(u8, &str)]| {
        let line = |(pieces, price): &(u8, &str)| format!("Y1,ann@example.com,MUG,{pieces},{price}\n");
        format!("reference,user,sku,quantity,unit_price\n{}", lines.iter().map(line).collect::<String>())
    };
    import(shop, "order", "a.csv", &order(&[(2, ""), (1, "12.50")]), &[]).success();
    shop.run(&["product", "update", "MUG", "--price", "3.00"]).success();
    for lines in [
        &[(2, ""), (1, "12.50")][..],
        &[(1, "12.50"), (2, "")],
        &[(1, "12.50"), (1, ""), (1, "")],
        &[(2, "2.40"), (1, "")],
        &[(2, "2.40"), (1, "12.50")],
        &[(3, "")],
    ] {
        let run = import(shop, "order", "a.csv", &order(lines), &[]).success();
        assert!(run.stdout.contains("1 unchanged"), "{lines:?}: {run}");
    }
    for lines in [
        &[(1, ""), (1, "12.50")][..],
        &[(3, ""), (1, "12.50")],
        &[(1, ""), (2, "12.50")],
        &[(2, ""), (1, "3.00")],
        &[(2, "")],
        &[(3, "2.40")],
    ] {
        let run = import(shop, "order", "a.csv", &order(lines), &[]).exits_with(7);
        run.says("line 2: Y1: already exists with different lines");
    }
    assert_eq!(shop.column("SELECT stock_quantity FROM products"), ["7"]);
}

/// What the first look refuses is not tried again: by then its stock would be there for it.
fn an_order_sharing_its_reference_with_a_rejected_record_is_placed_once(shop: &Shop) {
    shop.user("ann");
    ["P1", "P2"].iter().for_each(|sku| shop.product(sku, "1.00", 5));
    let records = [("Z1", "NONE", 1), ("Z1", "P1", 5), ("Z1", "P2", 1), ("Z2", "P1", 5)].map(|(reference, sku, pieces)| {
        format!(r#"{{"reference":"{reference}","user":"ann@example.com","items":[{{"sku":"{sku}","quantity":{pieces}}}]}}"#)
    });
    shop.file("a.jsonl", &records.join("\n"));
    for flags in [&["--dry-run"][..], &[]] {
        let run = shop.run(&[&["order", "import", "a.jsonl"][..], &REJECT, flags].concat()).exits_with(8);
        let run = run.says("line 1: Z1: there is no product NONE").says("line 2: Z1: P1 would have 0 in stock by then");
        assert!(run.stdout.contains("2 created, 0 updated, 0 unchanged, 2 rejected; 6 units"), "{run}");
    }
    assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY sku"), ["0", "4"]);
    shop.assert_invariants();
}

fn a_duplicate_key_is_rejected_whether_the_first_row_is_created_or_skipped(shop: &Shop) {
    let file = "sku,name,price\nA,first,1\na,second,2\nB,other,3\n";
    for counts in [[2, 0], [0, 2]] {
        let flags = ["--on-conflict", "skip", "--json", REJECT[0], REJECT[1]];
        let run = import(shop, "product", "a.csv", file, &flags).exits_with(8);
        let json = run.json();
        assert_eq!([&json["created"], &json["skipped"], &json["rejected"]], [counts[0], counts[1], 1], "{run}");
        import(shop, "product", "a.csv", file, &flags[..2])
            .exits_with(7)
            .says("line 3: a: the same product is already in the");
    }
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["first", "other"]);
}

/// How many were created, rejected, made and taken, and how it ended.
fn outcome(run: &Run) -> (Vec<String>, i32) {
    let counts = ["created", "updated", "unchanged", "rejected", "users", "products", "units_taken"];
    let json = run.json();
    (counts.map(|count| format!("{count} {}", json[count])).to_vec(), run.code)
}

fn a_dry_run_has_the_same_counts_as_the_real_run(shop: &Shop) {
    shop.user("ann");
    shop.product("TRAY", "1.00", 21);
    let orders: String = (1..=8).map(|number| format!("R{number},ann@example.com,TRAY,5\n")).collect();
    let orders = format!("reference,user,sku,quantity\n{orders}");
    let invoice = |number: u8| format!("{number},P{},Pot,1,2025-03-01 10:00,2.00,{}\n", number % 2, number % 2 + 7);
    let invoices: String = (1..=5).map(invoice).collect();
    let invoices = format!("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n{invoices}");
    let cases = [
        ("orders.csv", &orders, &["--batch", "2"][..], 8, "4 created, 0 updated, 0 unchanged, 4 rejected; 20 units"),
        (
            "invoices.csv",
            &invoices,
            &["--batch", "1", "--invoices"],
            0,
            "5 created, 0 updated, 0 unchanged; 2 users and 2 products",
        ),
    ];
    for (name, file, flags, code, said) in cases {
        shop.file(name, file);
        let run =
            |more: &[&str]| shop.run(&[&["order", "import", name][..], &REJECT, flags, more].concat()).exits_with(code);
        let dry = run(&["--dry-run"]);
        assert!(dry.stdout.contains(said), "{dry}");
        let (dry, wrong) =
            (run(&["--dry-run", "--json", "--errors", "dry.csv"]), std::fs::read_to_string(shop.path("dry.csv")));
        let real = run(&["--json", "--errors", "real.csv"]);
        assert_eq!(outcome(&dry), outcome(&real), "{dry} {real}");
        assert_eq!(wrong.ok(), std::fs::read_to_string(shop.path("real.csv")).ok());
    }
    shop.assert_invariants();
}

fn an_ambiguous_sku_is_rejected_with_its_line(shop: &Shop) {
    shop.user("ann");
    for (sku, name) in [("abc", "low"), ("ABC", "high"), ("Once", "once")] {
        shop.sql(&format!("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('{sku}', '{name}', 1, 5)"));
    }
    let file = "sku,name\naBc,new\nabc,lower\nABC,higher\nonce,more\n";
    let run = import(shop, "product", "a.csv", file, &REJECT).exits_with(8);
    run.says("line 2: aBc: matches 2 products; write it exactly as stored: ABC, abc").says("1 row was rejected");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY name"), ["higher", "lower", "more"]);
    let orders =
        "reference,user,sku,quantity\nR1,ann@example.com,aBc,1\nR2,ann@example.com,abc,2\nR3,ann@example.com,ABC,3\n";
    let run = import(shop, "order", "o.csv", orders, &REJECT).exits_with(8);
    run.says("line 2: sku aBc: matches 2 products");
    assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY name"), ["2", "3", "5"]);
    let file = shop.run(&["product", "export", "--out", "all.csv"]).success();
    drop(file);
    assert_eq!(shop.run(&["product", "import", "all.csv", "--json"]).success().json()["unchanged"], 3);
}

fn an_ambiguous_email_is_rejected_with_its_line(shop: &Shop) {
    let users = ["Bo@example.com", "BO@example.com", "Cy@example.com", "cy@example.com"];
    for email in users {
        shop.sql(&format!(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('{email}', 'x', 'F', '{email}')"
        ));
    }
    let file = "email,first_name\nbo@example.com,X\nBO@example.com,Y\nCY@example.com,Z\n";
    let run = import(shop, "user", "u.csv", file, &REJECT).exits_with(8);
    run.says("line 2: bo@example.com: matches 2 users").says("1 row was rejected");
    let first_name = |email: &str| shop.column(&format!("SELECT first_name FROM users WHERE last_name = '{email}'"));
    assert_eq!(users.map(|email| first_name(email).concat()), ["F", "Y", "F", "Z"]);
    // Commands match an address like imports do.
    for command in [&["user", "disable", "-y"][..], &["user", "show"]] {
        let run = shop.run(&[command, &["bo@example.com"]].concat()).exits_with(6);
        run.says("user.ambiguous").says("may be any of 2 users: BO@example.com, Bo@example.com");
    }
    for (typed, meant) in [("Bo@example.com", "Bo@example.com"), ("CY@example.com", "cy@example.com")] {
        assert_eq!(shop.run(&["user", "show", typed, "--json"]).success().json()["email"], meant);
    }
}

fn an_ambiguous_reference_is_rejected_with_its_line(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5);
    for reference in ["low-1", "LOW-1"] {
        shop.sql(&format!("INSERT INTO orders (reference, user_id) SELECT '{reference}', id FROM users"));
    }
    let file = "reference,user,sku,quantity\nLow-1,ann@example.com,P1,1\nNEW-1,ann@example.com,P1,1\n";
    let run = import(shop, "order", "o.csv", file, &REJECT).exits_with(8);
    run.says("line 2: Low-1: matches 2 orders; write it exactly as stored: LOW-1, low-1");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 3);
}

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    shop
}

#[test]
fn ambiguous_dates_are_rejected_with_a_hint_and_dotted_dates_are_reported() {
    let shop = shop();
    let file = |date: &str| format!("reference,user,sku,quantity,created_at\nR1,ann@example.com,P1,1,{date}\n");
    let run = import(&shop, "order", "a.csv", &file("01/02/2024"), &[]).exits_with(7);
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned();
    let flags: Vec<&str> = hint.split("--").skip(1).collect();
    assert_eq!(flags.len(), 2, "{run}");
    for (flags, day) in flags.iter().zip(["2024-02-01", "2024-01-02"]) {
        let flags = flags.trim_end_matches(" or ").trim();
        shop.paste(&format!("shopctl order import a.csv --{flags}")).success();
        let orders = shop.run(&["order", "list", "--json"]).success().json();
        assert!(orders["items"][0]["created_at"].as_str().expect("a time").starts_with(day), "{hint}: {orders}");
        shop.sql("DELETE FROM order_items; DELETE FROM orders");
    }
    let run = import(&shop, "order", "b.csv", &file("01.02.2024"), &[]).success();
    run.says("dates are read as dmy (line 2: 01.02.2024)");
    let orders = shop.run(&["order", "list", "--json"]).success().json();
    assert!(orders["items"][0]["created_at"].as_str().expect("a time").starts_with("2024-02-01"), "{orders}");
    let run = import(&shop, "order", "b.csv", &file("01.02.2024"), &["--date-order", "dmy"]).success();
    assert!(!run.stderr.contains("dates are read"), "{run}");
}

#[test]
fn an_amount_with_a_country_prefix_uses_its_currency() {
    let shop = shop();
    let price = |amount: &str, flags: &[&str]| {
        let run = import(&shop, "product", "a.csv", &format!("sku,price\nP1,{amount}\n"), flags);
        (run, shop.column("SELECT price FROM products").concat().parse::<f64>().expect("an amount"))
    };
    let cases = [
        ("CA$2", "CAD", 2.0),
        ("US$ 5", "USD", 5.0),
        ("A$3.50", "AUD", 3.5),
        ("R$ 10", "BRL", 10.0),
        ("CHF 6", "CHF", 6.0),
        ("7 kr", "SEK", 7.0),
        ("8 NZ$", "NZD", 8.0),
    ];
    for (amount, code, meant) in cases {
        let (run, stored) = price(amount, &[]);
        let sign = amount.trim_matches(|character: char| character.is_ascii_digit() || " .".contains(character));
        run.success().says(&format!("amounts are in {sign} (price)"));
        assert_eq!(stored.to_string(), meant.to_string(), "{amount}");
        price(amount, &["--currency", code]).0.success();
        price(amount, &["--currency", "EUR"]).0.exits_with(7).says("is not in EUR");
    }
    for (amount, other) in [("R$1", "USD"), ("CA$1", "USD"), ("$1", "BRL"), ("1 kr", "EUR")] {
        price(amount, &["--currency", other]).0.exits_with(7).says(&format!("is not in {other}"));
    }
    for amount in ["$CA 2", "XYZ$2", "2 dollars", "Fr. 5", "R 5", "kr2kr"] {
        price(amount, &[]).0.exits_with(7).says("line 2: price").says("must be an amount");
    }
    let mixed = "sku,name,price\nP1,a,CA$1\nP2,b,US$ 1\n";
    import(&shop, "product", "b.csv", mixed, &[])
        .exits_with(7)
        .says("more than one currency: price is CA$ in line 2 and US$ in line 3");
    // Either row may be the intended one, but not both.
    let file = "sku,name,price\nP1,a,$1\nP2,b,€ 1\nP3,c,CA$1\nP4,d,USD 1\n";
    let flags = |currency| ["--currency", currency, "--on-error", "reject-rows"];
    import(&shop, "product", "c.csv", file, &flags("$")).exits_with(7).says("CA$ in line 4 and USD in line 5");
    import(&shop, "product", "c.csv", file, &flags("USD")).exits_with(8).says("line 3: €").says("line 4: CA$");
    for (amount, code) in [("₹2", "INR"), ("₩ 2", "KRW"), ("AR$2", "ARS"), ("RMB 2", "CNY")] {
        let file = format!("sku,name,price,Currency\nP1,a,{amount},{code}\n");
        import(&shop, "product", "d.csv", &file, &[]).success();
        import(&shop, "product", "d.csv", &file, &["--currency", code]).success();
    }
}

#[test]
fn unicode_line_separators_do_not_end_a_line() {
    let shop = shop();
    for separator in ["\u{2028}", "\u{2029}", "\u{85}"] {
        let prices = |wrong: &str| {
            format!(
                "sku,name,description,price\nA,a,one{separator}two,1\n{separator}\nB,b,\"one{separator}\ntwo\",1\n{separator}C,c,{separator},1\nD,d,,{wrong}\n"
            )
        };
        let run =
            import(&shop, "product", "a.csv", &prices("x"), &["--on-error", "reject-rows", "--json", "--dry-run"]);
        let (run, json) = (format!("{separator:?}: {run}"), run.json());
        let sum: u64 = ["created", "updated", "unchanged", "rejected"]
            .map(|count| json[count].as_u64().expect("a count"))
            .iter()
            .sum();
        assert_eq!(sum, 4, "{run}");
        assert!(run.contains("\"line\":7"), "{run}");
        let record = |sku: &str, price: &str| {
            format!("{{\"sku\":\"{sku}\",\"name\":\"a\",\"description\":\"1{separator}2\",\"price\":\"{price}\"}}")
        };
        let lines = format!("{}\n{}\n{}\n", record("A", "1"), record("B", "1"), record("C", "x"));
        import(&shop, "product", "a.jsonl", &lines, &["--dry-run"]).exits_with(7).says("line 3: price x");
        let list = format!("[{},\n{},\n{}]", record("A", "1"), record("B", "1"), record("C", "x"));
        import(&shop, "product", "a.json", &list, &["--dry-run"]).exits_with(7).says("record 3, line 3: price x");
        // Invalid JSON between records is rejected with its line.
        let plain = |sku: &str| format!(r#"{{"sku":"{sku}","name":"a","price":1}}"#);
        let joined = format!("{}\n{}{separator}{}\n", plain("A"), plain("B"), plain("C"));
        let run = import(&shop, "product", "b.jsonl", &joined, &["--dry-run", "--json", "--on-error", "reject-rows"]);
        let run = run.exits_with(8);
        assert_eq!((&run.json()["created"], &run.json()["rejected"]), (&1.into(), &1.into()), "{run}");
        assert!(run.to_string().contains("\"line\":2"), "{run}");
        let joined = format!("[{}{separator},{}]", plain("A"), plain("B"));
        import(&shop, "product", "b.json", &joined, &["--dry-run"]).exits_with(7).says("line 1: the file is not JSON");
    }
}
