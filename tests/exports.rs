//! Exports: every matching row, in each format, complete or absent.

use std::collections::BTreeSet;

use bson::spec::BinarySubtype;
use bson::{Bson, Document};

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Backend, Shop};

on_every_backend!(
    every_format_exports_every_row,
    exported_orders_include_their_items,
    exported_amount_columns_add_up,
    mongodb_reads_its_own_types,
    an_export_file_is_complete_or_absent,
    unusual_texts_are_exported_unchanged,
    a_closed_output_pipe_ends_an_export_quietly,
    a_named_pipe_whose_reader_leaves_early_is_an_error,
);

fn every_format_exports_every_row(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    for (noun, count, key) in [("user", 4, "email"), ("product", 10, "sku"), ("order", 4, "reference")] {
        let keys = |items: &[serde_json::Value]| -> Vec<String> {
            items.iter().map(|item| item[key].as_str().expect("text").to_owned()).collect()
        };
        let json = shop.run(&[noun, "export", "--json"]).success().json();
        let json = keys(json["items"].as_array().expect("a list"));
        assert_eq!(json.len(), count, "{noun}");
        let lines = shop.run(&[noun, "export", "-o", "jsonl"]).success().stdout;
        let lines: Vec<_> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(keys(&lines), json, "the same in the same order");
        let csv = shop.run(&[noun, "export"]).success().stdout;
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let column = reader.headers().expect("a header").iter().position(|name| name == key).expect("a column");
        let found: Vec<_> = reader.records().map(|row| row.expect("CSV")[column].to_owned()).collect();
        let (all, wanted): (BTreeSet<_>, BTreeSet<_>) = (found.iter().collect(), json.iter().collect());
        assert_eq!(all, wanted);
        let oldest = shop.run(&[noun, "list", "--sort", "created_at", "--limit", "100", "--json"]).success().json();
        assert_eq!(keys(oldest["items"].as_array().expect("a list")), json, "oldest first");
        assert!(!csv.contains("argon2"));
    }
    let few = shop.run(&["user", "export", "--search", "grace", "-o", "jsonl"]).success().stdout;
    assert_eq!(few.lines().count(), 1);
    shop.run(&["user", "export", "--status", "unknown"]).exits_with(7);
    shop.run(&["order", "export", "--user", "nobody@example.com"]).exits_with(3);
}

fn exported_orders_include_their_items(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let orders = shop.run(&["order", "export", "--json"]).success().json();
    for order in orders["items"].as_array().expect("a list") {
        let reference = order["reference"].as_str().expect("text");
        let mut shown = shop.run(&["order", "show", reference, "--json"]).success().json();
        // What only a single order has.
        for (member, value) in [
            ("refunds", serde_json::json!([])),
            ("note", serde_json::Value::Null),
            ("tracking", serde_json::Value::Null),
        ] {
            assert_eq!(shown.as_object_mut().expect("an object").remove(member), Some(value), "{member}");
        }
        assert_eq!(shown, *order);
    }
    let csv = shop.run(&["order", "export", "--product", "MUG-01"]).success().stdout;
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(
        rows[0],
        "reference,user,status,created_at,sku,name,quantity,unit_price,line_total,total_amount,refunded_amount"
    );
    assert_eq!(rows.len(), 3, "the whole order: {csv}");
    assert!(rows[1].starts_with("DEM01-00001,grace@example.com,pending,"), "{csv}");
    assert!(rows.iter().any(|row| row.contains(",MUG-01,") && row.contains(",2,12.50,25.00,")), "{csv}");
}

/// Exact: in cents.
fn cents(amount: &str) -> i64 {
    amount.replace('.', "").parse().expect("an amount")
}

