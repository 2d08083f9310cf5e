//! `shopctl order pay|complete|cancel|refund|expire`, and what they share with `ship`.

use std::time::Duration;

use chrono::Datelike;
use clap::Args;

use super::moved::{is_whole, mutation_of, restocked_units, why_nothing};
use crate::cli::shared::arguments::{AnswerArguments, KeyArguments, WriteArguments, long_text, with_quantity};
use crate::cli::shared::batch::{self, BatchArguments, Names};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::values::{checked, checked_parts};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::order_status::Verb;
use crate::domain::text::{counted, counted_are, first_names, number_is};
use crate::domain::time_parser::YEARS;
use crate::domain::{Amount, Id, IdempotencyKey, Money, Quantity, Violation, Violations, moment};
use crate::entity::{Stored, order};
use crate::error::{Error, Result, printable};
use crate::repository::order as orders;
use crate::service::operation::Operations;
use crate::service::order_lifecycle::{self as service, OrderTransition, RefundScope, Restock};

/// Maximum number of orders named in a question.
const NAMED: usize = 3;

// Arguments of all verbs.
#[derive(Debug, Args)]
pub struct MoveArguments {
    /// References or ids of the orders
    #[arg(value_name = "ORDER")]
    pub orders: Vec<String>,
    #[command(flatten)]
    pub batch: BatchArguments,
    /// Reason for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    reason: Option<String>,
    /// Remark for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    pub answers: AnswerArguments,
    #[command(flatten)]
    pub write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct CancelArguments {
    #[command(flatten)]
    moved: MoveArguments,
    /// Do not restock the units
    #[arg(long)]
    no_restock: bool,
}

#[derive(Debug, Args)]
pub struct RefundArguments {
    #[command(flatten)]
    moved: MoveArguments,
    /// Refund N units of this product [default: all that are left]; repeatable
    #[arg(long = "line", value_name = "PRODUCT[:N]", value_parser = checked_parts(parse_line))]
    lines: Vec<(String, Option<Quantity>)>,
    /// Refund only this amount [default: the price of the lines]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(parse_amount))]
    amount: Option<Money>,
    /// Do not restock the units
    #[arg(long, conflicts_with_all = ["restock", "restock_all"])]
    no_restock: bool,
    /// Restock N units of this product [default: all]; repeatable
    #[arg(long, value_name = "PRODUCT[:N]", conflicts_with = "restock_all", value_parser = checked_parts(parse_restock))]
    restock: Vec<(String, Option<Quantity>)>,
    /// Restock all units, shipped ones included
    #[arg(long)]
    restock_all: bool,
    #[command(flatten)]
    key: KeyArguments,
}

#[derive(Debug, Args)]
pub struct ExpireArguments {
    /// Only orders pending for longer than this, e.g. 60m, 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = checked(moment::parse_span))]
    older_than: Duration,
    /// Remark for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

/// A verb with its arguments.
pub struct TransitionRequest<'a> {
    pub template: OrderTransition,
    orders: Names,
    fail_fast: bool,
    key: Option<IdempotencyKey>,
    answers: &'a AnswerArguments,
    write: &'a WriteArguments,
}

impl MoveArguments {
    pub fn request(&self, context: &Context, verb: Verb) -> Result<TransitionRequest<'_>> {
        Ok(self.request_for(self.batch.names(context, &self.orders, "order")?, verb))
    }

    /// The same for these orders.
    pub fn request_for(&self, orders: Names, verb: Verb) -> TransitionRequest<'_> {
        let MoveArguments { batch, answers, write, .. } = self;
        TransitionRequest {
            template: self.template(verb),
            orders,
            fail_fast: batch.fail_fast,
            key: None,
            answers,
            write,
        }
    }

    /// The transition, without an order.
    pub fn template(&self, verb: Verb) -> OrderTransition {
        let (reason, note) = (self.reason.clone(), self.note.clone());
        OrderTransition { reason, note, ..OrderTransition::new(String::new(), verb) }
    }
}

impl CancelArguments {
    pub fn request(&self, context: &Context) -> Result<TransitionRequest<'_>> {
        let mut request = self.moved.request(context, Verb::Cancel)?;
        request.template.restock = if self.no_restock { Restock::Nothing } else { Restock::AsUsual };
        Ok(request)
    }
}

