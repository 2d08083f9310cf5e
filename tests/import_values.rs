//! Values in imported files: times, amounts, keys and statuses as other shops write them.

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    a_two_digit_year_is_rejected_wherever_a_time_is_read,
    keys_of_other_shops_are_kept_and_matched_in_any_case,
    keys_stored_in_another_case_are_not_duplicated,
    a_file_with_an_ambiguous_day_month_order_is_rejected,
    a_date_in_a_conflicting_order_rejects_the_whole_file,
    a_skipped_local_time_is_rejected_and_a_repeated_one_is_reported,
    a_single_separator_before_three_digits_is_ambiguous,
    a_price_list_needs_no_names_and_a_dry_run_lists_each_change,
    rows_of_other_programs_survive_export_and_import_unchanged,
    a_duplicated_or_scattered_order_is_not_imported,
    of_two_concurrent_imports_one_finds_the_orders_unchanged,
    a_shop_with_odd_values_imports_its_own_exports_as_unchanged,
    a_reference_in_another_case_is_the_same_order,
    references_that_differ_only_in_case_are_distinguished_or_rejected,
    a_sku_in_another_case_is_not_duplicated,
);

fn a_two_digit_year_is_rejected_wherever_a_time_is_read(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5);
    let taken = "with a year from 1900 to 2999";
    for time in ["26-01-01", "12/1/10", "+12024-01-01", "0044-03-15", "3000-01-01"] {
        for command in [
            &["order", "list", "--since"][..],
            &["order", "export", "--until"],
            &["user", "list", "--since"],
            &["audit", "list", "--until"],
            &["report", "sales", "--since"],
            &["seed", "generate", "-y", "--as-of"],
        ] {
            shop.run(&[command, &[time]].concat()).exits_with(7).says(taken);
        }
        shop.file(
            "orders.csv",
            &format!("reference,user,sku,quantity,created_at\nAAAAA-AAAA1,ann@example.com,P1,1,{time}\n"),
        );
        shop.run(&["order", "import", "orders.csv"]).exits_with(7).says(taken);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
}

fn keys_of_other_shops_are_kept_and_matched_in_any_case(shop: &Shop) {
    shop.user("ann");
    shop.file(
        "products.csv",
        "sku,name,price,stock_quantity\nCam/4567,slash,1,9\nStem -  Silver,spaces,1,9\nM&M,amp,1,9\n#1 (rot) +,more,1,9\n",
    );
    shop.run(&["product", "import", "products.csv"]).success();
    assert_eq!(
        shop.column("SELECT sku FROM products ORDER BY name"),
        ["M&M", "#1 (ROT) +", "CAM/4567", "STEM - SILVER"]
    );
    for typed in ["m&m", "#1 (Rot) +", "cam/4567", " Stem -   silver"] {
        shop.run(&["product", "show", typed]).success();
        shop.run(&["order", "create", "--user", "ann@example.com", "--item", &format!("{typed}:1")]).success();
    }
    shop.file(
        "orders.csv",
        "reference,user,sku,quantity\n#1001,ann@example.com,M&M,1\nCA-2017-152156,ann@example.com,cam/4567,1\n\
         000000001,ann@example.com,M&M,1\n1000000001,ann@example.com,M&M,1\n",
    );
    shop.run(&["order", "import", "orders.csv"]).success();
    for (typed, stored) in [
        ("#1001", "#1001"),
        ("ca-2017-152156", "CA-2017-152156"),
        ("000000001", "000000001"),
        ("1000000001", "1000000001"),
    ] {
        assert_eq!(shop.run(&["order", "show", typed, "--json"]).success().json()["reference"], stored);
    }
    // A hint with such a key works when pasted.
    shop.run(&["product", "create", "--sku", "m&m", "--name", "Again", "--price", "1"])
        .exits_with(6)
        .says("shopctl product show 'M&M'");
    shop.assert_invariants();
}

