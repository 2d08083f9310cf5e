//! Sales reports, computed in the database: one statement per report, which returns only the shown rows.
//!
//! A sale is an order whose status counts ([`OrderStatus::is_sale`]); unknown statuses of other programs
//! never do.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, JoinType, NullOrdering, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryResult, QuerySelect};

use crate::db::target::Engine;
use crate::domain::period::Span;
use crate::domain::{Amount, Id, Money, OrderStatus};
use crate::entity::{Moment, Stored, order, order_item, product, user};
use crate::error::Result;

/// The sales of one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    pub orders: i64,
    /// Pieces.
    pub units: i64,
    pub revenue: Amount,
    /// Orders and lines whose amount or pieces cannot be added.
    pub left_out: i64,
}

/// The sort key of top products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    Revenue,
    Quantity,
}

/// The sales of one product.
#[derive(Debug, Clone)]
pub struct ProductSales {
    pub product_id: Id,
    /// SKU and name are `None` if another program removed the product, or left them out.
    pub sku: Option<String>,
    pub name: Option<String>,
    pub units: i64,
    pub revenue: Amount,
    /// Lines whose price or pieces cannot be added.
    pub left_out: i64,
}

/// The sales to one customer.
#[derive(Debug, Clone)]
pub struct CustomerSales {
    pub user_id: Id,
    /// `None` if another program removed the user.
    pub email: Option<String>,
    pub orders: i64,
    pub revenue: Amount,
    pub last_order: Option<Moment>,
    /// Orders whose total cannot be added.
    pub left_out: i64,
}

/// Orders of one status.
#[derive(Debug, Clone)]
pub struct StatusTotal {
    /// `None` where another program left it out.
    pub status: Option<String>,
    pub orders: i64,
    pub amount: Amount,
    /// Orders whose total cannot be added.
    pub left_out: i64,
}

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
#[derive(Debug, Clone, Copy)]
pub struct StockTotal {
    pub products: i64,
    pub units: i64,
    pub value: Amount,
    /// Products whose stock or price cannot be added.
    pub left_out: i64,
}

/// Orders whose status counts as a sale.
fn is_sale() -> Expr {
    let counted = OrderStatus::ALL.into_iter().filter(|status| status.is_sale()).map(OrderStatus::as_str);
    order::Column::Status.is_in(counted)
}

fn in_span(connection: &impl ConnectionTrait, span: Span) -> Condition {
    super::in_period(connection, order::Column::CreatedAt, span.since, span.until)
}

fn column(name: &'static str) -> Expr {
    Expr::col(Alias::new(name))
}

fn amount(engine: Engine, row: &QueryResult, name: &str) -> Result<Amount> {
    Ok(Amount::from_stored(engine.read_sum(row, name)?))
}

