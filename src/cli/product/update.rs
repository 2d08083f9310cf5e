//! `shopctl product update`

use clap::Args;

use super::view::{about_product, view_of};
use super::{DetailArguments, ProductArguments};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::mutation::{self, done, finish};
use crate::cli::shared::values::{Said, said};
use crate::context::Context;
use crate::error::{Error, Result, printable};
use crate::output::Mutation;
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
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let changed = service::update(&context.operations(&database, dry_run), &arguments.product.product, change).await?;
    let sku = printable(&changed.after.sku);
    let verb = if changed.changed { done(dry_run, "updated") } else { "unchanged".to_owned() };
    let rest = mutation::outcome(changed.changed, false, dry_run, view_of(&changed.before), view_of(&changed.after));
    let mutation = Mutation {
        line: format!("product {sku} {verb}"),
        id: changed.after.id.to_string(),
        json: about_product(&changed.after, rest),
    };
    finish(context, &database, dry_run || !changed.changed, &mutation);
    Ok(())
}
