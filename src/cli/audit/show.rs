//! `shopctl audit show`

use clap::Args;
use uuid::Uuid;

use super::view::EventView;
use crate::cli::shared::arguments::parse_id;
use crate::cli::shared::list::FieldNames;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::entity::audit_event;
use crate::error::{CommandLine, Error, Hint, Result};
use crate::output::Format;
use crate::repository::audit_event as events;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<EventView>())]
pub struct ShowArguments {
    /// Id of the event, or of an operation with one event
    #[arg(value_name = "ID", value_parser = checked(parse_id))]
    id: Uuid,
}

pub async fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    context.output.check_fields::<EventView>(&[])?;
    let database = context.database(Access::Read).await?;
    let event = match events::find_by_id(database.connection(), arguments.id.into()).await? {
        Some(event) => event,
        None => only_event_of(&database, arguments.id).await?,
    };
    // Programs get the values as they were stored.
    let views = match context.output.format() {
        Format::Table => EventView::find_in_full(&database, vec![event]).await?,
        _ => EventView::find(&database, vec![event]).await?,
    };
    views.iter().try_for_each(|view| context.output.show(view, &[]))
}

/// The event of an operation that has just one.
///
/// Errors: exit 3, with the command that lists them if there are several.
async fn only_event_of(database: &Database, operation: Uuid) -> Result<audit_event::Model> {
    let mut found = events::find_by_operation(database.connection(), operation.into(), 2).await?;
    let unknown = || Error::not_found("event", operation);
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            let list = CommandLine::new("audit list").option("--operation-id", &operation.to_string());
            Err(unknown().hint(Hint::from("it is an operation with several events: ").and(list)))
        }
        (None, _) => Err(unknown().hint(CommandLine::new("audit list -o id"))),
    }
}
