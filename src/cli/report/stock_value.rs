//! `shopctl report stock-value`

use clap::Args;

use super::view::StockValueView;
use super::{ChartArguments, LimitArguments, open};
use crate::context::Context;
use crate::domain::Amount;
use crate::error::Result;
use crate::output::{Bar, Cell};
use crate::repository::report as reports;

#[derive(Debug, Args)]
pub struct StockArguments {
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    pub chart: ChartArguments,
}

pub async fn run(context: &Context, arguments: &StockArguments) -> Result<()> {
    let database = open::<StockValueView>(context, &arguments.chart).await?;
    let found = reports::stock_value(database.connection(), arguments.limit.limit).await?;
    let total = reports::stock_total(database.connection()).await?;
    let rows: Vec<_> = found.into_iter().map(StockValueView).collect();
    let totals: [(&str, Cell); 3] =
        [("products", total.products.into()), ("stock", total.units.into()), ("value", total.value.into())];
    context.output.report(&rows, &totals)?;
    let value = |row: &StockValueView| row.0.value.map(Amount::to_decimal).unwrap_or_default();
    arguments.chart.draw(context, &rows, |row| Bar { label: row.0.sku.clone(), value: value(row) })
}
