//! Against a SQLite file always; against servers whose databases `SHOPCTL_TEST_POSTGRES_URL` and
//! `SHOPCTL_TEST_MYSQL_URL` name, which these tests empty.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::ConnectionTrait;

use super::*;
use crate::db::target::{SqliteTarget, Target};
use crate::db::{Access, ConnectSettings};
use crate::error::Kind;

const USERS: &str = "m20260101_000001_create_users";
const PRODUCTS: &str = "m20260101_000002_create_products";
const SEEDS: &str = "m20260101_000007_create_seeds";
const SEED_ROWS: &str = "m20260101_000008_create_seed_rows";

/// Tests that share a server's database take turns; always in this order.
static POSTGRES: Mutex<()> = Mutex::new(());
static MYSQL: Mutex<()> = Mutex::new(());

struct Trial {
    database: Database,
    _folder: tempfile::TempDir,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Trial {
    async fn connect(url: Option<&str>) -> Trial {
        let folder = tempfile::tempdir().unwrap();
        let target = match url {
            Some(url) => Target::parse_url(url).unwrap(),
            None => Target::Sqlite(SqliteTarget { path: folder.path().join("shop.db") }),
        };
        let limit = Duration::from_secs(10);
        let settings = ConnectSettings {
            target,
            access: Access::Create,
            max_connections: 2,
            min_connections: 0,
            acquire_timeout: limit,
            idle_timeout: limit,
            connect_timeout: limit,
        };
        Trial { database: Database::connect(&settings).await.unwrap(), _folder: folder, _turn: None }
    }

    async fn sqlite() -> Trial {
        Trial::connect(None).await
    }

    /// An empty database on the server that the variable names, if it names one.
    async fn server(variable: &str, turn: &'static Mutex<()>) -> Option<Trial> {
        let url = std::env::var(variable).ok()?;
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let trial = Trial { _turn: Some(turn), ..Trial::connect(Some(&url)).await };
        if variable == "SHOPCTL_TEST_POSTGRES_URL" {
            trial.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
        } else {
            let row = trial.database.connection().query_one_raw(trial.raw("SELECT DATABASE() AS name")).await;
            let name: String = row.unwrap().unwrap().try_get("", "name").unwrap();
            trial.sql(&format!("DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}")).await;
        }
        Some(trial)
    }

    async fn everywhere() -> Vec<Trial> {
        let mut trials = vec![Trial::sqlite().await];
        trials.extend(Trial::postgres().await);
        trials.extend(Trial::mysql().await);
        trials
    }

    async fn postgres() -> Option<Trial> {
        Trial::server("SHOPCTL_TEST_POSTGRES_URL", &POSTGRES).await
    }

    async fn mysql() -> Option<Trial> {
        Trial::server("SHOPCTL_TEST_MYSQL_URL", &MYSQL).await
    }

    fn raw(&self, sql: &str) -> sea_orm::Statement {
        sea_orm::Statement::from_string(self.database.connection().get_database_backend(), sql)
    }

    async fn sql(&self, sql: &str) {
        self.database.connection().execute_unprepared(sql).await.unwrap();
    }

    async fn up(&self, plan: &Plan) -> Result<usize> {
        Ok(up(&self.database, plan, &mut |_| ()).await?.len())
    }

    async fn down(&self, plan: &Plan) -> Result<Vec<String>> {
        let steps = down(&self.database, plan, &mut |_| ()).await?;
        Ok(steps.into_iter().map(|step| step.name).collect())
    }

    async fn states(&self) -> Vec<State> {
        status(self.database.connection()).await.unwrap().iter().map(|migration| migration.state).collect()
    }
}

fn plan() -> Plan {
    Plan {
        steps: None,
        to: None,
        lock_wait: Duration::from_secs(1),
        runner: "tester@here, process 1".to_owned(),
        environment: None,
        clock: Clock(|| chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap()),
    }
}

fn steps(steps: u32) -> Plan {
    Plan { steps: Some(steps), ..plan() }
}

fn to(name: &str) -> Plan {
    Plan { to: Some(name.to_owned()), ..plan() }
}

#[tokio::test]
async fn up_down_and_up_again() {
    for trial in Trial::everywhere().await {
        assert_eq!(trial.states().await, [State::Pending; 8]);
        assert_eq!(trial.up(&to(PRODUCTS)).await.unwrap(), 2);
        assert_eq!(trial.up(&plan()).await.unwrap(), 6);
        assert_eq!(trial.up(&plan()).await.unwrap(), 0);
        assert_eq!(trial.down(&to(USERS)).await.unwrap().len(), 7);
        assert_eq!(trial.down(&steps(9)).await.unwrap(), [USERS]);
        assert_eq!(trial.states().await, [State::Pending; 8]);
        assert_eq!(trial.up(&plan()).await.unwrap(), 8);
        assert_eq!(trial.states().await, [State::Applied; 8]);
    }
}

#[tokio::test]
async fn down_to_a_migration_that_is_not_applied_used_to_revert_everything() {
    for trial in Trial::everywhere().await {
        trial.up(&to(SEEDS)).await.unwrap();
        let error = trial.down(&to(SEED_ROWS)).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Conflict, "migrate.not_applied"));
        assert_eq!(trial.up(&plan()).await.unwrap(), 1, "nothing was reverted");
    }
}

