//! `shopctl order change`

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::change_wizard::change_by_wizard;
use super::detail;
use crate::cli::shared::arguments::{KeyArguments, WriteArguments, long_text, with_parsed_quantity};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{finish, outcome_verb, undone_note};
use crate::cli::shared::values::{checked, checked_parts};
use crate::context::Context;
use crate::domain::text::counted;
use crate::domain::{Money, Quantity, Violation};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::output::{Change, Mutation, View};
use crate::service::change_order::{self, ChangedOrder, NewQuantity, OrderChange};
use crate::service::order_lifecycle::{RestockedLine, to_json};

#[derive(Debug, Args)]
pub struct ChangeArguments {
    /// Reference or id of the order
    #[arg(value_name = "ORDER")]
    order: String,
    /// New quantity of a product [default: 1]; 0 removes it; repeatable
    #[arg(long = "item", value_name = "PRODUCT[:N]", value_parser = checked_parts(parse_item))]
    items: Vec<NewQuantity>,
    /// Remove a product; repeatable
    #[arg(long, value_name = "PRODUCT")]
    remove: Vec<String>,
    /// New customer: e-mail address or id
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// Apply today's prices to all lines; otherwise kept lines keep theirs
    #[arg(long)]
    reprice: bool,
    /// New note of the order, also for its stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    /// Refuse the change if the new total differs from this amount
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    expect_total: Option<Money>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

/// What only this command reports.
#[derive(Debug, Serialize)]
pub(super) struct Moved {
    /// Pieces that were taken from stock.
    taken: Value,
    /// Pieces that went back into stock.
    restocked: Value,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &ChangeArguments) -> Result<Effect> {
    let ChangeArguments { order, items, remove, user, reprice, note, expect_total, key, write } = arguments;
    let is_complete = !items.is_empty() || !remove.is_empty() || user.is_some() || *reprice;
    let is_wizard = prompter.needs_answers(&[("--item", is_complete)]).map_err(|_| {
        let alone = |text: &String| {
            Hint::from("to set only the note: ").and(CommandLine::new("order note").argument(order).argument(text))
        };
        Error::usage("nothing to change")
            .hint("give at least one of --item, --remove, --user, --reprice; on a terminal, shopctl asks for new quantities")
            .hints_of(note.as_ref().map(alone))
    })?;
    let removed = remove.iter().map(|product| NewQuantity { product: product.trim().to_owned(), quantity: None });
    let wanted = OrderChange {
        lines: items.iter().cloned().chain(removed).collect(),
        user: user.clone(),
        note: note.clone(),
        expected_total: *expect_total,
        reprices: *reprice,
        ..OrderChange::of(order.clone())
    };
    let operations = context.open_operations(write.dry_run).await?;
    let change = async |wanted: &OrderChange| change_order::run(&operations, wanted, key.idempotency_key.clone()).await;
    let changed = match is_wizard {
        true => change_by_wizard(context, &operations, wanted, change).await?,
        false => change(&wanted).await?,
    };
    Ok(finish(context, &operations.database, mutation_of(changed, operations.dry_run)))
}

/// The result of a change.
pub(super) fn mutation_of(result: ChangedOrder, dry_run: bool) -> Mutation<Change<Moved>> {
    let ChangedOrder { before, after, changed, taken, undone_by } = result;
    let replayed = after.replayed;
    let verb = match (replayed, changed) {
        (true, _) => format!("was already changed{}; its current state", undone_note(undone_by)),
        (_, true) => outcome_verb(dry_run, "changed"),
        (_, false) => "unchanged".to_owned(),
    };
    let (before, after) = (before.map(detail), detail(after));
    let pieces: i64 = after.items.iter().map(|item| item.item.quantity.pieces()).sum();
    let total_before = before.as_ref().map(|before| &before.order.total_amount);
    let was = total_before.filter(|total| **total != after.order.total_amount);
    let line = format!(
        "order {} {verb}: {} for {}, total {}{}",
        printable(&after.order.reference),
        counted(pieces, "unit"),
        after.email.as_deref().map_or_else(|| "?".to_owned(), printable),
        after.order.total_amount,
        was.map_or_else(String::new, |total| format!(" (was {total})"))
    );
    let (out, back): (Vec<_>, Vec<_>) = taken.into_iter().partition(|line| line.quantity > 0);
    let back: Vec<_> = back.into_iter().map(|line| RestockedLine { quantity: -line.quantity, ..line }).collect();
    let (object, before) = (after.to_json(), before.map(|before| before.to_json()));
    let (after_fields, undone_by) = (Some(after.to_json()), undone_by.map(|id| id.to_string()));
    let change =
        Change { object, changed, replayed, undone_by, dry_run, before, after: after_fields, ..Change::default() };
    Mutation::new(line, after.order.id, change.with(Moved { taken: to_json(&out), restocked: to_json(&back) }))
}

/// Parses `PRODUCT` or `PRODUCT:QUANTITY`; 0 removes the product.
fn parse_item(text: &str) -> Result<NewQuantity, Violation> {
    let (product, quantity) = with_parsed_quantity("--item", "quantity of", text, Quantity::parse_or_none)?;
    Ok(NewQuantity { product, quantity: quantity.unwrap_or(Some(Quantity::ONE)) })
}