fn keys_stored_in_another_case_are_not_duplicated(shop: &Shop) {
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('Ann@Example.com', 'x', 'Ann', 'Lee')",
    );
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('mug-01', 'Mug', 12, 0)");
    shop.sql("INSERT INTO orders (reference, user_id) SELECT 'k7q2m9xd4t', id FROM users");
    let create = ["user", "create", "--email", "ann@example.com", "--first-name", "A", "--last-name", "L"];
    shop.run_with_input(&[&create[..], &["--password-stdin"]].concat(), "correct horse\n")
        .exits_with(6)
        .says("Ann@Example.com already exists");
    shop.user("bo");
    shop.run(&["user", "update", "bo@example.com", "--email", "ann@example.com"]).exits_with(6).says("user.duplicate");
    for typed in ["mug-01", "MUG-01", "Mug-01"] {
        assert_eq!(shop.run(&["product", "show", typed, "--json"]).success().json()["sku"], "mug-01");
    }
    for typed in ["k7q2m9xd4t", "K7Q2M-9XD4T", "k7q2m-9xd4t"] {
        assert_eq!(shop.run(&["order", "show", typed, "--json"]).success().json()["reference"], "k7q2m9xd4t");
    }
    // Defaults made by the database have the same form.
    shop.sql("INSERT INTO orders (user_id) SELECT id FROM users WHERE email = 'Ann@Example.com'");
    let made = shop.column("SELECT reference FROM orders WHERE reference <> 'k7q2m9xd4t'").remove(0);
    assert_eq!((made.len(), made.find('-')), (11, Some(5)), "{made}");
    shop.run(&["order", "show", &made.to_lowercase().replace('-', "")]).success();
}

const INVOICES: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n";

fn a_file_with_an_ambiguous_day_month_order_is_rejected(shop: &Shop) {
    let line = |number: u32, date: &str| format!("{number},AA1,One,1,{date} 08:26,1.00,CG-17\n");
    let proven = format!("{INVOICES}{}{}", line(1001, "01/12/2020"), line(1002, "13/12/2020"));
    shop.file("proven.csv", &proven);
    shop.run(&["order", "import", "proven.csv", "--invoices"]).success().says("dates are read as dmy (line 3");
    let order = shop.run(&["order", "show", "1001", "--json"]).success().json();
    assert!(order["created_at"].as_str().expect("text").starts_with("2020-12-01T08:26:00"), "{order}");
    assert_eq!(order["user"], "customer-cg-17@example.invalid");
    shop.file("open.csv", &format!("{INVOICES}{}", line(2001, "01/12/2020")));
    let open = ["order", "import", "open.csv", "--invoices"];
    shop.run(&open).exits_with(7).says("--date-order dmy");
    shop.file("both.csv", &format!("{proven}{}", line(1003, "12/14/2020")));
    shop.run(&["order", "import", "both.csv", "--invoices"]).exits_with(7).says("line 3: 13/12/2020");
    shop.run(&[&open[..], &["--date-order", "mdy"]].concat()).success();
    let order = shop.run(&["order", "show", "2001", "--json"]).success().json();
    assert!(order["created_at"].as_str().expect("text").starts_with("2020-01-12T08:26:00"), "{order}");
}

