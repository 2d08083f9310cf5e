//! `shopctl audit settle`

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::parse_id;
use super::view::name_in;
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::mutation::{self, finish};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Id;
use crate::entity::audit_event;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::output::Mutation;
use crate::repository::{audit_event as events, order, product, stock_movement, user};
use crate::service::settle;

/// The most events of an operation that are named.
const EVENTS_NAMED: u64 = 10;

#[derive(Debug, Args)]
pub struct SettleArguments {
    /// The operation's id, which exit code 12 came with
    #[arg(value_name = "OPERATION", value_parser = checked(parse_operation))]
    operation: Uuid,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &SettleArguments) -> Result<()> {
    let (id, dry_run) = (arguments.operation, arguments.write.dry_run);
    let database = context.database(Access::Write).await?;
    if let Some(other) = owner(&database, id.into()).await? {
        return Err(other.refusal(id));
    }
    let verdict = settle::decide(&context.operations(&database, dry_run), id).await?;
    let named = match verdict.is_applied {
        true => events::find_of_operation(database.connection(), id.into(), EVENTS_NAMED + 1).await?,
        false => Vec::new(),
    };
    let line = match verdict.is_applied {
        true => format!("applied: {}", told(&named)),
        false if dry_run && verdict.is_new => {
            format!("not applied so far: operation {id} would be settled as not applied")
        }
        false => format!("not applied: operation {id} can no longer happen, it is safe to enter it again"),
    };
    let mut json = mutation::outcome(verdict.is_new, false, dry_run, Value::Null, Value::Null);
    json.insert("applied".to_owned(), json!(verdict.is_applied));
    json.insert("operation".to_owned(), json!(named.first().map(|event| &event.operation)));
    let entities = named
        .iter()
        .take(EVENTS_NAMED as usize)
        .map(|event| json!({ "entity_type": event.entity_type, "entity_id": event.entity_id, "name": name_in(event) }));
    json.insert("entities".to_owned(), entities.collect());
    finish(context, &database, &Mutation { line, id: id.to_string(), json });
    Ok(())
}

/// Whose an id is that is no operation's: all ids look alike.
struct Owner {
    what: String,
    /// How its operation is announced, and that operation.
    operation: Option<(&'static str, Id)>,
}

impl Owner {
    fn refusal(&self, id: Uuid) -> Error {
        let message = format!("operation: {id} is the id of {}, not of an operation", self.what);
        let error = Error::new(Kind::Invalid, "invalid", message);
        match self.operation {
            Some((words, operation)) => {
                let settle = CommandLine::like("audit settle").argument(&operation.to_string());
                error.hint(Hint::from(words).and(settle))
            }
            None => error,
        }
    }
}

/// What has this id, where no operation has it.
async fn owner(database: &Database, id: Id) -> Result<Option<Owner>> {
    let connection = database.connection();
    let is_operation = async |id| Ok::<_, Error>(!events::find_of_operation(connection, id, 1).await?.is_empty());
    if is_operation(id).await? {
        return Ok(None);
    }
    let own = |what: &str, operation| Some(Owner { what: what.to_owned(), operation });
    if let Some(event) = events::find_by_id(connection, id).await? {
        return Ok(own("an event", Some(("of its operation: ", event.operation_id))));
    }
    if let Some(event) = events::find_first_about(connection, id).await? {
        return Ok(own(&entity(&event), Some(("of its first operation: ", event.operation_id))));
    }
    if let Some(movement) = stock_movement::find_by_id(connection, id).await? {
        let operation = is_operation(movement.operation_id).await?.then_some(movement.operation_id);
        return Ok(own("a stock movement", operation.map(|operation| ("of its operation: ", operation))));
    }
    // Rows without events of their own: generated, or written by another program.
    let without_events = if let Some(order) = order::find_by_id(connection, id).await? {
        format!("order {}", printable(&order.reference))
    } else if let Some(user) = user::find_by_id(connection, id).await? {
        format!("user {}", printable(&user.email))
    } else if let Some(product) = product::find_by_id(connection, id).await? {
        format!("product {}", printable(&product.sku))
    } else if order::has_item(connection, id).await? {
        "a line of an order".to_owned()
    } else {
        return Ok(None);
    };
    Ok(own(&without_events, None))
}

/// `order K7Q2M-9XD4T`
fn entity(event: &audit_event::Model) -> String {
    let name = name_in(event).or_else(|| Some(event.entity_id?.to_string())).unwrap_or_default();
    format!("{} {}", printable(&event.entity_type), printable(&name))
}

/// `order.place: order K7Q2M-9XD4T`
fn told(events: &[audit_event::Model]) -> String {
    let Some(first) = events.first() else { return String::new() };
    let shown: Vec<String> = events.iter().take(EVENTS_NAMED as usize).map(entity).collect();
    let more = if events.len() > shown.len() { ", …" } else { "" };
    format!("{}: {}{more}", printable(&first.operation.to_string()), shown.join(", "))
}

fn parse_operation(text: &str) -> Result<Uuid, String> {
    let id = parse_id(text)?;
    // Whatever shopctl numbers has the time in front.
    if id.get_version_num() == 7 { Ok(id) } else { Err("is not the id of an operation of shopctl".to_owned()) }
}
