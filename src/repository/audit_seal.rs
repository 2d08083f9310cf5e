//! Seals over the audit trail.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use super::{Change, Rows};
use crate::db::write::WriteHandle;
use crate::entity::audit_event;
use crate::entity::audit_seal::{Column, Entity, Model};
use crate::error::Result;

/// The newest seal.
pub async fn find_last(connection: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(Entity::find().order_by_desc(Column::Number).limit(1).one(connection).await?)
}

/// Up to `limit` seals behind a number, in their order.
pub async fn find_after(connection: &impl ConnectionTrait, number: i32, limit: u64) -> Result<Vec<Model>> {
    let behind = Entity::find().filter(Column::Number.gt(number)).order_by_asc(Column::Number);
    Ok(behind.limit(limit).all(connection).await?)
}

/// Up to `limit` events without a seal behind an id, by id.
pub async fn find_unsealed_events(
    connection: &impl ConnectionTrait,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<audit_event::Model>> {
    let mut unsealed = audit_event::Entity::find().filter(audit_event::Column::SealId.is_null());
    if let Some(id) = after {
        unsealed = unsealed.filter(audit_event::Column::Id.gt(id));
    }
    Ok(unsealed.order_by_asc(audit_event::Column::Id).limit(limit).all(connection).await?)
}

/// Up to `limit` events of a seal behind an id, by id.
pub async fn find_sealed_events(
    connection: &impl ConnectionTrait,
    seal_id: Uuid,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<audit_event::Model>> {
    let mut sealed = audit_event::Entity::find().filter(audit_event::Column::SealId.eq(seal_id));
    if let Some(id) = after {
        sealed = sealed.filter(audit_event::Column::Id.gt(id));
    }
    Ok(sealed.order_by_asc(audit_event::Column::Id).limit(limit).all(connection).await?)
}

/// How many events bear no seal.
pub async fn count_unsealed_events(connection: &impl ConnectionTrait) -> Result<u64> {
    super::count(connection, audit_event::Entity::find().filter(audit_event::Column::SealId.is_null())).await
}

/// How many events bear a seal that does not exist.
pub async fn count_events_of_unknown_seals(connection: &impl ConnectionTrait) -> Result<u64> {
    let mut known = sea_orm::sea_query::Query::select();
    known.column(Column::Id).from(Entity);
    let foreign = audit_event::Entity::find()
        .filter(audit_event::Column::SealId.is_not_null())
        .filter(audit_event::Column::SealId.not_in_subquery(known));
    super::count(connection, foreign).await
}

/// Inserts a seal and puts it on its events.
///
/// Errors: exit 6 when one of the events bears a seal already.
pub async fn create(handle: &WriteHandle, seal: Model, events: &[Uuid]) -> Result<Change> {
    let after = json!({
        "number": seal.number,
        "previous_hash": seal.previous_hash,
        "hash": seal.hash,
        "event_count": seal.event_count,
    });
    let id = seal.id;
    let rows = Entity::insert(seal.into_active_model()).exec_without_returning(handle).await?;
    super::expect_rows(rows, 1)?;
    let mut sealed = 0;
    for chunk in events.chunks(super::ROWS_PER_INSERT) {
        let result = audit_event::Entity::update_many()
            .col_expr(audit_event::Column::SealId, sea_orm::sea_query::Expr::value(id))
            .filter(audit_event::Column::Id.is_in(chunk.iter().copied()))
            .filter(audit_event::Column::SealId.is_null())
            .exec(handle)
            .await?;
        super::expect_rows(result.rows_affected, chunk.len())?;
        sealed += result.rows_affected;
    }
    Ok(Change { entity: "seal", id, before: None, after: Some(after), rows }.covering(Rows(sealed)))
}
