//! Views of audit events and findings, and the timeline of one entity.

use super::change::{Names, Said};
use super::objects::Objects;
use crate::db::Database;
use crate::domain::Id;
use crate::entity::audit_event;
use crate::error::{Hint, Result};
use crate::output::{Cell, Column, Output, Tone, View};
use crate::service::explain::{Finding, FindingKind};
use crate::service::undo;

/// An event, what it changed, and whether `undo` can take its operation back.
pub struct EventView {
    event: audit_event::Model,
    /// The key of what it is about.
    name: Option<String>,
    change: Cell,
    is_undoable: bool,
}

impl EventView {
    /// The views of these events.
    pub async fn find(database: &Database, events: Vec<audit_event::Model>) -> Result<Vec<EventView>> {
        EventView::find_as(database, events, |names, event| names.describe(event, &mut Said::new())).await
    }

    /// The views of these events, with every value that a new row got, or a deleted one had.
    pub async fn find_in_full(database: &Database, events: Vec<audit_event::Model>) -> Result<Vec<EventView>> {
        EventView::find_as(database, events, Names::describe_in_full).await
    }

    async fn find_as(
        database: &Database,
        events: Vec<audit_event::Model>,
        describe: fn(&Names, &audit_event::Model) -> Cell,
    ) -> Result<Vec<EventView>> {
        let undoable = undo::undoable(database.connection(), &events).await?;
        let names = Names::find(database, &events).await?;
        let objects = Objects::find(database, &events).await?;
        let view = |(event, is_undoable)| EventView {
            name: objects.name(&event),
            change: describe(&names, &event),
            event,
            is_undoable,
        };
        Ok(events.into_iter().zip(undoable).map(view).collect())
    }
}

/// What the event is about, for people: `product MUG-01`.
fn object(event: &audit_event::Model, name: Option<&String>) -> Cell {
    let words = format!("{} {}", event.entity_type, name.map_or("", String::as_str));
    Cell::from(name.cloned()).worded(words.trim_end().to_owned())
}

impl View for EventView {
    const NOUN: &'static str = "events";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("id", "EVENT", |view| view.event.id.into()),
        Column::new("occurred_at", "TIME", |view| view.event.occurred_at.clone().into()),
        Column::key("operation", "OPERATION", |view| view.event.operation.to_string().into()),
        Column::new("actor", "ACTOR", |view| view.event.actor.clone().into()),
        Column::detail("outcome", "OUTCOME", |view| view.event.outcome.clone().into()),
        Column::detail("entity_type", "ENTITY", |view| view.event.entity_type.clone().into()),
        Column::detail("entity_id", "ENTITY ID", |view| view.event.entity_id.present().map(|id| id.to_string()).into()),
        Column::key("name", "OBJECT", |view| object(&view.event, view.name.as_ref())),
        Column::new("change", "CHANGE", |view| view.change.clone()),
        Column::new("reason", "REASON", |view| view.event.reason.clone().into()),
        Column::id("operation_id", "OPERATION ID", |view| view.event.operation_id.into()),
        Column::detail("sequence", "SEQUENCE", |view| view.event.sequence.clone().into()),
        Column::for_programs("before", "BEFORE", |view| json(view.event.before.as_deref())),
        Column::for_programs("after", "AFTER", |view| json(view.event.after.as_deref())),
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
        Column::new("kind", "KIND", |view| kind(view.kind)),
        Column::new("entity", "ENTITY", |view| view.entity.as_str().into()),
        Column::key("name", "NAME", |view| view.name.as_str().into()),
        Column::detail("id", "ID", |view| view.id.map(|id| id.to_string()).into()),
        Column::new("finding", "FINDING", |view| view.what.as_str().into()),
        Column::detail("repair", "REPAIR", |view| view.repair.clone().into()),
    ];

    fn id(&self) -> String {
        self.id.map_or_else(|| self.name.clone(), |id| id.to_string())
    }
}

fn kind(kind: FindingKind) -> Cell {
    let tone = match kind {
        FindingKind::Foreign => Tone::Open,
        FindingKind::Wrong => Tone::Bad,
    };
    Cell::State(kind.as_str(), tone)
}

/// Maximum number of events in a timeline, the newest; `audit list` has all.
const TIMELINE_MAX: usize = 1_000;
/// How many events to read for a timeline: one more tells that it is cut.
pub const TIMELINE_READ: u64 = TIMELINE_MAX as u64 + 1;

/// The events about an order or a user, oldest first.
pub struct Timeline {
    views: Vec<TimelineView>,
    is_cut: bool,
}

impl Timeline {
    /// The newest of these events, which are sorted, oldest first.
    pub async fn find(database: &Database, mut events: Vec<audit_event::Model>) -> Result<Timeline> {
        let older = events.len().saturating_sub(TIMELINE_MAX);
        events.drain(..older);
        Ok(Timeline { views: TimelineView::find(database, events).await?, is_cut: older > 0 })
    }

    pub fn cell(&self) -> Cell {
        Cell::nested(&self.views)
    }

    /// Says that there are older events, and which command lists all, if so.
    pub fn note_cut(&self, output: &Output, all: impl Into<Hint>) {
        if self.is_cut {
            output.note(&format!("only the newest {TIMELINE_MAX} events are shown"));
            output.suggest(all);
        }
    }
}

/// One event of a timeline, and what it changed.
pub struct TimelineView {
    event: audit_event::Model,
    name: Option<String>,
    change: Cell,
}

impl TimelineView {
    /// The views of these events, oldest first.
    async fn find(database: &Database, events: Vec<audit_event::Model>) -> Result<Vec<TimelineView>> {
        let names = Names::find(database, &events).await?;
        Ok(TimelineView::describe(&names, &Objects::find(database, &events).await?, events))
    }

    /// The same for the user whom they are about: other users have no names.
    pub async fn find_for(database: &Database, user: Id, events: Vec<audit_event::Model>) -> Result<Vec<TimelineView>> {
        let names = Names::find(database, &events).await?.only_of(user);
        Ok(TimelineView::describe(&names, &Objects::find(database, &events).await?, events))
    }

    fn describe(names: &Names, objects: &Objects, events: Vec<audit_event::Model>) -> Vec<TimelineView> {
        let mut said = Said::new();
        let view =
            |event| TimelineView { name: objects.name(&event), change: names.describe(&event, &mut said), event };
        events.into_iter().map(view).collect()
    }
}

impl View for TimelineView {
    const NOUN: &'static str = "events";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.event.id.into()),
        Column::new("occurred_at", "TIME", |view| view.event.occurred_at.clone().into()),
        Column::key("operation", "OPERATION", |view| view.event.operation.to_string().into()),
        Column::new("actor", "ACTOR", |view| view.event.actor.clone().into()),
        Column::minor("name", "OBJECT", |view| object(&view.event, view.name.as_ref())),
        Column::new("change", "CHANGE", |view| view.change.clone()),
        Column::new("reason", "REASON", |view| view.event.reason.clone().into()),
        Column::detail("tracking", "TRACKING", |view| said(&view.event, "tracking")),
        Column::detail("note", "NOTE", |view| said(&view.event, "note")),
        Column::detail("error", "ERROR", |view| view.event.error.clone().into()),
    ];
}

/// What the event says of an order.
fn said(event: &audit_event::Model, member: &str) -> Cell {
    let (_, after) = event.documents();
    after[member].as_str().into()
}
