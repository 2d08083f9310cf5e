//! `shopctl order export`

use super::{OrderExportArguments, OrderView};
use crate::context::Context;
use crate::db::Access;
use crate::domain::Violations;
use crate::error::Result;
use crate::output::Format;
use crate::output::views::{ItemView, OrderDetailView, OrderLineView};
use crate::repository::order as orders;

pub async fn run(context: &Context, arguments: &OrderExportArguments) -> Result<()> {
    let mut violations = Violations::new();
    let mut filter = arguments.filter.parse(&mut violations);
    violations.into_result()?;
    let format = arguments.export.format(context);
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let output = context.output.exporting(format, arguments.export.out.as_deref())?;
    context.lift_time_limit();
    let mut found = orders::find_whole(database.connection(), &filter).await?;
    if matches!(format, Format::Json | Format::Jsonl | Format::MongoJson) {
        let mut rows = output.output().rows::<OrderDetailView>()?;
        while let Some(order) = found.next().await?
            && !output.output().is_closed()
        {
            rows.push(&detail(order))?;
        }
        rows.finish(None, None)?;
        return output.complete();
    }
    // A flat file has a row for each item, with its order's fields in each.
    let mut rows = output.output().rows::<OrderLineView>()?;
    while let Some(order) = found.next().await?
        && !output.output().is_closed()
    {
        for line in OrderLineView::of(detail(order)) {
            rows.push(&line)?;
        }
    }
    rows.finish(None, None)?;
    output.complete()
}

fn detail(found: orders::Whole) -> OrderDetailView {
    let items = found.items.into_iter().map(|item| ItemView::named(item.item, item.sku, item.name)).collect();
    OrderDetailView { order: OrderView { order: found.order, email: found.email }, items }
}
