//! What events are about, by its key. An event that changed something has it in its document. Of what was refused the
//! event has the id alone, for the key may be personal data: it is looked up.

use std::collections::HashMap;

use crate::db::Database;
use crate::domain::text::{distinct, first_names};
use crate::domain::{EntityKind, Id};
use crate::entity::audit_event;
use crate::error::Result;
use crate::repository::{audit_event as events, keys, trail};

/// Maximum number of rows named of an operation.
const NAMED: usize = 3;
/// Maximum number of events of an operation that are read for it.
const EVENTS: u64 = 100;

/// The keys of what events without a document are about.
#[derive(Default)]
pub struct Objects(HashMap<(EntityKind, Id), String>);

impl Objects {
    pub async fn find(database: &Database, of: &[audit_event::Model]) -> Result<Objects> {
        let connection = database.connection();
        let unnamed: Vec<(EntityKind, Id)> =
            of.iter().filter(|event| event.name().is_none()).filter_map(kind_and_id).collect();
        let mut names = HashMap::new();
        for kind in [EntityKind::User, EntityKind::Product, EntityKind::Order] {
            let ids = distinct(unnamed.iter().filter(|(of, _)| *of == kind).map(|(_, id)| *id));
            if ids.is_empty() {
                continue;
            }
            let keys = keys::find(connection, kind, &ids).await?;
            let mut keys: HashMap<Id, String> =
                keys.into_iter().filter_map(|(id, key)| Some((id, key.to_text()?))).collect();
            // What is deleted was named by its events.
            let gone: Vec<Id> = ids.into_iter().filter(|id| !keys.contains_key(id)).collect();
            if !gone.is_empty() {
                let events = trail::find_events_of(connection, kind, &gone).await?;
                keys.extend(events.iter().filter_map(|event| Some((event.entity_id, event.name()?))));
            }
            names.extend(keys.into_iter().map(|(id, key)| ((kind, id), key)));
        }
        let operations = unnamed.iter().filter(|(kind, _)| *kind == EntityKind::Operation);
        for id in distinct(operations.map(|(_, id)| *id)) {
            let events = events::find_by_operation(connection, id, EVENTS).await?;
            let rows = distinct(events.iter().filter_map(audit_event::Model::name));
            if !rows.is_empty() {
                names.insert((EntityKind::Operation, id), first_names(rows, NAMED));
            }
        }
        Ok(Objects(names))
    }

    /// The key of what an event is about.
    pub fn name(&self, event: &audit_event::Model) -> Option<String> {
        event.name().or_else(|| self.0.get(&kind_and_id(event)?).cloned())
    }
}

fn kind_and_id(event: &audit_event::Model) -> Option<(EntityKind, Id)> {
    let kind = EntityKind::ALL.into_iter().find(|kind| event.entity_type == *kind.as_str())?;
    Some((kind, event.entity_id.present()?))
}
