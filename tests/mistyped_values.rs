//! Values whose type differs from their column's, which SQLite allows: they are shown, exported and
//! imported unchanged, and rejected in calculations.

use crate::support::readers::REPORTS;
use crate::support::{Backend, Shop};

/// A shop with a row in each table.
fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop.run(&["audit", "seal"]).success();
    shop
}

/// Everything that lists, shows, exports or checks.
const READERS: &[&[&str]] = &[
    &["user", "list"],
    &["user", "export", "-o", "csv"],
    &["product", "list", "--limit", "1", "--sort", "-stock_quantity"],
    &["product", "export", "-o", "csv"],
    &["order", "list", "--count"],
    &["order", "export", "-o", "csv"],
    &["order", "export", "-o", "jsonl"],
    &["audit", "export"],
    &["audit", "verify"],
    &["doctor", "--deep"],
    &["stock", "verify"],
    &["report", "dashboard"],
    &["report", "stock-value", "--at", "2027-01-01"],
    &["stock", "list", "--at", "2027-01-01", "--limit", "1"],
    &["seed", "status"],
];

/// What a column of a declared type can hold beside what it is for. A unique column holds it once.
fn odd(column: &str, declared: &str) -> &'static [&'static str] {
    let begins = |word: &str| declared.to_lowercase().starts_with(word);
    match () {
        () if column.ends_with("_at") => &["'soon'", "'1700000000'", "X'00FF'", "CAST(X'41FF' AS text)", "X''"],
        () if begins("integer") => &["'many'", "1.5", "X'00FF'", "5000000000", "1e300", "''"],
        () if begins("real") => &["'cheap'", "X'00FF'", "1e300", "9e999", "''", "CAST(X'41FF' AS text)"],
        () if column == "id" || column.ends_with("_id") => &[
            "'abc'",
            "'0190A2B4-7C1E-7D00-8000-0000000000AB'",
            "'0190a2b47c1e7d0080000000000000ab'",
            "'{0190a2b4-7c1e-7d00-8000-0000000000ab}'",
            "X'0190A2B47C1E7D0080000000000000AB'",
            "7",
            "1.5",
            "X''",
            "X'00FF'",
            "'sixteen letters!'",
            "CAST(X'41FF' AS text)",
        ],
        () => &["X'616263'", "X'00FF41'", "CAST(X'41FF' AS text)", "X''"],
    }
}

const TABLES: [&str; 8] =
    ["users", "products", "orders", "order_items", "stock_movements", "audit_events", "audit_seals", "shopctl_seeds"];

/// Gives the first row of a table odd values, of each column's the one with this number; `false` if they have no more.
fn make_odd(shop: &Shop, table: &str, number: usize) -> bool {
    let columns = shop.column(&format!("SELECT name || ' ' || type FROM pragma_table_info('{table}')"));
    let columns: Vec<_> = columns.iter().filter_map(|column| column.split_once(' ')).collect();
    assert!(!columns.is_empty(), "{table}");
    for (column, declared) in &columns {
        let values = odd(column, declared);
        let value = values[number % values.len()];
        shop.sql(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; UPDATE {table} SET \"{column}\" = {value} \
             WHERE rowid = (SELECT MIN(rowid) FROM {table})"
        ));
    }
    columns.iter().any(|(column, declared)| number < odd(column, declared).len())
}

