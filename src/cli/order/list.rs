//! `shopctl order list`

use clap::Args;

use super::FilterArguments;
use super::view::OrderView;
use crate::cli::shared::arguments::ListArguments;
use crate::cli::shared::list::{self, Shown};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Page;
use crate::error::Result;
use crate::repository::order as orders;

#[derive(Debug, Args)]
pub struct OrderListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    pub list: ListArguments,
}

pub async fn run(context: &Context, arguments: &OrderListArguments) -> Result<()> {
    context.output.check_fields::<OrderView>(&[])?;
    let mut filter = arguments.filter.filter()?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&orders::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    let count = async || orders::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

async fn fetch(database: &Database, filter: &orders::Filter, page: &Page) -> Result<Shown<OrderView>> {
    let found = orders::find_all(database.connection(), filter, page).await?;
    let buyers = orders::find_users(database.connection(), &found.items).await?;
    let rows = found.items.into_iter().map(|order| {
        let email = buyers.iter().find(|user| user.id == order.user_id).map(|user| user.email.clone());
        OrderView { order, email }
    });
    Ok(Shown { rows: rows.collect(), next: found.next })
}
