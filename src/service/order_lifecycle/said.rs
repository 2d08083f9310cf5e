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
    /// An empty one clears the order's note.
    pub note: Option<&'a str>,
    pub tracking: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub fn of(wanted: &'a OrderTransition) -> Said<'a> {
        Said { note: wanted.note.as_deref(), tracking: wanted.tracking.as_deref() }
    }

    /// Its members of the event.
    pub fn members(self) -> Map<String, Json> {
        let texts = [(TRACKING, self.tracking), (NOTE, self.note)];
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect()
    }
}

/// The note and the tracking number that these members of a locked order's next event replace, for its document of
/// before.
pub(in crate::service) async fn replaced(
    operation: &Operation,
    order: Id,
    members: &Map<String, Json>,
) -> Result<Map<String, Json>> {
    if !members.contains_key(NOTE) && !members.contains_key(TRACKING) {
        return Ok(Map::new());
    }
    let events = audit_events::find_by_entity(operation.handle(), EntityKind::Order, order, EVENTS_MAX).await?;
    let LastSaid { note, tracking } = LastSaid::of(&events);
    let said = [(NOTE, note), (TRACKING, tracking)].into_iter().filter(|(name, _)| members.contains_key(*name));
    Ok(said.map(|(name, text)| (name.to_owned(), json!(text))).collect())
}
