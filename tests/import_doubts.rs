//! What a file says in a doubtful way is refused or told: nothing of it is dropped or guessed in silence.

use crate::support::{Backend, Run, Shop};

/// A shop with the product P1 at 1.00 and the user ann@example.com.
fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    shop
}

fn import(shop: &Shop, noun: &str, (file, content): (&str, &str), flags: &[&str]) -> Run {
    shop.file(file, content);
    shop.run(&[&[noun, "import", file], flags].concat())
}

const ORDER: &str = "reference,user,sku,quantity";
const LINE: &str = "R1,ann@example.com,P1,1";

#[test]
fn only_mapped_leaves_out_no_money_date_stock_or_status_unasked() {
    let shop = shop();
    let before = shop.everything();
    for (noun, name, value, field) in [
        ("order", "Order Status", "cancelled", "status"),
        ("order", "Order Date", "2020-01-01", "created_at"),
        ("order", "Datum", "2020-01-01", "created_at"),
        ("order", "Preis", "5", "unit_price"),
        ("order", "Cancelled at", "2020-01-01", "status"),
        ("order", "is_refunded", "yes", "status"),
        ("product", "Stock", "7", "stock_quantity"),
        ("product", "Regular price", "7", "price"),
        ("user", "Account Status", "disabled", "status"),
    ] {
        let (header, line) = match (noun, field) {
            ("order", _) => (ORDER, LINE),
            ("product", "price") => ("sku,name", "P1,New"),
            ("product", _) => ("SKU,Name,Price", "A,a,1"),
            _ => ("email,first_name,last_name", "bo@example.com,Bo,B"),
        };
        let content = format!("{header},{name}\n{line},{value}\n");
        let run = import(&shop, noun, ("a.csv", &content), &["--only-mapped"]).exits_with(7);
        let told = format!("the column {name} must be mapped, or ignored by name: ");
        assert!(run.stderr.contains(&told) && run.stderr.contains(field), "{run}");
        let word = shopctl::domain::text::shell_word(name);
        assert!(run.stderr.contains(&format!("to leave it out: --ignore-columns {word}\n")), "{run}");
        assert_eq!(shop.everything(), before, "{name}");
        let named = ["--only-mapped", "--ignore-columns", name, "--dry-run"];
        import(&shop, noun, ("a.csv", &content), &named).success().says(&format!("ignored: {name}"));
        import(&shop, noun, ("a.csv", &content), &named[1..]).success().says(&format!("ignored: {name}"));
    }
    // Another column of the same kind is there, and these are of none.
    let header = "SKU,Name,Price,Compare at price,Tags";
    let run = import(&shop, "product", ("a.csv", &format!("{header}\nA,a,1,9,t\n")), &["--only-mapped"]);
    run.success().says("ignored: Compare at price, Tags");
}

#[test]
fn only_mapped_leaves_out_none_of_them_in_json_either() {
    let shop = shop();
    let before = shop.everything();
    let order = r#"[{"reference":"M3","user":"ann@example.com","order_date":"2020-01-01","order_status":"cancelled",
        "note":{"text":"x"},"paid_at":null,"items":[{"sku":"P1","quantity":1,"price":5,"discount":2}]}]"#;
    let run = import(&shop, "order", ("a.json", order), &["--only-mapped"]).exits_with(7);
    for told in [
        "the columns order_date, order_status, items.price must be mapped, or ignored by name",
        "--map order_date=created_at",
        "--map order_status=status",
        "--ignore-columns order_date,order_status,items.price",
    ] {
        assert!(run.stderr.contains(told), "{told} in {run}");
    }
    assert_eq!(shop.everything(), before);
    let named = ["--only-mapped", "--ignore-columns", "order_date,order_status,items.price"];
    let run = import(&shop, "order", ("a.json", order), &named).success();
    run.says("ignored: order_date, order_status, note.text, paid_at, items.price, items.discount");
    let line = r#"{"sku":"B","name":"b","price":1,"in_stock":3}"#;
    import(&shop, "product", ("a.jsonl", line), &["--only-mapped"]).exits_with(7).says("stock_quantity");
    import(&shop, "product", ("a.jsonl", line), &["--ignore-columns", "in_stock"]).success().says("ignored: in_stock");
}

