//! `shopctl product delete`

use clap::Args;

use super::ProductArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, DestroyArguments};
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::counted;
use crate::error::{Result, printable};
use crate::service::operation::Operations;
use crate::service::product as service;

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    product: ProductArguments,
    #[command(flatten)]
    destroy: DestroyArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &DeleteArguments) -> Result<Effect> {
    let product = service::find(context.database(Access::Read).await?.connection(), &arguments.product.product).await?;
    let (sku, target) = (printable(&product.sku), &context.config.target);
    let units = match product.stock_quantity.known() {
        Some(units) => counted(units, "unit"),
        None => format!("{} units", product.stock_quantity.told()),
    };
    let impact = format!("this permanently deletes the product {sku} and its {units} in {target}");
    let body = async |operations: &Operations| {
        let product = service::delete(operations, &product.id.or_key(&product.sku)).await?;
        Ok(mutation::deleted(operations, &product))
    };
    mutation::destroy(context, prompter, &arguments.destroy, (&impact, &product.sku), body).await
}
