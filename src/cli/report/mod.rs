//! `shopctl report`

mod dashboard;
mod orders_by_status;
mod ranking;
mod sales;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::shared::arguments::limit;
use crate::cli::shared::list::export_format;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::page::MAX_LIMIT;
use crate::domain::text::counted_are;
use crate::error::{CommandLine, Error, Hint, Result};
use crate::output::{Bar, Format, ListFooter, MoreRows, Output, View};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show sales by day, week, month or year
    #[command(after_help = "Gross is the total of the orders placed in the period and paid, even if refunded since; \
                          pending and cancelled orders do not count. Refunds is the money given back in the period \
                          for any order; net is gross less refunds. The average is gross per order. Without \
                          --since, the report covers the last 30 days, 12 weeks (from Monday), 12 months or 5 \
                          years. Periods without sales show 0.

Examples:
  shopctl report sales --by month
  shopctl report sales --by day --since 2026-03 --until 2026-03 \\
      --tz Europe/Berlin
  shopctl report sales --by week --chart
  shopctl report sales --by month --out sales.csv
  shopctl report sales --json --fields period,net")]
    Sales(sales::SalesArguments),
    /// Show the best-selling products
    #[command(after_help = "Counts the lines of paid, shipped and completed orders at the prices paid, less refunded \
                          units and the money given back for them.

Examples:
  shopctl report top-products --limit 10
  shopctl report top-products --by quantity --since 2026-01-01 --chart")]
    TopProducts(ranking::TopProductsArguments),
    /// Show the customers who spent most
    #[command(after_help = "Counts paid, shipped and completed orders, less refunds.

Examples:
  shopctl report customers --limit 10
  shopctl report customers --since last-year --until last-year -o csv")]
    Customers(ranking::CustomersArguments),
    /// Show the number and the amount of the orders in each status
    #[command(after_help = "Paid, shipped and completed orders are sales: their amount less refunds is revenue. The \
                          amount of the others is not.

Examples:
  shopctl report orders-by-status
  shopctl report orders-by-status --since 2026-03-01 --tz Europe/Berlin \\
      --chart")]
    OrdersByStatus(orders_by_status::StatusArguments),
    /// Show the value of the stock at today's prices
    #[command(after_help = "With --at, it is the stock of that time, still at today's prices.

Examples:
  shopctl report stock-value
  shopctl report stock-value --at 2026-01-01
  shopctl report stock-value --limit 5 --json")]
    StockValue(ranking::StockArguments),
    /// Write the figures of the shop as a page with charts
    #[command(after_help = "The page needs neither network nor scripts, follows the light or dark setting of its \
                          reader, and prints. It has the sales of the last 30 days and 12 months, orders by \
                          status, the products sold best, low stock, and the value of the stock: the figures of \
                          the other reports, as charts and as tables.

Examples:
  shopctl report dashboard --out shop.html
  shopctl report dashboard --tz Europe/Berlin > shop.html")]
    Dashboard(dashboard::DashboardArguments),
}

#[derive(Debug, Args)]
pub struct LimitArguments {
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true, value_parser = limit())]
    limit: u64,
}

impl LimitArguments {
    /// How many rows to read: with notes, also those that are counted to tell how many are left out.
    pub fn read(&self, output: &Output) -> u64 {
        if output.has_notes() { self.limit + MoreRows::COUNTED_MAX + 1 } else { self.limit }
    }

    /// Leaves the first rows, and tells what shows the others.
    pub fn cut<R>(&self, rows: &mut Vec<R>) -> Option<MoreRows> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let count = rows.len().saturating_sub(shown) as u64;
        rows.truncate(shown);
        let limit = if count > MoreRows::COUNTED_MAX { MAX_LIMIT } else { MAX_LIMIT.min(self.limit + count) };
        let command = CommandLine::again().option("--limit", &limit.to_string());
        (count > 0 && self.limit < MAX_LIMIT).then_some(MoreRows { count: Some(count), command })
    }
}

#[derive(Debug, Args)]
pub struct PrintArguments {
    /// Draw a bar chart below the table
    #[arg(long)]
    chart: bool,
    /// Write to FILE; its extension sets the format (- for standard output)
    #[arg(long, value_name = "FILE", conflicts_with = "chart")]
    out: Option<PathBuf>,
}

impl PrintArguments {
    /// Errors: exit 2 for a chart in a machine-readable format, and for an unknown file extension.
    fn check(&self, context: &Context) -> Result<()> {
        if let Some(out) = &self.out {
            export_format(context, Some(out))?;
        }
        if !self.chart || context.output.format() == Format::Table {
            return Ok(());
        }
        let format = context.output.format().as_str();
        Err(Error::usage(format!("--chart is for people and cannot be printed as {format}"))
            .hint("leave out --chart or the output format"))
    }

    /// Prints the rows, or writes them to the file, which only appears when complete.
    async fn print<V: View>(&self, context: &Context, rows: &[V], footer: &ListFooter<'_>) -> Result<()> {
        let Some(out) = self.out.as_deref() else { return context.output.page(rows, footer) };
        let export = context.output.open_export(export_format(context, Some(out))?, Some(out)).await?;
        export.output().page(rows, footer)?;
        export.complete()
    }

    fn draw<V: View>(&self, context: &Context, title: &str, rows: &[V], bar: impl Fn(&V) -> Bar) -> Result<()> {
        if !self.chart || rows.is_empty() {
            return Ok(());
        }
        context.output.chart(title, &rows.iter().map(bar).collect::<Vec<_>>())
    }
}

pub async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Sales(arguments) => sales::run(context, &arguments).await,
        Command::TopProducts(arguments) => ranking::products(context, &arguments).await,
        Command::Customers(arguments) => ranking::customers(context, &arguments).await,
        Command::OrdersByStatus(arguments) => orders_by_status::run(context, &arguments).await,
        Command::StockValue(arguments) => ranking::stock(context, &arguments).await,
        Command::Dashboard(arguments) => dashboard::run(context, &arguments).await,
    }
}

/// How many rows a report does not have.
#[derive(Debug, Clone, Copy, Default)]
struct LeftOut {
    /// Those whose amount or quantity cannot be added.
    values: i64,
    /// Those whose time no period has.
    times: i64,
}

impl LeftOut {
    /// The greater of each.
    fn max(self, other: LeftOut) -> LeftOut {
        LeftOut { values: self.values.max(other.values), times: self.times.max(other.times) }
    }

    /// A sentence for each reason.
    fn sentences(self) -> Vec<String> {
        let reasons = [
            (self.values, "in the sums: an amount or a quantity is missing or invalid"),
            (self.times, "at all: the time is missing or invalid"),
        ];
        let reasons = reasons.into_iter().filter(|(rows, _)| *rows > 0);
        reasons.map(|(rows, why)| format!("{} not included {why}", counted_are(rows, "row"))).collect()
    }
}

/// Says how many rows a report does not have.
fn warn_left_out(context: &Context, left_out: LeftOut) {
    let sentences = left_out.sentences();
    sentences.iter().for_each(|sentence| context.output.warn(sentence));
    if !sentences.is_empty() {
        context.output.suggest(Hint::from("to see which: ").and(CommandLine::new("doctor --deep")));
    }
}

async fn open<V: View>(context: &Context, print: &PrintArguments) -> Result<Database> {
    context.output.check_fields::<V>(&[])?;
    print.check(context)?;
    context.database(Access::Read).await
}
