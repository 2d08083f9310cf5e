//! Six runners at once, one of them killed at a random moment, round after round.
//!
//! The suite runs a few rounds; `SHOPCTL_TEST_ROUNDS=50` is the full test.

use std::time::{Duration, Instant};

use rand::RngExt;

use crate::support::shop::finish;
use crate::support::{Backend, Shop, rounds};

const RUNNERS: usize = 6;
/// A killed runner keeps nobody out for longer; the work itself comes on top.
const FREED_WITHIN: Duration = Duration::from_secs(15 + 15);

/// Half of the rounds go up on nothing, half go down and up again.
fn one_is_killed_each_round(backend: Backend) {
    let mut random = rand::rng();
    let Some(clean) = Shop::migrated(backend) else { return };
    let schema = clean.schema();
    let mut killed_at_work = 0;
    for round in 0..rounds() {
        let shop = Shop::empty(backend).expect("the same backend");
        let arguments = ["migrate", "up"];
        let mut children: Vec<_> = (0..RUNNERS).map(|_| shop.start(&arguments)).collect();
        let mut killed = children.remove(random.random_range(0..RUNNERS));
        std::thread::sleep(Duration::from_millis(random.random_range(0..120)));
        let _ = killed.kill();
        killed_at_work += u32::from(finish(killed, &arguments).code == -1);
        let started = Instant::now();
        for child in children {
            finish(child, &arguments).success();
        }
        assert!(started.elapsed() < FREED_WITHIN, "round {round}: {:?}", started.elapsed());
        shop.run(&["migrate", "status", "--check"]).success();
        assert_eq!(shop.schema(), schema, "round {round}");
        let applied = shop.column(
            "SELECT name FROM shopctl_migration_runs WHERE direction = 'up' AND state = 'done' ORDER BY sequence",
        );
        assert_eq!(applied.len(), migration::MIGRATIONS.len(), "each exactly once, round {round}: {applied:?}");
        assert!(applied.is_sorted(), "{applied:?}");
    }
    eprintln!("{backend:?}: {killed_at_work} of {} were killed before they ended", rounds());
}

#[test]
fn one_of_six_runners_is_killed_on_sqlite() {
    one_is_killed_each_round(Backend::Sqlite);
}

#[test]
fn one_of_six_runners_is_killed_on_postgres() {
    one_is_killed_each_round(Backend::Postgres);
}

#[test]
fn one_of_six_runners_is_killed_on_mariadb() {
    one_is_killed_each_round(Backend::MariaDb);
}

/// A lone runner that dies leaves a state from which the next completes; down as well as up.
#[test]
fn a_killed_runner_is_completed_by_the_next() {
    let mut random = rand::rng();
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(clean) = Shop::migrated(backend) else { continue };
        let schema = clean.schema();
        let name = clean.database_name();
        for _ in 0..rounds() {
            for arguments in [vec!["migrate", "reset", "--confirm", &name], vec!["migrate", "up"]] {
                let mut child = clean.start(&arguments);
                std::thread::sleep(Duration::from_millis(random.random_range(0..80)));
                let _ = child.kill();
                let _ = finish(child, &arguments);
            }
            clean.run(&["migrate", "up"]).success();
            assert_eq!(clean.schema(), schema);
            clean.run(&["migrate", "status", "--check"]).success();
        }
    }
}
