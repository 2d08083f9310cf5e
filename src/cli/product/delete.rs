//! `shopctl product delete`

use clap::Args;
use serde_json::Value;

use super::ProductArguments;
use super::view::{about_product, view_of};
use crate::cli::Asking;
use crate::cli::shared::arguments::{ConfirmArguments, WriteArguments};
use crate::cli::shared::mutation::{self, done, finish};
use crate::context::Context;
use crate::db::Access;
use crate::error::{Result, printable};
use crate::output::Mutation;
use crate::service::product as service;

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    product: ProductArguments,
    #[command(flatten)]
    confirm: ConfirmArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let product = service::find(context.database(Access::Read).await?.connection(), &arguments.product.product).await?;
    let dry_run = arguments.write.dry_run;
    let sku = printable(&product.sku);
    let impact = format!("{sku} and its {} pieces will be deleted for good", product.stock_quantity);
    let database = context.database_for_operation().await?;
    if arguments.confirm.confirm.is_none() && !dry_run {
        // Nobody types a name for what is refused anyway.
        service::delete(&context.operations(&database, true), &product.id.or_key(&product.sku)).await?;
    }
    asking.name(context, &arguments.confirm, dry_run, &impact, &product.sku)?;
    let product = service::delete(&context.operations(&database, dry_run), &product.id.or_key(&product.sku)).await?;
    let line = format!("product {sku} {}", done(dry_run, "deleted"));
    let rest = mutation::outcome(true, false, dry_run, view_of(&product), Value::Null);
    let json = about_product(&product, rest);
    finish(context, &database, dry_run, &Mutation { line, id: product.id.to_string(), json });
    Ok(())
}
