//! `shopctl report customers`

use clap::Args;

use super::view::CustomerView;
use super::{ChartArguments, LimitArguments, PeriodArguments, open};
use crate::context::Context;
use crate::error::Result;
use crate::output::{Bar, View};
use crate::repository::report as reports;

#[derive(Debug, Args)]
pub struct CustomersArguments {
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    pub chart: ChartArguments,
}

pub async fn run(context: &Context, arguments: &CustomersArguments) -> Result<()> {
    let span = arguments.period.span()?;
    let database = open::<CustomerView>(context, &arguments.chart).await?;
    let found = reports::customers(database.connection(), span, arguments.limit.limit).await?;
    let rows: Vec<_> = found.into_iter().map(CustomerView).collect();
    context.output.report(&rows, &[])?;
    arguments.chart.draw(context, &rows, |row| Bar {
        label: row.0.email.clone().unwrap_or_else(|| row.id()),
        value: row.0.revenue.to_decimal(),
    })
}
