//! Who wrote an order: shopctl alone, or another program as well.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use super::audited_entity::AuditedEntity;
use super::{Difference, ForeignRow, ParsedEvent, ROWS_AT_ONCE, by, compare};
use crate::domain::{EntityKind, EventName, Id};
use crate::entity::{audit_event, order};
use crate::error::Result;
use crate::repository::{self, trail};

/// Who wrote an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Writer {
    Shopctl,
    /// Another program placed, changed or removed it, and `adopt` has not taken that in.
    Other,
    /// Another program too, and `adopt` has taken it in as it is.
    Adopted,
}

/// The writers of the orders with these ids.
pub(in crate::service) async fn writers_of_orders(
    connection: &impl ConnectionTrait,
    ids: &[Id],
) -> Result<HashMap<Id, Writer>> {
    let generated = order::Entity::generated(connection).await?;
    let mut writers = HashMap::with_capacity(ids.len());
    for some in ids.chunks(ROWS_AT_ONCE as usize) {
        let orders = repository::order::find_by_ids(connection, some).await?;
        let subjects = order::Entity::subjects(connection, orders).await?;
        let moved = trail::find_orders_with_foreign_movements(connection, some).await?;
        let mut foreign: HashSet<Id> = moved.into_iter().collect();
        let mut note = |difference| match difference {
            Difference::Foreign(ForeignRow { id, .. })
            | Difference::Absorbed(ForeignRow { id, .. })
            | Difference::Stray { of: id, .. } => drop(foreign.insert(id)),
            Difference::Wrong { .. } => {}
        };
        compare::<order::Entity>(connection, &subjects, &generated, &mut note).await?;
        let events = trail::find_events_of(connection, EntityKind::Order, some).await?;
        let events = by(events, |event: &audit_event::Model| event.entity_id);
        for subject in subjects {
            let events: Vec<ParsedEvent> =
                events.get(&subject.id).into_iter().flatten().map(ParsedEvent::new).collect();
            let is_adopted = events.iter().any(|event| event.operation == EventName::Adopted);
            let is_placed = events.iter().any(|event| event.before.is_none());
            let is_generated = events.is_empty() && generated.iter().any(|(_, last)| subject.id <= *last);
            let writer = match () {
                () if foreign.contains(&subject.id) => Writer::Other,
                () if is_adopted => Writer::Adopted,
                () if is_placed || is_generated => Writer::Shopctl,
                () => Writer::Other,
            };
            writers.insert(subject.id, writer);
        }
    }
    Ok(writers)
}