/// In all tables at once, so that each reader meets every value of every column.
#[test]
fn lists_exports_and_checks_survive_odd_values_in_any_column() {
    let shop = shop();
    for number in 0.. {
        TABLES.iter().for_each(|table| shop.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")));
        if TABLES.iter().filter(|table| make_odd(&shop, table, number)).count() == 0 {
            break;
        }
        for arguments in READERS.iter().copied().chain(REPORTS) {
            let run = shop.run(arguments);
            assert!([0, 8, 9].contains(&run.code), "odd values {number}: {run}");
        }
        let doctor = shop.run(&["doctor", "--deep", "--json", "--fields", "name,rows"]).stdout;
        for table in TABLES {
            assert!(doctor.contains(&format!("{table}.")), "{table}, odd values {number}: {doctor}");
            shop.sql(&format!(
                "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; DELETE FROM {table}; \
                 INSERT INTO {table} SELECT * FROM kept_{table}; DROP TABLE kept_{table}"
            ));
        }
    }
}

/// A shop of another program: odd prices, pieces and texts, one of each.
fn insert(shop: &Shop) {
    shop.sql("INSERT INTO users (email, password_hash, first_name, last_name) VALUES (X'416e6e40452e636f6d', 'x', X'FF00', 'b')");
    shop.sql("INSERT INTO users (email, password_hash, first_name, last_name) VALUES (X'FF40452e636f6d', 'x', '', '')");
    let odd = ["'abc'", "X'616263'", "X'00FF'", "9e999", "1e300", "12.345", "''", "CAST(X'41FF' AS text)"];
    for (number, value) in odd.iter().enumerate() {
        let (stock, pieces) = (["'many'", "1.5", "5000000000", "X'FF'"], ["'few'", "2.5", "X'FF'", "7000000000", "3"]);
        let (stock, pieces) = (stock[number % stock.len()], pieces[number % pieces.len()]);
        shop.sql(&format!(
            "INSERT INTO products (sku, name, price, stock_quantity) VALUES ('P{number}', X'FF', {value}, {stock})"
        ));
        shop.sql(&format!(
            "INSERT INTO orders (reference, user_id, status, total_amount, created_at) SELECT 'o{number}', \
             id, 'pending', {value}, {value} FROM users WHERE email = X'416e6e40452e636f6d'"
        ));
        shop.sql(&format!(
            "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, {pieces}, \
             {value} FROM orders o, products p WHERE o.reference = 'o{number}' AND p.sku <= 'P{number}'"
        ));
    }
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES (X'736b75', 'bytes', 1, 0), (X'FF', 'X', 1, 0), (CAST(X'41FF' AS text), 'X', 1, 0)");
    shop.sql("INSERT INTO orders (reference, user_id) SELECT X'726566', id FROM users LIMIT 1");
}

#[test]
fn odd_values_survive_export_and_import_unchanged() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    insert(&shop);
    let before = shop.everything();
    for (noun, count) in [("user", 2), ("product", 11), ("order", 9)] {
        for format in ["csv", "tsv", "jsonl", "json"] {
            let file = format!("{noun}.{format}");
            shop.run(&[noun, "export", "--out", &file]).success();
            let run = shop.run(&[noun, "import", &file, "--json"]).success();
            assert_eq!(run.json()["unchanged"], count, "{run}");
        }
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn odd_values_are_rejected_in_calculations_and_an_odd_price_can_be_corrected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("MUG", "1.00", 5);
    shop.product("PEN", "2.00", 5);
    shop.sql("UPDATE products SET price = 'abc' WHERE sku = 'MUG'");
    shop.sql("UPDATE products SET stock_quantity = 'many' WHERE sku = 'PEN'");
    assert_eq!(shop.run(&["product", "show", "MUG", "--json"]).success().json()["price"], "abc");
    assert_eq!(shop.run(&["product", "show", "PEN", "--json"]).success().json()["stock_quantity"], "many");
    let create = |sku| shop.run(&["order", "create", "--user", "ann@example.com", "--item", sku]);
    create("MUG").exits_with(6).says("the price of MUG is abc, which is not an amount");
    create("PEN").exits_with(6).says("the stock of PEN is many, which is not a whole number");
    shop.run(&["stock", "adjust", "PEN", "+1", "--reason", "received"]).exits_with(6).says("product.odd_stock");
    shop.run(&["product", "price", "MUG", "--by", "5%"]).exits_with(7).says("price of MUG");
    shop.run(&["product", "price", "MUG", "--to", "3"]).success();
    create("MUG").success();
    shop.run(&["product", "update", "PEN", "--name", "Pen"]).success();
    assert_eq!(shop.column("SELECT stock_quantity FROM products WHERE sku = 'PEN'"), ["many"]);
    // Unchanged values stay exactly as stored.
    shop.sql("UPDATE products SET sku = X'50454E', description = X'FF' WHERE sku = 'PEN'");
    shop.run(&["product", "update", "PEN", "--name", "Fine pen"]).success();
    assert_eq!(
        shop.column("SELECT typeof(sku) || typeof(description) FROM products WHERE name = 'Fine pen'"),
        ["blobblob"]
    );
}

#[test]
fn paging_over_odd_values_terminates_and_returns_every_row() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    insert(&shop);
    for noun in ["product", "order", "user"] {
        let sorts: &[&str] = match noun {
            "product" => &["price", "-price", "stock_quantity", "sku", "-sku", "name", "created_at"],
            "order" => &["total_amount", "-total_amount", "created_at"],
            _ => &["email", "-email"],
        };
        let all = shop.number(&format!("SELECT COUNT(*) FROM {noun}s"));
        for sort in sorts {
            let (mut found, mut cursor) = (std::collections::BTreeSet::new(), None::<String>);
            loop {
                let mut arguments = vec![noun, "list", "--json", "--limit", "2", "--sort", sort];
                arguments.extend(cursor.iter().flat_map(|cursor| ["--after", cursor]));
                let page = shop.run(&arguments).success().json();
                for item in page["items"].as_array().expect("a list") {
                    assert!(found.insert(item["id"].to_string()), "{sort}: shown twice: {item}");
                }
                cursor = page["next"].as_str().map(str::to_owned);
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found.len() as i64, all, "{noun} by {sort}");
        }
    }
}

