//! `shopctl seed generate`

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::purpose::{UnmarkedShop, require_development};
use crate::cli::shared::arguments::{time, whole_number};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::text::{counted, hexadecimal};
use crate::domain::{TypedTime, Violations, Zone};
use crate::error::Result;
use crate::output::{Mutation, Unit};
use crate::seed::generate::{self, Generated, MAX_ORDERS, MAX_PRODUCTS, MAX_USERS, Plan, Progress};

#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// Number of users
    #[arg(long, value_name = "N", default_value = "1000", value_parser = checked(|text| whole_number(text, 0, MAX_USERS)))]
    users: u64,
    /// Number of products
    #[arg(long, value_name = "N", default_value = "200", value_parser = checked(|text| whole_number(text, 0, MAX_PRODUCTS)))]
    products: u64,
    /// Number of orders
    #[arg(long, value_name = "N", default_value = "4000", value_parser = checked(|text| whole_number(text, 0, MAX_ORDERS)))]
    orders: u64,
    /// Random seed; another number makes another shop
    #[arg(long, value_name = "NUMBER", default_value = "42", value_parser = checked(|text| whole_number(text, 0, u64::MAX)))]
    rng_seed: u64,
    /// End of the shop's history, three years after its start
    #[arg(long, value_name = "TIME", default_value = "2026-01-01", value_parser = time())]
    as_of: TypedTime,
    /// Do not ask for confirmation
    #[arg(short = 'y', long)]
    yes: bool,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &GenerateArguments) -> Result<Effect> {
    let GenerateArguments { users, products, orders, rng_seed, .. } = *arguments;
    // In UTC, so that a seed makes the same shop everywhere.
    let as_of = arguments.as_of.begin(&Zone::utc(), context.clock.now());
    let as_of = as_of.map_err(|problem| Violations::single("--as-of", problem).into_error())?;
    let plan = Plan { users, products, orders, rng_seed, as_of };
    let database = context.database(Access::Write).await?;
    let purpose = require_development(context, &database, UnmarkedShop::Claim).await?;
    let operations = context.operations(&database, false);
    let is_generated = generate::is_generated(&operations, &plan).await?;
    if !is_generated && !arguments.yes {
        let target = database.target();
        let impact = format!(
            "this generates {}, {} and {} in {target}",
            counted(users, "user"),
            counted(products, "product"),
            counted(orders, "order")
        );
        prompter.confirm(false, &impact).await?;
    }
    purpose.record_environment(context, &database).await?;
    let mut progress = None;
    let mut report_progress = |step| match (step, &mut progress) {
        (Progress::Started(rows), progress) => *progress = Some(context.output.progress(Unit::Rows, rows)),
        (Progress::Rows(rows), Some(progress)) => progress.advance(rows),
        (Progress::Indexes(count), Some(progress)) => {
            progress.stage(&format!("creating {count} indexes and constraints"));
        }
        (_, None) => {}
    };
    let generated = generate::generate(&operations, &plan, &mut report_progress).await?;
    drop(progress);
    Ok(print_result(context, &database, &plan, &generated))
}

fn print_result(context: &Context, database: &Database, plan: &Plan, generated: &Generated) -> Effect {
    let is_unchanged = generated.tables.is_empty();
    let line = match is_unchanged {
        true => "shop unchanged: it was generated with the same flags".to_owned(),
        false => {
            let spaced = |table: &str| table.replace('_', " ");
            let parts = generated.tables.iter().map(|(table, loaded)| format!("{} {}", loaded.rows, spaced(table)));
            format!("shop generated: {}", parts.collect::<Vec<_>>().join(", "))
        }
    };
    let tables = generated
        .tables
        .iter()
        .map(|(table, loaded)| (table.clone(), json!({ "rows": loaded.rows, "digest": hexadecimal(&loaded.digest) })))
        .collect::<Map<_, _>>();
    let change = GeneratedShop { changed: !is_unchanged, flags: plan.flags(), tables };
    context.output.mutation(&Mutation::new(line, plan.flags(), change));
    Effect::new(!is_unchanged, false, database.target())
}

#[derive(Serialize)]
struct GeneratedShop {
    changed: bool,
    flags: String,
    tables: Map<String, Value>,
}
