//! Locked tables: a migration waits, names the holder, and continues.

use std::cell::Cell;
use std::time::Duration;

use migration::Migration;
use sea_orm::{ConnectionTrait, TransactionTrait};
use shopctl::db::budget::Budget;
use shopctl::error::{Invocation, Kind};
use shopctl::migrate::{Catalog, Job, Plan, Progress, State, up};

use super::{SERVERS, Trial, on, plan, to};
use crate::support::proxy::Proxy;
use crate::support::shop::block_on;
use crate::support::{Backend, Shop};

const HELD: Migration = Migration {
    name: "m1_held",
    up: |_| vec!["ALTER TABLE held ADD COLUMN note int".into()],
    down: |_| vec!["ALTER TABLE held DROP COLUMN note".into()],
};

fn held(lock_wait: Duration) -> Plan {
    Plan { catalog: Catalog::new(vec![HELD], ""), lock_wait, ..plan() }
}

#[test]
fn a_migration_waits_for_locked_tables_and_names_the_holder() {
    on(&SERVERS, async |trial| {
        trial.sql("CREATE TABLE held (id int)").await;
        let other = trial.shop.connect().await;
        let transaction = other.begin().await.unwrap();
        transaction.execute_unprepared("INSERT INTO held VALUES (1)").await.unwrap();

        let error = trial.up(&held(Duration::from_millis(1))).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.blocked"));
        let sign = if trial.shop.backend == Backend::Postgres { "by process " } else { "by session " };
        assert!(error.message().contains(sign) && error.message().contains(" s)"), "{error}");
        assert_eq!(trial.states_of(&held(Duration::ZERO).catalog).await, [State::Failed]);

        let transaction = Cell::new(Some(transaction));
        let told = Cell::new(0);
        let progress = |progress: Progress<'_>| {
            if let Progress::Blocked { by, .. } = progress {
                told.set(told.get() + by.len());
                // Dropping the transaction rolls it back.
                drop(transaction.take());
            }
        };
        let plan = held(Duration::from_mins(1));
        let steps = up(Job { progress: &progress, ..Job::silent(&trial.database, &plan) }).await.unwrap();
        assert_eq!(steps.len(), 1);
        assert!(told.get() > 0);
        other.close().await.unwrap();
    });
}

/// A killed runner's last statement goes on without it, and commits by itself.
#[test]
fn a_statement_that_outlives_its_runner_is_awaited() {
    on(&[Backend::MariaDb], async |trial| {
        trial.sql("CREATE TABLE held (id int)").await;
        let orphan = trial.shop.connect().await;
        let row = orphan
            .query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::MySql, "SELECT connection_id() AS id"));
        let session: u64 = row.await.unwrap().unwrap().try_get("", "id").unwrap();
        trial.up(&Plan { catalog: Catalog::new(vec![], ""), ..plan() }).await.unwrap();
        let lease = format!(
            "INSERT INTO shopctl_leases (name, token, holder, session, acquired_at, expires_at) VALUES \
             ('migrate', 'gone', 'ann@build-7', {session}, utc_timestamp(6), utc_timestamp(6) - INTERVAL 1 SECOND)"
        );
        trial.sql(&lease).await;
        let statement = tokio::spawn(async move {
            orphan.execute_unprepared("SELECT SLEEP(2)").await.unwrap();
            std::time::Instant::now()
        });
        let is_running =
            format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {session} AND command <> 'Sleep'");
        let check = trial.shop.connect().await;
        loop {
            let row = check.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::MySql, &is_running));
            if row.await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap() == 1 {
                break;
            }
        }
        let error = trial.up(&held(Duration::ZERO)).await.unwrap_err();
        assert!(error.message().contains(&format!("session {session}")), "{error}");
        trial.sql("UPDATE shopctl_leases SET expires_at = utc_timestamp(6) - INTERVAL 1 SECOND").await;
        assert_eq!(trial.up(&held(Duration::from_secs(30))).await.unwrap(), 1);
        assert!(statement.await.unwrap() <= std::time::Instant::now(), "the statement has ended before");
        check.close().await.unwrap();
    });
}

/// What another session keeps until it is dropped; a runtime of its own, because the test's waits.
fn keep(shop: &Shop, statements: &[String]) -> (tokio::runtime::Runtime, sea_orm::DatabaseConnection) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connection = runtime.block_on(async {
        let mut options = sea_orm::ConnectOptions::new(&shop.url);
        options.max_connections(1);
        let connection = sea_orm::Database::connect(options).await.expect("the test's own database answers");
        for statement in statements {
            connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection
    });
    (runtime, connection)
}

