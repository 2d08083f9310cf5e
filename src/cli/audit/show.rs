//! `shopctl audit show`

use clap::Args;
use uuid::Uuid;

use super::view::EventView;
use crate::cli::shared::arguments::parse_id;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Access;
use crate::error::{CommandLine, Error, Result};
use crate::output::Format;
use crate::repository::audit_event as events;

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = checked(parse_id))]
    id: Uuid,
}

pub async fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    context.output.check_fields::<EventView>(&[])?;
    let database = context.database(Access::Read).await?;
    let event = events::find_by_id(database.connection(), arguments.id.into()).await?;
    let event =
        event.ok_or_else(|| Error::not_found("event", arguments.id).hint(CommandLine::new("audit list -o id")))?;
    // Programs get the values as they were stored.
    let views = match context.output.format() {
        Format::Table => EventView::find_in_full(&database, vec![event]).await?,
        _ => EventView::find(&database, vec![event]).await?,
    };
    views.iter().try_for_each(|view| context.output.show(view, &[]))
}