#[tokio::test]
async fn down_goes_by_the_order_of_application() {
    for trial in Trial::everywhere().await {
        trial.up(&plan()).await.unwrap();
        trial.sql(&format!("UPDATE shopctl_migrations SET sequence = 99 WHERE name = '{SEEDS}'")).await;
        assert_eq!(trial.down(&steps(2)).await.unwrap(), [SEEDS, SEED_ROWS]);
    }
}

#[tokio::test]
async fn a_table_of_somebody_else_is_never_taken_for_a_migration_that_was_done() {
    for trial in Trial::everywhere().await {
        trial.sql("CREATE TABLE products (x int)").await;
        for _ in 0..2 {
            let error = trial.up(&plan()).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Internal, "migrate.failed"));
            assert!(error.message().contains(PRODUCTS), "{error}");
            assert_eq!(trial.states().await[..3], [State::Applied, State::Failed, State::Pending]);
        }
        trial.sql("DROP TABLE products").await;
        assert_eq!(trial.up(&plan()).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_stock_migrator_and_this_one_take_turns() {
    use migration::Migrator;
    use sea_orm_migration::MigratorTrait;
    for trial in Trial::everywhere().await {
        let connection = trial.database.connection();
        Migrator::up(connection, Some(3)).await.unwrap();
        assert_eq!(trial.up(&plan()).await.unwrap(), 5);
        assert!(Migrator::get_pending_migrations(connection).await.unwrap().is_empty());
        Migrator::down(connection, Some(1)).await.unwrap();
        assert_eq!(trial.states().await[6..], [State::Applied, State::Pending]);
        assert_eq!(trial.up(&plan()).await.unwrap(), 1);
        assert_eq!(trial.down(&steps(8)).await.unwrap().len(), 8);
    }
}

#[tokio::test]
async fn an_unknown_migration_is_shown_and_not_reverted() {
    for trial in Trial::everywhere().await {
        trial.up(&plan()).await.unwrap();
        trial.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_of_tomorrow', 0)").await;
        trial
            .sql("INSERT INTO shopctl_migrations (name, state, sequence, runner, version) VALUES ('m29991231_of_tomorrow', 'applied', 9, 'x', '9')")
            .await;
        assert_eq!(trial.states().await.last(), Some(&State::Unknown));
        assert_eq!(trial.down(&plan()).await.unwrap_err().code(), "migrate.unknown");
        assert_eq!(trial.up(&plan()).await.unwrap(), 0);
    }
}

/// What a run leaves that is killed between the statement and its record; only where DDL commits by
/// itself.
#[tokio::test]
async fn a_run_that_died_after_its_statement_is_completed() {
    let Some(trial) = Trial::mysql().await else { return };
    trial.up(&plan()).await.unwrap();
    let died_in_up = format!(
        "DELETE FROM seaql_migrations WHERE version = '{SEED_ROWS}'; \
         UPDATE shopctl_migrations SET state = 'running' WHERE name = '{SEED_ROWS}'"
    );
    let died_in_down = format!("UPDATE shopctl_migrations SET state = 'reverting' WHERE name = '{SEED_ROWS}'");
    let dropped = "; DROP TABLE shopctl_seed_rows";
    for death in [died_in_up.clone(), died_in_up + dropped, died_in_down.clone(), died_in_down + dropped] {
        trial.sql(&death).await;
        assert_eq!(trial.states().await.last(), Some(&State::Pending));
        assert_eq!(trial.up(&plan()).await.unwrap(), 1, "{death}");
        trial.sql("SELECT seed FROM shopctl_seed_rows").await;
        trial.sql(&death).await;
        assert_eq!(trial.down(&plan()).await.unwrap(), [SEED_ROWS], "{death}");
        assert_eq!(trial.up(&plan()).await.unwrap(), 1, "{death}");
    }
}

#[tokio::test]
async fn a_migration_that_cannot_be_reverted_is_still_applied() {
    let Some(trial) = Trial::mysql().await else { return };
    trial.up(&plan()).await.unwrap();
    trial.sql("CREATE TABLE guard (id binary(16), FOREIGN KEY (id) REFERENCES products (id))").await;
    trial.sql(&format!("UPDATE shopctl_migrations SET sequence = 99 WHERE name = '{PRODUCTS}'")).await;
    let error = trial.down(&plan()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Internal, "migrate.failed"));
    assert_eq!(trial.states().await, [State::Applied; 8]);
}

