//! `shopctl seed`

mod down;
mod export;
mod generate;
pub mod purpose;
mod status;
mod up;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use generate::GenerateArguments;
use serde::Serialize;
use serde_json::json;

use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::context::Context;
use crate::db::Database;
use crate::domain::Id;
use crate::error::{CommandLine, Error, Kind, Result, printable};
use crate::output::Mutation;
use crate::seed::{self, Seed};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Apply pending and edited seeds
    #[command(after_help = "Examples:\n  shopctl seed up\n  shopctl seed up --only catalogue\n  \
                            shopctl seed up --dir my-seeds --env test")]
    Up(up::UpArguments),
    /// Delete the rows that a seed created
    #[command(after_help = "Example:\n  shopctl seed down demo --confirm demo")]
    Down(down::DownArguments),
    /// Delete the rows that a seed created and apply it again
    #[command(after_help = "Example:\n  shopctl seed redo demo --confirm demo")]
    Redo(down::DownArguments),
    /// Show the state of each seed
    #[command(after_help = "Examples:\n  shopctl seed status\n  shopctl seed status --check")]
    Status(status::StatusArguments),
    /// Generate a synthetic shop; the same flags give the same shop
    #[command(after_help = "Examples:\n  shopctl seed generate -y\n  \
                            shopctl seed generate --users 50 --products 20 --orders 200 --rng-seed 7 -y")]
    Generate(GenerateArguments),
    /// Export part of this shop as a seed file with made-up names and addresses
    #[command(after_help = "Examples:\n  shopctl seed export --users grace@example.com > grace.toml\n  \
                            shopctl seed export --no-mask --out shop.toml")]
    Export(export::ExportArguments),
}

#[derive(Debug, Args)]
struct SourceArguments {
    /// Read the .toml files in this folder instead of the built-in seeds
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl SourceArguments {
    fn seeds(&self) -> Result<Vec<Seed>> {
        match &self.dir {
            Some(folder) => Seed::read_folder(folder),
            None => seed::embedded(),
        }
    }
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Up(arguments) => up::run(context, &arguments).await,
        Command::Down(arguments) => down::run(context, prompter, &arguments, false).await,
        Command::Redo(arguments) => down::run(context, prompter, &arguments, true).await,
        Command::Status(arguments) => status::run(context, &arguments).await,
        Command::Generate(arguments) => generate::run(context, prompter, &arguments).await,
        Command::Export(arguments) => export::run(context, &arguments).await.map(Effect::from),
    }
}

/// Applies seeds and prints the results.
async fn apply(context: &Context, database: &Database, seeds: &[Seed], environment: &str) -> Result<Effect> {
    let operations = context.operations(database, false);
    let (mut items, mut is_changed) = (Vec::new(), false);
    for (done, seed) in seeds.iter().enumerate() {
        let applied = seed::up(&operations, seed, environment).await;
        let applied = applied.map_err(|error| partial_error(error, seeds, done))?;
        let seed::Applied { skipped, created, updated, unchanged, .. } = applied;
        let operation_id = context.committing.operation().filter(|_| !skipped);
        let change = AppliedSeed { changed: !skipped, operation_id, created, updated, unchanged };
        let mutation = Mutation::new(result_line(&applied), &applied.name, change);
        if context.output.is_json() {
            items.push(mutation);
        } else {
            context.output.mutation(&mutation);
        }
        is_changed |= !skipped;
    }
    if context.output.is_json() {
        context.output.answer(&json!({ "changed": is_changed, "items": items }));
    }
    Ok(Effect::new(is_changed, false, database.target()))
}

#[derive(Serialize)]
struct AppliedSeed {
    changed: bool,
    operation_id: Option<Id>,
    created: i32,
    updated: i32,
    unchanged: i32,
}

/// Adds to an error which seeds are applied; each is a separate transaction.
fn partial_error(error: Error, seeds: &[Seed], done: usize) -> Error {
    let doubt = usize::from(error.kind() == Kind::OutcomeUnknown);
    if done + doubt == 0 {
        return error;
    }
    let named = |seeds: &[Seed]| seeds.iter().map(|seed| printable(&seed.name)).collect::<Vec<_>>().join(", ");
    let (applied, rest) = seeds.split_at(done);
    let (doubtful, open) = rest.split_at(doubt);
    let parts = [("applied", applied), ("in doubt", doubtful), ("not applied", open)];
    let parts = parts.into_iter().filter(|(_, seeds)| !seeds.is_empty());
    let parts: Vec<String> = parts.map(|(what, seeds)| format!("{what}: {}", named(seeds))).collect();
    let message = format!("{}; {}", error.message(), parts.join("; "));
    let longer = error.reworded(message);
    if matches!(longer.kind(), Kind::Unavailable | Kind::OutcomeUnknown) {
        // Applied seeds are skipped, so repeating the command is safe.
        let again = CommandLine::new("seed up").and(", with the same flags, applies the rest");
        return longer.without_hints().hint(again);
    }
    longer
}

/// The result of applying a seed, as text.
pub fn result_line(applied: &seed::Applied) -> String {
    if applied.skipped {
        return format!("seed {} unchanged", applied.name);
    }
    format!(
        "seed {} applied: {} created, {} updated, {} unchanged",
        applied.name, applied.created, applied.updated, applied.unchanged
    )
}
