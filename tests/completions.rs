//! Completion: what the shells ask and get, and real shells on a pseudo-terminal.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rexpect::session::PtySession;

use crate::on_every_backend;
use crate::support::servers::has_client;
use crate::support::terminal::start_script;
use crate::support::{Backend, Shop, await_that};

on_every_backend!(values_of_the_shop_are_offered);

/// More than an answer may take, on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(3);

fn answer(shop: &Shop, words: &[&str]) -> Vec<String> {
    let index = (words.len()).to_string();
    let run = shop.run_within(AT_ONCE, &[&["__complete", "zsh", &index, "shopctl"], words].concat()).success();
    assert!(run.stderr.is_empty(), "{run}");
    run.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// Waits for an answer: a busy machine may take too long for one.
fn assert_answer(shop: &Shop, words: &[&str], expected: &[&str]) {
    await_that(&format!("{expected:?} for {words:?}"), || answer(shop, words) == expected);
}

fn values_of_the_shop_are_offered(shop: &Shop) {
    shop.user("ada");
    shop.user("adam");
    shop.user("bob");
    shop.run(&["user", "disable", "adam@example.com", "--yes"]).success();
    shop.product("MUG-BLUE", "1", 9);
    shop.product("PEN", "1", 9);
    let order = shop.run(&["order", "create", "--user", "ada@example.com", "--item", "PEN", "--json"]).success().json();
    let reference = order["reference"].as_str().expect("a text");
    assert_answer(shop, &["user", "enable", "ada"], &["ada@example.com", "adam@example.com"]);
    assert_answer(shop, &["order", "list", "--user=bo"], &["--user=bob@example.com"]);
    assert_answer(shop, &["user", "merge", "bob@example.com", "ADAM"], &["adam@example.com"]);
    assert_answer(shop, &["order", "create", "--item", "mug"], &["MUG-BLUE"]);
    assert_answer(shop, &["order", "create", "--item", "PEN", "--item", "p"], &["PEN"]);
    assert_answer(shop, &["product", "retire", "PEN", "m"], &["MUG-BLUE"]);
    assert_answer(shop, &["order", "pay", &reference[..3].to_lowercase()], &[reference]);
    assert_eq!(answer(shop, &["order", "create", "--item", "MUG-BLUE:"]), [] as [&str; 0]);
    // What is named already, and orders that the command refuses, are not offered.
    assert_answer(shop, &["user", "merge", "ada@example.com", "ad"], &["adam@example.com"]);
    assert_answer(shop, &["order", "change", ""], &[reference]);
    assert!(!answer(shop, &["order", "refund", ""]).contains(&reference.to_owned()));
    shop.run(&["order", "pay", reference]).success();
    assert_answer(shop, &["order", "refund", ""], &[reference]);
    assert!(!answer(shop, &["order", "cancel", ""]).contains(&reference.to_owned()));
    shop.run(&["product", "price", "PEN", "--to", "2"]).success();
    shop.run(&["product", "price", "PEN", "--to", "3"]).success();
    // An answer that takes too long is empty: the one that was awaited is looked at.
    let mut undoable = Vec::new();
    await_that("operations to undo", || {
        undoable = answer(shop, &["undo", ""]);
        undoable.first().is_some_and(|id| id.len() == 36)
    });
    let events = shop.run(&["audit", "list", "--limit", "1", "--json"]).success().json();
    assert_eq!(undoable[0], events["items"][0]["operation_id"].as_str().expect("an id"));
    // Another database than the configured one.
    let mut elsewhere = shop.with_url("sqlite:nowhere.db".to_owned());
    elsewhere.backend = Backend::Sqlite;
    let url = format!("--database-url={}", shop.url);
    assert_answer(&elsewhere, &[&url, "product", "show", "M"], &["MUG-BLUE"]);
    assert_answer(&elsewhere, &["product", "show", "--database-url", &shop.url, "M"], &["MUG-BLUE"]);
}

#[test]
fn words_that_need_no_shop_are_offered() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.file(
        "shopctl.toml",
        "[context.live]\ndatabase_url = 'sqlite:a.db'\n[context.local]\ndatabase_url = 'sqlite:b.db'\n",
    );
    assert_answer(&shop, &["--context", "li"], &["live"]);
    assert_answer(&shop, &["-c", ""], &["live", "local"]);
    assert_answer(&shop, &["audit", "list", "--operation", "order.pa"], &["order.pay"]);
    assert_answer(&shop, &["report", "sales", "--tz", "europe/ber"], &["Europe/Berlin"]);
    assert_answer(&shop, &["order", "list", "--status", "paid,c"], &["paid,completed", "paid,cancelled"]);
    assert_answer(&shop, &["help", "exit"], &["exit-codes"]);
    assert_answer(&shop, &["help", "re"], &["report", "restore"]);
    assert_answer(&shop, &["help", "order", "ref"], &["refund"]);
    assert_answer(&shop, &["order", "list", "--status", "pending,p"], &["pending,paid"]);
    assert_answer(&shop, &["order", "list", "--sort", "-to"], &["-total_amount"]);
    assert_answer(&shop, &["order", "list", "--fields", "reference,tot"], &["reference,total_amount"]);
    assert_answer(&shop, &["report", "sales", "--fields", "pe"], &["period"]);
    assert_answer(&shop, &["order", "list", "--since", "this-m"], &["this-month"]);
    assert_answer(&shop, &["order", "re"], &["reassign", "refund", "restock"]);
    shop.file("orders.csv", "");
    assert_answer(&shop, &["order", "import", "ord"], &["orders.csv"]);
}

