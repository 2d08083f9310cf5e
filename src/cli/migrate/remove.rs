//! `down`, `redo`, `reset`, `refresh` and `fresh`: commands that destroy data, and their confirmation.

use clap::Args;

use super::{GuardArguments, LockArguments, plan_with, print_steps, printing, run_until_stopped};
use crate::cli::shared::arguments::steps;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::error::Result;
use crate::migrate::{self, Impact, Job, Plan, RunKind};

#[derive(Debug, Args)]
pub struct DownArguments {
    /// Revert down to this migration, which stays applied
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    to: Option<String>,
    /// Number of migrations to revert [default: 1]
    #[arg(long, value_name = "N", value_parser = checked(steps))]
    steps: Option<u32>,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    guard: GuardArguments,
}

#[derive(Debug, Args)]
pub struct RemoveArguments {
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    guard: GuardArguments,
}

pub async fn down(context: &Context, prompter: &Prompter, arguments: &DownArguments, kind: RunKind) -> Result<Effect> {
    let plan =
        Plan { steps: arguments.steps, to: arguments.to.clone(), ..plan_with(context, arguments.lock.lock_wait) };
    remove(context, prompter, &arguments.guard, &plan, kind).await
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &RemoveArguments, kind: RunKind) -> Result<Effect> {
    let plan = plan_with(context, arguments.lock.lock_wait);
    remove(context, prompter, &arguments.guard, &plan, kind).await
}

async fn remove(
    context: &Context,
    prompter: &Prompter,
    guard: &GuardArguments,
    plan: &Plan,
    kind: RunKind,
) -> Result<Effect> {
    // Only `fresh` works without an existing database.
    let access = if kind == RunKind::Fresh { Access::Create } else { Access::Write };
    let database = context.database(access).await?;
    let job = Job { database: &database, plan, progress: &printing(context) };
    let mut impact = migrate::retry_while_busy(&database, async || Impact::assess(job, kind).await).await?;
    if impact.has_nothing_to_revert() {
        print_steps(context, &[]);
        context.output.note("nothing to revert");
        return Ok(Effect::Unchanged);
    }
    impact.count_rows(job).await?;
    if impact.needs_permission() {
        ask_permission(context, prompter, guard, &database, &impact).await?;
    }
    // A file is copied by the run itself, under the lock under which it drops.
    if impact.drops_shop_rows() && !database.target().is_file() {
        guard.backup.back_up(context, &database, kind.as_str()).await?;
    }
    let plan = &Plan { asked: Some(impact.asked(!guard.backup.no_backup)), ..plan.clone() };
    let steps = run_until_stopped(context, plan, migrate::run(Job { plan, ..job }, kind)).await?;
    print_steps(context, &steps);
    Ok(Effect::new(!steps.is_empty(), false, database.target()))
}

/// Asks for permission to destroy data: yes or no where that is sufficient, otherwise the database's name.
///
/// If a flag answers, the impact is printed instead. Errors: exit 10 for no, exit 11 if nobody can be asked.
async fn ask_permission(
    context: &Context,
    prompter: &Prompter,
    guard: &GuardArguments,
    database: &Database,
    impact: &Impact,
) -> Result<()> {
    let summary = impact.summary(database.target(), context.config.protected);
    let takes_yes = guard.confirm.is_none()
        && impact.accepts_yes(database.target(), context.config.protected, !guard.backup.no_backup);
    match takes_yes {
        true => prompter.confirm(guard.yes, &summary).await?,
        false => {
            let name = context.config.target.name();
            prompter.confirm_by_name(&guard.confirm, &summary, &name).await?;
        }
    }
    if guard.yes && takes_yes || guard.confirm.is_some() {
        context.output.note(&summary);
    }
    Ok(())
}
