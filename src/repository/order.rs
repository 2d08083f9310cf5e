//! Orders with their items.

mod change;
mod named;
mod reassign;
mod refund;
mod stream;

use chrono::{DateTime, Utc};
use futures_util::future::join;
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde_json::{Map, Value as Json, json};
use tokio::task::yield_now;

use super::{Change, ListFilter, Lock, Rows, Search, SortField, SortKind};
use crate::db::fault::UniqueConstraint;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::page::MAX_LIMIT;
use crate::domain::text::distinct;
use crate::domain::{EntityKind, Id, Money, OrderStatus};
use crate::entity::order::{Column, Entity, Model};
use crate::entity::{Stored, order_item, order_refund, product, stock_movement, user};
use crate::error::Result;

pub use change::{OrderAndLines, change_lines, find_latest_items, read_items};
pub use named::{find_all_named, find_each_named, find_for_update, find_named, unknown_among};
pub use reassign::{find_of_user_for_update, move_to_user};
pub use refund::{
    Refund, audit_view as refund_view, create_refunds, find_refund_by_any_id, find_refunds, find_refunds_of,
    refunded_amounts, sum_of,
};
pub use stream::{FullOrder, Item, Line, stream_lines, stream_orders};

/// No two orders share a reference.
pub const UNIQUE_REFERENCE: UniqueConstraint =
    UniqueConstraint { name: "uq_orders_reference", columns: "orders.reference" };

/// The filter of orders, for list and count.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these statuses; empty means all.
    pub statuses: Vec<OrderStatus>,
    /// Placed by this user.
    pub user_id: Option<Id>,
    /// With a line for this product.
    pub product_id: Option<Id>,
    /// Anywhere in the reference, in what names the customer or a product, or in what is said about the order.
    pub search: Search,
    /// Placed at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Last changed before this time.
    pub unchanged_since: Option<DateTime<Utc>>,
    /// The lowest total, inclusive.
    pub min_total: Option<Money>,
    /// The highest total, inclusive.
    pub max_total: Option<Money>,
}

/// An item with its product, which only another program could have removed.
pub type ItemWithProduct = (order_item::Model, Option<product::Model>);

impl ListFilter for Filter {
    type Entity = Entity;
    const SORT_FIELDS: &'static [SortField<Entity>] = &[
        SortField::new("created_at", Column::CreatedAt, SortKind::Time, |row: &Model| row.created_at.to_text()),
        SortField::new("total_amount", Column::TotalAmount, SortKind::Money, |row: &Model| row.total_amount.to_text()),
    ];
    const ID: (Column, fn(&Model) -> Id) = (Column::Id, |row| row.id);

    fn select(&self, connection: &impl ConnectionTrait) -> Select<Entity> {
        let statuses = Some(&self.statuses).filter(|statuses| !statuses.is_empty());
        let with_product = |product_id: Id| {
            let mut orders = Query::select();
            orders.column(order_item::Column::OrderId).from(order_item::Entity);
            orders.and_where(order_item::Column::ProductId.into_expr().eq(product_id)).to_owned()
        };
        let condition = Condition::all()
            .add_option(statuses.map(|statuses| super::has_status(connection, statuses.iter().copied())))
            .add_option(self.user_id.map(|user_id| Column::UserId.eq(user_id)))
            .add_option(self.product_id.map(|product_id| Column::Id.in_subquery(with_product(product_id))))
            .add(self.search.finds_order(connection))
            .add(super::in_period(connection, Column::CreatedAt, self.since, self.until))
            .add(super::in_period(connection, Column::UpdatedAt, None, self.unchanged_since))
            .add_option(self.min_total.map(|total| Column::TotalAmount.gte(total)))
            .add_option(self.max_total.map(|total| Column::TotalAmount.lte(total)));
        Entity::find().filter(condition)
    }
}

/// The order with this id, without its lines.
pub async fn find_by_id(connection: &impl ConnectionTrait, id: Id) -> Result<Option<Model>> {
    super::find_by_id::<Entity, _>(connection, id).await
}

