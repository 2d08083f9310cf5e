//! The command line: global flags, the tree of commands, and their dispatch.

mod access;
mod adopt;
mod audit;
mod backup;
mod completions;
mod config;
mod copy;
mod diff;
mod doctor;
mod help;
mod interrupt;
mod man;
mod migrate;
mod order;
mod panic;
mod product;
mod quickstart;
mod report;
mod restore;
mod run;
mod seed;
mod shared;
mod stock;
mod undo;
mod user;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

pub use self::run::main;
use self::shared::arguments::name_of;
use self::shared::confirm::Prompter;
use self::shared::effect::Effect;
use self::shared::values::checked;
use self::shared::zone;
use crate::config::Flags;
use crate::context::Context;
use crate::domain::Zone;
use crate::domain::moment::parse_span;
use crate::error::{Invocation, Result};
use crate::output::{ColorChoice, Format, OutputSettings};

/// Administer a shop's database: schema, seeds, users, products, stock and orders
#[derive(Debug, Parser)]
#[command(name = "shopctl", version, long_version = env!("SHOPCTL_VERSION"), max_term_width = 100)]
#[command(propagate_version = false, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  shopctl quickstart
  shopctl migrate up
  shopctl order list --search hopper
  shopctl order create --help

Topics (shopctl help TOPIC): configuration, environment, exit-codes, formatting,
import, lifecycle")]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArguments {
    /// Use the database of this name in shopctl.toml
    #[arg(short, long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Use this database: postgres://…, mysql://… or sqlite:PATH
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Read this file instead of shopctl.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Output format: table, json, jsonl, csv, tsv, id or mongo-json
    #[arg(short, long, global = true, value_name = "FORMAT", value_parser = name_of(Format::ALL, Format::as_str), hide_possible_values = true)]
    output: Option<Format>,
    /// Same as --output json
    #[arg(long, global = true, conflicts_with = "output")]
    json: bool,
    /// Show only these fields, in this order
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',')]
    fields: Option<Vec<String>>,
    /// Omit the header
    #[arg(long, global = true)]
    no_headers: bool,
    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = name_of(ColorChoice::ALL, ColorChoice::as_str))]
    color: ColorChoice,
    /// Same as --color never
    #[arg(long, global = true, conflicts_with = "color")]
    no_color: bool,
    /// Print no notes on standard error; results and errors are still printed
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more details; twice: also each SQL statement
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Time limit of the command (0: none) [default: 30s]
    #[arg(long, global = true, value_name = "TIME", value_parser = checked(span))]
    timeout: Option<String>,
    /// Time limit for connecting [default: 5s]
    #[arg(long, global = true, value_name = "TIME", value_parser = checked(span))]
    connect_timeout: Option<String>,
    /// Never prompt: fail and name the missing flag instead
    #[arg(long, global = true)]
    no_input: bool,
    /// Time zone of times typed and shown, e.g. Europe/Berlin [default: UTC]
    #[arg(long, global = true, value_name = "ZONE", allow_hyphen_values = true, value_parser = checked(zone::find))]
    tz: Option<Zone>,
    /// Who makes the change, for the audit trail [default: the system user]
    #[arg(long, global = true, value_name = "WHO")]
    actor: Option<String>,
}

/// Validates a duration and returns it as typed.
fn span(text: &str) -> Result<String, String> {
    parse_span(text).map(|_| text.to_owned())
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Create a demo shop, place an order and show it
    Quickstart(quickstart::Arguments),
    /// Apply, revert and inspect migrations
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Fill a development database with sample data
    #[command(subcommand)]
    Seed(seed::Command),
    /// Manage users
    #[command(subcommand)]
    User(user::Command),
    /// Manage products
    #[command(subcommand)]
    Product(product::Command),
    /// Manage stock: levels, corrections and movements
    #[command(subcommand)]
    Stock(stock::Command),
    /// Place, find and process orders
    #[command(subcommand)]
    Order(order::Command),
    /// Inspect the audit trail: who changed what, and when
    #[command(subcommand)]
    Audit(audit::Command),
    /// Undo an operation on prices, fields, stock or pending orders
    Undo(undo::Arguments),
    /// Adopt the tables and rows of other programs
    Adopt(adopt::Arguments),
    /// Give database roles the rights of a reader, clerk or admin
    #[command(subcommand)]
    Access(access::Command),
    /// Report on sales and stock
    #[command(subcommand)]
    Report(report::Command),
    /// Back up the whole shop to a file, or verify a backup
    Backup(backup::Arguments),
    /// Restore a backup to an empty database of any engine
    Restore(restore::Arguments),
    /// Copy a whole shop to an empty database of any engine
    Copy(copy::Arguments),
    /// Compare two shops row by row
    Diff(diff::Arguments),
    /// Check connection, schema and settings; with --deep also the data
    Doctor(doctor::Arguments),
    /// Show the configuration and where it comes from
    #[command(subcommand)]
    Config(config::Command),
    /// Print the script with which a shell completes commands and values
    Completions(completions::Arguments),
    /// Write a manual page for each command
    Man(man::Arguments),
    /// Show help on a topic or a command
    Help(help::Arguments),
}

impl Cli {
    /// The tree of commands with all arguments. `Cli::command()` has those of a command only once it is parsed, which
    /// keeps the start short.
    pub fn whole() -> clap::Command {
        let mut program = Cli::command();
        program.build();
        program
    }
}

