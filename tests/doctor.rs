//! `shopctl doctor`: a healthy shop passes, every broken rule is found and named.

mod server_role;
mod violations;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shopctl::domain::Clock;
use shopctl::service::doctor::{Migrations, Setup, State, examine};

use self::violations::Break;
use crate::on_every_backend;
use crate::support::proxy::Proxy;
use crate::support::roles::login_with;
use crate::support::shop::block_on;
use crate::support::terminal::{end, start_script};
use crate::support::{Backend, Run, Shop, servers};

on_every_backend!(
    a_seeded_shop_is_healthy,
    every_broken_rule_is_found_and_named,
    a_key_shared_by_two_operations_is_found_without_its_index,
    a_missing_column_fails_the_schema_check,
    pending_migrations_fail_the_check,
    rows_of_other_programs_are_reported_as_warnings,
    concurrent_writers_cause_no_false_findings,
);

/// Name, state and detail of each check.
fn checks(run: &Run) -> BTreeMap<String, (String, String)> {
    let json = run.json();
    let items = json["items"].as_array().unwrap_or_else(|| panic!("no list in {run}"));
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    items.iter().map(|item| (text(item, "name"), (text(item, "state"), text(item, "detail")))).collect()
}

fn doctor(shop: &Shop) -> Run {
    shop.run(&["doctor", "--deep", "--json"])
}

#[test]
fn what_is_wrong_is_printed_in_full() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "down", "--steps", "1", "--yes"]).success();
    std::fs::set_permissions(shop.path("shop.db"), std::fs::Permissions::from_mode(0o644)).expect("ours");
    let items = shop.run(&["doctor", "--json"]).json()["items"].clone();
    let is_wrong = |check: &&Value| check["state"] == "warning" || check["state"] == "failed";
    let wrong: Vec<&Value> = items.as_array().expect("a list").iter().filter(is_wrong).collect();
    assert!(wrong.len() > 1, "{items}");
    for width in [80, 120] {
        let session = start_script(&shop, &format!("stty rows 50 cols {width}; shopctl doctor"));
        let (_, shown) = end(session);
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        for check in &wrong {
            for field in ["name", "detail", "hint"] {
                let text = check[field].as_str().expect("a text");
                assert!(letters(&shown).contains(&letters(text)), "{text} is not in {shown}");
            }
        }
        assert!(!shown.contains('…'), "{shown}");
    }
    assert!(!shop.run(&["doctor", "-o", "csv"]).stdout.contains("hint: "));
}

#[track_caller]
fn assert_healthy(shop: &Shop) {
    let run = doctor(shop).success();
    let odd: Vec<_> = checks(&run).into_iter().filter(|(_, (state, _))| state != "ok").collect();
    assert!(odd.is_empty(), "{odd:?} on {:?}", shop.backend);
}

fn a_seeded_shop_is_healthy(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    assert_healthy(shop);
    let quick = shop.run(&["doctor", "--json"]).success();
    let names: Vec<_> =
        quick.json()["items"].as_array().expect("a list").iter().map(|item| item["name"].clone()).collect();
    assert_eq!(
        names,
        [
            "configuration",
            "connection",
            "tls",
            "server-role",
            "access",
            "migrations",
            "schema",
            "settings",
            "pooler",
            "clock",
            "environment"
        ]
    );
    let first = &quick.json()["items"][1];
    assert!(first["hint"].is_null() && first["detail"].as_str().is_some_and(|text| text.ends_with("ms a round trip")));
    for format in ["table", "tsv", "csv", "jsonl", "id"] {
        let run = shop.run(&["doctor", "--deep", "-o", format]).success();
        assert!(run.stdout.contains("stock-equals-movements"), "{run}");
    }
    shop.run(&["doctor", "--fields", "nope"]).exits_with(2);
    // Deleted orders have restocked everything.
    shop.run(&["seed", "down", "demo", "--confirm", "demo"]).success();
    assert_healthy(shop);
}

fn every_broken_rule_is_found_and_named(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    shop.product("EXTRA", "1", 0);
    if shop.backend == Backend::Postgres {
        shop.sql(
            "ALTER TABLE products DROP CONSTRAINT ck_products_stock_quantity; \
             ALTER TABLE orders DROP CONSTRAINT ck_orders_status; ALTER TABLE users DROP CONSTRAINT ck_users_status",
        );
    }
    let unbound = violations::unbound(shop.backend);
    for Break { check, statement, healing, state, offender } in violations::of(shop.backend) {
        shop.sql(&format!("{unbound}{statement}"));
        let run = doctor(shop);
        let found = checks(&run);
        let (seen, detail) = &found[check];
        assert_eq!((seen.as_str(), detail.contains(offender)), (state, true), "{check} after {statement}: {run}");
        let has_failed = found.values().any(|(state, _)| state == "failed");
        assert_eq!(run.code, if has_failed { 9 } else { 0 }, "{run}");
        assert_eq!(run.stderr.contains("doctor.failed"), has_failed, "{run}");
        assert!(state == "warning" || run.stderr.contains(check), "the error names the check: {run}");
        shop.sql(&format!("{unbound}{healing}"));
    }
    assert_healthy(shop);
}

