//! States that need manual action: each is named, and each printed hint is executed here.

use std::time::Duration;

use crate::on_every_backend;
use crate::support::proxy::{AtCommit, Proxy};
use crate::support::roles::{create, login};
use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop, servers};

on_every_backend!(
    a_missing_column_is_named_and_can_be_added_again,
    a_renamed_column_is_renamed_back_with_its_values,
    a_missing_table_is_named_and_recreated
);

/// What `verify` prints for each difference.
fn repairs(shop: &Shop) -> Vec<String> {
    let run = shop.run(&["migrate", "verify", "--json"]).exits_with(9);
    let items = run.json()["items"].as_array().expect("a list").clone();
    items.iter().map(|item| item["repair"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned()).collect()
}

/// The hints of a run that begin with this, without it.
pub fn hints(run: &Run, beginning: &str) -> Vec<String> {
    let lines = run.stderr.lines().filter_map(|line| line.strip_prefix("hint: "));
    lines.filter_map(|line| line.trim_start_matches("or ").strip_prefix(beginning)).map(str::to_owned).collect()
}

fn is_reported_everywhere(shop: &Shop, what: &str) {
    shop.run(&["migrate", "up"]).exits_with(9).says(what).says("shopctl migrate verify");
    let doctor = shop.run(&["doctor", "--json"]).exits_with(9);
    let checks = doctor.json()["items"].as_array().expect("a list").clone();
    let check = checks.iter().find(|check| check["name"] == "schema").unwrap_or_else(|| panic!("{doctor}"));
    assert_eq!(check["state"], "failed", "{doctor}");
    assert!(check["detail"].as_str().expect("text").contains(what), "{doctor}");
    assert!(check["hint"].as_str().expect("text").contains("shopctl migrate verify"), "{doctor}");
}

fn a_missing_column_is_named_and_can_be_added_again(shop: &Shop) {
    shop.user("ann");
    shop.user("ben");
    shop.sql("ALTER TABLE users DROP COLUMN last_name");
    shop.run(&["user", "list"]).exits_with(4).says("last_name").says("shopctl migrate verify");
    is_reported_everywhere(shop, "column users.last_name");
    for repair in repairs(shop) {
        shop.sql(&repair);
    }
    shop.run(&["migrate", "verify"]).success();
    shop.run(&["migrate", "up"]).success().says("up to date");
    shop.run(&["doctor"]).success();
    assert_eq!(shop.run(&["user", "list", "-o", "id"]).success().stdout.lines().count(), 2);
}

fn a_renamed_column_is_renamed_back_with_its_values(shop: &Shop) {
    shop.user("ann");
    shop.run(&["user", "disable", "ann@example.com", "--yes"]).success();
    // With an index and a check constraint.
    shop.sql("ALTER TABLE users RENAME COLUMN status TO state");
    shop.run(&["user", "list"]).exits_with(4).says("shopctl migrate verify");
    is_reported_everywhere(shop, "column users.status");
    let repairs = repairs(shop);
    let [repair] = repairs.as_slice() else { panic!("one statement mends it: {repairs:?}") };
    shop.sql(repair);
    shop.run(&["migrate", "verify"]).success();
    shop.run(&["migrate", "up"]).success().says("up to date");
    assert_eq!(shop.column("SELECT status FROM users"), ["disabled"]);
}

fn a_missing_table_is_named_and_recreated(shop: &Shop) {
    shop.sql("DROP TABLE shopctl_seed_rows");
    is_reported_everywhere(shop, "table shopctl_seed_rows");
    shop.run(&["migrate", "verify"]).exits_with(9).says("otherwise its rows are lost");
    for repair in repairs(shop) {
        shop.sql(&repair);
    }
    shop.run(&["migrate", "verify"]).success();
    shop.run(&["migrate", "up"]).success().says("up to date");
    shop.run(&["doctor"]).success();
}

#[test]
fn a_search_path_without_a_schema_is_reported_with_a_hint() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let name = shop.database_name();
    shop.sql(&format!("ALTER DATABASE {name} SET search_path = \"$user\", nowhere"));
    shop.run(&["user", "list"]).exits_with(4).says("shopctl migrate up");
    let refused = || shop.run(&["migrate", "up"]).exits_with(4).says("nowhere").says("has no schema that");
    for command in ["status", "plan"] {
        shop.run(&["migrate", command]).exits_with(4).says("CREATE SCHEMA");
    }
    let doctor = shop.run(&["doctor"]).exits_with(9);
    assert!(doctor.stdout.contains("nowhere"), "{doctor}");
    let ways_out = hints(&refused(), "in psql: ");
    let [create, alter] = ways_out.as_slice() else { panic!("two ways out: {ways_out:?}") };
    shop.sql(create);
    shop.run(&["migrate", "up"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'nowhere' AND tablename = 'users'"), 1);
    shop.sql("DROP SCHEMA nowhere CASCADE");
    let _ = refused();
    shop.sql(alter);
    shop.run(&["migrate", "up"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'users'"), 1);
    shop.run(&["doctor"]).success();
}

#[test]
fn the_hints_for_a_search_path_in_odd_quotes_work_as_pasted() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let name = shop.database_name();
    for (path, is_list) in
        [(r#""a""b""#, true), ("'a, public'", true), (r#"'"$user"'"#, true), ("'$user'", false), ("Web, 'X y'", false)]
    {
        shop.sql(&format!("ALTER DATABASE {name} SET search_path = {path}"));
        let refused = || shop.run(&["migrate", "up"]).exits_with(4);
        let ways_out = hints(&refused(), "in psql: ");
        let [first, second] = ways_out.as_slice() else { panic!("two ways out: {ways_out:?}") };
        assert_eq!(first.starts_with("ALTER ROLE"), is_list, "{path}: {ways_out:?}");
        for way_out in [first, second] {
            let run = refused();
            shop.sql(way_out);
            shop.run(&["migrate", "up"]).success();
            shop.run(&["migrate", "reset", "--confirm", &name]).success();
            shop.sql(&format!("ALTER ROLE postgres IN DATABASE {name} RESET search_path"));
            if let Some(made) = way_out.strip_prefix("CREATE SCHEMA ") {
                let (schema, _) = made.split_once(" AUTHORIZATION ").unwrap_or_else(|| panic!("{run}"));
                shop.sql(&format!("DROP SCHEMA {schema} CASCADE"));
            }
        }
    }
}

#[test]
fn a_schema_without_usage_rights_is_reported_with_its_grant() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let name = shop.database_name();
    shop.sql("CREATE SCHEMA theirs");
    shop.sql(&format!("ALTER DATABASE {name} SET search_path = theirs"));
    let role = format!("stranger_of_{name}");
    create(&shop, &role);
    let stranger = login(&shop, &role);
    let refused = stranger.run(&["migrate", "up"]).exits_with(4).says("theirs");
    shop.sql(&hints(&refused, "in psql: ")[0]);
    stranger.run(&["migrate", "up"]).success();
}

/// A server cannot be made older, but it can be made to say so.
#[test]
fn a_server_that_is_too_old_is_refused_before_anything_is_written() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let name = shop.database_name();
    shop.sql("CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '12.22'::text $$");
    shop.sql(&format!("ALTER DATABASE {name} SET search_path = public, pg_catalog"));
    shop.run(&["migrate", "up"]).exits_with(4).says("PostgreSQL 12.22 is too old").says("13 or newer");
    assert_eq!(shop.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
}

#[test]
fn waiting_for_a_missing_file_ends_at_once() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let arguments = ["migrate", "wait"];
    let child = shop.command(&arguments).env("CI", "true").spawn().expect("the binary was built");
    let run = finish(child, &arguments).exits_with(4).says("no shop at").says("shopctl migrate up");
    assert!(run.duration < Duration::from_secs(20), "{:?}", run.duration);
    assert!(!shop.path("shop.db").exists());
}

#[test]
fn a_server_that_goes_silent_does_not_hang_up() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::empty) {
        let is_mysql = shop.backend == Backend::MariaDb;
        let server = if is_mysql { servers::mariadb() } else { servers::postgres() };
        let upstream = server.expect("the shop is there").port;
        let proxy = Proxy::start(upstream, is_mysql, AtCommit::BlackHole);
        let url = shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
        let silent = shop.with_url(format!("{url}?{}=disable", if is_mysql { "ssl-mode" } else { "sslmode" }));
        let run = silent.run(&["migrate", "up", "--timeout", "2s"]).exits_with(12);
        assert!(run.duration < Duration::from_secs(10), "{:?}: {run}", run.duration);
        run.says("in doubt: 1 (m20260101_000001_create_users)").says("shopctl migrate up --timeout 2s completes it");
        shop.run(&["migrate", "up"]).success();
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

on_every_backend!(the_hint_of_an_interrupted_run_completes_it);

/// A view in place of the first migration's table, which cannot be reverted then.
fn hold_users(shop: &Shop) {
    shop.sql("ALTER TABLE users RENAME TO kept");
    shop.sql("CREATE VIEW users AS SELECT * FROM kept");
}

fn release_users(shop: &Shop) {
    shop.sql("DROP VIEW users");
    shop.sql("ALTER TABLE kept RENAME TO users");
}

fn the_hint_of_an_interrupted_run_completes_it(shop: &Shop) {
    shop.run(&["migrate", "env", "development"]).success();
    let all = migration::MIGRATIONS.len();
    let (steps, newest) = (all.to_string(), migration::MIGRATIONS[all - 1].name);
    let redo = format!("redo --yes --lock-wait 7s --steps 1, then shopctl migrate up --lock-wait 7s --to {newest}");
    let is_whole = shop.backend == Backend::Sqlite;
    for (course, rest, applied) in [
        (&["reset"][..], "reset --yes --lock-wait 7s", 0),
        (&["refresh"], "refresh --yes --lock-wait 7s", all),
        (&["redo", "--steps", &steps], &redo, all),
        (&["down", "--steps", &steps], "down --yes --lock-wait 7s --steps 1", 0),
    ] {
        hold_users(shop);
        let failed = shop.run(&[&["migrate"], course, &["--yes", "--lock-wait", "7s"]].concat()).exits_with(1);
        let hints = hints(&failed, "it is still applied; fix the cause, then ");
        let rest = match is_whole {
            // Nothing was reverted.
            true => format!("{} --yes --lock-wait 7s", course.join(" ")),
            false => rest.to_owned(),
        };
        assert_eq!(hints, [format!("shopctl migrate {rest}")], "{failed}");
        release_users(shop);
        hints[0].split(", then ").for_each(|command| drop(shop.paste(command).success()));
        assert_eq!(shop.number("SELECT COUNT(*) FROM seaql_migrations"), applied as i64, "after {course:?}");
        shop.run(&["migrate", "up"]).success();
    }
}