impl Command {
    /// Whether the duration grows with the shop or a file: the time limit then applies to each wait, not to the whole
    /// command.
    fn is_long(&self, is_timeout_stated: bool) -> bool {
        match self {
            Command::Quickstart(_) | Command::Seed(_) | Command::Adopt(_) => true,
            Command::Copy(_) | Command::Diff(_) | Command::Backup(_) | Command::Restore(_) => true,
            // These must have time to drop their scratch database.
            Command::Migrate(migrate::Command::Verify(_) | migrate::Command::Baseline(_)) => true,
            // A stated limit applies to the whole schema change.
            Command::Migrate(_) => !is_timeout_stated,
            Command::User(user::Command::List(arguments)) => arguments.list.all,
            Command::User(user::Command::Export(_) | user::Command::Import(_)) => true,
            Command::User(user::Command::ExportData(_) | user::Command::Merge(_)) => true,
            Command::Product(product::Command::List(arguments)) => arguments.list.all,
            Command::Product(product::Command::Export(_) | product::Command::Import(_)) => true,
            Command::Stock(stock::Command::List(arguments)) => arguments.list.all,
            Command::Stock(stock::Command::History(arguments)) => arguments.list.all,
            Command::Stock(stock::Command::Import(_) | stock::Command::Verify(_)) => true,
            Command::Order(order::Command::List(arguments)) => arguments.list.all,
            Command::Order(order::Command::Export(_) | order::Command::Import(_) | order::Command::Expire(_)) => true,
            Command::Order(order::Command::Ship(arguments)) => arguments.has_file(),
            Command::Audit(audit::Command::List(arguments)) => arguments.list.all,
            Command::Audit(audit::Command::Export(_) | audit::Command::Seal(_) | audit::Command::Verify(_)) => true,
            Command::Doctor(arguments) => arguments.deep,
            _ => false,
        }
    }
}

impl GlobalArguments {
    /// Splits the flags into those for the configuration and those for output.
    fn split(self, aim: Invocation) -> (Flags, OutputSettings) {
        let GlobalArguments { context, config, database_url, timeout, connect_timeout, actor, .. } = self;
        let GlobalArguments { fields, no_headers, quiet, no_input, .. } = self;
        let color = if self.no_color { ColorChoice::Never } else { self.color };
        let format = if self.json { Some(Format::Json) } else { self.output };
        let tz = self.tz.map(|zone| zone.name().to_owned());
        let output = OutputSettings { format, fields, no_headers, color, quiet, no_input, aim };
        (Flags { context, config, database_url, timeout, connect_timeout, actor, tz }, output)
    }
}

async fn dispatch(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Quickstart(arguments) => quickstart::run(context, &arguments).await.map(Effect::from),
        Command::Migrate(command) => migrate::run(context, prompter, command).await,
        Command::Seed(command) => seed::run(context, prompter, command).await,
        Command::User(command) => user::run(context, prompter, command).await,
        Command::Product(command) => product::run(context, prompter, command).await,
        Command::Stock(command) => stock::run(context, prompter, command).await,
        Command::Order(command) => order::run(context, prompter, command).await,
        Command::Audit(command) => audit::run(context, command).await,
        Command::Undo(arguments) => undo::run(context, prompter, &arguments).await,
        Command::Adopt(arguments) => adopt::run(context, prompter, &arguments).await,
        Command::Access(command) => access::run(context, prompter, command).await,
        Command::Backup(arguments) => backup::run(context, &arguments).await,
        Command::Restore(arguments) => restore::run(context, prompter, &arguments).await,
        Command::Copy(arguments) => copy::run(context, prompter, &arguments).await,
        Command::Diff(arguments) => diff::run(context, &arguments).await.map(Effect::from),
        Command::Report(command) => report::run(context, command).await.map(Effect::from),
        Command::Doctor(arguments) => doctor::run(context, &arguments).await.map(Effect::from),
        Command::Config(command) => config::run(context, &command).map(Effect::from),
        Command::Completions(arguments) => completions::run(&context.output, &arguments).map(Effect::from),
        Command::Man(arguments) => man::run(&context.output, &arguments).map(Effect::from),
        Command::Help(arguments) => help::run(&context.output, &arguments).map(Effect::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands whose help says something else once their arguments are there.
    fn renamed(before: &clap::Command, after: &clap::Command) -> Vec<String> {
        let mut names = Vec::new();
        let text = |command: &clap::Command| {
            [command.get_about(), command.get_long_about()].map(|text| text.map(ToString::to_string))
        };
        if text(before) != text(after) {
            names.push(after.get_name().to_owned());
        }
        for deeper in before.get_subcommands() {
            names.extend(
                after.find_subcommand(deeper.get_name()).map(|after| renamed(deeper, after)).unwrap_or_default(),
            );
        }
        names
    }

    /// Options whose help lists their values twice.
    fn repeating(command: &clap::Command) -> Vec<String> {
        let repeats = |argument: &&clap::Arg| {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let values = argument.get_possible_values();
            !argument.is_hide_possible_values_set()
                && !values.is_empty()
                && values.iter().all(|value| help.contains(value.get_name()))
        };
        let own = command.get_arguments().filter(repeats).map(|it| format!("{} {}", command.get_name(), it.get_id()));
        own.chain(command.get_subcommands().flat_map(repeating)).collect()
    }

    #[test]
    fn values_are_listed_once() {
        assert_eq!(repeating(&Cli::whole()), Vec::<String>::new());
    }

    #[test]
    fn arguments_do_not_describe_their_command() {
        let renamed = renamed(&Cli::command(), &Cli::whole());
        assert!(
            renamed.is_empty(),
            "// instead of /// above the arguments of {renamed:?}: clap takes it for their help"
        );
    }
}
