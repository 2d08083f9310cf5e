//! Stock movements: appended, never changed.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde_json::{Value as Json, json};

use super::{ListFilter, Rows, SortField, SortKind};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::Id;
use crate::entity::stock_movement::{Column, Entity, Model};
use crate::error::Result;

/// The movements of one product.
pub struct Filter {
    /// The product's id; the product itself may be gone.
    pub product_id: Id,
}

impl ListFilter for Filter {
    type Entity = Entity;
    const SORT_FIELDS: &'static [SortField<Entity>] =
        &[SortField::new("created_at", Column::CreatedAt, SortKind::Time, |row: &Model| row.created_at.to_text())];
    const ID: (Column, fn(&Model) -> Id) = (Column::Id, |row| row.id);

    fn select(&self, _connection: &impl ConnectionTrait) -> Select<Entity> {
        Entity::find().filter(Column::ProductId.eq(self.product_id))
    }
}

/// A movement in the form of events.
pub fn audit_view(movement: &Model) -> Json {
    json!({
        "product_id": movement.product_id,
        "delta": movement.delta,
        "reason": movement.reason,
        "order_id": movement.order_id,
        "operation_id": movement.operation_id,
        "note": movement.note,
        "created_at": movement.created_at,
    })
}

/// Appends movements.
pub async fn create_many(handle: &WriteHandle, movements: &[Model]) -> Result<Rows> {
    super::insert_many::<Model, _>(handle, movements).await
}

pub async fn find_by_id(connection: &impl ConnectionTrait, id: Id) -> Result<Option<Model>> {
    super::find_by_id::<Entity, _>(connection, id).await
}

/// The movements that an order caused.
pub async fn find_by_order(connection: &impl ConnectionTrait, order_id: Id) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::OrderId.eq(order_id)).order_by_asc(Column::Id).all(connection).await?)
}

/// The movements that a locked order caused: the newest state, also where a plain read would use the transaction's
/// snapshot.
pub async fn find_latest_by_order(handle: &WriteHandle, order_id: Id) -> Result<Vec<Model>> {
    let select = Entity::find().filter(Column::OrderId.eq(order_id)).order_by_asc(Column::Id);
    Ok(super::newest(handle, select).all(handle).await?)
}

/// The sum of all movements of a product.
pub async fn sum(connection: &impl ConnectionTrait, product_id: Id) -> Result<i64> {
    let sum = Engine::of(connection).sum_of_integers(Column::Delta.into_expr());
    let movements = Filter { product_id }.select(connection);
    let sum: Option<Option<i64>> = movements.select_only().expr_as(sum, "sum").into_tuple().one(connection).await?;
    Ok(sum.flatten().unwrap_or(0))
}
