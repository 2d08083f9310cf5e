//! What the stock is worth at today's prices, now and at earlier times.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, NullOrdering, Order, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryResult, QuerySelect};

use super::stock_at::products_at;
use crate::db::target::Engine;
use crate::domain::{Amount, Id, Money};
use crate::entity::{Stored, product, stock_movement};
use crate::error::Result;

/// The position of a row's time among the times asked for.
const PLACE: &str = "place";

/// One product's stock at its current price.
#[derive(Debug, Clone)]
pub struct StockValue {
    pub product_id: Id,
    /// SKU and name are `None` where another program left them out.
    pub sku: Option<String>,
    pub name: Option<String>,
    pub stock: Stored<i32>,
    pub price: Stored<Money>,
    /// `None` if another program stored invalid values.
    pub value: Option<Amount>,
}

/// All stock.
#[derive(Debug, Clone, Copy, Default)]
pub struct StockTotal {
    pub products: i64,
    pub units: i64,
    pub value: Amount,
    /// Products whose stock or price cannot be added.
    pub left_out: i64,
}

/// The products whose stock is worth most at today's prices; the stock is that of now, or of a time.
pub async fn stock_value(
    connection: &impl ConnectionTrait,
    limit: u64,
    at: Option<DateTime<Utc>>,
) -> Result<Vec<StockValue>> {
    let engine = Engine::of(connection);
    let value = engine.product(product::Column::Price.into_expr(), Some(product::Column::StockQuantity.into_expr()));
    let mut select = products_at(connection, at)
        .select_only()
        .columns([
            product::Column::Id,
            product::Column::Sku,
            product::Column::Name,
            product::Column::StockQuantity,
            product::Column::Price,
        ])
        .limit(limit);
    QuerySelect::query(&mut select)
        .order_by_expr_with_nulls(value, Order::Desc, NullOrdering::Last)
        .order_by((product::Entity, product::Column::Sku), Order::Asc);
    type Row = (Id, Option<String>, Option<String>, Stored<i32>, Stored<Money>);
    let rows: Vec<Row> = select.into_tuple().all(connection).await?;
    let valued = rows.into_iter().map(|(product_id, sku, name, stock, price)| {
        let value = price.known().zip(stock.known()).map(|(price, stock)| Amount::cost(price, stock));
        StockValue { product_id, sku, name, stock, price, value }
    });
    Ok(valued.collect())
}

/// The value of all stock of now.
pub async fn stock_total(connection: &impl ConnectionTrait) -> Result<StockTotal> {
    let engine = Engine::of(connection);
    let stock = || product::Column::StockQuantity.into_expr();
    let price = || product::Column::Price.into_expr();
    let mut select = Query::select();
    select
        .expr_as(Expr::col(Asterisk).count(), "products_count")
        .expr_as(engine.sum_of_integers(stock()), "units")
        .expr_as(engine.sum_exactly(price(), Some(stock())), "value")
        .expr_as(engine.left_out(engine.product(price(), Some(stock()))), "left_out")
        .from(product::Entity);
    let row = connection.query_one(&select).await?;
    let row = row.ok_or_else(|| crate::error::Error::internal("a total has no row"))?;
    Ok(StockTotal {
        products: row.try_get("", "products_count")?,
        units: row.try_get::<Option<i64>>("", "units")?.unwrap_or_default(),
        value: Amount::from_stored(engine.read_sum(&row, "value")?),
        left_out: row.try_get("", "left_out")?,
    })
}

/// The value of all stock at each of these ascending times, from one reading of all movements.
pub async fn stock_totals(connection: &impl ConnectionTrait, times: &[DateTime<Utc>]) -> Result<Vec<StockTotal>> {
    let engine = Engine::of(connection);
    // Times are kept to the microsecond, and what happened at a time belongs to it.
    let ends: Vec<DateTime<Utc>> = times.iter().map(|time| *time + TimeDelta::microseconds(1)).collect();
    let made = engine.place_among(product::Column::CreatedAt.into_expr(), &ends);
    let moved = engine.place_among(stock_movement::Column::CreatedAt.into_expr(), &ends);
    let price = || product::Column::Price.into_expr();
    let mut products = Query::select();
    products
        .expr_as(made.clone(), PLACE)
        .expr_as(Expr::col(Asterisk).count(), "products_count")
        .expr_as(engine.left_out(engine.exactly(price())), "left_out")
        .from(product::Entity)
        .group_by_col(PLACE);
    // A movement counts from when its product is there.
    let later = Expr::case(moved.clone().gte(made.clone()), moved).finally(made);
    let delta = || stock_movement::Column::Delta.into_expr();
    let of_product = stock_movement::Column::ProductId.into_expr().equals((product::Entity, product::Column::Id));
    let mut movements = Query::select();
    movements
        .expr_as(later, PLACE)
        .expr_as(engine.sum_of_integers(delta()), "units")
        .expr_as(engine.sum_exactly(price(), Some(delta())), "value")
        .from(stock_movement::Entity)
        .inner_join(product::Entity, of_product)
        .group_by_col(PLACE);
    let mut totals = vec![StockTotal::default(); times.len()];
    for row in connection.query_all(&products).await? {
        let (count, left_out): (i64, i64) = (row.try_get("", "products_count")?, row.try_get("", "left_out")?);
        for total in since(&row, &mut totals)? {
            (total.products, total.left_out) = (total.products + count, total.left_out + left_out);
        }
    }
    for row in connection.query_all(&movements).await? {
        let units = row.try_get::<Option<i64>>("", "units")?.unwrap_or_default();
        let value = Amount::from_stored(engine.read_sum(&row, "value")?);
        for total in since(&row, &mut totals)? {
            (total.units, total.value) = (total.units + units, total.value.plus(value));
        }
    }
    Ok(totals)
}

/// The totals from the time of a row on; none for a row without a time.
fn since<'a>(row: &QueryResult, totals: &'a mut [StockTotal]) -> Result<&'a mut [StockTotal]> {
    let place: Option<i32> = row.try_get("", PLACE)?;
    let place = place.and_then(|place| usize::try_from(place).ok()).unwrap_or(usize::MAX);
    Ok(totals.get_mut(place..).unwrap_or_default())
}
