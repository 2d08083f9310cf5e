//! Rows of programs that know only the original columns can be listed, found and used.

use crate::adopt_rows::{place, stocked, unbound};
use crate::on_every_backend;
use crate::support::foreign::drop_unique;
use crate::support::{Backend, Shop};

on_every_backend!(
    rows_of_other_programs_can_be_listed_found_and_ordered,
    odd_rows_never_crash_a_list,
    paging_returns_every_row_inserted_by_one_statement,
    skus_that_differ_only_in_case_are_distinguished_or_rejected,
    blank_keys_are_told_apart_by_an_import,
    keys_that_look_like_an_id_are_found,
    rows_with_the_same_key_are_not_mixed_up_by_an_import,
    what_is_no_address_is_named,
    what_is_not_named_is_counted,
    a_line_without_pieces_is_a_warning_before_and_after_it_is_adopted
);

fn insert(shop: &Shop) {
    shop.sql("INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('Old@Example.com', 'x', 'Old', 'Hand')");
    shop.sql("INSERT INTO products (name, description, price, stock_quantity) VALUES ('Old mug', NULL, 12, 0)");
    shop.sql(
        "INSERT INTO orders (user_id, status, total_amount) SELECT id, 'pending', 24 FROM users WHERE email = 'Old@Example.com'",
    );
    shop.sql(
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 2, 12 FROM orders o, products p",
    );
}

fn rows_of_other_programs_can_be_listed_found_and_ordered(shop: &Shop) {
    insert(shop);
    let users = shop.run(&["user", "list", "--json"]).success().json();
    assert_eq!(users["items"][0]["email"], "Old@Example.com");
    assert_eq!(users["items"][0]["status"], "active");
    let products = shop.run(&["product", "list", "--json"]).success().json();
    let sku = products["items"][0]["sku"].as_str().expect("made by the database").to_owned();
    assert_eq!(products["items"][0]["price"], "12.00");
    let orders = shop.run(&["order", "list", "--json"]).success().json();
    let reference = orders["items"][0]["reference"].as_str().expect("made by the database").to_owned();
    let shown = shop.run(&["order", "show", &reference.to_lowercase(), "--json"]).success().json();
    assert_eq!(shown["items"][0]["line_total"], "24.00");
    assert_eq!(shown["user"], "Old@Example.com");

    shop.run(&["user", "show", "old@example.com"]).success();
    shop.run(&["stock", "adjust", &sku, "+5", "--reason", "received"]).success();
    let placed = shop.run(&["order", "create", "--user", "old@example.com", "--item", &format!("{sku}:3"), "--json"]);
    assert_eq!(placed.success().json()["total_amount"], "36.00");
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 2);
}

fn odd_rows_never_crash_a_list(shop: &Shop) {
    insert(shop);
    let times: &[&str] = match shop.backend {
        Backend::Sqlite => &["2020-01-02 03:04:05", "no time at all", "1700000000", ""],
        Backend::Postgres => &["infinity", "-infinity", "290000-01-01", "4000-01-01 BC"],
        Backend::MariaDb => &["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"],
    };
    shop.sql("UPDATE users SET first_name = ''");
    for time in times {
        for table in ["users", "products", "orders"] {
            shop.sql(&format!("UPDATE {table} SET created_at = '{time}', updated_at = '{time}'"));
        }
        let users = shop.run(&["user", "list", "--json"]).success().json();
        assert!(users["items"][0]["created_at"].is_string(), "{time}");
        for arguments in [["product", "list"], ["order", "list"], ["user", "list"]] {
            shop.run(&arguments).success();
            let table: Vec<&str> = arguments.into_iter().chain(["-o", "table"]).collect();
            shop.run(&table).success();
        }
        shop.run(&["user", "update", "old@example.com", "--first-name", "Mended"]).success();
        let sku = shop.column("SELECT sku FROM products").remove(0);
        shop.run(&["stock", "adjust", &sku, "+1", "--reason", "received"]).success();
        let reference = shop.column("SELECT reference FROM orders").remove(0);
        shop.run(&["order", "show", &reference]).success();
    }
    for arguments in [["user", "list"], ["product", "list"], ["order", "list"], ["audit", "list"]] {
        shop.run(&arguments).success();
    }
}

