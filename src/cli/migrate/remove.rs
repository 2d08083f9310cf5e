//! `down`, `redo`, `reset`, `refresh` and `fresh`: what destroys data, and its guard.

use clap::Args;

use super::{DEVELOPMENT, GuardArguments, LockArguments, note_changed, plan_with, print_steps, tell};
use crate::cli::Asking;
use crate::context::Context;
use crate::db::{Access, Database, schema};
use crate::error::Result;
use crate::migrate::{self, Catalog, Course, Plan, State};

#[derive(Debug, Args)]
pub struct DownArguments {
    /// Down to this migration, which stays
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    to: Option<String>,
    /// So many [default: 1]
    #[arg(long, value_name = "N")]
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

/// Rows are counted up to here: a question must not take minutes.
const COUNT_LIMIT: u64 = 100_000;
/// So many tables are named in a question.
const TABLES_NAMED: usize = 6;

pub async fn down(context: &Context, asking: &Asking, arguments: &DownArguments, course: Course) -> Result<()> {
    let plan =
        Plan { steps: arguments.steps, to: arguments.to.clone(), ..plan_with(context, &arguments.lock.lock_wait)? };
    let what = match (&plan.to, plan.steps.unwrap_or(1)) {
        (Some(to), _) => format!("everything after {to}"),
        (None, 1) => "the newest migration".to_owned(),
        (None, steps) => format!("the newest {steps} migrations"),
    };
    let again = if course == Course::Redo { " and applied again" } else { "" };
    let impact = format!("{what} will be reverted{again}, with the rows in its tables");
    take(context, asking, &arguments.guard, &plan, course, &impact).await
}

pub async fn all(context: &Context, asking: &Asking, arguments: &RemoveArguments, course: Course) -> Result<()> {
    let plan = plan_with(context, &arguments.lock.lock_wait)?;
    let impact = match course {
        Course::Fresh => "every table, view, sequence and type will be removed, and all migrations applied",
        Course::Refresh => "all migrations will be reverted, with the rows in their tables, and applied again",
        _ => "all migrations will be reverted, with the rows in their tables",
    };
    take(context, asking, &arguments.guard, &plan, course, impact).await
}

async fn take(
    context: &Context,
    asking: &Asking,
    guard: &GuardArguments,
    plan: &Plan,
    course: Course,
    impact: &str,
) -> Result<()> {
    // Only `fresh` has something to do where nothing is.
    let access = if course == Course::Fresh { Access::Create } else { Access::Write };
    let database = context.database(access).await?;
    let is_applied = migrate::status(database.connection(), &Catalog::embedded())
        .await?
        .iter()
        .any(|status| matches!(status.state, State::Applied | State::Edited | State::Missing | State::Interrupted));
    if !is_applied && matches!(course, Course::Down | Course::Redo | Course::Reset) {
        print_steps(context, &[]);
        context.output.note("nothing to revert");
        return Ok(());
    }
    permit(context, asking, guard, &database, impact).await?;
    if course == Course::Fresh
        && let Some(copy) = database.copy_aside("before-fresh", context.clock.now()).await?
    {
        context.output.note(&format!("copied {} to {}", database.target(), copy.display()));
    }
    let steps = migrate::run(&database, plan, course, &mut |progress| tell(context, &progress)).await?;
    print_steps(context, &steps);
    if !steps.is_empty() {
        note_changed(context);
    }
    Ok(())
}

/// Asks before data is destroyed, with what is there: yes or no for a development database, else
/// for the database's name.
///
/// Errors: exit 10 for no, exit 11 when nobody can be asked.
async fn permit(
    context: &Context,
    asking: &Asking,
    guard: &GuardArguments,
    database: &Database,
    impact: &str,
) -> Result<()> {
    let environment = migrate::setting(database.connection(), migrate::ENVIRONMENT).await?;
    let counts = schema::row_counts(database.connection(), database.engine(), COUNT_LIMIT).await?;
    let counts: Vec<_> =
        counts.into_iter().filter(|(table, ..)| !migration::HISTORY_TABLES.contains(&table.as_str())).collect();
    if counts.is_empty() {
        return Ok(());
    }
    let is_development = environment.as_deref() == Some(DEVELOPMENT) && !context.config.protected;
    let purpose = match (&environment, context.config.protected) {
        (_, true) => "a protected context".to_owned(),
        (Some(environment), false) => format!("for {environment}"),
        (None, false) => "nobody said what it is for".to_owned(),
    };
    let impact = format!("{impact}\n{} ({purpose}) has {}", database.target(), told(&counts));
    let confirmation = asking.confirmation(guard.yes, &guard.confirm, false);
    context.lift_time_limit();
    if is_development && guard.confirm.is_none() {
        return confirmation.yes_or_no(&context.output, &impact);
    }
    confirmation.typed_name(&context.output, &impact, &context.config.target.name())
}

/// `9 tables: users 100, orders more than 100000, 7 empty`
fn told(counts: &[(String, u64, bool)]) -> String {
    let mut filled: Vec<_> = counts.iter().filter(|(_, count, _)| *count > 0).collect();
    filled.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let empty = counts.len() - filled.len();
    let mut parts: Vec<String> = filled
        .iter()
        .take(TABLES_NAMED)
        .map(|(table, count, is_at_least)| match is_at_least {
            true => format!("{table} more than {count} rows"),
            false => format!("{table} {count} rows"),
        })
        .collect();
    if filled.len() > TABLES_NAMED {
        parts.push(format!("{} more with rows", filled.len() - TABLES_NAMED));
    }
    if empty > 0 {
        parts.push(format!("{empty} empty"));
    }
    format!("{} tables: {}", counts.len(), parts.join(", "))
}
