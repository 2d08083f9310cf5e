//! `shopctl stock adjust`

use clap::Args;

use crate::cli::product::view::{about_product, view_of};
use crate::cli::shared::arguments::{KeyArguments, WriteArguments, long_text};
use crate::cli::shared::mutation::{self, done, finish};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::MovementReason;
use crate::domain::quantity::parse_delta;
use crate::error::{Result, printable};
use crate::output::Mutation;
use crate::service::stock::{self as service, Adjustment};

#[derive(Debug, Args)]
pub struct AdjustArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
    /// Pieces, such as +24 or -2
    #[arg(id = "pieces", value_name = "±N", allow_negative_numbers = true, value_parser = checked(parse_delta))]
    delta: i32,
    /// received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON", value_parser = checked(MovementReason::parse_adjustment))]
    reason: MovementReason,
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &AdjustArguments) -> Result<()> {
    let AdjustArguments { product, delta, reason, note, key, .. } = arguments;
    let adjustment = Adjustment { product: product.clone(), delta: *delta, reason: *reason, note: note.clone() };
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let adjusted =
        service::adjust(&context.operations(&database, dry_run), &adjustment, key.idempotency_key.clone()).await?;
    let (before, after) = (&adjusted.product.before, &adjusted.product.after);
    let verb = if adjusted.replayed { "was adjusted before".to_owned() } else { done(dry_run, "adjusted") };
    let line =
        format!("stock of {} {verb}: {} → {}", printable(&after.sku), before.stock_quantity, after.stock_quantity);
    let rest = mutation::outcome(adjusted.product.changed, adjusted.replayed, dry_run, view_of(before), view_of(after));
    let json = about_product(after, rest);
    finish(context, &database, dry_run || adjusted.replayed, &Mutation { line, id: after.id.to_string(), json });
    Ok(())
}
