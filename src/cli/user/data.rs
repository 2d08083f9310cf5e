//! `shopctl user export-data`: everything the shop holds about a person (GDPR, article 15).

use clap::Args;
use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};

use super::{WhoArguments, find_user};
use crate::cli::audit::view::TimelineView;
use crate::cli::order::view::RefundView;
use crate::cli::shared::list::OutArguments;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::{EntityKind, Id};
use crate::entity::audit_event;
use crate::error::Result;
use crate::output::{Format, View};
use crate::repository::order::{self as orders, FullOrder};
use crate::repository::said::LastSaid;
use crate::repository::user::PASSWORD_DIGEST;
use crate::repository::{audit_event as events, stock_movement as movements};

/// Members of a user's events that are no data about the person.
const SECRETS: [&str; 2] = ["salt", PASSWORD_DIGEST];

#[derive(Debug, Args)]
pub struct ExportDataArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    file: OutArguments,
}

/// Exports a user, the user's orders with their lines, and the audit events of both, without what is derived from the
/// password and without the actors.
pub async fn export(context: &Context, arguments: &ExportDataArguments) -> Result<()> {
    let export = context.output.open_export(Format::Json, arguments.file.out.as_deref()).await?;
    let user = find_user(context, &arguments.who.who).await?;
    let database = context.database(Access::Read).await?;
    let connection = database.connection();
    let filter = orders::Filter { user_id: Some(user.id), ..orders::Filter::default() };
    let found: Vec<FullOrder> = orders::stream_orders(connection, &filter).await?.try_collect().await?;
    let ids: Vec<Id> = found.iter().map(|order| order.order.id).collect();
    let mut refunds = orders::find_refunds_of(connection, &ids).await?;
    let mut all = Vec::new();
    for order in found {
        let mut members = order.to_json();
        let refunds = refunds.remove(&order.order.id).unwrap_or_default().into_iter();
        let refunds = refunds.map(|refund| without_members(RefundView::new(refund, &order.items).to_json(), &["id"]));
        members.insert("refunds".to_owned(), refunds.collect());
        members.retain(|name, _| !matches!(name.as_str(), "user" | "user_id"));
        let items = order.items.iter().map(|item| without_members(item.to_json(), &["id", "product_id"]));
        members.insert("items".to_owned(), items.collect());
        members.insert("notes".to_owned(), json!(notes(&database, order.order.id).await?));
        let events = events::find_by_entity(connection, EntityKind::Order, order.order.id, None).await?;
        let LastSaid { note, tracking, .. } = LastSaid::of(&events);
        members.extend([("note".to_owned(), json!(note)), ("tracking".to_owned(), json!(tracking))]);
        all.push(members);
    }
    let events_found = events::find_about_person(connection, user.id, None).await?;
    let documents: Vec<[Value; 2]> = events_found.iter().map(personal_documents).collect();
    let views = TimelineView::find_for(&database, user.id, events_found).await?;
    let document = json!({
        "exported_at": context.clock.now(),
        "user": user.to_json(),
        "orders": all,
        "events": views.iter().zip(documents).map(|(view, documents)| event(view, documents)).collect::<Vec<_>>(),
    });
    export.output().document(&document)?;
    export.complete()
}

/// The notes on an order, from its stock movements.
async fn notes(database: &Database, order: Id) -> Result<Vec<String>> {
    let movements = movements::find_by_order(database.connection(), order).await?;
    let mut notes: Vec<String> = movements.into_iter().filter_map(|movement| movement.note).collect();
    notes.dedup();
    Ok(notes)
}

/// The person's data before and after an event.
fn personal_documents(event: &audit_event::Model) -> [Value; 2] {
    let document = |text: &Option<String>| match text.as_deref().map(serde_json::from_str) {
        Some(Ok(Value::Object(document))) if event.entity_type == "user" => without_members(document, &SECRETS),
        _ => Value::Null,
    };
    [document(&event.before), document(&event.after)]
}

/// An event without its actor, with the person's data before and after.
fn event(view: &TimelineView, [before, after]: [Value; 2]) -> Value {
    let mut members = view.to_json();
    members.extend([("before".to_owned(), before), ("after".to_owned(), after)]);
    without_members(members, &["actor"])
}

fn without_members(mut object: Map<String, Value>, members: &[&str]) -> Value {
    object.retain(|name, _| !members.contains(&name.as_str()));
    Value::Object(object)
}
