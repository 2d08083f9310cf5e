//! `shopctl stock set`

use clap::Args;

use crate::cli::shared::arguments::{WriteArguments, long_text};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, outcome_verb};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::MovementReason;
use crate::domain::quantity::{parse_recorded_stock, parse_stock};
use crate::error::{Result, printable};
use crate::service::stock::{self as service, StockCount};

#[derive(Debug, Args)]
pub struct SetArguments {
    /// SKU or id of the product
    #[arg(value_name = "PRODUCT")]
    product: String,
    /// Units counted
    #[arg(id = "units", value_name = "N", allow_negative_numbers = true, value_parser = checked(parse_stock))]
    level: i32,
    /// Units expected before the change; nothing changes if they differ
    #[arg(long, value_name = "OLD", allow_negative_numbers = true, value_parser = checked(parse_recorded_stock))]
    expect: i32,
    /// Reason: received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON", default_value = "correction", value_parser = checked(MovementReason::parse_adjustment))]
    reason: MovementReason,
    /// Note for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &SetArguments) -> Result<Effect> {
    let count = StockCount {
        product: arguments.product.clone(),
        level: arguments.level,
        expected: arguments.expect,
        reason: arguments.reason,
        note: arguments.note.clone(),
    };
    mutation::run(context, &arguments.write, async |operations| {
        let result = service::set(operations, &count).await?;
        let (sku, level) = (printable(&result.after.sku), &result.after.stock_quantity);
        let line = match result.changed {
            true => format!(
                "stock of {sku} {}: {} → {level}",
                outcome_verb(operations.dry_run, "set"),
                result.before.stock_quantity
            ),
            false => format!("stock of {sku} is already {level}"),
        };
        Ok(mutation::changed(operations, &result, line))
    })
    .await
}
