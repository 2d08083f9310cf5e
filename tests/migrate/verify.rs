//! The live schema against the migrations.

use std::time::SystemTime;

use crate::on_every_backend;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Shop, servers};

on_every_backend!(
    drift_is_reported_and_can_be_repaired,
    a_schema_created_by_another_program_is_adopted,
    ignored_objects_must_exist,
    pending_migrations_are_not_drift
);

fn ignored_objects_must_exist(shop: &Shop) {
    shop.sql("CREATE TABLE of_others (id int)");
    shop.run(&["migrate", "verify", "--ignore", "of_others"]).success();
    for typed in [&["of_other"][..], &["of_others,of_other"], &["of_others", "--ignore", "of_other"]] {
        let run = shop.run(&[&["migrate", "verify", "--ignore"], typed].concat()).exits_with(2);
        run.says("nothing in the database has the name of_other").says("did you mean of_others?");
    }
    shop.run(&["migrate", "verify", "--ignore", "m20260101_000001_create_users"]).exits_with(2).says("leave it out");
}

fn drift_is_reported_and_can_be_repaired(shop: &Shop) {
    shop.run(&["migrate", "verify"]).success().says("the database matches them");
    let on_table = if shop.backend == Backend::MariaDb { " ON users" } else { "" };
    shop.sql(&format!("DROP INDEX idx_users_status{on_table}"));
    let run = shop.run(&["migrate", "verify", "--json"]).exits_with(9);
    let items = run.json()["items"].as_array().expect("a list").clone();
    assert_eq!((items.len(), &items[0]["change"]), (1, &"missing".into()), "{run}");
    assert_eq!(items[0]["object"], "index idx_users_status on users", "{run}");
    shop.run(&["migrate", "verify"]).exits_with(9).says("CREATE INDEX");
    shop.run(&["migrate", "verify", "--ignore", "idx_users_status"]).success();
    shop.sql(items[0]["repair"].as_str().expect("a statement"));
    shop.run(&["migrate", "verify"]).success();
}

fn pending_migrations_are_not_drift(shop: &Shop) {
    shop.run(&["migrate", "down", "--steps", "3", "-y"]).success();
    shop.run(&["migrate", "verify"]).success();
    shop.run(&["migrate", "reset", "-y"]).success();
    shop.run(&["migrate", "verify"]).success().says("nothing is applied that could be compared");
}

fn a_schema_created_by_another_program_is_adopted(shop: &Shop) {
    let last = "m20260101_000011_create_audit_seals";
    shop.run(&["migrate", "down", "--to", last, "-y"]).success();
    for table in ["seaql_migrations", "shopctl_migration_runs", "shopctl_settings", "shopctl_leases"] {
        shop.sql(&format!("DROP TABLE {table}"));
    }
    shop.sql("CREATE TABLE of_the_other_program (id int)");
    shop.run(&["migrate", "up"]).exits_with(9).says("shopctl adopt");
    shop.run(&["migrate", "baseline", "--to", "m20260101_000010_create_seed_rows", "-y"]).success();
    let status = shop.run(&["migrate", "status", "--check"]).exits_with(9);
    assert!(status.stderr.contains(&format!("{} pending", migration::MIGRATIONS.len() - 10)), "{status}");
    shop.run(&["migrate", "baseline", "--to", last]).exits_with(11).says("--yes");
    shop.run(&["migrate", "baseline", "--to", last, "-y"]).success();
    shop.run(&["migrate", "baseline", "--to", last, "-y"]).success().says("already");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "status", "--check"]).success();
    shop.run(&["migrate", "verify", "--ignore", "of_the_other_program"]).success();
    let before = "m20260101_000010_create_seed_rows";
    shop.run(&["migrate", "down", "--to", before, "--confirm", &shop.database_name()]).success();
    shop.run(&["migrate", "baseline", "--to", last, "-y"]).exits_with(9).says("audit_seals");
}

#[test]
fn a_named_scratch_database_must_be_empty_and_is_left_empty() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        let scratch = Shop::empty(shop.backend).expect("the same backend");
        shop.run(&["migrate", "verify", "--scratch-url", &scratch.url]).success();
        scratch.run(&["migrate", "status", "--check"]).exits_with(9);
        shop.run(&["migrate", "verify", "--scratch-url", &scratch.url]).success();
        shop.run(&["migrate", "verify", "--scratch-url", &shop.url]).exits_with(11).says("is not empty");
        shop.run(&["migrate", "verify", "--scratch-url", "sqlite:x.db"]).exits_with(2);
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

/// The scratch databases that this process has left.
pub fn scratch_databases(shop: &Shop, process: u32) -> Vec<String> {
    let (name, databases) = match shop.backend {
        Backend::Postgres => ("datname::text", "pg_database WHERE datname"),
        _ => ("CAST(schema_name AS CHAR)", "information_schema.schemata WHERE schema_name"),
    };
    shop.column(&format!("SELECT {name} FROM {databases} LIKE 'shopctl_scratch_{process}_%'"))
}

