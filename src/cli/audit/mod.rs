//! `shopctl audit`

mod settle;
pub mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use self::view::EventView;
use self::view::FindingView;
use crate::cli::shared::arguments::{ListArguments, WriteArguments, check_period, name_of, time};
use crate::cli::shared::export;
use crate::cli::shared::list::{self, Shown};
use crate::cli::shared::mutation::{self, finish};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Page;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::output::{Format, Mutation, closest};
use crate::repository::user::{Lock, Who};
use crate::repository::{audit_event as events, audit_seal as seals, order, product, user};
use crate::service::explain::{self, Finding};
use crate::service::operation::OPERATIONS;
use crate::service::seal;
use chrono::{DateTime, Utc};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List events, newest first
    #[command(after_help = "Examples:
  shopctl audit list --order K7Q2M-9XD4T
  shopctl audit list --outcome failed --since 2026-01-01 --json")]
    List(AuditListArguments),
    /// Show one event with what was before and after
    #[command(after_help = "Example:\n  shopctl audit show 01a2099a-f92b-73dc-878a-58879510c016")]
    Show(ShowArguments),
    /// Write events as JSON lines, oldest first
    #[command(after_help = "Examples:
  shopctl audit export --since 2026-01-01 > events.jsonl
  shopctl audit export --out events.jsonl")]
    Export(ExportArguments),
    /// Seal the events that are not sealed yet, and print the hash to keep elsewhere
    #[command(after_help = "A seal covers its events and the seal before it: with the hash that is printed, kept
where nobody who can write to the database can reach it, verify tells whether anything was edited,
removed, inserted, moved or cut off.

Example:
  shopctl audit seal")]
    Seal(SealArguments),
    /// Check the seals, and that every row is what its events say (exit 9)
    #[command(after_help = "Examples:
  shopctl audit verify
  shopctl audit verify --head 8f2a0c6de4b5f1a3978d20c4b6e8f0a1c3d5e7f9012b4d6f8a0c2e4f60718293")]
    Verify(VerifyArguments),
    /// Find out for good whether an operation was applied whose outcome was unknown (exit 12)
    #[command(
        after_help = "The answer is final: an operation that is not there can no longer happen, even if its COMMIT
is still on its way, and it is safe to enter it again. While its transaction is open at the
server the answer is waited for, no longer than --timeout (exit 5: run it again).

Example:
  shopctl audit settle 01a2099a-f92b-73dc-878a-58879510c016"
    )]
    Settle(settle::SettleArguments),
}

/// Which events.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// About this user: e-mail address or id
    #[arg(long, value_name = "WHO", conflicts_with_all = ["product", "order"])]
    user: Option<String>,
    /// About this product: SKU or id
    #[arg(long, value_name = "PRODUCT", conflicts_with = "order")]
    product: Option<String>,
    /// About this order: reference or id
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Of this operation, such as order.place
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Of one run of an operation
    #[arg(long, value_name = "ID", value_parser = checked(parse_id))]
    operation_id: Option<Uuid>,
    /// By this actor (--actor is who runs this command)
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// succeeded or failed
    #[arg(long, value_name = "OUTCOME", value_parser = name_of(["succeeded", "failed"], |outcome| outcome))]
    outcome: Option<&'static str>,
    /// At or after this time
    #[arg(long, value_name = "TIME", value_parser = time())]
    since: Option<DateTime<Utc>>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time())]
    until: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub struct AuditListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The event's id
    #[arg(value_name = "ID", value_parser = checked(parse_id))]
    id: Uuid,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// Write this file, complete or not at all; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SealArguments {
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The hash that a seal printed: it must still be among the seals
    #[arg(long, value_name = "HASH", value_parser = checked(parse_hash))]
    head: Option<String>,
}

impl Command {
    /// Whether it takes as long as there is data.
    pub fn is_long(&self) -> bool {
        match self {
            Command::List(arguments) => arguments.list.all,
            Command::Export(_) | Command::Seal(_) | Command::Verify(_) => true,
            _ => false,
        }
    }
}

pub async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::List(arguments) => list(context, &arguments).await,
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Export(arguments) => export_events(context, &arguments).await,
        Command::Seal(arguments) => seal(context, &arguments).await,
        Command::Verify(arguments) => verify(context, &arguments).await,
        Command::Settle(arguments) => settle::run(context, &arguments).await,
    }
}