fn a_key_shared_by_two_operations_is_found_without_its_index(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "1", 10);
    for key in ["k-1", "k-2"] {
        shop.run(&["order", "create", "--user", &user, "--item", "MUG", "--idempotency-key", key]).success();
    }
    shop.sql(match shop.backend {
        Backend::Sqlite => {
            "CREATE TABLE copy AS SELECT * FROM audit_events; DROP TABLE audit_events; ALTER TABLE copy RENAME TO audit_events"
        }
        Backend::Postgres => "ALTER TABLE audit_events DROP CONSTRAINT uq_audit_events_idempotency_key",
        Backend::MariaDb => "ALTER TABLE audit_events DROP INDEX uq_audit_events_idempotency_key",
    });
    let found = checks(&doctor(shop).exits_with(9));
    assert!(found["schema"].1.contains("unique index uq_audit_events_idempotency_key"), "{found:?}");
    assert_eq!(found["key-has-one-operation"].0, "ok");
    shop.sql("UPDATE audit_events SET idempotency_key = 'k-1' WHERE idempotency_key = 'k-2'");
    let found = checks(&doctor(shop).exits_with(9));
    assert!(found["key-has-one-operation"].1.ends_with(": 1 (k-1)"), "{found:?}");
}

fn a_missing_column_fails_the_schema_check(shop: &Shop) {
    shop.sql("ALTER TABLE stock_movements RENAME COLUMN note TO remark");
    let quick = checks(&shop.run(&["doctor", "--json"]).exits_with(9));
    let found = checks(&doctor(shop).exits_with(9));
    assert_eq!(quick["schema"], found["schema"]);
    assert_eq!(found["schema"], ("failed".to_owned(), "missing: column stock_movements.note".to_owned()));
    assert_eq!(found["stock-equals-movements"].0, "skipped");
    assert_eq!(found["migrations"].0, "ok");
}

fn pending_migrations_fail_the_check(shop: &Shop) {
    let name = match shop.backend {
        Backend::Sqlite => "shop",
        _ => shop.url.rsplit('/').next().expect("a name"),
    };
    shop.run(&["migrate", "down", "--confirm", name]).success();
    let run = shop.run(&["doctor", "--json"]).exits_with(9).says("2 of 11 checks failed: migrations, schema");
    let migrations = run.json()["items"][5].clone();
    assert_eq!((&migrations["state"], &migrations["hint"]), (&"failed".into(), &"shopctl migrate up".into()), "{run}");
    assert!(migrations["detail"].as_str().is_some_and(|detail| detail.starts_with("1 pending (first m2026")), "{run}");
}

fn rows_of_other_programs_are_reported_as_warnings(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    shop.sql("INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('$(id)@Example.com', 'x', 'Old', 'Hand')");
    let rows: Vec<String> = (0..7).map(|number| format!("('Old {number}', 'OLD-{number}', 12, 0)")).collect();
    shop.sql(&format!("INSERT INTO products (name, sku, price, stock_quantity) VALUES {}", rows.join(", ")));
    let run = doctor(shop).success();
    let found = checks(&run);
    assert_eq!(found["user-has-event"].1, "users created by another program: 1 ($(id)@Example.com)");
    let products = "products created by another program: 7 (OLD-0, OLD-1, OLD-2, OLD-3, OLD-4 and 2 more)";
    assert_eq!(found["product-has-event"], ("warning".to_owned(), products.to_owned()));
    assert!(run.stdout.contains("shopctl adopt"), "{run}");
    assert!(!run.stdout.contains("shopctl user show $(id)"), "a hint must not run in a shell: {run}");
}

#[test]
fn an_absent_server_fails_the_connection_check() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let port = servers::free_port();
    let shop = shop.with_url(format!("postgres://ann:s3cret@127.0.0.1:{port}/shop"));
    let run = doctor(&shop).exits_with(5).says("connection refused");
    let found = checks(&run);
    assert_eq!(found["configuration"].0, "ok");
    assert_eq!(found["connection"].0, "failed");
    assert!(found["connection"].1.contains("connection refused"), "{run}");
    let others = found.iter().filter(|(name, _)| !["configuration", "connection"].contains(&name.as_str()));
    assert!(found.len() > 20 && others.into_iter().all(|(_, (state, _))| state == "skipped"), "{run}");
    assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"), "{run}");
}