/// The sales of each period between two of these ascending boundaries: one fewer than boundaries.
pub async fn sales(connection: &impl ConnectionTrait, boundaries: &[DateTime<Utc>]) -> Result<Vec<Sales>> {
    let engine = Engine::of(connection);
    let mut sales = vec![Sales::default(); boundaries.len().saturating_sub(1)];
    let (Some(&first), Some(&last)) = (boundaries.first(), boundaries.last()) else { return Ok(sales) };
    let mut sold = Query::select();
    sold.expr_as(engine.place_among(order::Column::CreatedAt.into_expr(), boundaries), "place")
        .from(order::Entity)
        .and_where(is_sale())
        .cond_where(near_span(connection, first, last))
        .group_by_col("place");
    // Separate from the orders' totals: a join would repeat the total for each line.
    let mut pieces = sold.clone();
    let quantity = || order_item::Column::Quantity.into_expr();
    pieces
        .expr_as(engine.sum_of_integers(quantity()), "units")
        .expr_as(engine.left_out(engine.whole(quantity())), "lines_left_out")
        .inner_join(
            order_item::Entity,
            order_item::Column::OrderId.into_expr().equals((order::Entity, order::Column::Id)),
        );
    let total = || order::Column::TotalAmount.into_expr();
    sold.expr_as(Expr::col(Asterisk).count(), "orders_count")
        .expr_as(engine.sum_exactly(total(), None), "revenue")
        .expr_as(engine.left_out(engine.exactly(total())), "orders_left_out");
    let mut both = Query::select();
    both.column(("sold", "place"))
        .column("orders_count")
        .column("revenue")
        .column("units")
        .columns(["orders_left_out", "lines_left_out"])
        .from_subquery(sold, "sold")
        .join_subquery(JoinType::LeftJoin, pieces, "pieces", Expr::col(("pieces", "place")).equals(("sold", "place")));
    for row in connection.query_all(&both).await? {
        // Index 0 is before the first boundary.
        let place: i32 = row.try_get("", "place")?;
        let bucket = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        if let Some(bucket) = bucket.and_then(|bucket| sales.get_mut(bucket)) {
            let units = row.try_get::<Option<i64>>("", "units")?.unwrap_or_default();
            let lines_left_out = row.try_get::<Option<i64>>("", "lines_left_out")?.unwrap_or_default();
            *bucket = Sales {
                orders: row.try_get("", "orders_count")?,
                units,
                revenue: amount(engine, &row, "revenue")?,
                left_out: row.try_get::<i64>("", "orders_left_out")? + lines_left_out,
            };
        }
    }
    Ok(sales)
}

/// Rows of the periods; if times are text, also some nearby rows outside the buckets.
fn near_span(connection: &impl ConnectionTrait, first: DateTime<Utc>, last: DateTime<Utc>) -> Condition {
    match Engine::of(connection).stores_times_as_text {
        true => super::near_period(connection, order::Column::CreatedAt, Some(first), Some(last)),
        false => in_span(connection, Span { since: Some(first), until: Some(last) }),
    }
}

