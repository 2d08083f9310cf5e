//! `shopctl product retire|restore`

use clap::Args;

use crate::cli::shared::arguments::{AnswerArguments, WriteArguments};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::context::Context;
use crate::db::Access;
use crate::db::target::Target;
use crate::domain::text::{counted, first_names};
use crate::error::{Result, printable};
use crate::service::price::{NAMED, find_named};
use crate::service::product::Model;
use crate::service::retire::{self as service, Retirement};

#[derive(Debug, Args)]
pub struct RetireArguments {
    /// SKUs or ids of the products
    #[arg(value_name = "PRODUCT", required = true)]
    products: Vec<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(
    context: &Context,
    prompter: &Prompter,
    arguments: &RetireArguments,
    wanted: Retirement,
) -> Result<Effect> {
    let RetireArguments { products, answers, write } = arguments;
    let is_single = products.len() == 1;
    let database = context.database(Access::Write).await?;
    let products = find_named(database.connection(), products).await?;
    let retires = wanted == Retirement::Retire;
    let changing: Vec<&Model> = products.iter().filter(|product| product.is_retired() != retires).collect();
    // Restoring a single product needs no confirmation.
    if !changing.is_empty() && (retires || changing.len() > 1) {
        let impact = async || Ok(impact(database.target(), &changing, wanted));
        prompter.ask_permission(context, answers, write.dry_run, impact).await?;
    }
    let operations = context.operations(&database, write.dry_run);
    let verb = if retires { "retired" } else { "restored" };
    let results = service::run(&operations, &products, wanted).await?;
    let mutations: Vec<_> = results.iter().map(|result| mutation::updated(&operations, result, verb)).collect();
    Ok(mutation::finish_all(context, &operations, mutations, is_single, ("product", verb)))
}

/// Describes the impact: `this retires 2 products in …: MUG-01, MUG-02; they cannot be ordered until restored`.
fn impact(target: &Target, changing: &[&Model], wanted: Retirement) -> String {
    let names = first_names(changing.iter().map(|product| printable(&product.sku)), NAMED);
    let products = counted(changing.len(), "product");
    let they = if changing.len() == 1 { "it" } else { "they" };
    match wanted {
        Retirement::Retire => {
            format!("this retires {products} in {target}: {names}; {they} cannot be ordered until restored")
        }
        Retirement::Restore => {
            format!("this restores {products} in {target}: {names}; {they} can be ordered again")
        }
    }
}