fn paging_returns_every_row_inserted_by_one_statement(shop: &Shop) {
    let created_at = |number: usize| format!("'2024-01-0{} 00:00:0{}'", 1 + number % 3, number % 7);
    let odd: Vec<String> =
        (0..20).map(|number| format!("('odd{number}@example.com', 'x', 'F', 'L', {})", created_at(number))).collect();
    shop.sql(&format!(
        "INSERT INTO users (email, password_hash, first_name, last_name, created_at) VALUES {}",
        odd.join(", ")
    ));
    // All rows of one statement have the same time: only the id distinguishes them.
    let rows: Vec<String> = (0..25).map(|number| format!("('u{number}@example.com', 'x', 'F', 'L')")).collect();
    shop.sql(&format!("INSERT INTO users (email, password_hash, first_name, last_name) VALUES {}", rows.join(", ")));
    let between = |since: &str, until: &str| {
        let arguments = ["user", "list", "--since", since, "--until", until, "-o", "id"];
        shop.run(&arguments).success().stdout.lines().count()
    };
    let days = ["2024-01-01", "2024-01-02", "2024-01-03"];
    assert_eq!(days.map(|day| between(day, day)), [7, 7, 6]);
    assert_eq!(between("2024-01-01T00:00:03Z", "2024-01-01T00:00:04Z"), 1);
    for sort in ["created_at", "-created_at", "email", "-email"] {
        assert_eq!(pages(shop, sort), 45, "sorted by {sort}");
    }
    assert_eq!(shop.run(&["user", "list", "--all", "-o", "id"]).success().stdout.lines().count(), 45);
}