impl RefundArguments {
    pub fn request(&self, context: &Context) -> Result<TransitionRequest<'_>> {
        let mut request = self.moved.request(context, Verb::Refund)?;
        request.template.restock = match (self.no_restock, self.restock_all, self.restock.is_empty()) {
            (true, _, _) => Restock::Nothing,
            (_, true, _) => Restock::Everything,
            (_, _, true) => Restock::AsUsual,
            (_, _, false) => Restock::Lines(self.restock.clone()),
        };
        request.template.refund = RefundScope { lines: self.lines.clone(), amount: self.amount };
        Ok(TransitionRequest { key: self.key.idempotency_key.clone(), ..request })
    }
}

fn parse_restock(text: &str) -> Result<(String, Option<Quantity>), Violation> {
    with_quantity("--restock", "restock of", text)
}

fn parse_line(text: &str) -> Result<(String, Option<Quantity>), Violation> {
    with_quantity("--line", "units of", text)
}

/// Parses an amount to give back.
fn parse_amount(text: &str) -> Result<Money, String> {
    let amount = Money::parse_total(text)?;
    if amount == Money::ZERO { Err("must be more than 0".to_owned()) } else { Ok(amount) }
}

/// Applies the verb to the named orders.
pub async fn run(context: &Context, prompter: &Prompter, request: TransitionRequest<'_>) -> Result<Effect> {
    let orders = &request.orders;
    let OrderTransition { tracking, restock, refund, verb, .. } = &request.template;
    let for_one = [
        (!refund.lines.is_empty(), "--line is for a single order"),
        (refund.amount.is_some(), "--amount is for a single order"),
        (tracking.is_some(), "--tracking is for a single order"),
        (request.key.is_some(), "--idempotency-key is for a single order"),
        (matches!(restock, Restock::Lines(_)), "--restock is for a single order; use --restock-all for several"),
    ];
    if let Some((_, message)) = for_one.into_iter().find(|(is_given, _)| *is_given && !orders.is_single) {
        return Err(Error::usage(message));
    }
    // Marking a single order needs no confirmation.
    if !orders.names.is_empty() && (verb.is_about_stock() || !orders.is_single) {
        let impact = async || match orders.is_single {
            true => impact_on_one(context, &request.template, &orders.names[0]).await,
            false => impact_on_all(&context.database(Access::Read).await?, orders, &request.template).await,
        };
        prompter.ask_permission(context, request.answers, request.write.dry_run, impact).await?;
    }
    let (database, dry_run) = (context.database_for_operation().await?, request.write.dry_run);
    // Expiring orders have just been queried.
    if !orders.is_single && !orders.names.is_empty() && *verb != Verb::Expire {
        database.ready().await?;
        find_orders(&database, orders).await?;
    }
    let one = async |operations: &Operations, name: &str| {
        let one = OrderTransition { order: name.to_owned(), ..request.template.clone() };
        let moved = service::run(operations, &one, request.key.clone()).await?;
        Ok(mutation_of(&moved, one.verb, dry_run))
    };
    batch::run(context, &database, dry_run, orders, request.fail_fast, one).await
}

/// Finds the named orders.
///
/// Errors: exit 3, listing every unknown name.
pub async fn find_orders(database: &Database, Names { names, .. }: &Names) -> Result<Vec<order::Model>> {
    let found = orders::find_all_named(database.connection(), names).await?;
    let unknown = orders::unknown_among(&found, names);
    let hint = service::unknown_hint(unknown.first().map_or("", |name| name));
    batch::refuse_unknown("order", &unknown, hint)?;
    Ok(found)
}

/// Describes the impact on one order: `this cancels order K7Q2M-9XD4T (pending, 28.30) in …; 3 units are restocked`;
/// `None` if there is none.
///
/// Errors: those of the operation, which is run and rolled back.
async fn impact_on_one(context: &Context, template: &OrderTransition, name: &str) -> Result<Option<String>> {
    let database = context.database_for_operation().await?;
    let one = OrderTransition { order: name.to_owned(), ..template.clone() };
    let tried = service::run(&context.operations(&database, true), &one, None).await?;
    if !tried.changed {
        return Ok(None);
    }
    let name = printable(&tried.before.reference);
    let status = tried.before.status.told();
    let stock = match restocked_units(&tried.restored) {
        _ if !one.verb.is_about_stock() => String::new(),
        0 => format!("; nothing is restocked{}", why_nothing(&tried, one.verb)),
        pieces => format!("; {} restocked", counted_are(pieces, "unit")),
    };
    let part = match &tried.refund {
        Some(refund) if !is_whole(&tried, refund) => format!("{} of ", refund.refund.amount),
        _ => String::new(),
    };
    let total = &tried.before.total_amount;
    let what = format!("{part}order {name} ({status}, {total})");
    Ok(Some(format!("this {} in {}{stock}", verb_phrase(one.verb, &what), database.target())))
}

