//! `shopctl order export`

use std::pin::pin;

use futures_util::{Stream, TryStreamExt};

use super::view::{ItemView, OrderDetailView, OrderLineView};
use super::{OrderExportArguments, OrderView};
use crate::context::Context;
use crate::db::Access;
use crate::error::Result;
use crate::output::{Format, Output, View};
use crate::repository::order as orders;

pub async fn run(context: &Context, arguments: &OrderExportArguments) -> Result<()> {
    let mut filter = arguments.filter.filter()?;
    let format = arguments.export.format(context)?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let export = context.output.exporting(format, arguments.export.out.as_deref()).await?;
    let connection = database.connection();
    match format {
        Format::Json | Format::Jsonl | Format::MongoJson => {
            print(export.output(), orders::find_whole(connection, &filter).await?.map_ok(detail)).await?;
        }
        // A flat file has a row for each item, with its order's fields in each.
        Format::Table | Format::Csv | Format::Tsv | Format::Id => {
            print(export.output(), orders::find_lines(connection, &filter).await?.map_ok(OrderLineView)).await?;
        }
    }
    export.complete()
}

async fn print<V: View>(output: &Output, found: impl Stream<Item = Result<V>>) -> Result<()> {
    let mut found = pin!(found);
    let mut rows = output.rows::<V>()?;
    while let Some(row) = found.try_next().await?
        && !output.is_closed()
    {
        rows.push(&row)?;
    }
    rows.finish(None, None)
}

fn detail(found: orders::Whole) -> OrderDetailView {
    let items = found.items.into_iter().map(|item| ItemView::named(item.item, item.sku, item.name)).collect();
    OrderDetailView { order: OrderView { order: found.order, email: found.email }, items }
}
