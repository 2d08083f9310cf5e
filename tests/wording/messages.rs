//! Frequent messages, errors, hints and questions of the binary, one after the other on one shop.

use crate::support::emulator::Emulator;
use crate::support::{Backend, Run, Shop};

/// A terminal on which no line is broken.
const UNWRAPPED: (u16, u16) = (400, 24);

/// The text with `ID`, `HASH` and `HOME` in place of ids, hashes and the folder, which differ in every run.
fn redacted(shop: &Shop, text: &str) -> String {
    let text = text.replace(&shop.home.path().display().to_string(), "HOME");
    let is_inner = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| !is_inner(letter)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at(end);
        shown.push_str(mask(word));
        rest = after;
    }
    shown
}

/// `ID` for an id, `HASH` for the hash of a seal.
fn mask(word: &str) -> &str {
    let is_hash = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match uuid::Uuid::try_parse(word) {
        Ok(_) => "ID",
        Err(_) if is_hash => "HASH",
        Err(_) => word,
    }
}

/// The transcript of several commands.
fn transcript(shop: &Shop, lines: &[&[&str]]) -> String {
    let shown = lines.iter().map(|line| {
        let Run { code, stdout, stderr, .. } = shop.run(line);
        let words: Vec<String> =
            line.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() }).collect();
        // How to take it back is tested with `undo`.
        let stderr: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("take it back")).collect();
        let stderr = if stderr.is_empty() { String::new() } else { stderr.join("\n") + "\n" };
        format!("$ shopctl {}\n{stdout}{stderr}exit {code}\n", words.join(" "))
    });
    redacted(shop, &shown.collect::<Vec<_>>().join("\n"))
}

fn demo() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop
}

#[test]
fn messages_about_orders_and_stock_are_reviewed() {
    let shop = demo();
    let lines: &[&[&str]] = &[
        &["order", "create", "--user", "nobody@example.com", "--item", "MUG-01"],
        &["order", "create", "--user", "grace@example.com", "--item", "NOPE", "--item", "MUG-01:0"],
        &["order", "create", "--user", "grace@example.com", "--item", "MUG-01:9999"],
        &["order", "create", "--user", "grace@example.com", "--item", "MUG-01:1", "--expect-total", "1"],
        &["order", "pay", "DEM01-00001"],
        &["order", "pay", "DEM01-00001"],
        &["order", "pay", "DEM01-00001", "DEM01-00002", "DEM01-00003"],
        &["order", "pay", "DEM01-00001", "DEM01-00002", "DEM01-00003", "--yes"],
        &["order", "pay", "NOPE-1", "NOPE-2", "--yes"],
        &["order", "cancel", "DEM01-00001", "--yes"],
        &["order", "cancel", "DEM01-00004"],
        &["order", "cancel", "DEM01-00004", "--yes"],
        &["order", "change", "DEM01-00001", "--item", "MUG-01:3"],
        &["order", "refund", "DEM01-00001", "--line", "MUG-01:1", "--yes"],
        &["order", "refund", "DEM01-00001", "--line", "MUG-01:9", "--yes"],
        &["order", "refund", "DEM01-00001", "--restock", "MUG-01:9", "--yes"],
        &["order", "refund", "DEM01-00001", "--amount", "9999", "--yes"],
        &["order", "refund", "DEM01-00001", "--yes"],
        &["order", "refund", "DEM01-00001", "--yes"],
        &["order", "restock", "DEM01-00002", "PEN-FINE:1"],
        &["order", "ship", "DEM01-00002", "--tracking", "1Z999"],
        &["order", "note", "DEM01-00002", "ring twice"],
        &["order", "note", "DEM01-00002", "ring twice"],
        &["order", "reassign", "DEM01-00002", "--user", "mina@example.com"],
        &["order", "expire", "--older-than", "24h", "--yes"],
        &["order", "list", "--status", "pendign"],
        &["stock", "adjust", "MUG-01", "+1", "--reason", "received"],
        &["stock", "adjust", "MUG-01", "-9999", "--reason", "damaged"],
        &["stock", "adjust", "MUG-01", "+1", "--reason", "lost"],
        &["stock", "set", "MUG-01", "1", "--expect", "2"],
        &["stock", "receive", "MUG-01:1", "PEN-FINE:2"],
        &["stock", "verify"],
    ];
    let shown = transcript(&shop, lines);
    insta::assert_snapshot!("messages_orders", shown);
}

