//! What users of the commands notice: the first run, the same answers everywhere, output, pipes.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    a_mutation_says_what_it_changed_and_leaves_one_event,
    a_dry_run_of_every_mutation_changes_nothing,
    seeds_are_applied_once_and_undone_cleanly,
    seeds_applied_at_once_are_applied_once,
    what_an_undoing_keeps_stays_the_seeds_own,
    searches_find_letters_beyond_ascii,
    a_user_with_orders_is_disabled_not_deleted,
);

#[test]
fn quickstart_makes_a_shop_and_can_be_run_again() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        let arguments = ["quickstart", "--database-url", &shop.url, "--quiet", "--no-input"];
        let run = |shop: &Shop| {
            crate::support::shop::finish(
                shop.command(&arguments).env_remove("DATABASE_URL").spawn().expect("built"),
                &arguments,
            )
        };
        run(&shop).success();
        run(&shop).success();
        assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 6, "four of the seed, one of each run");
        shop.assert_invariants();
        shop.run(&["migrate", "env", "production"]).success();
        run(&shop).exits_with(11).says("quickstart.other_shop");
        let other = Shop::migrated(backend).expect("the backend is there");
        let before = other.counts();
        let arguments = ["quickstart", "--database-url", &other.url];
        let command = other.command(&arguments).env_remove("DATABASE_URL").spawn().expect("built");
        crate::support::shop::finish(command, &arguments).exits_with(11).says("did not make");
        assert_eq!(other.counts(), before);
    }
}

#[test]
fn quickstart_is_refused_where_seeds_are() {
    for shop in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::empty) {
        let url = &shop.url;
        let text = format!(
            "[context.live]\ndatabase_url = '{url}'\nprotected = true\n\
             [context.look]\ndatabase_url = '{url}'\nread_only = true\n[context.plain]\ndatabase_url = '{url}'\n"
        );
        shop.file("shopctl.toml", &text);
        let run = |arguments: &[&str]| {
            let mut command = shop.command(arguments);
            command.env_remove("DATABASE_URL");
            crate::support::shop::finish(command.spawn().expect("built"), arguments)
        };
        run(&["quickstart", "-c", "live"]).exits_with(11).says("protected").says("--context");
        run(&["quickstart", "-c", "look"]).exits_with(11).says("read-only");
        if shop.backend == Backend::Sqlite {
            assert!(!shop.path("shop.db").exists(), "nothing was made");
        }
        run(&["migrate", "up", "-c", "plain"]).success();
        let refused = run(&["quickstart", "-c", "plain"]).exits_with(11);
        refused.says("shopctl --context plain migrate env development");
        run(&["migrate", "env", "production", "-c", "plain"]).success();
        let refused = run(&["quickstart", "-c", "plain"]).exits_with(11).says("for production");
        assert!(!refused.stderr.contains("seed up"), "seeds are refused there: {refused}");
        run(&["migrate", "reset", "--confirm", &shop.database_name(), "-c", "plain"]).success();
        run(&["quickstart", "-c", "plain"]).exits_with(11).says("for production");
        assert_eq!(run(&["migrate", "env", "-c", "plain"]).success().stdout.trim(), "production");
        run(&["migrate", "env", "development", "--confirm", &shop.database_name(), "-c", "plain"]).success();
        run(&["migrate", "up", "-c", "plain"]).success();
        run(&["quickstart", "-c", "plain"]).exits_with(11).says("shopctl --context plain seed up");
        run(&["seed", "up", "-c", "plain"]).success();
    }
}

#[test]
fn quickstart_uses_the_embedded_shop_whatever_the_environment_says() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["quickstart"]).success();
    assert!(!shop.path("shop.db").exists(), "the database of the environment was touched");
    assert!(shop.path(".local/share/shopctl/shop.db").exists());
}

/// The same script on every engine; ids, times and references apart the answers are equal.
#[test]
fn the_same_commands_give_the_same_answers_on_every_backend() {
    let shops = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated);
    let answers: Vec<(Backend, Vec<String>)> = shops.map(|shop| (shop.backend, script(&shop))).collect();
    for (backend, answer) in &answers[1..] {
        for (one, other) in answers[0].1.iter().zip(answer) {
            assert_eq!(one, other, "{backend:?} answers otherwise");
        }
    }
}

