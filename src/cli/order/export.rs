//! `shopctl order export`

use std::pin::pin;

use futures_util::{Stream, TryStreamExt};

use super::FilterArguments;
use crate::cli::shared::list::{Export, ListQuery};
use crate::context::Context;
use crate::db::Access;
use crate::error::Result;
use crate::output::{Format, ListFooter, Output, View};
use crate::repository::order as orders;

pub async fn run(context: &Context, arguments: &Export<FilterArguments>) -> Result<()> {
    arguments.filter.check(context)?;
    let format = arguments.format(context)?;
    let database = context.database(Access::Read).await?;
    let filter = arguments.filter.filter(context, &database).await?;
    let export = context.output.open_export(format, arguments.out.as_deref()).await?;
    let connection = database.connection();
    match format {
        Format::Json | Format::Jsonl | Format::MongoJson => {
            print(export.output(), orders::stream_orders(connection, &filter).await?).await?;
        }
        // A flat file has one row per item, which repeats the fields of its order.
        Format::Table | Format::Csv | Format::Tsv | Format::Id => {
            print(export.output(), orders::stream_lines(connection, &filter).await?).await?;
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
    rows.finish(&ListFooter::default())
}
