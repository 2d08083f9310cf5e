//! The same command in many concurrent processes: each ends as if they had run one after another.

mod imports;

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};

use crate::on_every_backend;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Run, Shop};

/// Number of concurrent processes.
const PROCESSES: usize = 8;
/// Number of fresh shops, because a race does not occur in each.
const ROUNDS: usize = 3;

/// Runs these commands concurrently.
fn at_once(shop: &Shop, commands: &[&[&str]]) -> Vec<Run> {
    let children: Vec<_> = commands.iter().map(|command| (shop.start(command), command)).collect();
    children.into_iter().map(|(child, command)| finish(child, command)).collect()
}

/// A migrated shop without a recorded environment.
fn unmarked(backend: Backend) -> Option<Shop> {
    let shop = Shop::empty(backend)?;
    shop.run(&["migrate", "up"]).success();
    Some(shop)
}

fn all_succeed_on_an_unmarked_shop(backend: Backend, command: &[&str]) {
    for _ in 0..ROUNDS {
        let Some(shop) = unmarked(backend) else { return };
        for run in at_once(&shop, &[command; PROCESSES]) {
            run.success();
        }
        assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "development");
        shop.assert_invariants();
    }
}

const SEED_UP: &[&str] = &["seed", "up"];
const GENERATE: &[&str] = &["seed", "generate", "--users", "60", "--products", "20", "--orders", "100", "-y"];

on_every_backend![
    concurrent_seeding_marks_an_unmarked_shop_once,
    concurrent_generation_creates_one_shop,
    concurrent_fresh_and_up_wait_for_each_other,
];

fn concurrent_seeding_marks_an_unmarked_shop_once(shop: &Shop) {
    all_succeed_on_an_unmarked_shop(shop.backend, SEED_UP);
}

fn concurrent_generation_creates_one_shop(shop: &Shop) {
    all_succeed_on_an_unmarked_shop(shop.backend, GENERATE);
}

/// A runner waits while another one removes everything, and never finds a partly removed schema.
fn concurrent_fresh_and_up_wait_for_each_other(shop: &Shop) {
    for _ in 0..ROUNDS {
        let Some(shop) = Shop::migrated(shop.backend) else { return };
        let name = shop.database_name();
        let fresh: &[&str] = &["migrate", "fresh", "--confirm", &name];
        let commands: Vec<_> = (0..PROCESSES).map(|number| [fresh, &["migrate", "up"]][number % 2]).collect();
        for run in at_once(&shop, &commands) {
            run.success();
        }
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

/// A table locked by a session that waits for another lock.
async fn held_by_who_waits(connection: &DatabaseConnection) -> String {
    let held = "SELECT CAST(c.relname AS text) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND l.granted \
                AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \
                AND l.pid IN (SELECT pid FROM pg_locks WHERE NOT granted) LIMIT 1";
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let statement = Statement::from_string(connection.get_database_backend(), held);
        match connection.query_one_raw(statement).await.expect("it can be asked") {
            Some(row) => return row.try_get_by_index(0).expect("a name"),
            None => assert!(Instant::now() < until, "nobody waits"),
        }
    }
}

/// A removal locks tables in a different order than an inspection: PostgreSQL cancels the inspection as a deadlock, and
/// it is retried.
#[test]
fn migrate_up_and_fresh_retry_after_a_deadlock_with_a_removal_on_postgres() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let name = shop.database_name();
    // Time to request the second table before the server checks for deadlocks.
    shop.sql(&format!("ALTER DATABASE {name} SET deadlock_timeout = '3s'"));
    for command in [&["migrate", "up"][..], &["migrate", "fresh", "--confirm", &name]] {
        let child = block_on(async {
            let removal = shop.connect().await;
            let watch = shop.connect().await;
            let removal = removal.begin().await.expect("begins");
            let take = async |table: &str| {
                let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
                removal.execute_unprepared(&lock).await.expect("the other one is ended");
            };
            removal.execute_unprepared("SET LOCAL deadlock_timeout = '1h'").await.expect("a superuser");
            take("products").await;
            let child = shop.start(command);
            take(&held_by_who_waits(&watch).await).await;
            removal.rollback().await.expect("ends");
            child
        });
        finish(child, command).success();
    }
}
