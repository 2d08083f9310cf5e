//! What is explained: users, products and orders, each with its rows, movements and compared fields.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::Value as Json;

use super::{Known, ROWS_AT_ONCE, UPDATED_AT, by, movements};
use crate::domain::{EntityKind, Id};
use crate::entity::{audit_event, order, order_item, product, stock_movement, user};
use crate::error::Result;
use crate::repository::user::PASSWORD_DIGEST;
use crate::repository::{self, trail};

/// A row of users, products or orders in the form that events keep.
pub(super) struct Subject {
    pub id: Id,
    pub name: String,
    pub view: Json,
}

/// An entity whose every state is told by events, and its movements with them.
pub(super) trait Explained: EntityTrait {
    const KIND: EntityKind;
    /// Columns that are told in another way than by documents.
    const APART: &[Self::Column] = &[];
    /// What documents say beside columns.
    const BESIDE: &[&str] = &[];

    /// The next rows behind an id.
    async fn rows(connection: &impl ConnectionTrait, reads_hashes: bool, after: Option<Id>) -> Result<Vec<Subject>>;

    /// Up to `limit` ids behind one that events are about but that have no row.
    async fn missing(connection: &impl ConnectionTrait, after: Option<Id>) -> Result<Vec<Id>>;

    /// The movements that belong to these rows.
    async fn movements(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<stock_movement::Model>>;

    /// The row that a movement belongs to.
    fn row_of(movement: &stock_movement::Model) -> Id;

    /// Why the movements are not what the events lead to.
    fn wrong_movements(events: &[Known], movements: &[stock_movement::Model]) -> Option<String>;

    /// Rows whose time of change nothing tells, where it is none of the compared fields.
    async fn strange_times(
        _connection: &impl ConnectionTrait,
        _rows: &[Subject],
        _events: &BTreeMap<Id, Vec<audit_event::Model>>,
    ) -> Result<Vec<Id>> {
        Ok(Vec::new())
    }
}

impl Explained for user::Entity {
    const KIND: EntityKind = EntityKind::User;
    const BESIDE: &[&str] = &[PASSWORD_DIGEST];

    async fn rows(connection: &impl ConnectionTrait, reads_hashes: bool, after: Option<Id>) -> Result<Vec<Subject>> {
        let users = trail::find_users_after(connection, reads_hashes, after, ROWS_AT_ONCE).await?;
        let subject =
            |user: user::Model| Subject { id: user.id, view: repository::user::audit_view(&user), name: user.email };
        Ok(users.into_iter().map(subject).collect())
    }

    async fn missing(connection: &impl ConnectionTrait, after: Option<Id>) -> Result<Vec<Id>> {
        trail::find_ids_without_row(connection, Self::KIND, user::Column::Id, after, ROWS_AT_ONCE).await
    }

    async fn movements(_connection: &impl ConnectionTrait, _ids: &[Id]) -> Result<Vec<stock_movement::Model>> {
        Ok(Vec::new())
    }

    fn row_of(movement: &stock_movement::Model) -> Id {
        movement.product_id
    }

    fn wrong_movements(_events: &[Known], _movements: &[stock_movement::Model]) -> Option<String> {
        None
    }
}

impl Explained for product::Entity {
    const KIND: EntityKind = EntityKind::Product;
    /// Stock is told by movements, and the time of change moves with it: see `strange_times`.
    const APART: &[product::Column] = &[product::Column::StockQuantity, product::Column::UpdatedAt];

    async fn rows(connection: &impl ConnectionTrait, _: bool, after: Option<Id>) -> Result<Vec<Subject>> {
        let products = trail::find_products_after(connection, after, ROWS_AT_ONCE).await?;
        let subject = |product: product::Model| Subject {
            id: product.id,
            view: repository::product::audit_view(&product),
            name: product.sku,
        };
        Ok(products.into_iter().map(subject).collect())
    }

    async fn missing(connection: &impl ConnectionTrait, after: Option<Id>) -> Result<Vec<Id>> {
        trail::find_ids_without_row(connection, Self::KIND, product::Column::Id, after, ROWS_AT_ONCE).await
    }

    async fn movements(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<stock_movement::Model>> {
        trail::find_own_movements_of_products(connection, ids).await
    }

    fn row_of(movement: &stock_movement::Model) -> Id {
        movement.product_id
    }

    fn wrong_movements(events: &[Known], movements: &[stock_movement::Model]) -> Option<String> {
        movements::wrong_of_product(events, movements)
    }

    /// Products that were last changed at a time that neither an event of theirs says, nor one of an
    /// operation that moved them.
    async fn strange_times(
        connection: &impl ConnectionTrait,
        products: &[Subject],
        events: &BTreeMap<Id, Vec<audit_event::Model>>,
    ) -> Result<Vec<Id>> {
        let is_told = |product: &&Subject| {
            let own = events.get(&product.id).into_iter().flatten().map(Known::new);
            own.filter_map(|event| event.after).any(|after| after[UPDATED_AT] == product.view[UPDATED_AT])
        };
        let ids: Vec<Id> = products.iter().filter(|product| !is_told(product)).map(|product| product.id).collect();
        trail::find_products_moved_at_another_time(connection, &ids).await
    }
}

impl Explained for order::Entity {
    const KIND: EntityKind = EntityKind::Order;
    const BESIDE: &[&str] = &["items"];

    async fn rows(connection: &impl ConnectionTrait, _: bool, after: Option<Id>) -> Result<Vec<Subject>> {
        let orders = trail::find_orders_after(connection, after, ROWS_AT_ONCE).await?;
        let ids: Vec<Id> = orders.iter().map(|order| order.id).collect();
        let items = by(trail::find_items_of(connection, &ids).await?, |item: &order_item::Model| item.order_id);
        let subject = |order: order::Model| {
            let items = items.get(&order.id).map_or(&[][..], Vec::as_slice);
            Subject { id: order.id, view: repository::order::audit_view(&order, items), name: order.reference }
        };
        Ok(orders.into_iter().map(subject).collect())
    }

    async fn missing(connection: &impl ConnectionTrait, after: Option<Id>) -> Result<Vec<Id>> {
        trail::find_ids_without_row(connection, Self::KIND, order::Column::Id, after, ROWS_AT_ONCE).await
    }

    async fn movements(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<stock_movement::Model>> {
        trail::find_movements_of_orders(connection, ids).await
    }

    fn row_of(movement: &stock_movement::Model) -> Id {
        movement.order_id.unwrap_or_default()
    }

    fn wrong_movements(events: &[Known], movements: &[stock_movement::Model]) -> Option<String> {
        movements::wrong_of_order(events, movements)
    }
}
