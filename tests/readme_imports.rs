//! Files of other shops are imported by the exact commands in the README.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Run, Shop, servers};

on_every_backend!(
    products_of_shopify,
    customers_and_orders_of_shopify,
    fill_down_copies_the_value_above_into_empty_cells,
    products_of_woocommerce,
    products_and_customers_of_magento,
    northwind_is_imported_completely,
    the_online_retail_file_is_imported_with_either_decimal_separator,
);

/// The command lines of README's section, each by the first file that it names.
fn recipes() -> BTreeMap<String, String> {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("### Files of other shops\n").expect("README has the section");
    let section = section.split("\n### ").next().expect("a section ends");
    let of_table = section.lines().filter(|line| line.starts_with("| ")).filter_map(|line| {
        let (_, code) = line.split_once('`')?;
        Some(code.split_once('`')?.0.to_owned())
    });
    // A command of a console block may continue on the next lines.
    let joined = section.replace("\\\n", "");
    let of_blocks = joined.lines().filter_map(|line| line.strip_prefix("$ ").map(str::to_owned));
    let commands = of_table.chain(of_blocks.collect::<Vec<_>>());
    commands
        .map(|command| {
            let is_file = |word: &&str| {
                word.trim_end_matches('"').rsplit_once('.').is_some_and(|(_, end)| end == "csv")
                    && !word.contains("left-out")
            };
            let file = command.split_whitespace().find(is_file).expect("a recipe names a file");
            (file.trim_end_matches('"').to_owned(), command)
        })
        .collect()
}

