//! `shopctl user show`

use clap::Args;

use super::WhoArguments;
use crate::cli::audit::view::TimelineView;
use crate::cli::shared::list::TIMELINE_MAX;
use crate::context::Context;
use crate::db::Access;
use crate::error::Result;
use crate::output::Cell;
use crate::repository::audit_event as events;
use crate::repository::user::{self as users, UserKey};
use crate::service::user::{self as service, Model};

#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    who: WhoArguments,
    /// Also show the events about the user and their orders
    #[arg(long)]
    timeline: bool,
}

pub async fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let extra: &[&str] = if arguments.timeline { &["timeline"] } else { &[] };
    context.output.check_fields::<Model>(extra)?;
    let database = context.database(Access::Read).await?;
    let (connection, who) = (database.connection(), &arguments.who.who);
    let user = users::find_one(connection, UserKey::parse(who), users::Lock::None).await?;
    let user = user.ok_or_else(|| service::unknown(who))?;
    let mut extra = Vec::new();
    if arguments.timeline {
        let all = events::find_about_person(connection, user.id, TIMELINE_MAX).await?;
        extra.push(("timeline", Cell::nested(&TimelineView::find(&database, all).await?)));
    }
    context.output.show(&user, &extra)
}
