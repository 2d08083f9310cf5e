//! `shopctl report sales`

use clap::Args;

use super::view::SalesView;
use super::{ChartArguments, PeriodArguments, open};
use crate::cli::shared::arguments::name_of;
use crate::context::Context;
use crate::domain::period::{self, Step};
use crate::domain::{Amount, Violations};
use crate::error::Result;
use crate::output::{Bar, Cell};
use crate::repository::report as reports;

#[derive(Debug, Args)]
pub struct SalesArguments {
    /// day, week or month
    #[arg(long, value_name = "STEP", default_value = "day", value_parser = name_of(Step::ALL, Step::as_str))]
    by: Step,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    pub chart: ChartArguments,
}

pub async fn run(context: &Context, arguments: &SalesArguments) -> Result<()> {
    let (span, zone) = (arguments.period.span()?, &arguments.period.tz);
    let buckets = period::buckets(arguments.by, zone, span, context.clock.now());
    let buckets = buckets.map_err(|problem| Violations::of("period", problem).into_error())?;
    let database = open::<SalesView>(context, &arguments.chart).await?;
    let ends = buckets.last().map(|bucket| bucket.end);
    let boundaries: Vec<_> = buckets.iter().map(|bucket| bucket.begin).chain(ends).collect();
    let sold = reports::sales(database.connection(), &boundaries).await?;
    let rows: Vec<_> = buckets.into_iter().zip(sold).map(|(bucket, sales)| SalesView { bucket, sales }).collect();
    let orders: i64 = rows.iter().map(|row| row.sales.orders).sum();
    let units: i64 = rows.iter().map(|row| row.sales.units).sum();
    let revenue = rows.iter().fold(Amount::ZERO, |sum, row| sum.plus(row.sales.revenue));
    let totals: [(&str, Cell); 4] = [
        ("orders", orders.into()),
        ("units", units.into()),
        ("revenue", revenue.into()),
        ("average", revenue.average(orders).into()),
    ];
    context.output.report(&rows, &totals)?;
    let bar = |row: &SalesView| Bar { label: row.bucket.label.clone(), value: row.sales.revenue.to_decimal() };
    if arguments.chart.chart {
        context.output.sparkline(&rows.iter().map(bar).collect::<Vec<_>>())?;
    }
    arguments.chart.draw(context, &rows, bar)
}
