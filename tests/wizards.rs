//! Wizards, on a real pseudo-terminal.

use crate::on_every_backend;
use crate::support::terminal::{answer, end, hang_up, start, start_script};
use crate::support::{Backend, Shop};

/// A question and what is typed.
type Step = (&'static str, &'static str);

const ORDER: [Step; 9] = [
    ("customer: ", "ann\r"),
    ("product: ", "mug-01\r"),
    ("quantity of MUG-01, 10 in stock [1]: ", "2\r"),
    ("next product: ", "fine\r"),
    ("quantity of PEN-FINE, 5 in stock [1]: ", "\r"),
    ("next product: ", "mug-01\r"),
    ("quantity of MUG-01, 10 in stock [1]: ", "1\r"),
    ("next product: ", "\r"),
    ("Place this order? [y/N] ", "y\r"),
];

const USER: [Step; 6] = [
    ("e-mail address: ", "Bo@Example.com\r"),
    ("first name: ", "Bo\r"),
    ("last name: ", "O'Hara Ek\r"),
    ("password: ", "battery staple\r"),
    ("repeat the password: ", "battery staple\r"),
    ("Create this user? [y/N] ", "y\r"),
];

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.user("zoe");
    shop.product("MUG-01", "12.50", 10);
    shop.product("PEN-FINE", "2.40", 5);
}

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    stocked(&shop);
    shop
}

/// Plays steps and gives the exit code with everything that was shown.
fn play(shop: &Shop, arguments: &[&str], steps: &[Step]) -> (i32, String) {
    let mut session = start(shop, arguments, &[]);
    let mut shown: String = steps.iter().map(|(question, keys)| answer(&mut session, question, keys)).collect();
    let (code, rest) = end(session);
    shown.push_str(&rest);
    (code, shown)
}

/// The command that a wizard left behind.
fn equivalent(shown: &str) -> &str {
    let line = shown.lines().find(|line| line.trim_start().starts_with("shopctl "));
    line.unwrap_or_else(|| panic!("no command in {shown}")).trim()
}

on_every_backend!(the_order_wizard_has_the_same_result_as_the_printed_command);

fn the_order_wizard_has_the_same_result_as_the_printed_command(shop: &Shop) {
    stocked(shop);
    let (code, shown) = play(shop, &["order", "create"], &ORDER);
    assert_eq!(code, 0, "{shown}");
    for text in ["total 25.00", "total 27.40", "total 39.90", "3 × MUG-01", "39.90"] {
        assert!(shown.contains(text), "{text} is not in {shown}");
    }
    let command = equivalent(&shown);
    assert_eq!(command, "shopctl order create --user ann@example.com --item MUG-01:3 --item PEN-FINE");
    let (code, again) = end(start_script(shop, command));
    assert_eq!(code, 0, "{again}");
    assert_eq!(shop.column("SELECT quantity FROM order_items ORDER BY quantity"), ["1", "1", "3", "3"]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 2);
    assert_eq!(shop.number("SELECT COUNT(DISTINCT total_amount) FROM orders"), 1);
    assert_eq!(shop.column("SELECT DISTINCT email FROM users JOIN orders ON user_id = users.id"), ["ann@example.com"]);
    shop.assert_invariants();
}

const CHANGE: [Step; 8] = [
    ("product to change or add: ", "\r"),
    ("quantity of MUG-01, 2 in the order, 8 in stock [2]: ", "1\r"),
    ("product to change or add: ", "pen\r"),
    ("quantity of PEN-FINE, 1 in the order, 4 in stock [1]: ", "0\r"),
    ("product to change or add: ", "hat\r"),
    ("quantity of HAT, 0 in the order, 3 in stock [1]: ", "2\r"),
    ("product to change or add: ", "\r"),
    ("Change this order? [y/N] ", "y\r"),
];

on_every_backend!(the_change_wizard_has_the_same_result_as_the_printed_command);

