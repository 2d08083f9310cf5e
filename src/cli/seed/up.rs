//! `shopctl seed up`

use clap::Args;

use super::purpose::{UnmarkedShop, require_development};
use super::{SourceArguments, apply};
use crate::cli::shared::effect::Effect;
use crate::context::Context;
use crate::db::Access;
use crate::domain::similar::closest;
use crate::domain::text::distinct;
use crate::error::{Error, Kind, Result, printable};
use crate::seed::{self, Seed};

#[derive(Debug, Args)]
pub struct UpArguments {
    /// Apply only this seed
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Apply the seeds for this environment [default: the database's own]
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

pub async fn run(context: &Context, arguments: &UpArguments) -> Result<Effect> {
    let seeds = arguments.source.seeds()?;
    let chosen = match &arguments.only {
        Some(name) => vec![seed::find(&seeds, name)?.clone()],
        None => seeds,
    };
    if let Some(environment) = arguments.env.as_deref().filter(|_| arguments.only.is_none()) {
        refuse_unknown_environment(&chosen, environment)?;
    }
    let database = context.database(Access::Write).await?;
    let purpose = require_development(context, &database, UnmarkedShop::Claim)
        .await?
        .record_environment(context, &database)
        .await?;
    let environment = arguments.env.clone().unwrap_or(purpose);
    // A named seed is not skipped: it fails with the reason.
    let (meant, others): (Vec<Seed>, Vec<Seed>) =
        chosen.into_iter().partition(|seed| arguments.only.is_some() || seed.is_meant_for(&environment));
    for seed in &others {
        context.output.note(&format!("seed {} skipped: it is for {}", seed.name, seed.environments.join(", ")));
    }
    apply(context, &database, &meant, &environment).await
}

/// Errors: exit 3 if no seed is intended for the environment.
fn refuse_unknown_environment(seeds: &[Seed], environment: &str) -> Result<()> {
    if seeds.is_empty() || seeds.iter().any(|seed| seed.is_meant_for(environment)) {
        return Ok(());
    }
    let known = distinct(seeds.iter().flat_map(|seed| &seed.environments).map(String::as_str));
    let message = format!("no seed is for {}", printable(environment));
    let close = closest(environment, known.iter().copied());
    Err(Error::new(Kind::NotFound, "seed.no_environment", message)
        .hints_of(close.map(|close| format!("did you mean --env {close}?")))
        .hint(format!("there are seeds for {}", known.join(", "))))
}
