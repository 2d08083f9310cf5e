//! What the wizards of orders show and refuse while they ask.

use crate::on_every_backend;
use crate::support::emulator::Emulator;
use crate::support::{Backend, Shop};

const WIDE: (u16, u16) = (80, 40);

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("T-100", "7.95", 10);
    shop.product("T-104", "24.90", 0);
    shop.product("T-900", "1255.00", 5);
}

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    stocked(&shop);
    shop
}

fn place(shop: &Shop, items: &[&str]) -> String {
    let items = items.iter().flat_map(|item| ["--item", item]);
    let create: Vec<&str> =
        ["order", "create", "--user", "ann@example.com", "--json"].into_iter().chain(items).collect();
    shop.run(&create).success().json()["reference"].as_str().expect("a text").to_owned()
}

/// Plays steps, each a text to wait for and keys, and gives the exit code with the screen.
fn play(shop: &Shop, script: &str, steps: &[(&str, &str)]) -> (i32, String) {
    let mut terminal = Emulator::start(shop, script, WIDE, &[]);
    steps.iter().for_each(|(text, keys)| terminal.answer(text, keys));
    terminal.end()
}

on_every_backend!(no_more_is_ordered_than_there_is_in_stock);

fn no_more_is_ordered_than_there_is_in_stock(shop: &Shop) {
    stocked(shop);
    let steps = [
        ("product: ", "t-104\r"),
        ("quantity of T-104, 0 in stock [0]: ", "2\r"),
        ("this is too many: T-104 has 0 in stock", "0\r"),
        ("nothing of T-104 is added", "t-104\r"),
        ("quantity of T-104, 0 in stock [0]: ", "\r"),
        ("product: ", "t-100\r"),
        ("quantity of T-100, 10 in stock [1]: ", "11\r"),
        ("this is too many: T-100 has 10 in stock", "8\r"),
        ("next product: ", "t-100\r"),
        ("quantity of T-100, 10 in stock [1]: ", "3\r"),
        ("T-100 has 10 in stock; 8 already in the order", "2\r"),
        ("next product: ", "\r"),
        ("Place this order?", "e\r"),
        ("product to change or add: ", "t-100\r"),
        ("quantity of T-100, 10 in the order, 10 in stock [10]: ", "12\r"),
        ("T-100 has 10 in stock", "9\r"),
        ("total 71.55", "\r"),
        ("Place this order?", "y\r"),
    ];
    let (code, shown) = play(shop, "shopctl order create --user ann@example.com", &steps);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shop.column("SELECT quantity FROM order_items"), ["9"]);
    shop.assert_invariants();
}

on_every_backend!(own_pieces_of_a_changed_order_are_in_stock_for_it);

fn own_pieces_of_a_changed_order_are_in_stock_for_it(shop: &Shop) {
    stocked(shop);
    let order = place(shop, &["T-100:8"]);
    let steps = [
        ("product to change or add: ", "t-100\r"),
        ("quantity of T-100, 8 in the order, 2 in stock [8]: ", "11\r"),
        ("this is too many: T-100 has 2 in stock beside the 8 of this order", "10\r"),
        ("T-100: 8 before, 10 now", "t-104\r"),
        ("quantity of T-104, 0 in the order, 0 in stock [0]: ", "1\r"),
        ("this is too many: T-104 has 0 in stock", "\r"),
        ("T-104: 0 before, 0 now", "\r"),
        ("Change this order?", "y\r"),
    ];
    let (code, shown) = play(shop, &format!("shopctl order change {order}"), &steps);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shop.column("SELECT quantity FROM order_items"), ["10"]);
    shop.assert_invariants();
}

#[test]
fn given_products_without_enough_stock_are_refused_before_the_first_question() {
    let shop = shop();
    let (code, shown) = play(&shop, "shopctl order create --item T-100 --item T-104:2", &[]);
    assert!(code == 6 && shown.contains("T-104 has 0 in stock, 2 requested"), "{shown}");
    assert!(!shown.contains("customer"), "{shown}");
}

on_every_backend!(stock_that_is_sold_meanwhile_leads_back_to_the_review);