const SHOWN: &str = "0190a2b4-7c1e-7d00-8000-0000000000ab";

/// What another program stores as ids, and how that is shown.
const IDS: [(&str, &str); 11] = [
    ("'0190A2B4-7C1E-7D00-8000-0000000000AB'", SHOWN),
    ("X'0190A2B47C1E7D0080000000000000AB'", SHOWN),
    ("'0190a2b47c1e7d0080000000000000ab'", SHOWN),
    ("'0190A2B47C1E7D0080000000000000AB'", SHOWN),
    ("'{0190a2b4-7c1e-7d00-8000-0000000000ab}'", SHOWN),
    ("'abc'", "abc"),
    ("'sixteen letters!'", "sixteen letters!"),
    ("7", "7"),
    ("1.5", "1.5"),
    ("X''", "X''"),
    ("X'00FF'", "X'00FF'"),
];

/// The tables whose ids other rows name, and the columns that name them.
const NAMED: [(&str, &[&str]); 3] = [
    ("users", &["orders.user_id"]),
    ("products", &["order_items.product_id", "stock_movements.product_id"]),
    ("orders", &["order_items.order_id", "stock_movements.order_id"]),
];

/// Each of the ids in one of the tables.
fn odd_ids() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    // Each of the first three forms in each of the tables.
    let forms = IDS[..3].iter().flat_map(|id| NAMED.iter().map(move |(table, _)| (*table, id.0, id.1)));
    let others = IDS[3..].iter().zip(NAMED.iter().cycle());
    forms.chain(others.map(|((id, shown), (table, _))| (*table, *id, *shown)))
}

/// Two users, products and orders; the first of the table gets the id, wherever it is named.
fn with_odd_id(table: &str, id: &str) -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    for (user, sku) in [("ann", "MUG"), ("bob", "PEN")] {
        shop.user(user);
        shop.product(sku, "2.50", 9);
        let user = format!("{user}@example.com");
        let file = format!("reference,user,sku,quantity,status\n{sku}-1,{user},{sku},2,paid\n");
        shop.file("o.csv", &file);
        shop.run(&["order", "import", "o.csv"]).success();
    }
    let first = shop.column(&format!("SELECT id FROM {table} ORDER BY rowid LIMIT 1")).concat();
    let columns = NAMED.iter().find(|(name, _)| *name == table).expect("a table").1;
    let columns = columns.iter().map(|column| column.split_once('.').expect("a column")).chain([(table, "id")]);
    for (table, column) in columns {
        shop.sql(&format!("PRAGMA foreign_keys = OFF; UPDATE {table} SET {column} = {id} WHERE {column} = '{first}'"));
    }
    shop
}

#[test]
fn a_row_with_an_invalid_id_is_listed_shown_exported_and_imported_as_unchanged() {
    for (table, id, shown) in odd_ids() {
        let shop = with_odd_id(table, id);
        let noun = table.trim_end_matches('s');
        let run = |arguments: &[&str]| shop.run(arguments).success();
        let before = shop.everything();
        let list = run(&[noun, "list", "--json", "--sort", "created_at"]).json();
        let ids: Vec<&str> =
            list["items"].as_array().expect("a list").iter().filter_map(|row| row["id"].as_str()).collect();
        assert!(ids.len() == 2 && ids.contains(&shown), "{table} {id}: {list}");
        assert!(run(&[noun, "export", "-o", "jsonl"]).stdout.contains(&format!("\"id\":\"{shown}\"")), "{table} {id}");
        let name = match noun {
            "user" => "ann@example.com",
            "product" => "MUG",
            _ => "MUG-1",
        };
        for name in [name, shown] {
            assert_eq!(run(&[noun, "show", name, "--json"]).json()["id"], shown, "{table} {id}");
        }
        let order = run(&["order", "show", "MUG-1", "--json"]).json();
        assert_eq!(
            (&order["user"], &order["items"][0]["sku"]),
            (&"ann@example.com".into(), &"MUG".into()),
            "{table} {id}"
        );
        for report in [&["report", "customers"][..], &["report", "top-products"], &["report", "sales", "--by", "month"]]
        {
            let report = run(&[report, &["--json"]].concat()).json();
            let sum: f64 = report["items"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|row| row["revenue"].as_str().or(row["net"].as_str()).expect("a sum"))
                .map(|sum| sum.parse::<f64>().expect("a number"))
                .sum();
            assert_eq!(sum.to_string(), "10", "{table} {id}: {report}");
        }
        for noun in ["user", "product", "order"] {
            let (mut found, mut cursor) = (0, None::<String>);
            while found == 0 || cursor.is_some() {
                let mut arguments = vec![noun, "list", "--json", "--limit", "1"];
                arguments.extend(cursor.iter().flat_map(|cursor| ["--after", cursor]));
                let page = run(&arguments).json();
                found += page["items"].as_array().expect("a list").len();
                cursor = page["next"].as_str().map(str::to_owned);
            }
            assert_eq!(found, 2, "pages of {noun}: {table} {id}");
            for format in ["csv", "jsonl", "json"] {
                let file = format!("{noun}.{format}");
                run(&[noun, "export", "--out", &file]);
                assert_eq!(run(&[noun, "import", &file, "--json"]).json()["unchanged"], 2, "{table} {id} {file}");
            }
        }
        for arguments in [
            &["stock", "verify"][..],
            &["stock", "history", "MUG"],
            &["stock", "history", if noun == "product" { shown } else { "MUG" }],
            &["user", "export-data", "ann@example.com"],
            &["audit", "export"],
        ] {
            run(arguments);
        }
        let doctor = run(&["doctor", "--deep"]);
        assert!(shown == SHOWN || doctor.stdout.contains(&format!("{table}.id {shown}")), "{doctor}");
        assert_eq!(shop.everything(), before, "{table} {id}");
    }
}

