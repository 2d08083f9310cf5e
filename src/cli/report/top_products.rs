//! `shopctl report top-products`

use clap::Args;

use super::view::TopProductView;
use super::{ChartArguments, LimitArguments, PeriodArguments, open};
use crate::cli::shared::arguments::word;
use crate::context::Context;
use crate::error::Result;
use crate::output::{Bar, View};
use crate::repository::report::{self as reports, Ranking};

const RANKINGS: [(&str, Ranking); 2] = [("revenue", Ranking::Revenue), ("quantity", Ranking::Quantity)];

#[derive(Debug, Args)]
pub struct TopProductsArguments {
    /// revenue or quantity
    #[arg(long, value_name = "WHAT", default_value = "revenue", value_parser = word(RANKINGS.into()))]
    by: Ranking,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    pub chart: ChartArguments,
}

pub async fn run(context: &Context, arguments: &TopProductsArguments) -> Result<()> {
    let span = arguments.period.span()?;
    let database = open::<TopProductView>(context, &arguments.chart).await?;
    let found = reports::top_products(database.connection(), span, arguments.by, arguments.limit.limit).await?;
    let rows: Vec<_> = found.into_iter().map(TopProductView).collect();
    context.output.report(&rows, &[])?;
    arguments.chart.draw(context, &rows, |row| Bar {
        label: row.0.product.as_ref().map_or_else(|| row.id(), |(sku, _)| sku.clone()),
        value: match arguments.by {
            Ranking::Revenue => row.0.revenue.to_decimal(),
            Ranking::Quantity => row.0.units.into(),
        },
    })
}