#[test]
fn a_database_without_a_schema_is_reported_with_a_hint() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        if backend == Backend::Sqlite {
            shop.run(&["doctor"]).exits_with(4).says("no shop at");
            assert!(!shop.path("shop.db").exists(), "a file was made");
            shop.file("shop.db", "");
        }
        let run = doctor(&shop).exits_with(9);
        let found = checks(&run);
        assert!(found["migrations"].1.starts_with(&format!("{} pending", migration::MIGRATIONS.len())), "{run}");
        assert_eq!(found["schema"].1, "missing: all tables");
        assert_eq!(found["order-has-lines"].0, "skipped");
    }
}

#[test]
fn a_read_only_role_can_run_every_check() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    shop.run(&["seed", "up"]).success();
    let reader = login_with(&shop, "doctor", "SELECT");
    let found = checks(&doctor(&reader).success());
    let noticed: Vec<_> = found.iter().filter(|(_, (state, _))| state != "ok").collect();
    // It can read password hashes.
    let access = ("warning".to_owned(), "not one of the three: like a reader, with SELECT on users".to_owned());
    assert_eq!(noticed, [(&"access".to_owned(), &access)]);
    // Missing rights affect only that check.
    shop.sql(&format!("REVOKE SELECT ON order_items FROM doctor_of_{}", shop.database_name()));
    let found = checks(&doctor(&reader).exits_with(9));
    assert!(found["total-equals-lines"].1.contains("permission denied"), "{found:?}");
    assert_eq!((found["stock-equals-movements"].0.as_str(), found["order-has-user"].0.as_str()), ("ok", "ok"));
}

#[test]
fn secret_files_readable_by_others_cause_a_warning() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("ours");
    };
    open(&shop.path("shop.db"));
    open(&shop.file("shopctl.toml", "[context.live]\ndatabase_url = \"postgres://ann:s3cret@db.example.com/shop\"\n"));
    let run = shop.run(&["doctor", "--json"]).success();
    let check = run.json()["items"][0].clone();
    assert_eq!(check["state"], "warning", "{run}");
    let hint = check["hint"].as_str().expect("a command");
    assert!(hint.starts_with("chmod 600 ") && hint.contains("shop.db") && hint.contains("shopctl.toml"), "{run}");
    assert!(!run.stdout.contains("s3cret"), "{run}");
}

#[test]
fn a_proxy_is_detected_by_its_port() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::migrated(backend) else { continue };
        assert_eq!(checks(&shop.run(&["doctor", "--json"]).success())["pooler"].1, "none detected");
        let (proxy, between) = Proxy::in_front_of(&shop);
        let found = checks(&between.run(&["doctor", "--json"]).success());
        let ports = format!("connected to port {}, but the server answers on port ", proxy.port);
        assert!(found["pooler"].1.contains(&ports), "{found:?}");
    }
}

fn concurrent_writers_cause_no_false_findings(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 1000);
    shop.product("JUG", "0.10", 1000);
    let order = ["order", "create", "--user", user.as_str(), "--item", "MUG:2", "--item", "JUG:3"];
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..3).map(|_| scope.spawn(|| (0..8).for_each(|_| drop(shop.run(&order).success())))).collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            assert_healthy(shop);
        }
    });
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 24);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a clock that goes wrong is made from one that is right")]
fn clock_skew_is_reported_with_its_amount() {
    let setup = Setup {
        database: "shop".to_owned(),
        origin: "test".to_owned(),
        exposed_files: Vec::new(),
        context: None,
        is_protected: false,
        is_read_only: false,
    };
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::migrated(backend) else { continue };
        type Wrong = (fn() -> DateTime<Utc>, State, &'static str);
        let clocks: [Wrong; 3] = [
            (Utc::now, State::Ok, "the server's is "),
            (|| Utc::now() + TimeDelta::seconds(5), State::Warning, "s behind"),
            (|| Utc::now() - TimeDelta::seconds(90), State::Failed, "s ahead"),
        ];
        for (now, state, detail) in clocks {
            let mut checks = Vec::new();
            block_on(async {
                let database = crate::support::library::database(&shop).await;
                let migrated = Ok(Migrations::default());
                examine(&database, Clock(now), &setup, migrated, Ok(None), &mut checks).await.expect("reached");
                database.close().await;
            });
            let clock = checks.iter().find(|check| check.name == "clock").expect("checked");
            assert!(clock.state == state && clock.detail.contains(detail), "{clock:?}");
        }
    }
}