fn exported_amount_columns_add_up(shop: &Shop) {
    shop.run(&["seed", "generate", "--users", "20", "--products", "10", "--orders", "300", "-y"]).success();
    // An order of another program, without lines.
    shop.sql("INSERT INTO orders (user_id, status, total_amount) SELECT id, 'pending', 24 FROM users LIMIT 1");
    for format in ["csv", "tsv"] {
        let text = shop.run(&["order", "export", "-o", format]).success().stdout;
        let delimiter = if format == "csv" { b',' } else { b'\t' };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        let sum = |column: usize| rows.iter().map(|row| &row[column]).filter(|cell| !cell.is_empty()).map(cents).sum();
        let stored = |table: &str, amount: &str| {
            shop.number(&format!(
                "SELECT CAST(ROUND(SUM({amount}) * 100) AS {}) FROM {table}",
                match shop.backend {
                    Backend::MariaDb => "SIGNED",
                    _ => "INTEGER",
                }
            ))
        };
        let (lines, totals): (i64, i64) = (sum(8), sum(9));
        assert_eq!(lines, stored("order_items", "quantity * unit_price"), "{format}");
        assert_eq!(totals, stored("orders", "total_amount"), "{format}");
        assert_eq!(totals, lines + 2_400);
    }
}

/// Each document as MongoDB's own library reads it.
fn documents(shop: &Shop, noun: &str) -> Vec<Document> {
    let text = shop.run(&[noun, "export", "-o", "mongo-json"]).success().stdout;
    let document = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let Ok(Bson::Document(document)) = Bson::try_from(json) else { panic!("no document: {line}") };
        document
    };
    text.lines().map(document).collect()
}

fn id(document: &Document, name: &str) -> String {
    match document.get(name) {
        Some(Bson::Binary(binary)) => {
            assert_eq!(binary.subtype, BinarySubtype::Uuid);
            bson::Uuid::from_bytes(binary.bytes.as_slice().try_into().expect("16 bytes")).to_string()
        }
        other => panic!("{name} is {other:?}"),
    }
}

fn mongodb_reads_its_own_types(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    for (noun, amounts) in [("user", &[][..]), ("product", &["price"]), ("order", &["total_amount"])] {
        let listed = shop.run(&[noun, "export", "--json"]).success().json();
        let listed = listed["items"].as_array().expect("a list");
        let documents = documents(shop, noun);
        assert_eq!(documents.len(), listed.len());
        for (document, json) in documents.iter().zip(listed) {
            assert_eq!(id(document, "_id"), json["id"].as_str().expect("text"));
            for amount in amounts {
                let Some(Bson::Decimal128(decimal)) = document.get(amount) else { panic!("{document}") };
                assert_eq!(decimal.to_string(), json[amount].as_str().expect("text"));
            }
            for time in ["created_at", "updated_at"] {
                let Some(Bson::DateTime(moment)) = document.get(time) else { panic!("{document}") };
                let known: chrono::DateTime<chrono::Utc> = json[time].as_str().expect("text").parse().expect("a time");
                assert_eq!(moment.timestamp_millis(), known.timestamp_millis());
            }
            if noun == "product" {
                let stock = document.get_i32("stock_quantity").expect("a number of 32 bits");
                assert_eq!(json["stock_quantity"], stock);
            }
            if noun == "order" {
                id(document, "user_id");
                let items = document.get_array("items").expect("embedded");
                assert_eq!(items.len(), json["items"].as_array().expect("a list").len());
                let Bson::Document(item) = &items[0] else { panic!("{document}") };
                id(item, "product_id");
                assert!(matches!(item.get("unit_price"), Some(Bson::Decimal128(_))), "{item}");
                assert_eq!(json["items"][0]["quantity"], item.get_i32("quantity").expect("a number of 32 bits"));
            }
        }
    }
}

