//! Orders with everything that shows them, oldest first: one statement that is read as it comes, so
//! that any number of orders takes little memory and shows one moment of the shop.

use futures_util::StreamExt;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, JoinType, QueryOrder, QueryResult, QuerySelect, QueryStream,
    QueryTrait, RelationDef, StreamTrait,
};
use uuid::Uuid;

use super::{Column, Entity, Filter, Model};
use crate::db::target::Engine;
use crate::entity::{order_item, product, user};
use crate::error::Result;

/// An order with its buyer's address and its items.
pub struct Whole {
    pub order: Model,
    /// `None` only for an order of another program whose user is gone.
    pub email: Option<String>,
    pub items: Vec<Item>,
}

/// An item with what its product is called, unless another program removed that.
pub struct Item {
    pub item: order_item::Model,
    pub sku: Option<String>,
    pub name: Option<String>,
}

/// Orders as they come.
pub struct Orders {
    rows: QueryStream,
    /// The order that the next row may belong to.
    open: Option<Whole>,
}

/// Places of the columns in a row, as [`find_whole`] selects them.
const ORDER_ID: usize = 0;
const EMAIL: usize = 7;
const ITEM_ID: usize = 8;

/// Begins to read all orders that match.
pub async fn find_whole(connection: &DatabaseConnection, filter: &Filter) -> Result<Orders> {
    let to_user: RelationDef = Entity::belongs_to(user::Entity).from(Column::UserId).to(user::Column::Id).into();
    let to_items: RelationDef =
        Entity::belongs_to(order_item::Entity).from(Column::Id).to(order_item::Column::OrderId).into();
    let to_product: RelationDef = order_item::Entity::belongs_to(product::Entity)
        .from(order_item::Column::ProductId)
        .to(product::Column::Id)
        .into();
    let text = Engine::of(connection).time_text_type();
    let time = |column: Column| column.into_expr().cast_as(text);
    let select = super::select(connection, filter)
        .select_only()
        .columns([Column::Id, Column::Reference, Column::UserId, Column::Status, Column::TotalAmount])
        .expr_as(time(Column::CreatedAt), "created_text")
        .expr_as(time(Column::UpdatedAt), "updated_text")
        .column_as(user::Column::Email, "email")
        .column_as(order_item::Column::Id, "item_id")
        .column_as(order_item::Column::ProductId, "product_id")
        .column_as(order_item::Column::Quantity, "quantity")
        .column_as(order_item::Column::UnitPrice, "unit_price")
        .column_as(product::Column::Sku, "sku")
        .column_as(product::Column::Name, "name")
        .join(JoinType::LeftJoin, to_user)
        .join(JoinType::LeftJoin, to_items)
        .join(JoinType::LeftJoin, to_product)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .order_by_asc(order_item::Column::Id);
    let statement = select.build(connection.get_database_backend());
    Ok(Orders { rows: connection.stream_raw(statement).await?, open: None })
}

impl Orders {
    /// The next order; none when all have come.
    pub async fn next(&mut self) -> Result<Option<Whole>> {
        loop {
            let Some(row) = self.rows.next().await.transpose()? else { return Ok(self.open.take()) };
            let id: Uuid = row.try_get_by_index(ORDER_ID)?;
            if let Some(open) = self.open.as_mut().filter(|open| open.order.id == id) {
                open.items.extend(item(&row, id)?);
                continue;
            }
            let order = order(&row, id)?;
            if let Some(whole) = self.open.replace(order) {
                return Ok(Some(whole));
            }
        }
    }
}

fn order(row: &QueryResult, id: Uuid) -> Result<Whole> {
    let order = Model {
        id,
        reference: row.try_get_by_index(1)?,
        user_id: row.try_get_by_index(2)?,
        status: row.try_get_by_index(3)?,
        total_amount: row.try_get_by_index(4)?,
        created_at: row.try_get_by_index(5)?,
        updated_at: row.try_get_by_index(6)?,
    };
    Ok(Whole { order, email: row.try_get_by_index(EMAIL)?, items: item(row, id)?.into_iter().collect() })
}

/// The item of a row; an order of another program may have none.
fn item(row: &QueryResult, order_id: Uuid) -> Result<Option<Item>> {
    let Some(id) = row.try_get_by_index::<Option<Uuid>>(ITEM_ID)? else { return Ok(None) };
    let item = order_item::Model {
        id,
        order_id,
        product_id: row.try_get_by_index(ITEM_ID + 1)?,
        quantity: row.try_get_by_index(ITEM_ID + 2)?,
        unit_price: row.try_get_by_index(ITEM_ID + 3)?,
    };
    Ok(Some(Item { item, sku: row.try_get_by_index(ITEM_ID + 4)?, name: row.try_get_by_index(ITEM_ID + 5)? }))
}
