//! Guards against destroying the wrong database.

use crate::on_every_backend;
use crate::support::roles::login_with;
use crate::support::{Backend, Shop};

on_every_backend!(
    development_accepts_yes_and_other_environments_require_the_name,
    invalid_removals_are_rejected_before_any_prompt,
    fresh_removes_objects_made_by_no_migration,
    seeds_do_not_mark_another_programs_database_as_development,
    yes_lists_what_is_removed_before_removing_it,
    a_protected_context_requires_the_name_in_every_environment,
    a_read_only_role_can_run_status,
    hints_of_the_command_line_work
);

const SEED_ROWS: &str = "m20260101_000010_create_seed_rows";

fn development_accepts_yes_and_other_environments_require_the_name(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let name = shop.database_name();
    for course in ["reset", "refresh", "fresh"] {
        shop.run(&["migrate", course]).exits_with(11).says("--yes").says("products ");
        shop.run(&["migrate", course, "--confirm", "another"]).exits_with(11).says("--confirm gives another");
    }
    let (count, newest) =
        (migration::MIGRATIONS.len() - 1, migration::MIGRATIONS[migration::MIGRATIONS.len() - 1].name);
    for course in ["down", "redo"] {
        let run = shop.run(&["migrate", course, "--to", SEED_ROWS]).exits_with(11).says("--yes");
        let run = run.says("m20260101_000011_create_audit_seals").says("this reverts ").says("1 table, which is empty");
        assert!(!run.stderr.replace(newest, "").contains("products"), "only what goes is told: {run}");
    }
    let run = shop.run(&["migrate", "down", "--to", "m20260101_000001_create_users"]).exits_with(11);
    let what = format!("this reverts {count} migrations, from {newest} down to m20260101_000002_create_products");
    run.says(&what).says("products ");
    shop.run(&["migrate", "redo", "-y"]).success();
    shop.run(&["migrate", "env", "production"]).success();
    for course in ["down", "redo", "reset", "refresh", "fresh"] {
        shop.run(&["migrate", course, "--yes"])
            .exits_with(11)
            .says(&format!("--confirm {name}"))
            .says("for production");
    }
    shop.run(&["migrate", "env", "development"]).exits_with(11).says(&format!("--confirm {name}"));
    assert_ne!(shop.number("SELECT COUNT(*) FROM products"), 0);
    shop.run(&["migrate", "refresh", "--confirm", &name]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "production", "it stays what it is for");
    shop.run(&["migrate", "env", "development", "--confirm", &name]).success();
    shop.run(&["migrate", "reset", "-y"]).success();
    shop.run(&["migrate", "reset", "-y"]).success().says("nothing to revert");
    shop.run(&["migrate", "env", "two words"]).exits_with(7);
}

fn invalid_removals_are_rejected_before_any_prompt(shop: &Shop) {
    shop.run(&["migrate", "down", "-y", "--to", "m20260101_000009_create_seeds"]).success();
    for course in ["down", "redo"] {
        let run = shop.run(&["migrate", course, "--to", SEED_ROWS]).exits_with(6).says("is not applied");
        assert!(!run.stderr.contains("this reverts "), "{run}");
        shop.run(&["migrate", course, "--to", "m2025_of_nobody"]).exits_with(3);
        shop.run(&["migrate", course, "--to", "m20260101_000009_create_seeds"]).success().says("nothing to revert");
    }
    applied_by_a_newer_shopctl(shop, "m2999_of_tomorrow");
    for course in ["down", "reset", "refresh"] {
        let run = shop.run(&["migrate", course]).exits_with(6).says("does not have it");
        assert!(!run.stderr.contains("this reverts "), "{run}");
    }
}

/// As the history says once a shopctl with more migrations was here.
fn applied_by_a_newer_shopctl(shop: &Shop, name: &str) {
    shop.sql(&format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{name}', 1)"));
    shop.sql(&format!(
        "INSERT INTO shopctl_migration_runs (sequence, name, direction, state, statements_done, statements_total, \
         runner, version) VALUES (99, '{name}', 'up', 'done', 1, 1, 'someone', '9.9.9')"
    ));
}

/// All copies that were made beside the file of a shop.
pub fn copies(shop: &Shop) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(shop.home.path()).expect("the test's own folder");
    let paths = files.flatten().map(|entry| entry.path());
    let mut copies: Vec<_> = paths.filter(|path| path.to_string_lossy().contains(".before-")).collect();
    copies.sort();
    copies
}