fn an_export_file_is_complete_or_absent(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    shop.product("FORMULA", "1.00", 1);
    shop.run(&["product", "update", "FORMULA", "--name", "=1+1"]).success();
    shop.run(&["product", "export", "--out", "products.csv"]).success().says("wrote products.csv");
    let text = std::fs::read_to_string(shop.path("products.csv")).expect("written");
    assert_eq!(text.lines().count(), 12);
    assert!(text.contains(",'=1+1,"), "a spreadsheet would run it: {text}");
    shop.run(&["product", "export", "--out", "products.jsonl"]).success();
    let text = std::fs::read_to_string(shop.path("products.jsonl")).expect("written");
    assert_eq!(text.lines().filter(|line| line.starts_with('{')).count(), 11);
    shop.run(&["product", "export", "--out", "no/such/folder.csv"]).exits_with(4);
    shop.run(&["product", "export", "--search", "FORMULA", "-o", "csv", "--out", "any.name"]).success();
    assert_eq!(std::fs::read_to_string(shop.path("any.name")).expect("written").lines().count(), 2);
    let left = std::fs::read_dir(shop.home.path()).expect("ours").flatten();
    assert!(left.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().starts_with(".tmp")));
}

/// What only another program can have stored, in the rows that PostgreSQL gives as lines of text.
fn unusual_texts_are_exported_unchanged(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let odd = "\\N a\tb\nc\\t,\"d\" é";
    let character = |code: u8| match shop.backend {
        Backend::Postgres => format!("chr({code})"),
        Backend::Sqlite | Backend::MariaDb => format!("char({code})"),
    };
    let (tab, line_break, backslash) = (character(9), character(10), character(92));
    let pieces = [&backslash, "'N a'", &tab, "'b'", &line_break, "'c'", &backslash, "'t,\"d\" é'"];
    let text = match shop.backend {
        Backend::MariaDb => format!("concat({})", pieces.join(", ")),
        Backend::Sqlite | Backend::Postgres => pieces.join(" || "),
    };
    shop.sql(&format!("UPDATE products SET name = {text} WHERE sku = 'MUG-01'"));
    if shop.backend == Backend::Postgres {
        shop.sql("UPDATE orders SET updated_at = 'infinity' WHERE reference = 'DEM01-00001'");
    }
    let item = |order: &serde_json::Value| order["items"].as_array().expect("a list")[0]["name"].clone();
    let lines = shop.run(&["order", "export", "--product", "MUG-01", "-o", "jsonl"]).success().stdout;
    let orders: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(orders.iter().any(|order| item(order) == odd), "{lines}");
    if shop.backend == Backend::Postgres {
        assert!(orders.iter().any(|order| order["updated_at"] == "infinity"), "{lines}");
    }
    let csv = shop.run(&["order", "export", "--product", "MUG-01"]).success().stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert!(reader.records().any(|record| &record.expect("CSV")[5] == odd), "{csv}");
}

fn a_closed_output_pipe_ends_an_export_quietly(shop: &Shop) {
    use std::io::{BufRead, BufReader};
    shop.run(&["seed", "generate", "--users", "50", "--products", "20", "--orders", "4000", "-y"]).success();
    for format in ["csv", "jsonl"] {
        let mut child = shop.start(&["order", "export", "-o", format]);
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said).expect("text");
        assert!(child.wait().expect("our own child").success(), "{said}");
        assert_eq!((said.as_str(), first.ends_with('\n')), ("", true));
    }
}

fn a_named_pipe_whose_reader_leaves_early_is_an_error(shop: &Shop) {
    use std::io::{BufRead, BufReader};
    shop.run(&["seed", "generate", "--users", "50", "--products", "20", "--orders", "4000", "-y"]).success();
    let pipe = shop.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
    for format in ["csv", "jsonl"] {
        let arguments = ["order", "export", "-o", format, "--out", "pipe"];
        let child = shop.start(&arguments);
        let mut first = String::new();
        BufReader::new(std::fs::File::open(&pipe).expect("readable")).read_line(&mut first).expect("a line");
        let run =
            finish(child, &arguments).exits_with(5).says("the reader of pipe ended before everything was written");
        assert!(!run.stderr.contains("wrote"), "{run}");
    }
}