impl FilterArguments {
    /// What the arguments say by themselves.
    ///
    /// Errors: exit 7 for a period that nothing can be in.
    fn filter(&self) -> Result<events::Filter> {
        check_period(("since", self.since), ("until", self.until))?;
        Ok(events::Filter {
            entity_type: None,
            entity_id: None,
            operation_id: self.operation_id,
            operation: self.operation.clone(),
            actor: self.by.clone(),
            outcome: self.outcome.map(str::to_owned),
            since: self.since,
            until: self.until,
        })
    }

    /// Adds what the events are about, which the database has to be asked for.
    async fn look_up(&self, database: &Database, filter: &mut events::Filter) -> Result<()> {
        if let Some((entity, id)) = entity(database, self).await? {
            filter.entity_type = Some(entity.to_owned());
            filter.entity_id = Some(id);
        }
        match &self.operation {
            Some(name) => check_operation(database, name).await,
            None => Ok(()),
        }
    }
}

/// Errors: exit 7 for a name that no operation has, here or in what another version recorded.
async fn check_operation(database: &Database, name: &str) -> Result<()> {
    if OPERATIONS.contains(&name) || events::has_operation(database.connection(), name).await? {
        return Ok(());
    }
    let error = Error::new(Kind::Invalid, "invalid", format!("operation: there is no {}", printable(name)));
    let ends_so = |known: &&&str| known.split_once('.').is_some_and(|(_, verb)| verb == name);
    let noun = name.split('.').next().unwrap_or_default();
    let begins_so = |known: &&&str| known.split_once('.').is_some_and(|(known, _)| known == noun);
    let mut near: Vec<&str> = OPERATIONS.iter().filter(ends_so).copied().collect();
    near.extend(closest(name, &OPERATIONS).filter(|_| near.is_empty()));
    let list: Vec<&str> = OPERATIONS.iter().filter(begins_so).copied().collect();
    let list = if list.is_empty() { OPERATIONS.to_vec() } else { list };
    let error = match near.as_slice() {
        [] => error,
        near => error.hint(format!("did you mean {}?", near.join(" or "))),
    };
    Err(error.hint(format!("operations: {}", list.join(", "))))
}

fn parse_id(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text.trim()).map_err(|_| "is not an id".to_owned())
}

async fn list(context: &Context, arguments: &AuditListArguments) -> Result<()> {
    context.output.check_fields::<EventView>(&[])?;
    let mut filter = arguments.filter.filter()?;
    let page = arguments.list.page("-occurred_at");
    crate::repository::sort_field(&events::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let fetch = async |page: &Page| {
        let found = events::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(EventView).collect(), next: found.next })
    };
    let count = async || events::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

async fn show(context: &Context, arguments: &ShowArguments) -> Result<()> {
    context.output.check_fields::<EventView>(&[])?;
    let database = context.database(Access::Read).await?;
    let event = events::find_by_id(database.connection(), arguments.id).await?;
    let event =
        event.ok_or_else(|| Error::not_found("event", arguments.id).hint(CommandLine::new("audit list -o id")))?;
    context.output.show(&EventView(event), &[])
}

async fn export_events(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let mut filter = arguments.filter.filter()?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let fetch = async |page: &Page| {
        let found = events::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(EventView).collect(), next: found.next })
    };
    export::run(context, Format::Jsonl, arguments.out.as_deref(), "occurred_at", fetch).await
}

