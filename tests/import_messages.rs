//! Import messages: which record is invalid, which values were normalized, and what to do.

use std::fs;

use crate::on_every_backend;
use crate::support::terminal::{end, start};
use crate::support::{Backend, Run, Shop};

on_every_backend!(an_interrupted_import_of_one_long_line_resumes_where_it_stopped);

fn shop() -> Shop {
    Shop::migrated(Backend::Sqlite).expect("always there")
}

fn import(shop: &Shop, file: &str, flags: &[&str]) -> Run {
    shop.run(&[&["product", "import", file], flags].concat())
}

#[test]
fn records_on_one_line_of_json_are_distinguished() {
    let shop = shop();
    let record = |number: usize| {
        let price = if number == 3 { "x" } else { "1.00" };
        format!("{{\"sku\":\"A-{number}\",\"name\":\"a\",\"price\":\"{price}\"}}")
    };
    let records: Vec<String> = (1..=4).map(record).collect();
    shop.file("a.json", &format!("[{}]", records.join(",")));
    let flags = ["--on-error", "reject-rows", "--errors", "wrong.csv"];
    import(&shop, "a.json", &flags).exits_with(8).says("\n  record 3: price x: ");
    let wrong = fs::read_to_string(shop.path("wrong.csv")).expect("written");
    assert!(wrong.starts_with("line,column,value,reason,record\n1,price,x,") && wrong.ends_with(",3\n"), "{wrong}");
    let run = import(&shop, "a.json", &["--json"]).exits_with(7);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("JSON");
    let rejection = &error["error"]["details"]["rejections"][0];
    assert_eq!(
        (&rejection["line"], &rejection["record"], &rejection["column"]),
        (&1.into(), &3.into(), &"price".into())
    );
    // Record numbers are shown in addition to lines only where the two differ.
    shop.file("b.json", &format!("[\n{}\n]", records.join(",\n")));
    import(&shop, "b.json", &[]).exits_with(7).says("\n  record 3, line 4: price x: ");
    shop.file("c.jsonl", &records.join("\n"));
    import(&shop, "c.jsonl", &["--errors", "wrong.csv"]).exits_with(7).says("\n  line 3: price x: ");
    assert!(fs::read_to_string(shop.path("wrong.csv")).expect("written").starts_with("line,column,value,reason\n3,"));
    shop.file("d.json", &format!("[{},{{\"sku\":\"B\" \"name\":1}}]", records[0]));
    import(&shop, "d.json", &[]).exits_with(7).says("line 1: the file is not JSON").says("(record 2)");
    shop.file("e.json", &format!("[{0},{1},{0}]", records[0], records[1]));
    import(&shop, "e.json", &[])
        .exits_with(7)
        .says("record 3: A-1: the same product is already in the file, in record 1");
}

fn an_interrupted_import_of_one_long_line_resumes_where_it_stopped(shop: &Shop) {
    let record = |number: usize| format!("{{\"sku\":\"A-{number}\",\"name\":\"Name {number}\",\"price\":1}}");
    shop.file("a.json", &format!("[{}]", (1..=30).map(record).collect::<Vec<_>>().join(",")));
    import(shop, "a.json", &["--batch", "10"]).success();
    // Simulates a missing last transaction.
    shop.sql("DELETE FROM products WHERE name IN ('Name 25', 'Name 3')");
    shop.sql("DELETE FROM audit_events WHERE idempotency_key LIKE 'import:%:000000000001.000000000030'");
    let run = import(shop, "a.json", &["--resume"]).success().says("continuing after record 20");
    assert!(run.stdout.contains("1 product imported: 1 created, 0 updated, 9 unchanged"), "{run}");
}