fn script(shop: &Shop) -> Vec<String> {
    let commands = "seed up --json
        user create --email Zoe@Example.com --first-name Zoë --last-name Ørsted --password-stdin --json
        user create --email zoe@example.com --first-name Z --last-name O --password-stdin --json
        user update zoe@example.com --last-name O'Neil --json
        user list --sort email --json
        user list --search NÚÑ --json
        user list --search o'n --count --json
        user disable jose@example.com --yes --json
        order create --user jose@example.com --item MUG-01 --json
        product create --name Ünïcode% --price 0.10 --stock 3 --json
        product create --name B%_!x --sku b-1 --price 99999999.99 --stock 2147483647 --json
        product list --search %_! --json
        product list --sort price --json
        product list --sort -stock_quantity --limit 3 --json
        product list --min-price 9.95 --max-price 12.50 --sort sku --count --json
        product list --max-stock 8 --sort name --json
        product update B-1 --price 1.00 --description text --json
        product update B-1 --price 1.00 --json
        stock adjust b-1 +1 --reason received --json
        stock adjust B-1 -47 --reason damaged --note broken --json
        stock adjust CLOTH-LINEN -4 --reason shrinkage --json
        order create --user zoe@example.com --item mug-01:2 --item MUG-01:3 --item B-1 --json --idempotency-key k-1
        order create --user zoe@example.com --item B-1:1 --item MUG-01:5 --json --idempotency-key k-1
        order create --user zoe@example.com --item MUG-01:6 --json --idempotency-key k-1
        order create --user zoe@example.com --item LAMP-DESK:999 --item CLOTH-LINEN:4 --item MUG-01 --json
        order create --user nobody@example.com --item MUG-01 --json
        order create --user zoe@example.com --item NOPE --item ALSO-NOT --json
        order list --status pending --user zoe@example.com --json
        order list --sort total_amount --json
        order list --min-total 60 --max-total 100 --sort -total_amount --json
        order list --product TRAY-OAK --json
        product show MUG-01 --json
        product delete MUG-01 --confirm MUG-01 --json
        product delete B-1 --confirm WRONG --json
        user delete mina@example.com --confirm mina@example.com --json
        audit list --outcome failed --fields operation,outcome,entity_type,name,error --json
        audit list --operation order.place --fields operation,outcome,name --count --json
        migrate status --json
        seed status --json";
    let answers = commands.lines().flat_map(|command| {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        let run = shop.run_with_input(&arguments, "correct horse\n");
        let text = |stream: &str| {
            stream.lines().filter(|line| line.starts_with(['{', '[', ']', '}'])).collect::<Vec<_>>().join("")
        };
        [
            format!("{command}: exit {}", run.code),
            format!("{command}: {}", normal(&text(&run.stdout))),
            normal(&text(&run.stderr)),
        ]
    });
    answers.collect()
}

/// JSON without what differs from run to run.
fn normal(text: &str) -> String {
    fn clean(value: &mut Value) {
        const VARYING: [&str; 14] = [
            "id",
            "user_id",
            "product_id",
            "created_at",
            "updated_at",
            "occurred_at",
            "applied_at",
            "next",
            "reference",
            "operation_id",
            "runner",
            "duration_milliseconds",
            "name",
            "message",
        ];
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    // The error of an event is cut before the time that it may name.
                    if name == "error"
                        && let Some(text) = member.as_str()
                    {
                        *member = Value::from(text.split(" of 20").next().unwrap_or_default());
                    }
                    let is_made_up = matches!(name.as_str(), "name" | "message" | "reference") && !mentions_id(member);
                    if VARYING.contains(&name.as_str()) && !is_made_up {
                        *member = Value::Null;
                    }
                    clean(member);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(clean),
            _ => {}
        }
    }
    /// A drawn reference or a time stands in it; seeds' references are fixed.
    fn mentions_id(value: &Value) -> bool {
        value.as_str().is_some_and(|text| text.len() == 11 && !text.starts_with("DEM01") || text.contains(" of 20"))
    }
    let parsed: Result<Value, _> = serde_json::from_str(text);
    match parsed {
        Ok(mut value) => {
            clean(&mut value);
            value.to_string()
        }
        Err(_) => text.to_owned(),
    }
}

