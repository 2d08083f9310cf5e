//! `shopctl stock list`

use clap::Args;

use super::view::StockView;
use crate::cli::shared::arguments::{LeftArguments, ListArguments, searched};
use crate::cli::shared::list::{self, Shown};
use crate::context::Context;
use crate::db::Access;
use crate::domain::Page;
use crate::error::Result;
use crate::repository::product as products;

#[derive(Debug, Args)]
pub struct StockListArguments {
    /// Anywhere in SKU or name
    #[arg(long, value_name = "TEXT", value_parser = searched())]
    search: Option<String>,
    #[command(flatten)]
    left: LeftArguments,
    #[command(flatten)]
    pub list: ListArguments,
}

pub async fn run(context: &Context, arguments: &StockListArguments) -> Result<()> {
    context.output.check_fields::<StockView>(&[])?;
    let (search, max_stock) = (arguments.search.clone(), arguments.left.max_stock());
    let filter = products::Filter { search, max_stock, ..products::Filter::default() };
    // What runs out first is what one looks for.
    let page = arguments.list.page("stock_quantity");
    crate::repository::sort_field(&products::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| {
        let found = products::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(StockView).collect(), next: found.next })
    };
    let count = async || products::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}