#[test]
fn ascii_is_not_read_as_windows_1252() {
    let shop = shop();
    for name in ["ascii", "US-ASCII", "ANSI_X3.4-1968"] {
        fs::write(shop.path("a.csv"), b"sku,name,price\nA,a,1\nB,caf\xe9,1\n").expect("our own file");
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("line 3: the text is not US-ASCII");
        shop.file("a.csv", "sku,name,price\nA,café,1\n");
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("line 2: the text is not US-ASCII");
        shop.file("a.csv", "\u{feff}sku,name,price\nA,a,1\n");
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("begins with the byte order mark of UTF-8");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    shop.file("a.csv", "sku,name,price\nA,a,1\n");
    import(&shop, "a.csv", &["--encoding", "ascii"]).success();
    // These labels mean Windows-1252.
    for (sku, name) in [("L1", "latin1"), ("L2", "ISO-8859-1"), ("L3", "windows-1252")] {
        let bytes = [b"sku,name,price\n", sku.as_bytes(), b",\x80,1\n"].concat();
        fs::write(shop.path("a.csv"), bytes).expect("our own file");
        import(&shop, "a.csv", &["--encoding", name]).success();
        assert_eq!(shop.column(&format!("SELECT name FROM products WHERE sku = '{sku}'")), ["€"]);
    }
    for name in ["x-user-defined", "utf-7", "iso-2022-kr", "ansi"] {
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("must be one of utf-8, ascii,");
    }
    let wide: Vec<u8> = "sku,name,price\nW,w,1\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    fs::write(shop.path("a.csv"), wide).expect("our own file");
    for name in ["utf-16", "utf-16le"] {
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("--encoding utf-16be");
    }
    fs::write(shop.path("a.csv"), b"\xff\xfe\0\0s\0\0\0").expect("our own file");
    import(&shop, "a.csv", &[]).exits_with(7).says("the file is UTF-32");
}

#[test]
fn two_columns_in_different_currencies_are_rejected() {
    let shop = shop();
    shop.user("ann");
    shop.product("C1", "1.00", 5);
    shop.file("a.csv", "sku,name,price,Currency\nCA1,a,1,EUR\nCA2,b,$2,EUR\n");
    let run = import(&shop, "a.csv", &[]).exits_with(7);
    run.says("Currency is EUR in line 2 and price is $ in line 3")
        .says("if all amounts are in one currency: --ignore-columns Currency");
    shop.file("b.csv", "sku,name,price,Currency,Variant Currency\nCA1,a,1,EUR,USD\n");
    let run = import(&shop, "b.csv", &[]).exits_with(7);
    run.says("Currency is EUR in line 2 and Variant Currency is USD in line 2")
        .says("--ignore-columns 'Variant Currency'");
    import(&shop, "b.csv", &["--ignore-columns", "Variant Currency", "--dry-run"]).success();
    let orders = "reference,user,sku,quantity,unit_price,total_amount\nR1,ann@example.com,C1,1,€2,$2\n";
    shop.file("o.csv", orders);
    shop.run(&["order", "import", "o.csv"])
        .exits_with(7)
        .says("unit_price is € in line 2 and total_amount is $ in line 2");
    let told = "price_set.currency is EUR in record 1 and price is $ in record 2";
    let nested =
        r#"[{"sku":"A","name":"n","price":1,"price_set":{"currency":"EUR"}},{"sku":"B","name":"n","price":"$1"}]"#;
    shop.file("c.json", nested);
    import(&shop, "c.json", &["--only-mapped"]).exits_with(7).says(told);
    import(&shop, "c.json", &["--only-mapped", "--ignore-columns", "price_set", "--dry-run"]).success();
    let nested = r#"[{"sku":"A","name":"n","price_set":{"amount":1,"currency":"EUR"}},{"sku":"B","name":"n","price_set":{"amount":"$1"}}]"#;
    shop.file("c.json", nested);
    import(&shop, "c.json", &["--only-mapped", "--map", "price_set.amount=price"]).exits_with(7).says(told);
    // Compatible currency notations do not conflict.
    shop.file("d.csv", "sku,name,price,Currency\nCA1,a,$1,USD\nCA2,b,2 $,US$\n");
    import(&shop, "d.csv", &["--dry-run"]).success();
    shop.file("e.csv", "sku,name,price,Currency\nCA1,a,$1,USD\nCA2,b,2 $,CA$\n");
    import(&shop, "e.csv", &[]).exits_with(7).says("Currency is USD in line 2 and CA$ in line 3");
    import(&shop, "e.csv", &["--currency", "$"]).exits_with(7).says("USD in line 2 and CA$ in line 3");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
}

#[test]
fn one_column_in_two_currencies_is_rejected() {
    let shop = shop();
    let products = |column: &str, rows: &[&str]| {
        let rows: String = rows.iter().zip(1..).map(|(row, number)| format!("C{number},n,{row}\n")).collect();
        format!("sku,name,price,{column}\n{rows}")
    };
    // For any column name, mapped or ignored.
    for column in ["currency", "Currency", "order_currency_code", "Währung", "Currency Code"] {
        shop.file("a.csv", &products(column, &["1,EUR", "2,", "3,USD"]));
        for flags in [&[][..], &["--only-mapped"], &["--on-error", "reject-rows"]] {
            import(&shop, "a.csv", flags)
                .exits_with(7)
                .says("import.currency")
                .says(&format!("{column} is EUR in line 2 and USD in line 4"))
                .says("--currency EUR --on-error reject-rows");
        }
    }
    for (price, said) in
        [(["$1", "€2"], "price is $ in line 2 and € in line 3"), (["1 EUR", "GBP 2"], "price is EUR in line 2")]
    {
        shop.file(
            "b.csv",
            &products("description", &price.map(|price| format!("{price},")).each_ref().map(String::as_str)),
        );
        import(&shop, "b.csv", &[]).exits_with(7).says(said);
    }
    shop.file("c.json", r#"[{"sku":"A","name":"n","price":{"amount":1,"currency":"EUR"}},{"sku":"B","name":"n","price":{"amount":1,"currency":"SEK"}}]"#);
    import(&shop, "c.json", &["--map", "price.amount=price"])
        .exits_with(7)
        .says("price.currency is EUR in record 1 and SEK in record 2");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    // One currency is selected; rows in the others are rejected with their lines.
    let run = import(&shop, "a.csv", &["--currency", "eur", "--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("2 products imported: 2 created, 0 updated, 0 unchanged, 1 rejected"), "{run}");
    assert!(run.stderr.contains("1 row was rejected:\n  line 4: USD: is not in eur, as --currency requires"), "{run}");
    // A flag declares that all amounts of the column are in one currency.
    import(&shop, "a.csv", &["--ignore-columns", "Currency Code"]).success();
    shop.file("d.csv", &products("Currency", &["1,EUR", "2,eur", "€3,", "4,€"]));
    import(&shop, "d.csv", &[]).success().says("amounts are in EUR (Currency), € (price)");
    shop.file("e.csv", "sku,name,price\nC1,n,1\n");
    import(&shop, "e.csv", &["--currency", "EUR"]).exits_with(7).says("the file does not give its currency");
    shop.file("u.csv", "email,first_name,last_name\nann@example.com,Ann,Lee\n");
    shop.run(&["user", "import", "u.csv", "--currency", "EUR"]).exits_with(2).says("users have no amounts");
    // The lines of an order have a currency, too.
    shop.run(&["user", "import", "u.csv"]).success();
    shop.file(
        "o.csv",
        "reference,user,sku,quantity,unit_price,Currency\nR1,ann@example.com,C1,1,1,EUR\nR1,ann@example.com,C1,1,2,USD\nR2,ann@example.com,C1,1,1,EUR\n",
    );
    let order = ["order", "import", "o.csv", "--stock", "skip"];
    shop.run(&order).exits_with(7).says("Currency is EUR in line 2 and USD in line 3");
    let run = shop.run(&[&order[..], &["--currency", "EUR", "--on-error", "reject-rows"]].concat()).exits_with(8);
    assert_eq!(shop.column("SELECT reference FROM orders"), ["R2"], "an order goes in whole or not at all: {run}");
}

#[test]
fn a_title_above_the_header_is_reported_with_a_working_hint() {
    let shop = shop();
    for (above, lines) in [
        ("Price list of 1 March\n", 1),
        ("Price list;;\n\n", 2),
        ("Report,Products\nMade by,Ann\n\"Date, time\",1 March\n", 3),
        ("\"Price list\r\nof March\"\r\n", 2),
    ] {
        for header in ["sku,name,price\nT,t,1\n", "SKU;Name;Price\nT;t;1\n"] {
            shop.file("a.csv", &format!("{above}{header}"));
            let run = import(&shop, "a.csv", &[]).exits_with(7).says("line 1 does not look like a header");
            let hint = format!("hint: --skip-lines {lines}");
            assert!(run.stderr.contains(&hint), "{hint} in {run}");
            import(&shop, "a.csv", &["--skip-lines", &lines.to_string()]).success();
        }
    }
    // A header with unknown names is recognized by its fields.
    shop.file("a.csv", "Preisliste\nArtikel;Bezeichnung;Preis\nT;t;1\n");
    import(&shop, "a.csv", &[]).exits_with(7).says("line 1 does not look like a header, line 2 does");
    let maps = ["--map", "Artikel=sku", "--map", "Bezeichnung=name", "--map", "Preis=price"];
    import(&shop, "a.csv", &[&["--skip-lines", "1"], &maps[..]].concat()).success();
    // Lines are numbered from the start of the file.
    shop.file("a.csv", "Title\nsku,name,price\nT,t,x\n");
    import(&shop, "a.csv", &["--skip-lines", "1"]).exits_with(7).says("line 3: price x");
    import(&shop, "a.csv", &["--skip-lines", "4"]).exits_with(7).says("there is no header after the first 4 lines");
    shop.file("a.json", "[]");
    import(&shop, "a.json", &["--skip-lines", "1"]).exits_with(2).says("is for CSV");
}

#[test]
fn an_errors_file_of_an_earlier_run_is_replaced() {
    let shop = shop();
    shop.file("a.csv", "sku,name,price\nA,a,x\n");
    import(&shop, "a.csv", &["--errors", "wrong.csv"]).exits_with(7).says("1 of 1 row is invalid");
    shop.file("a.csv", "sku,name,price\nA,a,1\n");
    import(&shop, "a.csv", &["--errors", "wrong.csv"]).success().says("emptied wrong.csv");
    assert_eq!(fs::read_to_string(shop.path("wrong.csv")).expect("there"), "line,column,value,reason\n");
    import(&shop, "a.csv", &["--errors", "none.csv"]).success();
    assert!(!shop.path("none.csv").exists(), "a file without errors is not made");
}

#[test]
fn a_removed_apostrophe_is_reported_once() {
    let shop = shop();
    shop.file("a.csv", "sku,name,price\nA,plain,1\nB,'=1+1,1\nC,'-x,1\nD,'tis,1\n");
    let run = import(&shop, "a.csv", &[]).success();
    assert_eq!(run.stderr.matches("apostrophe").count(), 1, "{run}");
    assert!(run.stderr.contains("are removed (line 3)"), "{run}");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["plain", "=1+1", "-x", "'tis"]);
    // A key that begins with an apostrophe is exported with two.
    shop.file("b.csv", "sku,name,price\n'00123,plain,1\n'' x,own,1\n");
    import(&shop, "b.csv", &[]).success().says("are removed (line 2)");
    assert_eq!(
        shop.column("SELECT sku FROM products WHERE name IN ('plain', 'own') AND sku <> 'A' ORDER BY sku"),
        ["' X", "00123"]
    );
    shop.file("b.json", r#"[{"sku":"'00123","name":"another","price":1}]"#);
    let run = import(&shop, "b.json", &[]).success();
    assert!(run.stdout.contains("1 created") && !run.stderr.contains("apostrophe"), "{run}");
    // Values of ignored columns are not checked.
    shop.file("a.csv", "sku,name,price,other\nA,plain,1,'=1\n");
    let run = import(&shop, "a.csv", &["--ignore-columns", "other"]).success();
    assert!(!run.stderr.contains("apostrophe"), "{run}");
}

#[test]
fn times_in_the_future_are_reported() {
    let shop = shop();
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    #[expect(clippy::disallowed_methods, reason = "what is in the future depends on the clock of the test")]
    let now = chrono::Utc::now();
    let minutes = |minutes: i64| (now + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let line = |(number, time): (usize, String)| format!("F{number},ann@example.com,P1,1,{time}\n");
    let file = |times: Vec<String>| {
        let lines: String = times.into_iter().enumerate().map(line).collect();
        shop.file("o.csv", &format!("reference,user,sku,quantity,created_at\n{lines}"));
    };
    // Small clock differences are not reported.
    file(vec![minutes(-60), minutes(3)]);
    let run = shop.run(&["order", "import", "o.csv", "-n"]).success();
    assert!(!run.stderr.contains("future"), "{run}");
    file(vec![minutes(-60), minutes(30), "2999-12-31".to_owned()]);
    shop.run(&["order", "import", "o.csv"]).success().says("2 times in the future (line 3)");
    file(vec![minutes(30)]);
    shop.run(&["order", "import", "o.csv", "-n", "--on-conflict", "skip"])
        .success()
        .says("1 time in the future (line 2)");
}

#[test]
fn counts_of_one_use_the_singular() {
    let shop = shop();
    shop.file("a.csv", "sku,name,price,stock_quantity\nA,a,1,5\n");
    let run = import(&shop, "a.csv", &[]).success();
    assert!(run.stdout.starts_with("1 product imported: 1 created"), "{run}");
    shop.file("a.csv", "sku,stock_quantity\nA,6\n");
    import(&shop, "a.csv", &[]).success().says("the stock of 1 existing product is not imported:");
    shop.file(
        "i.csv",
        "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n1,B,1,2020-01-31,1,17\n2,B,x,2020-01-31,1,17\n",
    );
    let invoices = ["order", "import", "i.csv", "--invoices", "--on-error", "reject-rows"];
    let run = shop.run(&invoices).exits_with(8).says("1 order was rejected:");
    assert!(
        run.stdout
            .contains("1 order imported: 1 created, 0 updated, 0 unchanged, 1 rejected; 1 user and 1 product created"),
        "{run}"
    );
    shop.file("o.csv", "reference,user,sku,quantity\nR1,customer-17@example.invalid,A,1\n");
    let run = shop.run(&["order", "import", "o.csv"]).success();
    assert!(run.stdout.contains("; 1 unit taken from stock"), "{run}");
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 1 WHERE sku = 'A'");
    shop.run(&["stock", "verify"]).exits_with(9).says("the stock of 1 product does not match its movements");
}

#[test]
fn an_import_shows_a_progress_bar_on_a_terminal() {
    let shop = shop();
    let rows: String = (0..3_000).map(|number| format!("B-{number},row,1\n")).collect();
    shop.file("a.csv", &format!("sku,name,price\n{rows}"));
    let arguments = ["product", "import", "a.csv", "--batch", "100"];
    let mut session = start(&shop, &arguments, &[]);
    for shown in ["% of the file read", " of 3,000 rows, "] {
        session.exp_string(shown).unwrap_or_else(|error| panic!("{shown} is not shown: {error}"));
    }
    let (code, rest) = end(session);
    assert!(code == 0 && rest.contains("3000 products imported: 3000 created"), "{code}: {rest}");
    // No progress bar where it is disabled or unsupported.
    for (flags, variables) in [(&["--quiet"][..], &[][..]), (&[], &[("TERM", "dumb")])] {
        let (code, shown) = end(start(&shop, &[&arguments[..], flags].concat(), variables));
        assert!(code == 0 && !shown.contains("% of") && !shown.contains("rows,"), "{code}: {shown}");
    }
}

#[test]
fn the_errors_file_is_not_mixed_with_the_result() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.file("a.csv", "sku,name,price\nA,a,1\nB,b,x\n");
    for errors in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let run = shop.run(&["product", "import", "a.csv", "--on-error", "reject-rows", "--errors", errors]);
        assert_eq!(run.exits_with(2).says("--errors must not be standard output").stdout, "", "{errors}");
    }
    let run = shop.paste("shopctl product import a.csv --on-error reject-rows --errors both.csv > both.csv");
    run.exits_with(2).says("--errors must not be standard output");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    shop.paste("shopctl product import a.csv --on-error reject-rows --errors /dev/null > /dev/null").exits_with(8);
}

#[test]
fn an_import_prints_no_id_because_it_has_none() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.file("a.csv", "sku,name,price\nA,a,1\n");
    let run = shop.run(&["product", "import", "a.csv", "-o", "id"]).success();
    assert_eq!(run.stdout, "");
    run.says("1 product imported");
}