fn a_date_in_a_conflicting_order_rejects_the_whole_file(shop: &Shop) {
    let dates = |dates: &[&str]| {
        let line = |(number, date): (usize, &&str)| format!("{number},AA1,One,1,{date},1.00,CG-17\n");
        format!("{INVOICES}{}", dates.iter().enumerate().map(line).collect::<String>())
    };
    let import = ["order", "import", "a.csv", "--invoices", "--on-error", "reject-rows"];
    for (written, order, line) in [
        (&["12.13.2010", "01.12.2010"][..], None, "line 2: 12.13.2010"),
        (&["01.12.2010 08:26", "12.13.2010 08:26"], None, "line 3: 12.13.2010 08:26"),
        (&["2010/13/12", "2010/01/12"], None, "line 2: 2010/13/12"),
        (&["2010-01-12", "2010-13-12T08:26:00Z"], Some("ymd"), "line 3: 2010-13-12T08:26:00Z"),
        (&["13/12/2010", "01/12/2010"], Some("mdy"), "line 2: 13/12/2010"),
        (&["12/13/2010", "01/12/2010"], Some("dmy"), "line 2: 12/13/2010"),
        (&["13.12.2010", "01/12/2010"], Some("mdy"), "line 2: 13.12.2010"),
        (&["12/13/2010", "01.12.2010"], None, "line 3: 01.12.2010"),
        // The time of day is ignored, the date is read.
        (&["13/12/2010 25:61", "01/12/2010"], Some("mdy"), "line 2: 13/12/2010 25:61"),
    ] {
        shop.file("a.csv", &dates(written));
        let flags: Vec<&str> = order.into_iter().flat_map(|order| ["--date-order", order]).collect();
        shop.run(&[&import[..], &flags].concat()).exits_with(7).says("import.date_order").says(line);
    }
    // Rows that are invalid for other reasons still prove the order.
    shop.file("a.csv", &format!("{}9,AA1,One,-1,13/12/2010,1.00,CG-17\n", dates(&["01/12/2010"])));
    shop.run(&[&import[..], &["--date-order", "mdy"]].concat()).exits_with(7).says("line 3: 13/12/2010");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
    shop.run(&import).exits_with(8).says("dates are read as dmy (line 3");
    let placed = |reference: &str| {
        let order = shop.run(&["order", "show", reference, "--json"]).success().json();
        order["created_at"].as_str().expect("text")[..10].to_owned()
    };
    assert_eq!(placed("0"), "2010-12-01");
    // An explicit flag allows dotted dates with the month first.
    shop.file(
        "a.csv",
        &dates(&["05.05.2010", "12.13.2010", "01.12.2010"])
            .replace("\n0,", "\n10,")
            .replace("\n1,", "\n11,")
            .replace("\n2,", "\n12,"),
    );
    shop.run(&["order", "import", "a.csv", "--invoices", "--date-order", "mdy"]).success();
    assert_eq!((placed("11"), placed("12")), ("2010-12-13".to_owned(), "2010-01-12".to_owned()));
}

fn a_skipped_local_time_is_rejected_and_a_repeated_one_is_reported(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    let orders = |times: &[&str]| {
        let line = |(number, time): (usize, &&str)| format!("R{number},ann@example.com,P1,1,{time}\n");
        format!("reference,user,sku,quantity,created_at\n{}", times.iter().enumerate().map(line).collect::<String>())
    };
    let import = ["order", "import", "a.csv", "--tz", "Europe/Berlin"];
    shop.file("a.csv", &orders(&["2024-03-31 01:59", "2024-03-31 02:30", "2024-03-31"]));
    shop.run(&import)
        .exits_with(7)
        .says("line 3: created_at 2024-03-31 02:30: does not exist: the clocks in Europe/Berlin skip it");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
    shop.file(
        "a.csv",
        &orders(&["2024-10-27 02:30", "2024-10-27 02:00", "2024-10-27 03:00", "2024-10-27 02:30+01:00"]),
    );
    shop.run(&import).success().says("2 times are ambiguous when clocks change in Europe/Berlin (line 2)");
    let order = shop.run(&["order", "show", "R0", "--json"]).success().json();
    assert!(order["created_at"].as_str().expect("text").starts_with("2024-10-27T00:30:00"), "the first: {order}");
    let report = ["report", "sales", "--tz", "Europe/Berlin", "--since", "2024-03-31 02:30"];
    shop.run(&report).exits_with(7).says("does not exist: the clocks in Europe/Berlin skip it");
}

