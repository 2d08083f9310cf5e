//! The command line itself: options, values, help, usage errors, pipes.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Backend, Shop};

#[test]
fn no_option_has_an_optional_value() {
    fn walk(command: &clap::Command, found: &mut Vec<String>) {
        for argument in command.get_arguments() {
            let values = argument.get_num_args().unwrap_or_default();
            if !argument.is_positional() && values.max_values() > 0 && values.min_values() == 0 {
                found.push(format!("{} --{}", command.get_name(), argument.get_id()));
            }
        }
        command.get_subcommands().for_each(|command| walk(command, found));
    }
    let mut found = Vec::new();
    walk(&shopctl::cli::Cli::whole(), &mut found);
    assert!(found.is_empty(), "with an optional value: {found:?}");
}

#[test]
fn a_search_text_has_a_maximum_length() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let (long, longest) = ("é".repeat(60_000), "é".repeat(1_000));
    for noun in ["user", "product", "stock", "order"] {
        shop.run(&[noun, "list", "--search", &long]).exits_with(7).says("is longer than 1000 characters");
        shop.run(&[noun, "list", "--search", &longest]).success();
    }
    shop.run(&["product", "export", "--search", &long]).exits_with(7);
    shop.run(&["product", "price", "--search", &long, "--to", "1"]).exits_with(7);
}

#[test]
fn a_closed_output_pipe_is_not_a_failure() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let rows: Vec<String> = (0..5000).map(|number| format!("('{number}@example.com', 'x', 'First', 'Last')")).collect();
    shop.sql(&format!("INSERT INTO users (email, password_hash, first_name, last_name) VALUES {}", rows.join(",")));
    let binary = env!("CARGO_BIN_EXE_shopctl");
    let script = format!("{binary} user list --all | head -1; echo ${{PIPESTATUS[0]}}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("DATABASE_URL", &shop.url)
        .stdin(Stdio::null())
        .output()
        .expect("bash is there");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout.lines().last(), Some("0"), "{stdout}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn version_and_help_open_no_database() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    for arguments in [vec!["--version"], vec!["--help"], vec!["help", "exit-codes"], vec!["order", "create", "--help"]]
    {
        let mut command = shop.command(&arguments);
        command.env("DATABASE_URL", "nonsense");
        crate::support::shop::finish(command.spawn().expect("built"), &arguments).success();
    }
    assert_eq!(std::fs::read_dir(shop.home.path()).expect("our own").count(), 0, "a file was made");
}

#[test]
fn usage_errors_exit_with_2_in_text_and_json() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["order", "create", "--nonsense"]).exits_with(2);
    let run = shop.run(&["order", "list", "--nonsense", "--json"]).exits_with(2);
    let error: Value = serde_json::from_str(&run.stderr).expect("one JSON object");
    assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&Value::from("usage"), &Value::from(2)));
    let run = shop.run(&["user", "show", "-ojsonl"]).exits_with(2);
    let error: Value = serde_json::from_str(&run.stderr).expect("one JSON object");
    assert!(error["error"]["message"].to_string().contains("<WHO>"), "{run}");
    shop.run(&["product", "create", "--name", "X", "--price", "1", "--fields", "nope"]).exits_with(2);
    shop.run(&["user", "list", "--fields", "emial"]).exits_with(2).says("did you mean email?");
    shop.run(&["user", "list", "--sort", "password_hash"]).exits_with(2).says("fields to sort by");
    shop.run(&["order", "list", "--status", "pendign"]).exits_with(7).says("did you mean pending?");
}

#[test]
fn every_example_in_the_help_is_valid() {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let path = format!("{path} {}", command.get_name());
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace(" \\\n", " ");
        let is_leaf = command.get_subcommands().next().is_none() && command.get_name() != "help";
        if is_leaf || path == " shopctl" {
            assert!(after.contains("Example"), "{path} has no examples");
            let examples = after.lines().map(str::trim).filter(|line| line.starts_with("shopctl "));
            found.extend(examples.map(|example| (path.clone(), example.to_owned())));
        }
        command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(|sub| leaves(sub, &path, found));
    }
    let mut found = Vec::new();
    leaves(&shopctl::cli::Cli::whole(), "", &mut found);
    assert!(found.len() > 20);
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop.file("secret.txt", "correct horse\n");
    shop.file("order.json", r#"{"user": "ann@example.com", "items": [{"sku": "MUG-01", "quantity": 2}]}"#);
    shop.user("ann");
    shop.sql("CREATE TABLE spatial_ref_sys (srid int)");
    for (path, example) in found {
        // Run as printed, by a shell; missing data is allowed, unknown flags are not.
        let script = example.replace("shopctl ", concat!(env!("CARGO_BIN_EXE_shopctl"), " "));
        let mut command = shop.command(&[]);
        let mut bash = Command::new("bash");
        bash.args(["-c", &script])
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        bash.current_dir(shop.home.path()).stdin(Stdio::null());
        command.stdin(Stdio::null());
        let output = bash.output().expect("bash is there");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let is_understood = matches!(output.status.code(), Some(0 | 3 | 4 | 5 | 6 | 9 | 11));
        assert!(is_understood || stderr.contains("standard input names no"), "{path}: {example}\n{stderr}");
        if path.starts_with(" shopctl migrate") {
            // The remaining examples need the columns of the newest migration.
            drop(shop.run(&["migrate", "up"]));
        }
    }
}

