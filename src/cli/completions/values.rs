//! Values that only the shop, the configuration or the system knows.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, ValueCompleter};
use tokio::time::timeout;

use crate::cli::shared::zone;
use crate::config::{self, Config, Flags};
use crate::context::Context;
use crate::db::budget::Budget;
use crate::db::{Access, Database};
use crate::domain::{EventName, Zone};
use crate::error::Result;
use crate::output::{Output, OutputSettings};
use crate::repository::{order as orders, product as products, user as users};
use crate::service::committing::CommitTracker;

/// How long to wait for a database: less than for the whole answer, which then still has the flags.
const LIMIT: Duration = Duration::from_millis(200);
/// Most values of a shop that are offered at once.
const MOST: u64 = 50;

/// Where the values of an argument come from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Users,
    Products,
    /// `PRODUCT:N`, of which only the product is completed.
    ProductsWithQuantity,
    Orders,
    Contexts,
    Operations,
    Zones,
}

impl Source {
    /// By what the help calls the value.
    fn of(argument: &Arg) -> Option<Source> {
        let value_name = argument.get_value_names().and_then(|names| names.first())?.as_str();
        match (argument.get_id().as_str(), value_name) {
            // Anybody may have done it, also who is no user of the shop.
            ("actor" | "by", _) => None,
            (_, "WHO" | "WHO,…" | "FROM" | "INTO") => Some(Source::Users),
            (_, "PRODUCT") => Some(Source::Products),
            (_, "PRODUCT:N" | "PRODUCT[:N]" | "PRODUCT[:QUANTITY]") => Some(Source::ProductsWithQuantity),
            ("order" | "orders", "ORDER") => Some(Source::Orders),
            ("context", _) => Some(Source::Contexts),
            ("operation", "NAME") => Some(Source::Operations),
            ("tz", _) => Some(Source::Zones),
            _ => None,
        }
    }
}

/// The values of one argument on a line.
struct Values {
    source: Source,
    line: Arc<[OsString]>,
}

/// The program, whose arguments know where their values come from.
pub fn with_values(program: Command, line: &[OsString]) -> Command {
    attach(program, &Arc::from(line))
}

fn attach(command: Command, line: &Arc<[OsString]>) -> Command {
    let attached = command.mut_args(|argument| match Source::of(&argument) {
        Some(source) => argument.add(ArgValueCompleter::new(Values { source, line: Arc::clone(line) })),
        None => argument,
    });
    attached.mut_subcommands(|deeper| attach(deeper, line))
}

impl ValueCompleter for Values {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(typed) = current.to_str() else { return Vec::new() };
        let fixed = |values: Vec<String>| -> Vec<(String, String)> {
            let lowered = typed.to_lowercase();
            values
                .into_iter()
                .filter(|value| value.to_lowercase().starts_with(&lowered))
                .map(|value| (value, String::new()))
                .collect()
        };
        let found: Vec<(String, String)> = match self.source {
            Source::Contexts => fixed(config::context_names(self.flags()).unwrap_or_default()),
            Source::Operations => fixed(EventName::ALL.map(|name| name.as_str().to_owned()).into()),
            Source::Zones => fixed(zone::names()),
            Source::ProductsWithQuantity if typed.contains([':', '=']) => Vec::new(),
            Source::Users | Source::Products | Source::ProductsWithQuantity | Source::Orders => {
                self.keys_of_the_shop(typed).unwrap_or_default()
            }
        };
        let candidate = |(value, help): (String, String)| {
            CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
        };
        found.into_iter().map(candidate).collect()
    }
}

impl Values {
    /// The flags on the line that name a database.
    fn flags(&self) -> Flags {
        let option = |long: &str, short: Option<&str>| {
            let value = |at: usize| -> Option<String> {
                let (word, next) = (self.line.get(at)?.to_str()?, self.line.get(at + 1));
                // The last word is still being typed.
                let apart = next.filter(|_| at + 2 < self.line.len()).and_then(|next| next.to_str());
                if word == long || Some(word) == short {
                    return apart.map(str::to_owned);
                }
                let in_long = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
                let in_short =
                    || short.and_then(|short| word.strip_prefix(short)).map(|rest| rest.trim_start_matches('='));
                in_long.or_else(in_short).map(str::to_owned)
            };
            (1..self.line.len()).rev().find_map(value)
        };
        Flags {
            context: option("--context", Some("-c")),
            config: option("--config", None).map(Into::into),
            database_url: option("--database-url", None),
            ..Flags::default()
        }
    }

    /// Keys of the shop with a description; none of a protected one, and none that a password command has to open,
    /// because that may ask.
    fn keys_of_the_shop(&self, typed: &str) -> Result<Vec<(String, String)>> {
        let config = Config::load(self.flags())?;
        if config.protected || config.target.has_password_command() {
            return Ok(Vec::new());
        }
        let output = Output::messages_only(OutputSettings { quiet: true, ..OutputSettings::default() });
        let context =
            Context::new(config, Zone::utc(), output, Budget::new(Some(LIMIT), true), CommitTracker::default());
        within_limit(async {
            let database = context.database(Access::Read).await?;
            let found = keys(&database, self.source, typed).await;
            context.connections.close().await;
            found
        })
    }
}

/// Runs a query within the limit; what then still hangs ends with the process.
fn within_limit(query: impl Future<Output = Result<Vec<(String, String)>>>) -> Result<Vec<(String, String)>> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Ok(Vec::new()) };
    let found = runtime.block_on(async { timeout(LIMIT, query).await });
    runtime.shutdown_background();
    found.unwrap_or_else(|_| Ok(Vec::new()))
}

async fn keys(database: &Database, source: Source, typed: &str) -> Result<Vec<(String, String)>> {
    let connection = database.connection();
    Ok(match source {
        Source::Users => {
            let found = users::find_starting_with(connection, typed, MOST).await?;
            found
                .into_iter()
                .map(|user| (user.email.to_string(), format!("{} {}", user.first_name, user.last_name)))
                .collect()
        }
        Source::Orders => {
            let found = orders::find_starting_with(connection, typed, MOST).await?;
            found
                .into_iter()
                .map(|order| {
                    (order.reference.to_string(), format!("{}, {}", order.status.told(), order.total_amount.told()))
                })
                .collect()
        }
        _ => {
            let found = products::find_starting_with(connection, typed, MOST).await?;
            found.into_iter().map(|product| (product.sku.to_string(), product.name.to_string())).collect()
        }
    })
}
