//! One run of the program: arguments in, exit code out.

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use clap::{CommandFactory, FromArgMatches};
use uuid::Uuid;

use super::shared::command_line::aim;
use super::shared::confirm::Prompter;
use super::shared::effect::Effect;
use super::shared::{hyphens, values, zone};
use super::{Cli, Command, completions, dispatch, help, interrupt, man, panic};
use crate::config::{Config, Flags};
use crate::context::Context;
use crate::db::Access;
use crate::db::budget::Budget;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result};
use crate::migrate::{self, Catalog, Removal};
use crate::output::{Format, Output};
use crate::service::committing::{CommitTracker, Pending};
use crate::service::undo;

/// Parses the process's arguments, runs the command, reports a failure, and returns the exit code.
pub fn main() -> u8 {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(request) = completions::Request::find(&arguments) {
        request.answer();
        return 0;
    }
    let arguments = hyphens::join_values(Cli::whole, arguments);
    // Neither whole, nor cloned, nor freed: the tree of commands is most of what a start costs.
    let mut program = ManuallyDrop::new(Cli::command());
    let parsed = program.try_get_matches_from_mut(&arguments);
    let (cli, matches) = match parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches))) {
        Ok(parsed) => parsed,
        Err(error) => {
            return help::report_invalid_arguments(values::violations(Cli::whole, &arguments, error), &arguments);
        }
    };
    let Cli { global, command } = cli;
    start_logging(global.verbose);
    let prompter = Prompter::detect(global.no_input);
    let (flags, mut settings) = global.split(aim(&program, &matches));
    if has_flag(&matches, "chart") {
        // A chart needs the table format, even in a pipe.
        settings.format = settings.format.or(Some(Format::Table));
    }
    let committing = CommitTracker::default();
    panic::install_hook(settings.clone(), committing.clone());
    interrupt::listen(settings.clone(), committing.clone());
    let output = Output::standard(settings);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&Error::internal(format!("cannot start: {error}")));
            return Kind::Internal.exit_code();
        }
    };
    let uses_exit_code = has_flag(&matches, "exit_code");
    {
        let _runtime = runtime.enter();
        interrupt::ignore_file_limit_signal();
    }
    let code = runtime.block_on(run(command, flags, &prompter, output, committing, uses_exit_code));
    // Hanging connections and look-ups must not delay the exit.
    runtime.shutdown_background();
    code
}

/// Whether the command supports this flag and it is given.
fn has_flag(matches: &clap::ArgMatches, flag: &str) -> bool {
    let mut leaf = matches;
    while let Some((_, deeper)) = leaf.subcommand() {
        leaf = deeper;
    }
    leaf.try_get_one(flag).ok().flatten().copied().unwrap_or(false)
}

async fn run(
    command: Command,
    flags: Flags,
    prompter: &Prompter,
    output: Output,
    committing: CommitTracker,
    uses_exit_code: bool,
) -> u8 {
    // These need no configuration, which may be wrong.
    let result = match &command {
        Command::Help(arguments) => Some(help::run(&output, arguments)),
        Command::Completions(arguments) => Some(completions::run(&output, arguments)),
        Command::Man(arguments) => Some(man::run(&output, arguments)),
        _ => None,
    };
    if let Some(result) = result {
        return conclude(&output, result.map(Effect::from), uses_exit_code);
    }
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(error) => return conclude(&output, Err(error), uses_exit_code),
    };
    for warning in &config.warnings {
        output.warn(warning);
    }
    let zone = match zone::configured(&config.timezone, &output) {
        Ok(zone) => zone,
        Err(error) => return conclude(&output, Err(error), uses_exit_code),
    };
    let budget = Budget::new(config.timeout, config.is_timeout_stated);
    let budget = if command.is_long(config.is_timeout_stated) { budget.for_long_work() } else { budget };
    let context = Context::new(config, zone, output, budget, committing.clone());
    let note_wait = || context.output.note("waiting for the outcome of COMMIT; press Ctrl-C again to stop");
    let result = interrupt::until_interrupted(dispatch(&context, prompter, command), &committing, note_wait).await;
    let result = match result {
        Err(error) if error.is(Cause::NoSchema) => Err(explain_missing_schema(&context, error).await),
        result => result,
    };
    let result = result.map_err(|error| context.adapt_hints(error));
    // An interrupt waits for it, as it always ends.
    committing.begin(Pending::File);
    for left in context.connections.close().await {
        context.output.warn(&left.to_string());
    }
    committing.end();
    let undoable = committing.undoable();
    match &result {
        // After the note on the database that was changed.
        Ok(_) => {
            let code = conclude(&context.output, result, uses_exit_code);
            suggest_undo(&context.output, &undoable);
            code
        }
        Err(_) => {
            suggest_undo(&context.output, &undoable);
            conclude(&context.output, result, uses_exit_code)
        }
    }
}

