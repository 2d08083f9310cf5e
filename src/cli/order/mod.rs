//! `shopctl order`

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::Value;

mod export;
mod import;
mod lifecycle;
pub mod view;

use self::view::{ItemView, OrderDetailView, OrderView};
use crate::cli::Asking;
use crate::cli::audit::view::TimelineView;
use crate::cli::shared::arguments::{
    KeyArguments, ListArguments, WriteArguments, check_period, check_range, long_text, name_of, time, with_quantity,
};
use crate::cli::shared::export::ExportArguments;
use crate::cli::shared::list::{self, Shown, TIMELINE_MAX};
use crate::cli::shared::mutation::{self, done, finish};
use crate::cli::shared::values::{checked, checked_parts};
use crate::cli::shared::wizard;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::{IdempotencyKey, Violation};
use crate::domain::{Money, OrderStatus, Page, Quantity, Violations, text::counted};
use crate::error::{CommandLine, Error, Kind, Result, io_reason, printable};
use crate::output::{Cell, Mutation, View};
use crate::repository::user::{Lock, Who};
use crate::repository::{audit_event as events, order as orders, product as products, user as users};
use crate::service::order_lifecycle;
use crate::service::place_order::{self, NewLine, NewOrder, PlacedOrder};
use chrono::{DateTime, Utc};
use import::OrderImportArguments;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Place an order: all lines or none
    #[command(after_help = "Examples:
  shopctl order create --user ann@example.com --item MUG-01:2 --item PEN-FINE
  shopctl order create --from order.json --idempotency-key web-4711
  shopctl order create --user ann@example.com --item MUG-01:2 --expect-total 25.00

A file holds {\"user\": \"ann@example.com\", \"items\": [{\"sku\": \"MUG-01\", \"quantity\": 2}]}")]
    Create(CreateArguments),
    /// List orders, newest first
    #[command(after_help = "Examples:
  shopctl order list --status pending,paid --since 2026-01-01
  shopctl order list --user ann@example.com --json")]
    List(OrderListArguments),
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
    Show(ShowArguments),
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
pub struct CreateArguments {
    /// Who buys: e-mail address or id; on a terminal, what is missing is asked for
    #[arg(long, value_name = "WHO", conflicts_with = "from")]
    user: Option<String>,
    /// What and how many (1 when absent); repeat for more lines
    #[arg(long = "item", value_name = "PRODUCT[:QUANTITY]", conflicts_with = "from", value_parser = checked_parts(parse_item))]
    items: Vec<NewLine>,
    /// Read the order from a JSON file (- for standard input)
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Kept with the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    /// Refuse the order if prices have changed and it comes to another total
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    expect_total: Option<Money>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct OrderListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    list: ListArguments,
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

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Reference or id
    #[arg(value_name = "ORDER")]
    order: String,
    /// Also show what happened to it, from the audit trail
    #[arg(long)]
    timeline: bool,
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
        Command::Create(arguments) => create(context, asking, &arguments).await,
        Command::List(arguments) => list(context, &arguments).await,
        Command::Export(arguments) => export::run(context, &arguments).await,
        Command::Import(arguments) => import::run(context, asking, &arguments).await,
        Command::Show(arguments) => show(context, &arguments).await,
    }
}

async fn create(context: &Context, asking: &Asking, arguments: &CreateArguments) -> Result<()> {
    let is_from = arguments.from.is_some();
    let is_wizard = asking.asks_for(&[
        ("--user", is_from || arguments.user.is_some()),
        ("--item", is_from || !arguments.items.is_empty()),
    ])?;
    let (user, lines) = match &arguments.from {
        Some(path) => read_order(path)?,
        None => (arguments.user.clone().unwrap_or_default(), arguments.items.clone()),
    };
    let CreateArguments { note, expect_total, key, .. } = arguments;
    let mut new = NewOrder { note: note.clone(), expected_total: *expect_total, ..NewOrder::new(user, lines) };
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let mut command = None;
    if is_wizard {
        new = wizard::complete_order(context, &database, new).await?;
        command = Some(equivalent(&new, arguments));
    }
    // Nobody should have to answer everything again because the shop refused.
    let note_command = |_: &Error| mutation::note_command(context, command.as_ref());
    let operations = context.operations(&database, dry_run);
    let placed = place_order::run(&operations, &new, key.idempotency_key.clone()).await.inspect_err(note_command)?;
    print_placed(context, &database, &placed, dry_run);
    mutation::note_command(context, command.as_ref());
    Ok(())
}

/// The command that places this order without questions.
fn equivalent(new: &NewOrder, arguments: &CreateArguments) -> CommandLine {
    wizard::order_command(new)
        .options("--note", arguments.note.as_deref())
        .options("--expect-total", arguments.expect_total.map(|total| total.to_string()).as_deref())
        .options("--idempotency-key", arguments.key.idempotency_key.as_ref().map(IdempotencyKey::as_str))
        .dry_run(arguments.write.dry_run)
}

