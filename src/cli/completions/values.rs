//! Values that only the shop, the configuration or the system knows.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, ValueCompleter};
use tokio::time::timeout;

use crate::cli::shared::list::FieldNames;
use crate::cli::shared::topics::TOPICS;
use crate::cli::shared::zone;
use crate::config::{self, Config, Flags};
use crate::context::Context;
use crate::db::budget::Budget;
use crate::db::{Access, Database};
use crate::domain::order_status::LIFECYCLE;
use crate::domain::page::Sort;
use crate::domain::{EventName, OrderStatus, Outcome, Page, TypedTime, Zone};
use crate::error::Result;
use crate::output::{Output, OutputSettings};
use crate::repository::{self, audit_event as events, order as orders, product as products, user as users};
use crate::service::committing::CommitTracker;
use crate::service::undo;

/// How long to wait for a database: less than for the whole answer, which then still has the flags.
const LIMIT: Duration = Duration::from_millis(200);
/// Most values of a shop that are offered at once.
const MOST: u64 = 50;

/// The ages that are asked for most.
const AGES: [&str; 3] = ["7d", "30d", "12h"];

/// Where the values of an argument come from.
#[derive(Debug, Clone)]
enum Source {
    Users,
    Products,
    /// `PRODUCT:N`, of which only the product is completed.
    ProductsWithQuantity,
    /// Those in these statuses; all of them if there is none.
    Orders(Vec<OrderStatus>),
    /// The operations that can be undone.
    Operations,
    Contexts,
    /// Read from the system when they are completed.
    Zones,
    Words(Vec<String>),
}

impl Source {
    /// By what the help calls the value.
    fn of(command: &str, argument: &Arg, line: &Line) -> Option<Source> {
        let value_name = argument.get_value_names().and_then(|names| names.first())?.as_str();
        match (argument.get_id().as_str(), value_name) {
            // Anybody may have done it, also who is no user of the shop.
            ("actor" | "by", _) => None,
            (_, "WHO" | "WHO,…" | "FROM" | "INTO") => Some(Source::Users),
            (_, "PRODUCT") => Some(Source::Products),
            (_, "PRODUCT:N" | "PRODUCT[:N]" | "PRODUCT[:QUANTITY]") => Some(Source::ProductsWithQuantity),
            ("order" | "orders", "ORDER") => Some(Source::Orders(statuses_for(command))),
            ("operation", "OPERATION") if command == "undo" => Some(Source::Operations),
            ("operation", "NAME") => Some(Source::words(EventName::ALL.map(EventName::as_str))),
            ("context", _) => Some(Source::Contexts),
            ("tz", _) => Some(Source::Zones),
            ("fields", _) => Some(Source::words(line.fields.iter().copied())),
            ("topic", "TOPIC") => Some(Source::Words(line.topics.clone())),
            (_, "TIME") => Some(Source::words(TypedTime::words().chain(AGES))),
            _ => None,
        }
    }

    fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Source {
        Source::Words(words.into_iter().map(str::to_owned).collect())
    }
}

/// The statuses of the orders that a command takes; none for all.
fn statuses_for(command: &str) -> Vec<OrderStatus> {
    match command {
        "change" | "edit" => vec![OrderStatus::Pending],
        verb => LIFECYCLE.iter().filter(|row| row.verb.as_str() == verb).map(|row| row.from).collect(),
    }
}

/// What is known from the line that is typed.
struct Line {
    words: Arc<[OsString]>,
    /// The fields of the command.
    fields: Vec<&'static str>,
    /// What may follow `help`.
    topics: Vec<String>,
}

impl Line {
    fn new(program: &Command, words: &[OsString]) -> Line {
        let typed = words.split_last().map_or(words, |(_, before)| before);
        let commands = typed.iter().skip(1).filter_map(|word| word.to_str());
        let leaf = |words: &mut dyn Iterator<Item = &str>| {
            words.fold(program, |command, word| command.find_subcommand(word).unwrap_or(command))
        };
        let fields = leaf(&mut commands.clone()).get::<FieldNames>().map_or_else(Vec::new, FieldNames::all);
        let explained = leaf(&mut commands.skip_while(|word| *word != "help").skip(1));
        let topics = TOPICS.iter().copied().filter(|_| explained.get_name() == program.get_name());
        let topics = topics.chain(explained.get_subcommands().map(Command::get_name)).map(str::to_owned).collect();
        Line { words: Arc::from(words), fields, topics }
    }
}