#[test]
fn messages_about_users_products_and_prices_are_reviewed() {
    let shop = demo();
    shop.file("short.txt", "short");
    shop.file("users.csv", "email,first_name,last_name\nnew@example.com,New,User\nnonsense,No,Mail\n");
    let lines: &[&[&str]] = &[
        &["user", "create", "--email", "grace@example.com", "--first-name", "G", "--last-name", "H"],
        &["user", "create", "--email", "x", "--first-name", "", "--last-name", "H", "--password-file", "short.txt"],
        &["user", "create", "--email", "new@example.com"],
        &["user", "show", "nobody@example.com"],
        &["user", "update", "grace@example.com"],
        &["user", "update", "grace@example.com", "--first-name", "Grace"],
        &["user", "list", "--status", "actve"],
        &["user", "disable", "mina@example.com"],
        &["user", "disable", "mina@example.com", "--yes"],
        &["user", "disable", "mina@example.com", "--yes"],
        &["user", "delete", "grace@example.com", "--confirm", "grace@example.com"],
        &["user", "anonymize", "grace@example.com"],
        &["user", "anonymize", "admin@example.com", "--confirm", "admin@example.com"],
        &["user", "import", "users.csv"],
        &["user", "import", "users.csv", "--on-error", "reject-rows", "--yes"],
        &["product", "create", "--name", "Mug", "--price", "abc", "--stock", "-1"],
        &["product", "create", "--name", "Mug", "--price", "1", "--sku", "MUG-01"],
        &["product", "create", "--name", "Card", "--price", "1.00", "--sku", "CARD"],
        &["product", "price", "MUG-01", "--to", "13.00"],
        &["product", "price", "MUG-01", "--to", "13.00"],
        &["product", "price", "--search", "mug", "--by", "+5%"],
        &["product", "price", "--search", "mug", "--by", "+5%", "--round", "1.5"],
        &["product", "price", "--search", "mug", "--by", "+50%", "--max-change", "20%", "--yes"],
        &["product", "price", "--search", "mug", "--by", "+5%", "--yes"],
        &["product", "retire", "CARD"],
        &["product", "retire", "CARD", "--yes"],
        &["product", "retire", "CARD", "--yes"],
        &["product", "delete", "MUG-01", "--confirm", "MUG-01"],
        &["product", "delete", "CARD"],
        &["product", "delete", "CARD", "--confirm", "CARD"],
        &["product", "list", "--limit", "0"],
        &["product", "list", "--sort", "prize"],
        &["product", "show", "MUG"],
    ];
    let shown = transcript(&shop, lines);
    insta::assert_snapshot!("messages_users_and_products", shown);
}

#[test]
fn messages_about_the_database_are_reviewed() {
    let (first, shop) = (Shop::of_first_schema(Backend::Sqlite).expect("always there"), demo());
    let reverts: &[&[&str]] = &[&["migrate", "down"], &["migrate", "reset"]];
    let lines: &[&[&str]] = &[
        &["migrate", "up"],
        &["migrate", "env"],
        &["migrate", "fresh", "--confirm", "other"],
        &["migrate", "env", "productoin"],
        &["migrate", "down", "--to", "nope"],
        &["seed", "up"],
        &["seed", "up", "--only", "nope"],
        &["seed", "down", "demo"],
        &["audit", "list", "--operation", "order.plase"],
        &["audit", "verify"],
        &["audit", "seal"],
        &["audit", "seal"],
        &["audit", "settle", "01a2099a-f92b-73dc-878a-58879510c016"],
        &["undo", "01a2099a-f92b-73dc-878a-58879510c016"],
        &["report", "sales", "--tz", "Europe/Berlim"],
        &["report", "sales", "--since", "yesterdya"],
        &["help", "nope"],
        &["-c", "live", "order", "list"],
        &["--database-url", "sqlite:nope.db", "order", "list"],
        &["access", "plan", "--reader", "x"],
        &["adopt"],
    ];
    let shown = [transcript(&first, reverts), transcript(&shop, lines)].join("\n");
    insta::assert_snapshot!("messages_database", shown);
}

#[test]
fn questions_on_a_terminal_are_reviewed() {
    let (first, shop) = (Shop::of_first_schema(Backend::Sqlite).expect("always there"), demo());
    let questions: [(&[&str], &str); 9] = [
        (&["order", "pay", "DEM01-00001", "DEM01-00002", "DEM01-00003", "DEM01-00004"], "[y/N]"),
        (&["order", "cancel", "DEM01-00001"], "[y/N]"),
        (&["order", "reassign", "DEM01-00001", "DEM01-00002", "--user", "mina@example.com"], "[y/N]"),
        (&["user", "disable", "mina@example.com"], "[y/N]"),
        (&["user", "anonymize", "admin@example.com"], "to confirm:"),
        (&["product", "price", "--search", "mug", "--by", "+5%"], "[y/N]"),
        (&["product", "retire", "MUG-01"], "[y/N]"),
        (&["migrate", "down"], "[y/N]"),
        (&["seed", "down", "demo"], "to confirm:"),
    ];
    let shown = questions.map(|(line, question)| {
        let shop = if line[0] == "migrate" { &first } else { &shop };
        let mut terminal = Emulator::start(shop, &format!("shopctl {}", line.join(" ")), UNWRAPPED, &[]);
        terminal.answer(question, "n\r");
        let (code, shown) = terminal.end();
        redacted(shop, &format!("$ shopctl {}\n{}\nexit {code}\n", line.join(" "), shown.trim_end()))
    });
    insta::assert_snapshot!("questions", shown.join("\n"));
}
