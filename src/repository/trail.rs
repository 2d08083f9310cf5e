//! Rows beside the events that explain them, in chunks by id: for comparing all of a shop with its
//! audit trail in bounded memory.

use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, EventName, Id, Outcome};
use crate::entity::{audit_event, order, order_item, product, stock_movement};
use crate::error::Result;

/// Up to `limit` rows of a query behind an id, in the order of their ids; rows without an id are left out.
pub async fn find_after<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    id: E::Column,
    after: Option<Id>,
    limit: u64,
) -> Result<Vec<E::Model>> {
    let behind = after.map_or_else(|| id.is_not_null(), |after| id.gt(after));
    Ok(select.filter(behind).order_by_asc(id).limit(limit).all(connection).await?)
}

/// Up to `limit` rows of a query that have no id.
pub async fn find_without_id<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    id: E::Column,
    limit: u64,
) -> Result<Vec<E::Model>> {
    Ok(select.filter(id.is_null()).limit(limit).all(connection).await?)
}

/// The rows of a query with these ids, in the order of their ids.
pub async fn find<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    id: E::Column,
    ids: &[Id],
) -> Result<Vec<E::Model>> {
    Ok(select.filter(id.is_in(ids.iter().copied())).order_by_asc(id).all(connection).await?)
}

/// The rows of a query with these ids, locked against other writers until the transaction ends.
pub async fn find_for_update<E: EntityTrait>(
    handle: &WriteHandle,
    select: Select<E>,
    id: E::Column,
    ids: &[Id],
) -> Result<Vec<E::Model>> {
    let these = select.filter(id.is_in(ids.iter().copied())).order_by_asc(id);
    Ok(super::locked(these, super::Lock::Update).all(handle).await?)
}

