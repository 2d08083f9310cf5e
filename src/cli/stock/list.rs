//! `shopctl stock list|history`: which products, and which movements of one.

use clap::Args;
use uuid::Uuid;

use super::view::{MovementView, StockView};
use crate::cli::shared::arguments::{RetiredArguments, StockFilterArguments, moment_of, search_text, time};
use crate::cli::shared::list::ListQuery;
use crate::context::Context;
use crate::db::Database;
use crate::domain::{Id, SearchText, TypedTime};
use crate::entity::{product, stock_movement};
use crate::error::{Kind, Result};
use crate::output::Output;
use crate::repository::{Search, order as orders, product as products, stock_movement as movements};
use crate::service::product as service;

#[derive(Debug, Args)]
pub struct LevelArguments {
    /// Only products with all of these words in their SKU or name
    #[arg(long, value_name = "TEXT", value_parser = search_text())]
    search: Option<SearchText>,
    #[command(flatten)]
    left: StockFilterArguments,
    #[command(flatten)]
    retired: RetiredArguments,
    /// Stock at this time, or at the end of this day; only existing products
    #[arg(long, value_name = "TIME", value_parser = time())]
    at: Option<TypedTime>,
}

impl ListQuery for LevelArguments {
    type Filter = products::Filter;
    type Row = StockView;
    /// Lowest stock first, by default.
    const DEFAULT_SORT: &'static str = "stock_quantity";

    fn check(&self, context: &Context) -> Result<()> {
        moment_of(context, "--at", self.at.as_ref()).map(drop)
    }

    async fn filter(&self, context: &Context, database: &Database) -> Result<products::Filter> {
        let at = moment_of(context, "--at", self.at.as_ref())?;
        let search = Search::products(database.connection(), &self.search.clone().unwrap_or_default()).await?;
        let (max_stock, retired) = (self.left.max_stock(), Some(self.retired.retired));
        Ok(products::Filter { search, max_stock, retired, at, ..products::Filter::default() })
    }

    async fn rows(_output: &Output, _database: &Database, found: Vec<product::Model>) -> Result<Vec<StockView>> {
        Ok(found.into_iter().map(StockView).collect())
    }
}

#[derive(Debug, Args)]
pub struct MovementArguments {
    /// SKU or id of the product
    #[arg(value_name = "PRODUCT")]
    product: String,
}

impl ListQuery for MovementArguments {
    type Filter = movements::Filter;
    type Row = MovementView;

    async fn filter(&self, _context: &Context, database: &Database) -> Result<movements::Filter> {
        // A deleted product can still be named by its id, because its movements remain.
        let product_id =
            match (service::find(database.connection(), &self.product).await, Uuid::try_parse(&self.product)) {
                (Err(error), Ok(id)) if error.kind() == Kind::NotFound => id.into(),
                (product, _) => product?.id,
            };
        Ok(movements::Filter { product_id })
    }

    async fn rows(
        _output: &Output,
        database: &Database,
        found: Vec<stock_movement::Model>,
    ) -> Result<Vec<MovementView>> {
        let ids: Vec<Id> = found.iter().filter_map(|movement| movement.order_id.present()).collect();
        let orders = orders::find_references(database.connection(), &ids).await?;
        let row = |movement: stock_movement::Model| {
            let order = orders.iter().find(|(id, _)| movement.order_id == *id).and_then(|(_, name)| name.to_text());
            MovementView { movement, order }
        };
        Ok(found.into_iter().map(row).collect())
    }
}
