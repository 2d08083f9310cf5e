//! `resolve` and `bless`: remedies for broken histories.

use std::path::PathBuf;

use super::{LockArguments, NamedChange, plan_with, print_steps, printing, run_until_stopped};
use crate::cli::shared::arguments::AnswerArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::single_line;
use crate::error::{Result, printable};
use crate::migrate::lock_file::{LockFile, PATH};
use crate::migrate::{self, Catalog, Job, Plan, Resolution};
use crate::output::Mutation;
use clap::Args;

#[derive(Debug, Args)]
pub struct ResolveArguments {
    /// Name of the migration
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    flags: ResolutionFlags,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ResolutionFlags {
    /// Mark it as applied: the schema has it, exactly as this shopctl makes it
    #[arg(long)]
    applied: bool,
    /// Mark it as reverted: the schema does not have it
    #[arg(long)]
    reverted: bool,
    /// Run it again, and pending ones before it, after fixing the cause
    #[arg(long)]
    retry: bool,
}

#[derive(Debug, Args)]
pub struct BlessArguments {
    /// Name of the migration [default: all new ones]
    #[arg(value_name = "NAME", requires = "reason")]
    name: Option<String>,
    /// Why the new text does the same as the locked one
    #[arg(long, value_name = "WHY", requires = "name", value_parser = checked(parse_reason))]
    reason: Option<String>,
    /// Path of the lock file
    #[arg(long, value_name = "FILE", default_value = PATH)]
    file: PathBuf,
}

/// Maximum length of a reason, in characters.
const REASON_MAX_CHARACTERS: usize = 500;

fn parse_reason(text: &str) -> Result<String, String> {
    single_line(text, REASON_MAX_CHARACTERS)
}

pub async fn resolve(context: &Context, prompter: &Prompter, arguments: &ResolveArguments) -> Result<Effect> {
    let plan = plan_with(context, arguments.lock.lock_wait);
    if arguments.flags.retry {
        return retry(context, arguments, plan).await;
    }
    let resolution = if arguments.flags.applied { Resolution::Applied } else { Resolution::Reverted };
    let word = if arguments.flags.applied { "applied" } else { "reverted" };
    let database = context.database(Access::Write).await?;
    let impact = async || {
        let name = printable(&arguments.name);
        Ok(format!("this marks {name} as {word} in {}, without running anything", database.target()))
    };
    prompter.ask_permission(context, &arguments.answers, false, impact).await?;
    let job = Job { database: &database, plan: &plan, progress: &printing(context) };
    let is_news = migrate::resolve(job, &arguments.name, resolution).await?;
    let name = arguments.name.clone();
    let line = match is_news {
        true => format!("{name} is now marked as {word}"),
        false => format!("{name} is already marked as {word}"),
    };
    let change = NamedChange { name: &name, state: Some(word), changed: is_news };
    context.output.mutation(&Mutation::new(line, &name, change));
    Ok(Effect::new(is_news, false, database.target()))
}

async fn retry(context: &Context, arguments: &ResolveArguments, plan: Plan) -> Result<Effect> {
    let plan = Plan { to: Some(arguments.name.clone()), allow_late: true, ..plan };
    let database = context.database(Access::Write).await?;
    let job = Job { database: &database, plan: &plan, progress: &printing(context) };
    let steps = run_until_stopped(context, &plan, migrate::up(job)).await?;
    print_steps(context, &steps);
    if steps.is_empty() {
        context.output.note(&format!("{} is already applied", printable(&arguments.name)));
    }
    Ok(Effect::new(!steps.is_empty(), false, database.target()))
}

pub async fn bless(context: &Context, arguments: &BlessArguments) -> Result<()> {
    context.output.check_mutation_format()?;
    let catalog = Catalog::embedded();
    catalog.check()?;
    if let Some(name) = &arguments.name {
        catalog.position(name)?;
    }
    let mut file = LockFile::read(&arguments.file)?;
    let changed = file.bless(catalog.migrations(), arguments.name.as_deref(), arguments.reason.as_deref())?;
    let path = arguments.file.display();
    if changed.is_empty() {
        context.output.note(&format!("{path} is up to date"));
    } else {
        file.write(&arguments.file).await?;
        context.output.note(&format!("wrote {path}; commit it and rebuild shopctl"));
    }
    let change = |name| NamedChange { name, state: None, changed: true };
    let mutations: Vec<_> =
        changed.into_iter().map(|name| Mutation::new(format!("{name} locked"), name, change(name))).collect();
    context.output.mutations(&mutations);
    Ok(())
}
