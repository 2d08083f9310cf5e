//! The plan: its SQL is equivalent to `up`.

use std::process::{Command, Output, Stdio};

use crate::on_every_backend;
use crate::support::servers::has_client;
use crate::support::{Backend, Shop};

on_every_backend!(a_dry_run_changes_nothing_in_the_schema);

const EVERYWHERE: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];

/// Runs a script with the engine's own client, to its end.
fn run_by_hand(shop: &Shop, script: &str) {
    let output = feed(shop, script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn feed(shop: &Shop, script: &str) -> Output {
    let (program, arguments): (&str, Vec<String>) = match shop.backend {
        Backend::Sqlite => ("sqlite3", vec!["-bail".into(), shop.path("shop.db").display().to_string()]),
        Backend::Postgres => {
            ("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", shop.url.as_str()].map(str::to_owned).to_vec())
        }
        Backend::MariaDb => {
            let (address, database) = shop.url.rsplit_once('/').expect("a URL with a path");
            let port = address.rsplit_once(':').expect("a port").1;
            let words = ["--no-defaults", "-h", "127.0.0.1", "-P", port, "-u", "root", "--batch", database];
            ("mariadb", words.map(str::to_owned).to_vec())
        }
    };
    let file = shop.file("plan.sql", script);
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(std::fs::File::open(file).expect("just written")))
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"))
}

fn script_without_a_database(backend: Backend) -> String {
    let name = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
        Backend::MariaDb => "mysql",
    };
    // No server listens there: the plan needs no database.
    let nowhere = Shop::at(backend, "postgres://nobody@127.0.0.1:1/none".to_owned());
    nowhere.run(&["migrate", "plan", "--sql", "--backend", name]).success().stdout
}

#[test]
fn the_plan_script_applies_everything_with_the_same_schema() {
    for shop in EVERYWHERE.into_iter().filter_map(Shop::empty) {
        // The other engines need their servers.
        if shop.backend == Backend::Sqlite && !has_client("sqlite3", "sqlite3") {
            continue;
        }
        let script = script_without_a_database(shop.backend);
        assert_eq!(shop.run(&["migrate", "plan", "--sql"]).success().stdout, script, "with an empty database the same");
        run_by_hand(&shop, &script);
        shop.run(&["migrate", "status", "--check"]).success();
        shop.run(&["migrate", "verify"]).success().says("up, down and up again give the same schema");
        shop.run(&["migrate", "up"]).success().says("nothing to apply");
        shop.run(&["migrate", "env", "development"]).success();
        shop.run(&["seed", "up"]).success();
        shop.assert_invariants();
        shop.run(&["migrate", "down", "--steps", "2", "--yes"]).success();
        let rest = shop.run(&["migrate", "plan", "--sql"]).success().stdout;
        assert!(rest.contains("2 migrations") && !rest.contains("m20260101_000001_create_users"), "{rest}");
        run_by_hand(&shop, &rest);
        shop.run(&["migrate", "status", "--check"]).success();
        shop.run(&["migrate", "plan"]).success().says("nothing to apply");
    }
}

#[test]
fn a_plan_script_is_idempotent() {
    for shop in EVERYWHERE.into_iter().filter_map(Shop::empty) {
        if shop.backend == Backend::Sqlite && !has_client("sqlite3", "sqlite3") {
            continue;
        }
        let everything = script_without_a_database(shop.backend);
        let first = ["migrate", "plan", "--sql", "--to", "m20260101_000010_create_seed_rows"];
        run_by_hand(&shop, &shop.run(&first).success().stdout);
        let last = shop.run(&["migrate", "plan", "--sql"]).success().stdout;
        run_by_hand(&shop, &last);
        // Repeatable statements are handled the same way.
        shop.sql("DROP TABLE audit_seals");
        let before = (shop.schema(), shop.column("SELECT name FROM shopctl_migration_runs"));
        for script in [&last, &everything] {
            assert!(!feed(&shop, script).status.success(), "{:?}: it was run to its end", shop.backend);
            let after = (shop.schema(), shop.column("SELECT name FROM shopctl_migration_runs"));
            assert!(after == before, "{:?}: a stale script changed something", shop.backend);
        }
        let states = shop.column("SELECT state FROM shopctl_migration_runs");
        assert!(states.iter().all(|state| state == "done"), "{states:?}");
    }
}

