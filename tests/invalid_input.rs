//! Invalid input: a clear message, the right exit code, and nothing written.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(invalid_input_is_rejected_and_nothing_is_written);

fn invalid_input_is_rejected_and_nothing_is_written(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let before = shop.counts();
    let ten_megabytes = "x".repeat(10_000_000);
    let create_order = |item: &'static str| vec!["order", "create", "--user", "ann@example.com", "--item", item];
    let create_product = |price: &'static str| vec!["product", "create", "--name", "X", "--price", price];
    let create_user = |email: &'static str, name: &'static str| {
        vec!["user", "create", "--email", email, "--first-name", name, "--last-name", "L", "--password-stdin"]
    };
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["order", "create", "--user", "bob@example.com", "--item", "MUG"], 3, "no user bob@example.com"),
        (create_order("NOPE:1"), 3, "no product NOPE"),
        (create_order("MUG:0"), 7, "quantity of MUG 0"),
        (create_order("MUG:-1"), 7, "between 1 and 1000000"),
        (create_order("MUG:1000000000"), 7, "between 1 and 1000000"),
        (create_order("MUG:two"), 7, "must be a whole number"),
        (create_order("MUG:+1"), 7, "must be a number without +"),
        (vec!["stock", "set", "MUG", "+1", "--expect", "10"], 7, "must be a number without +"),
        (create_product("1.005"), 7, "more than 2 decimal places"),
        (create_product("1e30"), 7, "must be an amount"),
        (create_product("-1"), 7, "must not be negative"),
        (create_product("100000000"), 7, "more than 99999999.99"),
        (create_user("nobody", "N"), 7, "must be an e-mail address"),
        (create_user("new@example.com", "a\u{1b}[31m"), 7, "\\u{1b}"),
        (create_user("new@example.com", "a\u{202e}b"), 7, "control character"),
        (create_user("ANN@example.com", "N"), 6, "user.duplicate"),
        (create_order("MUG:11"), 6, "MUG has 10 in stock, 11 requested"),
        (vec!["stock", "adjust", "MUG", "-11", "--reason", "damaged"], 6, "stock.insufficient"),
        (vec!["stock", "adjust", "MUG", "0", "--reason", "damaged"], 7, "must not be 0"),
        (vec!["stock", "adjust", "MUG", "1", "--reason", "because"], 7, "received"),
        (vec!["user", "update", &user], 2, "give at least one of --email, --first-name, --last-name"),
        (vec!["product", "update", "MUG"], 2, "give at least one of --sku, --name, --description"),
        (vec!["user", "show", "bob@example.com"], 3, "no user"),
        (vec!["order", "show", "00000-00000"], 3, "no order"),
        (vec!["user", "list", "--limit", "abc"], 7, "limit abc"),
        (vec!["user", "list", "--after", "abc"], 7, "not a cursor"),
        (vec!["order", "list", "--since", "yesterdy"], 7, "since yesterdy"),
        (vec!["order", "create", "--from", "missing.json"], 4, "missing.json"),
    ];
    for (arguments, code, text) in cases {
        shop.run_with_input(&arguments, "correct horse\n").exits_with(code).says(text);
        // A refused operation (exit 6) leaves only its failed event.
        assert_eq!(shop.counts()[..5], before[..5], "{arguments:?}");
    }
    // All violations of one input are reported together.
    let arguments = ["user", "create", "--email", "x", "--first-name", "", "--last-name", "\u{7}", "--password-stdin"];
    let run = shop.run_with_input(&arguments, "short").exits_with(7);
    for field in ["email", "first-name", "last-name", "password"] {
        assert!(run.stderr.contains(field), "{field} is not named by {run}");
    }
    // Too long for a command line: passed in a file.
    let file = shop.file("huge.json", &format!(r#"{{"user": "{ten_megabytes}", "items": []}}"#));
    shop.run(&["order", "create", "--from", &file.display().to_string()]).exits_with(7).says("larger than");
    let name = "x".repeat(100_000);
    shop.run(&["product", "create", "--name", &name, "--price", "1"]).exits_with(7).says("longer than 255 characters");
    assert_eq!(shop.counts()[..5], before[..5]);
}

#[test]
fn orders_in_files_are_validated_with_their_position() {
    let shop = Shop::migrated(crate::support::Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let of_file = |content: &str| {
        let file = shop.file("order.json", content).display().to_string();
        shop.run(&["order", "create", "--from", &file])
    };
    of_file("{").exits_with(7).says("order.json: line 1: the JSON ends unexpectedly");
    of_file(r#"{"user": "ann@example.com", "items": [{"sku": "MUG", "qty": 1}]}"#)
        .exits_with(7)
        .says("order.json: line 1: unknown field qty, expected");
    of_file(r#"{"user": "ann@example.com", "items": [{"sku": "MUG", "quantity": 1.5}]}"#)
        .exits_with(7)
        .says("items[1].quantity 1.5");
    of_file(r#"{"user": 7, "items": []}"#).exits_with(7).says("line 1: a value must be a string");
    of_file(r#"{"user": "ann@example.com", "items": []}"#).exits_with(7).says("at least one");
    of_file("\u{feff}{\"user\": \"ann@example.com\", \"items\": [{\"sku\": \"MUG\", \"quantity\": 2}]}").success();
    let run = shop.run_with_input(
        &["order", "create", "--from", "-"],
        r#"{"user": "ann@example.com", "items": [{"sku": "MUG"}]}"#,
    );
    run.success();
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 7);
}
