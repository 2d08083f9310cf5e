//! Prompts, on a real pseudo-terminal.

use crate::support::terminal::{answer, end, start};
use crate::support::{Backend, Shop};

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop
}

fn status(shop: &Shop) -> String {
    shop.column("SELECT status FROM users").remove(0)
}

#[test]
fn only_yes_confirms_disabling_a_user() {
    let shop = shop();
    for (answer, code) in [("n\r", 10), ("\r", 10), ("maybe\r", 10), ("\u{4}", 10), ("\u{3}", 130)] {
        let mut session = start(&shop, &["user", "disable", "ann@example.com"], &[]);
        session.exp_string("[y/N]").expect("it asks");
        session.send(answer).and_then(|_| session.flush()).expect("it listens");
        let (ended_with, shown) = end(session);
        assert_eq!(ended_with, code, "{answer:?} gave {shown}");
        assert_eq!(status(&shop), "active", "after {answer:?}");
    }
    let mut session = start(&shop, &["user", "disable", "ann@example.com"], &[]);
    session.exp_string("from placing orders").expect("the impact comes first");
    session.exp_string("[y/N]").expect("it asks");
    session.send("y\r").and_then(|_| session.flush()).expect("it listens");
    assert_eq!(end(session).0, 0);
    assert_eq!(status(&shop), "disabled");
}

#[test]
fn deleting_requires_typing_the_name() {
    let shop = shop();
    for (answer, code, left) in [("bob\r", 10, 1), ("\u{3}", 130, 1), ("\u{4}", 10, 1), ("ann@example.com\r", 0, 0)] {
        let mut session = start(&shop, &["user", "delete", "ann@example.com"], &[]);
        session.exp_string("Type ann@example.com to confirm").expect("it asks");
        session.send(answer).and_then(|_| session.flush()).expect("it listens");
        let (ended_with, shown) = end(session);
        assert_eq!(ended_with, code, "{answer:?} gave {shown}");
        assert_eq!(shop.number("SELECT COUNT(*) FROM users"), left, "after {answer:?}");
    }
}

#[test]
fn a_password_is_prompted_for_twice_and_never_echoed() {
    let shop = shop();
    let arguments = ["user", "create", "--email", "bo@example.com", "--first-name", "Bo", "--last-name", "Ek"];
    let mut session = start(&shop, &arguments, &[]);
    let mut shown = session.exp_string(":").expect("it asks");
    session.send("battery staple\r").and_then(|_| session.flush()).expect("it listens");
    shown += &session.exp_string(":").expect("it asks again");
    session.send("battery staple\r").and_then(|_| session.flush()).expect("it listens");
    let (code, rest) = end(session);
    shown += &rest;
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("battery"), "{shown}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users"), 2);

    let arguments = ["user", "create", "--email", "cy@example.com", "--first-name", "Cy", "--last-name", "Oh"];
    let mut session = start(&shop, &arguments, &[]);
    session.exp_string(":").expect("it asks");
    session.send("half a pass\u{3}").and_then(|_| session.flush()).expect("it listens");
    let (code, shown) = end(session);
    assert_eq!(code, 130, "{shown}");
    assert!(!shown.contains("half"), "{shown}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users"), 2);
}

#[test]
fn invalid_input_is_rejected_before_the_password_prompt() {
    let shop = shop();
    let session = start(&shop, &["user", "create", "--email", "x", "--first-name", "X", "--last-name", "Y"], &[]);
    let (code, shown) = end(session);
    assert_eq!(code, 7, "{shown}");
}

#[test]
fn no_prompts_appear_under_no_input_or_ci() {
    let shop = shop();
    for (flags, variables) in [(vec!["--no-input"], vec![]), (vec![], vec![("CI", "true")])] {
        let arguments: Vec<&str> = ["user", "delete", "ann@example.com"].into_iter().chain(flags).collect();
        let (code, shown) = end(start(&shop, &arguments, &variables));
        assert_eq!(code, 11, "{shown}");
        assert!(shown.contains("--confirm"), "{shown}");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM users"), 1);
}

#[test]
fn a_table_on_a_terminal_has_a_header_and_a_list_in_a_pipe_has_none() {
    let shop = shop();
    let (code, shown) = end(start(&shop, &["user", "list", "--color", "never"], &[]));
    assert_eq!(code, 0);
    assert!(shown.contains("EMAIL") && shown.contains("ann@example.com"), "{shown}");
    let piped = shop.run(&["user", "list"]).success().stdout;
    assert!(!piped.contains("EMAIL") && piped.contains("\tann@example.com\t"), "{piped}");
    let (_, empty) = end(start(&shop, &["order", "list"], &[]));
    assert!(empty.contains("no orders"), "{empty}");
}

#[test]
fn cancel_and_refund_show_their_effect_and_ask_for_confirmation() {
    let shop = shop();
    shop.product("MUG", "12.50", 10);
    let create = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--json"];
    let reference = shop.run(&create).success().json()["reference"].as_str().expect("text").to_owned();
    for (verb, told) in [("cancel", "This cancels order"), ("refund", "This refunds order")] {
        if verb == "refund" {
            shop.run(&["order", "pay", &reference]).success();
        }
        let before = shop.everything();
        for (keys, code) in [("n\r", 10), ("\r", 10), ("\u{4}", 10), ("\u{3}", 130)] {
            let mut session = start(&shop, &["order", verb, &reference], &[]);
            let shown = answer(&mut session, "[y/N]", keys);
            assert!(shown.contains(told) && shown.contains(&reference) && shown.contains("25.00"), "{shown}");
            assert_eq!(end(session).0, code, "{keys:?}");
            assert_eq!(shop.everything(), before, "after {keys:?}");
        }
    }
    let mut session = start(&shop, &["order", "refund", &reference], &[]);
    answer(&mut session, "[y/N]", "y\r");
    assert_eq!(end(session).0, 0);
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 10);
}

