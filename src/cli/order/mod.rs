//! `shopctl order`

mod create;
mod export;
mod import;
mod lifecycle;
mod list;
mod show;
pub mod view;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use import::OrderImportArguments;

use self::view::{ItemView, OrderDetailView, OrderView};
use crate::cli::Asking;
use crate::cli::shared::arguments::{check_period, check_range, name_of, time};
use crate::cli::shared::export::ExportArguments;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Database;
use crate::domain::{Money, OrderStatus};
use crate::error::{Error, Result};
use crate::repository::user::{self as users, Lock, Who};
use crate::repository::{order as orders, product as products};
use crate::service::place_order::PlacedOrder;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Place an order: all lines or none
    #[command(after_help = "Examples:
  shopctl order create --user ann@example.com --item MUG-01:2 --item PEN-FINE
  shopctl order create --from order.json --idempotency-key web-4711
  shopctl order create --user ann@example.com --item MUG-01:2 --expect-total 25.00

A file holds {\"user\": \"ann@example.com\", \"items\": [{\"sku\": \"MUG-01\", \"quantity\": 2}]}")]
    Create(create::CreateArguments),
    /// List orders, newest first
    #[command(after_help = "Examples:
  shopctl order list --status pending,paid --since 2026-01-01
  shopctl order list --user ann@example.com --json")]
    List(list::OrderListArguments),
    /// Write orders with their items, oldest first: JSON, JSON lines, or CSV with a row for each item
    #[command(
        after_help = "Examples:\n  shopctl order export --since 2026-01-01 > this-year.csv\n  shopctl order export -o mongo-json > orders.mongo.json\n  shopctl order export --status paid --out paid.jsonl"
    )]
    Export(OrderExportArguments),
    /// Import orders: all lines of one reference are one order, which is placed or is there already
    #[command(
        after_help = "Examples:\n  shopctl order import orders.csv\n  shopctl order import orders.jsonl --stock skip --on-error reject-rows --errors wrong.csv\n  shopctl order import invoices.csv --invoices --on-error reject-rows --errors wrong.csv"
    )]
    Import(OrderImportArguments),
    /// Show one order with its lines
    #[command(after_help = "Examples:\n  shopctl order show K7Q2M-9XD4T\n  shopctl order show K7Q2M-9XD4T --timeline")]
    Show(show::ShowArguments),
    /// Mark orders as paid
    #[command(after_help = "Examples:
  shopctl order pay K7Q2M-9XD4T
  shopctl order list --status pending --user ann@example.com -o id | shopctl order pay -f - --yes")]
    Pay(lifecycle::MoveArguments),
    /// Mark paid orders as shipped
    #[command(after_help = "Example:\n  shopctl order ship K7Q2M-9XD4T --tracking 1Z999AA10123456784\n\n\
                            With another --tracking a shipped order gets the corrected number.")]
    Ship(lifecycle::ShipArguments),
    /// Mark paid or shipped orders as completed
    #[command(after_help = "Example:\n  shopctl order complete K7Q2M-9XD4T")]
    Complete(lifecycle::MoveArguments),
    /// Cancel pending orders; what they took goes back into stock
    #[command(after_help = "Examples:
  shopctl order cancel K7Q2M-9XD4T --reason \"changed her mind\"
  shopctl order cancel K7Q2M-9XD4T --no-restock --yes")]
    Cancel(lifecycle::CancelArguments),
    /// Refund paid orders; what was not shipped goes back into stock
    #[command(after_help = "Examples:
  shopctl order refund K7Q2M-9XD4T --reason \"arrived broken\"
  shopctl order refund K7Q2M-9XD4T --restock-all
  shopctl order refund K7Q2M-9XD4T --restock MUG-01:1 --yes

Once it is refunded, --restock takes back what arrives later.")]
    Refund(lifecycle::RefundArguments),
    /// Cancel orders that have been pending for too long
    #[command(after_help = "Example:\n  shopctl order expire --older-than 24h --yes")]
    Expire(lifecycle::ExpireArguments),
}

#[derive(Debug, Args)]
pub struct OrderExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    export: ExportArguments,
}

/// Which orders are wanted.
#[derive(Debug, Args)]
struct FilterArguments {
    /// One or more of pending, paid, shipped, completed, cancelled, refunded
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', value_parser = name_of(OrderStatus::ALL, OrderStatus::as_str))]
    status: Vec<OrderStatus>,
    /// E-mail address or id
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// With a line for this product: SKU or id
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
    /// Placed at or after this time
    #[arg(long, value_name = "TIME", value_parser = time())]
    since: Option<DateTime<Utc>>,
    /// Placed before this time
    #[arg(long, value_name = "TIME", value_parser = time())]
    until: Option<DateTime<Utc>>,
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    min_total: Option<Money>,
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    max_total: Option<Money>,
}

impl FilterArguments {
    /// What the arguments say by themselves.
    ///
    /// Errors: exit 7 for a period or a range that nothing can be in.
    fn filter(&self) -> Result<orders::Filter> {
        let FilterArguments { since, until, min_total, max_total, .. } = *self;
        check_period(("since", since), ("until", until))?;
        check_range(("min-total", min_total), ("max-total", max_total))?;
        let statuses = self.status.clone();
        Ok(orders::Filter { statuses, user_id: None, product_id: None, since, until, min_total, max_total })
    }

    /// Adds what the database has to be asked for.
    async fn look_up(&self, database: &Database, filter: &mut orders::Filter) -> Result<()> {
        if let Some(who) = &self.user {
            let user = users::find_one(database.connection(), Who::parse(who), Lock::None).await?;
            filter.user_id = Some(user.ok_or_else(|| Error::not_found("user", who))?.id);
        }
        if let Some(name) = &self.product {
            let found = products::find_by_sku(database.connection(), name).await?;
            filter.product_id = Some(found.ok_or_else(|| Error::not_found("product", name))?.id);
        }
        Ok(())
    }
}

impl Command {
    /// Whether it takes as long as there is data.
    pub fn is_long(&self) -> bool {
        match self {
            Command::List(arguments) => arguments.list.all,
            Command::Export(_) | Command::Import(_) | Command::Expire(_) => true,
            _ => false,
        }
    }
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Pay(arguments) => lifecycle::pay(context, asking, &arguments).await,
        Command::Ship(arguments) => lifecycle::ship(context, asking, &arguments).await,
        Command::Complete(arguments) => lifecycle::complete(context, asking, &arguments).await,
        Command::Cancel(arguments) => lifecycle::cancel(context, asking, &arguments).await,
        Command::Refund(arguments) => lifecycle::refund(context, asking, &arguments).await,
        Command::Expire(arguments) => lifecycle::expire(context, asking, &arguments).await,
        Command::Create(arguments) => create::run(context, asking, &arguments).await,
        Command::List(arguments) => list::run(context, &arguments).await,
        Command::Export(arguments) => export::run(context, &arguments).await,
        Command::Import(arguments) => import::run(context, asking, &arguments).await,
        Command::Show(arguments) => show::run(context, &arguments).await,
    }
}

/// An order with its lines as every format shows it.
pub fn detail(placed: &PlacedOrder) -> OrderDetailView {
    let items = placed.items.iter().cloned().map(|(item, product)| ItemView::new(item, product));
    let email = placed.user.as_ref().map(|user| user.email.clone());
    OrderDetailView { order: OrderView { order: placed.order.clone(), email }, items: items.collect() }
}
