//! The compared entities: users, products and orders, with their rows, movements and fields, and movements of other
//! programs.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, EntityTrait, Select};
use serde_json::Value as Json;

use super::movements::{MovementDifference, difference_of_order, difference_of_product};
use super::{ParsedEvent, UPDATED_AT, by, signed};
use crate::domain::text::distinct;
use crate::domain::{EntityKind, Id};
use crate::entity::{audit_event, order, order_item, product, stock_movement, user};
use crate::error::Result;
use crate::repository::user::PASSWORD_DIGEST;
use crate::repository::{order as orders, product as products, stock_movement as movements, trail, user as users};

/// A row in the form of events.
pub(in crate::service) struct AuditedRow {
    pub id: Id,
    pub name: String,
    pub view: Json,
}

/// An entity whose states and movements are recorded by events.
pub(in crate::service) trait AuditedEntity: EntityTrait {
    const KIND: EntityKind;
    const ID: Self::Column;
    /// Columns that are not part of the documents.
    const EXCLUDED_COLUMNS: &[Self::Column] = &[];
    /// Members of documents that are not columns.
    const EXTRA_MEMBERS: &[&str] = &[];

    /// All rows, with password hashes if readable.
    fn select(_reads_hashes: bool) -> Select<Self> {
        Self::find()
    }

    /// The operations that generated rows, each with the greatest id that it wrote.
    async fn generated(connection: &impl ConnectionTrait) -> Result<Vec<(Id, Id)>> {
        trail::find_generated(connection, Self::default().table_name()).await
    }

    /// Rows in the form of events.
    async fn subjects(connection: &impl ConnectionTrait, rows: Vec<Self::Model>) -> Result<Vec<AuditedRow>>;

    /// The movements that belong to these rows.
    async fn movements(_connection: &impl ConnectionTrait, _ids: &[Id]) -> Result<Vec<stock_movement::Model>> {
        Ok(Vec::new())
    }

    /// The row that a movement belongs to.
    fn row_of(movement: &stock_movement::Model) -> Id {
        movement.product_id
    }

    /// How the movements differ from the events.
    fn movement_difference(_: &[ParsedEvent], _: &[stock_movement::Model]) -> Option<MovementDifference> {
        None
    }

    /// Rows with an unexplained time of change, if it is not a compared field.
    async fn strange_times(
        _connection: &impl ConnectionTrait,
        _rows: &[AuditedRow],
        _events: &BTreeMap<Id, Vec<audit_event::Model>>,
    ) -> Result<Vec<Id>> {
        Ok(Vec::new())
    }
}

impl AuditedEntity for user::Entity {
    const KIND: EntityKind = EntityKind::User;
    const ID: user::Column = user::Column::Id;
    const EXTRA_MEMBERS: &[&str] = &[PASSWORD_DIGEST];

    fn select(reads_hashes: bool) -> Select<Self> {
        if reads_hashes { Self::find() } else { Self::find_without_hash() }
    }

    async fn subjects(_connection: &impl ConnectionTrait, rows: Vec<user::Model>) -> Result<Vec<AuditedRow>> {
        let subject =
            |row: user::Model| AuditedRow { id: row.id, view: users::audit_view(&row), name: row.email.or_id(row.id) };
        Ok(rows.into_iter().map(subject).collect())
    }
}

impl AuditedEntity for product::Entity {
    const KIND: EntityKind = EntityKind::Product;
    const ID: product::Column = product::Column::Id;
    /// Stock is explained by movements, and the time of change with it: see `strange_times`.
    const EXCLUDED_COLUMNS: &[product::Column] = &[product::Column::StockQuantity, product::Column::UpdatedAt];

    async fn subjects(_connection: &impl ConnectionTrait, rows: Vec<product::Model>) -> Result<Vec<AuditedRow>> {
        let subject = |row: product::Model| AuditedRow {
            id: row.id,
            view: products::audit_view(&row),
            name: row.sku.or_id(row.id),
        };
        Ok(rows.into_iter().map(subject).collect())
    }

    async fn movements(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<stock_movement::Model>> {
        trail::find_own_movements_of_products(connection, ids).await
    }

    fn movement_difference(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<MovementDifference> {
        difference_of_product(events, movements)
    }

    /// Products whose time of change matches neither an event of theirs nor an operation that moved their
    /// stock.
    async fn strange_times(
        connection: &impl ConnectionTrait,
        products: &[AuditedRow],
        events: &BTreeMap<Id, Vec<audit_event::Model>>,
    ) -> Result<Vec<Id>> {
        let is_recorded = |product: &&AuditedRow| {
            let own = events.get(&product.id).into_iter().flatten().map(ParsedEvent::new);
            own.filter_map(|event| event.after).any(|after| after[UPDATED_AT] == product.view[UPDATED_AT])
        };
        let ids: Vec<Id> = products.iter().filter(|product| !is_recorded(product)).map(|product| product.id).collect();
        trail::find_products_moved_at_another_time(connection, &ids).await
    }
}

impl AuditedEntity for order::Entity {
    const KIND: EntityKind = EntityKind::Order;
    const ID: order::Column = order::Column::Id;
    const EXTRA_MEMBERS: &[&str] = &["items", "refunds"];

    async fn subjects(connection: &impl ConnectionTrait, rows: Vec<order::Model>) -> Result<Vec<AuditedRow>> {
        let ids: Vec<Id> = rows.iter().map(|order| order.id).collect();
        let items = by(trail::find_items_of(connection, &ids).await?, |item: &order_item::Model| item.order_id);
        let refunds = orders::find_refunds_of(connection, &ids).await?;
        let subject = |row: order::Model| {
            let items = items.get(&row.id).map_or(&[][..], Vec::as_slice);
            let refunds = refunds.get(&row.id).map_or(&[][..], Vec::as_slice);
            let view = orders::audit_view(&row, items, refunds);
            AuditedRow { id: row.id, view, name: row.reference.or_id(row.id) }
        };
        Ok(rows.into_iter().map(subject).collect())
    }

    async fn movements(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<stock_movement::Model>> {
        trail::find_movements_of_orders(connection, ids).await
    }

    fn row_of(movement: &stock_movement::Model) -> Id {
        movement.order_id
    }

    fn movement_difference(events: &[ParsedEvent], movements: &[stock_movement::Model]) -> Option<MovementDifference> {
        difference_of_order(events, movements)
    }
}

/// Those that another program inserted; others belong to a product or an order.
impl AuditedEntity for stock_movement::Entity {
    const KIND: EntityKind = EntityKind::Movement;
    const ID: stock_movement::Column = stock_movement::Column::Id;

    fn select(_reads_hashes: bool) -> Select<Self> {
        trail::foreign_movements()
    }

    /// shopctl wrote all generated movements.
    async fn generated(_connection: &impl ConnectionTrait) -> Result<Vec<(Id, Id)>> {
        Ok(Vec::new())
    }

    async fn subjects(connection: &impl ConnectionTrait, rows: Vec<stock_movement::Model>) -> Result<Vec<AuditedRow>> {
        let ids = distinct(rows.iter().map(|movement| movement.product_id));
        let products = products::find_by_ids(connection, &ids).await?;
        let skus: BTreeMap<Id, String> =
            products.into_iter().map(|product| (product.id, product.sku.or_id(product.id))).collect();
        let subject = |row: stock_movement::Model| {
            let sku = skus.get(&row.product_id).cloned().unwrap_or_else(|| row.product_id.to_string());
            AuditedRow { id: row.id, view: movements::audit_view(&row), name: format!("{} {sku}", signed(&row.delta)) }
        };
        Ok(rows.into_iter().map(subject).collect())
    }
}
