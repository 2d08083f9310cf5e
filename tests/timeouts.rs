//! Every wait is limited: a server that stops answering at any message of any command, and tables
//! locked by another session.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use shopctl::db::budget::Budget;
use shopctl::error::Error;

use crate::support::proxy::Proxy;
use crate::support::shop::{ATTEMPTS, block_on};
use crate::support::{Backend, Run, Shop, library, rounds, servers};

const TIMEOUT: Duration = Duration::from_secs(2);
/// The same as it is typed.
const TIMEOUT_FLAG: [&str; 2] = ["--timeout", "2s"];
/// What a command may take beyond its limit.
const GRACE: Duration = Duration::from_secs(1);
/// The same, with what a debug build takes before it comes to the wait.
const SLACK: Duration = Duration::from_secs(3);

/// To connect takes so many at least.
const LOGIN_MESSAGES: u32 = 2;

/// Commands that share a shop, one after the other; groups run at the same time.
const GROUPS: [&[&str]; 6] = [
    &[
        "order create --user ann@example.com --item MUG:1",
        "stock adjust MUG +1 --reason received",
        "product price MUG --by +0.01 -y",
        "order expire --older-than 0s -n",
        "order expire --older-than 0s -y",
    ],
    &["order import orders.jsonl", "product import products.csv", "user import users.csv", "order list --all"],
    &["order export", "user export-data ann@example.com", "report sales", "stock verify", "doctor", "doctor --deep"],
    &["audit verify", "audit export", "audit seal", "audit list --all"],
    &[
        "seed up",
        "seed status",
        "seed redo demo --confirm demo",
        "seed down demo --confirm demo",
        "seed generate --users 5 --products 3 --orders 5 -y",
    ],
    &[
        "migrate status",
        "migrate history",
        "migrate plan",
        "migrate env",
        "migrate up",
        "migrate redo -y",
        "migrate verify",
    ],
];

fn shop(backend: Backend) -> Option<Shop> {
    let shop = Shop::migrated(backend)?;
    shop.user("ann");
    shop.product("MUG", "12.50", 1000);
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:1"]).success();
    files(&shop);
    Some(shop)
}

/// Files with something new in them each time, so that an import always has something to write.
fn files(shop: &Shop) {
    static ROUND: AtomicU32 = AtomicU32::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let order = |number: u32| {
        let reference = format!("FILE{round:04}{number:02}");
        let item = serde_json::json!({ "sku": "MUG", "quantity": 1, "unit_price": "12.50" });
        serde_json::json!({ "reference": reference, "user": "ann@example.com", "items": [item] }).to_string() + "\n"
    };
    shop.file("orders.jsonl", &(0..3).map(order).collect::<String>());
    shop.file("products.csv", &format!("sku,name,price,stock_quantity\nCUP-{round},Cup,3.00,5\n"));
    shop.file("users.csv", &format!("email,first_name,last_name\nbob{round}@example.com,Bob,Test\n"));
}

fn through(shop: &Shop, message: u32) -> (Proxy, Shop) {
    let server = if shop.backend == Backend::Postgres { servers::postgres() } else { servers::mariadb() };
    let upstream = server.expect("the shop is there").port;
    let proxy = Proxy::silent_at(upstream, shop.backend == Backend::MariaDb, message);
    let url = shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
    let through = shop.with_url(url);
    files(&through);
    (proxy, through)
}

fn with_timeout(command: &str) -> Vec<&str> {
    command.split(' ').chain(TIMEOUT_FLAG).collect()
}

/// How a command may end, with what a silent or locked database makes of it.
fn assert_code(run: &Run, when: &str) {
    // 6, 7, 9: what the previous run left unfinished.
    assert!([0, 5, 6, 7, 8, 9, 12].contains(&run.code), "{when}: {run}");
}

/// Completes what the run before left unfinished, so that this command has all its work to do.
fn restore(shop: &Shop, command: &str) {
    // The run was cut off while it held the migration lock.
    shop.sql(&format!("DELETE FROM {}", migration::LEASES));
    if command.starts_with("migrate redo") {
        shop.run(&["migrate", "up"]).success();
    }
    if command.starts_with("seed redo") || command.starts_with("seed down") {
        shop.run(&["seed", "up"]).success();
    }
}

/// Runs commands while the server falls silent at some of the messages that each takes.
fn fall_silent(backend: Backend, commands: &[&str]) {
    let Some(shop) = shop(backend) else { return };
    let rounds = u32::try_from(rounds()).expect("few");
    for (number, command) in (1..).zip(commands) {
        restore(&shop, command);
        let (proxy, whole) = through(&shop, u32::MAX);
        // Invalid arguments would end the command before it connects.
        whole.run(&command.split(' ').collect::<Vec<_>>()).success();
        let messages = proxy.round_trips();
        assert!(messages > LOGIN_MESSAGES, "{command} asks the database nothing");
        for message in (0..rounds).map(|round| 1 + (round * messages / rounds + number) % messages) {
            // `verify` waits once more, to remove its scratch database.
            let waits = if *command == "migrate verify" { 2 } else { 1 };
            let is_in_time = (0..ATTEMPTS).any(|_| {
                restore(&shop, command);
                let (proxy, through) = through(&shop, message);
                let run = through.run(&with_timeout(command));
                assert_code(&run, &format!("silent at message {message}"));
                // Work that is already done takes fewer messages.
                let Some(since) = proxy.silent_since() else { return true };
                // A closing message expects no answer.
                assert!(run.code != 0 || message > 5, "{command} succeeded though message {message} was not answered");
                since.elapsed() < waits * TIMEOUT + GRACE
            });
            assert!(is_in_time, "{command} waits too long after message {message}");
        }
    }
}