#[test]
fn a_held_file_is_waited_for_as_long_as_lock_wait_says() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "down", "--yes"]).success();
    let before = shop.schema();
    let held = keep(&shop, &["BEGIN IMMEDIATE".to_owned()]);
    let newest = Catalog::embedded().names().last().expect("there are some");
    let commands = [
        &["up"][..],
        &["up", "--dry-run"],
        &["down", "--yes"],
        &["fresh", "--yes"],
        &["resolve", newest, "--applied", "--yes"],
    ];
    for (wait, seconds) in [("0s", 0), ("1s", 1), ("7s", 7)] {
        // One of them shows that longer waits than a statement's are kept.
        for command in commands.iter().take(if seconds == 7 { 1 } else { commands.len() }) {
            let run = shop.run(&[&["migrate"], *command, &["--lock-wait", wait]].concat()).exits_with(5);
            let limits = Duration::from_secs(seconds)..Duration::from_secs(seconds + 3);
            assert!(limits.contains(&run.duration), "{:?}: {run}", run.duration);
            let run = run
                .says("another process holds the database file")
                .says("--lock-wait makes migrate commands wait longer");
            assert!(!run.stderr.contains("--timeout"), "{run}");
        }
    }
    let free = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(1));
        drop(held);
    });
    assert_eq!(shop.schema(), before);
    shop.run(&["migrate", "up", "--lock-wait", "60s"]).success();
    free.join().expect("it does not panic");
}

