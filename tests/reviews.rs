//! The review at the end of a wizard: yes, no, edit, and Escape.

use crate::on_every_backend;
use crate::support::emulator::Emulator;
use crate::support::{Backend, Shop};

const WIDE: (u16, u16) = (80, 40);

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.user("zoe");
    shop.product("MUG-01", "12.50", 10);
    shop.product("PEN-FINE", "2.40", 5);
}

/// Plays steps, each a text to wait for and keys, and gives the exit code with the screen.
fn play(shop: &Shop, script: &str, steps: &[(&str, &str)]) -> (i32, String) {
    let mut terminal = Emulator::start(shop, script, WIDE, &[]);
    steps.iter().for_each(|(text, keys)| terminal.answer(text, keys));
    terminal.end()
}

/// As [`play`], with the keys typed only when the cursor is at the question: Escape and a letter would be one key.
fn play_in_turn(shop: &Shop, script: &str, steps: &[(&str, &str)]) -> (i32, String) {
    let mut terminal = Emulator::start(shop, script, WIDE, &[]);
    for (question, keys) in steps {
        terminal.becomes(question, |terminal| terminal.rows_at_cursor()[0] == question.trim_end());
        terminal.keys(keys);
    }
    terminal.end()
}

const ORDER: [(&str, &str); 5] = [
    ("customer: ", "ann\r"),
    ("product: ", "mug\r"),
    ("quantity of MUG-01, 10 in stock [1]: ", "2\r"),
    ("next product: ", "\r"),
    ("Place this order? [y/N]", ""),
];

fn order(steps: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    ORDER.iter().chain(steps).copied().collect()
}

fn lines(shop: &Shop) -> Vec<String> {
    let from = "FROM order_items JOIN products ON products.id = product_id ORDER BY sku";
    ["sku", "quantity"].iter().flat_map(|column| shop.column(&format!("SELECT {column} {from}"))).collect()
}

on_every_backend!(an_order_is_edited_at_its_review);

fn an_order_is_edited_at_its_review(shop: &Shop) {
    stocked(shop);
    let steps = order(&[
        ("e: edit, Esc: back", "e\r"),
        ("keep ann@example.com", "zoe\r"),
        ("customer: zoe@example.com", ""),
        ("2 in the order", "mug\r"),
        ("quantity of MUG-01, 2 in the order, 10 in stock [2]: ", "3\r"),
        ("total 37.50", ""),
        ("product to change or add: ", "pen\r"),
        ("quantity of PEN-FINE, 5 in stock [1]: ", "4\r"),
        ("done", "\r"),
        ("order for zoe@example.com", "y\r"),
        ("placed", ""),
    ]);
    let (code, shown) = play(shop, "shopctl order create", &steps);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("shopctl order create --user zoe@example.com --item MUG-01:3 --item PEN-FINE:4"), "{shown}");
    assert_eq!(lines(shop), ["MUG-01", "PEN-FINE", "3", "4"]);
    assert_eq!(shop.column("SELECT email FROM users JOIN orders ON user_id = users.id"), ["zoe@example.com"]);
    shop.assert_invariants();
}

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    stocked(&shop);
    shop
}

#[test]
fn a_declined_order_leaves_the_command_that_places_it() {
    let shop = shop();
    let before = shop.everything();
    for (keys, code) in [("n\r", 10), ("\r", 10), ("\u{4}", 10), ("\u{3}", 130)] {
        let (ended_with, shown) = play(&shop, "shopctl order create", &order(&[("[y/N]", keys)]));
        assert_eq!(ended_with, code, "{keys:?}: {shown}");
        assert!(shown.contains("shopctl order create --user ann@example.com --item MUG-01:2"), "{keys:?}: {shown}");
        assert_eq!(shop.everything(), before);
    }
}

#[test]
fn escape_leads_from_the_review_to_the_questions_and_from_an_edit_to_the_review() {
    let shop = shop();
    let steps = [
        ("Place this order? [y/N]", "\u{1b}"),
        ("next product:", "pen\r"),
        ("quantity of PEN-FINE, 5 in stock [1]:", "\u{1b}"),
        ("next product:", "pen\r"),
        ("quantity of PEN-FINE, 5 in stock [1]:", "\r"),
        ("next product:", "\r"),
        ("Place this order? [y/N]", "e\r"),
        ("customer:", "\u{1b}"),
        ("Place this order? [y/N]", "e\r"),
        ("customer:", "\r"),
        ("product to change or add:", "mug\r"),
        ("quantity of MUG-01, 2 in the order, 10 in stock [2]:", "0\r"),
        ("product to change or add:", "\u{1b}"),
        ("Place this order? [y/N]", "y\r"),
    ];
    let (code, shown) = play_in_turn(&shop, "shopctl order create", &[&ORDER[..4], &steps].concat());
    assert_eq!(code, 0, "{shown}");
    assert_eq!(lines(&shop), ["PEN-FINE", "1"]);
}