#[test]
fn a_database_file_is_backed_up_before_rows_are_dropped() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["seed", "up"]).success();
    for arguments in [
        vec!["migrate", "down", "--steps", "99", "--yes"],
        vec!["migrate", "redo", "--yes"],
        vec!["migrate", "refresh", "--yes"],
        vec!["migrate", "fresh", "--yes"],
        vec!["migrate", "reset", "--yes"],
        vec!["seed", "down", "demo", "--confirm", "demo"],
    ] {
        shop.run(&["migrate", "fresh", "--yes"]).success();
        shop.run(&["seed", "up"]).success();
        copies(&shop).iter().for_each(|copy| std::fs::remove_file(copy).expect("our own file"));
        let products = shop.number("SELECT COUNT(*) FROM products");
        let run = shop.run(&arguments).success();
        let made = copies(&shop);
        let [copy] = made.as_slice() else { panic!("one copy: {made:?}") };
        let run = run.says(&format!("to {}", copy.display()));
        let before = shop.with_url(format!("sqlite:{}", copy.display()));
        assert_eq!(before.number("SELECT COUNT(*) FROM products"), products, "{run}");
    }
}

#[test]
fn a_failed_backup_stops_the_command() {
    let home = Shop::empty(Backend::Sqlite).expect("always there");
    // The file name is valid, but too long with the suffix of the copy.
    let shop = home.with_url(format!("sqlite:{}", home.path(&"n".repeat(240)).display()));
    shop.run(&["migrate", "up"]).success();
    shop.run(&["seed", "up"]).success();
    let before = shop.everything();
    for course in ["down", "reset", "fresh"] {
        shop.run(&["migrate", course, "--yes"]).exits_with(4).says("cannot create");
        assert!(shop.everything() == before, "{course}");
    }
}

#[test]
fn a_misspelled_environment_asks_for_confirmation() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    let name = shop.database_name();
    for (typed, meant) in [("devlopment", "development"), ("dev", "development"), ("prodcution", "production")] {
        let refused = shop.run(&["migrate", "env", typed]).exits_with(11).says(&format!("did you mean {meant}?"));
        let refused = refused.says(&format!("shopctl migrate env {meant}")).says(&format!("--confirm {name}"));
        assert!(refused.stderr.contains("this marks"), "{refused}");
        assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "");
    }
    shop.run(&["migrate", "env", "dev", "--confirm", &name]).success();
    shop.run(&["migrate", "env", "production"]).exits_with(11).says("now for dev, as a database for production");
    // Any other word is a custom environment.
    shop.run(&["migrate", "env", "loadtest", "--confirm", &name]).success();
}

#[test]
fn a_database_is_for_development_only_when_declared() {
    for shop in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::empty) {
        let name = shop.database_name();
        shop.run(&["migrate", "up"]).success();
        assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "", "an address says nothing");
        shop.product("MUG-01", "12.50", 3);
        for arguments in [vec!["seed", "up"], vec!["seed", "generate", "-y"], vec!["seed", "down", "demo"]] {
            shop.run(&arguments).exits_with(11).says("no environment is set").says("shopctl migrate env development");
        }
        if shop.backend != Backend::Sqlite {
            for course in ["down", "redo", "reset", "refresh", "fresh"] {
                let run = shop.run(&["migrate", course, "--yes"]).exits_with(11);
                run.says("no environment is set").says(&format!("--confirm {name}"));
            }
        }
        assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1);
        shop.run(&["migrate", "fresh", "--confirm", &name]).success();
        shop.run(&["seed", "up"]).success().says("it is now for development");
        assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "development");
        shop.run(&["migrate", "fresh", "--yes"]).success();
    }
}

#[test]
fn a_generated_shop_in_a_new_database_is_for_development() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["seed", "generate", "--users", "3", "--products", "3", "--orders", "3", "-y"]).success();
    assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "development");
}