fn everywhere(backend: Backend, test: impl Fn(Backend, &[&str]) + Sync) {
    std::thread::scope(|scope| GROUPS.iter().for_each(|group| drop(scope.spawn(|| test(backend, group)))));
}

#[test]
fn every_command_times_out_when_the_server_stops_answering_on_postgres() {
    everywhere(Backend::Postgres, fall_silent);
}

#[test]
fn every_command_times_out_when_the_server_stops_answering_on_mariadb() {
    everywhere(Backend::MariaDb, fall_silent);
}

/// Runs commands while another session holds a table; some of the tables for each but for
/// `SHOPCTL_TEST_ROUNDS`.
fn hold_tables(backend: Backend, commands: &[&str]) {
    let Some(shop) = shop(backend) else { return };
    let tables = [
        "orders",
        "products",
        "audit_events",
        "shopctl_seeds",
        migration::RUNS,
        migration::LEASES,
        migration::SETTINGS,
    ];
    let taken = usize::try_from(rounds()).expect("few").min(tables.len());
    let tables_of = |number: usize| tables.iter().cycle().skip(number * taken).take(taken);
    let pairs = (0..).zip(commands).flat_map(|(number, command)| tables_of(number).map(move |table| (command, table)));
    for (command, table) in pairs {
        block_on(async {
            let connection = shop.connect().await;
            let holder = connection.begin().await.expect("begins");
            let lock = match backend {
                Backend::Postgres => format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"),
                _ => format!("LOCK TABLES {table} WRITE"),
            };
            connection.execute_unprepared(&format!("DELETE FROM {}", migration::LEASES)).await.expect("it is there");
            holder.execute_unprepared(&lock).await.expect("nobody else has it");
            let run = shop.run_within(TIMEOUT + SLACK, &with_timeout(command));
            assert_code(&run, &format!("with {table} locked"));
            if backend == Backend::MariaDb {
                holder.execute_unprepared("UNLOCK TABLES").await.expect("it was ours");
            }
            holder.rollback().await.expect("rolls back");
            connection.close().await.expect("closes");
        });
    }
}

#[test]
fn every_command_times_out_on_a_locked_table_on_postgres() {
    everywhere(Backend::Postgres, hold_tables);
}

#[test]
fn every_command_times_out_on_a_locked_table_on_mariadb() {
    everywhere(Backend::MariaDb, hold_tables);
}

#[test]
fn every_command_times_out_on_a_locked_file() {
    everywhere(Backend::Sqlite, |backend, commands| {
        let Some(shop) = shop(backend) else { return };
        for command in commands {
            block_on(async {
                let connection = shop.connect().await;
                connection.execute_unprepared("BEGIN IMMEDIATE").await.expect("nobody else writes");
                let run = shop.run_within(TIMEOUT + SLACK, &with_timeout(command));
                assert_code(&run, "while someone writes");
                connection.close().await.expect("closes");
            });
        }
    });
}

#[test]
fn an_explicit_limit_ends_a_longer_statement() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = shop(backend) else { continue };
        // A trigger makes the only INSERT of a chunk exceed the limit.
        let slow = match backend {
            Backend::Postgres => [
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NEW; END'",
                "CREATE TRIGGER slow BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION slow()",
            ]
            .as_slice(),
            _ => &["CREATE TRIGGER slow BEFORE INSERT ON products FOR EACH ROW SET @slept = SLEEP(3)"],
        };
        slow.iter().for_each(|sql| shop.sql(sql));
        let run = shop.run(&["product", "import", "products.csv", "--timeout", "1s", "--json"]).exits_with(5);
        assert!(run.stderr.contains("database.timeout"), "{run}");
        assert!(run.stderr.contains("products"), "it says what was waited for: {run}");
        assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1);
    }
}

#[test]
fn without_an_explicit_limit_a_busy_server_is_distinguished_from_a_silent_one() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = shop(backend) else { continue };
        block_on(async {
            let budget = Budget::new(Some(Duration::from_millis(300)), false).for_long_work();
            let database = library::database(&shop).await.with_budget(budget);
            let sleep = if backend == Backend::Postgres { "SELECT pg_sleep(1.5)" } else { "DO SLEEP(1.5)" };
            database.connection().execute_unprepared(sleep).await.expect("whether the server is working");

            let other = shop.connect().await;
            let holder = other.begin().await.expect("begins");
            let (lock, unlock) = match backend {
                Backend::Postgres => ("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", "SELECT 1"),
                _ => ("LOCK TABLES orders WRITE", "UNLOCK TABLES"),
            };
            holder.execute_unprepared(lock).await.expect("nobody else has it");
            let read = database.connection().execute_unprepared("UPDATE orders SET id = id").await;
            let error = Error::from(read.expect_err("the table is locked"));
            assert_eq!(error.code(), "database.timeout");
            assert!(error.message().contains("UPDATE orders: it is waiting for a lock"), "{error}");
            let again = database.connection().execute_unprepared("SELECT 1").await;
            assert!(again.is_err(), "nothing more is sent on connections that were given up");
            holder.execute_unprepared(unlock).await.expect("it was ours");
        });
        let (proxy, through) = through(&shop, u32::MAX);
        block_on(async {
            let budget = Budget::new(Some(Duration::from_millis(300)), false).for_long_work();
            let database = library::database(&through).await.with_budget(budget);
            proxy.fall_silent();
            let error = Error::from(database.connection().execute_unprepared("SELECT 1").await.expect_err("silent"));
            assert_eq!(error.code(), "database.timeout");
        });
    }
}
