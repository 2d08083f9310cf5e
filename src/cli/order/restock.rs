//! `shopctl order restock`

use clap::Args;

use super::moved::restock_mutation;
use crate::cli::shared::arguments::{KeyArguments, WriteArguments, long_text, with_quantity};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::cli::shared::values::checked_parts;
use crate::context::Context;
use crate::domain::Quantity;
use crate::error::Result;
use crate::service::order_lifecycle::{self as service, OrderRestock};

#[derive(Debug, Args)]
pub struct RestockArguments {
    /// Reference or id of the order
    #[arg(value_name = "ORDER")]
    order: String,
    /// Product and units to restock [default: all that are not back yet]
    #[arg(value_name = "PRODUCT[:N]", required = true, value_parser = checked_parts(|text| with_quantity("product", "units of", text)))]
    products: Vec<(String, Option<Quantity>)>,
    /// Reason for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    reason: Option<String>,
    /// Remark for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &RestockArguments) -> Result<Effect> {
    let RestockArguments { order, products, reason, note, key, .. } = arguments;
    let wanted =
        OrderRestock { order: order.clone(), lines: products.clone(), reason: reason.clone(), note: note.clone() };
    mutation::run(context, &arguments.write, async |operations| {
        let moved = service::restock(operations, &wanted, key.idempotency_key.clone()).await?;
        Ok(restock_mutation(&moved, operations.dry_run))
    })
    .await
}
