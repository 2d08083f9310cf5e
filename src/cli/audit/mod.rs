//! `shopctl audit`

mod change;
mod export;
mod objects;
mod seal;
mod settle;
mod show;
mod verify;
pub mod view;

use clap::{Args, Subcommand};
use uuid::Uuid;

use self::view::EventView;
use crate::cli::shared::arguments::{PeriodArguments, WriteArguments, name_of, parse_id};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::{List, ListQuery};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Database;
use crate::domain::period::Span;
use crate::domain::similar::closest;
use crate::domain::{EntityKind, EventName, Id, Outcome};
use crate::entity::audit_event::Model;
use crate::error::{Error, Kind, Result, printable};
use crate::output::Output;
use crate::repository::user::{self, Lock, UserKey};
use crate::repository::{audit_event as events, order, product};
use crate::service;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List events, newest first
    #[command(
        after_help = format!("The field undoable shows whether the event's operation can still be undone: it was not undone yet, and \
                       its row still has the values that it left.

Operations:
{}

Examples:
  shopctl audit list --order K7Q2M-9XD4T
  shopctl audit list --since yesterday --operation product.price
  shopctl audit list --outcome failed --since 2026-01 --json
  shopctl audit list --product MUG-01 \\
      --fields occurred_at,operation,operation_id,undoable", operations())
    )]
    List(List<FilterArguments>),
    /// Show an event with the values before and after
    #[command(after_help = "Examples:
  shopctl audit show 01a2099a-f92b-73dc-878a-58879510c016
  shopctl undo 01a2099a-f92b-73dc-878a-58879510c016 --dry-run")]
    Show(show::ShowArguments),
    /// Export events as JSON lines, oldest first
    #[command(after_help = "Examples:
  shopctl audit export --since 2026-01-01 > events.jsonl
  shopctl audit export --out events.jsonl")]
    Export(export::ExportArguments),
    /// Seal all unsealed events and print the hash to keep elsewhere
    #[command(
        after_help = "A seal covers its events and the previous seal. Keep the printed hash where nobody who can write to \
                          the database can change it: audit verify --head then detects any edit, removal or addition.

Example:
  shopctl audit seal"
    )]
    Seal(WriteArguments),
    /// Check the seals, and every row against its events (exit 9 on a mismatch)
    #[command(after_help = "Examples:
  shopctl audit verify
  shopctl audit verify \\
      --head 8f2a0c6de4b5f1a3978d20c4b6e8f0a1c3d5e7f9012b4d6f8a0c2e4f60718293")]
    Verify(verify::VerifyArguments),
    /// Settle an operation whose outcome is unknown (exit 12)
    #[command(
        after_help = "The answer is final: an operation that was not applied can no longer happen, even if its COMMIT is \
                      still on its way, so it is safe to enter it again. While its transaction is open on the server, \
                      shopctl waits for up to --timeout (exit 5: run it again).

Example:
  shopctl audit settle 01a2099a-f92b-73dc-878a-58879510c016"
    )]
    Settle(settle::SettleArguments),
}

