//! `shopctl report orders-by-status`

use clap::Args;

use super::{LeftOut, PrintArguments, open, warn_left_out};
use crate::cli::shared::arguments::PeriodArguments;
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::domain::{Amount, OrderStatus};
use crate::error::Result;
use crate::output::{Bar, Column, ListFooter, View};
use crate::repository::report::{self as reports, StatusTotal};
use crate::repository::untimed::{self, Orders};

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<StatusTotal>())]
pub struct StatusArguments {
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    print: PrintArguments,
}

/// Whether these orders are sales.
fn is_sale(total: &StatusTotal) -> bool {
    total.status.as_deref().and_then(OrderStatus::from_stored).is_some_and(OrderStatus::is_sale)
}

/// What was sold, without what was given back of it.
pub fn revenue(rows: &[StatusTotal]) -> Amount {
    let sales = rows.iter().filter(|row| is_sale(row));
    sales.fold(Amount::ZERO, |sum, row| sum.plus(row.amount.minus(row.refunded)))
}

impl View for StatusTotal {
    const NOUN: &'static str = "statuses";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("status", "STATUS", |view| view.status.clone().into()),
        Column::new("orders", "ORDERS", |view| view.orders.into()),
        Column::new("amount", "AMOUNT", |view| view.amount.into()),
        Column::new("refunded", "REFUNDED", |view| view.refunded.into()),
        Column::new("is_sale", "SALE", |view| is_sale(view).into()),
    ];
}

pub async fn run(context: &Context, arguments: &StatusArguments) -> Result<()> {
    let span = arguments.period.span(context)?;
    let database = open::<StatusTotal>(context, &arguments.print).await?;
    let rows = reports::by_status(database.connection(), span).await?;
    let orders: i64 = rows.iter().map(|row| row.orders).sum();
    let totals = [("orders", orders.into()), ("revenue", revenue(&rows).into())];
    arguments.print.print(context, &rows, &ListFooter { totals: &totals, ..ListFooter::default() }).await?;
    let times = untimed::count_orders(database.connection(), span, Orders::All).await?;
    warn_left_out(context, LeftOut { values: rows.iter().map(|row| row.left_out).sum(), times });
    arguments
        .print
        .draw(context, "orders", &rows, |row| Bar::new(row.status.as_deref().unwrap_or_default(), row.orders.into()))
}
