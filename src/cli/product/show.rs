//! `shopctl product show`

use clap::Args;

use super::ProductArguments;
use super::price;
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::Access;
use crate::error::Result;
use crate::service::product::{self as service, Model};

#[derive(Debug, Args)]
#[command(add = FieldNames::with::<Model>(price::HISTORY_FIELDS))]
pub struct ShowArguments {
    #[command(flatten)]
    product: ProductArguments,
    /// Also show earlier prices and the lowest price of the last 30 days
    #[arg(long)]
    prices: bool,
}

pub async fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let extra = if arguments.prices { price::HISTORY_FIELDS } else { &[] };
    context.output.check_fields::<Model>(extra)?;
    let database = context.database(Access::Read).await?;
    let product = service::find(database.connection(), &arguments.product.product).await?;
    let extra = if arguments.prices { price::history(context, &database, &product).await? } else { Vec::new() };
    context.output.show(&product, &extra)
}
