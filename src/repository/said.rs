//! What is said about orders: a note, the number of a parcel, and remarks on changes. Only the audit trail keeps them.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value as Json};

use crate::domain::{EntityKind, Id};
use crate::entity::audit_event::{Column, Entity, Model};
use crate::error::Result;

/// The member of an order's event that sets its note, or is a remark on a change.
pub const NOTE: &str = "note";
/// The member of an order's event that sets the number of its parcel.
pub const TRACKING: &str = "tracking";

/// The note and the tracking number of an order, as they were said last, and all remarks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastSaid {
    /// `None` if there is none, or it was cleared.
    pub note: Option<String>,
    /// The number of the parcel.
    pub tracking: Option<String>,
    /// The notes on changes of its status, oldest first.
    pub remarks: Vec<String>,
}

impl LastSaid {
    /// What was said of each of these orders.
    pub async fn find(connection: &impl ConnectionTrait, orders: &[Id]) -> Result<HashMap<Id, LastSaid>> {
        let of_orders = Entity::find().filter(Column::EntityType.eq(EntityKind::Order.as_str()));
        let mut found = super::find_among(connection, &of_orders, Column::EntityId, orders).await?;
        found.sort_by_key(|event| (event.occurred_at.to_string(), event.id));
        let mut events: HashMap<Id, Vec<Model>> = HashMap::new();
        for event in found {
            events.entry(event.entity_id).or_default().push(event);
        }
        Ok(events.into_iter().map(|(order, events)| (order, LastSaid::of(&events))).collect())
    }

    /// Reads the events of an order, oldest first.
    pub fn of(events: &[Model]) -> LastSaid {
        let mut last = LastSaid::default();
        for (before, after) in events.iter().map(Model::documents) {
            let said = |member: &str| after[member].as_str().map(str::to_owned);
            match before.as_object().is_none_or(replaces_note) {
                true => last.note = said(NOTE).or(last.note),
                false => last.remarks.extend(said(NOTE)),
            }
            last.tracking = said(TRACKING).or(last.tracking);
        }
        last.note = last.note.filter(|note| !note.is_empty());
        last
    }
}

/// Whether a note in an event with these members of before becomes the order's: it tells the one it replaces, or the
/// order is new and has none. Any other is a remark.
pub fn replaces_note(before: &Map<String, Json>) -> bool {
    before.is_empty() || before.contains_key(NOTE)
}
