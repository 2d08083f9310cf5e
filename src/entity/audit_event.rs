//! A change that an operation made to one entity, or a rejected operation.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};
use crate::domain::{EventName, Id, Outcome};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    /// All events of one operation share it.
    pub operation_id: Id,
    /// Position within the operation, from 0; unique with `operation_id`.
    pub sequence: Stored<i32>,
    pub operation: Stored<EventName>,
    pub actor: Stored<String>,
    pub outcome: Stored<Outcome>,
    /// The name of an [`EntityKind`](crate::domain::EntityKind), or of a generated table.
    pub entity_type: Stored<String>,
    #[sea_orm(nullable)]
    pub entity_id: Id,
    /// JSON of the entity before; absent for a new one.
    pub before: Option<String>,
    /// JSON of the entity after; absent for a deleted one.
    pub after: Option<String>,
    pub reason: Option<String>,
    pub error: Option<String>,
    #[sea_orm(unique)]
    pub idempotency_key: Option<String>,
    /// SHA-256 of the request with the key, hexadecimal.
    pub request_fingerprint: Option<String>,
    #[sea_orm(nullable)]
    pub seal_id: Id,
    #[sea_orm(select_as = "char(64)")]
    pub occurred_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The natural key in the event's data.
    pub fn name(&self) -> Option<String> {
        let data: serde_json::Value = serde_json::from_str(self.after.as_deref().or(self.before.as_deref())?).ok()?;
        ["email", "sku", "reference", "name"].into_iter().find_map(|key| Some(data[key].as_str()?.to_owned()))
    }

    /// The entity before and after; null where there is none, or no document.
    pub fn documents(&self) -> (serde_json::Value, serde_json::Value) {
        let read = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        (read(&self.before).unwrap_or_default(), read(&self.after).unwrap_or_default())
    }
}
