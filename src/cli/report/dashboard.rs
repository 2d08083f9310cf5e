//! `shopctl report dashboard`: the figures of the other reports as a page for a browser.

use chrono::{DateTime, Utc};
use clap::Args;

use super::orders_by_status::revenue;
use super::sales::{buckets, of_buckets, total};
use super::{LeftOut, warn_left_out};
use crate::cli::shared::arguments::LOW_STOCK;
use crate::cli::shared::list::OutArguments;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Page as RowPage;
use crate::domain::page::Sort;
use crate::domain::period::{Bucket, PeriodLength, Span};
use crate::domain::text::counted;
use crate::entity::product;
use crate::error::{CommandLine, Error, Hint, Result};
use crate::output::{Bar, Cell, Chart, Column, Figure, Flow, Page, View};
use crate::repository::report::{self as reports, Ranking};
use crate::repository::stock_value::{StockTotal, stock_total, stock_totals};
use crate::repository::untimed;
use crate::repository::{self, product as products};

/// How many products a figure has.
const PRODUCTS: u64 = 10;

#[derive(Debug, Args)]
pub struct DashboardArguments {
    #[command(flatten)]
    file: OutArguments,
}

/// A product of which few are left.
struct LowStock(product::Model);

impl View for LowStock {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::key("sku", "SKU", |view| view.0.sku.clone().into()),
        Column::new("name", "NAME", |view| view.0.name.clone().into()),
        Column::new("stock_quantity", "STOCK", |view| view.0.stock_quantity.clone().into()),
    ];
}

/// All stock at a time, or now.
struct StockThen {
    label: String,
    at: Option<DateTime<Utc>>,
    total: StockTotal,
}

impl View for StockThen {
    const NOUN: &'static str = "times";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("at", "TIME", |view| match view.at {
            Some(at) => at.into(),
            None => Cell::from("now"),
        }),
        Column::new("products", "PRODUCTS", |view| view.total.products.into()),
        Column::new("stock", "STOCK", |view| view.total.units.into()),
        Column::new("value", "VALUE", |view| view.total.value.into()),
    ];
}

/// The page while its figures are added, one query after the other.
struct Dashboard<'a> {
    context: &'a Context,
    database: Database,
    page: Page,
    /// The most rows that a figure does not have.
    left_out: LeftOut,
}

pub async fn run(context: &Context, arguments: &DashboardArguments) -> Result<()> {
    if arguments.file.out.is_none() && context.output.is_on_terminal() {
        return Err(Error::usage("the dashboard is a page for a browser")
            .hint(Hint::from("write it to a file: ").and(CommandLine::again().option("--out", "shop.html"))));
    }
    let database = context.database(Access::Read).await?;
    let export = context.output.open_text_export(&["html", "htm"], arguments.file.out.as_deref()).await?;
    let page = context.output.page_of_figures("Shop dashboard");
    let mut dashboard = Dashboard { context, database, page, left_out: LeftOut::default() };
    let (now, zone) = (context.clock.now(), &context.zone);
    dashboard.page.sentence(&format!("As of {}; times are in {}.", zone.text_of(now), zone.name()));
    let statuses = reports::by_status(dashboard.database.connection(), Span::default()).await?;
    let stock = stock_total(dashboard.database.connection()).await?;
    if stock.products == 0 && statuses.iter().all(|row| row.orders == 0) {
        dashboard.page.sentence("The shop is empty: it has neither products nor orders.");
    } else {
        let untimed = untimed::count_sales(dashboard.database.connection()).await?;
        dashboard.sales(PeriodLength::Day, untimed).await?;
        dashboard.sales(PeriodLength::Month, untimed).await?;
        dashboard.statuses(&statuses)?;
        dashboard.top_products().await?;
        dashboard.low_stock().await?;
        dashboard.stock_value(stock).await?;
    }
    export.output().text(&dashboard.page.finish())?;
    export.complete()?;
    warn_left_out(context, dashboard.left_out);
    Ok(())
}