#[test]
fn the_fields_of_every_command_that_lists_or_shows_are_offered() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    for command in [
        &["order", "show", "A", "--timeline"][..],
        &["user", "show", "A", "--timeline"],
        &["product", "show", "A", "--prices"],
        &["audit", "show", "01a22c93-c67c-74f5-884c-9aa384d5819f"],
        &["audit", "verify"],
        &["config", "path"],
        &["config", "show"],
        &["diff", "A", "B"],
        &["doctor"],
        &["migrate", "history"],
        &["migrate", "plan"],
        &["migrate", "status"],
        &["migrate", "verify"],
        &["order", "list"],
        &["report", "customers"],
        &["seed", "status"],
        &["stock", "verify"],
    ] {
        let run = shop.run(&[command, &["--fields", "none"]].concat()).exits_with(2);
        let said = run.stderr.lines().find_map(|line| line.split_once("the fields are ")).expect("a hint").1;
        assert_answer(&shop, &[command, &["--fields", ""]].concat(), &said.split(", ").collect::<Vec<_>>());
    }
}

#[test]
fn completion_is_silent_and_leaves_no_trace() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ada");
    let files = |shop: &Shop| {
        let names = std::fs::read_dir(shop.home.path()).expect("our own").flatten().map(|file| file.file_name());
        // SQLite's own files beside a shop stay where the time was up before it was closed.
        let mut names: Vec<_> = names.filter(|name| !name.to_string_lossy().starts_with("shop.db-")).collect();
        names.sort();
        names
    };
    let config = format!(
        "[context.live]\ndatabase_url = '{}'\nprotected = true\n[context.safe]\ndatabase_url = '{}'\nread_only = true\n\
         [context.gone]\ndatabase_url = 'sqlite:gone/gone.db'\n",
        shop.url, shop.url
    );
    shop.file("shopctl.toml", &config);
    let before = files(&shop);
    let in_context = |name: &str| {
        answer(&shop, &["-c", name, "user", "show", "a"])
            .into_iter()
            .filter(|value| value.contains('@'))
            .collect::<Vec<_>>()
    };
    await_that("a read-only context", || in_context("safe") == ["ada@example.com"]);
    for context in ["live", "gone", "nowhere"] {
        assert_eq!(in_context(context), [] as [&str; 0], "{context}");
    }
    assert_eq!(files(&shop), before);
    for broken in ["[", "database_url = 'mysql://'", "timeout = 'soon'"] {
        shop.file("shopctl.toml", broken);
        answer(&shop, &["user", "show", "a"]);
        answer(&shop, &["-c", "x"]);
    }
    let empty = Shop::empty(Backend::Sqlite).expect("always there");
    answer(&empty, &["user", "show", ""]);
    assert_eq!(files(&empty), [] as [&str; 0], "a file was made");
}

#[test]
fn a_server_that_hangs_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    for scheme in ["postgres", "mysql"] {
        let hanging = shop.with_url(format!("{scheme}://u@127.0.0.1:{port}/d"));
        let found = answer(&hanging, &["user", "show", ""]);
        assert!(found.iter().all(|value| value.starts_with('-')), "{found:?}");
    }
}

