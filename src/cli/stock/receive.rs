//! `shopctl stock receive`

use clap::Args;

use crate::cli::shared::arguments::{KeyArguments, WriteArguments, long_text, with_quantity};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, finish_each, outcome_verb, undone_note};
use crate::cli::shared::values::{checked, checked_parts};
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::{counted, was_were};
use crate::domain::{MovementReason, Quantity, Violation};
use crate::error::{Result, printable};
use crate::output::{Change, Mutation};
use crate::service::operation::Operations;
use crate::service::product::Changed;
use crate::service::stock_lines::{self as service, Delivery, Received};

#[derive(Debug, Args)]
pub struct ReceiveArguments {
    /// Products (SKU or id) with the number of units delivered
    #[arg(value_name = "PRODUCT:N", required = true, value_parser = checked_parts(parse_line))]
    products: Vec<(String, Quantity)>,
    /// Reason: received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON", default_value = "received", value_parser = checked(MovementReason::parse_adjustment))]
    reason: MovementReason,
    /// Note for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

/// Parses `PRODUCT:N`.
fn parse_line(text: &str) -> Result<(String, Quantity), Violation> {
    let (product, quantity) = with_quantity("product", "units of", text)?;
    let missing = || Violation {
        field: "product".to_owned(),
        value: Some(product.clone()),
        problem: format!("needs a number of units: {}:N", printable(&product)),
    };
    let quantity = quantity.ok_or_else(missing)?;
    Ok((product, quantity))
}

pub async fn run(context: &Context, arguments: &ReceiveArguments) -> Result<Effect> {
    let ReceiveArguments { products, reason, note, key, write } = arguments;
    let delivery = Delivery { lines: products.clone(), reason: *reason, note: note.clone() };
    let database = context.database(Access::Write).await?;
    let operations = context.operations(&database, write.dry_run);
    let received = service::receive(&operations, &delivery, key.idempotency_key.clone()).await?;
    let mutations: Vec<_> =
        received.products.iter().map(|product| mutation_of(&operations, product, &received)).collect();
    let effect = finish_each(context, &database, mutations);
    let units: i64 = received.products.iter().map(|product| i64::from(service::difference(product))).sum();
    let (verb, undone) = match received.replayed {
        true => ("already received".to_owned(), undone_note(received.undone_by)),
        false => (outcome_verb(write.dry_run, "received"), String::new()),
    };
    if products.len() > 1 {
        let (units, products) = (counted(units, "unit"), counted(received.products.len(), "product"));
        context.output.note(&format!("{units} of {products} {verb}{undone}"));
    }
    Ok(effect)
}

fn mutation_of(operations: &Operations, product: &Changed, received: &Received) -> Mutation<Change> {
    let (sku, pieces) = (printable(&product.after.sku), service::difference(product));
    let verb = match received.replayed {
        true => format!("{} already received{}", was_were(pieces), undone_note(received.undone_by)),
        false => outcome_verb(operations.dry_run, "received"),
    };
    let (before, after) = (&product.before.stock_quantity, &product.after.stock_quantity);
    let line = format!("stock of {sku}: {} {verb}, {before} → {after}", counted(pieces, "unit"));
    let mut mutation = mutation::changed(operations, product, line);
    mutation.change.replayed = received.replayed;
    mutation.change.undone_by = received.undone_by.map(|id| id.to_string());
    mutation
}