/// Maximum number of operations that a note names.
const NAMED: usize = 10;

/// Notes how to take back what was done.
fn suggest_undo(output: &Output, operations: &[Uuid]) {
    let commands: Vec<Hint> = operations.iter().take(NAMED).map(|id| undo::command((*id).into()).into()).collect();
    let hint = match commands.as_slice() {
        [] => return,
        [only] => Hint::from("take it back with: ").and(only.clone()),
        _ if operations.len() > NAMED => {
            Hint::from("take them back one by one, as listed by: ").and(undo::list_command())
        }
        several => Hint::from("take them back with:\n  ").and(Hint::joined(several, "\n  ")),
    };
    output.suggest(hint);
}

/// Replaces the error for missing tables or columns if `migrate up` would not help: an unfinished removal, another
/// program's shop, or tables that another program made again without them.
async fn explain_missing_schema(context: &Context, error: Error) -> Error {
    match why_schema_is_missing(context, error.kind()).await {
        Ok(Some(MissingSchema::Other(reason))) => reason,
        Ok(Some(MissingSchema::Parts)) => {
            let what = Hint::from("every migration is applied; to see what is missing, and its repair: ");
            error.without_hints().hint(what.and(CommandLine::new("migrate verify")))
        }
        Ok(None) | Err(_) => error,
    }
}

/// Why tables or columns are missing, if migrations are not the reason.
enum MissingSchema {
    /// The error that says it.
    Other(Error),
    /// Every migration is applied: parts of the schema are gone.
    Parts,
}

async fn why_schema_is_missing(context: &Context, kind: Kind) -> Result<Option<MissingSchema>> {
    let database = context.database(Access::Read).await?;
    let (connection, catalog) = (database.connection(), Catalog::embedded());
    if let Some(removal) = Removal::find(connection).await? {
        return Ok((!removal.has_removed_nothing).then(|| MissingSchema::Other(removal.refusal(kind))));
    }
    let statuses = migrate::status(connection, &catalog).await?;
    let foreign = migrate::foreign_tables(connection, &catalog, &statuses).await?;
    if !foreign.is_empty() {
        return Ok(Some(MissingSchema::Other(migrate::foreign_shop_error(kind, &foreign))));
    }
    let is_migrated = statuses.iter().all(|one| one.state == migrate::State::Applied);
    Ok(is_migrated.then_some(MissingSchema::Parts))
}

/// Notes what was changed, or prints the error; returns the exit code.
fn conclude(output: &Output, result: Result<Effect>, uses_exit_code: bool) -> u8 {
    match result {
        Ok(Effect::WouldChange) if uses_exit_code => Kind::CheckFailed.exit_code(),
        Ok(Effect::SaysNo) => Kind::CheckFailed.exit_code(),
        Ok(effect) => {
            effect.note(output);
            0
        }
        Err(error) => {
            output.error(&error);
            error.kind().exit_code()
        }
    }
}

/// Logs to stderr if requested by `-v`, `-vv` or RUST_LOG. The drivers never log, because their traces may contain
/// values.
fn start_logging(verbose: u8) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let filter_text = match verbose {
        0 => std::env::var("RUST_LOG").ok(),
        1 => Some("shopctl=debug".to_owned()),
        _ => Some("shopctl=trace".to_owned()),
    };
    // Targets and levels only: span filters require the regex crate.
    let Some(Ok(mut filter)) = filter_text.map(|filter_text| filter_text.parse::<Targets>()) else { return };
    for quiet in ["sqlx", "sea_orm", "sea_orm_migration"] {
        filter = filter.with_target(quiet, LevelFilter::OFF);
    }
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(true);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