/// Another program's tables are no development database, however empty the shop beside them is.
fn seeds_do_not_mark_another_programs_database_as_development(shop: &Shop) {
    shop.run(&["migrate", "reset", "--yes"]).success();
    shop.sql("DELETE FROM shopctl_settings WHERE name = 'environment'");
    shop.sql("CREATE TABLE invoices (id int)");
    shop.sql("INSERT INTO invoices VALUES (1)");
    let quickstart = ["quickstart", "--database-url", &shop.url];
    shop.run(&quickstart).exits_with(11).says("table invoices").says("--database-url");
    shop.run(&["migrate", "up"]).success();
    shop.run(&quickstart).exits_with(11).says("table invoices");
    for arguments in [vec!["seed", "up"], vec!["seed", "generate", "-y"]] {
        let run = shop.run(&arguments).exits_with(11).says("no environment is set").says("table invoices");
        run.says("shopctl migrate env development");
    }
    assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    shop.run(&["migrate", "env", "development"]).success();
    shop.run(&["seed", "up"]).success();
    if shop.backend != Backend::Sqlite {
        shop.run(&["migrate", "fresh", "--yes"]).exits_with(11).says("table invoices");
        shop.run(&["migrate", "refresh", "--yes"]).success();
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM invoices"), 1);
}

fn yes_lists_what_is_removed_before_removing_it(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let products = format!("products {} rows", shop.number("SELECT COUNT(*) FROM products"));
    for course in ["down", "redo"] {
        let run = shop.run(&["migrate", course, "--yes", "--to", SEED_ROWS]).success();
        run.says("m20260101_000011_create_audit_seals").says("this reverts ").says("1 table, which is empty");
        shop.run(&["migrate", "up"]).success();
    }
    let all = migration::MIGRATIONS.len();
    for (course, what) in [
        ("refresh", format!("this reverts {all} migrations and applies all migrations")),
        ("reset", format!("this reverts {all} migrations")),
        ("fresh", "this drops every table, view, sequence and type".to_owned()),
    ] {
        shop.run(&["migrate", "up"]).success();
        shop.run(&["seed", "up"]).success();
        let run = shop.run(&["migrate", course, "--yes"]).success().says(&what).says(&products);
        let place = |text: &str| run.stderr.find(text).unwrap_or(usize::MAX);
        assert!(place(&what) < place("changed "), "first what goes: {run}");
        assert!(!run.stderr.contains("did not create"), "{run}");
    }
}

#[test]
fn an_unanswered_prompt_changes_nothing() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["seed", "generate"]).exits_with(11).says("--yes");
    assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "");
}

#[test]
fn a_foreign_database_without_rows_is_backed_up() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.sql("CREATE TABLE invoices (id int)");
    shop.run(&["migrate", "fresh", "--yes"]).success().says("table invoices").says("copied ");
    let made = copies(&shop);
    let [copy] = made.as_slice() else { panic!("one copy: {made:?}") };
    let before = shop.with_url(format!("sqlite:{}", copy.display()));
    assert_eq!(before.number("SELECT COUNT(*) FROM invoices"), 0);
}

#[test]
fn a_production_file_is_not_confirmed_by_yes() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "env", "production"]).success();
    shop.run(&["migrate", "fresh", "--yes"]).exits_with(11).says("for production").says("--confirm ");
}

#[test]
fn a_seed_that_cannot_be_undone_leaves_no_backup() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    for verb in ["down", "redo"] {
        shop.run(&["seed", verb, "demo", "--confirm", "demo"]).exits_with(6).says("is not applied");
        let run = shop.run(&["seed", verb, "demo"]).exits_with(6);
        assert!(!run.stderr.contains("this deletes"), "nobody is asked: {run}");
    }
    let seed = "description = \"for tests\"\nenvironments = [\"test\"]\n\
                [[product]]\nsku = \"CUP\"\nname = \"Cup\"\nprice = \"1.00\"\n";
    shop.file("my/1_tests.toml", seed);
    shop.run(&["seed", "up", "--dir", "my", "--env", "test"]).success();
    shop.run(&["seed", "redo", "tests", "--dir", "my", "--confirm", "tests"]).exits_with(11).says("is for test");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1, "what cannot be applied again stays");
    assert!(copies(&shop).is_empty(), "{:?}", copies(&shop));
}

