//! `shopctl order create`: by flags, from a file, or interactively.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::create_wizard::place_by_wizard;
use super::detail;
use crate::cli::shared::arguments::{KeyArguments, WriteArguments, long_text, with_quantity};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{finish, outcome_verb};
use crate::cli::shared::values::{checked, checked_parts};
use crate::context::Context;
use crate::domain::text::counted;
use crate::domain::{Money, Quantity, Violation, Violations};
use crate::error::{Error, Kind, Result, io_reason, printable};
use crate::file::{input_name, is_standard_stream, read_input};
use crate::output::{Change, Mutation, View};
use crate::service::place_order::{self, NewLine, NewOrder, PlacedOrder};

#[derive(Debug, Args)]
pub struct CreateArguments {
    /// Customer: e-mail address or id
    #[arg(long, value_name = "WHO", conflicts_with = "from")]
    user: Option<String>,
    /// Product and quantity [default: 1]; repeatable
    #[arg(long = "item", value_name = "PRODUCT[:N]", conflicts_with = "from", value_parser = checked_parts(parse_item))]
    items: Vec<NewLine>,
    /// Read the order from a JSON file (- for standard input)
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Note of the order and of its stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    /// Refuse the order if its total differs from this amount
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_total))]
    expect_total: Option<Money>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &CreateArguments) -> Result<Effect> {
    let is_from = arguments.from.is_some();
    let is_wizard = prompter.needs_answers(&[
        ("--user", is_from || arguments.user.is_some()),
        ("--item", is_from || !arguments.items.is_empty()),
    ])?;
    let (user, lines) = match &arguments.from {
        Some(path) => read_order(context, path)?,
        None => (arguments.user.clone().unwrap_or_default(), arguments.items.clone()),
    };
    let CreateArguments { note, expect_total, key, .. } = arguments;
    let new = NewOrder { note: note.clone(), expected_total: *expect_total, ..NewOrder::new(user, lines) };
    let operations = context.open_operations(arguments.write.dry_run).await?;
    let place = async |new: &NewOrder| place_order::run(&operations, new, key.idempotency_key.clone()).await;
    let placed = if is_wizard { place_by_wizard(context, &operations, new, place).await? } else { place(&new).await? };
    let mutation = mutation_of(placed, operations.dry_run);
    Ok(finish(context, &operations.database, mutation))
}

/// The result of placing an order.
fn mutation_of(placed: PlacedOrder, dry_run: bool) -> Mutation<Change> {
    let replayed = placed.replayed;
    let verb =
        if replayed { "was already placed; its current state".to_owned() } else { outcome_verb(dry_run, "placed") };
    let order = detail(placed);
    let pieces: i64 = order.items.iter().map(|item| item.item.quantity.pieces()).sum();
    let line = format!(
        "order {} {verb}: {} for {}, total {}",
        order.order.reference,
        counted(pieces, "unit"),
        order.email.as_deref().map_or_else(|| "?".to_owned(), printable),
        order.order.total_amount
    );
    let (changed, object, after) = (!replayed, order.to_json(), Some(order.to_json()));
    let change: Change = Change { object, changed, replayed, dry_run, after, ..Change::default() };
    Mutation::new(line, order.order.id, change)
}

/// Parses `PRODUCT` or `PRODUCT:QUANTITY`.
fn parse_item(text: &str) -> Result<NewLine, Violation> {
    let (product, quantity) = with_quantity("--item", "quantity of", text)?;
    Ok(NewLine { product, quantity: quantity.unwrap_or(Quantity::ONE), unit_price: None })
}

/// A JSON error in plain words, with its line.
fn json_problem(error: &serde_json::Error) -> String {
    let line = error.line();
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    let words = match (error.classify(), words.split_once("expected ")) {
        (serde_json::error::Category::Eof, _) => "the JSON ends unexpectedly".to_owned(),
        (serde_json::error::Category::Syntax, _) => "is not JSON".to_owned(),
        (_, Some((_, expected))) if words.starts_with("invalid") => format!("a value must be {expected}"),
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

/// Reads an order from a JSON file.
///
/// Errors: exit 4 for an unreadable file; exit 7, with the line, for one that is not an order.
fn read_order(context: &Context, path: &Path) -> Result<(String, Vec<NewLine>)> {
    /// Maximum size of the file; 300 lines need far less.
    const MAX_BYTES: u64 = 1024 * 1024;
    let file = (!is_standard_stream(path)).then_some(path);
    let place = input_name(file);
    if file.is_none() {
        context.output.note_standard_input();
    }
    let text = read_input(file, MAX_BYTES + 1).map_err(|error| {
        Error::configuration("order.unreadable", format!("cannot read {place}: {}", io_reason(&error)))
    })?;
    let invalid = |what: String| Error::new(Kind::Invalid, "order.invalid", format!("{place}: {what}"));
    if text.len() as u64 > MAX_BYTES {
        return Err(invalid(format!("is larger than {MAX_BYTES} bytes")));
    }
    let order: OrderFile =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| invalid(json_problem(&error)))?;
    let (mut lines, mut violations) = (Vec::new(), Violations::new());
    for (item, position) in order.items.iter().zip(1..) {
        let quantity = item.quantity.as_str().map_or_else(|| item.quantity.to_string(), str::to_owned);
        if let Some(quantity) = violations.parse(&format!("items[{position}].quantity"), &quantity, Quantity::parse) {
            lines.push(NewLine { product: item.sku.trim().to_owned(), quantity, unit_price: None });
        }
    }
    violations.into_result()?;
    Ok((order.user, lines))
}