fn the_change_wizard_has_the_same_result_as_the_printed_command(shop: &Shop) {
    stocked(shop);
    shop.product("HAT", "20.00", 3);
    let place = ["order", "create", "--user", "ann@example.com", "--item", "MUG-01:2", "--item", "PEN-FINE", "--json"];
    let place = || shop.run(&place).success().json()["reference"].as_str().expect("text").to_owned();
    let lines = |order: &str| {
        let found = "FROM order_items JOIN products ON products.id = product_id JOIN orders ON orders.id = order_id";
        let column = |name| shop.column(&format!("SELECT {name} {found} WHERE reference = '{order}' ORDER BY sku"));
        (column("sku"), column("quantity"))
    };
    let order = place();
    let (code, shown) = play(shop, &["order", "change", &order], &CHANGE);
    assert_eq!(code, 0, "{shown}");
    for text in ["27.40", "MUG-01: 2 before, 1 now", "PEN-FINE: 1 before, 0 now", "52.50", "changed: 3 units"] {
        assert!(shown.contains(text), "{text} is not in {shown}");
    }
    let command = equivalent(&shown).to_owned();
    assert_eq!(command, format!("shopctl order change {order} --item MUG-01:1 --remove PEN-FINE --item HAT:2"));
    assert_eq!(lines(&order), (vec!["HAT".to_owned(), "MUG-01".to_owned()], vec!["2".to_owned(), "1".to_owned()]));
    shop.assert_invariants();
    // Escape at the first question, and no at the last one, change nothing.
    let other = place();
    let before = shop.everything();
    let (code, shown) = play(shop, &["order", "change", &other], &[("product to change or add: ", "\u{1b}")]);
    assert_eq!(code, 10, "{shown}");
    let first = ("quantity of MUG-01, 2 in the order, 7 in stock [2]: ", "1\r");
    let back = ("product to change or add: ", "\u{1b}");
    let steps = [CHANGE[0], first, back, ("all changes discarded", ""), back];
    let (code, shown) = play(shop, &["order", "change", &other], &steps);
    assert_eq!(code, 10, "{shown}");
    let mut refused = CHANGE[..2].to_vec();
    refused[1] = ("quantity of MUG-01, 2 in the order, 7 in stock [2]: ", "1000001\r");
    refused.extend([
        ("this must be between 0 and 1000000", ""),
        ("quantity of MUG-01, 2 in the order, 7 in stock [2]: ", "3\r"),
    ]);
    refused.extend([CHANGE[6], ("Change this order? [y/N] ", "n\r")]);
    let (code, shown) = play(shop, &["order", "change", &other], &refused);
    assert_eq!(code, 10, "{shown}");
    assert_eq!(shop.everything(), before);
}

#[test]
fn the_user_wizard_has_the_same_result_as_the_printed_command() {
    let shop = shop();
    let (code, shown) = play(&shop, &["user", "create"], &USER);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("battery"), "{shown}");
    let command = equivalent(&shown).to_owned();
    assert_eq!(
        command,
        r"shopctl user create --email bo@example.com --first-name Bo --last-name 'O'\''Hara Ek' --password-stdin"
    );
    let names = "SELECT first_name || ' ' || last_name FROM users WHERE email = 'bo@example.com'";
    assert_eq!(shop.column(names), ["Bo O'Hara Ek"]);
    shop.sql("DELETE FROM users WHERE email = 'bo@example.com'");
    let (code, again) = end(start_script(&shop, &format!("echo battery staple | {command}")));
    assert_eq!(code, 0, "{again}");
    assert_eq!(shop.column(names), ["Bo O'Hara Ek"]);
    shop.run_with_input(&["user", "delete", "bo@example.com", "--confirm", "bo@example.com"], "").success();
}

/// Ends the wizard by `key` at each of its questions in turn.
fn ends_everywhere(noun: &str, steps: &[Step], key: &str, code: i32) {
    let shop = shop();
    let before = shop.counts();
    for last in 0..steps.len() {
        let script = format!("shopctl {noun} create; echo \"ended with $?\"; stty -a");
        let mut session = start_script(&shop, &script);
        steps[..last].iter().for_each(|(question, keys)| drop(answer(&mut session, question, keys)));
        let question = steps[last].0;
        answer(&mut session, question, key);
        let (_, rest) = end(session);
        assert!(rest.contains(&format!("ended with {code}")), "{key:?} at {question} gave {rest}");
        for setting in ["-icanon", "-echo ", "-isig", "-icrnl", "-opost"] {
            assert!(!rest.contains(setting), "{setting} is left after {key:?} at {question}: {rest}");
        }
        // The picker is cleared: only the error follows its last clearing.
        let after = rest.rsplit("\u{1b}[0J").next().unwrap_or_default();
        assert!(!after.contains("Esc:") && !after.contains("searching"), "left over at {question}: {rest}");
        assert!(!rest.contains("\u{1b}[?25l"), "the cursor is hidden: {rest}");
        assert_eq!(shop.counts(), before, "after {key:?} at {question}");
    }
}

