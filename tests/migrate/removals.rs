//! `fresh` that is rejected, delayed, interrupted or killed: nothing is removed unexpectedly, and only
//! a confirmed `fresh` resumes a started removal.

use std::cell::RefCell;
use std::process::Command;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use shopctl::error::{Invocation, Kind};
use shopctl::migrate::{Asked, Job, Plan, Progress, RunKind, run};

use crate::on_every_backend;
use crate::support::roles::login_with;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Shop, await_that};

/// How many statements of a removal the server works on.
fn removals_running(shop: &Shop) -> i64 {
    shop.number(match shop.backend {
        Backend::Postgres => {
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND state = 'active' AND query LIKE '%DROP TABLE%'"
        }
        _ => {
            "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> connection_id() \
             AND info LIKE '%DROP TABLE%'"
        }
    })
}

/// Keeps a table until it is dropped.
pub struct Holder {
    runtime: tokio::runtime::Runtime,
    connection: DatabaseConnection,
}

impl Holder {
    pub fn of(shop: &Shop, table: &str) -> Holder {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connection = runtime.block_on(async {
            let mut options = sea_orm::ConnectOptions::new(&shop.url);
            options.max_connections(1);
            let connection = sea_orm::Database::connect(options).await.expect("the test's own database answers");
            connection.execute_unprepared("BEGIN").await.expect("begins");
            connection.execute_unprepared(&format!("SELECT COUNT(*) FROM {table}")).await.expect("reads");
            connection
        });
        Holder { runtime, connection }
    }