#[test]
fn scratch_databases_are_dropped_afterwards() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        // With drift, so that the command fails.
        shop.sql("ALTER TABLE users ADD CONSTRAINT ck_more CHECK (first_name <> 'x')");
        let arguments = ["migrate", "verify"];
        for milliseconds in (0..200).step_by(10).map(Some).chain([None]) {
            let child = shop.start(&arguments);
            let process = child.id();
            if let Some(milliseconds) = milliseconds {
                std::thread::sleep(std::time::Duration::from_millis(milliseconds));
                let kill = ["-INT", &process.to_string()];
                assert!(std::process::Command::new("kill").args(kill).status().expect("runs").success());
            }
            let run = finish(child, &arguments);
            let expected: &[i32] = if milliseconds.is_some() { &[130, 9, -1] } else { &[9] };
            assert!(expected.contains(&run.code), "{run}");
            assert_eq!(scratch_databases(&shop, process), [""; 0], "{run}");
        }
    }
}

/// Less than the run on the scratch database takes.
#[test]
fn verify_survives_a_server_that_ends_idle_sessions_early() {
    if let Some(shop) = Shop::migrated(Backend::Postgres) {
        // PostgreSQL 13 has no such limit.
        if shop.number("SELECT COUNT(*) FROM pg_settings WHERE name = 'idle_session_timeout'") == 1 {
            shop.sql(&format!("ALTER DATABASE {} SET idle_session_timeout = '100ms'", shop.database_name()));
            shop.run(&["migrate", "verify"]).success();
        }
    }
    if let Some(server) = servers::own_mariadb("idle-sessions") {
        let shop = Shop::at(Backend::MariaDb, server.admin_url.clone());
        shop.sql("CREATE DATABASE shop");
        let shop = shop.with_url(server.admin_url.replace("/mysql", "/shop"));
        shop.run(&["migrate", "up"]).success();
        shop.sql("SET GLOBAL wait_timeout = 1");
        shop.run(&["migrate", "verify"]).success();
    }
}

/// As Django alters a table: a new one with the columns that it knows.
#[test]
fn a_table_made_again_without_columns_of_the_shop_is_named_with_what_works() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("MUG", "12.50", 9);
    shop.product("PEN", "2.50", 9);
    shop.sql(
        "PRAGMA foreign_keys = OFF; CREATE TABLE made_new (\"id\" char(36) NOT NULL PRIMARY KEY, \"name\" varchar(255) NOT NULL, \
         \"description\" text NULL, \"price\" decimal NOT NULL, \"created_at\" datetime NOT NULL, \"updated_at\" datetime NOT NULL); \
         INSERT INTO made_new SELECT id, name, description, price, created_at, updated_at FROM products; \
         DROP TABLE products; ALTER TABLE made_new RENAME TO products",
    );
    for arguments in [&["product", "list"][..], &["stock", "list"], &["product", "show", "MUG"]] {
        let run = shop.run(arguments).exits_with(4).says("shopctl migrate verify");
        assert!(!run.stderr.contains("migrate up"), "it would find nothing to apply: {run}");
    }
    let run = shop.run(&["migrate", "verify", "--json"]).exits_with(9);
    assert!(!run.stdout.contains("rows that do not fit"), "there are none: {run}");
    let people = shop.run(&["migrate", "verify"]).exits_with(9);
    assert!(!people.stderr.contains("do not fit"), "{people}");
    let items = run.json()["items"].as_array().expect("a list").clone();
    let repair = items.iter().find_map(|item| item["repair"].as_str()).expect("a repair");
    shop.sql(repair);
    shop.run(&["migrate", "verify"]).success();
    assert_eq!(shop.run(&["product", "list", "-o", "id"]).success().stdout.lines().count(), 2);
}

#[test]
fn scratch_databases_that_killed_runs_left_are_dropped_by_a_later_one() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        let process = std::process::id();
        let seconds = SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
        let name = |age: u64, number: u32| format!("shopctl_scratch_{process}_{:08x}{number:08x}", seconds - age);
        // One that another process may be about to use, one that is used, and one of somebody else.
        let (new, used, other) = (name(60, 1), name(3600, 2), format!("shopctl_scratch_{process}_mine"));
        [&new, &used, &other].iter().for_each(|name| shop.sql(&format!("CREATE DATABASE {name}")));
        let (server, _) = shop.url.rsplit_once('/').expect("a URL");
        let connection = block_on(shop.with_url(format!("{server}/{used}")).connect());
        // The run of another test may come first.
        let is_told = (0..5).any(|_| {
            shop.sql(&format!("CREATE DATABASE {}", name(3600, 3)));
            let run = shop.run(&["migrate", "verify"]).success();
            let mut left = scratch_databases(&shop, process);
            left.sort_unstable();
            let mut kept = [&new, &used, &other];
            kept.sort_unstable();
            assert_eq!(left.iter().collect::<Vec<_>>(), kept, "{run}");
            run.stderr.contains(&format!("removed the scratch database {} of a run that was killed", name(3600, 3)))
        });
        assert!(is_told, "{:?}", shop.backend);
        block_on(connection.close()).expect("closes");
        [&new, &used, &other].iter().for_each(|name| shop.sql(&format!("DROP DATABASE IF EXISTS {name}")));
    }
}