/// Every id in the shop as it is stored, each once.
fn ids(shop: &Shop) -> Vec<String> {
    let columns = NAMED.iter().flat_map(|(table, columns)| {
        let columns = columns.iter().map(|column| column.split_once('.').expect("a column"));
        columns.chain([(*table, "id")])
    });
    let parts = columns.map(|(table, column)| format!("SELECT quote({column}) AS id FROM {table}"));
    shop.column(&format!("SELECT id FROM ({}) ORDER BY id", parts.collect::<Vec<_>>().join(" UNION ")))
}

#[test]
fn a_row_with_an_invalid_id_is_changed_and_ordered_and_its_id_stays_as_it_is_stored() {
    for (table, id, shown) in odd_ids() {
        let shop = with_odd_id(table, id);
        let run = |arguments: &[&str]| shop.run(arguments).success();
        let of = |name: &'static str, noun: &str| if table.starts_with(noun) { shown } else { name };
        let (user, product, order) = (of("ann@example.com", "user"), of("MUG", "product"), of("MUG-1", "order"));
        let before = ids(&shop);
        run(&["user", "update", user, "--first-name", "New"]);
        run(&["user", "disable", user, "-y"]);
        run(&["user", "enable", user]);
        run(&["product", "update", product, "--name", "New"]);
        run(&["product", "price", product, "--to", "3"]);
        run(&["stock", "adjust", product, "+1", "--reason", "received"]);
        run(&["order", "ship", order]);
        run(&["order", "complete", order]);
        shop.file("u.csv", "email,first_name\nann@example.com,Newer\nbob@example.com,Newer\n");
        assert_eq!(run(&["user", "import", "u.csv", "--json"]).json()["updated"], 2);
        shop.file("p.csv", "sku,name\nMUG,Newer\nPEN,Newer\n");
        assert_eq!(run(&["product", "import", "p.csv", "--json"]).json()["updated"], 2);
        assert_eq!(ids(&shop), before, "{table} {id}");
        shop.file("o.csv", "reference,user,sku,quantity\nNEW-1,ann@example.com,MUG,1\nNEW-2,bob@example.com,PEN,1\n");
        assert_eq!(run(&["order", "import", "o.csv", "--json"]).json()["created"], 2);
        let placed = run(&["order", "create", "--user", user, "--item", &format!("{product}:2"), "--json"]).json();
        let placed = placed["reference"].as_str().expect("text").to_owned();
        run(&["order", "cancel", &placed, "-y"]);
        run(&["order", "refund", order, "--reason", "x", "-y"]);
        run(&["order", "cancel", "NEW-1", "-y"]);
        assert_eq!(shop.number("SELECT COUNT(*) FROM pragma_foreign_key_check"), 0, "{table} {id}");
        run(&["stock", "verify"]);
        let history = run(&["stock", "history", product, "--json"]).json();
        assert!(history["items"].as_array().expect("a list").len() > 4, "{history}");
        run(&["user", "anonymize", user, "--confirm", "ann@example.com"]);
        assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE email LIKE 'anonymized-%'"), 1);
    }
}

#[test]
fn a_row_with_an_invalid_id_is_deleted() {
    for (id, shown) in IDS {
        let shop = Shop::migrated(Backend::Sqlite).expect("always there");
        shop.user("ann");
        shop.product("MUG", "2.50", 0);
        shop.sql(&format!("UPDATE users SET id = {id}; UPDATE products SET id = {id}"));
        shop.run(&["user", "delete", shown, "--confirm", "ann@example.com"]).success();
        shop.run(&["product", "delete", shown, "--confirm", "MUG"]).success();
        assert_eq!(shop.number("SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM products)"), 0);
    }
}