/// Describes the impact on several orders: `this cancels 3 orders in …: A, B, C; 84.90 in total; 1 is refused: …`;
/// `None` if there is none.
///
/// Errors: exit 6 if all would be refused.
async fn impact_on_all(database: &Database, names: &Names, template: &OrderTransition) -> Result<Option<String>> {
    let OrderTransition { verb, restock, .. } = template;
    let found = find_orders(database, names).await?;
    let (mut able, mut unchanged, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    for order in &found {
        match service::check(order, template) {
            Ok(true) => able.push(order),
            Ok(false) => unchanged.push(order),
            Err(error) => refusals.push(error),
        }
    }
    let number = refusals.len();
    let mut rest = match refusals.into_iter().next() {
        Some(error) if number == found.len() => return Err(error),
        Some(error) => format!("; {} refused: {}", number_is(number), error.message()),
        None => String::new(),
    };
    if !unchanged.is_empty() {
        let already = if *verb == Verb::Expire { "not pending" } else { verb.leads_to().as_str() };
        rest += &format!("; {} already {already}: {}", number_is(unchanged.len()), first_references(&unchanged));
    }
    if able.is_empty() {
        return Ok(None);
    }
    let stock = match (restock, verb) {
        (Restock::Nothing, _) => "; nothing is restocked",
        (Restock::AsUsual, Verb::Cancel | Verb::Expire) => "; their units are restocked",
        (Restock::AsUsual, Verb::Refund) => "; units not yet shipped are restocked",
        (Restock::AsUsual, _) => "",
        (Restock::Everything, _) => "; all their units are restocked",
        (Restock::Lines(_), _) => "; the given units are restocked",
    };
    let ids: Vec<Id> = able.iter().filter(|_| *verb == Verb::Refund).map(|order| order.id).collect();
    let refunded = orders::refunded_amounts(database.connection(), &ids).await?;
    let left = |order: &order::Model| {
        let total = Amount::from(order.total_amount.known()?);
        let refunded = refunded.get(&order.id).and_then(Stored::known).unwrap_or_default();
        Some(total.minus(refunded.into()))
    };
    let total = able.iter().try_fold(Amount::ZERO, |sum, order| Some(sum.plus(left(order)?)));
    let total = total.map_or_else(|| "an unknown amount".to_owned(), |total| total.to_string());
    let (orders, names) = (counted(able.len(), "order"), first_references(&able));
    let phrase = verb_phrase(*verb, &orders);
    Ok(Some(format!("this {phrase} in {}: {names}; {total} in total{rest}{stock}", database.target())))
}

/// The first references: `A, B, C and 7 more`.
pub fn first_references(orders: &[&order::Model]) -> String {
    first_names(orders.iter().map(|order| printable(&order.reference)), NAMED)
}

fn verb_phrase(verb: Verb, orders: &str) -> String {
    match verb {
        Verb::Pay => format!("marks {orders} as paid"),
        Verb::Ship => format!("marks {orders} as shipped"),
        Verb::Complete => format!("marks {orders} as completed"),
        Verb::Cancel => format!("cancels {orders}"),
        Verb::Expire => format!("expires {orders}"),
        Verb::Refund => format!("refunds {orders}"),
    }
}

/// Cancels orders that have been pending for too long. Each order is a separate operation; an order paid in the
/// meantime is skipped.
pub async fn expire(context: &Context, prompter: &Prompter, arguments: &ExpireArguments) -> Result<Effect> {
    let age = chrono::Duration::from_std(arguments.older_than).unwrap_or(chrono::Duration::MAX);
    let before = context.clock.now().checked_sub_signed(age);
    // Each engine supports a different range of years.
    let before = before.filter(|before| YEARS.contains(&before.year()));
    let before = before.ok_or_else(|| Violations::single("--older-than", "goes back too far").into_error())?;
    let database = context.database(Access::Read).await?;
    let orders = orders::pending_since(database.connection(), before).await?;
    if orders.is_empty() {
        context.output.note("there are no orders to expire");
    }
    let ExpireArguments { note, answers, write, .. } = arguments;
    let template = OrderTransition {
        note: note.clone(),
        placed_before: Some(before),
        ..OrderTransition::new(String::new(), Verb::Expire)
    };
    let orders = Names { names: orders, is_single: false };
    run(context, prompter, TransitionRequest { template, orders, fail_fast: false, key: None, answers, write }).await
}