/// The operations by what they are about, a line each: `  user: create, update …`.
fn operations() -> String {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in EventName::ALL.map(EventName::as_str) {
        let (noun, verb) = name.split_once('.').unwrap_or(("", name));
        match lines.iter_mut().find(|(known, _)| *known == noun) {
            Some((_, verbs)) => verbs.push(verb),
            None => lines.push((noun, vec![verb])),
        }
    }
    lines.sort_by_key(|(noun, _)| noun.is_empty());
    let line = |(noun, verbs): &(&str, Vec<&str>)| {
        let prefix = if noun.is_empty() { String::new() } else { format!("{noun}: ") };
        format!("  {prefix}{}", verbs.join(", "))
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

// Selects events.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Only events about this user: e-mail address or id
    #[arg(long, value_name = "WHO", conflicts_with_all = ["product", "order"])]
    user: Option<String>,
    /// Only events about this product: SKU or id
    #[arg(long, value_name = "PRODUCT", conflicts_with = "order")]
    product: Option<String>,
    /// Only events about this order: reference or id
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Only events of operations with this name, e.g. order.place (see below)
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only events of the operation with this id
    #[arg(long, value_name = "ID", value_parser = checked(parse_id))]
    operation_id: Option<Uuid>,
    /// Only events by this actor (--actor is who runs this command)
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Only events with this outcome: succeeded or failed
    #[arg(long, value_name = "OUTCOME", value_parser = name_of(Outcome::ALL, Outcome::as_str), hide_possible_values = true)]
    outcome: Option<Outcome>,
    #[command(flatten)]
    period: PeriodArguments,
}

pub async fn run(context: &Context, command: Command) -> Result<Effect> {
    match command {
        Command::List(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Show(arguments) => show::run(context, &arguments).await.map(Effect::from),
        Command::Export(arguments) => export::run(context, &arguments).await.map(Effect::from),
        Command::Seal(write) => seal::run(context, &write).await,
        Command::Verify(arguments) => verify::run(context, &arguments).await.map(Effect::from),
        Command::Settle(arguments) => settle::run(context, &arguments).await,
    }
}

impl ListQuery for FilterArguments {
    type Filter = events::Filter;
    type Row = EventView;
    const DEFAULT_SORT: &'static str = "-occurred_at";

    fn check(&self, context: &Context) -> Result<()> {
        self.period.span(context).map(drop)
    }

    async fn filter(&self, context: &Context, database: &Database) -> Result<events::Filter> {
        let Span { since, until } = self.period.span(context)?;
        let (entity_kind, entity_id) = find_entity(database, self).await?.unzip();
        if let Some(name) = &self.operation {
            check_operation(database, name).await?;
        }
        Ok(events::Filter {
            entity_kind,
            entity_id,
            operation_id: self.operation_id.map(Id::from),
            operation: self.operation.clone(),
            actor: self.by.clone(),
            outcome: self.outcome,
            since,
            until,
        })
    }

    async fn rows(_output: &Output, database: &Database, found: Vec<Model>) -> Result<Vec<EventView>> {
        EventView::find(database, found).await
    }
}

/// Errors: exit 7 for an operation that neither this version knows nor the audit trail contains.
async fn check_operation(database: &Database, name: &str) -> Result<()> {
    let known = EventName::ALL.map(EventName::as_str);
    if known.contains(&name) || events::has_operation(database.connection(), name).await? {
        return Ok(());
    }
    let error = Error::new(Kind::Invalid, "invalid", format!("operation: there is no {}", printable(name)));
    let typed = name.to_lowercase();
    let verb = |known: &'static str| known.split_once('.').map_or(known, |(_, verb)| verb);
    let noun = typed.split('.').next().unwrap_or_default();
    let of_noun: Vec<&str> =
        known.into_iter().filter(|known| known.split_once('.').is_some_and(|(known, _)| known == noun)).collect();
    // A noun alone means any of its operations.
    let word = match typed == noun && !of_noun.is_empty() {
        true => None,
        false => closest(&typed, known.into_iter().chain(known.map(verb))),
    };
    let near: Vec<&str> = known.into_iter().filter(|known| word == Some(*known) || word == Some(verb(known))).collect();
    let list = if of_noun.is_empty() { known.to_vec() } else { of_noun };
    let meant = (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")));
    Err(error.hints_of(meant).hint(format!("operations: {}", list.join(", "))))
}

/// Resolves the entity whose events are listed.
async fn find_entity(database: &Database, arguments: &FilterArguments) -> Result<Option<(EntityKind, Id)>> {
    let named = [
        (EntityKind::User, &arguments.user),
        (EntityKind::Product, &arguments.product),
        (EntityKind::Order, &arguments.order),
    ];
    let Some((entity, name)) = named.into_iter().find_map(|(entity, name)| Some((entity, name.as_ref()?))) else {
        return Ok(None);
    };
    let connection = database.connection();
    let id = match entity {
        EntityKind::User => user::find_one(connection, UserKey::parse(name), Lock::None).await?.map(|user| user.id),
        EntityKind::Product => product::find_by_sku(connection, name).await?.map(|product| product.id),
        EntityKind::Order => order::find_named(connection, name, Lock::None).await?.map(|order| order.id),
        _ => None,
    };
    // Events of a deleted entity are found by its id.
    let id = id.or_else(|| Uuid::try_parse(name).ok().map(Id::from));
    let unknown = || match entity {
        EntityKind::User => service::user::unknown(name),
        EntityKind::Product => service::product::unknown(&[name]),
        _ => service::order_lifecycle::unknown(name),
    };
    Ok(Some((entity, id.ok_or_else(unknown)?)))
}
