//! `shopctl product list`

use clap::Args;

use super::FilterArguments;
use super::view::ProductView;
use crate::cli::shared::arguments::ListArguments;
use crate::cli::shared::list::{self, Shown};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Page;
use crate::error::Result;
use crate::repository::product as products;

#[derive(Debug, Args)]
pub struct ProductListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    pub list: ListArguments,
}

pub async fn run(context: &Context, arguments: &ProductListArguments) -> Result<()> {
    context.output.check_fields::<ProductView>(&[])?;
    let filter = arguments.filter.filter()?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&products::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    let count = async || products::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

pub async fn fetch(database: &Database, filter: &products::Filter, page: &Page) -> Result<Shown<ProductView>> {
    let found = products::find_all(database.connection(), filter, page).await?;
    Ok(Shown { rows: found.items.into_iter().map(ProductView).collect(), next: found.next })
}
