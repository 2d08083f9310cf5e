//! What people read: tables on terminals of any width, changes in words, colours.

use unicode_width::UnicodeWidthStr;

use crate::support::readers::REPORTS;
use crate::support::terminal::{end, start_script};
use crate::support::{Backend, Shop};

/// Every command that lists or shows; ORDER, PRODUCT, USER and EVENT are those with the longest names.
const READERS: &[&str] = &[
    "user list",
    "user list --fields id,email,first_name,last_name,status,created_at,updated_at",
    "user show USER",
    "user show USER --timeline",
    "product list",
    "product list --fields sku,description,price",
    "product show PRODUCT",
    "product show PRODUCT --prices",
    "stock list",
    "stock history PRODUCT",
    "stock verify",
    "order list",
    "order list --fields reference,user,note,tracking",
    "order show ORDER",
    "order show ORDER --timeline",
    "audit list --limit 100",
    "audit show EVENT",
    "audit verify",
    "seed status",
    "migrate status",
    "migrate history",
    "migrate verify",
    "migrate env",
    "config show",
    "config path",
    "doctor",
    "doctor --deep",
];

fn readers() -> impl Iterator<Item = String> {
    READERS.iter().map(|reader| (*reader).to_owned()).chain(REPORTS.iter().map(|report| report.join(" ")))
}

const EMAIL: &str = "a.customer.with.a.very.long.name@department.of.a.very.long.domain.example.com";
const SKU: &str = "A-PRODUCT-WITH-A-VERY-LONG-STOCK-KEEPING-UNIT-INDEED";

/// A shop with long, wide and combined characters; returns the reference of the order.
fn furnished(shop: &Shop) -> String {
    let name = "日本語の長い名前 👩‍👩‍👧 e\u{301}te\u{301} and so on and on and on and on";
    shop.run_with_input(
        &["user", "create", "--email", EMAIL, "--first-name", name, "--last-name", "Ü", "--password-stdin"],
        "correct horse\n",
    )
    .success();
    let product = ["product", "create", "--sku", SKU, "--name", name, "--price", "123456.78", "--stock", "100"];
    shop.run(&[&product[..], &["--description", "one\ntwo\tthree"]].concat()).success();
    shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let item = format!("{SKU}:2");
    let order = shop.run(&["order", "create", "--user", EMAIL, "--item", &item, "--item", "MUG", "--json"]);
    let order = order.success().json()["reference"].as_str().expect("text").to_owned();
    shop.run(&["order", "change", &order, "--item", &format!("{SKU}:3"), "--remove", "MUG"]).success();
    shop.run(&["order", "note", &order, "please ring twice, then leave it with the neighbour on the left"]).success();
    shop.run(&["order", "pay", &order, "--actor", "boss"]).success();
    shop.run(&["order", "ship", &order, "--tracking", "1Z999AA10123456784"]).success();
    shop.run(&["order", "refund", &order, "--line", &format!("{SKU}:1"), "--reason", "broken", "--yes"]).success();
    shop.run(&["product", "price", SKU, "--by", "+10%"]).success();
    shop.run(&["user", "update", EMAIL, "--last-name", "Lee"]).success();
    shop.run(&["stock", "set", "MUG", "5", "--expect", "3", "--reason", "correction"]).exits_with(6);
    // Another program's change, for the commands that check.
    shop.sql("UPDATE products SET stock_quantity = 9 WHERE sku = 'MUG'");
    order
}

/// What a reader prints on a terminal of this width, without messages.
fn printed(shop: &Shop, order: &str, command: &str, width: usize, environment: &str) -> String {
    let event = shop.run(&["audit", "list", "--operation", "order.change", "-o", "id"]).success().stdout;
    let words = [("ORDER", order), ("PRODUCT", SKU), ("USER", EMAIL), ("EVENT", event.trim())];
    let command = words.iter().fold(command.to_owned(), |command, (word, name)| command.replace(word, name));
    let script = format!("stty cols {width} rows 50; {environment} shopctl {command} 2>/dev/null");
    end(start_script(shop, &script)).1.replace('\r', "")
}

fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[test]
fn what_is_printed_fits_every_terminal_and_cuts_nothing() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let order = furnished(&shop);
    for width in [40, 80, 200] {
        for command in readers() {
            let text = printed(&shop, &order, &command, width, "NO_COLOR=1");
            for line in text.lines() {
                assert!(line.width() <= width, "{command} at {width}: {line}\nin\n{text}");
            }
            assert!(!text.contains('…'), "{command} at {width} cuts:\n{text}");
            let has = |key: &str| letters(&text).contains(&letters(key));
            let expected: &[&str] = match command.split(" --").next().unwrap_or_default() {
                "user list" | "report customers" => &[EMAIL],
                "product list" | "stock list" | "report top-products" | "report stock-value" => &[SKU],
                "order list" => &[EMAIL, &order],
                "audit list" => &[EMAIL, SKU, &order, "refused: MUG has 10 in stock", "Ü → Lee"],
                "stock verify" => &["MUG"],
                "config show" => &["timezone"],
                _ => &[],
            };
            for key in expected {
                assert!(has(key), "{command} at {width} lacks {key}:\n{text}");
            }
        }
    }
}

#[test]
fn every_command_that_lists_or_shows_is_looked_at() {
    const VERBS: [&str; 6] = ["list", "show", "status", "history", "verify", "path"];
    let mut missing = Vec::new();
    for noun in shopctl::cli::Cli::whole().get_subcommands() {
        for verb in noun.get_subcommands().map(clap::Command::get_name) {
            let command = format!("{} {verb}", noun.get_name());
            let is_reader = VERBS.contains(&verb) || noun.get_name() == "report";
            // One writes a page, the other one prints one line about a file.
            let is_about_a_file = ["report dashboard", "backup verify"].contains(&command.as_str());
            if is_reader && !is_about_a_file && !readers().any(|reader| reader.starts_with(&command)) {
                missing.push(command);
            }
        }
    }
    assert!(missing.is_empty(), "not looked at: {missing:?}");
}

#[test]
fn a_timeline_says_who_changed_what_from_what_to_what() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let order = furnished(&shop);
    let timeline = printed(&shop, &order, "order show ORDER --timeline", 80, "NO_COLOR=1");
    for said in [
        "created, total 246926.06",
        "pending → paid",
        "paid → shipped",
        "1Z999AA10123456784",
        "ring twice",
        "refunded 123456.78",
        "MUG: 1 → 0",
        ": 2 → 3",
        "boss",
    ] {
        assert!(letters(&timeline).contains(&letters(said)), "{said} is not in\n{timeline}");
    }
    assert!(timeline.contains("\nnote:") && timeline.contains("\ntracking:"), "{timeline}");
}

#[test]
fn states_have_colours_where_colours_are_wanted() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let order = furnished(&shop);
    let listed = |environment: &str| printed(&shop, &order, "order list", 80, environment);
    let colored = listed("TERM=xterm");
    assert!(colored.contains("\u{1b}[36mshipped") && colored.contains("\u{1b}[1mREFERENCE"), "{colored}");
    for quiet in ["NO_COLOR=1", "TERM=dumb"] {
        assert!(!listed(quiet).contains('\u{1b}'), "{quiet}");
    }
    let always = shop.run(&["order", "list", "-o", "table", "--color", "always"]).success().stdout;
    assert!(always.contains("\u{1b}[36mshipped"), "{always}");
    for never in ["order list --color never", "order list --no-color"] {
        assert!(!printed(&shop, &order, never, 80, "TERM=xterm").contains('\u{1b}'), "{never}");
    }
    shop.run(&["order", "list", "--no-color", "--color", "always"]).exits_with(2);
    let piped = shop.run(&["order", "show", &order, "-o", "table"]).success().stdout;
    assert!(!piped.contains('\u{1b}'), "{piped}");
}

#[test]
fn failed_checks_are_shown_in_full() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    furnished(&shop);
    shop.sql("ALTER TABLE stock_movements RENAME COLUMN note TO remark");
    let table = shop.run(&["doctor", "--deep", "-o", "table"]).exits_with(9);
    let json = shop.run(&["doctor", "--deep", "--json"]).exits_with(9).json();
    let checks = json["items"].as_array().expect("a list");
    let failed: Vec<_> = checks.iter().filter(|check| check["state"] == "failed").collect();
    assert!(!failed.is_empty(), "{json}");
    for check in failed {
        let detail = check["detail"].as_str().expect("text");
        assert!(letters(&table.stdout).contains(&letters(detail)), "{detail} is not in {table}");
    }
}