#[test]
fn rows_within_a_quoted_field_are_told() {
    let shop = shop();
    let told = "lines 3 and 4 are inside a quoted field that begins in line 2 and look like rows; \
                if they are, a quote is missing";
    let rows = "A-1,x,1,\"starts 5\nA-2,y,2,ok\nA-3,w,3,screen 24\"\nA-4,v,4,ok\n";
    let content = format!("sku,name,price,description\n{rows}");
    let run = import(&shop, "product", ("a.csv", &content), &["--dry-run"]).success();
    assert_eq!(run.stderr.matches(told).count(), 1, "{run}");
    // Also with a rejected row, in a column that is ignored, and with other delimiters and line ends.
    let other = format!("{content}A-5,v,x,ok\n");
    import(&shop, "product", ("a.csv", &other), &[]).exits_with(7).says(told);
    let other = content.replace("description", "other").replace(',', ";").replace('\n', "\r\n");
    import(&shop, "product", ("a.csv", &other), &["--ignore-columns", "other", "--dry-run"]).success().says(told);
    let middle = "sku,name,price,description\nA-1,\"x,1,d\nA-2,y\",2,ok\n";
    let told = "line 3 is inside a quoted field that begins in line 2 and looks like a row; if it is one, a quote";
    import(&shop, "product", ("a.csv", middle), &["--dry-run"]).exits_with(7).says(told);
    // In many fields, the list is short.
    let many: String = (0..20).map(|number| format!("B-{number},x,1,\"a\nC-{number},y,2,b\"\n")).collect();
    let many = format!("sku,name,price,description\n{many}");
    let run = import(&shop, "product", ("a.csv", &many), &["--dry-run"]).success();
    run.says(
        "lines 3, 5, 7, 9, 11, 13, 15, 17 and 12 more are inside quoted fields, the first of which begins in line 2,",
    );
    // Other imports that read CSV.
    let stock = "sku,received,other\nP1,1,\"a\nP1,2,b\"\n";
    let run = import(&shop, "stock", ("s.csv", stock), &["--ignore-columns", "other", "--dry-run"]).success();
    run.says("line 3 is inside a quoted field");
    shop.file("o.csv", &format!("{ORDER},status\nR1,ann@example.com,P1,1,paid\n"));
    shop.run(&["order", "import", "o.csv"]).success();
    shop.file("ship.csv", "reference,tracking,other\nR1,T1,\"a\nR2,T2,b\"\n");
    let ship = ["order", "ship", "-f", "ship.csv", "--ignore-columns", "other", "--dry-run"];
    shop.run(&ship).success().says("line 3 is inside a quoted field");
    // Prose with another number of commas is not.
    let prose = "sku,name,price,description\nA-1,x,1,\"one, two\nthree, four\nfive\"\n";
    let run = import(&shop, "product", ("a.csv", prose), &["--dry-run"]).success();
    assert!(!run.stderr.contains("quote"), "{run}");
}

