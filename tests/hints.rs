//! Suggested commands: pasted into a shell, they act on the same database as intended.

use crate::support::roles::secret_user;
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

#[test]
fn a_hint_after_context_targets_the_same_shop_and_keeps_the_reason() {
    let (here, live) = two_shops();
    let counts = here.counts();
    let cancel = ["-c", "live", "order", "cancel", "DEM01-00001", "--reason", "changed her mind; $(reboot)"];
    let refused = here.run(&cancel).exits_with(11);
    let hint = &hints(&refused)[0];
    assert!(hint.contains("--reason 'changed her mind; $(reboot)'") && hint.ends_with("--yes"), "{hint}");
    here.paste(hint).success();
    let cancelled = "SELECT COUNT(*) FROM audit_events WHERE operation = 'order.cancel' AND reason LIKE '%$(reboot)'";
    assert_eq!(live.number(cancelled), 1, "pasted, the hint did something else");
    assert_eq!(here.counts(), counts, "another shop was changed");
}

#[test]
fn a_hint_keeps_actor_reason_and_note_and_drops_the_key() {
    let (here, live) = two_shops();
    let user = live.user("ann");
    live.product("P1", "1.00", 41);
    let paste = |line: &[&str], code: i32| {
        let refused = here.run(&[&["-c", "live", "--actor", "bob b"], line].concat()).exits_with(6);
        let hint = hints(&refused)[0].clone();
        let command = &hint[hint.find("shopctl").expect("a command")..];
        assert!(command.starts_with("shopctl --context live --actor 'bob b' "), "{hint}");
        assert!(!command.contains("--idempotency-key"), "another request with the same key: {hint}");
        let run = here.paste(command);
        assert_eq!(run.code, code, "{hint}\n{run}");
    };
    let last = |shop: &Shop, what: &str| {
        shop.column(&format!("SELECT {what} FROM audit_events WHERE outcome = 'succeeded' ORDER BY id DESC LIMIT 1"))
    };
    paste(&["stock", "set", "P1", "3", "--expect", "99", "--reason", "shrinkage", "--note", "lost"], 0);
    assert_eq!(last(&live, "actor || ' ' || reason"), ["bob b shrinkage"]);
    assert!(last(&live, "after")[0].contains(r#""note":"lost""#));
    let adjust = ["stock", "adjust", "P1", "-9999", "--reason", "damaged", "--note", "x y", "--idempotency-key", "kk"];
    paste(&adjust, 0);
    assert_eq!(last(&live, "actor || ' ' || reason"), ["bob b damaged"]);
    assert!(last(&live, "after")[0].contains(r#""note":"x y""#));
    live.product("P2", "1.00", 41);
    let dry = here.run(&["-c", "live", "stock", "set", "P2", "3", "--expect", "99", "--dry-run"]).exits_with(6);
    assert!(hints(&dry)[0].contains("--dry-run"), "{dry}");
    let order = live.run(&["order", "create", "--user", &user, "--item", "P2", "--json"]).success().json();
    let reference = order["reference"].as_str().expect("text");
    live.run(&["order", "pay", reference]).success();
    live.run(&["order", "ship", reference]).success();
    let cancel = ["order", "cancel", reference, "--reason", "changed her mind", "--note", "by phone", "--yes"];
    paste(&cancel, 11);
    paste(&["user", "delete", "ann@example.com", "--confirm", "ann@example.com"], 11);
}

#[test]
fn a_hint_after_database_url_targets_that_database() {
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
fn a_misspelled_name_suggests_the_command_with_the_correct_one() {
    let (here, live) = two_shops();
    live.user("ann");
    let delete = ["user", "delete", "ann@example.com", "-c", "live", "--confirm", "ANN"];
    let refused = here.run(&delete).exits_with(11);
    here.paste(&hints(&refused)[0]).success();
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

#[test]
fn a_hint_states_that_its_password_was_omitted_and_works_with_it() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        let url = secret_user(&shop);
        shop.sql(&match shop.backend {
            Backend::MariaDb => format!("GRANT ALL ON {}.* TO secret_user", shop.database_name()),
            _ => "GRANT ALL ON ALL TABLES IN SCHEMA public TO secret_user".to_owned(),
        });
        shop.product("MUG", "10.00", 2);
        let with_password = url.replacen('@', ":right@", 1);
        let adjust = ["stock", "adjust", "MUG", "-5", "--reason", "damaged", "--database-url", &with_password];
        let refused = shop.run(&adjust).exits_with(6);
        let hints = hints(&refused);
        let [command, remark] = hints.as_slice() else { panic!("{refused}") };
        assert!(remark.contains("without the password") && remark.contains("DB_PASSWORD"), "{refused}");
        assert_eq!(remark.contains(".pgpass"), shop.backend == Backend::Postgres, "{remark}");
        assert!(!refused.stderr.contains("right"), "{refused}");
        let command = command.strip_prefix("at most: ").expect("a command");
        assert!(command.contains(&format!("--database-url {url} ")), "{command}");
        shop.paste(&format!("unset DATABASE_URL; {command}")).exits_with(4).says("database.credentials");
        shop.paste(&format!("unset DATABASE_URL; export DB_PASSWORD=right; {command}")).success();
        assert_eq!(shop.number("SELECT stock_quantity FROM products"), 0);
        // Notes and checks that contain a command state it as well, once.
        let status = shop.run(&["audit", "verify", "--database-url", &with_password]).success();
        assert_eq!(status.stderr.matches("without the password").count(), 1, "{status}");
        shop.sql("DELETE FROM shopctl_settings WHERE name = 'environment'");
        let doctor = shop.run(&["doctor", "--database-url", &with_password, "-o", "table"]);
        assert!(doctor.stderr.matches("without the password").count() == 1, "{doctor}");
    }
}

#[test]
fn a_hint_for_several_hosts_names_all_of_them() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let hosts = |login: &str| shop.url.replacen("postgres@", &format!("{login}@127.0.0.1:1,"), 1);
    let run = shop.run(&["user", "show", "nobody", "--database-url", &hosts("postgres:canary-4711")]).exits_with(3);
    let hint = format!("shopctl --database-url {} user list --search nobody", hosts("postgres"));
    assert!(run.stderr.contains(&hint) && !run.stderr.contains("canary"), "{run}");
    shop.paste(&hint).success();
}

#[test]
fn a_hint_never_repeats_the_password_of_a_scratch_database() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let scratch = Shop::empty(Backend::Postgres).expect("there as well");
    let url = scratch.url.replacen("postgres@", "postgres:canary-4711@", 1);
    shop.sql("DROP TABLE seaql_migrations");
    for option in [&["--scratch-url", &url][..], &[&format!("--scratch-url={url}")]] {
        let newest = "m20260101_000011_create_audit_seals";
        let line = [&["migrate", "baseline", "--to", newest], option].concat();
        let run = shop.run(&line).exits_with(11).says("without the password");
        assert!(!run.stderr.contains("canary") && run.stderr.contains(&scratch.url), "{run}");
    }
}

/// The command that a hint of this run shows.
fn suggested(run: &Run) -> String {
    let hints = hints(run);
    let hint = hints.iter().find(|hint| hint.contains("shopctl ")).unwrap_or_else(|| panic!("no command: {run}"));
    let begin = ["gunzip", "shopctl "].into_iter().find_map(|word| hint.find(word)).expect("a command");
    hint[begin..].split(" goes on").next().expect("text").to_owned()
}

/// As a shell takes a command apart.
fn words(shop: &Shop, command: &str) -> Vec<String> {
    let run = shop.paste(&format!("printf '%s\\n' {}", command.rsplit("| ").next().expect("text"))).success();
    run.stdout.lines().map(str::to_owned).collect()
}

/// Commands that are refused with a hint to say them again, and the words of theirs that are answered otherwise
/// there: another value, consent to something else, a key that was used.
fn repeated_commands<'a>(shipped: &'a str, pending: &'a str, event: &'a str) -> Vec<[Vec<&'a str>; 2]> {
    vec![
        [
            vec!["stock", "set", "P1", "3", "--expect", "99", "--reason", "shrinkage", "--note", "it's", "--dry-run"],
            vec!["99"],
        ],
        [
            vec![
                "stock",
                "adjust",
                "P1",
                "-9999",
                "--reason",
                "damaged",
                "--note",
                "x y",
                "--dry-run",
                "--idempotency-key",
                "k1",
            ],
            vec!["-9999", "--idempotency-key", "k1"],
        ],
        [
            vec![
                "order",
                "cancel",
                shipped,
                "--reason",
                "changed her mind",
                "--note",
                "by phone",
                "--no-restock",
                "--dry-run",
            ],
            vec!["cancel"],
        ],
        [vec!["order", "cancel", shipped, "--fail-fast", "--yes", "--no-headers"], vec!["cancel", "--yes"]],
        [vec!["order", "cancel", pending, "--reason", "changed her mind", "--no-restock"], vec![]],
        [vec!["order", "complete", pending, shipped, "--note", "by phone", "--fail-fast"], vec![]],
        [
            vec![
                "order",
                "create",
                "--user",
                "bob@example.com",
                "--item",
                "P1:2",
                "--note",
                "gift",
                "--dry-run",
                "--expect-total",
                "7",
            ],
            vec!["7"],
        ],
        [
            vec!["user", "delete", "ann@example.com", "--confirm", "ann@example.com", "--dry-run"],
            vec!["delete", "--confirm"],
        ],
        [vec!["user", "delete", "bob@example.com", "--quiet"], vec![]],
        [vec!["stock", "verify", "P2", "--dry-run", "-o", "csv"], vec!["-o"]],
        [vec!["audit", "settle", event, "--dry-run"], vec![event]],
        [
            vec!["product", "import", "p.csv.gz", "--on-conflict", "update", "--dry-run", "--ignore-columns", "a,b"],
            vec!["p.csv.gz"],
        ],
        [
            vec!["product", "price", "--all", "--by", "-5%", "--round", "0.99", "--max-change", "50%"],
            vec!["--by", "-5%"],
        ],
        [vec!["seed", "down", "demo", "--force"], vec![]],
        [vec!["migrate", "fresh", "--lock-wait", "7s"], vec![]],
        [vec!["migrate", "refresh", "--lock-wait", "7s"], vec![]],
        [vec!["migrate", "reset", "--lock-wait", "7s"], vec![]],
        [vec!["migrate", "redo", "--lock-wait", "7s", "--steps", "2"], vec![]],
        [vec!["migrate", "down", "--lock-wait", "7s", "--to", "m20260101_000002_create_products"], vec![]],
        [vec!["migrate", "baseline", "--to", "m20260101_000011_create_audit_seals", "--lock-wait", "7s"], vec![]],
        [vec!["migrate", "resolve", "m20260101_000011_create_audit_seals", "--applied", "--lock-wait", "7s"], vec![]],
    ]
}

#[test]
fn a_hint_that_repeats_a_command_keeps_all_its_flags() {
    use clap::CommandFactory;
    let (here, live) = two_shops();
    for (email, sku) in [("ann", "P1"), ("bob", "P2")] {
        live.user(email);
        live.product(sku, "1.00", 41);
    }
    let order = |shop: &Shop| {
        let order = ["order", "create", "--user", "ann@example.com", "--item", "P2", "--json"];
        shop.run(&order).success().json()["reference"].as_str().expect("text").to_owned()
    };
    let (shipped, pending) = (order(&live), order(&live));
    live.run(&["order", "pay", &shipped]).success();
    live.run(&["order", "ship", &shipped]).success();
    live.sql("UPDATE products SET stock_quantity = 5 WHERE sku = 'P2'");
    let event = live.run(&["audit", "list", "-o", "id", "--limit", "1"]).success().stdout.trim().to_owned();
    here.paste("printf 'sku,name,price\\nP9,Nine,1.00\\n' | gzip > p.csv.gz").success();
    let globals = ["-c", "live", "--actor", "bob b", "--timeout", "50s"];
    for [line, otherwise] in repeated_commands(&shipped, &pending, &event) {
        let refused = here.run(&[&globals, line.as_slice()].concat());
        let command = suggested(&refused);
        let shown = words(&here, &command);
        for word in line.iter().chain(&globals[2..]) {
            let is_there =
                otherwise.contains(word) || shown.iter().any(|shown| shown.trim_start_matches("--by=") == *word);
            assert!(is_there, "{word} of {line:?} is lost: {command}\n{refused}");
        }
        let parsed = shopctl::cli::Cli::command().try_get_matches_from(&shown);
        assert!(parsed.is_ok(), "{command}\n{}", parsed.expect_err("just looked"));
    }
}
