//! What an operation says about an order: its note and the number of its parcel.

use serde_json::{Map, Value as Json, json};

use super::OrderTransition;
use crate::domain::{EntityKind, Id};
use crate::error::Result;
use crate::repository::audit_event as audit_events;
use crate::repository::said::{LastSaid, NOTE, TRACKING};
use crate::service::operation::Operation;

/// Number of newest events of an order to inspect.
pub(super) const EVENTS_MAX: u64 = 1_000;

/// What the event says about an order's change.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub note: Option<&'a str>,
    /// Whether it becomes the order's note, which an empty one clears; else it is a remark on the change.
    pub sets_note: bool,
    pub tracking: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub fn of(wanted: &'a OrderTransition) -> Said<'a> {
        Said { note: wanted.note.as_deref(), sets_note: false, tracking: wanted.tracking.as_deref() }
    }

    /// The members of the event whose earlier value it replaces.
    pub fn replaces(self) -> Vec<&'static str> {
        let note = self.note.filter(|_| self.sets_note).map(|_| NOTE);
        note.into_iter().chain(self.tracking.map(|_| TRACKING)).collect()
    }

    /// Its members of the event.
    pub fn members(self) -> Map<String, Json> {
        let texts = [(TRACKING, self.tracking), (NOTE, self.note)];
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect()
    }
}

/// The note and the tracking number that a locked order's next event replaces, those of these names, for its document
/// of before.
pub(in crate::service) async fn replaced(
    operation: &Operation,
    order: Id,
    names: &[&'static str],
) -> Result<Map<String, Json>> {
    if names.is_empty() {
        return Ok(Map::new());
    }
    let events = audit_events::find_by_entity(operation.handle(), EntityKind::Order, order, EVENTS_MAX).await?;
    let LastSaid { note, tracking, .. } = LastSaid::of(&events);
    let said = [(NOTE, note), (TRACKING, tracking)].into_iter().filter(|(name, _)| names.contains(name));
    Ok(said.map(|(name, text)| (name.to_owned(), json!(text))).collect())
}
