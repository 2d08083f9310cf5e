//! Tables that others hold: a migration waits, says for whom, and goes on.

use std::time::Duration;

use migration::Migration;
use sea_orm::{ConnectionTrait, TransactionTrait};
use shopctl::error::Kind;
use shopctl::migrate::{Catalog, Plan, Progress, State, up};

use super::{SERVERS, on, plan};
use crate::support::Backend;

const HELD: Migration = Migration {
    name: "m1_held",
    up: |_| vec!["ALTER TABLE held ADD COLUMN note int".into()],
    down: |_| vec!["ALTER TABLE held DROP COLUMN note".into()],
};

fn held(lock_wait: Duration) -> Plan {
    Plan { catalog: Catalog::new(vec![HELD], ""), lock_wait, ..plan() }
}

#[test]
fn a_migration_waits_for_its_tables_and_names_who_holds_them() {
    on(&SERVERS, async |trial| {
        trial.sql("CREATE TABLE held (id int)").await;
        let other = trial.shop.connect().await;
        let transaction = other.begin().await.unwrap();
        transaction.execute_unprepared("INSERT INTO held VALUES (1)").await.unwrap();

        let error = up(&trial.database, &held(Duration::from_millis(1)), &mut |_| ()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.blocked"));
        let sign = if trial.shop.backend == Backend::Postgres { "by process " } else { "by session " };
        assert!(error.message().contains(sign) && error.message().contains(" s)"), "{error}");
        assert_eq!(trial.states_of(&held(Duration::ZERO).catalog).await, [State::Failed]);

        let mut transaction = Some(transaction);
        let mut told = Vec::new();
        let steps = up(&trial.database, &held(Duration::from_secs(60)), &mut |progress| {
            if let Progress::Blocked { by, .. } = progress {
                told.extend(by.iter().cloned());
                // Dropped, it is rolled back.
                drop(transaction.take());
            }
        })
        .await
        .unwrap();
        assert_eq!(steps.len(), 1);
        assert!(!told.is_empty());
        other.close().await.unwrap();
    });
}

/// A killed runner's last statement goes on without it, and commits by itself.
#[test]
fn a_statement_that_outlives_its_runner_is_waited_for() {
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