fn a_mutation_says_what_it_changed_and_leaves_one_event(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let run = shop.run(&["order", "create", "--user", &user, "--item", "MUG:2", "--actor", "boss"]).success();
    assert!(
        run.stdout.starts_with("order ") && run.stdout.contains("2 pieces for ann@example.com, total 25.00"),
        "{run}"
    );
    assert!(run.stderr.starts_with("changed "), "{run}");
    assert_eq!(shop.column("SELECT actor FROM audit_events WHERE operation = 'order.place'"), ["boss"]);
    let after = shop.column(
        "SELECT after FROM audit_events WHERE operation = 'order.place'"
            .replace("after", column(shop, "after"))
            .as_str(),
    );
    assert!(after[0].contains("\"total_amount\":\"25.00\""), "{after:?}");
    let hashes = shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'user.create'");
    assert_eq!(hashes, 1);
    assert!(
        !shop
            .column(&format!("SELECT {} FROM audit_events", column(shop, "after")))
            .iter()
            .any(|json| json.contains("argon2"))
    );
}

fn column(shop: &Shop, name: &'static str) -> &'static str {
    if shop.backend == Backend::MariaDb && name == "before" { "`before`" } else { name }
}

/// Each command that takes `--dry-run`, with arguments under which it would change something.
const MUTATIONS: [(&str, &[&str]); 25] = [
    (
        "user create",
        &["--email", "bo@example.com", "--first-name", "Bo", "--last-name", "Ek", "--password-file", "secret.txt"],
    ),
    ("user import", &["people.csv"]),
    ("product import", &["products.csv"]),
    ("user update", &["ann@example.com", "--last-name", "Lee"]),
    ("user set-password", &["ann@example.com", "--password-file", "secret.txt"]),
    ("user verify-password", &["old@example.com", "--password-file", "secret.txt"]),
    ("user disable", &["ann@example.com"]),
    ("user enable", &["off@example.com"]),
    ("user anonymize", &["off@example.com"]),
    ("user delete", &["off@example.com"]),
    ("product create", &["--name", "Hat", "--price", "1", "--stock", "4"]),
    ("product update", &["MUG", "--price", "1"]),
    ("product price", &["--all", "--by", "+10%"]),
    ("product delete", &["PEN"]),
    ("stock adjust", &["MUG", "-3", "--reason", "damaged"]),
    ("stock set", &["MUG", "5", "--expect", "8"]),
    ("stock verify", &["--accept"]),
    ("order create", &["--user", "ann@example.com", "--item", "MUG:2"]),
    ("order import", &["orders.csv"]),
    ("order pay", &["PENDING"]),
    ("order ship", &["PAID", "--tracking", "1Z"]),
    ("order complete", &["PAID"]),
    ("order cancel", &["PENDING"]),
    ("order refund", &["PAID"]),
    ("order expire", &["--older-than", "0s"]),
];

fn a_dry_run_of_every_mutation_changes_nothing(shop: &Shop) {
    ["ann", "off", "old"].iter().for_each(|name| drop(shop.user(name)));
    shop.run(&["user", "disable", "off@example.com", "--yes"]).success();
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "12.50", 10));
    let [pending, paid] = [0, 1].map(|_| {
        let run = shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG", "--json"]);
        run.success().json()["reference"].as_str().expect("text").to_owned()
    });
    shop.run(&["order", "pay", &paid]).success();
    // What another program changed, for `stock verify --accept`.
    shop.sql("UPDATE products SET stock_quantity = 9 WHERE sku = 'PEN'");
    shop.file("secret.txt", "correct horse\n");
    shop.file("people.csv", "email,first_name,last_name\nnew@example.com,New,One\n");
    shop.file("products.csv", "sku,name,price\nMUG,Mug,1.00\n");
    shop.file("orders.csv", "reference,user,sku,quantity\nK7Q2M-9XD4T,ann@example.com,MUG,1\n");
    let before = shop.everything();
    let sealing = [("audit seal", &[][..]), ("audit settle", &["01a2099a-f92b-73dc-878a-58879510c016"])];
    for (command, arguments) in MUTATIONS.iter().copied().chain(sealing) {
        let named = |argument: &&'static str| match *argument {
            "PENDING" => pending.clone(),
            "PAID" => paid.clone(),
            other => other.to_owned(),
        };
        let arguments: Vec<String> = command.split(' ').map(str::to_owned).chain(arguments.iter().map(named)).collect();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.push("-n");
        let run = shop.run(&arguments).success();
        assert!(!run.stderr.contains("changed "), "{run}");
        // Whether a password matches is no change.
        if command != "user verify-password" {
            assert!(run.stdout.contains("would"), "{run}");
            arguments.push("--exit-code");
            shop.run(&arguments).exits_with(9);
        }
        assert_eq!(shop.everything(), before, "{command}");
    }
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:99", "-n"]).exits_with(6);
    assert_eq!(shop.everything(), before, "a refusal under dry run is not recorded");
}

