//! The history of seeds and the rows that they created.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::json;

use super::Change;
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, Id};
use crate::entity::seed::{Column, Entity, Model};
use crate::entity::{order, product, seed_row, user};
use crate::error::Result;

/// Whether the shop is empty: no user, no product, no order.
pub async fn is_empty_shop(connection: &impl ConnectionTrait) -> Result<bool> {
    let is_filled = has_rows::<user::Entity>(connection).await?
        || has_rows::<product::Entity>(connection).await?
        || has_rows::<order::Entity>(connection).await?;
    Ok(!is_filled)
}

/// Whether the tables are empty, including rows of other programs.
async fn has_rows<E: EntityTrait>(connection: &impl ConnectionTrait) -> Result<bool> {
    let any = E::find().select_only().expr_as(Expr::cust("1"), "one").limit(1).into_query();
    Ok(connection.query_one(&any).await?.is_some())
}

/// All applied seeds by name.
pub async fn find_all(connection: &impl ConnectionTrait) -> Result<Vec<Model>> {
    Ok(Entity::find().order_by_asc(Column::Name).all(connection).await?)
}

pub async fn find_by_name(connection: &impl ConnectionTrait, name: &str) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(name.to_owned()).one(connection).await?)
}

/// The rows that a seed created and may delete when it is undone.
pub async fn find_rows(connection: &impl ConnectionTrait, name: &str) -> Result<Vec<seed_row::Model>> {
    Ok(seed_row::Entity::find().filter(seed_row::Column::Seed.eq(name)).all(connection).await?)
}

/// Records an applied seed and the rows it created in addition to earlier ones. Without `before` the
/// insert fails if the seed was applied meanwhile.
pub async fn record(
    handle: &WriteHandle,
    operation_id: Id,
    before: Option<&Model>,
    seed: Model,
    created: Vec<seed_row::Model>,
) -> Result<Change> {
    let after = json!({
        "name": seed.name,
        "checksum": seed.checksum,
        "environment": seed.environment,
        "rows_created": seed.rows_created,
        "rows_updated": seed.rows_updated,
        "rows_unchanged": seed.rows_unchanged,
    });
    let mut rows = 0;
    if before.is_some() {
        rows += Entity::delete_by_id(seed.name.clone()).exec(handle).await?.rows_affected;
    }
    rows += Entity::insert(seed.into_active_model()).exec_without_returning(handle).await?;
    rows += super::insert_many::<seed_row::Model, _>(handle, created).await?.count();
    Ok(Change { entity: EntityKind::Seed, id: operation_id, before: None, after: Some(after), rows })
}

/// Deletes a seed's record and these of its rows.
pub async fn delete(handle: &WriteHandle, operation_id: Id, name: &str, row_ids: &[Id]) -> Result<Change> {
    let mut rows = Entity::delete_by_id(name.to_owned()).exec(handle).await?.rows_affected;
    for chunk in row_ids.chunks(super::ROWS_PER_INSERT) {
        let these = seed_row::Entity::delete_many()
            .filter(seed_row::Column::Seed.eq(name))
            .filter(seed_row::Column::Id.is_in(chunk.iter().copied()));
        rows += these.exec(handle).await?.rows_affected;
    }
    Ok(Change { entity: EntityKind::Seed, id: operation_id, before: Some(json!({ "name": name })), after: None, rows })
}