/// The values of one argument on a line.
struct Values {
    source: Source,
    line: Arc<[OsString]>,
    /// Whether each value is given once, without a flag.
    is_positional: bool,
}

/// The program, whose arguments know where their values come from.
pub fn with_values(program: Command, line: &[OsString]) -> Command {
    let line = Line::new(&program, line);
    attach(program, &line)
}

fn attach(command: Command, line: &Line) -> Command {
    let name = command.get_name().to_owned();
    let attached = command.mut_args(|argument| match Source::of(&name, &argument, line) {
        Some(source) => {
            let is_positional = argument.is_positional();
            argument.add(ArgValueCompleter::new(Values { source, line: Arc::clone(&line.words), is_positional }))
        }
        None => argument,
    });
    attached.mut_subcommands(|deeper| attach(deeper, line))
}

impl ValueCompleter for Values {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(typed) = current.to_str() else { return Vec::new() };
        let fixed = |values: &[String]| -> Vec<(String, String)> {
            let lowered = typed.to_lowercase();
            let values = values.iter().filter(|value| value.to_lowercase().starts_with(&lowered));
            values.map(|value| (value.clone(), String::new())).collect()
        };
        let found: Vec<(String, String)> = match &self.source {
            Source::Contexts => fixed(&config::context_names(self.flags()).unwrap_or_default()),
            Source::Zones => fixed(&zone::names()),
            Source::Words(words) => fixed(words),
            Source::ProductsWithQuantity if typed.contains([':', '=']) => Vec::new(),
            _ => self.keys_of_the_shop(typed).unwrap_or_default(),
        };
        let candidate = |(value, help): (String, String)| {
            CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
        };
        found.into_iter().filter(|(value, _)| !self.is_given(value)).map(candidate).collect()
    }
}

impl Values {
    /// Whether the line has the value already.
    fn is_given(&self, value: &str) -> bool {
        let before = self.line.iter().skip(1).take(self.line.len().saturating_sub(2));
        let is_it = |word: &OsString| word.to_str().is_some_and(|word| word.eq_ignore_ascii_case(value));
        self.is_positional && before.into_iter().any(is_it)
    }

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
            let found = keys(&database, &self.source, typed).await;
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

async fn keys(database: &Database, source: &Source, typed: &str) -> Result<Vec<(String, String)>> {
    let connection = database.connection();
    Ok(match source {
        Source::Users => {
            let found = users::find_starting_with(connection, typed, MOST).await?;
            found
                .into_iter()
                .map(|user| (user.email.to_string(), format!("{} {}", user.first_name, user.last_name)))
                .collect()
        }
        Source::Operations => operations(database, typed).await?,
        Source::Orders(statuses) => {
            let found = orders::find_starting_with(connection, typed, statuses, MOST).await?;
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

/// The newest operations that can be undone, with what they did.
async fn operations(database: &Database, typed: &str) -> Result<Vec<(String, String)>> {
    /// How many events are looked at.
    const EVENTS: u64 = 200;
    let connection = database.connection();
    let filter = events::Filter { outcome: Some(Outcome::Succeeded), ..events::Filter::default() };
    let page = Page { limit: EVENTS, offset: 0, after: None, sort: Sort::parse("-occurred_at") };
    let found = repository::find_all(connection, &filter, &page).await?.items;
    let undoable = undo::undoable(connection, &found).await?;
    let mut operations = Vec::<(String, String)>::new();
    for (event, _) in found.iter().zip(undoable).filter(|(_, is_undoable)| *is_undoable) {
        let id = event.operation_id.to_string();
        if !id.starts_with(&typed.to_lowercase()) || operations.iter().any(|(known, _)| *known == id) {
            continue;
        }
        let time = event.occurred_at.told_in(&Zone::utc());
        let name = event.name().map(|name| format!(" {name}")).unwrap_or_default();
        operations.push((id, format!("{}{name}, {time}, by {}", event.operation.told(), event.actor.as_str())));
    }
    operations.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    Ok(operations)
}