impl Dashboard<'_> {
    /// Adds a figure without these rows.
    fn add<V: View>(&mut self, mut figure: Figure, rows: &[V], left_out: LeftOut) -> Result<()> {
        figure.sentences.extend(left_out.sentences().into_iter().map(|sentence| format!("{sentence}.")));
        self.left_out = self.left_out.max(left_out);
        self.page.figure(&figure, rows)
    }

    async fn sales(&mut self, by: PeriodLength, untimed: i64) -> Result<()> {
        let rows = of_buckets(self.database.connection(), buckets(self.context, by, Span::default())?).await?;
        let (name, title, skipped) = match by {
            PeriodLength::Day => ("sales-by-day", "Sales of the last 30 days", "2026-".len()),
            _ => ("sales-by-month", "Sales of the last 12 months", 0),
        };
        let sum = total(&rows);
        let sentence = format!(
            "{}: gross {}, refunds {}, net {}.",
            counted(sum.orders, "order"),
            sum.gross,
            sum.refunds,
            sum.net()
        );
        // The year of a day is that of today, or goes without saying.
        let flow = |(bucket, sales): &(Bucket, reports::Sales)| Flow {
            label: bucket.label.get(skipped..).unwrap_or_default().to_owned(),
            gross: sales.gross.to_decimal(),
            refunds: sales.refunds.to_decimal(),
        };
        let chart = Chart::Flow(rows.iter().map(flow).collect());
        let figure =
            Figure { name, title, sentences: vec![sentence], chart, nothing: "Nothing was sold in this time." };
        self.add(figure, &rows, LeftOut { values: sum.left_out, times: untimed })
    }

    fn statuses(&mut self, rows: &[reports::StatusTotal]) -> Result<()> {
        let orders: i64 = rows.iter().map(|row| row.orders).sum();
        let sentence = format!("{} of all time; revenue {}.", counted(orders, "order"), revenue(rows));
        let bar = |row: &reports::StatusTotal| Bar::new(row.status.as_deref().unwrap_or("-"), row.orders.into());
        let figure = Figure {
            name: "orders-by-status",
            title: "Orders by status",
            sentences: vec![sentence],
            chart: Chart::Bars(if orders == 0 { Vec::new() } else { rows.iter().map(bar).collect() }),
            nothing: "There are no orders.",
        };
        self.add(figure, rows, LeftOut { values: rows.iter().map(|row| row.left_out).sum(), times: 0 })
    }

    async fn top_products(&mut self) -> Result<()> {
        let connection = self.database.connection();
        let rows = reports::top_products(connection, Span::default(), Ranking::Revenue, PRODUCTS).await?;
        let bar = |row: &reports::ProductSales| {
            let label = row.name.clone().or_else(|| row.sku.clone()).unwrap_or_else(|| row.id());
            Bar::new(&label, row.revenue.to_decimal())
        };
        let figure = Figure {
            name: "top-products",
            title: "Top products",
            sentences: vec![format!("By revenue of all time, the first {PRODUCTS}.")],
            chart: Chart::Bars(rows.iter().map(bar).collect()),
            nothing: "No products were sold.",
        };
        self.add(figure, &rows, LeftOut { values: rows.iter().map(|row| row.left_out).sum(), times: 0 })
    }

    async fn low_stock(&mut self) -> Result<()> {
        let connection = self.database.connection();
        let filter =
            products::Filter { max_stock: Some(LOW_STOCK), retired: Some(false), ..products::Filter::default() };
        let wanted = RowPage { limit: PRODUCTS, sort: Sort::parse("stock_quantity"), ..RowPage::default() };
        let found = repository::find_all(connection, &filter, &wanted).await?.items;
        let count = repository::count(connection, &filter).await?;
        let rows: Vec<LowStock> = found.into_iter().map(LowStock).collect();
        let more = count.saturating_sub(rows.len() as u64);
        let few = counted(count, "product");
        let mut sentences = vec![format!("{few} with a stock of {LOW_STOCK} or less.")];
        if more > 0 {
            sentences.push(format!("The first {} are shown.", rows.len()));
        }
        let bar = |row: &LowStock| {
            let label = if row.0.name.is_empty() { &row.0.sku } else { &row.0.name };
            Bar::new(label, row.0.stock_quantity.known().unwrap_or_default().into())
        };
        let figure = Figure {
            name: "low-stock",
            title: "Low stock",
            sentences,
            chart: Chart::Bars(rows.iter().map(bar).collect()),
            nothing: "No product is running out.",
        };
        self.add(figure, &rows, LeftOut::default())
    }

    /// At the beginning of each of the last months, and now, when it is `total`.
    async fn stock_value(&mut self, total: StockTotal) -> Result<()> {
        let connection = self.database.connection();
        let months = buckets(self.context, PeriodLength::Month, Span::default())?;
        let times: Vec<DateTime<Utc>> = months.iter().map(|month| month.begin).collect();
        let then = stock_totals(connection, &times).await?;
        let row = |(Bucket { label, begin, .. }, total)| StockThen { label, at: Some(begin), total };
        let mut rows: Vec<StockThen> = months.into_iter().zip(then).map(row).collect();
        rows.push(StockThen { label: "now".to_owned(), at: None, total });
        let value = |row: &StockThen| Bar::new(&row.label, row.total.value.to_decimal());
        let figure = Figure {
            name: "stock-value",
            title: "Value of the stock",
            sentences: vec![format!("Now {}. The stock of each time at today's prices.", total.value)],
            chart: Chart::Line(rows.iter().map(value).collect()),
            nothing: "There is nothing in stock.",
        };
        let untimed = untimed::count_stock(connection, times.first().copied()).await?;
        self.add(figure, &rows, LeftOut { values: total.left_out, times: untimed })
    }
}
