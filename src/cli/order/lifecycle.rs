//! `shopctl order pay|ship|complete|cancel|refund|expire`

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::arguments::{AnswerArguments, KeyArguments, WriteArguments, optional, required};
use super::super::batch::{self, BatchArguments, Names};
use super::super::{Asking, mutation};
use crate::context::Context;
use crate::db::Access;
use crate::domain::order_status::Verb;
use crate::domain::text::multi_line;
use crate::domain::{Money, OrderStatus, Page, Quantity, Violations, moment};
use crate::error::{Error, Result, printable};
use crate::output::views::OrderView;
use crate::output::{Mutation, View};
use crate::repository::order as orders;
use crate::service::operation::Operations;
use crate::service::order_lifecycle::{self as service, Move, Moved, Restock};

/// What all verbs take.
#[derive(Debug, Args)]
pub struct MoveArguments {
    /// References or ids
    #[arg(value_name = "ORDER")]
    orders: Vec<String>,
    #[command(flatten)]
    batch: BatchArguments,
    /// Kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Kept in the audit trail and with the stock movements
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct ShipArguments {
    #[command(flatten)]
    moved: MoveArguments,
    /// The parcel's number, kept in the audit trail
    #[arg(long, value_name = "NUMBER")]
    tracking: Option<String>,
}

#[derive(Debug, Args)]
pub struct CancelArguments {
    #[command(flatten)]
    moved: MoveArguments,
    /// The pieces do not go back into stock
    #[arg(long)]
    no_restock: bool,
}

#[derive(Debug, Args)]
pub struct RefundArguments {
    #[command(flatten)]
    moved: MoveArguments,
    /// The pieces do not go back into stock
    #[arg(long, conflicts_with = "restock")]
    no_restock: bool,
    /// All pieces go back into stock, or so many of a product; repeat for more products
    #[arg(long, value_name = "PRODUCT=N", num_args = 0..=1, default_missing_value = "")]
    restock: Vec<String>,
    #[command(flatten)]
    key: KeyArguments,
}

#[derive(Debug, Args)]
pub struct ExpireArguments {
    /// Pending for longer than this, such as 60m, 24h or 7d
    #[arg(long, value_name = "TIME")]
    older_than: String,
    /// Kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

/// A verb with all that was said about it.
struct Wanted<'a> {
    template: Move,
    orders: Names,
    fail_fast: bool,
    key: Option<&'a KeyArguments>,
    write: &'a WriteArguments,
}

pub async fn pay(context: &Context, asking: &Asking, arguments: &MoveArguments) -> Result<()> {
    simple(context, asking, Verb::Pay, arguments, None).await
}

pub async fn ship(context: &Context, asking: &Asking, arguments: &ShipArguments) -> Result<()> {
    simple(context, asking, Verb::Ship, &arguments.moved, arguments.tracking.as_deref()).await
}

pub async fn complete(context: &Context, asking: &Asking, arguments: &MoveArguments) -> Result<()> {
    simple(context, asking, Verb::Complete, arguments, None).await
}

/// Verbs that ask only when several orders are named.
async fn simple(
    context: &Context,
    asking: &Asking,
    verb: Verb,
    arguments: &MoveArguments,
    tracking: Option<&str>,
) -> Result<()> {
    let mut wanted = wanted(verb, arguments, Restock::AsUsual)?;
    if let Some(text) = tracking {
        if !wanted.orders.is_single {
            return Err(Error::usage("--tracking is for one order"));
        }
        let mut violations = Violations::new();
        wanted.template.tracking = optional(&mut violations, "tracking", Some(text), multi_line);
        violations.into_result()?;
    }
    if !wanted.orders.is_single {
        ask(context, asking, &arguments.answers, &wanted).await?;
    }
    each(context, wanted).await
}

pub async fn cancel(context: &Context, asking: &Asking, arguments: &CancelArguments) -> Result<()> {
    let restock = if arguments.no_restock { Restock::Nothing } else { Restock::AsUsual };
    let wanted = wanted(Verb::Cancel, &arguments.moved, restock)?;
    ask(context, asking, &arguments.moved.answers, &wanted).await?;
    each(context, wanted).await
}

pub async fn refund(context: &Context, asking: &Asking, arguments: &RefundArguments) -> Result<()> {
    let mut violations = Violations::new();
    let mut lines = Vec::new();
    let mut names = Vec::new();
    for text in arguments.restock.iter().filter(|text| !text.is_empty()) {
        match text.rsplit_once('=') {
            Some((product, pieces)) => {
                let field = format!("restock of {}", printable(product));
                lines.extend(violations.parse(&field, pieces, Quantity::parse).map(|n| (product.to_owned(), n)));
            }
            // `--restock K7Q2M-9XD4T`: an order that stands behind the flag.
            None => names.push(text.clone()),
        }
    }
    violations.into_result()?;
    let restock = match (arguments.no_restock, arguments.restock.is_empty(), lines.is_empty()) {
        (true, _, _) => Restock::Nothing,
        (_, true, _) => Restock::AsUsual,
        (_, _, true) => Restock::Everything,
        (_, _, false) => Restock::Lines(lines),
    };
    names.extend(arguments.moved.orders.iter().cloned());
    let mut wanted = wanted_of(Verb::Refund, &arguments.moved, &names, restock)?;
    wanted.key = Some(&arguments.key);
    if !wanted.orders.is_single && arguments.key.idempotency_key.is_some() {
        return Err(Error::usage("--idempotency-key is for one order"));
    }
    if !wanted.orders.is_single && matches!(wanted.template.restock, Restock::Lines(_)) {
        return Err(Error::usage("--restock PRODUCT=N is for one order"));
    }
    ask(context, asking, &arguments.moved.answers, &wanted).await?;
    each(context, wanted).await
}

fn wanted(verb: Verb, arguments: &MoveArguments, restock: Restock) -> Result<Wanted<'_>> {
    wanted_of(verb, arguments, &arguments.orders, restock)
}