#[test]
fn an_interrupt_at_any_prompt_of_the_order_wizard_changes_nothing() {
    ends_everywhere("order", &ORDER, "\u{3}", 130);
}

#[test]
fn end_of_input_at_any_prompt_of_the_order_wizard_changes_nothing() {
    ends_everywhere("order", &ORDER, "\u{4}", 10);
}

#[test]
fn an_interrupt_at_any_prompt_of_the_user_wizard_changes_nothing() {
    ends_everywhere("user", &USER, "\u{3}", 130);
}

#[test]
fn end_of_input_at_any_prompt_of_the_user_wizard_changes_nothing() {
    ends_everywhere("user", &USER, "\u{4}", 10);
}

#[test]
fn an_external_signal_restores_the_terminal() {
    let shop = shop();
    let mut session =
        start_script(&shop, "sh -c 'echo id $$; exec shopctl order create'; echo \"ended with $?\"; stty -a");
    session.exp_string("id ").expect("the shell says its id");
    let id = session.read_line().expect("a line");
    session.exp_string("cancel)").expect("the first list");
    let kill = std::process::Command::new("kill").args(["-INT", id.trim()]).status().expect("kill is everywhere");
    assert!(kill.success());
    let (_, rest) = end(session);
    assert!(rest.contains("ended with 130") && !rest.contains("-icanon"), "{rest}");
}

#[test]
fn invalid_answers_are_prompted_for_again_with_the_reason() {
    let shop = shop();
    let steps = [
        ("e-mail address: ", "nobody\r"),
        ("must be an e-mail address", ""),
        ("e-mail address: ", "ANN@example.com\r"),
        ("a user with the e-mail address ann@example.com already exists", ""),
        ("e-mail address: ", "boo\u{7f}@\u{15}bo@example.com\r"),
        ("first name: ", "  \r"),
        ("must not be empty", ""),
        ("first name: ", "Bo\r"),
        ("last name: ", "Ek\r"),
        ("password: ", "short\r"),
        ("must be 8 to 1024 bytes long", ""),
        ("password: ", "battery staple\r"),
        ("repeat the password: ", "battery stable\r"),
        ("differ", ""),
        ("password: ", "battery staple\r"),
        ("repeat the password: ", "battery staple\r"),
        ("[y/N] ", "n\r"),
    ];
    let (code, shown) = play(&shop, &["user", "create"], &steps);
    assert_eq!(code, 10, "{shown}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users"), 2);
    let steps = [
        ("customer: ", "nobody-has-this-name\r"),
        ("nothing matches", "\u{15}zoe\r"),
        ("product: ", "pen\r"),
        ("[1]: ", "1000001\r"),
        ("must be between 0 and 1000000", ""),
        ("[1]: ", "two\r"),
        ("must be a whole number", ""),
        ("[1]: ", "6\r"),
        ("PEN-FINE has 5 in stock", ""),
        ("[1]: ", "5\r"),
        ("next product: ", "\r"),
        ("[y/N] ", "n\r"),
        ("--user zoe@example.com --item PEN-FINE:5", ""),
    ];
    let (code, shown) = play(&shop, &["order", "create"], &steps);
    assert_eq!(code, 10, "{shown}");
}

#[test]
fn only_missing_values_are_prompted_for() {
    let shop = shop();
    let given = ["user", "create", "--email", "bo@example.com", "--first-name", "Bo"];
    let (code, shown) = play(&shop, &given, &USER[2..]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("first name: ") && !shown.contains("e-mail address: "), "{shown}");
    let (code, shown) = play(&shop, &["user", "create", "--email", "bo@example.com"], &[]);
    assert_eq!(code, 6, "{shown}");
    let (code, shown) = play(&shop, &["order", "create", "--user", "ann@example.com", "--note", "a b"], &ORDER[1..]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("customer") && equivalent(&shown).contains(" --note 'a b' "), "{shown}");
    let given = ["order", "create", "--item", "mug-01:2", "--dry-run"];
    let (code, shown) = play(&shop, &given, &[ORDER[0]]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("product: ") && shown.contains("would be placed"), "{shown}");
    assert_eq!(equivalent(&shown), "shopctl order create --dry-run --user ann@example.com --item mug-01:2");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 1);
    for (flag, value) in [("--item", "NOPE"), ("--user", "nobody@example.com")] {
        let (code, shown) = play(&shop, &["order", "create", flag, value], &[]);
        assert_eq!(code, 3, "{shown}");
    }
}