/// The orders with these ids, without their lines.
pub async fn find_by_ids(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Model>> {
    super::find_among(connection, &Entity::find(), Column::Id, ids).await
}

/// The newest orders, at most `limit`, whose reference begins with a text, in any of these statuses; in all of them if
/// there is none.
pub async fn find_starting_with(
    connection: &impl ConnectionTrait,
    text: &str,
    statuses: &[OrderStatus],
    limit: u64,
) -> Result<Vec<Model>> {
    let is_meant = (!text.is_empty()).then(|| super::is_start_of(Column::Reference, &text.to_ascii_uppercase()));
    let has_status = (!statuses.is_empty()).then(|| Column::Status.is_in(statuses.iter().copied()));
    let select = Entity::find().filter(Condition::all().add_option(is_meant).add_option(has_status));
    Ok(select.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(limit).all(connection).await?)
}

/// Whether an order line with this id exists.
pub async fn has_item(connection: &impl ConnectionTrait, id: Id) -> Result<bool> {
    Ok(super::find_by_id::<order_item::Entity, _>(connection, id).await?.is_some())
}

/// The ids of orders that have been pending since before this time, oldest first.
pub async fn pending_since(connection: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<Vec<String>> {
    let filter = Filter { statuses: vec![OrderStatus::Pending], until: Some(before), ..Filter::default() };
    let mut ids = Vec::new();
    super::each_page(connection, &filter, "created_at", MAX_LIMIT, |orders| {
        ids.extend(orders.iter().map(|order| order.id.or_key(&order.reference)));
        Ok(())
    })
    .await?;
    Ok(ids)
}

/// The orders with these stored references.
pub async fn find_by_references(
    connection: &impl ConnectionTrait,
    references: &[&str],
    lock: Lock,
) -> Result<Vec<Model>> {
    super::find_among(connection, &super::locked(Entity::find(), lock), Column::Reference, references).await
}

/// Candidates for foreign spellings of references: any other case, or own ones without the dash; a superset.
pub async fn find_foreign_references(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let reference = || Column::Reference.into_expr();
    let odd = Condition::any()
        .add(Engine::of(connection).differ(reference(), Func::upper(reference()).into()))
        .add(super::has_odd_characters(connection, Column::Reference))
        .add(named::has_twin_with_dash());
    Ok(Entity::find().select_only().column(Column::Reference).filter(odd).into_tuple().all(connection).await?)
}

/// The lines of an order with their products, in insertion order.
pub async fn find_items(connection: &impl ConnectionTrait, order_id: Id) -> Result<Vec<ItemWithProduct>> {
    let items = order_item::Entity::find()
        .filter(order_item::Column::OrderId.eq(order_id))
        .order_by_asc(order_item::Column::Id)
        .find_also_related(product::Entity);
    Ok(items.all(connection).await?.into_iter().map(without_absent_product).collect())
}

/// A product that does not exist is read as one without an id.
fn without_absent_product((item, product): ItemWithProduct) -> ItemWithProduct {
    (item, product.filter(|product| product.id != Id::Missing))
}

/// The items of the given orders, in insertion order.
pub async fn find_items_of(connection: &impl ConnectionTrait, order_ids: &[Id]) -> Result<Vec<ItemWithProduct>> {
    let mut found = Vec::new();
    for some in order_ids.chunks(super::LOOKED_UP_AT_ONCE) {
        let items = order_item::Entity::find()
            .filter(super::among(connection, order_item::Column::OrderId, some.iter().copied()))
            .order_by_asc(order_item::Column::Id)
            .find_also_related(product::Entity);
        found.extend(items.all(connection).await?.into_iter().map(without_absent_product));
    }
    Ok(found)
}

/// The users of the given orders.
pub async fn find_users(connection: &impl ConnectionTrait, orders: &[Model]) -> Result<Vec<user::Model>> {
    let ids = distinct(orders.iter().map(|order| order.user_id));
    super::find_among(connection, &user::Entity::find_without_hash(), user::Column::Id, &ids).await
}

/// The references of the existing orders with these ids.
pub async fn find_references(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<(Id, Stored<String>)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let select = Entity::find().select_only().columns([Column::Id, Column::Reference]);
    Ok(select.filter(super::among(connection, Column::Id, ids.iter().copied())).into_tuple().all(connection).await?)
}

/// A new order.
pub struct OrderWithItems<'a> {
    /// The order's row.
    pub order: &'a Model,
    /// Its lines, which refer to `order`.
    pub items: Vec<&'a order_item::Model>,
    /// Its refunds, for one that was refunded before it came here.
    pub refunds: &'a [Refund],
    /// Additional data of its event.
    pub extra: Map<String, Json>,
}

/// Number of changes to build before yielding to the database.
const CHANGES_AT_ONCE: usize = 100;

fn created(new: &OrderWithItems<'_>) -> Change {
    let after = with_extra(audit_view(new.order, new.items.iter().copied(), new.refunds), new.extra.clone());
    let refund_rows = new.refunds.iter().map(|refund| 1 + refund.lines.len()).sum::<usize>();
    let rows = Rows((new.items.len() + refund_rows) as u64);
    Change::new(EntityKind::Order, new.order.id, None, Some(after)).with_rows(rows)
}

/// An order and its additional data in the form of events.
fn with_extra(mut view: Json, extra: Map<String, Json>) -> Json {
    if let Some(view) = view.as_object_mut() {
        view.extend(extra);
    }
    view
}

/// Inserts orders with all their items, in two statements unless there are very many, and their refunds, if any, in
/// two more; a change for each order.
pub async fn create_many(handle: &WriteHandle, orders: Vec<OrderWithItems<'_>>) -> Result<Vec<Change>> {
    let _covered = super::insert_many::<Model, _>(handle, orders.iter().map(|new| new.order)).await?;
    let items = orders.iter().flat_map(|new| new.items.iter().copied());
    let items = super::insert_many::<order_item::Model, _>(handle, items);
    // In small groups while the server processes the items.
    let changes = async {
        let mut changes = Vec::with_capacity(orders.len());
        for few in orders.chunks(CHANGES_AT_ONCE) {
            changes.extend(few.iter().map(created));
            yield_now().await;
        }
        changes
    };
    let (items, changes) = join(items, changes).await;
    let _covered = items?;
    let _covered = create_refunds(handle, orders.iter().flat_map(|new| new.refunds)).await?;
    Ok(changes)
}

/// A change of an order's status, of its refunds, or of the time alone when pieces come back.
pub struct OrderChange<'a> {
    /// The order as it was read under its lock.
    pub before: &'a Model,
    /// The order afterwards: another status, or only another time.
    pub after: &'a Model,
    /// Its lines.
    pub items: &'a [order_item::Model],
    /// Its refunds so far.
    pub refunds: &'a [Refund],
    /// The refund to add.
    pub refund: Option<&'a Refund>,
    /// The number of its stock movements, where what they leave was decided on.
    pub movements: Option<usize>,
    /// Additional data of the event: tracking, note, restocked pieces.
    pub extra: Map<String, Json>,
    /// The note and tracking of before that `extra` replaces.
    pub replaced: Map<String, Json>,
}

