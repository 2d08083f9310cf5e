//! What is said about an order: its note and the number of its parcel. The audit trail keeps both.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;
use serde_json::{Map, Value as Json, json};

use super::OrderTransition;
use crate::domain::{EntityKind, Id};
use crate::entity::audit_event;
use crate::error::Result;
use crate::repository::audit_event as audit_events;
use crate::service::operation::Operation;

/// Number of newest events of an order to inspect.
pub(super) const EVENTS_MAX: u64 = 1_000;

/// The member of an order's event that sets its note.
pub(in crate::service) const NOTE: &str = "note";
const TRACKING: &str = "tracking";

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

/// The note and the tracking number of an order: what was said last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastSaid {
    /// `None` if there is none, or it was cleared.
    pub note: Option<String>,
    /// The number of the parcel.
    pub tracking: Option<String>,
}

impl LastSaid {
    /// What was said of each of these orders.
    pub async fn find(connection: &impl ConnectionTrait, orders: &[Id]) -> Result<HashMap<Id, LastSaid>> {
        let mut events: HashMap<Id, Vec<audit_event::Model>> = HashMap::new();
        for event in audit_events::find_by_orders(connection, orders).await? {
            events.entry(event.entity_id).or_default().push(event);
        }
        Ok(events.into_iter().map(|(order, events)| (order, LastSaid::of(&events))).collect())
    }

    /// Reads the events of an order, oldest first.
    pub fn of(events: &[audit_event::Model]) -> LastSaid {
        let mut last = LastSaid::default();
        for event in events {
            let (_, after) = event.documents();
            let said = |member: &str| after[member].as_str().map(str::to_owned);
            last.note = said(NOTE).or(last.note);
            last.tracking = said(TRACKING).or(last.tracking);
        }
        last.note = last.note.filter(|note| !note.is_empty());
        last
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
