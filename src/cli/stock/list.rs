//! `shopctl stock list|history`: which products, and which movements of one.

use clap::Args;
use uuid::Uuid;

use super::view::{MovementView, StockView};
use crate::cli::shared::arguments::{StockFilterArguments, search_text};
use crate::cli::shared::list::ListQuery;
use crate::db::Database;
use crate::domain::{Id, Page};
use crate::entity::{product, stock_movement};
use crate::error::{Kind, Result};
use crate::repository::{Listing, SortField, order as orders, product as products, stock_movement as movements};
use crate::service::product as service;

#[derive(Debug, Args)]
pub struct LevelArguments {
    /// Anywhere in SKU or name
    #[arg(long, value_name = "TEXT", value_parser = search_text())]
    search: Option<String>,
    #[command(flatten)]
    left: StockFilterArguments,
}

impl ListQuery for LevelArguments {
    type Entity = product::Entity;
    type Filter = products::Filter;
    type Row = StockView;
    const SORT_FIELDS: &'static [SortField<product::Entity>] = &products::SORT_FIELDS;
    /// Lowest stock first, by default.
    const DEFAULT_SORT: &'static str = "stock_quantity";

    async fn filter(&self, _database: &Database) -> Result<products::Filter> {
        let (search, max_stock) = (self.search.clone(), self.left.max_stock());
        Ok(products::Filter { search, max_stock, ..products::Filter::default() })
    }

    async fn page(database: &Database, filter: &products::Filter, page: &Page) -> Result<Listing<StockView>> {
        let found = products::find_all(database.connection(), filter, page).await?;
        Ok(Listing { items: found.items.into_iter().map(StockView).collect(), next: found.next })
    }

    async fn count(database: &Database, filter: &products::Filter) -> Result<u64> {
        products::count(database.connection(), filter).await
    }
}

#[derive(Debug, Args)]
pub struct MovementArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
}

impl ListQuery for MovementArguments {
    type Entity = stock_movement::Entity;
    type Filter = Id;
    type Row = MovementView;
    const SORT_FIELDS: &'static [SortField<stock_movement::Entity>] = &movements::SORT_FIELDS;

    async fn filter(&self, database: &Database) -> Result<Id> {
        // A deleted product can still be named by its id, because its movements remain.
        match (service::find(database.connection(), &self.product).await, Uuid::try_parse(&self.product)) {
            (Err(error), Ok(id)) if error.kind() == Kind::NotFound => Ok(id.into()),
            (product, _) => Ok(product?.id),
        }
    }

    async fn page(database: &Database, product: &Id, page: &Page) -> Result<Listing<MovementView>> {
        let found = movements::find_all(database.connection(), *product, page).await?;
        let ids: Vec<Id> = found.items.iter().filter_map(|movement| movement.order_id).collect();
        let orders = orders::find_references(database.connection(), &ids).await?;
        let row = |movement: stock_movement::Model| {
            let order = orders.iter().find(|(id, _)| movement.order_id == Some(*id)).map(|(_, name)| name.clone());
            MovementView { movement, order }
        };
        Ok(Listing { items: found.items.into_iter().map(row).collect(), next: found.next })
    }

    async fn count(database: &Database, product: &Id) -> Result<u64> {
        movements::count(database.connection(), *product).await
    }
}