fn a_single_separator_before_three_digits_is_ambiguous(shop: &Shop) {
    for (price, flags) in [
        ("1.500", &[][..]),
        ("12.345", &[]),
        ("-1.500", &[]),
        ("$999.999", &[]),
        ("\"1,500\"", &[]),
        ("\"1,500\"", &["--decimal-comma"]),
        ("1.500", &["--decimal-comma"]),
    ] {
        shop.file("a.csv", &format!("sku,name,price\nA,A,{price}\n"));
        let run = shop.run(&[&["product", "import", "a.csv"], flags].concat());
        run.exits_with(7).says("may mean thousands or a fraction");
    }
    shop.file("a.csv", "sku,name,price\nA,A,34.0000\nB,B,0.500\nC,C,1234.500\nD,D,.500\n");
    shop.run(&["product", "import", "a.csv"]).success();
    assert_eq!(shop.column("SELECT price FROM products ORDER BY sku").len(), 4);
    // JSON has its own number syntax.
    shop.file("a.jsonl", "{\"sku\":\"A\",\"name\":\"A\",\"price\":1.500}\n");
    shop.run(&["product", "import", "a.jsonl", "--decimal-comma"]).success();
    shop.file("b.jsonl", "{\"sku\":\"B\",\"name\":\"B\",\"price\":1.25e1}\n");
    shop.run(&["product", "import", "b.jsonl"]).success();
    assert_eq!(shop.run(&["product", "show", "B", "--json"]).success().json()["price"], "12.50");
    assert_eq!(shop.run(&["product", "show", "A", "--json"]).success().json()["price"], "1.50");
}

fn a_price_list_needs_no_names_and_a_dry_run_lists_each_change(shop: &Shop) {
    shop.product("A", "1.00", 5);
    shop.file("list.csv", "sku,price,stock_quantity\na,\"1,234.50\",9\n");
    let run = shop.run(&["product", "import", "list.csv", "-n"]).success();
    assert!(run.stdout.contains("A: price 1.00 → 1234.50"), "{run}");
    let run = shop.run(&["product", "import", "list.csv"]).success();
    let run = run.says("the stock of 1 existing product is not imported:");
    assert!(run.stdout.contains("1 updated"), "{run}");
    shop.file("unknown.csv", "sku,price\nB,2\n");
    shop.run(&["product", "import", "unknown.csv"]).exits_with(7).says("is a new product, but the file has no name");
    shop.file("thousand.csv", "sku,price\nA,\"1,234\"\n");
    shop.run(&["product", "import", "thousand.csv"]).exits_with(7).says("may mean thousands or a fraction");
}

fn rows_of_other_programs_survive_export_and_import_unchanged(shop: &Shop) {
    shop.sql("INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('Ann@Example.com', 'x', '', '''tis'), ('İ@example.com', 'x', '=1+1', ' b ')");
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('mug-01', ' =x ', 12, 0), ('a:b', '', 0, 0), ('A  B', 'x', 1, 0)");
    shop.sql("INSERT INTO orders (reference, user_id, total_amount) SELECT 'k7q2m9xd4t', id, 24 FROM users WHERE email = 'Ann@Example.com'");
    shop.sql("INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 2, 12 FROM orders o, products p WHERE p.sku <> 'A  B'");
    shop.sql(
        "INSERT INTO orders (reference, user_id) SELECT 'no items', id FROM users WHERE email = 'Ann@Example.com'",
    );
    let anonymized = shop.user("gone");
    shop.run(&["user", "anonymize", &anonymized, "--confirm", &anonymized]).success();
    let before = shop.everything();
    for (noun, count) in [("user", 3), ("product", 3), ("order", 2)] {
        for format in ["csv", "tsv", "tab", "jsonl", "ndjson", "json"] {
            let file = format!("{noun}.{format}");
            shop.run(&[noun, "export", "--out", &file]).success();
            let run = shop.run(&[noun, "import", &file, "--json"]).success();
            assert_eq!((&run.json()["unchanged"], &run.json()["changed"]), (&count.into(), &false.into()), "{run}");
        }
    }
    assert_eq!(shop.everything(), before);
}

