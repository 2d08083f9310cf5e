//! `up`, and its dry run.

use clap::Args;

use super::{BackupArguments, LockArguments, plan_with, print_steps, printing, run_until_stopped};
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments, steps};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Access;
use crate::db::target::Target;
use crate::domain::text::counted;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate::lint::{Risk, Warning};
use crate::migrate::{self, Job, Plan};

#[derive(Debug, Args)]
pub struct UpArguments {
    /// Apply up to and including this migration
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    to: Option<String>,
    /// Maximum number of migrations to apply
    #[arg(long, value_name = "N", value_parser = checked(steps))]
    steps: Option<u32>,
    /// Also apply migrations older than applied ones, and ignore missing ones
    #[arg(long)]
    allow_late: bool,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    backup: BackupArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl UpArguments {
    pub fn is_dry_run(&self) -> bool {
        self.write.dry_run
    }

    fn plan(&self, context: &Context, prompter: &Prompter) -> Plan {
        Plan {
            steps: self.steps,
            to: self.to.clone(),
            // Notices are not read in a pipeline.
            allow_late: self.allow_late || !prompter.is_ci,
            ..plan_with(context, self.lock.lock_wait)
        }
    }
}

pub async fn up(context: &Context, prompter: &Prompter, arguments: &UpArguments) -> Result<Effect> {
    let plan = arguments.plan(context, prompter);
    let database = context.database(Access::Create).await?;
    migrate::refuse_foreign_shop(database.connection(), &plan.catalog).await?;
    let job = Job { database: &database, plan: &plan, progress: &printing(context) };
    let risks = migrate::risks(job).await?;
    if !risks.is_empty() {
        let impact = async || Ok(impact(database.target(), &risks));
        prompter.ask_permission(context, &arguments.answers, false, impact).await?;
    }
    if risks.iter().any(|warning| warning.risk == Risk::Destructive) {
        arguments.backup.back_up(context, &database, "up").await?;
    }
    let (steps, missing) = run_until_stopped(context, &plan, migrate::up_completely(job)).await?;
    print_steps(context, &steps);
    if !missing.is_empty() {
        return Err(drift_error(&missing));
    }
    if steps.is_empty() {
        context.output.note("nothing to apply: the schema is up to date");
    }
    Ok(Effect::new(!steps.is_empty(), false, database.target()))
}

/// The error if objects are missing although every migration is applied.
fn drift_error(missing: &[String]) -> Error {
    let names: Vec<String> = missing.iter().map(|name| printable(name)).collect();
    let message = format!("nothing to apply, but the schema differs from the migrations: {} missing", names.join(", "));
    Error::new(Kind::CheckFailed, "migrate.drift", message)
        .hint(Hint::from("for the statement that repairs it: ").and(CommandLine::new("migrate verify")))
}

fn impact(target: &Target, risks: &[Warning]) -> String {
    let lines = risks.iter().map(|risk| format!("\n  {} ({}: {})", risk.text, risk.risk.as_str(), risk.migration));
    format!("this applies risky migrations in {target}:{}", lines.collect::<String>())
}

/// Runs the plan and rolls it back, or only prints it where the engine commits each change of the schema by itself.
pub async fn rehearse(context: &Context, prompter: &Prompter, arguments: &UpArguments) -> Result<Effect> {
    let plan = arguments.plan(context, prompter);
    let (database, is_scratch) = match context.database(Access::Write).await {
        Ok(database) => (database, false),
        // A missing file starts empty.
        Err(error) if error.is(Cause::NoShop) => (context.connections.scratch_file().await?, true),
        Err(error) => return Err(error),
    };
    if !database.engine().has_transactional_ddl {
        context.output.note(
            "this engine commits each schema change at once, so nothing can be tried and rolled back; this is the plan:",
        );
        let pending = migrate::pending(database.connection(), &plan).await?;
        super::plan::print(context, database.engine(), &pending)?;
        return Ok(Effect::new(!pending.is_empty(), true, database.target()));
    }
    if context.config.protected && !is_scratch {
        let impact = async || {
            Ok(format!("this rehearsal locks the tables that it changes in {} until it ends", database.target()))
        };
        prompter.ask_permission(context, &arguments.answers, false, impact).await?;
    }
    let job = Job { database: &database, plan: &plan, progress: &printing(context) };
    let rehearsed = migrate::rehearse(job).await?;
    let migrations: std::collections::BTreeSet<_> = rehearsed.iter().map(|one| one.migration).collect();
    let (statements, migrations) =
        (counted(rehearsed.len(), "statement"), counted(migrations.len() as u64, "migration"));
    context.output.list(&rehearsed)?;
    if !rehearsed.is_empty() {
        context.output.note(&format!("would apply {migrations} with {statements}; everything was rolled back"));
    }
    Ok(Effect::new(!rehearsed.is_empty(), true, database.target()))
}
