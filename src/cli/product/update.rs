//! `shopctl product update`

use clap::Args;

use super::{DetailArguments, ProductArguments};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::cli::shared::values::{FieldValue, field_value};
use crate::context::Context;
use crate::error::Result;
use crate::service::product::{self as service, Model};

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    product: ProductArguments,
    /// New SKU
    #[arg(long, value_name = "SKU", value_parser = field_value::<Model>("sku"))]
    sku: Option<FieldValue<Model>>,
    /// New name
    #[arg(long, value_name = "NAME", value_parser = field_value::<Model>("name"))]
    name: Option<FieldValue<Model>>,
    #[command(flatten)]
    details: DetailArguments,
    /// New price per unit
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = field_value::<Model>("price"))]
    price: Option<FieldValue<Model>>,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &UpdateArguments) -> Result<Effect> {
    let UpdateArguments { sku, name, price, details, .. } = arguments;
    let values: Vec<_> = [sku, name, price].into_iter().flatten().chain(details.given_values()).collect();
    if values.is_empty() {
        return Err(mutation::nothing_to_change::<UpdateArguments, Model>());
    }
    let change = |product: &mut Model| values.iter().for_each(|value| value.put(product));
    mutation::run(context, &arguments.write, async |operations| {
        let changed = service::update(operations, &arguments.product.product, change).await?;
        Ok(mutation::updated(operations, &changed, "updated"))
    })
    .await
}