#[test]
fn booleans_and_contradictory_nesting_of_json_are_refused() {
    let shop = shop();
    let before = shop.everything();
    for (noun, record, told) in [
        ("product", r#"{"sku":true,"name":"a","price":1}"#, "sku true: is not a text or number"),
        ("product", r#"{"sku":"A","name":false,"price":1}"#, "name false: is not a text or number"),
        ("product", r#"{"sku":"A","name":"a","price":true}"#, "price true: is not a text or number"),
        ("product", r#"{"sku":"A","name":"a","price":1,"description":true}"#, "description true: is not a text"),
    ] {
        import(&shop, noun, ("a.json", &format!("[{record}]")), &[]).exits_with(7).says(told);
        import(&shop, noun, ("a.jsonl", record), &[]).exits_with(7).says(told);
    }
    let order = |beside: &str, inside: &str| {
        let item = format!(r#"{{"sku":"P1","quantity":1{inside}}}"#);
        format!(r#"[{{"reference":"M1","user":"ann@example.com","items":[{item}]{beside}}}]"#)
    };
    for (beside, inside, told) in [
        (r#","sku":"P1","quantity":2"#, "", "sku P1: is beside the list of items, which has it too"),
        (r#","quantity":2"#, "", "quantity 2: is beside the list of items"),
        (r#","unit_price":2"#, "", "unit_price 2: is beside the list of items"),
        ("", r#","status":"paid""#, "status paid: is within the items"),
        ("", r#","reference":"M2""#, "reference M2: is within the items"),
        ("", r#","user":"bo@example.com""#, "user bo@example.com: is within the items"),
        ("", r#","created_at":"2020-01-01""#, "created_at 2020-01-01: is within the items"),
        ("", r#","total_amount":1"#, "total_amount 1: is within the items"),
    ] {
        for flags in [&[][..], &["--only-mapped"]] {
            import(&shop, "order", ("a.json", &order(beside, inside)), flags).exits_with(7).says(told);
        }
    }
    assert_eq!(shop.everything(), before);
    let status = order("", r#","status":"paid""#);
    let run = import(&shop, "order", ("a.json", &status), &["--ignore-columns", "items.status"]).success();
    run.says("ignored: items.status");
    import(&shop, "order", ("a.json", &order(r#","sku":null"#, r#","status":null"#)), &[]).success();
}

#[test]
fn only_codes_and_signs_of_currencies_are_read() {
    let shop = shop();
    let before = shop.everything();
    for price in ["50¢", "¢50", "GBX 1250", "₥12", "12 TSD", "12 MIO", "12 PCS", "12 STK", "VAT 12", "12 NET"] {
        let content = format!("sku,name,price\nA,a,{price}\n");
        import(&shop, "product", ("a.csv", &content), &[]).exits_with(7).says("must be an amount such as 12.50");
    }
    for currency in ["GBX", "STK", "¢"] {
        let content = format!("sku,name,price,Currency\nA,a,12,{currency}\n");
        let told = format!("line 2: Currency {currency}: is not a currency of ISO 4217, such as EUR");
        import(&shop, "product", ("a.csv", &content), &[]).exits_with(7).says(&told);
        import(&shop, "product", ("a.csv", &content), &["--currency", currency]).exits_with(7).says("ISO 4217");
    }
    assert_eq!(shop.everything(), before);
    let content = "sku,name,price,Currency\nA,a,12.50 eur,EUR\nB,b,Eur 1,eur\n";
    import(&shop, "product", ("a.csv", content), &["--currency", "eur"]).success();
}

#[test]
fn the_total_of_a_line_is_checked() {
    let shop = shop();
    let before = shop.everything();
    let header = format!("{ORDER},unit_price,Line Total");
    for (line, told) in [
        ("R1,ann@example.com,P1,2,5,9.99", "line_total 9.99: must be quantity × unit_price, 10.00"),
        (
            "R1,ann@example.com,P1,2,,10",
            "line_total 10.00 is not 2 × 1.00, the price of P1 today: add the column unit_price",
        ),
    ] {
        import(&shop, "order", ("a.csv", &format!("{header}\n{line}\n")), &["--only-mapped"]).exits_with(7).says(told);
    }
    let json = r#"[{"reference":"R1","user":"ann@example.com","items":[{"sku":"P1","quantity":2,"line_total":10}]}]"#;
    import(&shop, "order", ("a.json", json), &[]).exits_with(7).says("add the column unit_price");
    assert_eq!(shop.everything(), before);
    let lines = "R1,ann@example.com,P1,2,5,10.00\nR2,ann@example.com,P1,2,,2.00\nR3,ann@example.com,P1,2,5,\n";
    import(&shop, "order", ("a.csv", &format!("{header}\n{lines}")), &[]).success();
    shop.run(&["order", "export", "--out", "own.csv"]).success();
    let run = shop.run(&["order", "import", "own.csv", "--json"]).success();
    assert_eq!(run.json()["unchanged"], 3, "{run}");
}

#[test]
fn what_spreadsheets_make_of_texts_is_removed_or_refused() {
    let shop = shop();
    let content =
        "sku,name,description,price\n\"=\"\"0012\"\"\",'tis,\"=\"\"a \"\"\"\"b\"\"\"\"\"\"\",\"=\"\"1.50\"\"\"\n";
    let run = import(&shop, "product", ("a.csv", content), &[]).success();
    run.says("apostrophes and =\"…\" with which spreadsheets mark text are removed (line 2)");
    assert_eq!(
        shop.column("SELECT CONCAT(sku, '|', name, '|', description) FROM products WHERE price = 1.5"),
        ["0012|'tis|a \"b\""]
    );
    for cell in ["#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "########"] {
        for row in [format!("{cell},n,d,1"), format!("B,{cell},d,1"), format!("B,n,{cell},1"), format!("B,n,d,{cell}")]
        {
            let content = format!("sku,name,description,price\n{row}\n");
            let told = format!("{cell}: is an error of a spreadsheet");
            import(&shop, "product", ("a.csv", &content), &[]).exits_with(7).says(&told);
        }
    }
    let told = "is what a spreadsheet leaves of a longer number";
    for cell in ["1.23457E+17", "4E+12"] {
        import(&shop, "product", ("a.csv", &format!("sku,name,price\n{cell},n,1\n")), &[]).exits_with(7).says(told);
        let order = format!("{ORDER}\n{cell},ann@example.com,P1,1\n");
        import(&shop, "order", ("a.csv", &order), &[]).exits_with(7).says(told);
        shop.file("ship.csv", &format!("reference,tracking\nR1,{cell}\n"));
        shop.run(&["order", "ship", "-f", "ship.csv"]).exits_with(7).says(told);
    }
    // What is really called so comes back from an export.
    let odd = [("4E+12", "#N/A"), ("###", "=\"0012\""), ("1.23457E+17", "'tis"), ("'1", "####")];
    let rows: Vec<String> = odd
        .iter()
        .map(|(sku, name)| {
            format!("{{\"sku\":{},\"name\":{},\"price\":1}}", serde_json::json!(sku), serde_json::json!(name))
        })
        .collect();
    import(&shop, "product", ("odd.jsonl", &rows.join("\n")), &[]).success();
    let count = shop.number("SELECT COUNT(*) FROM products");
    for format in ["csv", "tsv", "jsonl", "json"] {
        let file = format!("own.{format}");
        shop.run(&["product", "export", "--out", &file]).success();
        let run = shop.run(&["product", "import", &file, "--json"]).success();
        assert_eq!(run.json()["unchanged"], count, "{run}");
    }
}

#[test]
fn invoices_without_a_customer_have_none_and_numbers_are_whole() {
    let shop = shop();
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    for customer in ["", "nan", "NaN", "NULL", "None", "N/A", "-", "0", "0.0"] {
        let content = format!("{header}\n1,P1,x,1,2020-01-01,1,{customer},UK\n");
        let run = import(&shop, "order", ("i.csv", &content), &["--invoices"]).exits_with(7);
        run.says("CustomerID").says("is missing");
    }
    let content = format!("{header}\n1,P1,x,1,2020-01-01,1,#N/A,UK\n");
    import(&shop, "order", ("i.csv", &content), &["--invoices"]).exits_with(7).says("is an error of a spreadsheet");
    let lines = "536365.0,P1,x,1,2020-01-01,1,17850.0,UK\n536365,P1,x,2,2020-01-01,1,17850,UK\n";
    import(&shop, "order", ("i.csv", &format!("{header}\n{lines}")), &["--invoices"]).success();
    assert_eq!(shop.column("SELECT reference FROM orders"), ["536365"]);
    assert_eq!(shop.number("SELECT SUM(quantity) FROM order_items"), 3);
}

#[test]
fn keys_that_look_alike_are_alike() {
    let shop = shop();
    let product = |sku: &str, price: u8| format!("sku,name,price\n{sku},n,{price}\n");
    import(&shop, "product", ("a.csv", &product("CAF\u{c9}", 1)), &[]).success();
    let run = import(&shop, "product", ("a.csv", &product("CAFE\u{301}", 2)), &["--json"]).success();
    assert_eq!(run.json()["updated"], 1, "{run}");
    let shown = shop.run(&["product", "show", "CAFE\u{301}", "--json"]).success().json();
    assert_eq!(shown["sku"], "CAF\u{c9}");
    let order = |reference: &str| format!("{ORDER}\n{reference},ann@example.com,P1,1\n");
    import(&shop, "order", ("a.csv", &order("CAF\u{c9}-1")), &[]).success();
    let run = import(&shop, "order", ("a.csv", &order("CAFE\u{301}-1")), &["--json"]).success();
    assert_eq!(run.json()["unchanged"], 1, "{run}");
    shop.run(&["order", "show", "CAFE\u{301}-1"]).success();
    // Blanks around a reference are no part of it.
    let lines = "R1,ann@example.com,P1,1\n R1 ,ann@example.com,P1,2\n";
    import(&shop, "order", ("a.csv", &format!("{ORDER}\n{lines}")), &[]).success();
    assert_eq!(
        shop.number(
            "SELECT SUM(quantity) FROM order_items WHERE order_id = (SELECT id FROM orders WHERE reference = 'R1')"
        ),
        3
    );
    for (email, told) in [("ann@exa\u{200b}mple.com", r"\u{200b}"), ("an\u{a0}n@example.com", r"\u{a0}")] {
        let content = format!("email,first_name,last_name\n{email},A,B\n");
        import(&shop, "user", ("a.csv", &content), &[]).exits_with(7).says(told);
    }
}

#[test]
fn a_damaged_utf_8_file_is_not_called_windows_1252() {
    let shop = shop();
    for bytes in [
        &b"\xef\xbb\xbfsku,name,price\nA,a,1\nB,caf\xe9,1\n"[..],
        b"sku,name,price\nA,caf\xc3\xa9,1\nB,caf\xe9,1\n",
        b"sku,name,price\nB,caf\xc3\xa9 caf\xe9,1\n",
    ] {
        std::fs::write(shop.path("a.csv"), bytes).expect("our own file");
        let run = shop.run(&["product", "import", "a.csv"]).exits_with(7).says("name: is not UTF-8");
        assert!(!run.stderr.contains("windows-1252") && run.stderr.contains("damaged"), "{run}");
    }
    std::fs::write(shop.path("a.csv"), b"sku,name,price\nB,caf\xe9,1\n").expect("our own file");
    shop.run(&["product", "import", "a.csv"]).exits_with(7).says("--encoding windows-1252");
    std::fs::write(shop.path("a.json"), b"[{\"sku\":\"caf\xc3\xa9\",\"name\":\"caf\xe9\",\"price\":1}]")
        .expect("our own");
    shop.run(&["product", "import", "a.json"]).exits_with(7).says("damaged");
}

#[test]
fn files_are_described_as_what_they_are() {
    let shop = shop();
    for name in ["a.csv", "a.tsv", "a.json"] {
        import(&shop, "product", (name, ""), &[]).exits_with(7).says("the file is empty");
    }
    import(&shop, "product", ("a.jsonl", ""), &[]).success().says("the file is empty");
    import(&shop, "user", ("a.json", r#"{"users":[]}"#), &[]).success();
    import(&shop, "product", ("a.json", r#"{"sku":"A","images":[]}"#), &[]).exits_with(7).says("is a single record");
    let record = r#"{"sku":"A","name":"a","price":1}"#;
    let run = import(&shop, "product", ("a.json", &format!("[{record},]")), &[]).exits_with(7);
    run.says("has a comma after the last element of its list");
    let document = r#"{"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"sku":"A","name":"a","price":1}"#;
    let run = import(&shop, "product", ("a.json", &format!("{document}\n{document}\n")), &[]).exits_with(7);
    run.says("hint: --format mongo-json");
    import(&shop, "product", ("a.csv", "sku,name,price\nA\n"), &[]).exits_with(7).says("has 1 field, the header has 3");
    let dates = |dates: &[&str]| {
        let line = |(number, date): (usize, &&str)| format!("D{number},ann@example.com,P1,1,{date}\n");
        let lines: String = dates.iter().enumerate().map(line).collect();
        import(&shop, "order", ("a.csv", &format!("{ORDER},created_at\n{lines}")), &["--dry-run"])
    };
    dates(&["02/31/2024", "01/02/2024"]).exits_with(7).says("does not tell day and month apart");
    dates(&["45323"]).exits_with(7).says("may be a day number of a spreadsheet");
    dates(&["1706745600"]).exits_with(7).says("may be a number of seconds since 1970");
    dates(&["01/12/20"]).exits_with(7).says("has a year of two digits");
}