    pub fn say(&self, sql: &str) {
        self.runtime.block_on(self.connection.execute_unprepared(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// A runner that was killed after it had removed one of the tables; only where DDL commits by itself.
#[test]
fn a_started_removal_is_reported_and_resumed_only_by_a_confirmed_fresh() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    shop.run(&["seed", "up"]).success();
    shop.sql("INSERT INTO shopctl_settings (name, value) VALUES ('removal', 'ann@build-7, process 4711')");
    shop.sql(
        "INSERT INTO shopctl_settings (name, value) SELECT CONCAT('removal.', table_name), table_name FROM \
         information_schema.tables WHERE table_schema = DATABASE() AND table_name NOT IN \
         ('seaql_migrations', 'shopctl_migration_runs', 'shopctl_settings', 'shopctl_leases')",
    );
    shop.sql("DROP TABLE audit_seals");
    let name = shop.database_name();
    let way_out = format!("shopctl migrate fresh --confirm {name}");
    let last = "m20260101_000011_create_audit_seals";
    for (arguments, code) in [
        (vec!["migrate", "status"], 9),
        (vec!["migrate", "status", "--check"], 9),
        (vec!["migrate", "verify"], 9),
        (vec!["migrate", "plan"], 6),
        (vec!["migrate", "up"], 6),
        (vec!["migrate", "down", "-y"], 6),
        (vec!["migrate", "redo", "-y"], 6),
        (vec!["migrate", "reset", "-y"], 6),
        (vec!["migrate", "refresh", "--confirm", &name], 6),
        (vec!["migrate", "resolve", last, "--reverted", "-y"], 6),
        (vec!["migrate", "resolve", last, "--retry"], 6),
    ] {
        let run = shop.run(&arguments).exits_with(code);
        let run = run.says("ann@build-7, process 4711").says("1 dropped (audit_seals)").says("10 left");
        run.says(&way_out);
    }
    let doctor = shop.run(&["doctor"]).exits_with(9);
    assert!(doctor.stdout.contains("migrate fresh was begun"), "{doctor}");
    shop.run(&["migrate", "env"]).exits_with(9).says(&way_out);
    shop.run(&["migrate", "env", "test"]).exits_with(6).says(&way_out);
    shop.run(&["migrate", "history"]).exits_with(9).says(&way_out);
    assert_ne!(shop.number("SELECT COUNT(*) FROM products"), 0, "nothing more was removed");
    shop.run(&["migrate", "fresh"]).exits_with(11).says("ann@build-7").says("10 left");
    let words: Vec<&str> = way_out.split(' ').skip(1).collect();
    shop.run(&words).success();
    shop.run(&["migrate", "status", "--check"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_settings WHERE name LIKE 'removal%'"), 0);
}

/// Killed when everything was gone but the history.
#[test]
fn commands_without_their_tables_report_the_started_removal_with_a_hint() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    shop.sql("INSERT INTO shopctl_settings (name, value) VALUES ('removal', 'ann@build-7, process 4711')");
    let tables = shop.column(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
         AND table_name <> 'seaql_migrations' AND table_name NOT LIKE 'shopctl\\_migration%' \
         AND table_name NOT IN ('shopctl_settings', 'shopctl_leases')",
    );
    assert_eq!(tables.len(), 11, "{tables:?}");
    for (number, table) in tables.iter().enumerate() {
        shop.sql(&format!("INSERT INTO shopctl_settings (name, value) VALUES ('removal.{number}', '{table}')"));
    }
    shop.sql(&format!("SET FOREIGN_KEY_CHECKS = 0; DROP TABLE {}", tables.join(", ")));
    let way_out = format!("shopctl migrate fresh --confirm {}", shop.database_name());
    for arguments in [
        &["order", "list"][..],
        &["order", "create", "--user", "ann@example.com", "--item", "MUG:1"],
        &["product", "create", "--name", "X", "--price", "1"],
        &["seed", "up"],
        &["seed", "status"],
        &["report", "sales"],
        &["user", "export"],
        &["audit", "verify"],
    ] {
        let run = shop.run(arguments).exits_with(4).says("ann@build-7").says("11 dropped").says(&way_out);
        assert!(!run.stderr.contains("migrate up"), "{run}");
    }
    let words: Vec<&str> = way_out.split(' ').skip(1).collect();
    shop.run(&words).success();
    shop.run(&["order", "list"]).success();
}

/// Everything is gone, and the first of the migrations is there again.
#[test]
fn fresh_interrupted_after_the_removal_reports_progress_and_a_hint() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        block_on(async {
            let trial = super::Trial::connect(shop).await;
            let plan = super::plan();
            let stop = plan.stop.clone();
            let ask = |progress: Progress<'_>| {
                if matches!(progress, Progress::Done(_)) {
                    stop.request();
                }
            };
            let error = run(Job { progress: &ask, ..Job::silent(&trial.database, &plan) }, RunKind::Fresh)
                .await
                .expect_err("it was asked to stop");
            assert_eq!(error.kind(), Kind::Interrupted);
            let told = error.message();
            assert!(told.contains("everything was dropped") && told.contains("not applied: "), "{told}");
            assert_eq!(error.hint_lines(&Invocation::default()), ["shopctl migrate up completes it"]);
            trial.shop.run(&["migrate", "up"]).success();
            trial.shop.run(&["migrate", "status", "--check"]).success();
            trial.database.close().await;
        });
    }
}

/// A stop that arrives with the COMMIT of the removal, when the copy has just been reported.
#[test]
fn fresh_interrupted_at_the_commit_of_the_removal_says_that_everything_is_gone() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    block_on(async {
        let trial = super::Trial::connect(shop).await;
        let asked = Asked { kind: RunKind::Fresh, dropped: Vec::new(), has_others: false, is_backed_up: true };
        let plan = Plan { asked: Some(asked), ..super::plan() };
        let (stop, copies) = (plan.stop.clone(), RefCell::new(Vec::new()));
        let ask = |progress: Progress<'_>| {
            if let Progress::Copied(copy) = progress {
                copies.borrow_mut().push(copy.to_owned());
                stop.request();
            }
        };
        let error = run(Job { progress: &ask, ..Job::silent(&trial.database, &plan) }, RunKind::Fresh)
            .await
            .expect_err("it was asked to stop");
        assert_eq!(error.kind(), Kind::Interrupted);
        let told = error.message();
        assert!(told.contains("everything was dropped") && told.contains("not applied: "), "{told}");
        assert_eq!(error.hint_lines(&Invocation::default()), ["shopctl migrate up completes it"]);
        let copies = copies.into_inner();
        assert!(matches!(&copies[..], [copy] if copy.exists()), "{copies:?}");
        trial.database.close().await;
    });
}

#[test]
fn a_removal_that_was_only_recorded_is_cleared_by_up() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    shop.run(&["seed", "up"]).success();
    shop.sql("INSERT INTO shopctl_settings (name, value) VALUES ('removal', 'ann@build-7'), ('removal.1', 'users')");
    shop.run(&["migrate", "status", "--check"]).success().says("ann@build-7");
    shop.run(&["migrate", "up"]).success().says("it is undone").says("up to date");
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_settings WHERE name LIKE 'removal%'"), 0);
    assert_ne!(shop.number("SELECT COUNT(*) FROM products"), 0);
}

#[test]
fn fresh_without_the_right_to_drop_changes_nothing() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.run(&["seed", "up"]).success();
        let name = shop.database_name();
        let limited = if shop.backend == Backend::Postgres {
            login_with(&shop, "no_drop", "ALL")
        } else {
            let rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES";
            let limited = login_with(&shop, "no_drop", rights);
            // Rights on one table only: the others block the removal.
            shop.sql(&format!("GRANT DROP ON {name}.audit_events TO no_drop_of_{name}"));
            limited
        };
        let before = (shop.everything(), shop.schema());
        limited.run(&["migrate", "fresh", "--yes"]).exits_with(4).says("nothing was dropped");
        assert!((shop.everything(), shop.schema()) == before, "everything is as before");
        shop.run(&["migrate", "status", "--check"]).success();
        shop.run(&["migrate", "up"]).success().says("up to date");
        assert!((shop.everything(), shop.schema()) == before, "and stays so");
    }
}