fn wanted_of<'a>(verb: Verb, arguments: &'a MoveArguments, names: &[String], restock: Restock) -> Result<Wanted<'a>> {
    let mut violations = Violations::new();
    let reason = optional(&mut violations, "reason", arguments.reason.as_deref(), multi_line);
    let note = optional(&mut violations, "note", arguments.note.as_deref(), multi_line);
    violations.into_result()?;
    let orders = arguments.batch.names(names, "order")?;
    let template = Move { order: String::new(), verb, reason, note, tracking: None, restock, placed_before: None };
    Ok(Wanted { template, orders, fail_fast: arguments.batch.fail_fast, key: None, write: &arguments.write })
}

async fn ask(context: &Context, asking: &Asking, answers: &AnswerArguments, wanted: &Wanted<'_>) -> Result<()> {
    if wanted.orders.names.is_empty() {
        return Ok(());
    }
    asking
        .permission(context, answers, wanted.write.dry_run, async || {
            let database = context.database(Access::Read).await?;
            let found = orders::find_all_named(database.connection(), &wanted.orders.names).await?;
            if let ([], [first, ..]) = (found.as_slice(), wanted.orders.names.as_slice()) {
                return Err(service::unknown(first));
            }
            Ok(impact(&found, wanted))
        })
        .await
}

/// `this cancels order K7Q2M-9XD4T (pending, 28.30); what it took goes back into stock`
fn impact(found: &[crate::entity::order::Model], wanted: &Wanted<'_>) -> String {
    let verb = match wanted.template.verb {
        Verb::Pay => "marks as paid",
        Verb::Ship => "marks as shipped",
        Verb::Complete => "completes",
        Verb::Cancel => "cancels",
        Verb::Expire => "lets expire",
        Verb::Refund => "refunds",
    };
    let stock = match (&wanted.template.restock, wanted.template.verb) {
        (Restock::Nothing, _) => "; nothing goes back into stock",
        (Restock::AsUsual, Verb::Cancel | Verb::Expire) => "; what was taken goes back into stock",
        (Restock::AsUsual, Verb::Refund) => "; what was not shipped goes back into stock",
        (Restock::AsUsual, _) => "",
        (Restock::Everything, _) => "; what was taken goes back into stock",
        (Restock::Lines(_), _) => "; the named pieces go back into stock",
    };
    if let ([order], 1) = (found, wanted.orders.names.len()) {
        let name = order.reference.clone();
        let (name, status) = (printable(&name), printable(&order.status));
        return format!("this {verb} order {name} ({status}, {}){stock}", order.total_amount);
    }
    let total = found.iter().try_fold(Money::ZERO, |sum, order| sum.checked_plus(order.total_amount));
    let total = total.map_or_else(|| "a lot".to_owned(), |total| total.to_string());
    let missing = match wanted.orders.names.len().saturating_sub(found.len()) {
        0 => String::new(),
        missing => format!(", {missing} more are not found"),
    };
    format!("this {verb} {} orders, {total} in all{missing}{stock}", found.len())
}

