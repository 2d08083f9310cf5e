//! `shopctl report`

mod view;

use clap::{Args, Subcommand};

use self::view::{CustomerView, SalesView, StatusView, StockValueView, TopProductView};
use crate::cli::shared::arguments::{check_period, limit, name_of, word};
use crate::cli::shared::values::checked;
use crate::cli::shared::zone;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::period::{self, Span, Step};
use crate::domain::written_time::WrittenTime;
use crate::domain::{Amount, Violations, Zone, moment};
use crate::error::{Error, Result};
use crate::output::{Bar, Cell, Format, View};
use crate::repository::report::{self as reports, Ranking};

const RANKINGS: [(&str, Ranking); 2] = [("revenue", Ranking::Revenue), ("quantity", Ranking::Quantity)];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What was sold by day, week or month
    ///
    /// A sale is an order that is paid, shipped or completed; pending, cancelled and refunded orders do
    /// not count. It belongs to the period in which it was placed. Without --since the report shows the
    /// last 30 days, 12 weeks (from Monday) or 12 months; periods without sales show 0.
    #[command(after_help = "Examples:
  shopctl report sales --by month
  shopctl report sales --by day --since 2026-03-01 --until 2026-04-01 --tz Europe/Berlin
  shopctl report sales --by week --chart
  shopctl report sales --json --fields period,revenue")]
    Sales(SalesArguments),
    /// Which products sold best
    ///
    /// Counts the lines of orders that are paid, shipped or completed, at the prices of their orders.
    #[command(after_help = "Examples:
  shopctl report top-products --limit 10
  shopctl report top-products --by quantity --since 2026-01-01 --chart")]
    TopProducts(TopProductsArguments),
    /// Which customers spent most
    ///
    /// Counts orders that are paid, shipped or completed.
    #[command(after_help = "Examples:
  shopctl report customers --limit 10
  shopctl report customers --since 2026-01-01 --until 2027-01-01 -o csv")]
    Customers(CustomersArguments),
    /// How many orders stand where, and what they come to
    ///
    /// Paid, shipped and completed orders are sales; the amount of the others is no revenue.
    #[command(after_help = "Examples:
  shopctl report orders-by-status
  shopctl report orders-by-status --since 2026-03-01 --tz Europe/Berlin --chart")]
    OrdersByStatus(StatusArguments),
    /// What the stock is worth at today's prices
    #[command(after_help = "Examples:
  shopctl report stock-value
  shopctl report stock-value --limit 5 --json")]
    StockValue(StockArguments),
}

impl Command {
    /// Whether a chart is asked for.
    pub fn draws(&self) -> bool {
        match self {
            Command::Sales(arguments) => arguments.chart.chart,
            Command::TopProducts(arguments) => arguments.chart.chart,
            Command::Customers(arguments) => arguments.chart.chart,
            Command::OrdersByStatus(arguments) => arguments.chart.chart,
            Command::StockValue(arguments) => arguments.chart.chart,
        }
    }
}

#[derive(Debug, Args)]
pub struct PeriodArguments {
    /// Orders placed at or after this time; a day begins at midnight of --tz
    #[arg(long, value_name = "TIME", value_parser = checked(parse_time))]
    since: Option<WrittenTime>,
    /// Orders placed before this time
    #[arg(long, value_name = "TIME", value_parser = checked(parse_time))]
    until: Option<WrittenTime>,
    /// Time zone that days, weeks and months are of, such as Europe/Berlin
    #[arg(long, value_name = "NAME", default_value = "UTC", value_parser = checked(zone::find))]
    tz: Zone,
}

impl PeriodArguments {
    /// Errors: exit 7 for a period that nothing can be in, and for times that the zone's clocks never show.
    fn span(&self) -> Result<Span> {
        let mut violations = Violations::new();
        let mut time = |name: &str, time: &Option<WrittenTime>| {
            let moment = time.as_ref()?.moment(None, &self.tz);
            moment.map_err(|problem| violations.add(name, problem)).ok()
        };
        let (since, until) = (time("since", &self.since), time("until", &self.until));
        violations.into_result()?;
        check_period(("since", since), ("until", until))?;
        Ok(Span { since, until })
    }
}

/// A time that is one in any zone.
fn parse_time(text: &str) -> Result<WrittenTime, String> {
    moment::parse(text)?;
    WrittenTime::read(text)
}

#[derive(Debug, Args)]
pub struct LimitArguments {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true, value_parser = limit())]
    limit: u64,
}

#[derive(Debug, Args)]
pub struct ChartArguments {
    /// Draw bars below the table
    #[arg(long)]
    chart: bool,
}

impl ChartArguments {
    /// Errors: exit 2 for a chart in a format for programs.
    fn check(&self, context: &Context) -> Result<()> {
        if !self.chart || context.output.format() == Format::Table {
            return Ok(());
        }
        let format = context.output.format().as_str();
        Err(Error::usage(format!("--chart is for people and has no place in {format}"))
            .hint("leave --chart or the output format out"))
    }

    fn draw<V: View>(&self, context: &Context, rows: &[V], bar: impl Fn(&V) -> Bar) -> Result<()> {
        if !self.chart || rows.is_empty() {
            return Ok(());
        }
        context.output.chart(&rows.iter().map(bar).collect::<Vec<_>>())
    }
}

#[derive(Debug, Args)]
pub struct SalesArguments {
    /// day, week or month
    #[arg(long, value_name = "STEP", default_value = "day", value_parser = name_of(Step::ALL, Step::as_str))]
    by: Step,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    chart: ChartArguments,
}

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
    chart: ChartArguments,
}

#[derive(Debug, Args)]
pub struct CustomersArguments {
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    chart: ChartArguments,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    chart: ChartArguments,
}

#[derive(Debug, Args)]
pub struct StockArguments {
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    chart: ChartArguments,
}

pub async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Sales(arguments) => sales(context, &arguments).await,
        Command::TopProducts(arguments) => top_products(context, &arguments).await,
        Command::Customers(arguments) => customers(context, &arguments).await,
        Command::OrdersByStatus(arguments) => orders_by_status(context, &arguments).await,
        Command::StockValue(arguments) => stock_value(context, &arguments).await,
    }
}

async fn open<V: View>(context: &Context, chart: &ChartArguments) -> Result<Database> {
    context.output.check_fields::<V>(&[])?;
    chart.check(context)?;
    context.database(Access::Read).await
}

async fn sales(context: &Context, arguments: &SalesArguments) -> Result<()> {
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

async fn top_products(context: &Context, arguments: &TopProductsArguments) -> Result<()> {
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

async fn customers(context: &Context, arguments: &CustomersArguments) -> Result<()> {
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

async fn orders_by_status(context: &Context, arguments: &StatusArguments) -> Result<()> {
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

async fn stock_value(context: &Context, arguments: &StockArguments) -> Result<()> {
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