/// Seals in steps, each a transaction of its own, until nothing is left; a dry run tries one step.
async fn seal(context: &Context, arguments: &SealArguments) -> Result<()> {
    let dry_run = arguments.write.dry_run;
    let database = context.database_for_operation().await?;
    let (mut made, mut events, mut after) = (0, 0_u64, None);
    let mut newest = None;
    // Each seal is committed by itself: a failure afterwards must not hide it.
    let stays = |error: Error, newest: &Option<(i64, String)>| match newest {
        Some((number, head)) => error.hint(format!("seal {number} is made and stays: its head is {head}")),
        None => error,
    };
    loop {
        let sealed = seal::seal(&context.operations(&database, dry_run), after).await;
        match sealed.map_err(|error| stays(error, &newest))? {
            Some(sealed) => {
                made += 1;
                events += u64::try_from(sealed.seal.event_count.pieces()).unwrap_or(0);
                after = Some(sealed.last_event);
                newest = (!dry_run).then(|| (i64::from(sealed.seal.number), sealed.seal.hash));
            }
            // Perhaps an event with an earlier id was committed in the meantime.
            None if after.is_some() => after = None,
            None => break,
        }
        if dry_run {
            events = seals::count_unsealed_events(database.connection()).await?;
            break;
        }
    }
    let head = seals::find_last(database.connection()).await.map_err(|error| stays(error, &newest))?;
    let stands = head.as_ref().map_or_else(String::new, |seal| format!("; seal {}, head {}", seal.number, seal.hash));
    let line = match (made, dry_run) {
        (0, _) => format!("nothing to seal{stands}"),
        (_, true) => format!("events that would be sealed: {events}"),
        (_, false) => format!("events sealed: {events}{stands}"),
    };
    let mut json = mutation::outcome(made > 0, false, dry_run, Value::Null, Value::Null);
    json.insert("seals".to_owned(), json!(made));
    json.insert("events".to_owned(), json!(events));
    json.insert("number".to_owned(), json!(head.as_ref().map(|seal| seal.number)));
    json.insert("head".to_owned(), json!(head.as_ref().map(|seal| &seal.hash)));
    let id = head.map(|seal| seal.id.to_string()).unwrap_or_default();
    finish(context, &database, dry_run || made == 0, &Mutation { line, id, json });
    Ok(())
}

async fn verify(context: &Context, arguments: &VerifyArguments) -> Result<()> {
    context.output.check_fields::<FindingView>(&[])?;
    let database = context.database(Access::Read).await?;
    let reads_hashes = user::may_read_hashes(database.connection()).await?;
    let snapshot = database.snapshot().await?;
    let chain = seal::verify(&snapshot, arguments.head.as_deref()).await?;
    let explanation = explain::explain(&snapshot, reads_hashes).await?;
    drop(snapshot);
    let of_seals = chain.problems.into_iter().map(|problem| {
        if let Some((id, operation)) = problem.event {
            return Finding { entity: "event", id: Some(id), name: operation, what: problem.what };
        }
        let name = problem.seal.map(|number| number.to_string()).unwrap_or_default();
        Finding { entity: "seal", id: None, name, what: problem.what }
    });
    let untold = chain.untold + explanation.found - explanation.findings.len() as u64;
    let findings: Vec<_> = of_seals.chain(explanation.findings).map(FindingView).collect();
    let shown = findings.len() as u64;
    let found = shown + untold;
    context.output.list(&findings, None, None)?;
    let (rows, sealed, seals) = (explanation.rows, chain.sealed_events, chain.seals);
    context.output.note(&format!("rows compared: {rows}; events sealed: {sealed}, seals: {seals}"));
    if !reads_hashes {
        context.output.note("password hashes were not compared: this role may not read them");
    }
    if chain.unsealed_events > 0 {
        let count = chain.unsealed_events;
        context.output.suggest(
            Hint::from(format!("events without a seal, which are not covered: {count} ("))
                .and(CommandLine::new("audit seal"))
                .and(")"),
        );
    }
    if found == 0 {
        return Ok(());
    }
    let more = if found > shown { format!(" ({shown} shown)") } else { String::new() };
    Err(Error::new(Kind::CheckFailed, "audit.unexplained", format!("{}{more}", counted(found, "finding"))))
}

fn parse_hash(text: &str) -> Result<String, String> {
    let hash = text.trim().to_ascii_lowercase();
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(hash) } else { Err("is not a hash that audit seal printed (64 hexadecimal digits)".to_owned()) }
}

/// What the events are to be about. An id need not exist any more: its events do.
async fn entity(database: &Database, arguments: &FilterArguments) -> Result<Option<(&'static str, Uuid)>> {
    let named = [("user", &arguments.user), ("product", &arguments.product), ("order", &arguments.order)];
    let Some((entity, name)) = named.into_iter().find_map(|(entity, name)| Some((entity, name.as_ref()?))) else {
        return Ok(None);
    };
    if let Ok(id) = Uuid::try_parse(name) {
        return Ok(Some((entity, id)));
    }
    let connection = database.connection();
    let id = match entity {
        "user" => user::find_one(connection, Who::parse(name), Lock::None).await?.map(|user| user.id),
        "product" => product::find_by_sku(connection, name).await?.map(|product| product.id),
        _ => order::find_named(connection, name, Lock::None).await?.map(|order| order.id),
    };
    Ok(Some((entity, id.ok_or_else(|| Error::not_found(entity, name))?)))
}
