//! `shopctl migrate`

use clap::{Args, Subcommand};

use super::Asking;
use super::arguments::{ConfirmArguments, required};
use crate::context::Context;
use crate::db::Access;
use crate::domain::{Violations, moment, text::single_line};
use crate::error::{Error, Kind, Result};
use crate::migrate::{self, MigrationStatus, Plan, Progress, State, Step};
use crate::output::views::MigrationView;
use crate::output::{Format, View};

/// What a database made on this machine is for, until somebody says otherwise.
pub const DEVELOPMENT: &str = "development";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply pending migrations
    #[command(after_help = "Examples:\n  shopctl migrate up\n  shopctl migrate up --steps 1 --lock-wait 2m")]
    Up(UpArguments),
    /// Revert migrations, newest first
    #[command(after_help = "Example:\n  shopctl migrate down --steps 1 --confirm shop")]
    Down(DownArguments),
    /// Show where each migration stands; changes nothing
    #[command(after_help = "Examples:\n  shopctl migrate status\n  shopctl migrate status --check")]
    Status(StatusArguments),
    /// Show or say what the database is for (development, test, production …)
    #[command(after_help = "Examples:\n  shopctl migrate env\n  shopctl migrate env production")]
    Env(EnvironmentArguments),
}

#[derive(Debug, Args)]
pub struct UpArguments {
    /// Up to and with this migration
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    to: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    #[command(flatten)]
    lock: LockArguments,
}

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
    confirm: ConfirmArguments,
}

#[derive(Debug, Args)]
struct LockArguments {
    /// Wait so long for another runner
    #[arg(long, value_name = "TIME", default_value = "60s")]
    lock_wait: String,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Exit with 9 when something is pending, failed or unknown
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Args)]
pub struct EnvironmentArguments {
    /// What the database is for from now on
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<String>,
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Up(arguments) => up(context, &arguments).await,
        Command::Down(arguments) => down(context, asking, &arguments).await,
        Command::Status(arguments) => status(context, &arguments).await,
        Command::Env(arguments) => environment(context, &arguments).await,
    }
}

fn plan(context: &Context, to: Option<&String>, steps: Option<u32>, lock: &LockArguments) -> Result<Plan> {
    let mut violations = Violations::new();
    let lock_wait = violations.parse("lock-wait", &lock.lock_wait, moment::parse_span);
    violations.into_result()?;
    let settings =
        if context.config.target.is_local() { vec![(migrate::ENVIRONMENT, DEVELOPMENT)] } else { Vec::new() };
    Ok(Plan {
        steps,
        to: to.cloned(),
        lock_wait: required(lock_wait)?,
        runner: context.runner(),
        settings,
        clock: context.clock,
    })
}

async fn up(context: &Context, arguments: &UpArguments) -> Result<()> {
    let plan = plan(context, arguments.to.as_ref(), arguments.steps, &arguments.lock)?;
    let database = context.database(Access::Create).await?;
    let steps = migrate::up(&database, &plan, &mut |progress| tell(context, "applied", &progress)).await?;
    print_steps(context, "applied", &steps);
    if steps.is_empty() {
        context.output.note("nothing to apply: the schema is up to date");
    } else {
        context.output.note(&format!("changed {}", database.target()));
    }
    Ok(())
}

/// The plan that `quickstart` uses.
pub fn whole_plan(context: &Context) -> Result<Plan> {
    plan(context, None, None, &LockArguments { lock_wait: "60s".to_owned() })
}

fn tell(context: &Context, verb: &str, progress: &Progress<'_>) {
    match progress {
        Progress::Waiting(holder) => {
            context.output.note(&format!("waiting for the migrations that {holder} is running"))
        }
        Progress::Done(step) => {
            // A failure to print must not stop migrations halfway.
            let line = match context.output.format() {
                Format::Json => return,
                Format::Jsonl => step_json(verb, step).to_string(),
                Format::Id => step.name.clone(),
                Format::Table | Format::Csv | Format::Tsv => {
                    format!("{verb} {} ({} ms)", step.name, step.duration.as_millis())
                }
            };
            if let Err(error) = context.output.text(&format!("{line}\n")) {
                context.output.warn(error.message());
            }
        }
    }
}

