//! `shopctl order`

mod change;
mod change_wizard;
mod create;
mod create_wizard;
mod edit;
mod export;
mod import;
mod lifecycle;
mod moved;
mod note;
mod reassign;
mod restock;
mod ship;
mod show;
pub mod view;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use self::view::OrderView;
use crate::cli::shared::arguments::{PeriodArguments, check_range, name_of, search_text, time};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::{Export, List, ListQuery};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Database;
use crate::domain::order_status::Verb;
use crate::domain::period::Span;
use crate::domain::{Id, Money, OrderStatus, SearchText, TypedTime, Violations};
use crate::entity::{Stored, order};
use crate::error::Result;
use crate::output::Output;
use crate::repository::order::{self as orders, FullOrder, Item, ItemWithProduct};
use crate::repository::said::LastSaid;
use crate::repository::user::{self as users, Lock, UserKey};
use crate::repository::{Search, product as products};
use crate::service::place_order::PlacedOrder;
use crate::service::{product, user};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Place an order, all lines or none
    #[command(after_help = "Examples:
  shopctl order create --user ann@example.com --item MUG-01:2 --item PEN-FINE
  shopctl order create --from order.json --idempotency-key web-4711
  shopctl order create --user ann@example.com --item MUG-01:2 \\
      --expect-total 25.00

On a terminal, shopctl asks for a missing customer and products. A file contains:

  {\"user\": \"ann@example.com\", \"items\": [{\"sku\": \"MUG-01\", \"quantity\": 2}]}")]
    Create(create::CreateArguments),
    /// Change the lines, customer or prices of a pending order
    #[command(after_help = "Examples:
  shopctl order change K7Q2M-9XD4T --item MUG-01:3 --remove PEN-FINE
  shopctl order change K7Q2M-9XD4T --item MUG-01:3 --reprice \\
      --expect-total 37.50
  shopctl order change K7Q2M-9XD4T --user bo@example.com \\
      --note \"for her brother\"

On a terminal without --item, --remove, --user and --reprice, shopctl shows the lines and asks for new quantities. \
                          Stock changes by the difference. If a product has lines at several prices, the newest line \
                          changes first.")]
    Change(change::ChangeArguments),
    /// Edit the lines and customer of a pending order in an editor
    #[command(
        after_help = "The editor is $VISUAL, $EDITOR or vi, and needs a terminal. If someone else changes the lines or the \
                          customer meanwhile, nothing is written (exit 6) and the edited text is kept.

Examples:
  shopctl order edit K7Q2M-9XD4T
  EDITOR=nano shopctl order edit K7Q2M-9XD4T --dry-run"
    )]
    Edit(edit::EditArguments),
    /// List orders, newest first
    #[command(after_help = "Examples:
  shopctl order list --status pending,paid --since last-month
  shopctl order list --status paid --unchanged-since 7d
  shopctl order list --user ann@example.com --json
  shopctl order list --search \"lee mug\"
  shopctl order list --status shipped --fields reference,tracking,note

The fields note and tracking are shown only if --fields names them.")]
    List(List<FilterArguments>),
    /// Export orders with their lines as JSON, JSON lines or CSV
    #[command(
        after_help = "The oldest orders come first. CSV has a row for each line of an order.\n\nExamples:\n  shopctl order export --since 2026-01-01 > this-year.csv\n  shopctl order export -o mongo-json > orders.mongo.json\n  shopctl order export --status paid --out paid.jsonl"
    )]
    Export(Export<FilterArguments>),
    /// Import orders; rows with the same reference form one order
    #[command(
        after_help = "An order that is already in the shop must match the file, and is left unchanged. With --stock \
                      skip, the units are not taken from stock: for past orders whose units were never counted here. Orders of retired products are \
                      refused unless the stock is skipped. Invoice lines have the columns InvoiceNo, StockCode, \
                      Description, Quantity, InvoiceDate, UnitPrice and CustomerID. Times without a zone are read in \
                      the zone of --tz, by default UTC. See shopctl help import.