#[test]
fn a_dry_run_of_a_wizard_does_not_ask_for_confirmation() {
    let shop = shop();
    let before = shop.everything();
    let (code, shown) = play(&shop, "shopctl order create -n", &ORDER[..4]);
    assert!(code == 0 && shown.contains("would be placed") && !shown.contains("[y/N]"), "{shown}");
    let (code, shown) = play(&shop, "shopctl user create -n", &USER[..5]);
    assert!(code == 0 && shown.contains("would be created") && !shown.contains("[y/N]"), "{shown}");
    assert_eq!(shop.everything(), before);
}

const USER: [(&str, &str); 6] = [
    ("e-mail address: ", "bo@example.com\r"),
    ("first name: ", "Bo\r"),
    ("last name: ", "Ek\r"),
    ("password: ", "battery staple\r"),
    ("repeat the password: ", "battery staple\r"),
    ("Create this user? [y/N]", ""),
];

#[test]
fn a_user_is_edited_at_the_review() {
    let shop = shop();
    let steps = [
        ("[y/N]", "e\r"),
        ("e-mail address [bo@example.com]: ", "\r"),
        ("first name [Bo]: ", "Bosse\r"),
        ("last name [Ek]: ", "\r"),
        ("Bosse", ""),
        ("[y/N]", "y\r"),
    ];
    let steps: Vec<_> = USER.iter().chain(&steps).copied().collect();
    let (code, shown) = play(&shop, "shopctl user create", &steps);
    assert_eq!(code, 0, "{shown}");
    let names = "SELECT first_name || ' ' || last_name FROM users WHERE email = 'bo@example.com'";
    assert_eq!(shop.column(names), ["Bosse Ek"]);
    let password = shop.file("password", "battery staple");
    let verify = ["user", "verify-password", "bo@example.com", "--password-file"];
    shop.run(&[&verify[..], &[password.to_str().expect("text")]].concat()).success();
}

#[test]
fn escape_goes_back_through_the_questions_about_a_user() {
    let shop = shop();
    let before = shop.everything();
    let steps = [
        ("e-mail address: ", "bo@example.com\r"),
        ("first name: ", "B\u{1b}"),
        ("e-mail address [bo@example.com]: ", "\r"),
        ("first name: ", "Bo\r"),
        ("last name: ", "Ek\r"),
        ("password: ", "\u{1b}"),
        ("last name [Ek]: ", "\r"),
        ("password: ", "battery staple\r"),
        ("repeat the password: ", "\u{1b}"),
        ("password: ", "battery stable\r"),
        ("repeat the password: ", "battery stable\r"),
        ("Create this user? [y/N]", "\u{1b}"),
        ("password: ", "\u{1b}"),
        ("last name [Ek]: ", "\u{1b}"),
        ("first name [Bo]: ", "\u{1b}"),
        ("e-mail address [bo@example.com]: ", "\u{1b}"),
    ];
    let (code, shown) = play_in_turn(&shop, "shopctl user create", &steps);
    assert!(code == 10 && shown.contains("cancelled; nothing was changed"), "{shown}");
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_change_of_an_order_is_edited_at_the_review() {
    let shop = shop();
    let create = ["order", "create", "--user", "ann@example.com", "--item", "MUG-01:2", "--json"];
    let reference = shop.run(&create).success().json()["reference"].as_str().expect("text").to_owned();
    let steps = [
        ("product to change or add: ", "mug\r"),
        ("quantity of MUG-01, 2 in the order, 8 in stock [2]: ", "\u{1b}"),
        ("product to change or add: ", "mug\r"),
        ("quantity of MUG-01, 2 in the order, 8 in stock [2]: ", "1\r"),
        ("done", "\r"),
        ("Change this order? [y/N]", "e\r"),
        ("1 in the order", "pen\r"),
        ("quantity of PEN-FINE, 0 in the order, 5 in stock [1]: ", "2\r"),
        ("done", "\r"),
        ("17.30", "y\r"),
    ];
    let (code, shown) = play(&shop, &format!("shopctl order change {reference}"), &steps);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(lines(&shop), ["MUG-01", "PEN-FINE", "1", "2"]);
    shop.assert_invariants();
}