/// Rows found by going from page to page; none is shown twice.
fn pages(shop: &Shop, sort: &str) -> usize {
    let mut found = std::collections::BTreeSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut arguments = vec!["user", "list", "--json", "--limit", "7", "--sort", sort];
        if let Some(cursor) = &cursor {
            arguments.extend(["--after", cursor]);
        }
        let page = shop.run(&arguments).success().json();
        for user in page["items"].as_array().expect("a list") {
            assert!(found.insert(user["email"].to_string()), "ambiguous when clocks change");
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    found.len()
}

fn skus_that_differ_only_in_case_are_distinguished_or_rejected(shop: &Shop) {
    shop.user("ann");
    for (sku, stock) in [("abc", 5), ("ABC", 7), ("Once", 9)] {
        shop.sql(&format!("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('{sku}', 'x', 1, {stock})"));
    }
    for command in [
        &["stock", "adjust", "aBc", "-2", "--reason", "damaged"][..],
        &["order", "create", "--user", "ann@example.com", "--item", "aBc:1"],
        &["product", "price", "aBc", "--to", "9", "-y"],
        &["product", "show", "aBc"],
    ] {
        let hint = format!("shopctl {}", command.join(" ").replace("aBc", "ABC").replace("-y", "--yes"));
        shop.run(command).exits_with(6).says("product.ambiguous").says("ABC, abc").says(&hint);
    }
    assert_eq!(shop.number("SELECT SUM(stock_quantity) FROM products"), 21);
    for (typed, stored) in [("abc", "abc"), ("ABC", "ABC"), ("oNCE", "Once")] {
        assert_eq!(shop.run(&["product", "show", typed, "--json"]).success().json()["sku"], stored);
    }
}

fn blank_keys_are_told_apart_by_an_import(shop: &Shop) {
    // On MariaDB a unique index takes a text with spaces at its end for the one without.
    let blank = if shop.backend == Backend::MariaDb { "\u{a0}" } else { " " };
    let keys = [("A", ""), ("B", blank), ("C", "\u{2028}")];
    for (name, _) in keys {
        let email = shop.user(&name.to_lowercase());
        shop.product(name, "1.00", 5);
        shop.run(&["order", "create", "--user", &email, "--item", &format!("{name}:1")]).success();
    }
    for (name, key) in keys {
        let email = format!("{}@example.com", name.to_lowercase());
        let order = format!("user_id = (SELECT id FROM users WHERE email = '{email}')");
        shop.sql(&format!("UPDATE orders SET reference = '{key}' WHERE {order}"));
        shop.sql(&format!("UPDATE products SET name = '{name}', sku = '{key}' WHERE sku = '{name}'"));
    }
    for (number, (name, key)) in keys.into_iter().enumerate() {
        let email = format!("{}@example.com", name.to_lowercase());
        shop.sql(&format!("UPDATE users SET first_name = 'N{number}', email = '{key}' WHERE email = '{email}'"));
    }
    let before = shop.everything();
    for (noun, format) in ["user", "product", "order"].into_iter().flat_map(|noun| [(noun, "csv"), (noun, "json")]) {
        let file = format!("{noun}.{format}");
        shop.run(&[noun, "export", "--out", &file]).success();
        let run = shop.run(&[noun, "import", &file]).success();
        assert!(run.stdout.contains(&format!("0 {noun}s imported: 3 unchanged")), "{run}");
    }
    assert_eq!(shop.everything(), before);
}

fn keys_that_look_like_an_id_are_found(shop: &Shop) {
    const KEY: &str = "5f0c8a5e-1111-4222-8333-444455556666";
    insert(shop);
    shop.sql(&format!("UPDATE products SET sku = '{KEY}'"));
    shop.sql(&format!("UPDATE orders SET reference = '{KEY}'"));
    shop.sql(&format!("UPDATE users SET email = '{KEY}'"));
    for key in [KEY.to_owned(), KEY.to_uppercase()] {
        shop.run(&["product", "show", &key]).success();
        shop.run(&["order", "show", &key]).success();
        shop.run(&["user", "show", &key]).success();
        assert!(!shop.run(&["order", "list", "--user", &key, "-o", "id"]).success().stdout.trim().is_empty());
    }
    shop.run(&["stock", "adjust", KEY, "+5", "--reason", "received"]).success();
    shop.run(&["order", "create", "--user", KEY, "--item", &format!("{KEY}:1")]).success();
    shop.run(&["user", "update", KEY, "--first-name", "New"]).success();
    shop.run(&["product", "show", "5f0c8a5e-1111-4222-8333-444455556667"]).exits_with(3);
    shop.run(&["user", "show", "5f0c8a5e-1111-4222-8333-444455556667"]).exits_with(3);
}

/// As the drivers of JavaScript write them: a program that writes numbers reads numbers.
#[test]
fn times_that_are_numbers_stay_numbers_on_sqlite() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.sql(
        "INSERT INTO products (sku, name, price, created_at, updated_at) VALUES ('PEN', 'Pen', 1, 1795457507806, 1795457507806.0)",
    );
    let kinds = "SELECT typeof(created_at) || ' ' || typeof(updated_at) FROM products";
    assert_eq!(shop.column(kinds), ["integer integer"]);
    let shown = shop.run(&["product", "show", "PEN", "--json"]).success().stdout;
    assert_eq!(shown.matches("2026-11-23T18:11:47.806").count(), 2, "{shown}");
    let deep = shop.run(&["doctor", "--deep"]).success().stdout;
    assert!(deep.contains("products.created_at 1, products.updated_at 1"), "{deep}");
    shop.run(&["adopt", "--yes"]).success();
    shop.run(&["product", "update", "PEN", "--name", "Pencil"]).success();
    assert_eq!(shop.column(kinds), ["integer text"]);
    shop.run(&["audit", "verify"]).success();
}

/// Where another program dropped the unique index.
fn rows_with_the_same_key_are_not_mixed_up_by_an_import(shop: &Shop) {
    shop.product("A-1", "1.00", 3);
    shop.product("B-1", "2.00", 4);
    drop_unique(shop, "products", "sku");
    shop.sql("UPDATE products SET sku = 'A-1', name = 'Other' WHERE sku = 'B-1'");
    let names = || shop.column("SELECT name FROM products ORDER BY name");
    let before = names();
    shop.run(&["product", "export", "--out", "products.csv"]).success();
    assert!([0, 8].contains(&shop.run(&["product", "import", "products.csv", "--on-error", "reject-rows"]).code));
    assert_eq!(names(), before);
    shop.file("one.csv", "sku,name\nA-1,Third\n");
    shop.run(&["product", "import", "one.csv"]).exits_with(7).says("is the key of 2 products");
    assert_eq!(names(), before);
}