#[test]
fn note_and_tracking_are_listed_if_they_are_asked_for() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let order = furnished(&shop);
    let run = shop.run(&["order", "list", "--fields", "reference,tracking,note", "-o", "tsv"]).success();
    let line =
        format!("{order}\t1Z999AA10123456784\tplease ring twice, then leave it with the neighbour on the left\n");
    assert_eq!(run.stdout, line);
    let json = shop.run(&["order", "list", "--json"]).success().json();
    assert!(json["items"][0].get("note").is_none(), "{json}");
}

#[test]
fn a_quiet_check_prints_nothing() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let silent = |arguments: &[&str], code: i32| {
        let run = shop.run(arguments).exits_with(code);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{run}");
    };
    silent(&["migrate", "status", "--check", "-q"], 9);
    shop.run(&["migrate", "up"]).success();
    silent(&["migrate", "status", "--check", "-q"], 0);
    silent(&["seed", "status", "--check", "-q"], 9);
}

#[test]
fn the_help_names_every_operation_and_a_typo_is_corrected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let help = shop.run(&["audit", "list", "--help"]).success().stdout;
    assert!(help.contains("order: cancel, change, complete"), "{help}");
    let meant = [
        ("product.prize", "product.price"),
        ("prise", "product.price"),
        ("Price", "product.price"),
        ("shipped", "order.ship"),
        ("creat", "product.create or user.create"),
    ];
    for (typed, meant) in meant {
        let run = shop.run(&["audit", "list", "--operation", typed]).exits_with(7);
        run.says(&format!("did you mean {meant}?"));
    }
    let run = shop.run(&["audit", "list", "--operation", "product"]).exits_with(7).says("operations: product.create, ");
    assert!(!run.stderr.contains("did you mean") && !run.stderr.contains("order."), "{run}");
}

#[test]
fn an_event_is_shown_in_words_and_its_documents_are_for_programs() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let order = furnished(&shop);
    let shown = |operation: &str, width: usize| {
        let id = shop.run(&["audit", "list", "--operation", operation, "-o", "id"]).success().stdout;
        let id = id.lines().next().expect("an event").to_owned();
        let text = printed(&shop, &order, &format!("audit show {id}"), width, "NO_COLOR=1");
        assert!(!text.contains('{') && !text.contains("\nbefore"), "{text}");
        (id, text)
    };
    let (id, priced) = shown("product.price", 80);
    assert!(priced.contains("price: 123456.78 → 135802.46\n"), "{priced}");
    let (_, changed) = shown("order.change", 200);
    assert!(changed.contains("  total: "), "{changed}");
    assert!(changed.contains("\n                      MUG: 1 → 0\n"), "a line for each: {changed}");
    let (_, created) = shown("order.place", 200);
    for said in ["change:               created\n", &format!("  user: - → {EMAIL}\n"), "  MUG: 0 → 1\n"] {
        assert!(created.contains(said), "{said} is not in {created}");
    }
    shown("user.create", 40);
    let json = shop.run(&["audit", "show", &id, "--json"]).success().json();
    assert_eq!(json["before"]["price"], "123456.78");
    let asked = shop.run(&["audit", "show", &id, "-o", "table", "--fields", "before"]).success().stdout;
    assert!(asked.contains("123456.78"), "{asked}");
}

#[test]
fn nothing_is_said_under_a_row_of_what_is_zero() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let order = furnished(&shop);
    let sales = printed(&shop, &order, "report sales --by month", 40, "NO_COLOR=1");
    assert_eq!(sales.lines().filter(|line| line.trim_start().starts_with("refunds:")).count(), 1, "{sales}");
    assert!(sales.contains("  refunds: 123456.78\n"), "{sales}");
    let asked = printed(&shop, &order, "report sales --by month --fields period,gross,net,refunds", 30, "NO_COLOR=1");
    assert_eq!(asked.matches("  refunds: ").count(), 12, "all that was asked for: {asked}");
}

#[test]
fn the_zone_is_said_where_a_time_is_shown() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("MUG", "12.50", 10);
    let said = |width: usize, command: &str| {
        let script = format!("stty cols {width} rows 50; shopctl {command} 2>&1");
        end(start_script(&shop, &script)).1.contains("times are in UTC")
    };
    assert!(said(80, "product list"), "it has CREATED");
    assert!(!said(28, "product list"), "CREATED is left out");
    assert!(said(28, "product list --fields sku,created_at"));
    assert!(!said(80, "product list --fields sku"));
    assert!(said(28, "product show MUG"));
    assert!(said(28, "stock history MUG"));
}
