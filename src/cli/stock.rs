//! `shopctl stock`

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::arguments::{KeyArguments, WriteArguments, optional, required};
use super::mutation::{self, done, finish};
use crate::context::Context;
use crate::domain::quantity::parse_delta;
use crate::domain::{MovementReason, Violations, text::multi_line};
use crate::entity::product::Model;
use crate::error::{Result, printable};
use crate::output::views::ProductView;
use crate::output::{Mutation, View};
use crate::service::stock::{self as service, Adjustment};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or take pieces, with a reason
    #[command(after_help = "Examples:
  shopctl stock adjust MUG-01 +24 --reason received
  shopctl stock adjust MUG-01 -2 --reason damaged --note \"dropped in the warehouse\"")]
    Adjust(AdjustArguments),
}

#[derive(Debug, Args)]
pub struct AdjustArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
    /// Pieces, such as +24 or -2
    #[arg(value_name = "±N", allow_negative_numbers = true)]
    delta: String,
    /// received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON")]
    reason: String,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Adjust(arguments) => adjust(context, &arguments).await,
    }
}

async fn adjust(context: &Context, arguments: &AdjustArguments) -> Result<()> {
    let mut violations = Violations::new();
    let delta = violations.parse("pieces", &arguments.delta, parse_delta);
    let reason = violations.parse("reason", &arguments.reason, MovementReason::parse_adjustment);
    let note = optional(&mut violations, "note", arguments.note.as_deref(), multi_line);
    let key = arguments.key.parse(&mut violations);
    violations.into_result()?;
    let adjustment =
        Adjustment { product: arguments.product.clone(), delta: required(delta)?, reason: required(reason)?, note };
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let adjusted = service::adjust(&context.operations(&database, dry_run), &adjustment, key).await?;
    let (before, after) = (&adjusted.product.before, &adjusted.product.after);
    let verb = if adjusted.replayed { "was adjusted before".to_owned() } else { done(dry_run, "adjusted") };
    let line =
        format!("stock of {} {verb}: {} → {}", printable(&after.sku), before.stock_quantity, after.stock_quantity);
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(after.id));
    json.insert("sku".to_owned(), json!(after.sku));
    json.extend(mutation::outcome(adjusted.product.changed, adjusted.replayed, dry_run, view(before), view(after)));
    finish(context, &database, dry_run || adjusted.replayed, &Mutation { line, id: after.id.to_string(), json });
    Ok(())
}

fn view(product: &Model) -> Value {
    Value::Object(ProductView(product.clone()).to_json())
}