#[test]
fn erasing_personal_data_requires_typing_the_name() {
    let shop = shop();
    for (keys, code, status_after) in
        [("y\r", 10, "active"), ("\u{3}", 130, "active"), ("ann@example.com\r", 0, "anonymized")]
    {
        let mut session = start(&shop, &["user", "anonymize", "ann@example.com"], &[]);
        answer(&mut session, "Type ann@example.com to confirm", keys);
        let (ended_with, shown) = end(session);
        assert_eq!((ended_with, status(&shop).as_str()), (code, status_after), "{shown}");
    }
}

#[test]
fn the_time_limit_does_not_run_while_a_prompt_is_open() {
    let shop = shop();
    shop.product("MUG", "12.50", 10);
    for (arguments, question, keys) in [
        (["user", "disable", "ann@example.com"], "[y/N]", "y\r"),
        (["product", "delete", "MUG"], "Type MUG to confirm", "MUG\r"),
    ] {
        let arguments = [&arguments[..], &["--timeout", "300ms"]].concat();
        let mut session = start(&shop, &arguments, &[]);
        session.exp_string(question).expect("it asks");
        // This delay must not count towards the time limit.
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        session.send(keys).and_then(|_| session.flush()).expect("it listens");
        let (code, shown) = end(session);
        assert_eq!(code, 0, "{arguments:?}: {shown}");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
}

#[test]
fn invalid_requests_are_rejected_before_any_prompt() {
    let shop = shop();
    shop.product("MUG", "12.50", 10);
    let create = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--json"];
    let reference = shop.run(&create).success().json()["reference"].as_str().expect("text").to_owned();
    for verb in ["pay", "ship"] {
        shop.run(&["order", verb, &reference]).success();
    }
    let before = shop.everything();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["order", "cancel", &reference], 6, "allowed: complete, refund"),
        (&["order", "pay", &reference, &reference.to_lowercase()], 6, "allowed: complete, refund"),
        (&["order", "cancel", "NOSUCH"], 3, "no order NOSUCH"),
        (&["order", "refund", &reference, "--restock", "MUG:3"], 6, "the order took only 2"),
        (&["user", "delete", "ann@example.com"], 6, "order"),
        (&["user", "anonymize", "ann@example.com"], 6, &reference),
        (&["product", "delete", "MUG"], 6, "order"),
    ];
    for (arguments, code, reason) in cases {
        let (ended_with, shown) = end(start(&shop, arguments, &[]));
        assert_eq!(ended_with, code, "{arguments:?} gave {shown}");
        assert!(!shown.contains("go on") && shown.contains(reason), "{arguments:?} gave {shown}");
    }
    let mut session = start(&shop, &["order", "refund", &reference, "--restock", "MUG:1"], &[]);
    let shown = answer(&mut session, "[y/N]", "n\r");
    assert!(shown.contains("; 1 unit is restocked"), "{shown}");
    assert_eq!(end(session).0, 10);
    assert_eq!(shop.everything(), before);
}

#[test]
fn adopting_shows_a_dry_run_and_asks_about_totals_first() {
    let shop = shop();
    shop.product("MUG", "12.50", 9);
    shop.sql("INSERT INTO orders (reference, user_id) SELECT 'APP-1', id FROM users");
    shop.sql(
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) \
         SELECT o.id, p.id, 2, 12.50 FROM orders o, products p",
    );
    let before = shop.everything();
    for (totals, go_on, code) in [("n\r", "n\r", 10), ("y\r", "n\r", 10), ("\u{3}", "", 130), ("y\r", "y\r", 0)] {
        assert_eq!(shop.everything(), before);
        let mut session = start(&shop, &["adopt"], &[]);
        let shown = answer(&mut session, "Set it to the sum of the lines? [y/N]", totals);
        assert!(shown.contains("order APP-1: was not created by shopctl"), "{shown}");
        if !go_on.is_empty() {
            answer(&mut session, "Continue? [y/N]", go_on);
        }
        let (ended_with, shown) = end(session);
        assert_eq!(ended_with, code, "{shown}");
    }
    assert_eq!(shop.number("SELECT total_amount FROM orders"), 25);
    shop.run(&["audit", "verify"]).success();
}