#[test]
fn a_password_command_is_not_run() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let config = "[context.live.database]\ndialect = 'postgres'\nhost = 'localhost'\nname = 'd'\nuser = 'u'\n\
                  password_command = 'touch asked'\n";
    shop.file(".config/shopctl/shopctl.toml", config);
    answer(&shop, &["-c", "live", "user", "show", "a"]);
    assert!(!shop.path("asked").exists(), "the command was run");
}

/// How long a shell may take to answer a Tab before it is pressed again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a shell may take at all.
const LONGEST: Duration = Duration::from_secs(40);

fn send(session: &mut PtySession, keys: &str) {
    session.send(keys).and_then(|_| session.flush()).expect("the shell listens");
}

/// Adds what the terminal shows to `all`, until it has the text.
fn shows(session: &mut PtySession, all: &mut Vec<u8>, text: &str) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match session.try_read() {
            // rexpect takes each byte for a character.
            Some(byte) => all.push(u8::try_from(byte).unwrap_or(b'?')),
            None if String::from_utf8_lossy(all).contains(text) => return true,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    false
}

/// Presses keys again and again until the terminal shows the text: a busy machine may not answer the first time.
fn press_until(session: &mut PtySession, keys: &str, text: &str) {
    let (mut all, until) = (Vec::new(), Instant::now() + LONGEST);
    loop {
        send(session, keys);
        if shows(session, &mut all, text) {
            return;
        }
        assert!(Instant::now() < until, "{text} is not shown, but {}", String::from_utf8_lossy(&all));
    }
}

/// Types a part of a line and Tab until the line is as expected, then erases it.
fn complete(session: &mut PtySession, typed: &str, expected: &str) {
    send(session, typed);
    press_until(session, "\t", expected);
    send(session, "\x15");
}

/// A shop and a shell in it that has loaded its script.
fn in_shell(shell: &str, load: &str) -> (Shop, PtySession) {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ada.king");
    shop.product("MUG-BLUE", "1", 9);
    shop.sql("INSERT INTO products (sku, name, price) VALUES ('EVIL $(touch pwned)`touch pwned`;touch pwned', 'x', 1)");
    let mut session = start_script(&shop, &format!("stty cols 200; exec {shell}"));
    send(&mut session, &format!("{load}; printf 'load%s\\n' ed\n"));
    assert!((0..20).any(|_| shows(&mut session, &mut Vec::new(), "loaded")), "{shell} does not start");
    (shop, session)
}

fn assert_completes(session: &mut PtySession) {
    complete(session, "shopctl prod", "product ");
    complete(session, "shopctl user show ada", "ada.king@example.com");
    complete(session, "shopctl user show ada.king@ex", "ada.king@example.com");
    complete(session, "shopctl order list --user=ada.king@e", "--user=ada.king@example.com");
    complete(session, "shopctl user show \"ada.king@e", "\"ada.king@example.com");
    complete(session, "shopctl order create --item mug", "MUG-BLUE");
    complete(session, "shopctl order list --status paid,sh", "paid,shipped");
}

/// The value of another program is one word, and no command.
fn assert_inserts_no_command(shop: &Shop, session: &mut PtySession) {
    send(session, "shopctl product show EVI");
    press_until(session, "\t", "touch");
    send(session, " --fields name; echo ended with $?\n");
    assert!((0..20).any(|_| shows(session, &mut Vec::new(), "ended with 0")), "the product is not found");
    assert!(!shop.path("pwned").exists(), "the value was run");
}

#[test]
fn bash_completes() {
    let (shop, mut session) = in_shell("bash --norc --noprofile -i", "source <(shopctl completions bash)");
    assert_completes(&mut session);
    assert_inserts_no_command(&shop, &mut session);
}

#[test]
fn zsh_completes() {
    if !has_client("zsh", "zsh") {
        return;
    }
    let load = "autoload -Uz compinit && compinit -u -D; source <(shopctl completions zsh)";
    let (shop, mut session) = in_shell("zsh -f -i", load);
    assert_completes(&mut session);
    assert_inserts_no_command(&shop, &mut session);
}

#[test]
fn fish_completes() {
    if !has_client("fish", "fish") {
        return;
    }
    let (_shop, mut session) = in_shell("fish --no-config -i", "shopctl completions fish | source");
    assert_completes(&mut session);
}
