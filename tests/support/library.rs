//! The shop through the library instead of the command line.

use std::time::Duration;

use shopctl::db::budget::Budget;
use shopctl::db::target::Target;
use shopctl::db::{Access, ConnectSettings, Database};
use shopctl::domain::{Clock, IdSource};
use shopctl::service::committing::CommitTracker;
use shopctl::service::operation::Operations;

use super::Shop;

pub async fn database(shop: &Shop) -> Database {
    let settings = ConnectSettings {
        target: Target::parse_url(&shop.url).expect("a URL of ours"),
        access: Access::Write,
        max_connections: 5,
        min_connections: 0,
        acquire_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        budget: Budget::new(None, false),
        ids: None,
    };
    Database::connect(&settings).await.expect("the test's own database answers")
}

#[expect(clippy::disallowed_methods, reason = "the tests' own clock and id source")]
pub fn operations(database: &Database) -> Operations {
    Operations {
        database: database.clone(),
        clock: Clock(chrono::Utc::now),
        ids: IdSource(uuid::Uuid::now_v7),
        actor: "tester".to_owned(),
        dry_run: false,
        committing: CommitTracker::default(),
    }
}
