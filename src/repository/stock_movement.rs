//! Stock movements: appended, never changed.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{Listing, Rows, SortField, SortKind};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{Id, Page};
use crate::entity::stock_movement::{Column, Entity, Model};
use crate::error::Result;

type Field = SortField<Entity>;

/// Fields to sort by.
pub const SORT_FIELDS: [Field; 1] =
    [Field::new("created_at", Column::CreatedAt, SortKind::Time, |row| row.created_at.to_string())];

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

fn select(product_id: Id) -> Select<Entity> {
    Entity::find().filter(Column::ProductId.eq(product_id))
}

/// A page of a product's movements, newest first unless the page says otherwise.
pub async fn find_all(connection: &impl ConnectionTrait, product_id: Id, page: &Page) -> Result<Listing<Model>> {
    super::find_page(connection, select(product_id), &SORT_FIELDS, Column::Id, |movement| movement.id, page).await
}

pub async fn count(connection: &impl ConnectionTrait, product_id: Id) -> Result<u64> {
    super::count(connection, select(product_id)).await
}

/// The sum of all movements of a product.
pub async fn sum(connection: &impl ConnectionTrait, product_id: Id) -> Result<i64> {
    let sum = Engine::of(connection).sum_of_integers(Column::Delta.into_expr());
    let sum: Option<Option<i64>> =
        select(product_id).select_only().expr_as(sum, "sum").into_tuple().one(connection).await?;
    Ok(sum.flatten().unwrap_or(0))
}
