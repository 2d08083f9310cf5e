//! `shopctl report sales`

use clap::Args;

use super::{LeftOut, PrintArguments, open, warn_left_out};
use crate::cli::shared::arguments::{PeriodArguments, name_of};
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::guarded::Connection;
use crate::domain::Violations;
use crate::domain::period::{self, Bucket, PeriodLength, Span};
use crate::error::Result;
use crate::output::{Bar, Column, ListFooter, View};
use crate::repository::report::{self as reports, Sales};
use crate::repository::untimed;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<(Bucket, Sales)>())]
pub struct SalesArguments {
    /// Length of the periods: day, week, month or year
    #[arg(long, value_name = "STEP", default_value = "day", value_parser = name_of(PeriodLength::ALL, PeriodLength::as_str), hide_possible_values = true)]
    by: PeriodLength,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    print: PrintArguments,
}

/// The sales of one period.
impl View for (Bucket, Sales) {
    const NOUN: &'static str = "periods";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("period", "PERIOD", |(bucket, _)| bucket.label.as_str().into()),
        Column::detail("since", "SINCE", |(bucket, _)| bucket.begin.into()),
        Column::detail("until", "UNTIL", |(bucket, _)| bucket.end.into()),
        Column::new("orders", "ORDERS", |(_, sales)| sales.orders.into()),
        Column::new("units", "UNITS", |(_, sales)| sales.units.into()),
        Column::new("gross", "GROSS", |(_, sales)| sales.gross.into()),
        Column::new("refunds", "REFUNDS", |(_, sales)| sales.refunds.into()),
        Column::new("net", "NET", |(_, sales)| sales.net().into()),
        Column::new("average", "AVERAGE", |(_, sales)| sales.average().into()),
    ];
}

/// The periods of a report, those of the zone.
///
/// Errors: exit 7 for a span that has none, or too many.
pub fn buckets(context: &Context, by: PeriodLength, span: Span) -> Result<Vec<Bucket>> {
    let buckets = period::buckets(by, &context.zone, span, context.clock.now());
    buckets.map_err(|problem| Violations::single("period", problem).into_error())
}

/// The sales of each period.
pub async fn of_buckets(connection: &Connection, buckets: Vec<Bucket>) -> Result<Vec<(Bucket, Sales)>> {
    let ends = buckets.last().map(|bucket| bucket.end);
    let boundaries: Vec<_> = buckets.iter().map(|bucket| bucket.begin).chain(ends).collect();
    let sold = reports::sales(connection, &boundaries).await?;
    Ok(buckets.into_iter().zip(sold).collect())
}

/// The sum over all periods.
pub fn total(rows: &[(Bucket, Sales)]) -> Sales {
    rows.iter().fold(Sales::default(), |sum, (_, sales)| Sales {
        orders: sum.orders + sales.orders,
        units: sum.units + sales.units,
        gross: sum.gross.plus(sales.gross),
        with_total: sum.with_total + sales.with_total,
        refunds: sum.refunds.plus(sales.refunds),
        left_out: sum.left_out + sales.left_out,
    })
}

pub async fn run(context: &Context, arguments: &SalesArguments) -> Result<()> {
    let buckets = buckets(context, arguments.by, arguments.period.span(context)?)?;
    let database = open::<(Bucket, Sales)>(context, &arguments.print).await?;
    let rows = of_buckets(database.connection(), buckets).await?;
    let sum = total(&rows);
    let totals = [
        ("orders", sum.orders.into()),
        ("units", sum.units.into()),
        ("gross", sum.gross.into()),
        ("refunds", sum.refunds.into()),
        ("net", sum.net().into()),
        ("average", sum.average().into()),
    ];
    arguments.print.print(context, &rows, &ListFooter { totals: &totals, ..ListFooter::default() }).await?;
    let times = untimed::count_sales(database.connection()).await?;
    warn_left_out(context, LeftOut { values: sum.left_out, times });
    let bar = |(bucket, sales): &(Bucket, Sales)| Bar::new(&bucket.label, sales.net().to_decimal());
    if arguments.print.chart {
        context.output.sparkline("net", &rows.iter().map(bar).collect::<Vec<_>>())?;
    }
    arguments.print.draw(context, "net", &rows, bar)
}
