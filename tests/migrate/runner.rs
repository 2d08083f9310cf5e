//! The runner, tested on the library: the effects of killed, late and foreign runners.

use std::cell::Cell;

use shopctl::error::Kind;
use shopctl::migrate::{ENVIRONMENT, Job, Plan, Progress, State, set_setting, setting, up};

use super::{EVERYWHERE, SERVERS, on, plan, steps, to};
use crate::support::Backend;

const USERS: &str = "m20260101_000001_create_users";
const PRODUCTS: &str = "m20260101_000002_create_products";
const SEEDS: &str = "m20260101_000009_create_seeds";
const SEED_ROWS: &str = "m20260101_000010_create_seed_rows";
const LAST: &str = "m20260101_000011_create_audit_seals";
/// All of them.
const ALL: usize = migration::MIGRATIONS.len();

#[test]
fn up_down_and_up_again() {
    on(&EVERYWHERE, async |trial| {
        assert_eq!(trial.states().await, [State::Pending; ALL]);
        assert_eq!(trial.up(&to(PRODUCTS)).await.unwrap(), 2);
        assert_eq!(trial.up(&plan()).await.unwrap(), ALL - 2);
        assert_eq!(trial.up(&plan()).await.unwrap(), 0);
        assert_eq!(trial.down(&to(USERS)).await.unwrap().len(), ALL - 1);
        assert_eq!(trial.down(&steps(99)).await.unwrap(), [USERS]);
        assert_eq!(trial.states().await, [State::Pending; ALL]);
        assert_eq!(trial.up(&plan()).await.unwrap(), ALL);
        assert_eq!(trial.states().await, [State::Applied; ALL]);
    });
}

#[test]
fn down_to_an_unapplied_migration_is_rejected() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&to(SEEDS)).await.unwrap();
        let error = trial.down(&to(SEED_ROWS)).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Conflict, "migrate.not_applied"));
        assert_eq!(trial.up(&plan()).await.unwrap(), ALL - 9, "nothing was reverted");
    });
}

#[test]
fn down_reverts_in_reverse_order_of_application() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&plan()).await.unwrap();
        trial.sql(&format!("UPDATE shopctl_migration_runs SET sequence = 99 WHERE name = '{SEEDS}'")).await;
        let newest = migration::MIGRATIONS[ALL - 1].name;
        assert_eq!(trial.down(&steps(2)).await.unwrap(), [SEEDS, newest]);
    });
}

#[test]
fn an_existing_foreign_table_is_not_mistaken_for_an_applied_migration() {
    on(&EVERYWHERE, async |trial| {
        trial.sql("CREATE TABLE products (x int)").await;
        for _ in 0..2 {
            let error = trial.up(&plan()).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Internal, "migrate.failed"));
            assert!(error.message().contains(PRODUCTS), "{error}");
            assert_eq!(trial.states().await[..3], [State::Applied, State::Failed, State::Pending]);
        }
        trial.sql("DROP TABLE products").await;
        assert_eq!(trial.up(&plan()).await.unwrap(), ALL - 1);
    });
}

#[test]
fn seaorms_migrator_and_this_one_can_alternate() {
    use migration::Migrator;
    use sea_orm_migration::MigratorTrait;
    on(&EVERYWHERE, async |trial| {
        let connection = &trial.shop.connect().await;
        Migrator::up(connection, Some(3)).await.unwrap();
        assert_eq!(trial.up(&plan()).await.unwrap(), ALL - 3);
        assert!(Migrator::get_pending_migrations(connection).await.unwrap().is_empty());
        Migrator::down(connection, Some(1)).await.unwrap();
        assert_eq!(trial.states().await[ALL - 2..], [State::Applied, State::Pending]);
        assert_eq!(trial.up(&plan()).await.unwrap(), 1);
        assert_eq!(trial.down(&steps(99)).await.unwrap().len(), ALL);
    });
}

#[test]
fn an_unknown_migration_is_shown_and_not_reverted() {
    on(&EVERYWHERE, async |trial| {
        trial.up(&plan()).await.unwrap();
        trial.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_of_tomorrow', 0)").await;
        trial
            .sql("INSERT INTO shopctl_migration_runs (sequence, name, direction, state, statements_done, statements_total, runner, version) VALUES (99, 'm29991231_of_tomorrow', 'up', 'done', 1, 1, 'x', '9')")
            .await;
        assert_eq!(trial.states().await.last(), Some(&State::Missing));
        assert_eq!(trial.down(&plan()).await.unwrap_err().code(), "migrate.missing");
        assert_eq!(trial.up(&plan()).await.unwrap(), 0);
    });
}