#[test]
fn no_option_takes_what_stands_behind_it_or_nothing() {
    use clap::CommandFactory;
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
    let mut program = shopctl::cli::Cli::command();
    program.build();
    walk(&program, &mut found);
    assert!(found.is_empty(), "with an optional value: {found:?}");
}

#[test]
fn a_text_to_look_for_has_a_limit() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let (long, longest) = ("é".repeat(60_000), "é".repeat(1_000));
    for noun in ["user", "product", "stock"] {
        shop.run(&[noun, "list", "--search", &long]).exits_with(7).says("is longer than 1000 characters");
        shop.run(&[noun, "list", "--search", &longest]).success();
    }
    shop.run(&["product", "export", "--search", &long]).exits_with(7);
    shop.run(&["product", "price", "--search", &long, "--to", "1"]).exits_with(7);
}

#[test]
fn every_command_with_a_dry_run_is_tried() {
    use clap::CommandFactory;
    let mut with_dry_run = Vec::new();
    for noun in shopctl::cli::Cli::command().get_subcommands() {
        for verb in noun.get_subcommands() {
            if verb.get_arguments().any(|argument| argument.get_id() == "dry_run") {
                with_dry_run.push(format!("{} {}", noun.get_name(), verb.get_name()));
            }
        }
    }
    // The rehearsals of migrations and of grants are tried among theirs.
    let elsewhere = ["access apply", "audit seal", "audit settle", "migrate up"];
    let tried: Vec<&str> = MUTATIONS.iter().map(|(command, _)| *command).chain(elsewhere).collect();
    let missing: Vec<_> = with_dry_run.iter().filter(|command| !tried.contains(&command.as_str())).collect();
    assert!(missing.is_empty(), "without a dry run in the tests: {missing:?}");
    assert!(with_dry_run.len() > 15);
}

fn seeds_are_applied_once_and_undone_cleanly(shop: &Shop) {
    shop.run(&["seed", "status", "--check"]).exits_with(9);
    shop.run(&["seed", "up"]).success();
    let once = shop.counts();
    shop.run(&["seed", "up"]).success();
    assert_eq!(shop.counts(), once, "applied twice is applied once");
    shop.run(&["seed", "status", "--check"]).success();
    shop.assert_invariants();
    shop.run(&["order", "create", "--user", "grace@example.com", "--item", "PEN-FINE"]).success();
    shop.run(&["seed", "down", "demo", "--confirm", "demo"]).success().says("kept user grace@example.com");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 1);
    assert_eq!(shop.column("SELECT email FROM users"), ["grace@example.com"]);
    let pens = shop.number("SELECT stock_quantity FROM products WHERE sku = 'PEN-FINE'");
    assert_eq!(pens, 499, "what the seed's orders took is back");
    shop.run(&["seed", "down", "demo", "--confirm", "demo"]).exits_with(6);
}