/// The smallest id that several rows have.
pub async fn find_shared_id<K: ColumnTrait>(connection: &impl ConnectionTrait, id: K) -> Result<Option<Id>> {
    let mut query = Query::select();
    query
        .column(id)
        .from(K::EntityName::default())
        .and_where(id.is_not_null())
        .group_by_col(id)
        .and_having(Expr::col(id).count().gt(1))
        .order_by(id, Order::Asc)
        .limit(1);
    Ok(connection.query_one(&query).await?.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// Those of the ids that have a row.
pub async fn find_existing<K: ColumnTrait>(connection: &impl ConnectionTrait, id: K, ids: &[Id]) -> Result<Vec<Id>> {
    let mut query = Query::select();
    query.column(id).from(K::EntityName::default()).and_where(id.is_in(ids.iter().copied()));
    let rows = connection.query_all(&query).await?;
    Ok(rows.into_iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// The lines of these orders.
pub async fn find_items_of(connection: &impl ConnectionTrait, orders: &[Id]) -> Result<Vec<order_item::Model>> {
    let of_orders = order_item::Column::OrderId.is_in(orders.iter().copied());
    Ok(order_item::Entity::find().filter(of_orders).all(connection).await?)
}

/// The events of what succeeded about these entities, in the order in which they were written: unlike times, ids are
/// drawn while the rows are locked.
pub async fn find_events_of(
    connection: &impl ConnectionTrait,
    kind: EntityKind,
    ids: &[Id],
) -> Result<Vec<audit_event::Model>> {
    Ok(super::readable_events::readable_events(connection)
        .filter(audit_event::Column::EntityType.eq(kind.as_str()))
        .filter(audit_event::Column::EntityId.is_in(ids.iter().copied()))
        .filter(audit_event::Column::Outcome.eq(Outcome::Succeeded))
        .order_by_asc(audit_event::Column::Id)
        .all(connection)
        .await?)
}

/// The operations that generated a table's rows, each with the greatest id that it wrote.
pub async fn find_generated(connection: &impl ConnectionTrait, table: &str) -> Result<Vec<(Id, Id)>> {
    Ok(audit_event::Entity::find()
        .select_only()
        .column(audit_event::Column::OperationId)
        .column(audit_event::Column::EntityId)
        .filter(audit_event::Column::EntityType.eq(table))
        .filter(audit_event::Column::EntityId.is_not_null())
        .filter(audit_event::Column::Operation.eq(EventName::SeedGenerate))
        .filter(audit_event::Column::Outcome.eq(Outcome::Succeeded))
        .into_tuple()
        .all(connection)
        .await?)
}

/// The stock movements of these orders.
pub async fn find_movements_of_orders(
    connection: &impl ConnectionTrait,
    orders: &[Id],
) -> Result<Vec<stock_movement::Model>> {
    let of_orders = stock_movement::Column::OrderId.is_in(orders.iter().copied());
    Ok(stock_movement::Entity::find().filter(of_orders).all(connection).await?)
}

/// The movements of these products that no order caused.
pub async fn find_own_movements_of_products(
    connection: &impl ConnectionTrait,
    products: &[Id],
) -> Result<Vec<stock_movement::Model>> {
    Ok(stock_movement::Entity::find()
        .filter(stock_movement::Column::ProductId.is_in(products.iter().copied()))
        .filter(stock_movement::Column::OrderId.is_null())
        .all(connection)
        .await?)
}

/// The products whose last change matches no operation that moved their stock. All events of an operation have the same
/// time: one of each is looked at, because some have thousands of events and of movements.
pub async fn find_products_moved_at_another_time(
    connection: &impl ConnectionTrait,
    products: &[Id],
) -> Result<Vec<Id>> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let (mut time, mut moved) = (Query::select(), Query::select());
    time.column((audit_event::Entity, audit_event::Column::OccurredAt))
        .from(audit_event::Entity)
        .and_where(audit_event::Column::OperationId.into_expr().eq(stock_movement::Column::OperationId.into_expr()))
        .and_where(audit_event::Column::Outcome.into_expr().eq(Outcome::Succeeded))
        .order_by(audit_event::Column::Sequence, Order::Asc)
        .limit(1);
    moved
        .expr(Expr::value(1))
        .from(stock_movement::Entity)
        .and_where(stock_movement::Column::ProductId.into_expr().eq(product::Column::Id.into_expr()))
        .and_where(product::Column::UpdatedAt.into_expr().eq(Expr::SubQuery(None, Box::new(time.into()))));
    let select = product::Entity::find().select_only().column(product::Column::Id);
    let select = select.filter(product::Column::Id.is_in(products.iter().copied())).filter(Expr::exists(moved).not());
    Ok(select.into_tuple().all(connection).await?)
}

/// Up to `limit` ids behind one that succeeded events are about but that have no row.
pub async fn find_ids_without_row<K: ColumnTrait>(
    connection: &impl ConnectionTrait,
    kind: EntityKind,
    row_id: K,
    after: Option<Id>,
    limit: u64,
) -> Result<Vec<Id>> {
    let id = audit_event::Column::EntityId;
    let mut row = Query::select();
    row.expr(Expr::value(1)).from(K::EntityName::default()).and_where(row_id.into_expr().eq(id.into_expr()));
    let select = audit_event::Entity::find()
        .select_only()
        .column(id)
        .distinct()
        .filter(audit_event::Column::EntityType.eq(kind.as_str()))
        .filter(audit_event::Column::Outcome.eq(Outcome::Succeeded))
        .filter(id.is_not_null())
        .filter(Expr::exists(row).not())
        .filter(Condition::all().add_option(after.map(|after| id.gt(after))))
        .order_by_asc(id)
        .limit(limit);
    Ok(select.into_tuple().all(connection).await?)
}

/// The movements of other programs: those that no operation that succeeded wrote, those that have events of their own,
/// and those of orders that never were.
pub fn foreign_movements() -> Select<stock_movement::Entity> {
    use stock_movement::Column;
    let mut of_order = Query::select();
    of_order
        .expr(Expr::value(1))
        .from(order::Entity)
        .and_where(order::Column::Id.into_expr().eq(Column::OrderId.into_expr()));
    let of_no_order = Condition::all()
        .add(Column::OrderId.is_not_null())
        .add(Expr::exists(of_order).not())
        .add(Expr::exists(events_about(EntityKind::Order, Column::OrderId)).not())
        .add(Expr::exists(events_of_operation().and_where(is_generating()).take()).not());
    let foreign = Condition::any()
        .add(Expr::exists(events_of_operation()).not())
        .add(Expr::exists(events_about(EntityKind::Movement, Column::Id)))
        .add(of_no_order);
    stock_movement::Entity::find().filter(foreign)
}

/// The events of the operation that a movement names.
fn events_of_operation() -> SelectStatement {
    let of_operation = audit_event::Column::OperationId.into_expr().eq(stock_movement::Column::OperationId.into_expr());
    let mut events = succeeded_events();
    events.and_where(of_operation).take()
}

/// The events about what a column of movements names.
fn events_about(kind: EntityKind, id: stock_movement::Column) -> SelectStatement {
    let mut events = succeeded_events();
    events
        .and_where(audit_event::Column::EntityType.into_expr().eq(kind.as_str()))
        .and_where(audit_event::Column::EntityId.into_expr().eq(id.into_expr()))
        .take()
}

fn succeeded_events() -> SelectStatement {
    let mut events = Query::select();
    events
        .expr(Expr::value(1))
        .from(audit_event::Entity)
        .and_where(audit_event::Column::Outcome.into_expr().eq(Outcome::Succeeded))
        .take()
}

fn is_generating() -> Expr {
    audit_event::Column::Operation.eq(EventName::SeedGenerate)
}

/// Whether a movement has events of its own: another program wrote or edited it, and it was taken in.
pub async fn has_movement_events(connection: &impl ConnectionTrait) -> Result<bool> {
    let kind = audit_event::Column::EntityType.eq(EntityKind::Movement.as_str());
    let event = audit_event::Entity::find().select_only().column(audit_event::Column::Id).filter(kind).limit(1);
    Ok(event.into_tuple::<Id>().one(connection).await?.is_some())
}

/// Those of the movements that another program inserted, by id.
pub async fn find_foreign_among(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Id>> {
    let select = foreign_movements();
    let found = super::find_among(connection, &select, stock_movement::Column::Id, ids).await?;
    Ok(found.into_iter().map(|movement| movement.id).collect())
}

/// Those of the orders of which another program inserted a movement that is not taken in.
pub async fn find_orders_with_foreign_movements(connection: &impl ConnectionTrait, orders: &[Id]) -> Result<Vec<Id>> {
    let adopted = events_about(EntityKind::Movement, stock_movement::Column::Id);
    let select = foreign_movements()
        .filter(Expr::exists(adopted).not())
        .filter(stock_movement::Column::OrderId.is_in(orders.iter().copied()));
    Ok(select.select_only().column(stock_movement::Column::OrderId).distinct().into_tuple().all(connection).await?)
}