fn a_duplicated_or_scattered_order_is_not_imported(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    let line = |reference: &str, pieces: &str| format!("{reference},ann@example.com,P1,{pieces}\n");
    let head = "reference,user,sku,quantity\n";
    shop.file("a.csv", &format!("{head}{}{}{}", line("R1", "1"), line("R2", "2"), line("R1", "3")));
    let run = shop.run(&["order", "import", "a.csv", "--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("1 created") && run.stdout.contains("1 rejected"), "{run}");
    assert!(run.stdout.contains("2 units taken from stock"), "{run}");
    assert_eq!(shop.column("SELECT reference FROM orders"), ["R2"]);
    let record = r#"{"reference":"R3","user":"ann@example.com","items":[{"sku":"P1","quantity":1}]}"#;
    shop.file("a.jsonl", &format!("{record}\n{record}\n"));
    shop.run(&["order", "import", "a.jsonl"]).exits_with(7).says("line 2: R3: the same order is already in the file");
    shop.assert_invariants();
}

fn of_two_concurrent_imports_one_finds_the_orders_unchanged(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5_000);
    let orders: String = (0..400).map(|number| format!("R{number},ann@example.com,P1,1\n")).collect();
    shop.file("a.csv", &format!("reference,user,sku,quantity\n{orders}"));
    let arguments = ["order", "import", "a.csv", "--json", "--batch", "100"];
    let both = [shop.start(&arguments), shop.start(&arguments)];
    let counts = both.map(|child| {
        let run = crate::support::shop::finish(child, &arguments).success().json();
        ["created", "unchanged", "rejected"].map(|count| run[count].as_u64().expect("a number"))
    });
    assert_eq!([0, 1, 2].map(|count| counts[0][count] + counts[1][count]), [400, 400, 0], "{counts:?}");
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 4_600);
    shop.assert_invariants();
}

/// A text as a literal that every engine reads alike.
fn literal(shop: &Shop, text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    match shop.backend {
        Backend::Sqlite => format!("CAST(X'{digits}' AS TEXT)"),
        Backend::Postgres => format!("convert_from('\\x{digits}', 'UTF8')"),
        Backend::MariaDb => format!("CONVERT(X'{digits}' USING utf8mb4)"),
    }
}

/// Values that a column holds beside what it is for, as SQL.
struct Odd {
    times: &'static [&'static str],
    amounts: &'static [&'static str],
    pieces: &'static [&'static str],
}

impl Odd {
    fn of(backend: Backend) -> Odd {
        match backend {
            Backend::Sqlite => Odd {
                times: &[
                    "'soon'",
                    "''",
                    "'1700000000'",
                    "'2020-01-02 03:04'",
                    "'2020-01-02T03:04:05+02:00'",
                    "X'00FF'",
                ],
                amounts: &["'abc'", "''", "X'616263'", "X'00FF'", "9e999", "1e300", "12.345", "-1"],
                pieces: &["'few'", "2.5", "X'FF'", "7000000000", "''"],
            },
            Backend::Postgres => Odd {
                times: &["'infinity'", "'-infinity'", "'290000-01-01'", "'4000-01-01 BC'"],
                amounts: &["'NaN'"],
                pieces: &[],
            },
            Backend::MariaDb => {
                Odd { times: &["'0001-01-01'", "'9999-12-31 23:59:59.999999'"], amounts: &["99999999.99"], pieces: &[] }
            }
        }
    }
}