#[test]
fn a_value_may_begin_with_a_hyphen_but_a_misspelled_flag_is_rejected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let texts = ["-5", "-20 % on Mondays", "- blue", "--- cut here ---", "-½"];
    for (number, text) in texts.into_iter().enumerate() {
        let sku = format!("P{number}");
        shop.run(&["product", "create", "--sku", &sku, "--name", text, "--price", "1", "--description", text])
            .success();
        let shown = shop.run(&["product", "show", &sku, "--json"]).success().json();
        assert_eq!((&shown["name"], &shown["description"]), (&Value::from(text), &Value::from(text)));
    }
    shop.run(&["stock", "adjust", "P0", "+1", "--reason", "received", "--note", "-1 was broken", "--actor", "-7"])
        .success();
    assert_eq!(shop.column("SELECT actor FROM audit_events WHERE operation = 'stock.adjust'"), ["-7"]);
    assert_eq!(shop.run(&["product", "list", "--search", "-20 %", "-o", "id"]).success().stdout.lines().count(), 1);
    let before = shop.everything();
    let update = ["product", "update", "P0", "--description"];
    for mistake in [&["--pirce", "2"][..], &["-n"], &["--dry-run"], &["--name=a b"], &["-ctest shop"], &["--"], &[]] {
        shop.run(&[&update, mistake].concat()).exits_with(2);
    }
    // An invalid number is a value error, not a flag error.
    shop.run(&["product", "list", "--limit", "-5"]).exits_with(7).says("limit");
    shop.run(&["migrate", "up", "--lock-wait", "-5s"]).exits_with(7).says("lock-wait");
    assert_eq!(shop.everything(), before);
}

#[test]
fn an_invalid_value_is_exit_7_whatever_flag_it_is_of() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.file("p.csv", "sku,name,price\nA,a,1\n");
    let before = shop.everything();
    for (line, said) in [
        (&["user", "list", "--color", "alwasy"][..], "color alwasy: must be one of auto, always, never (did you mean"),
        (&["user", "list", "-o", "xml"], "output xml: must be one of table, json"),
        (&["user", "list", "--timeout", "soon"], "timeout soon: "),
        (&["user", "list", "--limit", "many"], "limit many: "),
        (&["user", "list", "--status", "actve"], "did you mean active?"),
        (
            &["product", "import", "p.csv", "--on-error", "skip"],
            "on-error skip: must be one of reject-all, reject-rows",
        ),
        (&["product", "import", "p.csv", "--on-conflict", "x"], "on-conflict x: must be one of update, skip, error"),
        (&["product", "import", "p.csv", "--batch", "0"], "batch 0: "),
        (&["product", "import", "p.csv", "--map", "a"], "map a: must have the form THEIRS=OURS"),
        (&["product", "import", "p.csv", "--delimiter", "::"], "delimiter ::: must be one character"),
        (&["migrate", "up", "--steps", "0"], "steps 0: "),
        (&["seed", "generate", "--users", "-1", "--yes"], "users -1: "),
        (&["order", "expire", "--older-than", "9999999d", "--yes"], "older-than: goes back too far"),
        (&["user", "list", "--after", "QQ"], "after QQ: is not a cursor"),
    ] {
        shop.run(line).exits_with(7).says("error[invalid]: ").says(said);
    }
    // All of a line are said together.
    let line = ["user", "list", "--color", "x", "--limit", "y", "--timeout", "z", "--status", "w"];
    shop.run(&line).exits_with(7).says("4 invalid values").says("color x: ").says("timeout z: ").says("status w: ");
    // What the line itself lacks, has too much or does not know is another matter.
    for line in
        [&["user", "lsit"][..], &["user", "list", "--colour"], &["user", "show"], &["user", "list", "--fields", "x"]]
    {
        shop.run(line).exits_with(2);
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn help_is_shown_whatever_else_is_wrong_on_the_line() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    for (line, about) in [
        (&["order", "list", "--colour", "x", "-h"][..], "List orders"),
        (&["order", "list", "--status", "actve", "--help"], "List orders"),
        (&["--context", "live", "user", "show", "--what", "-h"], "Show a user"),
        (&["product", "price", "MUG", "--to", "x", "--by", "y", "-h"], "Change the prices of"),
        (&["order", "crate", "-h"], "Place, find and process orders"),
    ] {
        let run = shop.run(line).success();
        assert!(run.stdout.starts_with(about) && run.stderr.is_empty(), "{line:?}: {run}");
    }
    // Behind -- it is a value.
    shop.run(&["product", "show", "--what", "--", "-h"]).exits_with(2);
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    for line in [&["--help"][..], &["order", "list", "-h"], &["-V"], &["help", "import"]] {
        let full = std::fs::File::create("/dev/full").expect("of every system");
        let run = shop.command(line).stdout(full).output().expect("it runs");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.code() == Some(5) && said.starts_with("error[output.write]: "), "{line:?}: {said}");
    }
}

