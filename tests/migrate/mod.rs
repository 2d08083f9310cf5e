//! Migrations: run as a user does, and on the library with custom migration lists.

mod adoption;
mod blocked;
mod commands;
mod copies;
mod drift;
mod guards;
mod histories;
mod kills;
mod lost_commits;
mod plan;
mod recovery;
mod references;
mod removals;
mod renames;
mod repairs;
mod runner;
mod verify;

use std::time::Duration;

use sea_orm::ConnectionTrait;
use shopctl::db::budget::Budget;
use shopctl::db::schema::{self, Schema};
use shopctl::db::target::{SqliteTarget, Target};
use shopctl::db::{Access, ConnectSettings, Database};
use shopctl::domain::Clock;
use shopctl::error::Result;
use shopctl::migrate::{Catalog, Job, Plan, State, StopSignal, down, status, up};

use crate::support::shop::block_on;
use crate::support::{Backend, Shop};

const EVERYWHERE: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];
/// Where a lease keeps runners apart, not the lock of a file.
const SERVERS: [Backend; 2] = [Backend::Postgres, Backend::MariaDb];

/// An empty database, connected to.
struct Trial {
    shop: Shop,
    database: Database,
}

/// Runs a test on an empty database of each backend that is not left out.
fn on(backends: &[Backend], test: impl AsyncFn(&Trial)) {
    for shop in backends.iter().filter_map(|backend| Shop::empty(*backend)) {
        block_on(async {
            let trial = Trial::connect(shop).await;
            test(&trial).await;
            trial.database.close().await;
        });
    }
}

impl Trial {
    async fn connect(shop: Shop) -> Trial {
        let target = match shop.backend {
            Backend::Sqlite => Target::Sqlite(SqliteTarget { path: shop.path("shop.db") }),
            _ => Target::parse_url(&shop.url).expect("a URL of ours"),
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
            budget: Budget::new(None, false),
            ids: None,
        };
        Trial { shop, database: Database::connect(&settings).await.expect("the test's own database answers") }
    }

    async fn sql(&self, sql: &str) {
        self.database.connection().execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn up(&self, plan: &Plan) -> Result<usize> {
        Ok(up(Job::silent(&self.database, plan)).await?.len())
    }

    async fn down(&self, plan: &Plan) -> Result<Vec<String>> {
        let steps = down(Job::silent(&self.database, plan)).await?;
        Ok(steps.into_iter().map(|step| step.name).collect())
    }

    /// The states of the migrations in a custom list, and of those missing from it.
    async fn states_of(&self, catalog: &Catalog) -> Vec<State> {
        let all = status(self.database.connection(), catalog).await.unwrap();
        all.iter().map(|migration| migration.state).collect()
    }

    async fn schema(&self) -> Schema {
        schema::read(self.database.connection(), self.database.engine()).await.unwrap()
    }

    async fn states(&self) -> Vec<State> {
        self.states_of(&Catalog::embedded()).await
    }

    /// The state of one of shopctl's own migrations.
    async fn state(&self, name: &str) -> State {
        let at = migration::MIGRATIONS.iter().position(|migration| migration.name == name).expect("it is one of them");
        self.states().await[at]
    }
}

fn plan() -> Plan {
    Plan {
        catalog: Catalog::embedded(),
        steps: None,
        to: None,
        allow_late: true,
        lock_wait: Duration::from_secs(1),
        stop: StopSignal::default(),
        runner: "tester@here, process 1".to_owned(),
        settings: Vec::new(),
        clock: Clock(|| chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap()),
        asked: None,
    }
}

fn steps(steps: u32) -> Plan {
    Plan { steps: Some(steps), ..plan() }
}

fn to(name: &str) -> Plan {
    Plan { to: Some(name.to_owned()), ..plan() }
}