/// The tables of the history and of the lock itself may be held as well.
#[test]
fn a_locked_history_blocks_no_command() {
    for shop in SERVERS.into_iter().filter_map(Shop::empty) {
        shop.run(&["migrate", "up", "--steps", "8"]).success();
        for table in ["shopctl_migration_runs", "shopctl_leases", "seaql_migrations", "shopctl_settings"] {
            let lock = match shop.backend {
                Backend::Postgres => vec!["BEGIN".to_owned(), format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")],
                _ => vec![format!("LOCK TABLES {table} WRITE")],
            };
            let held = keep(&shop, &lock);
            let commands = [
                vec!["migrate", "up", "--lock-wait", "1s", "--timeout", "2s"],
                vec!["migrate", "status", "--timeout", "2s"],
                vec!["migrate", "plan", "--timeout", "2s"],
                vec!["migrate", "env", "production", "--timeout", "2s"],
                vec!["migrate", "down", "-y", "--lock-wait", "1s", "--timeout", "2s"],
            ];
            for arguments in commands {
                let run = shop.run_within(Duration::from_secs(9), &arguments);
                assert!([0, 5, 11].contains(&run.code), "{table}: {run}");
            }
            drop(held);
        }
        shop.run(&["migrate", "up", "--lock-wait", "20s"]).success();
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

/// A stated limit holds for all that a change of the schema waits for, whatever it waits for one after the other.
#[test]
fn an_explicit_limit_covers_the_whole_command() {
    const LIMIT: Duration = Duration::from_secs(3);
    // The overhead of a debug build on a busy machine.
    const GRACE: Duration = Duration::from_millis(1500);
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let lock = |table: &str| match shop.backend {
            Backend::Postgres => vec!["BEGIN".to_owned(), format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")],
            _ => vec![format!("LOCK TABLES {table} WRITE")],
        };
        let limited = |arguments: &[&str]| {
            shop.run_within(LIMIT + GRACE, &[arguments, &["--timeout", "3s"]].concat()).exits_with(5)
        };
        // Nothing is pending, but the schema is still checked.
        let held = keep(&shop, &lock("orders"));
        limited(&["migrate", "up"]);
        drop(held);
        let held = keep(&shop, &lock("shopctl_leases"));
        limited(&["migrate", "up"]);
        limited(&["migrate", "down", "-y"]);
        drop(held);
        let held = keep(&shop, &lock("audit_seals"));
        limited(&["migrate", "redo", "-y"]);
        limited(&["migrate", "fresh", "-y"]);
        drop(held);
        shop.run(&["migrate", "up"]).success();
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

/// What goes is counted before anybody is asked.
#[test]
fn counting_rows_respects_the_lock_wait_limit() {
    for shop in SERVERS.into_iter().filter_map(Shop::of_first_schema) {
        let lock = match shop.backend {
            Backend::Postgres => vec!["BEGIN".to_owned(), "LOCK TABLE products IN ACCESS EXCLUSIVE MODE".to_owned()],
            _ => vec!["LOCK TABLES products WRITE".to_owned()],
        };
        let held = keep(&shop, &lock);
        for command in ["down", "redo", "reset", "refresh", "fresh"] {
            let arguments = ["migrate", command, "-y", "--lock-wait", "1s"];
            let run = shop.run_within(Duration::from_secs(4), &arguments).exits_with(5);
            assert!(run.stderr.contains("migrate.blocked") && run.stderr.contains("--lock-wait"), "{run}");
            assert!(shop.backend != Backend::Postgres || run.stderr.contains("by process "), "{run}");
        }
        drop(held);
        let name = shop.database_name();
        let run = shop.run(&["migrate", "redo", "--confirm", &name, "--lock-wait", "20s"]).success();
        run.says("it drops 1 table");
    }
}

/// A foreign key is taken off both of its tables.
#[test]
fn the_holder_of_a_referenced_table_is_named() {
    const DROPPED: Migration = Migration {
        name: "m1_dropped",
        up: |_| vec!["DROP TABLE child".into()],
        down: |_| vec!["CREATE TABLE child (id int)".into()],
    };
    on(&SERVERS, async |trial| {
        trial.sql("CREATE TABLE parent (id int PRIMARY KEY)").await;
        trial.sql("CREATE TABLE child (id int REFERENCES parent (id))").await;
        let other = trial.shop.connect().await;
        let transaction = other.begin().await.unwrap();
        transaction.execute_unprepared("INSERT INTO parent VALUES (7)").await.unwrap();
        let list = Plan { catalog: Catalog::new(vec![DROPPED], ""), lock_wait: Duration::from_millis(1), ..plan() };
        let error = trial.up(&list).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.blocked"));
        let sign = if trial.shop.backend == Backend::Postgres { "by process " } else { "by session " };
        assert!(error.message().contains(sign), "{error}");
        drop(transaction);
        other.close().await.unwrap();
    });
}

/// Another runner has the lock, and keeps it.
#[test]
fn waiting_for_another_runner_respects_the_limit_and_names_it() {
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let now = if shop.backend == Backend::Postgres { "now()" } else { "utc_timestamp(6)" };
        let later = if shop.backend == Backend::Postgres { "interval '1 hour'" } else { "INTERVAL 1 HOUR" };
        shop.sql(&format!(
            "INSERT INTO shopctl_leases (name, token, holder, acquired_at, expires_at) VALUES \
             ('migrate', 'x', 'ann@build-7', {now}, {now} + {later})"
        ));
        let up = ["migrate", "up", "--timeout", "2s"];
        let run = shop.run_within(Duration::from_millis(3500), &up).exits_with(5).says("ann@build-7");
        assert!(run.stderr.contains("migrate.locked"), "{run}");
    }
}

/// A runner that is paused after its statement and before the record of it, holding what it had
/// written so far.
#[test]
fn a_failed_lock_attempt_keeps_the_intent_of_another_runner() {
    const LAST: &str = "m20260101_000011_create_audit_seals";
    on(&[Backend::MariaDb], async |trial| {
        trial.up(&to(LAST)).await.unwrap();
        let paused = format!(
            "DELETE FROM seaql_migrations WHERE version = '{LAST}'; \
             UPDATE shopctl_migration_runs SET state = 'running' WHERE name = '{LAST}'"
        );
        trial.sql(&paused).await;
        let row = format!("UPDATE shopctl_migration_runs SET statements_done = 1 WHERE name = '{LAST}'");
        let shop = &trial.shop;
        let held = std::thread::scope(|scope| {
            scope.spawn(|| keep(shop, &["BEGIN".to_owned(), row])).join().expect("no panic")
        });
        for _ in 0..2 {
            let error = trial.up(&Plan { lock_wait: Duration::ZERO, ..to(LAST) }).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.blocked"));
            assert_eq!(trial.state(LAST).await, State::Interrupted);
        }
        std::thread::scope(|scope| scope.spawn(|| drop(held)).join().expect("no panic"));
        assert_eq!(trial.up(&Plan { lock_wait: Duration::from_secs(20), ..to(LAST) }).await.unwrap(), 1);
        assert_eq!(trial.state(LAST).await, State::Applied);
    });
}

/// The statement itself has to wait: by then the intent of the dead runner is given up already.
#[test]
fn a_blocked_statement_leaves_the_intent_of_a_dead_runner_open() {
    on(&[Backend::MariaDb], async |trial| {
        trial.sql("CREATE TABLE held (id int)").await;
        trial.up(&held(Duration::from_secs(1))).await.unwrap();
        trial.sql("DELETE FROM seaql_migrations; UPDATE shopctl_migration_runs SET state = 'running'").await;
        trial.sql("ALTER TABLE held DROP COLUMN note").await;
        let other = trial.shop.connect().await;
        let transaction = other.begin().await.unwrap();
        transaction.execute_unprepared("INSERT INTO held (id) VALUES (1)").await.unwrap();
        let patient = held(Duration::from_secs(20));
        for _ in 0..2 {
            let error = trial.up(&held(Duration::from_millis(1))).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.blocked"));
            assert_eq!(trial.states_of(&patient.catalog).await, [State::Interrupted]);
        }
        transaction.rollback().await.unwrap();
        assert_eq!(trial.up(&patient).await.unwrap(), 1);
        assert_eq!(trial.states_of(&patient.catalog).await, [State::Applied]);
        other.close().await.unwrap();
    });
}

#[test]
fn failures_after_losing_the_lock_are_reported_as_the_lost_lock() {
    const SECOND: Migration = Migration {
        name: "m2_second",
        up: |_| vec!["CREATE TABLE second (id int)".into()],
        down: |_| vec!["DROP TABLE second".into()],
    };
    const FIRST: Migration =
        Migration { name: "m1_first", up: |_| vec!["CREATE TABLE first (id int)".into()], ..SECOND };
    on(&SERVERS, async |trial| {
        // The other runner takes over the lock and applies the second migration.
        let taken_over = || {
            let statements =
                ["UPDATE shopctl_leases SET token = 'of another', holder = 'another'", "CREATE TABLE second (id int)"];
            let take_over = || statements.iter().for_each(|statement| trial.shop.sql(statement));
            std::thread::scope(|scope| scope.spawn(take_over).join().expect("no panic"));
        };
        let list = Plan { catalog: Catalog::new(vec![FIRST, SECOND], ""), ..plan() };
        let error = up(Job { progress: &|_| taken_over(), ..Job::silent(&trial.database, &list) }).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.lock_lost"));
        assert!(!error.hint_lines(&Invocation::default()).join(" ").contains("drop"), "{:?}", error.hints());
    });
}

/// The server goes away after two of the steps.
#[test]
fn an_interrupted_run_reports_applied_and_pending_migrations() {
    for shop in SERVERS.into_iter().filter_map(Shop::empty) {
        let (proxy, proxied) = Proxy::in_front_of(&shop);
        block_on(async {
            let trial = Trial::connect(proxied).await;
            let (plan, steps) = (plan(), Cell::new(0));
            let progress = |progress: Progress<'_>| {
                steps.set(steps.get() + u32::from(matches!(progress, Progress::Done(_))));
                if steps.get() == 2 {
                    proxy.go_away();
                }
            };
            let error = up(Job { progress: &progress, ..Job::silent(&trial.database, &plan) }).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{error}");
            let told = error.message();
            assert!(
                told.contains("applied: 2 (m20260101_000001_create_users to m20260101_000002_create_products)"),
                "{told}"
            );
            assert!(told.contains("not applied: "), "{told}");
            let hints = error.hint_lines(&Invocation::default()).join("\n");
            assert!(hints.contains("shopctl completes it") && !hints.contains("nothing"), "{hints}");
            trial.database.close().await;
        });
        shop.run(&["migrate", "up"]).success();
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

/// A limit on silence is none on work: the server is seen to be at it.
#[test]
fn a_running_statement_is_not_limited_by_the_answer_timeout() {
    on(&SERVERS, async |trial| {
        let slow = Migration {
            name: "m1_slow",
            up: |backend| match backend {
                sea_orm::DbBackend::Postgres => vec!["SELECT pg_sleep(3)".into()],
                _ => vec!["DO SLEEP(3)".into()],
            },
            down: |_| vec![],
        };
        let budget = Budget::new(Some(Duration::from_secs(1)), false).for_long_work();
        let list = Plan { catalog: Catalog::new(vec![slow], ""), ..plan() };
        let steps = up(Job::silent(&trial.database.with_budget(budget), &list)).await.unwrap();
        assert_eq!(steps.len(), 1);
    });
}
