//! `shopctl audit settle`

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::shared::arguments::{WriteArguments, parse_id};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::finish;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::first_names;
use crate::entity::audit_event;
use crate::error::{Result, printable};
use crate::output::{Change, Mutation};
use crate::repository::audit_event as events;
use crate::service::settle;

/// Maximum number of named events of an operation.
const EVENTS_NAMED: u64 = 10;

#[derive(Debug, Args)]
pub struct SettleArguments {
    /// Id of the operation, as printed with exit code 12
    #[arg(value_name = "OPERATION", value_parser = checked(parse_operation))]
    operation: Uuid,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &SettleArguments) -> Result<Effect> {
    let (id, dry_run) = (arguments.operation, arguments.write.dry_run);
    let database = context.database(Access::Write).await?;
    settle::refuse_other_ids(database.connection(), id).await?;
    let verdict = settle::settle(&context.operations(&database, dry_run), id).await?;
    let named = match verdict.is_applied {
        true => events::find_by_operation(database.connection(), id.into(), EVENTS_NAMED + 1).await?,
        false => Vec::new(),
    };
    let line = match verdict.is_applied {
        true => format!("applied: {}", describe_events(&named)),
        false if dry_run && verdict.is_new => {
            format!("not applied yet: operation {id} would be settled as not applied")
        }
        false => format!("not applied: operation {id} can no longer happen; it is safe to enter it again"),
    };
    let entity = |event: &audit_event::Model| json!({ "entity_type": event.entity_type, "entity_id": event.entity_id, "name": event.name() });
    let settled = Settled {
        applied: verdict.is_applied,
        operation: named.first().map(|event| json!(event.operation)),
        entities: named.iter().take(EVENTS_NAMED as usize).map(entity).collect(),
    };
    let change = Change { changed: verdict.is_new, dry_run, ..Change::default() }.with(settled);
    Ok(finish(context, &database, Mutation::new(line, id, change)))
}

#[derive(Serialize)]
struct Settled {
    applied: bool,
    operation: Option<Value>,
    entities: Vec<Value>,
}

/// Describes an operation by its events: `order.place: order K7Q2M-9XD4T`.
fn describe_events(events: &[audit_event::Model]) -> String {
    let Some(first) = events.first() else { return String::new() };
    let named = first_names(events.iter().map(settle::subject), EVENTS_NAMED as usize);
    format!("{}: {named}", printable(&first.operation.to_string()))
}

fn parse_operation(text: &str) -> Result<Uuid, String> {
    let id = parse_id(text)?;
    // shopctl generates version 7 ids only, which begin with the time.
    if id.get_version_num() == 7 { Ok(id) } else { Err("must be the id of an operation of shopctl".to_owned()) }
}
