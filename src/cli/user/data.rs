//! `shopctl user export-data`: everything the shop holds about a person (GDPR, article 15).

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::view::UserView;
use super::{WhoArguments, look_up};
use crate::cli::audit::view::TimelineView;
use crate::cli::order::view::ItemView;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::page::{MAX_LIMIT, Sort};
use crate::domain::{Id, Page};
use crate::entity::audit_event;
use crate::error::Result;
use crate::output::{Format, View};
use crate::repository::{audit_event as events, order as orders, stock_movement as movements};

/// More events than a person can have caused.
const EVENTS_MAX: u64 = 100_000;

#[derive(Debug, Args)]
pub struct ExportDataArguments {
    #[command(flatten)]
    who: WhoArguments,
    /// Write this file, complete or not at all; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the user, the orders with their lines, and what the audit trail tells about both: never
/// the password hash, and nobody who worked on it.
pub async fn export(context: &Context, arguments: &ExportDataArguments) -> Result<()> {
    let export = context.output.exporting(Format::Json, arguments.out.as_deref()).await?;
    let user = look_up(context, &arguments.who.who).await?;
    let database = context.database(Access::Read).await?;
    let connection = database.connection();
    let filter = orders::Filter { user_id: Some(user.id), ..orders::Filter::default() };
    let mut page = Page { limit: MAX_LIMIT, offset: 0, after: None, sort: Sort::parse("created_at") };
    let mut all = Vec::new();
    loop {
        let found = orders::find_all(connection, &filter, &page).await?;
        for order in found.items {
            all.push(json!({
                "id": order.id,
                "reference": order.reference,
                "status": order.status,
                "total_amount": order.total_amount,
                "created_at": order.created_at,
                "updated_at": order.updated_at,
                "items": items(&database, order.id).await?,
                "notes": notes(&database, order.id).await?,
            }));
        }
        match found.next {
            Some(cursor) => page.after = Some(cursor),
            None => break,
        }
    }
    let told = events::find_about_person(connection, user.id, EVENTS_MAX).await?;
    let document = json!({
        "exported_at": context.clock.now(),
        "user": Value::Object(UserView(user).to_json()),
        "orders": all,
        "events": told.into_iter().map(event).collect::<Vec<_>>(),
    });
    export.output().document(&document)?;
    export.complete()
}

async fn items(database: &Database, order: Id) -> Result<Vec<Value>> {
    let items = orders::find_items(database.connection(), order).await?.into_iter();
    Ok(items.map(|(item, product)| without(ItemView::new(item, product).to_json(), &["id", "product_id"])).collect())
}

/// What was noted about an order; its movements keep it.
async fn notes(database: &Database, order: Id) -> Result<Vec<String>> {
    let movements = movements::find_by_order(database.connection(), order).await?;
    let mut notes: Vec<String> = movements.into_iter().filter_map(|movement| movement.note).collect();
    notes.dedup();
    Ok(notes)
}

/// What happened, without those who did it; with what was known about the person before and after.
fn event(event: audit_event::Model) -> Value {
    let document = |text: &Option<String>| match text.as_deref().map(serde_json::from_str) {
        Some(Ok(Value::Object(document))) if event.entity_type == "user" => without(document, &["salt"]),
        _ => Value::Null,
    };
    let (before, after) = (document(&event.before), document(&event.after));
    let mut members = TimelineView(event).to_json();
    members.extend([("before".to_owned(), before), ("after".to_owned(), after)]);
    without(members, &["actor"])
}

fn without(mut object: Map<String, Value>, members: &[&str]) -> Value {
    object.retain(|name, _| !members.contains(&name.as_str()));
    Value::Object(object)
}
