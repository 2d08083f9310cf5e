//! Which rows still are as an operation left them.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;
use serde_json::Value as Json;

use super::Recorded;
use super::rows::{level_after, pieces_to_add, restored};
use crate::domain::{EntityKind, Id};
use crate::entity::audit_event;
use crate::error::Result;
use crate::repository::{self, product, trail, user};
use crate::service::change_order;

/// The ids of those of the events whose row has the values that the event left behind, and stock enough to give back
/// what it took. A few statements for any number of events.
pub(super) async fn find(connection: &impl ConnectionTrait, events: &[&audit_event::Model]) -> Result<HashSet<Id>> {
    let recorded = |event: &audit_event::Model| {
        let (before, after) = event.documents();
        Recorded { id: event.entity_id, before, after }
    };
    let of = |kind: EntityKind| -> Vec<(Id, Recorded)> {
        let own = events.iter().filter(|event| event.entity_type == kind.as_str());
        own.map(|event| (event.id, recorded(event))).collect()
    };
    let ids = |events: &[(Id, Recorded)]| events.iter().map(|(_, event)| event.id).collect::<Vec<Id>>();
    let mut as_left = HashSet::new();
    let events = of(EntityKind::User);
    let rows = user::find_by_ids(connection, &ids(&events)).await?;
    let rows: HashMap<Id, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    as_left.extend(events.into_iter().filter_map(|(id, event)| {
        let row = rows.get(&event.id)?;
        restored(row, &user::audit_view(row), &event).is_ok().then_some(id)
    }));
    let events = of(EntityKind::Product);
    let rows = product::find_by_ids(connection, &ids(&events)).await?;
    let rows: HashMap<Id, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    as_left.extend(events.into_iter().filter_map(|(id, event)| {
        let row = rows.get(&event.id)?;
        let is_in_stock = match pieces_to_add(&event) {
            0 => true,
            pieces => row.stock_quantity.known().and_then(|stock| level_after(stock, pieces)).is_some(),
        };
        (is_in_stock && restored(row, &product::audit_view(row), &event).is_ok()).then_some(id)
    }));
    let events = of(EntityKind::Order);
    let rows = repository::order::find_by_ids(connection, &ids(&events)).await?;
    let rows: HashMap<Id, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut items = HashMap::<Id, Vec<_>>::new();
    for some in ids(&events).chunks(repository::ROWS_PER_STATEMENT) {
        for item in trail::find_items_of(connection, some).await? {
            items.entry(item.order_id).or_default().push(item);
        }
    }
    let left: Vec<(Id, &Json)> = events.iter().map(|(_, event)| (event.id, &event.after)).collect();
    let said = change_order::last_said(connection, &left).await?;
    as_left.extend(events.iter().filter_map(|(id, event)| {
        let items = items.get(&event.id).map_or(&[][..], Vec::as_slice);
        let moved_on =
            change_order::moved_on(rows.get(&event.id)?, items, said.get(&event.id), [&event.before, &event.after]);
        moved_on.is_empty().then_some(*id)
    }));
    Ok(as_left)
}
