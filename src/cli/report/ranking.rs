//! `shopctl report top-products|customers|stock-value`: products and customers, the greatest first.

use clap::Args;

use super::{LeftOut, LimitArguments, PrintArguments, open, warn_left_out};
use crate::cli::shared::arguments::{PeriodArguments, moment_of, one_of_words, time};
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::domain::{Amount, TypedTime};
use crate::error::Result;
use crate::output::{Bar, Column, ListFooter, View};
use crate::repository::report::{self as reports, CustomerSales, ProductSales, Ranking};
use crate::repository::stock_value::{StockValue, stock_total, stock_totals, stock_value};
use crate::repository::untimed::{self, Orders};

const RANKINGS: [(&str, Ranking); 2] = [("revenue", Ranking::Revenue), ("quantity", Ranking::Quantity)];

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<ProductSales>())]
pub struct TopProductsArguments {
    /// Rank by revenue or quantity
    #[arg(long, value_name = "WHAT", default_value = "revenue", value_parser = one_of_words(RANKINGS.into()), hide_possible_values = true)]
    by: Ranking,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    print: PrintArguments,
}

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<CustomerSales>())]
pub struct CustomersArguments {
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    print: PrintArguments,
}

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<StockValue>())]
pub struct StockArguments {
    /// Stock at this time, or at the end of this day; only existing products
    #[arg(long, value_name = "TIME", value_parser = time())]
    at: Option<TypedTime>,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    print: PrintArguments,
}

impl View for ProductSales {
    const NOUN: &'static str = "products sold";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("product_id", "PRODUCT ID", |view| view.product_id.into()),
        Column::key("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::new("units", "UNITS", |view| view.units.into()),
        Column::new("revenue", "REVENUE", |view| view.revenue.into()),
    ];
}

impl View for CustomerSales {
    const NOUN: &'static str = "customers";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("user_id", "USER ID", |view| view.user_id.into()),
        Column::key("user", "USER", |view| view.email.clone().into()),
        Column::new("orders", "ORDERS", |view| view.orders.into()),
        Column::new("revenue", "REVENUE", |view| view.revenue.into()),
        Column::new("last_order", "LAST ORDER", |view| view.last_order.clone().into()),
    ];
}

impl View for StockValue {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("product_id", "PRODUCT ID", |view| view.product_id.into()),
        Column::key("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::new("stock", "STOCK", |view| view.stock.clone().into()),
        Column::new("price", "PRICE", |view| view.price.clone().into()),
        Column::new("value", "VALUE", |view| view.value.into()),
    ];
}

pub async fn products(context: &Context, arguments: &TopProductsArguments) -> Result<()> {
    let span = arguments.period.span(context)?;
    let database = open::<ProductSales>(context, &arguments.print).await?;
    let mut rows =
        reports::top_products(database.connection(), span, arguments.by, arguments.limit.read(&context.output)).await?;
    let more = arguments.limit.cut(&mut rows);
    arguments.print.print(context, &rows, &ListFooter { more, ..ListFooter::default() }).await?;
    let times = untimed::count_orders(database.connection(), span, Orders::Sales).await?;
    warn_left_out(context, LeftOut { values: rows.iter().map(|row| row.left_out).sum(), times });
    let title = if arguments.by == Ranking::Revenue { "revenue" } else { "units" };
    arguments.print.draw(context, title, &rows, |row| {
        let label = row.sku.clone().unwrap_or_else(|| row.id());
        Bar::new(&label, if arguments.by == Ranking::Revenue { row.revenue.to_decimal() } else { row.units.into() })
    })
}

pub async fn customers(context: &Context, arguments: &CustomersArguments) -> Result<()> {
    let span = arguments.period.span(context)?;
    let database = open::<CustomerSales>(context, &arguments.print).await?;
    let mut rows = reports::customers(database.connection(), span, arguments.limit.read(&context.output)).await?;
    let more = arguments.limit.cut(&mut rows);
    arguments.print.print(context, &rows, &ListFooter { more, ..ListFooter::default() }).await?;
    let times = untimed::count_orders(database.connection(), span, Orders::Sales).await?;
    warn_left_out(context, LeftOut { values: rows.iter().map(|row| row.left_out).sum(), times });
    arguments.print.draw(context, "revenue", &rows, |row| {
        Bar::new(&row.email.clone().unwrap_or_else(|| row.id()), row.revenue.to_decimal())
    })
}

pub async fn stock(context: &Context, arguments: &StockArguments) -> Result<()> {
    let at = moment_of(context, "--at", arguments.at.as_ref())?;
    let database = open::<StockValue>(context, &arguments.print).await?;
    let mut rows = stock_value(database.connection(), arguments.limit.read(&context.output), at).await?;
    let more = arguments.limit.cut(&mut rows);
    let total = match at {
        Some(at) => stock_totals(database.connection(), &[at]).await?.remove(0),
        None => stock_total(database.connection()).await?,
    };
    let totals = [("products", total.products.into()), ("stock", total.units.into()), ("value", total.value.into())];
    arguments.print.print(context, &rows, &ListFooter { more, totals: &totals, ..ListFooter::default() }).await?;
    let times = untimed::count_stock(database.connection(), at).await?;
    warn_left_out(context, LeftOut { values: total.left_out, times });
    let value = |row: &StockValue| row.value.map(Amount::to_decimal).unwrap_or_default();
    arguments
        .print
        .draw(context, "stock value", &rows, |row| Bar::new(row.sku.as_deref().unwrap_or_default(), value(row)))
}