fn a_shop_with_odd_values_imports_its_own_exports_as_unchanged(shop: &Shop) {
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    const BITS: [&str; 22] = [
        "a", "B", " ", "\t", "\n", "\r\n", "'", "=", "+", "-", "@", "\"", ",", ";", "İ", "é", "\u{202e}", ":", "|",
        "\u{a0}", "\\", "\u{feff}",
    ];
    const ROWS: usize = 40;
    let kinds = Odd::of(shop.backend);
    let unbound = if shop.backend == Backend::Sqlite { "PRAGMA ignore_check_constraints = ON; " } else { "" };
    let seed = rand::random::<u64>();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    for number in 0..ROWS {
        let mut text = |end: &str| {
            let bits: String =
                (0..random.random_range(0..6)).map(|_| BITS[random.random_range(0..BITS.len())]).collect();
            let text = literal(shop, &format!("{bits}{end}"));
            // SQLite stores bytes in a text column.
            let is_bytes = shop.backend == Backend::Sqlite && random.random_ratio(1, 4);
            if is_bytes { text.replace("CAST(", "").replace(" AS TEXT)", "") } else { text }
        };
        let (email, sku) = (text(&format!("x{number}@E.com")), text(&format!("x{number}")));
        let (first, last, name, reference) = (text(""), text(""), text(""), text(&format!("x{number}")));
        let description = if number % 3 == 0 { "NULL".to_owned() } else { text("") };
        let mut odd = |values: &[&str], plain: &str| {
            let value = values.choose(&mut random).filter(|_| number % 2 == 0);
            value.copied().unwrap_or(plain).to_owned()
        };
        let (price, total, paid) = (
            odd(kinds.amounts, &format!("{number}.5")),
            odd(kinds.amounts, &number.to_string()),
            odd(kinds.amounts, "1.25"),
        );
        let (stock, pieces) = (odd(kinds.pieces, "0"), odd(kinds.pieces, "5000000"));
        let mut time = || odd(kinds.times, "'2024-05-06 07:08:09'");
        let (joined, listed, placed, retired) = (time(), time(), time(), time());
        shop.sql(&format!(
            "{unbound}INSERT INTO users (email, password_hash, first_name, last_name, created_at) VALUES ({email}, 'x', {first}, {last}, {joined})"
        ));
        shop.sql(&format!("{unbound}INSERT INTO products (sku, name, description, price, stock_quantity, created_at, retired_at) VALUES ({sku}, {name}, {description}, {price}, {stock}, {listed}, {retired})"));
        shop.sql(&format!("{unbound}INSERT INTO orders (reference, user_id, total_amount, created_at) SELECT {reference}, id, {total}, {placed} FROM users WHERE email = {email}"));
        if number % 4 > 0 {
            shop.sql(&format!("{unbound}INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, {pieces}, {paid} FROM orders o, products p WHERE o.reference = {reference} AND p.sku = {sku}"));
        }
    }
    let before = shop.everything();
    for noun in ["user", "product", "order"] {
        for format in ["csv", "tsv", "tab", "jsonl", "ndjson", "json"] {
            let file = format!("{noun}.{format}");
            shop.run(&[noun, "export", "--out", &file]).success();
            let run = shop.run(&[noun, "import", &file, "--json"]).success();
            assert_eq!(run.json()["unchanged"], ROWS, "shop {seed}: {run}");
        }
    }
    assert_eq!(shop.everything(), before, "shop {seed}");
}

/// Files with one order each: every one after the first finds it.
fn a_reference_in_another_case_is_the_same_order(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    let head = "reference,user,sku,quantity\n";
    let line = |reference: &str, pieces: u8| format!("{reference},ann@example.com,P1,{pieces}\n");
    let import = |orders: &str| {
        shop.file("orders.csv", &format!("{head}{orders}"));
        shop.run(&["order", "import", "orders.csv", "--json"])
    };
    for spellings in [
        &["lower-1", "LOWER-1", "Lower-1"][..],
        &["UPPER-1", "upper-1", "uPPER-1"],
        &["K7Q2M9XD4T", "K7Q2M-9XD4T", "k7q2m9xd4t", "K7q2m-9xd4t"],
        &["K7Q2M-9XD4V", "K7Q2M9XD4V", "k7q2m-9xd4v"],
        &["Größe-a", "GRößE-A"],
    ] {
        assert_eq!(import(&line(spellings[0], 2)).success().json()["created"], 1, "{spellings:?}");
        for again in &spellings[1..] {
            let run = import(&line(again, 2)).success();
            assert_eq!((&run.json()["unchanged"], &run.json()["created"]), (&1.into(), &0.into()), "{again}: {run}");
            import(&line(again, 3)).exits_with(7).says("already exists with different lines");
            let shown = shop.run(&["order", "show", again, "--json"]).success().json();
            assert_eq!(shown["reference"], spellings[0], "{again}");
        }
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 5);
    // Within one file; messages repeat the original spelling.
    for (one, other) in [("mIXED-1", "Mixed-1"), ("A7Q2M9XD4T", "A7Q2M-9XD4T"), ("B-1", "b-1")] {
        let both = format!("{}{}", line(one, 1), line(other, 1));
        import(&both).exits_with(7).says(&format!("line 3: {other}: the same order is already in the file, in line 2"));
        shop.file("orders.csv", &format!("{head}{both}{}", line(&format!("{one}-other"), 1)));
        let run = shop.run(&["order", "import", "orders.csv", "--json", "--on-error", "reject-rows"]).exits_with(8);
        assert_eq!((&run.json()["rejected"], &run.json()["created"]), (&1.into(), &1.into()), "{run}");
        let record =
            |reference| format!(r#"{{"reference":"{reference}","user":"ann@example.com","sku":"P1","quantity":1}}"#);
        shop.file("orders.jsonl", &format!("{}\n{}\n", record(one), record(other)));
        let told = format!("line 2: {other}: the same order is already in the file, in line 1");
        shop.run(&["order", "import", "orders.jsonl"]).exits_with(7).says(&told);
    }
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 50 - 5 * 2 - 3);
    shop.assert_invariants();
}

