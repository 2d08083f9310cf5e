//! Stock movements: appended, never changed.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::Rows;
use crate::db::write::WriteHandle;
use crate::entity::stock_movement::{Column, Entity, Model};
use crate::error::Result;

/// Appends movements.
pub async fn create_many(handle: &WriteHandle, movements: Vec<Model>) -> Result<Rows> {
    let mut rows = 0;
    for chunk in movements.chunks(super::ROWS_PER_INSERT) {
        let models = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
        let written = Entity::insert_many(models).exec_without_returning(handle).await?;
        super::expect_rows(written, chunk.len())?;
        rows += written;
    }
    Ok(Rows(rows))
}

/// The movements of one operation.
pub async fn find_by_operation(connection: &impl ConnectionTrait, operation_id: Uuid) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::OperationId.eq(operation_id)).order_by_asc(Column::Id).all(connection).await?)
}

/// The movements that an order caused.
pub async fn find_by_order(connection: &impl ConnectionTrait, order_id: Uuid) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::OrderId.eq(order_id)).order_by_asc(Column::Id).all(connection).await?)
}
