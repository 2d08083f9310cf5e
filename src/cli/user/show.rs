//! `shopctl user show`

use clap::Args;

use super::WhoArguments;
use crate::cli::audit::view::{TIMELINE_READ, Timeline};
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::Access;
use crate::error::{CommandLine, Hint, Result};
use crate::repository::audit_event as events;
use crate::repository::user::{self as users, UserKey};
use crate::service::user::{self as service, Model};

/// The field that `--timeline` adds.
const TIMELINE: &[&str] = &["timeline"];

#[derive(Debug, Args)]
#[command(add = FieldNames::with::<Model>(TIMELINE))]
pub struct ShowArguments {
    #[command(flatten)]
    who: WhoArguments,
    /// Also show the events about the user and their orders
    #[arg(long)]
    timeline: bool,
}

pub async fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let extra = if arguments.timeline { TIMELINE } else { &[] };
    context.output.check_fields::<Model>(extra)?;
    let database = context.database(Access::Read).await?;
    let (connection, who) = (database.connection(), &arguments.who.who);
    let user = users::find_one(connection, UserKey::parse(who), users::Lock::None).await?;
    let user = user.ok_or_else(|| service::unknown(who))?;
    if !arguments.timeline {
        return context.output.show(&user, &[]);
    }
    let all = events::find_about_person(connection, user.id, Some(TIMELINE_READ)).await?;
    let timeline = Timeline::find(&database, all).await?;
    context.output.show(&user, &[("timeline", timeline.cell())])?;
    let own = CommandLine::new("audit list").option("--user", who).flag("--all");
    let of_orders = CommandLine::new("order list").option("--user", who).flag("--all");
    let all = Hint::from("to list all events about the user: ").and(own);
    timeline.note_cut(&context.output, all.and("\nto list the orders, each with events of its own: ").and(of_orders));
    Ok(())
}