async fn each(context: &Context, wanted: Wanted<'_>) -> Result<()> {
    let mut violations = Violations::new();
    let key = wanted.key.and_then(|key| key.parse(&mut violations));
    violations.into_result()?;
    let database = context.database_for_operation().await?;
    let dry_run = wanted.write.dry_run;
    let one = async |operations: &Operations, name: &str| {
        let one = Move { order: name.to_owned(), ..wanted.template.clone() };
        let moved = service::run(operations, &one, key.clone()).await?;
        Ok(tell(&moved, dry_run))
    };
    batch::run(context, &database, dry_run, &wanted.orders, wanted.fail_fast, one).await
}

/// One line and one object about an order that was moved.
fn tell(moved: &Moved, dry_run: bool) -> Mutation {
    let name = moved.after.reference.clone();
    let name = printable(&name);
    let status = printable(&moved.after.status);
    let pieces: i64 = moved.restored.iter().map(|line| i64::from(line.quantity)).sum();
    let line = match (moved.changed, moved.replayed) {
        (_, true) => format!("order {name} was {status} before"),
        (false, _) => format!("order {name} is {status} already"),
        (true, _) => {
            let restocked = match pieces {
                0 => String::new(),
                1 => ", 1 unit restocked".to_owned(),
                pieces => format!(", {pieces} units restocked"),
            };
            format!("order {name} {}{restocked}", mutation::done(dry_run, &status))
        }
    };
    let view = |order: &crate::entity::order::Model| {
        let mut json = OrderView { order: order.clone(), email: None }.to_json();
        // Who bought is in user_id; nobody looked the address up.
        json.shift_remove("user");
        Value::Object(json)
    };
    let mut json = Map::new();
    json.insert("reference".to_owned(), json!(moved.after.reference));
    json.insert("status".to_owned(), json!(moved.after.status));
    let (before, after) = (view(&moved.before), view(&moved.after));
    json.extend(mutation::outcome(moved.changed, moved.replayed, dry_run, before, after));
    json.insert("restocked".to_owned(), service::to_json(&moved.restored));
    Mutation { line, id: moved.after.id.to_string(), json }
}

/// Cancels what has been pending for too long. Each order is an operation of its own; one that was
/// paid in the meantime is left alone.
pub async fn expire(context: &Context, asking: &Asking, arguments: &ExpireArguments) -> Result<()> {
    let mut violations = Violations::new();
    let age = violations.parse("older-than", &arguments.older_than, moment::parse_span);
    let note = optional(&mut violations, "note", arguments.note.as_deref(), multi_line);
    violations.into_result()?;
    let age = chrono::Duration::from_std(required(age)?).unwrap_or(chrono::Duration::MAX);
    let before = context.clock.now().checked_sub_signed(age);
    let before = before.ok_or_else(|| Error::usage("--older-than reaches too far back"))?;
    let names = pending(context, before).await?;
    if names.is_empty() {
        context.output.note("no orders to expire");
    }
    let template = Move {
        order: String::new(),
        verb: Verb::Expire,
        reason: None,
        note,
        tracking: None,
        restock: Restock::AsUsual,
        placed_before: Some(before),
    };
    let write = &arguments.write;
    let orders = Names { names, is_single: false };
    let wanted = Wanted { template, orders, fail_fast: false, key: None, write };
    ask(context, asking, &arguments.answers, &wanted).await?;
    each(context, wanted).await
}

/// The ids of orders that have been pending since before this time, oldest first.
async fn pending(context: &Context, before: chrono::DateTime<chrono::Utc>) -> Result<Vec<String>> {
    let database = context.database(Access::Read).await?;
    let filter =
        orders::Filter { statuses: vec![OrderStatus::Pending], until: Some(before), ..orders::Filter::default() };
    let sort = crate::domain::page::Sort::parse("created_at");
    let mut page = Page { limit: crate::domain::page::MAX_LIMIT, offset: 0, after: None, sort };
    let mut ids = Vec::new();
    loop {
        let found = orders::find_all(database.connection(), &filter, &page).await?;
        ids.extend(found.items.iter().map(|order| order.id.to_string()));
        match found.next {
            Some(cursor) => page.after = Some(cursor),
            None => return Ok(ids),
        }
    }
}