/// Runs README's command line for this file in a shell, where the files are.
fn run(shop: &Shop, file: &str) -> Run {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/recipes");
    for entry in folder.read_dir().expect("the recipes' files").flatten() {
        std::fs::copy(entry.path(), shop.path(&entry.file_name().to_string_lossy())).expect("the test's own folder");
    }
    let _ = std::fs::remove_file(shop.path("left-out.csv"));
    let command = recipes().remove(file).unwrap_or_else(|| panic!("README has no recipe for {file}"));
    let binary = Path::new(env!("CARGO_BIN_EXE_shopctl")).parent().expect("in a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(binary).chain(std::env::split_paths(&path))).expect("a path");
    // The same environment as for every run.
    let template = shop.command(&[]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(&command).env_clear();
    shell.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
    shell.current_dir(shop.home.path()).stdin(std::process::Stdio::null());
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    finish(shell.spawn().expect("sh is everywhere"), &[&command])
}

/// The lines that stayed out, each of them with a reason.
fn lines_left_out(shop: &Shop) -> Vec<String> {
    let list = std::fs::read_to_string(shop.path("left-out.csv")).expect("the list of what stayed out");
    let mut reader = csv::Reader::from_reader(list.as_bytes());
    let rows = reader.records().map(|row| row.expect("CSV"));
    let mut lines: Vec<String> = rows
        .map(|row| {
            assert!(!row[3].is_empty(), "a line without a reason: {list}");
            row[0].to_owned()
        })
        .collect();
    lines.dedup();
    lines
}

/// SKU, price and stock of each product.
fn products(shop: &Shop) -> Vec<String> {
    let run =
        shop.run(&["product", "list", "--all", "--sort", "sku", "-o", "tsv", "--fields", "sku,price,stock_quantity"]);
    run.success().stdout.lines().map(|line| line.replace('\t', " ")).collect()
}

fn products_of_shopify(shop: &Shop) {
    run(shop, "shopify-products.csv").exits_with(8);
    // Variants omit their product's title; pictures and gift cards are not products.
    assert_eq!(products(shop), ["SCARF-MOSS 39.00 12", "SCARF-SLATE 39.00 7", "WRAP-01 8.50 0"]);
    let named = shop.run(&["product", "show", "SCARF-SLATE", "-o", "tsv", "--fields", "name"]).success();
    assert_eq!(named.stdout.trim_end(), "Lambswool Scarf");
    assert_eq!(lines_left_out(shop), ["5", "7"]);
    assert_unchanged_again(shop, "shopify-products.csv", 8);
}

fn customers_and_orders_of_shopify(shop: &Shop) {
    run(shop, "shopify-without-skus.csv").exits_with(8);
    assert_eq!(products(shop), ["BEDSIDE-LIGHT 59.99 2", "PLANT-POT 9.99 1"]);
    assert_eq!(lines_left_out(shop), ["3"]);
    assert_unchanged_again(shop, "shopify-without-skus.csv", 8);
    run(shop, "shopify-products.csv").exits_with(8);
    run(shop, "shopify-customers.csv").exits_with(8);
    assert_eq!(shop.column("SELECT email FROM users ORDER BY email"), ["ann.sample@example.com", "bo@example.com"]);
    assert_eq!(lines_left_out(shop), ["4"]);
    assert_unchanged_again(shop, "shopify-customers.csv", 8);
    run(shop, "shopify-orders.csv").exits_with(8);
    let expected =
        ["#1001 47.50 2026-03-02T09:12:43Z ann.sample@example.com", "#1002 39.00 2026-03-04T17:00:01Z bo@example.com"];
    assert_eq!(orders(shop), expected);
    assert_eq!(shop.column("SELECT status FROM orders ORDER BY reference"), ["paid", "cancelled"]);
    // One in dollars, one by a guest.
    assert_eq!(lines_left_out(shop), ["5", "6"]);
    assert_unchanged_again(shop, "shopify-orders.csv", 8);
}

fn fill_down_copies_the_value_above_into_empty_cells(shop: &Shop) {
    let import = |content: &str, flags: &[&str]| {
        shop.file("file.csv", content);
        shop.run(&[&["product", "import", "file.csv"], flags].concat())
    };
    let two = "name,sku,price,description\nMug,M-1,1.00,big\n,M-2,2.00,\n,M-3,3.00,small\n";
    import(two, &[]).exits_with(7).says("line 3: name");
    import(two, &["--fill-down", "Name"]).success();
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["Mug", "Mug", "Mug"]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM products WHERE description = 'big'"), 1);
    // The first row has no row above it.
    import("name,sku,price\n,M-4,1.00\n", &["--fill-down", "name"]).exits_with(7).says("line 2: name");
    import(two, &["--fill-down", "title"]).exits_with(7).says("no column title").says("name, sku, price, description");
    let other = "name,sku,price,Vendor\nMug,M-1,1.00,x\n";
    import(other, &["--only-mapped", "--fill-down", "Vendor"]).exits_with(7).says("is ignored");
    shop.file("file.json", "[]");
    shop.run(&["product", "import", "file.json", "--fill-down", "name"]).exits_with(2).says("is for CSV");
}

fn products_of_woocommerce(shop: &Shop) {
    run(shop, "woocommerce-products.csv").exits_with(8);
    let expected =
        ["CLAY-POT-L 12.90 3", "CLAY-POT-S 7.90 20", "TROWEL 9.00 0", "WATERING-CAN 24.00 14", "WP-PENNANT 11.05 0"];
    assert_eq!(products(shop), expected);
    // The parent of variations and the group have no price.
    assert_eq!(lines_left_out(shop), ["2", "8"]);
    assert_unchanged_again(shop, "woocommerce-products.csv", 8);
}

fn products_and_customers_of_magento(shop: &Shop) {
    run(shop, "magento-catalog_product.csv").exits_with(8);
    assert_eq!(
        products(shop),
        ["24-KB01 34.00 100", "24-KB02 12.50 40", "MAP-APRON-M 27.00 1250", "MAP-APRON-S 27.00 5"]
    );
    // A translation, a group and the parent of variations.
    assert_eq!(lines_left_out(shop), ["4", "5", "6"]);
    assert_unchanged_again(shop, "magento-catalog_product.csv", 8);
    run(shop, "magento-customer.csv").exits_with(8);
    let users = shop.run(&["user", "list", "--all", "--sort", "email", "-o", "tsv", "--fields", "email,last_name"]);
    assert_eq!(users.success().stdout, "otto.sample@example.com\tO'Sample\nrosa@example.com\tExample\n");
    assert_eq!(lines_left_out(shop), ["4"]);
    assert_unchanged_again(shop, "magento-customer.csv", 8);
}

fn northwind_is_imported_completely(shop: &Shop) {
    if !servers::has_client("sqlite3", "sqlite3") {
        return;
    }
    run(shop, "northwind-products.csv").success();
    assert_eq!(products(shop), ["1 18.00 39", "11 21.00 22", "2 19.00 17", "42 14.00 26", "64 33.25 22"]);
    assert_unchanged_again(shop, "northwind-products.csv", 0);
    run(shop, "northwind-orders.csv").success();
    assert_eq!(
        orders(shop),
        [
            "10248 266.00 1996-07-04T00:00:00Z customer-vinet@example.invalid",
            "10250 291.20 1996-07-08T00:00:00Z customer-hanar@example.invalid",
            "11077 382.80 1998-05-06T00:00:00Z customer-vinet@example.invalid",
        ]
    );
    assert_eq!(products(shop)[0], "1 18.00 39", "what was sold long ago is not counted again");
    assert_unchanged_again(shop, "northwind-orders.csv", 0);
    // Customers without an address are skipped.
    shop.run(&["user", "import", "northwind-customers.csv", "--only-mapped"]).exits_with(7).says("email");
}

fn the_online_retail_file_is_imported_with_either_decimal_separator(shop: &Shop) {
    let expected = [
        "536365 35.64 2010-12-01T08:26:00Z customer-17850@example.invalid",
        "536370 144.00 2010-12-01T08:45:00Z customer-12583@example.invalid",
        "581587 14.85 2010-12-31T12:50:00Z customer-12680@example.invalid",
    ];
    run(shop, "uci-online-retail-semicolon.csv").exits_with(8);
    assert_eq!(orders(shop), expected);
    // A cancellation, and two without a customer.
    assert_eq!(lines_left_out(shop), ["6", "7", "8"]);
    // The same invoices in the other spelling already exist.
    assert_unchanged_again(shop, "uci-online-retail.csv", 8);
    assert_eq!(orders(shop), expected);
    if let Some(other) = Shop::migrated(shop.backend) {
        run(&other, "uci-online-retail.csv").exits_with(8);
        assert_eq!(orders(&other), expected);
        assert_eq!(lines_left_out(&other), ["6", "7", "8"]);
    }
}

/// Once more, everything is as it is.
#[track_caller]
fn assert_unchanged_again(shop: &Shop, file: &str, code: i32) {
    let before = shop.everything();
    let again = run(shop, file).exits_with(code);
    assert_eq!(shop.everything(), before, "{again}");
}

/// Reference as it came, total, time and buyer of each order.
fn orders(shop: &Shop) -> Vec<String> {
    let run = shop.run(&["order", "export", "-o", "jsonl"]).success();
    let mut orders: Vec<String> = run
        .stdout
        .lines()
        .map(|line| {
            let order: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |field: &str| order[field].as_str().expect("a text").to_owned();
            let reference = text("reference").replace('-', "");
            let reference = reference.trim_start_matches('0');
            let time = text("created_at").replace("+00:00", "Z").replace(".000000", "");
            format!("{reference} {} {time} {}", text("total_amount"), text("user"))
        })
        .collect();
    orders.sort();
    orders
}
