//! The natural keys of rows that are known by their ids.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::domain::{EntityKind, Id};
use crate::entity::{Stored, order, product, user};
use crate::error::Result;

/// The e-mail addresses, SKUs or references of the rows with these ids; none for entities that have no natural key.
pub async fn find(
    connection: &impl ConnectionTrait,
    kind: EntityKind,
    ids: &[Id],
) -> Result<HashMap<Id, Stored<String>>> {
    match kind {
        EntityKind::User => find_of::<user::Entity>(connection, [user::Column::Id, user::Column::Email], ids).await,
        EntityKind::Product => {
            find_of::<product::Entity>(connection, [product::Column::Id, product::Column::Sku], ids).await
        }
        EntityKind::Order => {
            find_of::<order::Entity>(connection, [order::Column::Id, order::Column::Reference], ids).await
        }
        _ => Ok(HashMap::new()),
    }
}

async fn find_of<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    [id, key]: [E::Column; 2],
    ids: &[Id],
) -> Result<HashMap<Id, Stored<String>>> {
    let mut found = HashMap::new();
    for some in ids.chunks(super::LOOKED_UP_AT_ONCE) {
        let these = super::among(connection, id, some.iter().copied());
        let rows = E::find().select_only().columns([id, key]).filter(these);
        let rows: Vec<(Id, Stored<String>)> = rows.into_tuple().all(connection).await?;
        found.extend(rows);
    }
    Ok(found)
}
