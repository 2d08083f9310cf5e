//! `shopctl diff`

use clap::Args;

use super::shared::list::FieldNames;
use super::shared::transfer::{compare_shops, name_foreign, open_to_read, print_differences, shop_named};
use crate::context::Context;
use crate::error::Result;
use crate::transfer::compare::Difference;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<Difference>(), after_help = "Examples:
  shopctl diff sqlite:shop.db postgres://postgres@localhost/shop
  shopctl diff live staging -o jsonl")]
pub struct Arguments {
    /// First shop: a context or URL
    #[arg(value_name = "FIRST")]
    first: String,
    /// Second shop: a context or URL
    #[arg(value_name = "SECOND")]
    second: String,
}

pub async fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    context.output.check_fields::<Difference>(&[])?;
    let (one, other) = (shop_named(context, &arguments.first)?, shop_named(context, &arguments.second)?);
    let (one, other) = (open_to_read(context, &one).await?, open_to_read(context, &other).await?);
    name_foreign(context, &one).await?;
    name_foreign(context, &other).await?;
    let compared = compare_shops(context, &one, &other).await?;
    print_differences(context, &compared)
}