async fn down(context: &Context, asking: &Asking, arguments: &DownArguments) -> Result<()> {
    let plan = plan(context, arguments.to.as_ref(), arguments.steps, &arguments.lock)?;
    let database = context.database(Access::Write).await?;
    let applied = migrate::status(database.connection()).await?;
    let applied: Vec<_> = applied.iter().filter(|status| status.state == State::Applied).collect();
    if applied.is_empty() {
        print_steps(context, "reverted", &[]);
        context.output.note("nothing to revert");
        return Ok(());
    }
    let name = context.config.target.name();
    let what = match (&plan.to, plan.steps.unwrap_or(1)) {
        (Some(to), _) => format!("everything after {to}"),
        (None, 1) => "the newest migration".to_owned(),
        (None, steps) => format!("the newest {steps} migrations"),
    };
    let impact = format!("{what} of {} will be reverted, with the data in its tables", database.target());
    asking.confirmation(false, &arguments.confirm.confirm, false).typed_name(&context.output, &impact, &name)?;
    let steps = migrate::down(&database, &plan, &mut |progress| tell(context, "reverted", &progress)).await?;
    print_steps(context, "reverted", &steps);
    if !steps.is_empty() {
        context.output.note(&format!("changed {}", database.target()));
    }
    Ok(())
}

/// What was done, as one JSON value where that was asked for; other formats said it step by step.
fn print_steps(context: &Context, verb: &str, steps: &[Step]) {
    if context.output.is_json() {
        let items: Vec<_> = steps.iter().map(|step| step_json(verb, step)).collect();
        let json = serde_json::json!({ "changed": !items.is_empty(), "items": items });
        if let Err(error) = context.output.json(&json) {
            context.output.warn(error.message());
        }
    }
}

fn step_json(verb: &str, step: &Step) -> serde_json::Value {
    let milliseconds = u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX);
    serde_json::json!({ "name": step.name, "state": verb, "duration_milliseconds": milliseconds })
}

async fn status(context: &Context, arguments: &StatusArguments) -> Result<()> {
    context.output.check_fields::<MigrationView>(&[])?;
    let status = match context.database(Access::Read).await {
        Ok(database) => migrate::status(database.connection()).await?,
        // A file that is not there yet has everything pending.
        Err(error) if error.code() == "database.no_shop" => all_pending(),
        Err(error) => return Err(error),
    };
    let open: Vec<String> = [State::Pending, State::Failed, State::Unknown]
        .into_iter()
        .filter_map(|state| {
            let count = status.iter().filter(|status| status.state == state).count();
            (count > 0).then(|| format!("{count} {}", state.as_str()))
        })
        .collect();
    let rows: Vec<_> = status.into_iter().map(MigrationView).collect();
    context.output.list(&rows, None, None)?;
    if arguments.check && !open.is_empty() {
        return Err(Error::new(Kind::CheckFailed, "migrate.open", format!("migrations: {}", open.join(", ")))
            .hint("shopctl migrate up"));
    }
    Ok(())
}

fn all_pending() -> Vec<MigrationStatus> {
    let pending = migrate::names().map(|name| MigrationStatus {
        name: name.to_owned(),
        state: State::Pending,
        applied_at: None,
        runner: None,
    });
    pending.collect()
}

async fn environment(context: &Context, arguments: &EnvironmentArguments) -> Result<()> {
    let Some(text) = &arguments.environment else {
        let database = context.database(Access::Read).await?;
        let environment = migrate::setting(database.connection(), migrate::ENVIRONMENT).await?;
        return context.output.show(&EnvironmentView(environment), &[]);
    };
    /// The names of environments are words.
    const ENVIRONMENT_MAX_CHARACTERS: usize = 32;
    let mut violations = Violations::new();
    let environment = violations.parse("environment", text, |text| {
        single_line(text, ENVIRONMENT_MAX_CHARACTERS).map(|text| text.to_lowercase())
    });
    violations.into_result()?;
    let database = context.database(Access::Write).await?;
    let environment = required(environment)?;
    migrate::set_setting(&database, migrate::ENVIRONMENT, &environment).await?;
    context.output.show(&EnvironmentView(Some(environment)), &[])?;
    context.output.note(&format!("changed {}", database.target()));
    Ok(())
}

struct EnvironmentView(Option<String>);

impl View for EnvironmentView {
    const NOUN: &'static str = "environments";
    const COLUMNS: &'static [crate::output::Column<Self>] =
        &[crate::output::Column::new("environment", "ENVIRONMENT", |view| view.0.clone().into())];

    fn id(&self) -> String {
        self.0.clone().unwrap_or_default()
    }
}