/// What a run leaves that is killed between the statement and its record; only where DDL commits by
/// itself.
#[test]
fn a_run_that_died_after_its_statement_is_completed_by_the_next() {
    on(&[Backend::MariaDb], async |trial| {
        trial.up(&to(LAST)).await.unwrap();
        let died_in_up = format!(
            "DELETE FROM seaql_migrations WHERE version = '{LAST}'; \
         UPDATE shopctl_migration_runs SET state = 'running' WHERE name = '{LAST}' AND sequence = \
         (SELECT * FROM (SELECT MAX(sequence) FROM shopctl_migration_runs) AS newest)"
        );
        let died_in_down = format!(
            "INSERT INTO shopctl_migration_runs (sequence, name, direction, state, statements_done, statements_total, \
             runner, version) SELECT MAX(sequence) + 1, '{LAST}', 'down', 'running', 0, 1, 'x', '9' \
             FROM shopctl_migration_runs"
        );
        let dropped = "; DROP TABLE audit_seals";
        for death in [died_in_up.clone(), died_in_up + dropped, died_in_down.clone(), died_in_down + dropped] {
            trial.sql(&death).await;
            assert_eq!(trial.state(LAST).await, State::Interrupted);
            assert_eq!(trial.up(&to(LAST)).await.unwrap(), 1, "{death}");
            trial.sql("SELECT hash FROM audit_seals").await;
            trial.sql(&death).await;
            assert_eq!(trial.down(&plan()).await.unwrap(), [LAST], "{death}");
            assert_eq!(trial.up(&to(LAST)).await.unwrap(), 1, "{death}");
        }
    });
}

#[test]
fn a_migration_that_cannot_be_reverted_is_still_applied() {
    on(&[Backend::MariaDb], async |trial| {
        trial.up(&plan()).await.unwrap();
        trial.sql("CREATE TABLE guard (id uuid, FOREIGN KEY (id) REFERENCES products (id))").await;
        trial.sql(&format!("UPDATE shopctl_migration_runs SET sequence = 99 WHERE name = '{PRODUCTS}'")).await;
        let error = trial.down(&plan()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Internal, "migrate.failed"));
        assert_eq!(trial.states().await, [State::Applied; ALL]);
    });
}

#[test]
fn a_runner_that_lost_the_lock_stops_writing() {
    on(&SERVERS, async |trial| {
        let steal = || {
            let statement = "UPDATE shopctl_leases SET token = 'of another', holder = 'another'";
            // A separate runtime needs a separate thread.
            std::thread::scope(|scope| scope.spawn(|| trial.shop.sql(statement)).join().expect("no panic"));
        };
        let plan = plan();
        let error = up(Job { progress: &|_| steal(), ..Job::silent(&trial.database, &plan) }).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.lock_lost"));
        assert_eq!(trial.states().await[..2], [State::Applied, State::Pending]);
        let waits = Cell::new(0);
        let progress = |progress: Progress<'_>| {
            waits.set(waits.get() + 1);
            assert!(matches!(progress, Progress::Waiting(holder) if holder.starts_with("another (since 20")));
        };
        let error = up(Job { progress: &progress, ..Job::silent(&trial.database, &plan) }).await.unwrap_err();
        assert_eq!((error.kind(), error.code(), waits.get()), (Kind::Unavailable, "migrate.locked", 1));
    });
}

#[test]
fn the_environment_is_recorded_with_the_first_migration_only() {
    on(&EVERYWHERE, async |trial| {
        let connection = trial.database.connection();
        assert_eq!(setting(connection, ENVIRONMENT).await.unwrap(), None);
        assert_eq!(set_setting(&trial.database, ENVIRONMENT, "test").await.unwrap_err().kind(), Kind::Configuration);
        trial.up(&Plan { settings: vec![(ENVIRONMENT, "test")], ..steps(1) }).await.unwrap();
        trial.up(&Plan { settings: vec![(ENVIRONMENT, "development")], ..plan() }).await.unwrap();
        assert_eq!(setting(connection, ENVIRONMENT).await.unwrap().as_deref(), Some("test"));
        set_setting(&trial.database, ENVIRONMENT, "production").await.unwrap();
        assert_eq!(setting(connection, ENVIRONMENT).await.unwrap().as_deref(), Some("production"));
    });
}