fn references_that_differ_only_in_case_are_distinguished_or_rejected(shop: &Shop) {
    shop.user("ann");
    let stored = ["lower-1", "LOWER-1", "Lower-1", "K7Q2M9XD4T", "K7Q2M-9XD4T", "Once-1"];
    for reference in stored {
        shop.sql(&format!("INSERT INTO orders (reference, user_id) SELECT '{reference}', id FROM users"));
    }
    for exact in stored {
        assert_eq!(shop.run(&["order", "show", exact, "--json"]).success().json()["reference"], exact);
    }
    assert_eq!(shop.run(&["order", "show", "oNCE-1", "--json"]).success().json()["reference"], "Once-1");
    for (typed, named) in [("LoWeR-1", "LOWER-1, Lower-1, lower-1"), ("k7q2m9xd4t", "K7Q2M-9XD4T, K7Q2M9XD4T")] {
        for command in [&["order", "show"][..], &["order", "cancel", "-y"]] {
            let run = shop.run(&[command, &[typed]].concat()).exits_with(6);
            run.says("order.ambiguous").says(named);
        }
        shop.run(&["order", "cancel", "-y", typed, "Once-1"]).exits_with(6).says(named);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders WHERE status = 'cancelled'"), 0);
    shop.run(&["order", "cancel", "-y", "LOWER-1", "oncE-1"]).success();
    let cancelled = "SELECT reference FROM orders WHERE status = 'cancelled' ORDER BY LOWER(reference)";
    assert_eq!(shop.column(cancelled), ["LOWER-1", "Once-1"]);
    // Every export matches the rows that it came from.
    shop.run(&["order", "export", "--out", "all.csv"]).success();
    let run = shop.run(&["order", "import", "all.csv", "--json"]).success();
    assert_eq!(run.json()["unchanged"], stored.len(), "{run}");
}

fn a_sku_in_another_case_is_not_duplicated(shop: &Shop) {
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('abc-low', 'Low', 12, 0)");
    shop.product("OTHER", "1.00", 5);
    for typed in ["ABC-LOW", "abc-low", "Abc-Low"] {
        shop.run(&["product", "create", "--sku", typed, "--name", "Again", "--price", "1"])
            .exits_with(6)
            .says("product.duplicate")
            .says("a product with the SKU abc-low already exists");
        shop.run(&["product", "update", "OTHER", "--sku", typed])
            .exits_with(6)
            .says("product.duplicate")
            .says("a product with the SKU abc-low already exists");
    }
    assert_eq!(shop.column("SELECT sku FROM products ORDER BY name"), ["abc-low", "OTHER"]);
    // A SKU may be normalized to the canonical form.
    shop.run(&["product", "update", "abc-low", "--sku", "abc-low"]).success();
    assert_eq!(shop.column("SELECT sku FROM products ORDER BY name"), ["ABC-LOW", "OTHER"]);
}
