//! Views of audit events and findings, and the timeline of one entity.

use serde_json::Value;

use crate::domain::Outcome;
use crate::entity::audit_event;
use crate::output::{Cell, Column, View};
use crate::repository::user::PASSWORD_DIGEST;
use crate::service::explain::Finding;

/// An event, and whether `undo` can take its operation back.
pub struct EventView {
    pub event: audit_event::Model,
    pub is_undoable: bool,
}

impl View for EventView {
    const NOUN: &'static str = "events";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.event.id.into()),
        Column::new("occurred_at", "TIME", |view| view.event.occurred_at.clone().into()),
        Column::new("operation", "OPERATION", |view| view.event.operation.to_string().into()),
        Column::new("actor", "ACTOR", |view| view.event.actor.clone().into()),
        Column::new("outcome", "OUTCOME", |view| view.event.outcome.to_string().into()),
        Column::new("entity_type", "ENTITY", |view| view.event.entity_type.clone().into()),
        Column::detail("entity_id", "ENTITY ID", |view| view.event.entity_id.present().map(|id| id.to_string()).into()),
        Column::new("name", "NAME", |view| view.event.name().into()),
        Column::detail("operation_id", "OPERATION ID", |view| view.event.operation_id.into()),
        Column::detail("sequence", "SEQUENCE", |view| view.event.sequence.clone().into()),
        Column::detail("before", "BEFORE", |view| json(view.event.before.as_deref())),
        Column::detail("after", "AFTER", |view| json(view.event.after.as_deref())),
        Column::new("reason", "REASON", |view| view.event.reason.clone().into()),
        Column::detail("error", "ERROR", |view| view.event.error.clone().into()),
        Column::detail("idempotency_key", "KEY", |view| view.event.idempotency_key.clone().into()),
        Column::detail("request_fingerprint", "FINGERPRINT", |view| view.event.request_fingerprint.clone().into()),
        Column::detail("undoable", "UNDOABLE", |view| view.is_undoable.into()),
        Column::detail("seal_id", "SEAL", |view| view.event.seal_id.present().map(|id| id.to_string()).into()),
    ];
}

/// Values of other programs that are not JSON are shown as text.
fn json(text: Option<&str>) -> Cell {
    match text {
        None => Cell::Missing,
        Some(text) => serde_json::from_str(text).map_or_else(|_| Cell::from(text), Cell::Json),
    }
}

impl View for Finding {
    const NOUN: &'static str = "findings";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("kind", "KIND", |view| view.kind.as_str().into()),
        Column::new("entity", "ENTITY", |view| view.entity.as_str().into()),
        Column::new("name", "NAME", |view| view.name.as_str().into()),
        Column::detail("id", "ID", |view| view.id.map(|id| id.to_string()).into()),
        Column::new("finding", "FINDING", |view| view.what.as_str().into()),
        Column::detail("repair", "REPAIR", |view| view.repair.clone().into()),
    ];

    fn id(&self) -> String {
        self.id.map_or_else(|| self.name.clone(), |id| id.to_string())
    }
}

/// One event of a timeline.
pub struct TimelineView(pub audit_event::Model);

impl View for TimelineView {
    const NOUN: &'static str = "events";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::new("occurred_at", "TIME", |view| view.0.occurred_at.clone().into()),
        Column::new("operation", "OPERATION", |view| view.0.operation.to_string().into()),
        Column::new("name", "NAME", |view| view.0.name().into()),
        Column::new("change", "CHANGE", |view| change(&view.0).into()),
        Column::new("actor", "ACTOR", |view| view.0.actor.clone().into()),
        Column::new("reason", "REASON", |view| view.0.reason.clone().into()),
        Column::new("tracking", "TRACKING", |view| text_in(&view.0, "tracking").into()),
        Column::new("note", "NOTE", |view| text_in(&view.0, "note").into()),
        Column::detail("error", "ERROR", |view| view.0.error.clone().into()),
    ];
}

fn data(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn text_in(event: &audit_event::Model, member: &str) -> Option<String> {
    data(event.after.as_deref())[member].as_str().map(str::to_owned)
}

/// Summarizes an event: `pending → paid`, `created`, the changed fields, or `refused`.
fn change(event: &audit_event::Model) -> String {
    if event.outcome == Outcome::Failed {
        return "refused".to_owned();
    }
    match (data(event.before.as_deref()), data(event.after.as_deref())) {
        (Value::Null, Value::Object(_)) => "created".to_owned(),
        (Value::Object(_), Value::Null) => "deleted".to_owned(),
        (before, after) if before["status"] != after["status"] => {
            let status = |data: &Value| data["status"].as_str().unwrap_or("?").to_owned();
            format!("{} → {}", status(&before), status(&after))
        }
        (before, after) => {
            let changed = after.as_object().into_iter().flatten();
            let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
            let changed = changed.filter(|(name, value)| before.get(name.as_str()) != Some(value) && !is_empty(value));
            let names = changed.map(|(name, _)| name.as_str()).filter(|name| !QUIET.contains(name));
            let names = names.map(|name| if name == PASSWORD_DIGEST { "password" } else { name });
            names.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Fields left out of the summary: one changes with every event, the other is secret.
const QUIET: [&str; 2] = ["updated_at", "salt"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventName;

    fn event(before: &str, after: &str) -> audit_event::Model {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        audit_event::Model {
            id: uuid::Uuid::nil().into(),
            operation_id: uuid::Uuid::nil().into(),
            sequence: 0.into(),
            operation: EventName::UserUpdate.into(),
            actor: "ann".into(),
            outcome: Outcome::Succeeded.into(),
            entity_type: "user".into(),
            entity_id: crate::domain::Id::Missing,
            before: text(before),
            after: text(after),
            reason: None,
            error: None,
            idempotency_key: None,
            request_fingerprint: None,
            seal_id: crate::domain::Id::Missing,
            occurred_at: crate::entity::Moment::from_stored("2026-11-23"),
        }
    }

    #[test]
    fn changes_are_summarized_in_words() {
        assert_eq!(change(&event("", r#"{"status":"pending"}"#)), "created");
        assert_eq!(change(&event(r#"{"status":"pending"}"#, "")), "deleted");
        assert_eq!(change(&event(r#"{"status":"pending"}"#, r#"{"status":"paid","tracking":"1"}"#)), "pending → paid");
        let after = r#"{"email":"b","last_name":"x","updated_at":2}"#;
        assert_eq!(change(&event(r#"{"email":"a","last_name":"x","updated_at":1}"#, after)), "email");
        assert_eq!(change(&event("not json", "")), "");
    }
}