Examples:
  shopctl order import orders.csv
  shopctl order import orders.jsonl --stock skip --on-error reject-rows \\
      --errors wrong.csv
  shopctl order import invoices.csv --invoices --on-error reject-rows \\
      --errors wrong.csv
  shopctl order import orders.json --format mongo-json --stock skip"
    )]
    Import(import::OrderImportArguments),
    /// Show an order with its lines
    #[command(after_help = "Examples:\n  shopctl order show K7Q2M-9XD4T\n  shopctl order show K7Q2M-9XD4T --timeline")]
    Show(show::ShowArguments),
    /// Mark orders as paid
    #[command(after_help = "Examples:
  shopctl order pay K7Q2M-9XD4T
  shopctl order list --status pending --user ann@example.com --all -o id \\
      | shopctl order pay -f - --yes")]
    Pay(lifecycle::MoveArguments),
    /// Mark paid orders as shipped
    #[command(after_help = "Examples:
  shopctl order ship K7Q2M-9XD4T --tracking 1Z999AA10123456784
  shopctl order ship -f parcels.csv --on-error reject-rows --yes

With --tracking, the number of an order that was shipped is corrected, also if it is completed or refunded by now. \
                          A file lists one order per line, or has the columns \
                          reference and tracking; its lines are then shipped in one operation.")]
    Ship(ship::ShipArguments),
    /// Set the note of an order in any status
    #[command(after_help = "Examples:
  shopctl order note K7Q2M-9XD4T \"ring twice\"
  shopctl order note K7Q2M-9XD4T \"\"

The note of an order is the last one given, including the --note of another command.")]
    Note(note::NoteArguments),
    /// Assign orders in any status to another customer
    #[command(after_help = "Examples:
  shopctl order reassign K7Q2M-9XD4T --user bo@example.com
  shopctl order list --user ann@example.com --status paid --all -o id \\
      | shopctl order reassign -f - --user bo@example.com --yes

The customer may be disabled, and then still cannot order. To combine two accounts of the same customer, use shopctl \
                          user merge.")]
    Reassign(reassign::ReassignArguments),
    /// Mark paid or shipped orders as completed
    #[command(after_help = "Example:\n  shopctl order complete K7Q2M-9XD4T")]
    Complete(lifecycle::MoveArguments),
    /// Cancel pending orders and restock their units
    #[command(after_help = "Examples:
  shopctl order cancel K7Q2M-9XD4T --reason \"changed her mind\" --yes
  shopctl order cancel K7Q2M-9XD4T --no-restock --dry-run")]
    Cancel(lifecycle::CancelArguments),
    /// Refund paid orders in full or in part; unshipped units are restocked
    #[command(after_help = "Examples:
  shopctl order refund K7Q2M-9XD4T --reason \"arrived broken\" --yes
  shopctl order refund K7Q2M-9XD4T --line MUG-01:1
  shopctl order refund K7Q2M-9XD4T --line MUG-01:1 --amount 5.00 --no-restock
  shopctl order refund K7Q2M-9XD4T --amount 2.50 --reason \"late delivery\"
  shopctl order refund K7Q2M-9XD4T --restock-all

A partly refunded order keeps its status until the whole total is refunded. Units that were not shipped are \
                          restocked: those of --line with their refund, all others with the refund that completes the \
                          total, except what --no-restock kept out. For units returned later, use shopctl order restock.")]
    Refund(lifecycle::RefundArguments),
    /// Restock units that are returned later, without a refund
    #[command(after_help = "Examples:
  shopctl order restock K7Q2M-9XD4T MUG-01:1
  shopctl order restock K7Q2M-9XD4T MUG-01 PEN-FINE:2 \\
      --note \"parcel came back\"")]
    Restock(restock::RestockArguments),
    /// Cancel orders that have been pending for too long
    #[command(after_help = "Example:\n  shopctl order expire --older-than 24h --yes")]
    Expire(lifecycle::ExpireArguments),
}

// Selects orders.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Statuses: pending, paid, shipped, completed, cancelled, refunded
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', value_parser = name_of(OrderStatus::ALL, OrderStatus::as_str), hide_possible_values = true)]
    status: Vec<OrderStatus>,
    /// Only orders of this customer: e-mail address or id
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// Only orders with a line for this product: SKU or id
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
    /// All words in reference, customer, products, note and tracking number
    #[arg(long, value_name = "TEXT", value_parser = search_text())]
    search: Option<SearchText>,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only orders that have not changed since TIME, e.g. 7d
    #[arg(long, value_name = "TIME", value_parser = time())]
    unchanged_since: Option<TypedTime>,
    /// Only orders with a total of at least this amount
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    min_total: Option<Money>,
    /// Only orders with a total of at most this amount
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    max_total: Option<Money>,
}

