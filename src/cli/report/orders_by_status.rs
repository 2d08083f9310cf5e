//! `shopctl report orders-by-status`

use clap::Args;

use super::view::StatusView;
use super::{ChartArguments, PeriodArguments, open};
use crate::context::Context;
use crate::domain::Amount;
use crate::error::Result;
use crate::output::Bar;
use crate::repository::report as reports;

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    pub chart: ChartArguments,
}

pub async fn run(context: &Context, arguments: &StatusArguments) -> Result<()> {
    let span = arguments.period.span()?;
    let database = open::<StatusView>(context, &arguments.chart).await?;
    let found = reports::by_status(database.connection(), span).await?;
    let rows: Vec<_> = found.into_iter().map(StatusView).collect();
    let orders: i64 = rows.iter().map(|row| row.0.orders).sum();
    let sales = rows.iter().filter(|row| row.is_sale());
    let revenue = sales.fold(Amount::ZERO, |sum, row| sum.plus(row.0.amount));
    context.output.report(&rows, &[("orders", orders.into()), ("revenue", revenue.into())])?;
    arguments.chart.draw(context, &rows, |row| Bar { label: row.0.status.clone(), value: row.0.orders.into() })
}