#[tokio::test]
async fn a_runner_that_lost_the_lock_changes_nothing_more() {
    for trial in [Trial::postgres().await, Trial::mysql().await].into_iter().flatten() {
        let mut steps = 0;
        trial.up(&to(USERS)).await.unwrap();
        let lock = Lock::acquire(&trial.database, &plan(), &mut |_| ()).await.unwrap();
        trial.sql("UPDATE shopctl_locks SET token = 'of another', holder = 'another'").await;
        let plan = plan();
        let mut runner = Runner::new(&trial.database, &plan, &lock).await.unwrap();
        let error = runner.apply_next(&MIGRATIONS).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "migrate.lock_lost"));
        lock.release().await;
        assert_eq!(trial.states().await[..2], [State::Applied, State::Pending]);
        let error = up(&trial.database, &plan, &mut |progress| {
            steps += 1;
            assert!(matches!(progress, Progress::Waiting(holder) if holder.starts_with("another (since 20")));
        })
        .await
        .unwrap_err();
        assert_eq!((error.kind(), error.code(), steps), (Kind::Unavailable, "migrate.locked", 1));
    }
}

#[tokio::test]
async fn the_environment_is_noted_with_the_first_migration_only() {
    for trial in Trial::everywhere().await {
        let connection = trial.database.connection();
        assert_eq!(environment(connection).await.unwrap(), None);
        assert_eq!(set_environment(&trial.database, "test").await.unwrap_err().kind(), Kind::Configuration);
        trial.up(&Plan { environment: Some("test".to_owned()), ..steps(1) }).await.unwrap();
        trial.up(&Plan { environment: Some("development".to_owned()), ..plan() }).await.unwrap();
        assert_eq!(environment(connection).await.unwrap().as_deref(), Some("test"));
        set_environment(&trial.database, "production").await.unwrap();
        assert_eq!(environment(connection).await.unwrap().as_deref(), Some("production"));
    }
}
