//! Complete orders, oldest first: one streamed statement, so that any number of orders takes little
//! memory and is one snapshot of the shop.

use futures_util::stream::{BoxStream, try_unfold};
use futures_util::{Stream, StreamExt};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, JoinType, QueryOrder, QuerySelect, QueryTrait, Related, Select};

use super::{Column, Entity, Filter, ListFilter, Model};
use crate::db::guarded::Connection;
use crate::db::stream::{self, Row};
use crate::db::target::Engine;
use crate::domain::{Amount, Id, Money};
use crate::entity::{Moment, Stored, order_item, order_refund, product, user};
use crate::error::Result;

/// An order with its user's address and its items.
pub struct FullOrder {
    /// The order's row.
    pub order: Model,
    /// `None` only for an order of another program whose user is missing.
    pub email: Option<String>,
    /// What was given back of its total.
    pub refunded: Stored<Money>,
    /// Its items in insertion order; empty for an order of another program without items.
    pub items: Vec<Item>,
}

/// An item with its product's name, unless another program removed the product.
pub struct Item {
    /// The item's row.
    pub item: order_item::Model,
    /// The product's SKU.
    pub sku: Option<String>,
    /// The product's name.
    pub name: Option<String>,
}

/// An item with the fields of its order, for flat files.
pub struct Line {
    /// The order's reference.
    pub reference: Stored<String>,
    /// As in [`FullOrder`].
    pub email: Option<String>,
    /// The order's status as stored; `None` where another program left it out.
    pub status: Option<String>,
    /// When the order was placed.
    pub created_at: Moment,
    /// Only on the first line of its order, so that the column adds up to the sum of all orders.
    pub total_amount: Option<Stored<Money>>,
    /// What was given back; as the total only on the first line of its order.
    pub refunded: Option<Stored<Money>>,
    /// As in [`Item`], and `None` for an order of another program without items.
    pub sku: Option<String>,
    /// The product's name; `None` as for `sku`.
    pub name: Option<String>,
    /// Pieces; `None` for an order without items.
    pub quantity: Option<Stored<i32>>,
    /// The price of one piece; `None` for an order without items.
    pub unit_price: Option<Stored<Money>>,
}

/// A stream of orders.
struct OrderStream {
    rows: BoxStream<'static, Result<Row>>,
    /// The open order, which the next row may continue.
    open: Option<FullOrder>,
}

/// Reads all orders that match.
pub async fn stream_orders(
    connection: &Connection,
    filter: &Filter,
) -> Result<impl Stream<Item = Result<FullOrder>> + use<>> {
    // The order's columns come last: only its first row is parsed for them.
    let select = joined(connection, filter)
        .column(Column::Id)
        .column_as(order_item::Column::Id, "item_id")
        .column_as(order_item::Column::ProductId, "product_id")
        .column_as(order_item::Column::Quantity, "quantity")
        .column_as(order_item::Column::UnitPrice, "unit_price")
        .column_as(product::Column::Sku, "sku")
        .column_as(product::Column::Name, "name")
        .columns([Column::Reference, Column::UserId, Column::Status, Column::TotalAmount])
        .expr_as(refunded(), REFUNDED)
        .expr_as(time(connection, Column::CreatedAt), "created_text")
        .expr_as(time(connection, Column::UpdatedAt), "updated_text")
        .column_as(user::Column::Email, "email");
    let rows = stream::rows(connection, select.build(connection.get_database_backend())).await?;
    let next = async |mut orders: OrderStream| Ok(orders.next().await?.map(|order| (order, orders)));
    Ok(try_unfold(OrderStream { rows, open: None }, next))
}

/// Reads all orders that match, line by line. It selects only the exported columns, because the engine
/// sorts all selected data.
pub async fn stream_lines(
    connection: &Connection,
    filter: &Filter,
) -> Result<impl Stream<Item = Result<Line>> + use<>> {
    let select = joined(connection, filter)
        .columns([Column::Reference, Column::Status, Column::TotalAmount])
        .expr_as(refunded(), REFUNDED)
        .expr_as(time(connection, Column::CreatedAt), "created_text")
        .column_as(user::Column::Email, "email")
        .column_as(product::Column::Sku, "sku")
        .column_as(product::Column::Name, "name")
        .column_as(order_item::Column::Quantity, "quantity")
        .column_as(order_item::Column::UnitPrice, "unit_price");
    let rows = stream::rows(connection, select.build(connection.get_database_backend())).await?;
    let mut last = None::<(Stored<String>, Moment)>;
    Ok(rows.map(move |row| {
        let mut line = line(row?)?;
        let continues =
            |(reference, time): &(Stored<String>, Moment)| *reference == line.reference && *time == line.created_at;
        if last.as_ref().is_some_and(continues) {
            (line.total_amount, line.refunded) = (None, None);
        } else {
            last = Some((line.reference.clone(), line.created_at.clone()));
        }
        Ok(line)
    }))
}

