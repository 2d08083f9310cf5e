//! `shopctl order export`

use std::collections::HashMap;

use uuid::Uuid;

use super::{OrderExportArguments, OrderView};
use crate::cli::export;
use crate::cli::list::Shown;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::{Page, Violations};
use crate::error::Result;
use crate::output::Format;
use crate::output::views::{ItemView, OrderDetailView, OrderLineView};
use crate::repository::order as orders;

pub async fn run(context: &Context, arguments: &OrderExportArguments) -> Result<()> {
    let mut violations = Violations::new();
    let mut filter = arguments.filter.parse(&mut violations);
    violations.into_result()?;
    let (format, out) = (arguments.export.format(context), arguments.export.out.as_deref());
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    if matches!(format, Format::Json | Format::Jsonl | Format::MongoJson) {
        let fetch = async |page: &Page| fetch(&database, &filter, page).await;
        return export::run(context, format, out, "created_at", fetch).await;
    }
    // A flat file has a row for each item, with its order's fields in each.
    let fetch = async |page: &Page| {
        let found = fetch(&database, &filter, page).await?;
        let rows = found.rows.into_iter().flat_map(OrderLineView::of).collect();
        Ok(Shown { rows, next: found.next })
    };
    export::run(context, format, out, "created_at", fetch).await
}

/// A page of orders with their items: three statements whatever their number.
async fn fetch(database: &Database, filter: &orders::Filter, page: &Page) -> Result<Shown<OrderDetailView>> {
    let found = super::fetch(database, filter, page).await?;
    let ids: Vec<Uuid> = found.rows.iter().map(|view| view.order.id).collect();
    let mut items: HashMap<Uuid, Vec<ItemView>> = HashMap::new();
    for (item, product) in orders::find_items_of(database.connection(), &ids).await? {
        items.entry(item.order_id).or_default().push(ItemView::new(item, product));
    }
    let detail = |order: OrderView| {
        let items = items.remove(&order.order.id).unwrap_or_default();
        OrderDetailView { order, items }
    };
    Ok(Shown { rows: found.rows.into_iter().map(detail).collect(), next: found.next })
}