/// As the runner does it where DDL commits by itself: an intent that the next `up` completes.
#[test]
fn an_interrupted_plan_script_is_completed_by_up() {
    let Some(shop) = Shop::empty(Backend::MariaDb) else { return };
    let script = shop.run(&["migrate", "plan", "--sql"]).success().stdout;
    let broken = script.replacen("CREATE TABLE `orders`", "CREATE TABEL `orders`", 1);
    assert!(!feed(&shop, &broken).status.success());
    let status = shop.run(&["migrate", "status", "--json"]).success().json();
    assert_eq!(status["items"][2]["state"], "interrupted", "{status}");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "status", "--check"]).success();
    shop.run(&["migrate", "verify"]).success();
}

#[test]
fn a_plan_lists_the_pending_steps() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let plan = shop.run(&["migrate", "plan", "--json"]).success().json();
    let items = plan["items"].as_array().expect("a list");
    assert_eq!(items.len(), migration::MIGRATIONS.len());
    assert_eq!(items[0]["name"], "m20260101_000001_create_users");
    assert_eq!(items[0]["statement_count"], items[0]["statements"].as_array().expect("a list").len());
    assert!(items[0]["statements"][0].as_str().expect("text").starts_with("CREATE TABLE \"users\""));
    let first = shop.run(&["migrate", "plan", "--to", "m20260101_000002_create_products", "-o", "id"]).success();
    assert_eq!(first.stdout.lines().count(), 2);
    shop.run(&["migrate", "plan", "--to", "m0_nothing"]).exits_with(3).says("shopctl migrate status");
    shop.run(&["migrate", "plan", "--backend", "oracle"]).exits_with(7);
    assert!(!shop.path("shop.db").exists());
}

fn a_dry_run_changes_nothing_in_the_schema(shop: &Shop) {
    shop.run(&["migrate", "down", "--steps", "2", "--yes"]).success();
    let runs = shop.number("SELECT COUNT(*) FROM shopctl_migration_runs");
    let run = shop.run(&["migrate", "up", "-n"]).success();
    if shop.backend == Backend::MariaDb {
        assert!(run.stderr.contains("commits each schema change at once"), "{run}");
        assert_eq!(run.stdout.lines().count(), 2, "the plan: {run}");
    } else {
        assert!(run.stderr.contains("would apply 2 migrations with 2 statements"), "{run}");
        assert!(run.stdout.contains("CREATE TABLE \"audit_seals\""), "{run}");
    }
    shop.run(&["migrate", "up", "-n", "--exit-code"]).exits_with(9);
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_migration_runs"), runs);
    let status = shop.run(&["migrate", "status", "--json"]).success().json();
    assert_eq!(status["items"][migration::MIGRATIONS.len() - 1]["state"], "pending");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "up", "-n", "--exit-code"]).success();
}

#[test]
fn a_dry_run_without_a_database_creates_no_file() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up", "-n"])
        .success()
        .says(&format!("would apply {} migrations", migration::MIGRATIONS.len()));
    assert!(!shop.path("shop.db").exists());
}

#[test]
fn a_new_migration_is_drafted_and_listed() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "new", "add_weight_to_products"]).exits_with(4).says("migration/src/lib.rs").says("--dir");
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/migration/src/lib.rs");
    let list = shop.file("migration/src/lib.rs", &std::fs::read_to_string(own).expect("in the project"));
    shop.run(&["migrate", "new", "weight?"]).exits_with(7).says("shopctl migrate new add_weight_to_products");
    let name = shop.run(&["migrate", "new", "Add weight to products", "-o", "id"]).success();
    let name = name.says("migrate bless").stdout.trim().to_owned();
    let text = std::fs::read_to_string(shop.path(&format!("migration/src/{name}.rs"))).expect("written");
    assert!(text.contains("fn up(backend") && text.contains(r#"ColumnDef::new("weight")"#), "{text}");
    let list = std::fs::read_to_string(&list).expect("written");
    assert!(
        list.contains(&format!("mod {name};\n")) && list.contains(&format!("    {name}::MIGRATION,\n];")),
        "{list}"
    );
    let other = shop.run(&["migrate", "new", "tidy_up", "--sql", "--json"]).success().json();
    let text = std::fs::read_to_string(shop.path(other["path"].as_str().expect("a path"))).expect("written");
    assert_eq!(text.matches("=> &[]").count(), 6, "{text}");
}
