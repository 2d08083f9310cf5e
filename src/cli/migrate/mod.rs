//! `shopctl migrate`

mod apply;
mod environment;
mod new;
mod plan;
mod remove;
mod resolve;
mod status;
mod verify;
mod view;
mod wait;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::FieldNames;
pub use crate::cli::shared::migrations::{plan_with, whole_plan};
use crate::cli::shared::transfer::{backups, is_empty};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Database;
use crate::domain::moment;
use crate::error::{CommandLine, Hint, Result};
use crate::migrate::{Direction, Plan, Progress, Run, RunKind, Step};
use crate::output::Format;
use crate::service::committing::Pending;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Apply pending migrations
    #[command(after_help = "Examples:\n  shopctl migrate up\n  shopctl migrate up --dry-run\n  \
                            shopctl migrate up --steps 1 --lock-wait 2m")]
    Up(apply::UpArguments),
    /// Revert migrations, newest first
    #[command(after_help = "Examples:\n  shopctl migrate down --yes\n  shopctl migrate down --steps 1 --confirm shop")]
    Down(remove::DownArguments),
    /// Revert migrations and apply them again
    #[command(after_help = "Example:\n  shopctl migrate redo --yes")]
    Redo(remove::DownArguments),
    /// Show the state of each migration
    #[command(after_help = "Examples:\n  shopctl migrate status\n  shopctl migrate status --check")]
    Status(status::StatusArguments),
    /// Show what migrate up would do
    #[command(after_help = "Examples:\n  shopctl migrate plan\n  shopctl migrate plan --sql\n  \
                            shopctl migrate plan --sql --backend mysql")]
    Plan(plan::Arguments),
    /// Check that migrations, database and program agree
    #[command(after_help = "Examples:\n  shopctl migrate verify\n  shopctl migrate verify --ignore spatial_ref_sys")]
    Verify(verify::VerifyArguments),
    /// Show every run: who, when, how long and what failed
    #[command(add = FieldNames::of::<Run>(), after_help = "Examples:\n  shopctl migrate history\n  shopctl migrate history -o jsonl")]
    History,
    /// Drop everything, other programs' tables included, and apply all migrations
    #[command(after_help = "Examples:\n  shopctl migrate fresh --yes\n  shopctl migrate fresh --confirm shop")]
    Fresh(remove::RemoveArguments),
    /// Revert all migrations and apply them again
    #[command(after_help = "Example:\n  shopctl migrate refresh --yes")]
    Refresh(remove::RemoveArguments),
    /// Revert all migrations
    #[command(after_help = "Example:\n  shopctl migrate reset --yes")]
    Reset(remove::RemoveArguments),
    /// Mark migrations as applied in a database that already has the schema
    #[command(after_help = "Example:\n  shopctl migrate baseline --to m20260101_000011_create_audit_seals --yes")]
    Baseline(verify::BaselineArguments),
    /// Mark a migration as applied or reverted, or retry a failed one
    #[command(after_help = "Examples:\n  shopctl migrate resolve m20260101_000002_create_products --retry\n  \
                            shopctl migrate resolve m20260101_000002_create_products --applied --yes")]
    Resolve(resolve::ResolveArguments),
    /// Create a migration file in a checkout of shopctl
    #[command(after_help = "Examples:\n  shopctl migrate new add_weight_to_products\n  \
                            shopctl migrate new --sql create_gift_cards")]
    New(new::Arguments),
    /// Lock the checksums of migrations in a checkout of shopctl
    #[command(after_help = "Examples:\n  shopctl migrate bless\n  \
                            shopctl migrate bless m20260101_000002_create_products \\\n      --reason 'same table, new wording'")]
    Bless(resolve::BlessArguments),
    /// Wait until the database answers
    #[command(after_help = "Example:\n  shopctl migrate wait --timeout 60s")]
    Wait,
    /// Show or set what the database is for: development, test, production …
    #[command(after_help = "Examples:\n  shopctl migrate env\n  shopctl migrate env production")]
    Env(environment::Arguments),
}

#[derive(Debug, Args)]
struct LockArguments {
    /// How long to wait for another runner or a locked table
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = checked(moment::parse_span))]
    lock_wait: Duration,
}

// Flags of commands that destroy data.
#[derive(Debug, Args)]
struct GuardArguments {
    /// Do not ask; enough for development databases and unmarked files
    #[arg(short = 'y', long)]
    yes: bool,
    /// Confirm by giving the database's name, where --yes is not enough
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    backup: BackupArguments,
}

// Flags of commands that back the shop up before its rows are dropped.
#[derive(Debug, Args)]
struct BackupArguments {
    /// Do not back up the shop before rows are dropped
    #[arg(long)]
    no_backup: bool,
}

