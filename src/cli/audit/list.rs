//! `shopctl audit list`

use clap::Args;

use super::FilterArguments;
use super::view::EventView;
use crate::cli::shared::arguments::ListArguments;
use crate::cli::shared::list::{self, Shown};
use crate::context::Context;
use crate::db::Access;
use crate::domain::Page;
use crate::error::Result;
use crate::repository::audit_event as events;

#[derive(Debug, Args)]
pub struct AuditListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    pub list: ListArguments,
}

pub async fn run(context: &Context, arguments: &AuditListArguments) -> Result<()> {
    context.output.check_fields::<EventView>(&[])?;
    let mut filter = arguments.filter.filter()?;
    let page = arguments.list.page("-occurred_at");
    crate::repository::sort_field(&events::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let fetch = async |page: &Page| {
        let found = events::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(EventView).collect(), next: found.next })
    };
    let count = async || events::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}