#[test]
fn retired_products_are_not_offered_except_in_the_order_itself() {
    let shop = shop();
    let lines = ["order", "create", "--user", "ann@example.com", "--item", "PEN-FINE:2", "--item", "MUG-01", "--json"];
    let reference = shop.run(&lines).success().json()["reference"].as_str().expect("text").to_owned();
    shop.run(&["product", "retire", "PEN-FINE", "--yes"]).success();
    let steps = [ORDER[0], ("product: ", "pen"), ("nothing matches", "\u{15}mug\r"), ("[1]: ", "\u{3}")];
    let (code, shown) = play(&shop, &["order", "create"], &steps);
    assert_eq!(code, 130, "{shown}");
    let given = ["order", "create", "--user", "ann@example.com", "--item", "pen-fine"];
    let (code, shown) = play(&shop, &given, &[]);
    assert_eq!((code, shown.contains("PEN-FINE is retired and cannot be ordered")), (6, true), "{shown}");
    let steps = [
        ("product to change or add: ", "pen\r"),
        ("[2]: ", "1\r"),
        ("product to change or add: ", "\r"),
        ("[y/N] ", "y\r"),
    ];
    let (code, shown) = play(&shop, &["order", "change", &reference], &steps);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shop.column("SELECT quantity FROM order_items ORDER BY quantity"), ["1", "1"]);
}

#[test]
fn escape_goes_back() {
    let shop = shop();
    let (code, shown) = play(&shop, &["order", "create"], &[("customer: ", "\u{1b}")]);
    assert_eq!(code, 10, "{shown}");
    let steps = [
        ("customer: ", "zoe\r"),
        ("product: ", "\u{1b}"),
        ("customer: ", "ann\r"),
        ("product: ", "pen\r"),
        ("[1]: ", "\r"),
        ("next product: ", "\u{1b}"),
        ("removed: PEN-FINE", ""),
        ("product: ", "mug\r"),
        ("[1]: ", "\r"),
        ("next product: ", "\r"),
        ("[y/N] ", "y\r"),
    ];
    let (code, shown) = play(&shop, &["order", "create"], &steps);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(equivalent(&shown), "shopctl order create --user ann@example.com --item MUG-01");
}

#[test]
fn without_a_terminal_the_missing_flags_are_named() {
    let shop = shop();
    shop.run(&["user", "create"]).exits_with(2).says("missing --email, --first-name, --last-name");
    shop.run(&["user", "create", "--email", "x@example.com"]).exits_with(2).says("missing --first-name, --last-name");
    shop.run(&["order", "create"]).exits_with(2).says("missing --user, --item");
    let run = shop.run(&["order", "create", "--item", "MUG-01", "--json"]).exits_with(2);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("one JSON object");
    assert_eq!(error["error"]["message"], "missing --user");
    for (arguments, variables) in
        [(vec!["order", "create", "--no-input"], vec![]), (vec!["order", "create"], vec![("CI", "true")])]
    {
        let (code, shown) = end(start(&shop, &arguments, &variables));
        assert_eq!(code, 2, "{shown}");
        assert!(shown.contains("missing --user, --item"), "{shown}");
    }
}

#[test]
fn typing_filters_the_product_list() {
    let shop = shop();
    shop.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
         INSERT INTO products (sku, name, price, stock_quantity, created_at, updated_at) \
         SELECT printf('P-%04d', i), printf('Thing number %d of steel', i), 1, i % 3, \
         '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00' FROM n",
    );
    let mut session = start(&shop, &["order", "create", "--user", "ann@example.com"], &[]);
    let newest = answer(&mut session, "more: type to search", "p-24");
    assert!(newest.matches(" stock ").count() <= 8 * 2, "{newest}");
    // By the start of the SKU, with the arrow key; then by words anywhere, in any case.
    answer(&mut session, "P-2401", "\u{1b}[B\r");
    answer(&mut session, "quantity of P-2401, 1 in stock [1]: ", "\r");
    answer(&mut session, "next product: ", "STEEL 2715 number\r");
    answer(&mut session, "quantity of P-2715, 0 in stock [0]: ", "\r");
    answer(&mut session, "nothing of P-2715 is added", "");
    answer(&mut session, "next product: ", "\r");
    answer(&mut session, "[y/N] ", "n\r");
    assert_eq!(end(session).0, 10);
}

