//! The stored rows that have the ids which a file gives to new ones.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::rejection::Problem;
use crate::domain::{EntityKind, Id};
use crate::entity::Stored;
use crate::error::{Result, printable};
use crate::repository::keys;

/// The keys of the stored rows, by their ids.
pub struct Holders(HashMap<Id, Stored<String>>);

impl Holders {
    /// Finds the rows with these ids.
    pub async fn find(
        connection: &impl ConnectionTrait,
        kind: EntityKind,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<Holders> {
        let ids: Vec<Id> = ids.map(Id::from).collect();
        keys::find(connection, kind, &ids).await.map(Holders)
    }

    /// The problem of a new row with the id of a stored one.
    pub fn taken_id(&self, id: Option<Uuid>, key: &str) -> Option<Problem> {
        let holder = printable(&self.0.get(&id?.into())?.to_string());
        let reason = format!("has the _id of {holder} here (--ignore-columns _id gives it a new one)");
        Some(Problem::for_row(key, reason))
    }
}
