//! `shopctl seed down|redo`

use clap::Args;
use serde::Serialize;

use super::purpose::{UnmarkedShop, require_development};
use super::{SourceArguments, apply};
use crate::cli::shared::arguments::ConfirmArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::context::Context;
use crate::db::Access;
use crate::domain::Id;
use crate::error::{CommandLine, Hint, Kind, Result, printable};
use crate::output::Mutation;
use crate::seed;

#[derive(Debug, Args)]
pub struct DownArguments {
    /// Name of the seed, with or without its timestamp
    #[arg(value_name = "NAME")]
    name: String,
    /// Also delete rows that were changed since
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    confirm: ConfirmArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &DownArguments, is_redo: bool) -> Result<Effect> {
    let seeds = arguments.source.seeds()?;
    let seed = seed::find(&seeds, &arguments.name)?;
    let database = context.database(Access::Write).await?;
    let environment = require_development(context, &database, UnmarkedShop::Refuse).await?.environment;
    // Errors are reported before the prompt and the backup.
    seed::check_applied(database.connection(), seed).await?;
    if is_redo {
        seed.check_environment(&environment)?;
    }
    let short = seed.name.split_once('_').map_or(seed.name.as_str(), |(_, short)| short);
    let impact = format!("this deletes the rows that {} created in {}", seed.name, database.target());
    prompter.confirm_by_name(&arguments.confirm.confirm, &impact, short).await?;
    if let Some(mut copy) = database.back_up("before-seed-down", context.clock.now()).await? {
        copy.keep();
        context.output.note(&format!("copied {} to {}", database.target(), copy.path().display()));
    }
    let operations = context.operations(&database, false);
    let apply_again = || CommandLine::like("seed up").without("--force").option("--only", &seed.name);
    let reverted = seed::down(&operations, seed, arguments.force).await.map_err(|error| {
        let is_half_done = is_redo && error.kind() == Kind::OutcomeUnknown;
        if is_half_done { error.hint(Hint::from("if it was applied, then: ").and(apply_again())) } else { error }
    })?;
    for kept in &reverted.kept {
        context.output.warn(&format!("kept {}", printable(kept)));
    }
    if is_redo {
        let applied = apply(context, &database, std::slice::from_ref(seed), &environment).await;
        return applied.map_err(|error| {
            let message = format!("{}; its earlier rows were deleted", error.message());
            let error = error.reworded(message);
            let error = if error.kind() == Kind::Unavailable { error.without_hints() } else { error };
            error.hint(Hint::from("to apply it again: ").and(apply_again()))
        });
    }
    let line = format!("seed {} reverted: {} deleted, {} kept", seed.name, reverted.deleted, reverted.kept.len());
    let change = RevertedSeed {
        changed: true,
        operation_id: context.committing.operation(),
        deleted: reverted.deleted,
        kept: &reverted.kept,
    };
    context.output.mutation(&Mutation::new(line, &seed.name, change));
    Ok(Effect::Changed(database.target().clone()))
}

#[derive(Serialize)]
struct RevertedSeed<'a> {
    changed: bool,
    operation_id: Option<Id>,
    deleted: u32,
    kept: &'a [String],
}
