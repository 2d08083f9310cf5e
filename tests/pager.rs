//! What is longer than the screen, in the user's pager.

use crate::support::emulator::Emulator;
use crate::support::{Backend, Shop};

/// Marks what it shows.
const MARKING: (&str, &str) = ("SHOPCTL_PAGER", "sed s,^,!,");
const SCREEN: (u16, u16) = (80, 24);

/// A shop with more products than the screen has rows.
fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let rows: String = (10..40).map(|number| format!("P{number},mug,1\n")).collect();
    shop.file("p.csv", &format!("sku,name,price\n{rows}"));
    shop.run(&["product", "import", "p.csv"]).success();
    shop
}

/// The last rows of the screen after a script, and its exit code.
fn shown(shop: &Shop, script: &str, variables: &[(&str, &str)]) -> (i32, String) {
    Emulator::start(shop, script, SCREEN, variables).end()
}

#[test]
fn only_what_is_longer_than_the_screen_is_paged() {
    let shop = shop();
    for long in ["help import", "help order import", "product list --all", "product list --limit 30 --json"] {
        let (code, screen) = shown(&shop, &format!("shopctl {long}"), &[MARKING]);
        assert!(code == 0 && screen.lines().any(|line| line.starts_with('!')), "{long}: {code}: {screen}");
    }
    let short = ["help exit-codes", "product list --limit 3", "product show P10", "product retire P10 P11 --yes"];
    // Their examples are at their end, where the next command is typed.
    let help = ["product list --help", "product import -h"];
    // Neither is a screen.
    let piped = ["help import | cat", "product list --all >file; tail -5 file"];
    for other in short.iter().chain(&help).chain(&piped) {
        let (code, screen) = shown(&shop, &format!("shopctl {other}"), &[MARKING]);
        assert!(code == 0 && !screen.contains('!'), "{other}: {code}: {screen}");
    }
}

#[test]
fn what_is_said_follows_the_pages() {
    let (code, screen) =
        shown(&shop(), "shopctl product list --limit 25 --tz +01:00 --fields sku,created_at", &[MARKING]);
    let said: Vec<_> = screen.lines().filter(|line| !line.starts_with('!') && !line.trim().is_empty()).collect();
    assert!(code == 0 && screen.contains("\n!P15"), "{screen}");
    assert_eq!(said[0], "times are in +01:00", "{screen}");
    assert!(said[1].starts_with("5 more products:"), "{screen}");
}

#[test]
fn nobody_has_to_turn_pages() {
    let shop = shop();
    for off in [("SHOPCTL_PAGER", ""), ("SHOPCTL_PAGER", "cat"), ("TERM", "dumb"), ("CI", "1")] {
        let (code, screen) = shown(&shop, "shopctl help import", &[("PAGER", MARKING.1), off]);
        assert!(code == 0 && !screen.contains('!'), "{off:?}: {code}: {screen}");
    }
    let (code, screen) = shown(&shop, "shopctl product list --all --no-input", &[MARKING]);
    assert!(code == 0 && !screen.contains('!'), "{code}: {screen}");
    // Of two, the one for shopctl alone counts; without a size there is no screen.
    assert!(shown(&shop, "shopctl help import", &[("PAGER", "cat"), MARKING]).1.contains('!'));
    assert!(!shown(&shop, "stty rows 0; shopctl help import", &[MARKING]).1.contains('!'));
}

#[test]
fn a_pager_that_is_not_installed_or_was_quit_is_no_failure() {
    let shop = shop();
    let (code, screen) =
        shown(&shop, "shopctl help lifecycle import | cat; shopctl help import", &[("PAGER", "no-such-pager -R")]);
    assert!(code == 0 && screen.contains("rejected with a reason"), "{code}: {screen}");
    let script = "shopctl product list --all 2>messages; echo ended with $?; head -1 messages";
    let (_, screen) = shown(&shop, script, &[("PAGER", "no-such-pager -R")]);
    assert!(screen.contains("ended with 0\nwarning: cannot run the pager no-such-pager -R"), "{screen}");
    for pager in ["true", "false", "head -2"] {
        let (code, screen) = shown(&shop, "shopctl product list --all", &[("PAGER", pager)]);
        assert!(code == 0 && !screen.contains("error"), "{pager}: {code}: {screen}");
    }
    // What the command says is its exit code, whatever the pager does.
    shop.sql("UPDATE products SET stock_quantity = 7");
    let (code, screen) = shown(&shop, "shopctl stock verify", &[MARKING]);
    assert!(code == 9 && screen.contains("\n!P39") && screen.contains("\nerror["), "{code}: {screen}");
}

#[test]
fn ctrl_c_is_for_the_pager() {
    let shop = shop();
    let pager = "trap 'echo caught' INT; head -n 3; echo PROMPT; until read key </dev/tty; do :; done; echo bye $key";
    shop.file("pager.sh", pager);
    let script = "exec shopctl product list --limit 25 --fields sku,created_at";
    let mut terminal = Emulator::start(&shop, script, SCREEN, &[("PAGER", "sh pager.sh")]);
    terminal.answer("PROMPT", "\u{3}");
    terminal.answer("caught", "q\n");
    let (code, screen) = terminal.end();
    assert!(code == 0 && screen.contains("bye q\ntimes are in UTC"), "{code}: {screen}");
    assert!(!screen.contains("interrupted"), "{screen}");
}

#[test]
fn a_terminated_command_leaves_no_pager_behind() {
    let shop = shop();
    let pager = "trap 'echo pager ended; exit' TERM; head -n 3; kill -TERM $PPID; until read key </dev/tty; do :; done";
    shop.file("pager.sh", pager);
    // Its work was done.
    let script = "shopctl product list --limit 25 --fields sku; echo shopctl ended with $?";
    let (code, screen) = shown(&shop, script, &[("PAGER", "sh pager.sh")]);
    assert!(code == 0 && screen.contains("\npager ended\n"), "{code}: {screen}");
    assert!(screen.ends_with("shopctl ended with 0"), "{screen}");
}