impl FilterArguments {
    /// Errors: exit 7 for a local time that does not exist in the zone.
    fn unchanged_since(&self, context: &Context) -> Result<Option<DateTime<Utc>>> {
        let begin = |time: &TypedTime| time.begin(&context.zone, context.clock.now());
        let begin = self.unchanged_since.as_ref().map(begin).transpose();
        begin.map_err(|problem: String| Violations::single("--unchanged-since", problem).into_error())
    }
}

impl ListQuery for FilterArguments {
    type Filter = orders::Filter;
    type Row = OrderView;

    fn check(&self, context: &Context) -> Result<()> {
        self.period.span(context)?;
        self.unchanged_since(context)?;
        check_range(("--min-total", self.min_total), ("--max-total", self.max_total))
    }

    async fn filter(&self, context: &Context, database: &Database) -> Result<orders::Filter> {
        let Span { since, until } = self.period.span(context)?;
        let FilterArguments { min_total, max_total, .. } = *self;
        let unchanged_since = self.unchanged_since(context)?;
        let (statuses, mut user_id, mut product_id) = (self.status.clone(), None, None);
        if let Some(who) = &self.user {
            let user = users::find_one(database.connection(), UserKey::parse(who), Lock::None).await?;
            user_id = Some(user.ok_or_else(|| user::unknown(who))?.id);
        }
        if let Some(name) = &self.product {
            let found = products::find_by_sku(database.connection(), name).await?;
            product_id = Some(found.ok_or_else(|| product::unknown(&[name]))?.id);
        }
        let search = Search::orders(database.connection(), &self.search.clone().unwrap_or_default()).await?;
        Ok(orders::Filter {
            statuses,
            user_id,
            product_id,
            search,
            since,
            until,
            unchanged_since,
            min_total,
            max_total,
        })
    }

    async fn rows(output: &Output, database: &Database, found: Vec<order::Model>) -> Result<Vec<OrderView>> {
        let buyers = orders::find_users(database.connection(), &found).await?;
        // Of any status: another program may have refunded a pending order.
        let ids: Vec<Id> = found.iter().map(|order| order.id).collect();
        let mut refunded = orders::refunded_amounts(database.connection(), &ids).await?;
        let mut said = match output.has_field("note") || output.has_field("tracking") {
            true => LastSaid::find(database.connection(), &ids).await?,
            false => HashMap::new(),
        };
        let row = |order: order::Model| {
            let email = buyers.iter().find(|user| user.id == order.user_id).and_then(|user| user.email.to_text());
            let refunded = refunded.remove(&order.id).unwrap_or(Money::ZERO.into());
            let said = said.remove(&order.id).unwrap_or_default();
            OrderView { order, email, refunded, said }
        };
        Ok(found.into_iter().map(row).collect())
    }
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Pay(arguments) => lifecycle::run(context, prompter, arguments.request(context, Verb::Pay)?).await,
        Command::Ship(arguments) => ship::run(context, prompter, &arguments).await,
        Command::Note(arguments) => note::run(context, &arguments).await,
        Command::Reassign(arguments) => reassign::run(context, prompter, &arguments).await,
        Command::Complete(arguments) => {
            lifecycle::run(context, prompter, arguments.request(context, Verb::Complete)?).await
        }
        Command::Cancel(arguments) => lifecycle::run(context, prompter, arguments.request(context)?).await,
        Command::Refund(arguments) => lifecycle::run(context, prompter, arguments.request(context)?).await,
        Command::Restock(arguments) => restock::run(context, &arguments).await,
        Command::Expire(arguments) => lifecycle::expire(context, prompter, &arguments).await,
        Command::Create(arguments) => create::run(context, prompter, &arguments).await,
        Command::Edit(arguments) => edit::run(context, prompter, &arguments).await,
        Command::Change(arguments) => change::run(context, prompter, &arguments).await,
        Command::List(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Export(arguments) => export::run(context, &arguments).await.map(Effect::from),
        Command::Import(arguments) => import::run(context, prompter, &arguments).await,
        Command::Show(arguments) => show::run(context, &arguments).await.map(Effect::from),
    }
}

/// Converts a placed order to the view of an order with its lines.
pub fn detail(placed: PlacedOrder) -> FullOrder {
    let item = |(item, product): ItemWithProduct| {
        let (sku, name) = product.map_or((None, None), |product| (product.sku.to_text(), product.name.to_text()));
        Item { item, sku, name }
    };
    let email = placed.user.and_then(|user| user.email.to_text());
    let items = placed.items.into_iter().map(item).collect();
    let refunded = orders::sum_of(&placed.refunds).map_or(Stored::Missing, Stored::from);
    FullOrder { order: placed.order, email, refunded, items }
}
