//! `shopctl user list`

use clap::Args;

use super::FilterArguments;
use super::view::UserView;
use crate::cli::shared::arguments::ListArguments;
use crate::cli::shared::list::{self, Shown};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Page;
use crate::error::Result;
use crate::repository::user as users;

#[derive(Debug, Args)]
pub struct UserListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    pub list: ListArguments,
}

pub async fn run(context: &Context, arguments: &UserListArguments) -> Result<()> {
    context.output.check_fields::<UserView>(&[])?;
    let filter = arguments.filter.filter()?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&users::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    list::print(context, &arguments.list, page, fetch, async || users::count(database.connection(), &filter).await)
        .await
}

pub async fn fetch(database: &Database, filter: &users::Filter, page: &Page) -> Result<Shown<UserView>> {
    let found = users::find_all(database.connection(), filter, page).await?;
    Ok(Shown { rows: found.items.into_iter().map(UserView).collect(), next: found.next })
}