fn stock_that_is_sold_meanwhile_leads_back_to_the_review(shop: &Shop) {
    stocked(shop);
    let sell = |pieces| drop(shop.run(&["stock", "adjust", "T-100", pieces, "--reason", "correction"]).success());
    let enough = "quantity of T-100, 10 in stock [1]: ";
    let mut terminal = Emulator::start(shop, "shopctl order create --user ann@example.com", WIDE, &[]);
    for (text, keys) in [("product: ", "t-100\r"), (enough, "3\r"), ("next product: ", "t-900\r"), ("[1]: ", "\r")] {
        terminal.answer(text, keys);
    }
    terminal.answer("next product: ", "\r");
    terminal.shows("Place this order?");
    sell("-9");
    terminal.keys("y\r");
    terminal.shows("T-100 has 1 in stock, 3 requested");
    terminal.becomes("the review", |terminal| terminal.rows_at_cursor()[0] == "Place this order? [y/N]");
    terminal.keys("e\r");
    terminal.answer("product to change or add: ", "t-100\r");
    terminal.answer("quantity of T-100, 3 in the order, 1 in stock [3]: ", "1\r");
    terminal.answer("total 1262.95", "\r");
    terminal.becomes("the review", |terminal| terminal.rows_at_cursor()[0] == "Place this order? [y/N]");
    terminal.keys("y\r");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shop.column("SELECT quantity FROM order_items ORDER BY quantity"), ["1", "1"]);
    shop.assert_invariants();
    // The same of a change.
    sell("5");
    let order = place(shop, &["T-900"]);
    let mut terminal = Emulator::start(shop, &format!("shopctl order change {order}"), WIDE, &[]);
    terminal.answer("product to change or add: ", "t-100\r");
    terminal.answer("quantity of T-100, 0 in the order, 5 in stock [1]: ", "4\r");
    terminal.answer("T-100: 0 before, 4 now", "\r");
    terminal.shows("Change this order?");
    sell("-4");
    terminal.keys("y\r");
    terminal.shows("T-100 has 1 in stock, 4 requested");
    terminal.answer("product to change or add: ", "t-100\r");
    terminal.answer("quantity of T-100, 4 in the order, 1 in stock [4]: ", "1\r");
    terminal.answer("T-100: 0 before, 1 now", "\r");
    terminal.becomes("the review", |terminal| terminal.rows_at_cursor()[0] == "Change this order? [y/N]");
    terminal.keys("y\r");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    shop.assert_invariants();
}

#[test]
fn totals_end_in_the_column_of_the_amounts() {
    let shop = shop();
    let aligned = |shown: &str, amounts: &[&str], total: &str| {
        let row =
            |text: &str| shown.lines().rfind(|row| row.contains(text)).unwrap_or_else(|| panic!("{text}: {shown}"));
        let of_total = row(", total ").trim_end();
        assert!(of_total.ends_with(&format!(" {total}")), "{shown}");
        for amount in amounts {
            let (before, _) = row(&format!(" {amount}  T-")).split_once(&format!("{amount}  T-")).expect("it is there");
            assert_eq!(before.chars().count() + amount.len(), of_total.chars().count(), "{shown}");
        }
    };
    let steps = [
        ("product: ", "t-100\r"),
        ("[1]: ", "3\r"),
        ("next product: ", "t-900\r"),
        ("[1]: ", "1\r"),
        ("next product: ", "\r"),
        ("Place this order?", "n\r"),
    ];
    let (_, shown) = play(&shop, "shopctl order create --user ann@example.com", &steps);
    aligned(&shown, &["23.85", "1255.00"], "1278.85");
    let order = place(&shop, &["T-100"]);
    let steps = [("product to change or add: ", "\r"), ("[1]: ", "2\r"), ("now", "\r"), ("Change this order?", "n\r")];
    let (_, shown) = play(&shop, &format!("shopctl order change {order}"), &steps);
    aligned(&shown, &["15.90"], "15.90");
}

#[test]
fn a_narrow_terminal_shows_the_names_one_chooses_by() {
    let shop = shop();
    shop.sql("UPDATE products SET name = 'Teetasse mit Untertasse' WHERE sku = 'T-104'");
    shop.sql("UPDATE users SET email = 'annemarie.schmidt@mail.example.com', first_name = 'Annemarie', last_name = 'Schmidt'");
    let mut terminal = Emulator::start(&shop, "shopctl order create", (40, 20), &[]);
    terminal.becomes("a customer", |terminal| {
        terminal.rows().iter().any(|row| row.starts_with("> annemarie.sch") && row.ends_with("…  Annemarie Schmidt"))
    });
    terminal.keys("\r");
    terminal.becomes("a product", |terminal| {
        terminal.rows().iter().any(|row| row.trim_start_matches("> ").trim() == "T-104  Teetasse mit Untertasse")
    });
    terminal.keys("\u{3}");
    assert_eq!(terminal.end().0, 130);
    let mut terminal =
        Emulator::start(&shop, "shopctl order create --user annemarie.schmidt@mail.example.com", WIDE, &[]);
    terminal.becomes("products", |terminal| {
        let rows = terminal.rows().join("\n");
        rows.contains("T-104  Teetasse mit Untertasse    24.90  out of stock") && rows.contains("1255.00    5 in stock")
    });
    terminal.keys("\u{3}");
    assert_eq!(terminal.end().0, 130);
}

#[test]
fn a_message_after_an_interrupt_of_a_dumb_terminal_is_on_a_line_of_its_own() {
    let shop = shop();
    let mut terminal = Emulator::start(&shop, "exec shopctl user disable ann@example.com", WIDE, &[("TERM", "dumb")]);
    terminal.answer("Continue? [y/N] ", "\u{3}");
    let (code, shown) = terminal.end();
    assert_eq!(code, 130, "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("error[interrupted]")), "{shown}");
}