fn fresh_removes_objects_made_by_no_migration(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    shop.sql("CREATE TABLE of_others (id int)");
    shop.sql("CREATE VIEW seen AS SELECT * FROM products");
    if shop.backend == Backend::Postgres {
        shop.sql("CREATE TYPE mood AS ENUM ('fine')");
        shop.sql("CREATE SEQUENCE numbers");
    }
    shop.run(&["migrate", "verify"]).success().says("ignored, as other programs'").says("table of_others");
    let everything = shop.everything();
    let name = shop.database_name();
    let run = match shop.backend {
        Backend::Sqlite => shop.run(&["migrate", "fresh", "--yes"]).success(),
        Backend::Postgres | Backend::MariaDb => {
            let run = shop.run(&["migrate", "fresh", "--yes"]).exits_with(11).says(&format!("--confirm {name}"));
            run.says("for development").says("table of_others").says("view seen");
            assert!(shop.everything() == everything, "nothing is removed without the name");
            assert_eq!(shop.number("SELECT COUNT(*) FROM of_others"), 0, "it is still there");
            shop.run(&["migrate", "fresh", "--confirm", &name]).success()
        }
    };
    assert_eq!(run.stdout.lines().count(), migration::MIGRATIONS.len(), "{run}");
    let run = run.says("it also drops objects of other programs: ").says("table of_others").says("view seen");
    assert!(!run.stderr.contains("table products"), "what shopctl made is not another's: {run}");
    shop.run(&["migrate", "verify"]).success();
    shop.run(&["migrate", "status", "--check"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    let copies = copies(shop);
    if shop.backend != Backend::Sqlite {
        assert!(copies.is_empty(), "{copies:?}");
        return;
    }
    let [copy] = copies.as_slice() else { panic!("one copy: {copies:?}") };
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(copy.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let before = shop.with_url(format!("sqlite:{}", copy.display()));
    assert_ne!(before.number("SELECT COUNT(*) FROM products"), 0);
    assert!(run.stderr.contains(&copy.display().to_string()), "{run}");
}

fn a_protected_context_requires_the_name_in_every_environment(shop: &Shop) {
    let url = &shop.url;
    let text = format!(
        "[context.live]\ndatabase_url = '{url}'\nprotected = true\n[context.look]\ndatabase_url = '{url}'\nread_only = true\n"
    );
    shop.file("shopctl.toml", &text);
    let run = |arguments: &[&str]| {
        let mut command = shop.command(arguments);
        command.env_remove("DATABASE_URL");
        crate::support::shop::finish(command.spawn().expect("the binary was built"), arguments)
    };
    run(&["migrate", "down", "--yes", "-c", "live"]).exits_with(11).says("a protected context");
    run(&["migrate", "status", "--check", "-c", "live"]).success();
    for command in [["up", "-n"], ["fresh", "-y"], ["down", "-y"], ["env", "test"]] {
        let [verb, flag] = command;
        let expected = if verb == "up" { "read-only" } else { "the context look is read-only" };
        run(&["migrate", verb, flag, "-c", "look"]).exits_with(11).says(expected);
    }
    for command in ["status", "plan", "history", "verify"] {
        run(&["migrate", command, "-c", "look"]).success();
    }
    run(&["migrate", "down", "--confirm", &shop.database_name(), "-c", "live"]).success();
    if shop.backend != Backend::MariaDb {
        run(&["migrate", "up", "-n", "-c", "live"]).exits_with(11).says("locks the tables");
        run(&["migrate", "up", "-n", "-c", "live", "--confirm", &shop.database_name()]).success();
    }
    run(&["migrate", "up", "-c", "live"]).success();
}

fn a_read_only_role_can_run_status(shop: &Shop) {
    let reader = match shop.backend {
        Backend::Sqlite => {
            let path = shop.path("shop.db");
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("our own file");
            shop.with_url(shop.url.clone())
        }
        Backend::Postgres | Backend::MariaDb => login_with(shop, "reader", "SELECT"),
    };
    let status = reader.run(&["migrate", "status", "--check", "--json"]).success().json();
    assert!(status["items"].as_array().expect("a list").iter().all(|item| item["state"] == "applied"));
    reader.run(&["migrate", "history"]).success();
    reader.run(&["migrate", "plan"]).success();
    if shop.backend != Backend::Sqlite {
        reader.run(&["migrate", "verify"]).exits_with(4).says("--scratch-url");
        reader.run(&["migrate", "down", "--confirm", &shop.database_name()]).exits_with(4);
    }
}

fn hints_of_the_command_line_work(shop: &Shop) {
    let last = "m20260101_000011_create_audit_seals";
    // Edited.
    shop.sql(&format!("UPDATE shopctl_migration_runs SET checksum = 'of another form' WHERE name = '{last}'"));
    shop.run(&["migrate", "status", "--check"]).exits_with(9).says("1 edited").says("resolve");
    shop.run(&["migrate", "up"]).exits_with(9).says(last);
    shop.run(&["doctor"]).exits_with(9);
    shop.run(&["migrate", "resolve", last, "--applied"]).exits_with(11).says("--yes");
    shop.run(&["migrate", "resolve", last, "--applied", "--yes"]).success();
    shop.run(&["migrate", "status", "--check"]).success();
    // Half applied: another program created its table.
    shop.run(&["migrate", "down", "--yes", "--to", SEED_ROWS]).success();
    shop.sql("CREATE TABLE audit_seals (x int)");
    shop.run(&["migrate", "up"]).exits_with(1).says("audit_seals").says("then shopctl migrate up");
    let failed = shop.run(&["migrate", "status", "--check"]).exits_with(9);
    assert!(failed.stdout.contains("failed") && failed.stderr.contains("--retry"), "{failed}");
    let run = shop.run(&["migrate", "history", "--json"]).success().json();
    assert_eq!((&run["items"][0]["state"], &run["items"][0]["direction"]), (&"failed".into(), &"up".into()));
    assert!(run["items"][0]["statement"].as_str().expect("text").contains("audit_seals"));
    shop.sql("DROP TABLE audit_seals");
    shop.run(&["migrate", "resolve", last, "--retry"]).success();
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "status", "--check"]).success();
    // Missing.
    applied_by_a_newer_shopctl(shop, "m2025_of_another_branch");
    shop.run(&["migrate", "status", "--check"]).exits_with(9).says("1 missing");
    shop.run(&["migrate", "resolve", "m2025_of_another_branch", "--reverted", "-y"]).success();
    shop.run(&["migrate", "status", "--check"]).success();
    shop.run(&["migrate", "resolve", "m2025_of_nobody", "--reverted", "-y"]).exits_with(3);
    shop.run(&["migrate", "resolve", last]).exits_with(2);
}

#[test]
fn the_lock_file_is_updated_only_for_new_and_blessed_migrations() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "bless"]).exits_with(4).says("migration/migrations.lock");
    let path = shop.file("migration/migrations.lock", "");
    assert_eq!(shop.run(&["migrate", "bless"]).success().stdout.lines().count(), migration::MIGRATIONS.len());
    let text = std::fs::read_to_string(&path).expect("written");
    let own = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/migration/migrations.lock"));
    assert_eq!(text, own.expect("in the project"));
    shop.run(&["migrate", "bless"]).success().says("is up to date");
    let name = "m20260101_000002_create_products";
    let first = text.find("sqlite = \"").expect("a checksum");
    std::fs::write(
        &path,
        text[..first].to_owned() + "sqlite = \"other\"\n" + text[first..].split_once('\n').expect("lines").1,
    )
    .expect("our own file");
    shop.run(&["migrate", "bless"]).exits_with(2).says("--reason");
    shop.run(&["migrate", "bless", name, "--reason", "of another"]).success().says("is up to date");
    let users = "m20260101_000001_create_users";
    shop.run(&["migrate", "bless", users, "--reason", "the same table in other words"]).success();
    let text = std::fs::read_to_string(&path).expect("written");
    assert!(text.contains("[[blessed]]") && text.contains("the same table in other words"), "{text}");
    std::fs::write(&path, "migration = 3").expect("our own file");
    shop.run(&["migrate", "bless"]).exits_with(4);
}

