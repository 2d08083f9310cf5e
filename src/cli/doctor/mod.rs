//! `shopctl doctor`

use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::target::Target;
use crate::db::{Access, Database};
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::file::is_open_to_others;
use crate::migrate::{self, Catalog, MigrationStatus};
use crate::output::{Cell, Column, Tone, View};
use crate::service::doctor::{self, Check, Migrations, Setup, State};

/// The interval of progress messages.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<CheckView>())]
#[command(after_help = "Examples:\n  shopctl doctor\n  shopctl doctor --deep\n  shopctl doctor --deep --json")]
pub struct Arguments {
    /// Also check all data against the shop's rules; reads every row
    #[arg(long)]
    pub deep: bool,
}

/// Runs all checks and prints their results, even without a connection.
///
/// Errors: those of the connection; exit 9 if a check failed.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    context.output.check_fields::<CheckView>(&[])?;
    let setup = setup(context);
    let mut checks = Vec::new();
    let result = match context.database(Access::Read).await {
        Ok(database) => {
            let examined = examine(context, arguments, &database, &setup, &mut checks).await;
            if let Err(error) = &examined
                && error.is(Cause::Pooler)
            {
                // Whatever was read may be of another session.
                checks = doctor::unreachable(&setup, error, arguments.deep);
            }
            examined
        }
        Err(error) => {
            let error = context.adapt_hints(error);
            checks = doctor::unreachable(&setup, &error, arguments.deep);
            Err(error)
        }
    };
    let failed: Vec<_> = checks.iter().filter(|check| check.state == State::Failed).map(|check| check.name).collect();
    let count = checks.len();
    let hints: Vec<Hint> = checks.iter().filter_map(|check| check.hint.clone()).collect();
    let to_view = |check: Check| {
        let hint = check.hint.as_ref().map(|hint| hint.render(context.output.aim()));
        CheckView { check, hint }
    };
    let rows: Vec<_> = checks.into_iter().map(to_view).collect();
    context.output.list(&rows)?;
    if !context.output.is_json() {
        context.output.note_missing_password(&hints);
    }
    if arguments.deep && result.is_ok() {
        let verify = CommandLine::new("audit verify");
        context.output.suggest(Hint::from("to compare the data with the audit trail too: ").and(verify));
    }
    result?;
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {count} checks failed: {}", failed.len(), failed.join(", "));
    Err(Error::new(Kind::CheckFailed, "doctor.failed", message)
        .details(serde_json::json!({ "failed": failed, "checks": count })))
}

async fn examine(
    context: &Context,
    arguments: &Arguments,
    database: &Database,
    setup: &Setup,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let status = split_connection_loss(migrate::status(database.connection(), &Catalog::embedded()).await)?;
    let removal = split_connection_loss(migrate::refuse_removal(database.connection(), Kind::CheckFailed).await)?;
    let known = status.as_deref().unwrap_or_default();
    let foreign = migrate::foreign_tables(database.connection(), &Catalog::embedded(), known).await;
    let foreign = split_connection_loss(foreign)?;
    let migrations = match foreign {
        Ok(foreign) if !foreign.is_empty() => Ok(Migrations {
            others: vec![migrate::foreign_shop(&foreign)],
            hint: CommandLine::new("adopt").into(),
            ..Migrations::default()
        }),
        _ => removal.and(status).map(|status| summary(context, &status)),
    };
    let environment = split_connection_loss(migrate::setting(database.connection(), migrate::ENVIRONMENT).await)?;
    doctor::examine(database, context.clock, setup, migrations, environment, checks).await?;
    if arguments.deep {
        let mut last_note = Instant::now();
        let mut progress = |name: &'static str| {
            if last_note.elapsed() >= PROGRESS_INTERVAL {
                last_note = Instant::now();
                context.output.note(&format!("checking {name}"));
            }
        };
        doctor::examine_deeply(database, context.ids, checks, &mut progress).await?;
    }
    Ok(())
}

/// A database error fails its check; only a connection that is lost, or shared by a pooler, ends all checks.
fn split_connection_loss<T>(result: Result<T>) -> Result<Result<T>> {
    match result {
        Err(error) if error.kind() == Kind::Unavailable || error.is(Cause::Pooler) => Err(error),
        other => Ok(other),
    }
}

fn setup(context: &Context) -> Setup {
    let config = &context.config;
    let origin = config.entries.first().map_or_else(String::new, |entry| entry.origin.clone());
    let mut exposed_files = config.exposed_files.clone();
    if let Target::Sqlite(file) = &config.target
        && is_open_to_others(&file.path)
    {
        exposed_files.push(file.path.clone());
    }
    Setup {
        database: config.target.to_string(),
        origin,
        exposed_files,
        context: config.context.clone(),
        is_protected: config.protected,
        is_read_only: config.read_only,
    }
}

fn summary(context: &Context, all: &[MigrationStatus]) -> Migrations {
    let in_state = |state| all.iter().filter(move |migration| migration.state == state);
    let others = migrate::State::ALL.into_iter().filter(|state| *state != migrate::State::Applied);
    let others = others.filter_map(|state| {
        let first = in_state(state).next()?;
        Some(format!("{} {} (first {})", in_state(state).count(), state.as_str(), printable(&first.name)))
    });
    let way_out = all.iter().find_map(MigrationStatus::remedy);
    let missing = || Error::from_cause(Cause::NoSchema, "").hint(CommandLine::new("migrate up"));
    let hint = way_out.unwrap_or_else(|| Hint::joined(context.adapt_hints(missing()).hints(), "; "));
    Migrations { applied: in_state(migrate::State::Applied).count(), others: others.collect(), hint }
}

/// The result of a check.
struct CheckView {
    check: Check,
    /// The hint, completed with the flags of this run.
    hint: Option<String>,
}

fn state(state: State) -> Cell {
    let tone = match state {
        State::Ok => Tone::Good,
        State::Warning => Tone::Open,
        State::Failed => Tone::Bad,
        State::Skipped => Tone::Over,
    };
    Cell::State(state.as_str(), tone)
}

impl View for CheckView {
    const NOUN: &'static str = "checks";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::key("name", "CHECK", |view| view.check.name.into()),
        Column::new("state", "STATE", |view| state(view.check.state)),
        Column::new("detail", "DETAIL", |view| view.check.detail.as_str().into()),
        Column::new("hint", "HINT", |view| view.hint.clone().into()),
        Column::on_request("rows", "ROWS", |view| Cell::Json(view.check.rows.clone().into())),
    ];
}
