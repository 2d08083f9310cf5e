//! `shopctl stock history`

use clap::Args;
use uuid::Uuid;

use super::view::MovementView;
use crate::cli::shared::arguments::ListArguments;
use crate::cli::shared::list::{self, Shown};
use crate::context::Context;
use crate::db::Access;
use crate::domain::{Id, Page};
use crate::error::Result;
use crate::repository::{order as orders, stock_movement as movements};
use crate::service::product;

#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
    #[command(flatten)]
    pub list: ListArguments,
}

pub async fn run(context: &Context, arguments: &HistoryArguments) -> Result<()> {
    context.output.check_fields::<MovementView>(&[])?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&movements::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let connection = database.connection();
    // A product that is gone is found by its id: its movements outlive it.
    let id = match Uuid::try_parse(&arguments.product) {
        Ok(id) => Id::from(id),
        Err(_) => product::find(connection, &arguments.product).await?.id,
    };
    let fetch = async |page: &Page| {
        let found = movements::find_all(connection, id, page).await?;
        let ids: Vec<Id> = found.items.iter().filter_map(|movement| movement.order_id).collect();
        let orders = orders::find_references(connection, &ids).await?;
        let rows = found.items.into_iter().map(|movement| {
            let order = orders.iter().find(|(id, _)| movement.order_id == Some(*id)).map(|(_, name)| name.clone());
            MovementView { movement, order }
        });
        Ok(Shown { rows: rows.collect(), next: found.next })
    };
    list::print(context, &arguments.list, page, fetch, async || movements::count(connection, id).await).await
}