fn seeds_applied_at_once_are_applied_once(shop: &Shop) {
    let arguments = ["seed", "up", "--json"];
    let children: Vec<_> = (0..8).map(|_| shop.start(&arguments)).collect();
    for child in children {
        let run = crate::support::shop::finish(child, &arguments).success();
        assert_eq!(run.json()["items"].as_array().map(Vec::len), Some(2), "one JSON value: {run}");
    }
    assert_eq!(shop.number("SELECT SUM(rows_created) FROM shopctl_seeds"), 18);
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 4);
    shop.assert_invariants();
}

fn what_an_undoing_keeps_stays_the_seeds_own(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    for _ in 0..2 {
        shop.run(&["seed", "down", "catalogue", "--confirm", "catalogue"]).success().says("was ordered");
        shop.run(&["seed", "up"]).success();
    }
    shop.run(&["seed", "down", "demo", "--confirm", "demo"]).success();
    shop.run(&["seed", "down", "catalogue", "--confirm", "catalogue"]).success();
    assert_eq!(shop.counts()[..4], [0, 0, 0, 0]);
}

fn searches_find_letters_beyond_ascii(shop: &Shop) {
    let arguments = [
        "user",
        "create",
        "--email",
        "e@example.com",
        "--first-name",
        "Éloïse",
        "--last-name",
        "O_x%y",
        "--password-stdin",
    ];
    shop.run_with_input(&arguments, "correct horse\n").success();
    for (text, found) in
        [("Éloïse", 1), ("éloïse", 1), ("loï", 1), ("o_X%", 1), ("ox", 0), ("EXAMPLE", 1), ("%", 1), ("!", 0)]
    {
        let run = shop.run(&["user", "list", "--search", text, "-o", "id"]).success();
        assert_eq!(run.stdout.lines().count(), found, "{text}: {run}");
    }
}

fn a_user_with_orders_is_disabled_not_deleted(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).success();
    shop.run(&["user", "delete", &user]).exits_with(6).says("shopctl user disable");
    shop.run(&["user", "delete", &user, "--confirm", &user]).exits_with(6).says("shopctl user disable ann@example.com");
    let refused = shop.run(&["audit", "list", "--user", &user, "--outcome", "failed", "--json"]).success().json();
    assert_eq!(refused["items"][0]["operation"], "user.delete", "what was refused is found by whom it was about");
    shop.run(&["user", "disable", &user]).exits_with(11).says("--yes");
    shop.run(&["user", "disable", &user, "--yes"]).success();
    shop.run(&["user", "disable", &user, "--yes"]).success();
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).exits_with(6).says("shopctl user enable");
    shop.run(&["user", "enable", &user]).success();
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).success();
    shop.run(&["product", "delete", "MUG", "--confirm", "MUG"]).exits_with(6).says("product.was_ordered");
    shop.assert_invariants();
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
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
fn version_and_help_open_nothing() {
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
fn usage_errors_are_two_also_as_json() {
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
fn every_example_of_the_help_is_understood() {
    use clap::CommandFactory;
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_subcommands().next().is_none() && command.get_name() != "help" {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{path} has no examples");
            let examples = after.lines().map(str::trim).filter(|line| line.starts_with("shopctl "));
            found.extend(examples.map(|example| (path.clone(), example.to_owned())));
        }
        command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(|sub| leaves(sub, &path, found));
    }
    let mut found = Vec::new();
    leaves(&shopctl::cli::Cli::command(), "", &mut found);
    assert!(found.len() > 20);
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop.file("secret.txt", "correct horse\n");
    shop.file("order.json", r#"{"user": "ann@example.com", "items": [{"sku": "MUG-01", "quantity": 2}]}"#);
    shop.user("ann");
    for (path, example) in found {
        // Run as printed, by a shell; what it may not find is data, never its own flags.
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
        assert!(matches!(output.status.code(), Some(0 | 3 | 4 | 5 | 6 | 9 | 11)), "{path}: {example}\n{stderr}");
    }
}
