//! `shopctl order show`

use clap::Args;

use super::detail;
use super::view::RefundView;
use crate::cli::audit::view::{TIMELINE_READ, Timeline};
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::Access;
use crate::domain::EntityKind;
use crate::error::{CommandLine, Hint, Result};
use crate::output::{Cell, Format};
use crate::repository::audit_event as events;
use crate::repository::order::{self as orders, FullOrder};
use crate::repository::said::LastSaid;
use crate::repository::user::{self as users, Lock};
use crate::service::order_lifecycle;
use crate::service::place_order::PlacedOrder;

/// The fields that lists do not have; the last one is added by `--timeline`.
const EXTRA: &[&str] = &["note", "tracking", "refunds", "timeline"];

#[derive(Debug, Args)]
#[command(add = FieldNames::with::<FullOrder>(EXTRA))]
pub struct ShowArguments {
    /// Reference or id of the order
    #[arg(value_name = "ORDER")]
    order: String,
    /// Also show the events about the order
    #[arg(long)]
    timeline: bool,
}

pub async fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    context.output.check_fields::<FullOrder>(if arguments.timeline { EXTRA } else { &EXTRA[..3] })?;
    let database = context.database(Access::Read).await?;
    let connection = database.connection();
    let order = orders::find_named(connection, &arguments.order, Lock::None)
        .await?
        .ok_or_else(|| order_lifecycle::unknown(&arguments.order))?;
    let user = users::find_by_id(connection, order.user_id).await?;
    let items = orders::find_items(connection, order.id).await?;
    let refunds = orders::find_refunds(connection, order.id).await?;
    let shown = detail(PlacedOrder { order, user, items, refunds: refunds.clone(), replayed: false });
    let order = &shown.order;
    let refunds: Vec<_> = refunds.into_iter().map(|refund| RefundView::new(refund, &shown.items)).collect();
    let events = events::find_by_entity(connection, EntityKind::Order, order.id, TIMELINE_READ).await?;
    let LastSaid { note, tracking, .. } = LastSaid::of(&events);
    // People need not read that there is none.
    let shows_absent = context.output.format() != Format::Table || context.output.has_fields();
    let said = [("note", note), ("tracking", tracking)].into_iter().filter(|(_, text)| shows_absent || text.is_some());
    let mut extra: Vec<(&str, Cell)> = said.map(|(name, text)| (name, text.into())).collect();
    if shows_absent || !refunds.is_empty() {
        extra.push(("refunds", Cell::nested(&refunds)));
    }
    let timeline = if arguments.timeline { Some(Timeline::find(&database, events).await?) } else { None };
    extra.extend(timeline.as_ref().map(|timeline| ("timeline", timeline.cell())));
    context.output.show(&shown, &extra)?;
    if let Some(timeline) = timeline {
        let all = CommandLine::new("audit list").option("--order", &order.reference.to_string()).flag("--all");
        timeline.note_cut(&context.output, Hint::from("to list all: ").and(all));
    }
    Ok(())
}
