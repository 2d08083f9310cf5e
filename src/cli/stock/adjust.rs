//! `shopctl stock adjust`

use clap::Args;

use crate::cli::shared::arguments::{KeyArguments, WriteArguments, long_text};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, outcome_verb, undone_note};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::MovementReason;
use crate::domain::quantity::parse_delta;
use crate::error::{Result, printable};
use crate::service::stock::{self as service, Adjustment, AdjustmentResult};

#[derive(Debug, Args)]
pub struct AdjustArguments {
    /// SKU or id of the product
    #[arg(value_name = "PRODUCT")]
    product: String,
    /// Units to add or remove, e.g. +24 or -2
    #[arg(id = "units", value_name = "±N", allow_negative_numbers = true, value_parser = checked(parse_delta))]
    delta: i32,
    /// Reason: received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON", value_parser = checked(MovementReason::parse_adjustment))]
    reason: MovementReason,
    /// Note for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &AdjustArguments) -> Result<Effect> {
    let AdjustArguments { product, delta, reason, note, key, .. } = arguments;
    let adjustment = Adjustment { product: product.clone(), delta: *delta, reason: *reason, note: note.clone() };
    mutation::run(context, &arguments.write, async |operations| {
        let AdjustmentResult { product, replayed, undone_by } =
            service::adjust(operations, &adjustment, key.idempotency_key.clone()).await?;
        let verb =
            if replayed { "was already adjusted".to_owned() } else { outcome_verb(operations.dry_run, "adjusted") };
        let (before, after) = (&product.before.stock_quantity, &product.after.stock_quantity);
        let undone = undone_note(undone_by);
        let line = format!("stock of {} {verb}{undone}: {before} → {after}", printable(&product.after.sku));
        let mut mutation = mutation::changed(operations, &product, line);
        (mutation.change.replayed, mutation.change.undone_by) = (replayed, undone_by.map(|id| id.to_string()));
        Ok(mutation)
    })
    .await
}
