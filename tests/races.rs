//! The same command in many processes at once: each ends as if it had been alone, before or after the others.

use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop};

/// Processes at a time.
const PROCESSES: usize = 8;
/// Fresh shops: not every one of them meets the moment.
const ROUNDS: usize = 3;

const BACKENDS: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];

/// These commands at once.
fn at_once(shop: &Shop, commands: &[&[&str]]) -> Vec<Run> {
    let children: Vec<_> = commands.iter().map(|command| (shop.start(command), command)).collect();
    children.into_iter().map(|(child, command)| finish(child, command)).collect()
}

/// A shop with its schema of which nobody said anything.
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
        shop.drop_database();
    }
}

const SEED_UP: &[&str] = &["seed", "up"];
const GENERATE: &[&str] = &["seed", "generate", "--users", "60", "--products", "20", "--orders", "100", "-y"];

#[test]
fn seed_up_in_many_processes_marks_an_unmarked_shop_once_on_sqlite() {
    all_succeed_on_an_unmarked_shop(Backend::Sqlite, SEED_UP);
}

#[test]
fn seed_up_in_many_processes_marks_an_unmarked_shop_once_on_postgres() {
    all_succeed_on_an_unmarked_shop(Backend::Postgres, SEED_UP);
}

#[test]
fn seed_up_in_many_processes_marks_an_unmarked_shop_once_on_mariadb() {
    all_succeed_on_an_unmarked_shop(Backend::MariaDb, SEED_UP);
}

#[test]
fn seed_generate_in_many_processes_makes_one_shop_on_sqlite() {
    all_succeed_on_an_unmarked_shop(Backend::Sqlite, GENERATE);
}

#[test]
fn seed_generate_in_many_processes_makes_one_shop_on_postgres() {
    all_succeed_on_an_unmarked_shop(Backend::Postgres, GENERATE);
}

#[test]
fn seed_generate_in_many_processes_makes_one_shop_on_mariadb() {
    all_succeed_on_an_unmarked_shop(Backend::MariaDb, GENERATE);
}

/// Who comes while another runner removes everything waits for it, and never meets what is half gone.
#[test]
fn fresh_and_up_in_many_processes_wait_for_one_another() {
    for backend in BACKENDS {
        for _ in 0..ROUNDS {
            let Some(shop) = Shop::migrated(backend) else { break };
            let name = shop.database_name();
            let fresh: &[&str] = &["migrate", "fresh", "--confirm", &name];
            let commands: Vec<_> = (0..PROCESSES).map(|number| [fresh, &["migrate", "up"]][number % 2]).collect();
            for run in at_once(&shop, &commands) {
                // Whoever did not get its turn in time is told to try again, and nothing worse.
                assert!(matches!(run.code, 0 | 5), "{run}");
            }
            shop.run(&["migrate", "up"]).success();
            shop.run(&["migrate", "status", "--check"]).success();
            shop.drop_database();
        }
    }
}
