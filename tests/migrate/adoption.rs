//! A shop of another program, taken over by a shopctl whose migrations have gone on.

use migration::types::sql;
use migration::{MIGRATIONS, Migration};
use sea_orm::DbBackend;
use sea_orm::sea_query::{ColumnDef, Table};
use shopctl::migrate::{Catalog, ForeignShop, Job, Plan, State};

use super::{EVERYWHERE, Trial, plan};
use crate::support::Shop;
use crate::support::foreign::sequelize;
use crate::support::shop::block_on;

/// A later migration that changes an adopted table.
const ADDED: Migration = Migration { name: "m99990101_000001_add_later_column_to_products", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let mut column = ColumnDef::new("later_column");
    vec![sql(backend, Table::alter().table("products").add_column(column.integer().null()))]
}

fn down(backend: DbBackend) -> Vec<String> {
    vec![sql(backend, Table::alter().table("products").drop_column("later_column"))]
}

#[test]
fn an_adopted_table_gets_a_later_column_once() {
    for backend in EVERYWHERE {
        let (Some(made), Some(scratch)) = (Shop::empty(backend), Shop::empty(backend)) else { continue };
        block_on(async { adopt(&Trial::connect(made).await, &Trial::connect(scratch).await).await });
    }
}

async fn adopt(trial: &Trial, scratch: &Trial) {
    for statement in sequelize(trial.shop.backend) {
        trial.sql(&statement).await;
    }
    let plan = Plan { catalog: Catalog::new([MIGRATIONS, &[ADDED]].concat(), ""), ..plan() };
    scratch.up(&plan).await.unwrap();
    let (connection, expected) = (trial.database.connection(), scratch.schema().await);
    let shop = ForeignShop::find(connection, &plan.catalog, &expected, 0, None).await.unwrap();
    shop.expect("it is another program's").adopt(Job::silent(&trial.database, &plan)).await.unwrap();
    assert!(trial.states_of(&plan.catalog).await.iter().all(|state| *state == State::Applied));
    assert!(trial.schema().await.has_column("products", "later_column"));
    assert_eq!(trial.down(&Plan { steps: Some(1), ..plan }).await.unwrap(), [ADDED.name]);
    assert!(!trial.schema().await.has_column("products", "later_column"));
    trial.shop.run(&["migrate", "verify"]).success();
    trial.database.clone().close().await;
    scratch.database.clone().close().await;
}