impl Line {
    /// The total of the line, for any quantity and price that a database can hold.
    pub fn total(&self) -> Option<Amount> {
        Some(Amount::cost(self.unit_price.as_ref()?.known()?, self.quantity.as_ref()?.known()?))
    }
}

const REFUNDED: &str = "refunded";

/// The column of [`joined`] for what was given back.
fn refunded() -> Expr {
    Expr::col((REFUNDED, REFUNDED))
}

/// The orders that match with their users, refunds, items and products, oldest first. The refunds are summed up once,
/// not for each row.
fn joined(connection: &impl ConnectionTrait, filter: &Filter) -> Select<Entity> {
    let mut sums = Query::select();
    sums.column(order_refund::Column::OrderId)
        .expr_as(order_refund::Column::Amount.into_expr().sum(), REFUNDED)
        .from(order_refund::Entity)
        .group_by_col(order_refund::Column::OrderId);
    let is_of_order = Expr::col((REFUNDED, order_refund::Column::OrderId)).equals((Entity, Column::Id));
    let mut select = filter
        .select(connection)
        .select_only()
        .left_join(user::Entity)
        .left_join(order_item::Entity)
        .join(JoinType::LeftJoin, <order_item::Entity as Related<product::Entity>>::to())
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .order_by_asc(order_item::Column::Id);
    QuerySelect::query(&mut select).join_subquery(JoinType::LeftJoin, sums, REFUNDED, is_of_order);
    select
}

fn time(connection: &impl ConnectionTrait, column: Column) -> Expr {
    Engine::of(connection).time_to_stream(column.into_expr())
}

impl OrderStream {
    /// The next order; `None` at the end.
    async fn next(&mut self) -> Result<Option<FullOrder>> {
        loop {
            let Some(mut row) = self.rows.next().await.transpose()? else { return Ok(self.open.take()) };
            let id = row.id()?;
            let item = item(&mut row, id)?;
            if let Some(open) = self.open.as_mut().filter(|open| id != Id::Missing && open.order.id == id) {
                open.items.extend(item);
                continue;
            }
            let order = order(row, id, item)?;
            if let Some(whole) = self.open.replace(order) {
                return Ok(Some(whole));
            }
        }
    }
}

fn order(mut row: Row, id: Id, item: Option<Item>) -> Result<FullOrder> {
    let (reference, user_id, status) = (row.text()?, row.id()?, row.text()?);
    let (total_amount, refunded) = (row.value()?, refunded_of(&mut row)?);
    let order = Model {
        id,
        reference: reference.into(),
        user_id,
        status: status.as_deref().map_or(Stored::Missing, Stored::from),
        total_amount: total_amount.unwrap_or(Stored::Missing),
        created_at: time_of(row.text()?),
        updated_at: time_of(row.text()?),
    };
    Ok(FullOrder { order, email: row.text()?, refunded, items: item.into_iter().collect() })
}

/// An order without refunds has none in the sums.
fn refunded_of(row: &mut Row) -> Result<Stored<Money>> {
    Ok(row.value()?.filter(|refunded| *refunded != Stored::Missing).unwrap_or(Money::ZERO.into()))
}

/// The item of a row; `None` for an order of another program without items.
fn item(row: &mut Row, order_id: Id) -> Result<Option<Item>> {
    let (id, product_id, quantity, unit_price) = (row.id()?, row.id()?, row.value()?, row.value()?);
    let (sku, name) = (row.text()?, row.text()?);
    if (id, product_id) == (Id::Missing, Id::Missing) && quantity.is_none() && unit_price.is_none() {
        return Ok(None);
    }
    let item = order_item::Model {
        id,
        order_id,
        product_id,
        quantity: quantity.unwrap_or(Stored::Missing),
        unit_price: unit_price.unwrap_or(Stored::Missing),
    };
    Ok(Some(Item { item, sku, name }))
}

fn line(mut row: Row) -> Result<Line> {
    Ok(Line {
        reference: row.text()?.into(),
        status: row.text()?,
        total_amount: row.value()?,
        refunded: Some(refunded_of(&mut row)?),
        created_at: time_of(row.text()?),
        email: row.text()?,
        sku: row.text()?,
        name: row.text()?,
        quantity: row.value()?,
        unit_price: row.value()?,
    })
}

fn time_of(stored: Option<String>) -> Moment {
    stored.map_or(Moment::Missing, |text| Moment::from_stored(&text))
}