/// Updates an order if its status is still that of `before` (compare-and-set), and adds its refund.
///
/// Errors: exit 6 if its status was changed meanwhile. Refunds or movements that were not there when the order was
/// read end the attempt: the next one reads them.
pub async fn change(handle: &WriteHandle, change: OrderChange<'_>) -> Result<Change> {
    let OrderChange { before, after, items, refunds, refund, movements, extra, replaced } = change;
    let mut update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(after.status.clone()))
        .col_expr(Column::UpdatedAt, Expr::value(after.updated_at.clone()))
        .filter(Column::Id.eq(before.id))
        .filter(Column::Status.eq(before.status.clone()));
    // What a transaction read at first may be older than the order's lock.
    if refund.is_some() {
        update = update.filter(is_count(order_refund::Column::OrderId, before.id, refunds.len()));
    }
    if let Some(movements) = movements {
        update = update.filter(is_count(stock_movement::Column::OrderId, before.id, movements));
    }
    let changed = update.exec(handle).await?.rows_affected;
    if changed == 0 && (refund.is_some() || movements.is_some()) {
        return Err(handle.outdated("someone else has just refunded or restocked this order").into());
    }
    super::expect_rows(changed, 1)?;
    let rows = create_refunds(handle, refund.into_iter()).await?;
    let refunds_after: Vec<Refund> = refunds.iter().chain(refund).cloned().collect();
    let before_view = with_extra(audit_view(before, items, refunds), replaced);
    let after_view = with_extra(audit_view(after, items, &refunds_after), extra);
    Ok(Change::new(EntityKind::Order, before.id, Some(before_view), Some(after_view)).with_rows(rows))
}

/// Whether an order has this number of rows in the table of the column.
fn is_count<K: ColumnTrait>(order_id: K, order: Id, count: usize) -> Expr {
    let mut rows = Query::select();
    rows.expr(Expr::col(Asterisk).count()).from(K::EntityName::default()).and_where(order_id.into_expr().eq(order));
    Expr::SubQuery(None, Box::new(rows.into())).eq(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Deletes an order with its lines and refunds. The caller handles stock and movements.
pub async fn delete(
    handle: &WriteHandle,
    order: &Model,
    items: &[order_item::Model],
    refunds: &[Refund],
) -> Result<Change> {
    let refund_rows = refund::delete_refunds(handle, refunds).await?;
    let lines = order_item::Entity::delete_many().filter(order_item::Column::OrderId.eq(order.id)).exec(handle).await?;
    super::delete_by_id::<Entity>(handle, order.id).await?;
    let change = Change::new(EntityKind::Order, order.id, Some(audit_view(order, items, refunds)), None);
    Ok(change.with_rows(Rows(lines.rows_affected)).with_rows(refund_rows))
}

/// An order with its lines and refunds in the form of events.
pub fn audit_view<'a>(
    order: &Model,
    items: impl IntoIterator<Item = &'a order_item::Model>,
    refunds: &[Refund],
) -> Json {
    let item = |item: &order_item::Model| json!({ "id": item.id, "product_id": item.product_id, "quantity": item.quantity, "unit_price": item.unit_price });
    let items: Vec<Json> = items.into_iter().map(item).collect();
    json!({
        "reference": order.reference,
        "user_id": order.user_id,
        "status": order.status,
        "total_amount": order.total_amount,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "items": items,
        "refunds": refunds.iter().map(refund::audit_view).collect::<Vec<_>>(),
    })
}
