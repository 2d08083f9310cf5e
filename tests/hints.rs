//! Suggested commands: pasted into a shell, they act on the same database and do what was meant.

use std::process::{Command, Stdio};

use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop};

/// Two shops: the environment names the first, the context `live` the second.
fn two_shops() -> (Shop, Shop) {
    let (here, live) = (Shop::migrated(Backend::Sqlite), Shop::migrated(Backend::Sqlite));
    let (here, live) = (here.expect("always there"), live.expect("always there"));
    here.file("shopctl.toml", &format!("[context.live]\ndatabase_url = \"{}\"\n", live.url));
    live.run(&["seed", "up"]).success();
    (here, live)
}

/// The hints of a run's error, in JSON the same as in text.
fn hints(run: &Run) -> Vec<String> {
    run.stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).map(str::to_owned).collect()
}

/// Runs a hint as a shell would.
fn paste(shop: &Shop, hint: &str) -> Run {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_shopctl")).parent().expect("in a folder").display();
    let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command
        .args(["-c", hint])
        .env_clear()
        .env("PATH", path)
        .env("HOME", shop.home.path())
        .env("USER", "tester")
        .env("DATABASE_URL", &shop.url)
        .current_dir(shop.home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(command.spawn().expect("sh is there"), &[hint])
}

#[test]
fn a_hint_after_context_changes_the_same_shop_and_keeps_the_reason() {
    let (here, live) = two_shops();
    let counts = here.counts();
    let cancel = ["-c", "live", "order", "cancel", "DEM01-00001", "--reason", "changed her mind; $(reboot)"];
    let refused = here.run(&cancel).exits_with(11);
    let hint = &hints(&refused)[0];
    assert!(hint.contains("--reason 'changed her mind; $(reboot)'") && hint.ends_with("--yes"), "{hint}");
    paste(&here, hint).success();
    let cancelled = "SELECT COUNT(*) FROM audit_events WHERE operation = 'order.cancel' AND reason LIKE '%$(reboot)'";
    assert_eq!(live.number(cancelled), 1, "pasted, the hint did something else");
    assert_eq!(here.counts(), counts, "another shop was changed");
}

#[test]
fn a_hint_after_database_url_names_that_database() {
    let (here, live) = two_shops();
    let short = ["--database-url", &live.url, "stock", "adjust", "MUG-01", "-99999", "--reason", "damaged"];
    for hint in hints(&here.run(&short).exits_with(6)) {
        assert!(hint.contains(&format!("shopctl --database-url {} ", live.url)), "{hint}");
    }
    let json = here.run(&["--database-url", &live.url, "user", "show", "nobody@example.com", "--json"]).exits_with(3);
    let error: serde_json::Value = serde_json::from_str(json.stderr.trim()).expect("one object");
    let hint = error["error"]["hint"].as_str().expect("a hint");
    assert!(hint.contains(&format!("shopctl --database-url {} user list", live.url)), "{hint}");
}

#[test]
fn a_wrong_name_is_answered_with_the_command_that_has_the_right_one() {
    let (here, live) = two_shops();
    live.user("ann");
    let delete = ["user", "delete", "ann@example.com", "-c", "live", "--confirm", "ANN"];
    let refused = here.run(&delete).exits_with(11);
    paste(&here, &hints(&refused)[0]).success();
    assert_eq!(live.number("SELECT COUNT(*) FROM users WHERE email = 'ann@example.com'"), 0);
}

#[test]
fn a_hint_never_repeats_a_password() {
    let (here, _) = two_shops();
    let url = "postgres://ann:canary-4711@127.0.0.1:1/shop?sslmode=disable&password=canary-4711";
    for line in [
        &["--database-url", url, "order", "cancel", "X", "Y"][..],
        &["order", "list", "--database-url", url],
        &["migrate", "fresh", "--database-url", url, "--connect-timeout", "1s"],
    ] {
        let run = here.run(line);
        assert!(!run.stderr.contains("canary") && !run.stdout.contains("canary"), "{run}");
    }
}
