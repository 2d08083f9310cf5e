//! `shopctl product create`

use clap::Args;

use super::DetailArguments;
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::quantity::parse_stock;
use crate::domain::{Money, ProductName, Sku, Violations};
use crate::error::Result;
use crate::service::product::{self as service, Model};

#[derive(Debug, Args)]
pub struct CreateArguments {
    /// Name
    #[arg(long, value_name = "NAME", value_parser = checked(ProductName::parse))]
    name: ProductName,
    /// Price per unit, e.g. 12.50
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    price: Money,
    /// SKU [default: derived from the name]
    #[arg(long, value_name = "SKU", value_parser = checked(Sku::parse))]
    sku: Option<Sku>,
    #[command(flatten)]
    details: DetailArguments,
    /// Units in stock
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = checked(parse_stock))]
    stock: i32,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &CreateArguments) -> Result<Effect> {
    let CreateArguments { name, price, details, stock, .. } = arguments;
    let sku = match &arguments.sku {
        Some(sku) => sku.clone(),
        None => Sku::from_name(name.as_str()).map_err(|problem| Violations::single("--name", problem).into_error())?,
    };
    let mut new = Model { stock_quantity: (*stock).into(), ..Model::new(&sku, name, *price) };
    details.apply_to(&mut new);
    mutation::run(context, &arguments.write, async |operations| {
        Ok(mutation::created(operations, &service::create(operations, &new).await?))
    })
    .await
}
