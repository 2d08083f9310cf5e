//! `shopctl product update`

use clap::Args;

use super::{DetailArguments, ProductArguments};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::mutation;
use crate::cli::shared::values::{Said, said};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::service::product::{self as service, Model};

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    product: ProductArguments,
    #[arg(long, value_name = "SKU", value_parser = said::<Model>("sku"))]
    sku: Option<Said<Model>>,
    #[arg(long, value_name = "NAME", value_parser = said::<Model>("name"))]
    name: Option<Said<Model>>,
    #[command(flatten)]
    details: DetailArguments,
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = said::<Model>("price"))]
    price: Option<Said<Model>>,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &UpdateArguments) -> Result<()> {
    let UpdateArguments { sku, name, price, details, .. } = arguments;
    let said: Vec<_> = [sku, name, price].into_iter().flatten().chain(details.given()).collect();
    if said.is_empty() {
        return Err(Error::usage("nothing to change").hint("give --sku, --name, --description or --price"));
    }
    let change = |product: &mut Model| said.iter().for_each(|said| said.put(product));
    mutation::run(context, &arguments.write, async |operations| {
        let changed = service::update(operations, &arguments.product.product, change).await?;
        Ok(mutation::updated(operations, &changed, "updated"))
    })
    .await
}