#[test]
fn narrow_terminals_and_hostile_names_are_handled() {
    let shop = shop();
    shop.sql("UPDATE products SET name = 'x' || char(27) || ']0;owned' || char(7) || char(8238) || 'long long name'");
    shop.sql("UPDATE users SET first_name = 'ab' || char(27) || '[2J' || char(13)");
    let script = "stty cols 20 rows 6; shopctl order create --color never";
    let mut session = start_script(&shop, script);
    let mut shown = answer(&mut session, "customer: ", "example.com this text is far too long");
    shown += &answer(&mut session, "nothing matches", "\u{15}ann\r");
    shown += &answer(&mut session, "product: ", "mug\r");
    let drawn: Vec<String> = shown.split("\u{1b}[0J").flat_map(|part| part.split('\r')).map(plain).collect();
    for line in drawn.iter().filter(|line| !line.contains("customer: ann@")) {
        assert!(line.chars().count() < 20, "{line:?} is too wide in {shown:?}");
    }
    shown += &answer(&mut session, "[1]: ", "\u{3}");
    let (code, rest) = end(session);
    shown += &rest;
    assert_eq!(code, 130, "{shown}");
    for raw in ["\u{1b}]0;", "\u{1b}[2J", "\u{202e}", "\u{1b}[36m"] {
        assert!(!shown.contains(raw), "{raw:?} in {shown:?}");
    }
}

/// The line without what moves the cursor.
fn plain(line: &str) -> String {
    let line = line.replace('\n', "");
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '?').get(1..).unwrap_or("")
    })
}

#[test]
fn the_time_limit_does_not_apply_to_wizard_prompts() {
    let shop = shop();
    let mut session = start(&shop, &["order", "create", "--timeout", "1s"], &[]);
    session.exp_string("cancel)").expect("the first list");
    // The delay is the condition under test.
    std::thread::sleep(std::time::Duration::from_millis(1700));
    session.send("ann\r").and_then(|_| session.flush()).expect("it listens");
    ORDER[1..].iter().for_each(|(question, keys)| drop(answer(&mut session, question, keys)));
    let (code, shown) = end(session);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn a_hanging_query_can_be_interrupted_and_times_out() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    stocked(&shop);
    let before = shop.counts();
    let mut waiting = start(&shop, &["order", "create"], &[]);
    let mut limited = start(&shop, &["order", "create", "--timeout", "1s"], &[]);
    for session in [&mut waiting, &mut limited] {
        session.exp_string("cancel)").expect("the first list");
    }
    crate::support::shop::block_on(async {
        let connection = shop.connect().await;
        let lock = connection.begin().await.expect("begins");
        lock.execute_unprepared("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.expect("locks");
        answer(&mut waiting, "", "ann");
        answer(&mut limited, "", "ann");
        // Typed text appears while the query hangs.
        answer(&mut waiting, "customer: ann", "\u{3}");
        let (code, shown) = end(waiting);
        assert_eq!(code, 130, "{shown}");
        let (code, shown) = end(limited);
        assert_eq!(code, 5, "{shown}");
        assert!(shown.contains("no answer within 1 s"), "{shown}");
        lock.rollback().await.expect("unlocks");
    });
    assert_eq!(shop.counts(), before);
}

#[test]
fn a_closed_terminal_ends_every_question_as_the_end_of_input_does() {
    let shop = shop();
    let place = ["order", "create", "--user", "ann@example.com", "--item", "MUG-01:2", "--json"];
    let order = shop.run(&place).success().json()["reference"].as_str().expect("text").to_owned();
    let before = shop.everything();
    let change = [
        ("product to change or add: ", "\r"),
        ("quantity of MUG-01, 2 in the order", "1\r"),
        ("product to change or add: ", "\r"),
        ("Change this order? [y/N] ", ""),
    ];
    let ends_with_10 = |arguments: &[&str], steps: &[Step]| {
        let (question, last) = steps.split_last().map(|(last, before)| ((last.0, ""), before)).expect("a step");
        assert_eq!(hang_up(&shop, arguments, &[last, &[question]].concat()), 10, "{arguments:?} at {}", question.0);
    };
    for last in 1..=change.len() {
        ends_with_10(&["order", "change", &order], &change[..last]);
    }
    for last in 1..=2 {
        ends_with_10(&["order", "create"], &ORDER[..last]);
    }
    ends_with_10(&["user", "create"], &USER[..1]);
    ends_with_10(&["user", "disable", "zoe@example.com"], &[("[y/N] ", "")]);
    ends_with_10(&["user", "delete", "zoe@example.com"], &[("to confirm: ", "")]);
    assert_eq!(shop.everything(), before);
}