impl BackupArguments {
    /// Backs up the shop, if it has rows.
    ///
    /// Errors: those of the backup; nothing may be dropped then.
    async fn back_up(&self, context: &Context, database: &Database, why: &str) -> Result<()> {
        if self.no_backup || is_empty(database).await? {
            return Ok(());
        }
        let backed_up = backups::back_up_before(context, &context.config, database, why).await;
        backed_up.map(drop).map_err(|error| {
            error.hint(Hint::from("to continue without a backup: ").and(CommandLine::again().flag("--no-backup")))
        })
    }
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Up(arguments) if arguments.is_dry_run() => apply::rehearse(context, prompter, &arguments).await,
        Command::Up(arguments) => apply::up(context, prompter, &arguments).await,
        Command::Down(arguments) => remove::down(context, prompter, &arguments, RunKind::Down).await,
        Command::Redo(arguments) => remove::down(context, prompter, &arguments, RunKind::Redo).await,
        Command::Status(arguments) => status::status(context, &arguments).await,
        Command::Plan(arguments) => plan::run(context, &arguments).await.map(Effect::from),
        Command::Verify(arguments) => verify::verify(context, &arguments).await.map(Effect::from),
        Command::History => status::history(context).await.map(Effect::from),
        Command::Fresh(arguments) => remove::run(context, prompter, &arguments, RunKind::Fresh).await,
        Command::Refresh(arguments) => remove::run(context, prompter, &arguments, RunKind::Refresh).await,
        Command::Reset(arguments) => remove::run(context, prompter, &arguments, RunKind::Reset).await,
        Command::Baseline(arguments) => verify::baseline(context, prompter, &arguments).await,
        Command::Resolve(arguments) => resolve::resolve(context, prompter, &arguments).await,
        Command::New(arguments) => new::run(context, &arguments).await.map(Effect::from),
        Command::Bless(arguments) => resolve::bless(context, &arguments).await.map(Effect::from),
        Command::Wait => wait::run(context).await.map(Effect::from),
        Command::Env(arguments) => environment::run(context, prompter, &arguments).await,
    }
}

/// What was noted about a migration.
#[derive(Serialize)]
struct NamedChange<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    changed: bool,
}

/// Runs migrations until they end; a signal stops them after cancelling the current statement on the server.
async fn run_until_stopped<T>(context: &Context, plan: &Plan, run: impl Future<Output = Result<T>>) -> Result<T> {
    // Keeps the first signal from dropping the command.
    context
        .committing
        .begin(Pending::Work(Hint::from("to see the state of each: ").and(CommandLine::new("migrate status"))));
    let mut run = std::pin::pin!(run);
    let done = tokio::select! {
        done = &mut run => done,
        _ = context.committing.interrupted(0) => {
            plan.stop.request();
            run.await
        }
    };
    context.committing.end();
    done
}

/// Prints the progress of a job, and each migration when it is done.
pub fn printing(context: &Context) -> impl Fn(Progress<'_>) {
    |progress| print(context, &progress)
}

fn print(context: &Context, progress: &Progress<'_>) {
    match progress {
        Progress::Waiting(holder) => {
            context.output.note(&format!("waiting for the migrations of {holder}"));
        }
        Progress::Blocked { migration, by } => {
            let by = if by.is_empty() { "others".to_owned() } else { by.join(", ") };
            context.output.note(&format!("{migration} waits for tables locked by {by}"));
        }
        Progress::Notice(notice) => context.output.warn(notice),
        Progress::Copied(copy) => {
            context.output.note(&format!("copied {} to {}", context.config.target, copy.display()));
        }
        Progress::Done(step) => {
            // A failure to print must not stop migrations halfway.
            let line = match context.output.format() {
                Format::Json => return,
                Format::Jsonl | Format::MongoJson => step_json(step).to_string(),
                Format::Id => step.name.clone(),
                Format::Table | Format::Csv | Format::Tsv => {
                    format!("{} {} ({} ms)", verb(step), step.name, step.duration.as_millis())
                }
            };
            if let Err(error) = context.output.text(&format!("{line}\n")) {
                context.output.warn(error.message());
            }
        }
    }
}

fn verb(step: &Step) -> &'static str {
    if step.direction == Direction::Up { "applied" } else { "reverted" }
}

/// Prints all steps as one JSON value; other formats have printed each step already.
fn print_steps(context: &Context, steps: &[Step]) {
    if context.output.is_json() {
        let items: Vec<_> = steps.iter().map(step_json).collect();
        context.output.answer(&serde_json::json!({ "changed": !items.is_empty(), "items": items }));
    }
}

fn step_json(step: &Step) -> serde_json::Value {
    let milliseconds = u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX);
    serde_json::json!({ "name": step.name, "state": verb(step), "duration_milliseconds": milliseconds })
}