/// Says what was ordered.
fn print_placed(context: &Context, database: &Database, placed: &PlacedOrder, dry_run: bool) {
    let name = placed.order.reference.clone();
    let verb = if placed.replayed { "was placed before".to_owned() } else { done(dry_run, "placed") };
    let pieces: i64 = placed.items.iter().map(|(item, _)| item.quantity.pieces()).sum();
    let line = format!(
        "order {name} {verb}: {} for {}, total {}",
        counted(pieces, "piece"),
        placed.user.as_ref().map_or_else(|| "?".to_owned(), |user| printable(&user.email)),
        placed.order.total_amount
    );
    let view = detail(placed);
    let mut json = view.to_json();
    let after = Value::Object(json.clone());
    json.extend(mutation::outcome(!placed.replayed, placed.replayed, dry_run, Value::Null, after));
    finish(context, database, dry_run || placed.replayed, &Mutation { line, id: placed.order.id.to_string(), json });
}

/// An order with its lines as every format shows it.
pub fn detail(placed: &PlacedOrder) -> OrderDetailView {
    let items = placed.items.iter().cloned().map(|(item, product)| ItemView::new(item, product));
    let email = placed.user.as_ref().map(|user| user.email.clone());
    OrderDetailView { order: OrderView { order: placed.order.clone(), email }, items: items.collect() }
}

/// `PRODUCT` or `PRODUCT:QUANTITY`.
fn parse_item(text: &str) -> Result<NewLine, Violation> {
    let (product, quantity) = with_quantity("item", "quantity of", text)?;
    Ok(NewLine { product, quantity: quantity.unwrap_or(Quantity::ONE), unit_price: None })
}

/// What is wrong with JSON, in plain words, with its line.
fn json_problem(error: &serde_json::Error) -> String {
    let line = error.line();
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    let words = match (error.classify(), words.split_once("expected ")) {
        (serde_json::error::Category::Eof, _) => "the JSON ends too early".to_owned(),
        (serde_json::error::Category::Syntax, _) => "is not JSON".to_owned(),
        (_, Some((_, expected))) if words.starts_with("invalid") => format!("a value is not {expected}"),
        _ => words.replace('`', ""),
    };
    format!("line {line}: {}", printable(&words))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with user and items")]
struct OrderFile {
    user: String,
    items: Vec<OrderFileItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with sku and quantity")]
struct OrderFileItem {
    #[serde(alias = "product", alias = "id")]
    sku: String,
    #[serde(default = "one")]
    quantity: Value,
}

fn one() -> Value {
    Value::from(1)
}

/// Errors: exit 4 for an unreadable file, 7 for one that is not an order, with line and column.
fn read_order(path: &std::path::Path) -> Result<(String, Vec<NewLine>)> {
    /// 300 lines fit many times over.
    const MAX_BYTES: u64 = 1024 * 1024;
    let is_stdin = path == std::path::Path::new("-");
    let place = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let read = if is_stdin {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(|error| {
        Error::configuration("order.unreadable", format!("cannot read {place}: {}", io_reason(&error)))
    })?;
    let invalid = |what: String| Error::new(Kind::Invalid, "order.invalid", format!("{place}: {what}"));
    if text.len() as u64 > MAX_BYTES {
        return Err(invalid(format!("is larger than {MAX_BYTES} bytes")));
    }
    let file: OrderFile =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| invalid(json_problem(&error)))?;
    let (mut lines, mut violations) = (Vec::new(), Violations::new());
    for (item, position) in file.items.iter().zip(1..) {
        let quantity = item.quantity.as_str().map_or_else(|| item.quantity.to_string(), str::to_owned);
        if let Some(quantity) = violations.parse(&format!("items[{position}].quantity"), &quantity, Quantity::parse) {
            lines.push(NewLine { product: item.sku.trim().to_owned(), quantity, unit_price: None });
        }
    }
    violations.into_result()?;
    Ok((file.user, lines))
}

async fn list(context: &Context, arguments: &OrderListArguments) -> Result<()> {
    context.output.check_fields::<OrderView>(&[])?;
    let mut filter = arguments.filter.filter()?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&orders::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    let count = async || orders::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

async fn fetch(database: &Database, filter: &orders::Filter, page: &Page) -> Result<Shown<OrderView>> {
    let found = orders::find_all(database.connection(), filter, page).await?;
    let buyers = orders::find_users(database.connection(), &found.items).await?;
    let rows = found.items.into_iter().map(|order| {
        let email = buyers.iter().find(|user| user.id == order.user_id).map(|user| user.email.clone());
        OrderView { order, email }
    });
    Ok(Shown { rows: rows.collect(), next: found.next })
}

async fn show(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let extra: &[&str] = if arguments.timeline { &["timeline"] } else { &[] };
    context.output.check_fields::<OrderDetailView>(extra)?;
    let database = context.database(Access::Read).await?;
    let connection = database.connection();
    let order = orders::find_named(connection, &arguments.order, Lock::None)
        .await?
        .ok_or_else(|| order_lifecycle::unknown(&arguments.order))?;
    let user = users::find_by_id(connection, order.user_id).await?;
    let items = orders::find_items(connection, order.id).await?;
    let mut extra = Vec::new();
    if arguments.timeline {
        let events = events::find_of(connection, "order", order.id, TIMELINE_MAX).await?;
        extra.push(("timeline", Cell::nested(&events.into_iter().map(TimelineView).collect::<Vec<_>>())));
    }
    context.output.show(&detail(&PlacedOrder { order, user, items, replayed: false }), &extra)
}