#[test]
fn wait_distinguishes_a_stopped_server_from_a_missing_database() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::empty) {
        shop.run(&["migrate", "wait"]).success().says("answers");
        let (server, _) = shop.url.rsplit_once('/').expect("a URL with a path");
        let missing = shop.with_url(format!("{server}/not_there_yet"));
        let run = missing.run(&["migrate", "wait", "--timeout", "500ms"]).exits_with(4);
        assert!(run.stderr.contains("no database not_there_yet"), "{run}");
        let arguments = ["migrate", "wait", "--timeout", "60s"];
        let waiting = missing.start(&arguments);
        shop.sql("CREATE DATABASE not_there_yet");
        crate::support::shop::finish(waiting, &arguments).success();
        shop.sql("DROP DATABASE not_there_yet");
        let port = crate::support::servers::free_port();
        let scheme = shop.url.split_once("://").expect("a scheme").0;
        let down = shop.with_url(format!("{scheme}://root@127.0.0.1:{port}/shop"));
        let run = down.run(&["migrate", "wait", "--timeout", "2s"]).exits_with(5);
        assert!(run.stderr.contains("waiting: cannot connect") && run.stderr.contains("connection refused"), "{run}");
    }
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "wait", "--timeout", "300ms"]).exits_with(4).says("no shop at");
}