#[test]
fn fresh_interrupted_while_waiting_changes_nothing_and_leaves_no_session() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.run(&["seed", "up"]).success();
        let before = shop.everything();
        for signal in ["-INT", "-TERM"] {
            let holder = Holder::of(&shop, "products");
            let arguments = ["migrate", "fresh", "--yes"];
            let child = shop.start(&arguments);
            await_that("fresh waits for the table", || removals_running(&shop) > 0);
            let id = child.id().to_string();
            assert!(Command::new("kill").args([signal, &id]).status().expect("runs").success());
            let run = finish(child, &arguments).exits_with(130).says("interrupted");
            if shop.backend == Backend::MariaDb {
                assert!(run.stderr.contains("nothing was dropped"), "{run}");
                assert_eq!(removals_running(&shop), 0, "the statement is ended on the server");
            }
            drop(holder);
            await_that("the server has noticed", || removals_running(&shop) == 0);
            assert!(shop.everything() == before, "{:?}", shop.backend);
            shop.run(&["migrate", "up"]).success().says("up to date");
        }
    }
}

#[test]
fn fresh_killed_while_waiting_does_not_authorize_a_removal() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.run(&["seed", "up"]).success();
        let before = shop.everything();
        let holder = Holder::of(&shop, "products");
        let arguments = ["migrate", "fresh", "--yes"];
        let mut child = shop.start(&arguments);
        await_that("fresh waits for the table", || removals_running(&shop) > 0);
        child.kill().expect("our own child");
        let _ = finish(child, &arguments);
        await_that("the statement gives up by itself", || removals_running(&shop) == 0);
        drop(holder);
        shop.run(&["migrate", "up"]).success().says("up to date");
        assert!(shop.everything() == before, "{:?}", shop.backend);
    }
}

#[test]
fn fresh_respects_the_lock_wait_limit() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.run(&["seed", "up"]).success();
        let before = shop.everything();
        let holder = Holder::of(&shop, "products");
        let fresh = ["migrate", "fresh", "--yes", "--lock-wait", "3s"];
        let run = shop.run_within(Duration::from_secs(8), &fresh).exits_with(5);
        let run = run.says("its tables are locked").says("nothing was dropped");
        let holder_is_named = if shop.backend == Backend::Postgres { "by process " } else { "by session " };
        assert!(run.stderr.contains(holder_is_named), "{run}");
        drop(holder);
        assert!(shop.everything() == before, "{:?}", shop.backend);
        shop.run(&["migrate", "up"]).success().says("up to date");
        shop.run(&["migrate", "fresh", "--yes"]).success();
    }
}

/// The removal has the audit trail and waits for the items; the order has the items and wants the
/// trail.
#[test]
fn fresh_is_retried_after_a_deadlock_with_an_order_on_postgres() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let holder = Holder::of(&shop, "order_items");
    let arguments = ["migrate", "fresh", "--yes"];
    let child = shop.start(&arguments);
    await_that("fresh waits for the table", || {
        shop.number("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'order_items'::regclass") > 0
    });
    holder.say("SELECT COUNT(*) FROM audit_events");
    holder.say("COMMIT");
    finish(child, &arguments).success();
    shop.run(&["migrate", "status", "--check"]).success();
}

on_every_backend!(up_does_not_resume_a_failed_removal_in_a_protected_context);

fn up_does_not_resume_a_failed_removal_in_a_protected_context(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let name = shop.database_name();
    shop.file("shopctl.toml", &format!("[context.live]\ndatabase_url = '{}'\nprotected = true\n", shop.url));
    let before = shop.everything();
    if shop.backend != Backend::Sqlite {
        let holder = Holder::of(shop, "users");
        let arguments = ["migrate", "fresh", "--confirm", &name, "--lock-wait", "0s"];
        shop.run(&arguments).exits_with(5).says("nothing was dropped");
        drop(holder);
    }
    let mut command = shop.command(&["migrate", "up", "-c", "live"]);
    command.env_remove("DATABASE_URL");
    finish(command.spawn().expect("the binary was built"), &["migrate", "up"]).success().says("up to date");
    assert!(shop.everything() == before);
    block_on(async {
        let connection = shop.connect().await;
        let transaction = connection.begin().await.expect("nothing holds it");
        transaction.rollback().await.expect("ends");
        connection.close().await.expect("closes");
    });
}
