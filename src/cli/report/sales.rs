//! `shopctl report sales`

use clap::Args;

use super::{ChartArguments, open, warn_left_out};
use crate::cli::shared::arguments::{PeriodArguments, name_of};
use crate::context::Context;
use crate::domain::period::{self, Bucket, PeriodLength};
use crate::domain::{Amount, Violations};
use crate::error::Result;
use crate::output::{Bar, Column, ListFooter, View};
use crate::repository::report::{self as reports, Sales};

#[derive(Debug, Args)]
pub struct SalesArguments {
    /// Length of the periods: day, week, month or year
    #[arg(long, value_name = "STEP", default_value = "day", value_parser = name_of(PeriodLength::ALL, PeriodLength::as_str), hide_possible_values = true)]
    by: PeriodLength,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    chart: ChartArguments,
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
        Column::new("average", "AVERAGE", |(_, sales)| sales.gross.average(sales.orders).into()),
    ];
}

pub async fn run(context: &Context, arguments: &SalesArguments) -> Result<()> {
    let (span, zone) = (arguments.period.span(context)?, &context.zone);
    let buckets = period::buckets(arguments.by, zone, span, context.clock.now());
    let buckets = buckets.map_err(|problem| Violations::single("period", problem).into_error())?;
    let database = open::<(Bucket, Sales)>(context, &arguments.chart).await?;
    let ends = buckets.last().map(|bucket| bucket.end);
    let boundaries: Vec<_> = buckets.iter().map(|bucket| bucket.begin).chain(ends).collect();
    let sold = reports::sales(database.connection(), &boundaries).await?;
    let orders: i64 = sold.iter().map(|sales| sales.orders).sum();
    let units: i64 = sold.iter().map(|sales| sales.units).sum();
    let sum = |part: fn(&Sales) -> Amount| sold.iter().fold(Amount::ZERO, |sum, sales| sum.plus(part(sales)));
    let (gross, refunds, net) = (sum(|sales| sales.gross), sum(|sales| sales.refunds), sum(Sales::net));
    let rows: Vec<_> = buckets.into_iter().zip(sold).collect();
    let totals = [
        ("orders", orders.into()),
        ("units", units.into()),
        ("gross", gross.into()),
        ("refunds", refunds.into()),
        ("net", net.into()),
        ("average", gross.average(orders).into()),
    ];
    context.output.page(&rows, &ListFooter { totals: &totals, ..ListFooter::default() })?;
    warn_left_out(context, rows.iter().map(|(_, sales)| sales.left_out).sum());
    let bar = |(bucket, sales): &(Bucket, Sales)| Bar::new(&bucket.label, sales.net().to_decimal());
    if arguments.chart.chart {
        context.output.sparkline(&rows.iter().map(bar).collect::<Vec<_>>())?;
    }
    arguments.chart.draw(context, &rows, bar)
}