#[test]
fn a_usage_error_in_json_separates_message_and_hint() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    for (line, message, hint) in [
        (&["order", "list", "--staus", "x", "--json"][..], "there is no option --staus", "did you mean --status?"),
        (&["user", "shwo", "-ojsonl"], "there is no command user shwo", "did you mean show?"),
    ] {
        let run = shop.run(line).exits_with(2);
        let error: Value = serde_json::from_str(&run.stderr).expect("one JSON object");
        let text = |member: &str| error["error"][member].as_str().expect("a text").to_owned();
        assert!(text("message").ends_with(message) || text("message").starts_with(message), "{run}");
        assert!(text("hint").contains(hint) && !text("message").contains("similar"), "{run}");
    }
}

#[test]
fn an_unknown_operation_suggests_similar_ones() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    for command in ["list", "export"] {
        let run = |name: &str| shop.run(&["audit", command, "--operation", name]);
        run("nope").exits_with(7).says("there is no nope").says("order.place");
        run("order.plaec").exits_with(7).says("did you mean order.place?");
        run("refund").exits_with(7).says("did you mean order.refund?");
        run("create").exits_with(7).says("product.create or user.create");
        assert!(run("order.refund").success().stdout.is_empty(), "there is one, but it did not happen");
        assert!(!run("seed.up").success().stdout.is_empty());
    }
    // Records of an earlier version are found.
    shop.sql("UPDATE audit_events SET operation = 'seed.begin' WHERE operation = 'seed.up'");
    assert!(!shop.run(&["audit", "list", "--operation", "seed.begin"]).success().stdout.is_empty());
}

#[test]
fn a_filter_that_cannot_match_is_rejected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let (later, earlier) = ("2026-02-01", "2026-01-01");
    for line in [
        &["order", "list", "--since", later, "--until", earlier][..],
        &["order", "export", "--since", "now", "--until", "1h"],
        &["audit", "list", "--since", later, "--until", earlier],
        &["audit", "export", "--since", later, "--until", earlier],
        &["user", "list", "--since", later, "--until", earlier],
        &["report", "sales", "--since", later, "--until", earlier],
    ] {
        shop.run(line).exits_with(7).says("must be after ");
    }
    for line in [
        &["order", "list", "--min-total", "5", "--max-total", "4.99"][..],
        &["product", "list", "--min-price", "5", "--max-price", "4.99"],
        &["product", "price", "--min-price", "5", "--max-price", "4.99", "--to", "1", "--yes"],
    ] {
        shop.run(line).exits_with(7).says("must not be less than --min-");
    }
    shop.run(&["order", "list", "--since", earlier, "--until", later, "--min-total", "5", "--max-total", "5"])
        .success();
}

#[test]
fn usage_errors_are_in_shopctls_own_words() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let said = |line: &[&str], code: i32| {
        let run = shop.run(line).exits_with(code);
        for foreign in ["os error", "invalid digit", "invalid type", "missing field", "parse error", "expected"] {
            assert!(!run.stderr.contains(foreign), "{run}");
        }
        run.stderr
    };
    for command in ["up", "down", "redo"] {
        for number in ["x", "-1", "99999999999", "1.5", ""] {
            assert!(said(&["migrate", command, "--steps", number], 7).contains("must be a whole number from 1"));
        }
    }
    assert!(said(&["migrate", "bless"], 4).contains("no such file or folder"));
    shop.file("broken.lock", "# first\n[[migration]]\nname = 5\n");
    assert!(said(&["migrate", "bless", "--file", "broken.lock"], 4).contains("line 3 was not written by bless"));
    let other = shop.file("Cargo.toml", "[package]\nname = 'mine'\n");
    assert!(said(&["migrate", "bless", "--file", "Cargo.toml"], 4).contains("was not written by bless"));
    assert!(std::fs::read_to_string(other).expect("there").contains("mine"), "another file was replaced");
}