fn what_is_no_address_is_named(shop: &Shop) {
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) \
         VALUES ('nobody', 'x', 'N', 'B'), ('', 'x', 'E', 'M'), ('@example.com', 'x', 'A', 'T')",
    );
    let users = shop.run(&["user", "list", "--json"]).success().json();
    let users = users["items"].as_array().expect("a list");
    let empty = users.iter().find(|user| user["email"] == "").expect("is listed");
    let id = empty["id"].as_str().expect("text");
    let run = shop.run(&["adopt", "--yes"]).success();
    let run = run.says("user nobody has no e-mail address: set one with user update --email");
    run.says("user @example.com has no e-mail address").says(&format!("user {id} has no e-mail address"));
    shop.run(&["doctor", "--deep"]).success();
    for (number, who) in ["nobody", id, "@example.com"].into_iter().enumerate() {
        shop.run(&["user", "update", who, "--email", &format!("n{number}@example.com")]).success();
    }
    let run = shop.run(&["adopt", "--yes"]).success();
    assert!(!run.stderr.contains("e-mail address"), "{run}");
    shop.run(&["audit", "verify"]).success();
}

/// As many as a terminal has lines: the rest is counted, with the command that lists them.
fn what_is_not_named_is_counted(shop: &Shop) {
    let names: Vec<String> = (0..23).map(|number| format!("('nobody {number}', 'x', 'N', 'B')")).collect();
    shop.sql(&format!("INSERT INTO users (email, password_hash, first_name, last_name) VALUES {}", names.join(", ")));
    let run = shop.run(&["adopt", "--yes"]).success().says("3 more; to list them all: ");
    assert_eq!(run.stderr.matches("has no e-mail address").count(), 20, "{run}");
    let all = shop.run(&["adopt", "--dry-run", "--json"]).success().json();
    assert_eq!(all["repairs"].as_array().map(Vec::len), Some(23), "{all}");
    let doctor = shop.run(&["doctor", "--deep"]).success();
    assert!(doctor.stdout.contains("nobody 12 and 18 more)"), "{doctor}");
}

fn a_line_without_pieces_is_a_warning_before_and_after_it_is_adopted(shop: &Shop) {
    stocked(shop);
    if shop.backend == Backend::Postgres {
        shop.sql("ALTER TABLE order_items DROP CONSTRAINT ck_order_items_quantity");
    }
    for (reference, quantity) in [("BACK", -2), ("NONE", 0)] {
        place(shop, reference, "paid");
        let line = "product_id = (SELECT id FROM products WHERE sku = 'MUG')";
        let of = format!("order_id = (SELECT id FROM orders WHERE reference = '{reference}')");
        unbound(shop, &format!("UPDATE order_items SET quantity = {quantity} WHERE {of} AND {line}"));
    }
    let is_named = || {
        let run = shop.run(&["doctor", "--deep", "--json"]).success();
        let checks = run.json()["items"].as_array().expect("a list").clone();
        let check = checks.iter().find(|check| check["name"] == "value-has-its-type").expect("checked");
        assert_eq!(check["state"], "warning", "{run}");
        assert!(
            check["detail"].as_str().is_some_and(|told| told.contains("values: 2 (order_items.quantity")),
            "{check}"
        );
    };
    is_named();
    let run = shop.run(&["adopt", "--yes", "--fix-totals"]).success();
    run.says("order BACK: a line of -2 units gets no movement").says("order NONE: a line of 0 units gets no movement");
    is_named();
    assert!(shop.run(&["adopt", "--yes"]).success().stdout.contains("nothing can be adopted until it is corrected"));
    shop.run(&["audit", "verify"]).success();
    shop.run(&["stock", "verify"]).success();
}