/// Sorts by these result columns, the last of which is unique, so that the order is stable.
fn ranked(select: &mut SelectStatement, descending: &[&'static str], ascending: &'static str) {
    for name in descending {
        select.order_by_expr(column(name), Order::Desc);
    }
    select.order_by_expr(column(ascending), Order::Asc);
}

/// The products that sold best.
pub async fn top_products(
    connection: &impl ConnectionTrait,
    span: Span,
    ranking: Ranking,
    limit: u64,
) -> Result<Vec<ProductSales>> {
    let engine = Engine::of(connection);
    let order: &[&str] = match ranking {
        Ranking::Revenue => &["revenue", "units"],
        Ranking::Quantity => &["units", "revenue"],
    };
    let quantity = || order_item::Column::Quantity.into_expr();
    let price = || order_item::Column::UnitPrice.into_expr();
    let mut best = Query::select();
    best.expr_as(order_item::Column::ProductId.into_expr(), "sold_id")
        .expr_as(engine.sum_of_integers(quantity()), "units")
        .expr_as(engine.sum_exactly(price(), Some(quantity())), "revenue")
        .expr_as(engine.left_out(engine.product(price(), Some(quantity()))), "left_out")
        .from(order_item::Entity)
        .inner_join(order::Entity, order_item::Column::OrderId.into_expr().equals((order::Entity, order::Column::Id)))
        .and_where(is_sale())
        .cond_where(in_span(connection, span))
        .group_by_col((order_item::Entity, order_item::Column::ProductId))
        .limit(limit);
    ranked(&mut best, order, "sold_id");
    let mut named = Query::select();
    named
        .columns(["sold_id", "units", "revenue", "left_out", "sku", "name"])
        .from_subquery(best, "best")
        .left_join(product::Entity, product::Column::Id.into_expr().equals(("best", "sold_id")));
    ranked(&mut named, order, "sold_id");
    let read = |row: &QueryResult| {
        Ok(ProductSales {
            product_id: row.try_get("", "sold_id")?,
            sku: row.try_get("", "sku")?,
            name: row.try_get("", "name")?,
            units: row.try_get::<Option<i64>>("", "units")?.unwrap_or_default(),
            revenue: amount(engine, row, "revenue")?,
            left_out: row.try_get("", "left_out")?,
        })
    };
    connection.query_all(&named).await?.iter().map(read).collect()
}

/// The customers who spent most.
pub async fn customers(connection: &impl ConnectionTrait, span: Span, limit: u64) -> Result<Vec<CustomerSales>> {
    const ORDER: [&str; 2] = ["revenue", "orders_count"];
    let engine = Engine::of(connection);
    // As text, because drivers fail on times that other programs can write.
    let total = || order::Column::TotalAmount.into_expr();
    let last_order = engine.comparable_time(order::Column::CreatedAt.into_expr()).max().cast_as("char(64)");
    let mut best = Query::select();
    best.expr_as(order::Column::UserId.into_expr(), "buyer_id")
        .expr_as(Expr::col(Asterisk).count(), "orders_count")
        .expr_as(engine.sum_exactly(total(), None), "revenue")
        .expr_as(engine.left_out(engine.exactly(total())), "left_out")
        .expr_as(last_order, "last_order")
        .from(order::Entity)
        .and_where(is_sale())
        .cond_where(in_span(connection, span))
        .group_by_col((order::Entity, order::Column::UserId))
        .limit(limit);
    ranked(&mut best, &ORDER, "buyer_id");
    let mut named = Query::select();
    named
        .columns(["buyer_id", "orders_count", "revenue", "left_out", "last_order", "email"])
        .from_subquery(best, "best")
        .left_join(user::Entity, user::Column::Id.into_expr().equals(("best", "buyer_id")));
    ranked(&mut named, &ORDER, "buyer_id");
    let read = |row: &QueryResult| {
        Ok(CustomerSales {
            user_id: row.try_get("", "buyer_id")?,
            email: row.try_get("", "email")?,
            orders: row.try_get("", "orders_count")?,
            revenue: amount(engine, row, "revenue")?,
            last_order: row.try_get("", "last_order")?,
            left_out: row.try_get("", "left_out")?,
        })
    };
    connection.query_all(&named).await?.iter().map(read).collect()
}

/// Orders and their totals by status: every status of the lifecycle, then those that other programs
/// made up.
pub async fn by_status(connection: &impl ConnectionTrait, span: Span) -> Result<Vec<StatusTotal>> {
    let engine = Engine::of(connection);
    let total = || order::Column::TotalAmount.into_expr();
    let mut select = Query::select();
    select
        .expr_as(order::Column::Status.into_expr(), "status")
        .expr_as(Expr::col(Asterisk).count(), "orders_count")
        .expr_as(engine.sum_exactly(total(), None), "amount")
        .expr_as(engine.left_out(engine.exactly(total())), "left_out")
        .from(order::Entity)
        .cond_where(in_span(connection, span))
        .group_by_col((order::Entity, order::Column::Status));
    let known = OrderStatus::ALL.map(|status| StatusTotal {
        status: Some(status.as_str().to_owned()),
        orders: 0,
        amount: Amount::ZERO,
        left_out: 0,
    });
    let mut totals = Vec::from(known);
    for row in connection.query_all(&select).await? {
        let status: Option<String> = row.try_get("", "status")?;
        let total = StatusTotal {
            orders: row.try_get("", "orders_count")?,
            amount: amount(engine, &row, "amount")?,
            left_out: row.try_get("", "left_out")?,
            status: status.clone(),
        };
        match totals.iter_mut().find(|known| known.status == status) {
            Some(known) => *known = total,
            None => totals.push(total),
        }
    }
    totals[OrderStatus::ALL.len()..].sort_by(|one, other| one.status.cmp(&other.status));
    Ok(totals)
}

/// The products whose stock is worth most at today's prices.
pub async fn stock_value(connection: &impl ConnectionTrait, limit: u64) -> Result<Vec<StockValue>> {
    let engine = Engine::of(connection);
    let value = engine.product(product::Column::Price.into_expr(), Some(product::Column::StockQuantity.into_expr()));
    let mut select = product::Entity::find()
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

/// The value of all stock at current prices.
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
        value: amount(engine, &row, "value")?,
        left_out: row.try_get("", "left_out")?,
    })
}
