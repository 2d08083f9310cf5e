//! Sales reports, computed in the database: one or two statements per report, which return only the shown rows.
//!
//! A sale is an order whose status counts ([`OrderStatus::is_sale`]); unknown statuses of other programs
//! never do. Totals stay as they were placed: what was given back is subtracted from them.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, JoinType, Order, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryResult};

use super::{is_sale, was_sale};
use crate::db::target::Engine;
use crate::domain::period::Span;
use crate::domain::{Amount, Id, OrderStatus};
use crate::entity::{Moment, Stored, order, order_item, order_refund, order_refund_line, product, user};
use crate::error::Result;

/// The sales of one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// Placed in the period, and paid, whatever was given back later.
    pub orders: i64,
    /// Pieces of these orders.
    pub units: i64,
    /// The totals of these orders.
    pub gross: Amount,
    /// How many of them have a total.
    pub with_total: i64,
    /// Given back in the period, of whatever orders.
    pub refunds: Amount,
    /// Orders, lines and refunds whose amount or pieces cannot be added.
    pub left_out: i64,
}

impl Sales {
    /// The totals without the refunds.
    pub fn net(&self) -> Amount {
        self.gross.minus(self.refunds)
    }

    /// The total of an order; `None` without any.
    pub fn average(&self) -> Option<Amount> {
        self.gross.average(self.with_total)
    }
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
    /// Without those that were refunded.
    pub units: i64,
    /// Without what was given back for its lines.
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
    /// Without what was given back.
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
    /// What was given back of the amount.
    pub refunded: Amount,
    /// Orders whose total cannot be added.
    pub left_out: i64,
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
    let mut sales = vec![Sales::default(); boundaries.len().saturating_sub(1)];
    let (Some(&first), Some(&last)) = (boundaries.first(), boundaries.last()) else { return Ok(sales) };
    let engine = Engine::of(connection);
    let mut sold = Query::select();
    sold.expr_as(engine.place_among(order::Column::CreatedAt.into_expr(), boundaries), PLACE)
        .from(order::Entity)
        .and_where(was_sale(connection))
        .cond_where(near_span(connection, order::Column::CreatedAt, first, last))
        .group_by_col(PLACE);
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
        .expr_as(engine.sum_exactly(total(), None), "gross")
        .expr_as(engine.left_out(engine.exactly(total())), "orders_left_out");
    let mut both = Query::select();
    both.column(("sold", PLACE))
        .columns(["orders_count", "gross", "units", "orders_left_out", "lines_left_out"])
        .from_subquery(sold, "sold")
        .join_subquery(JoinType::LeftJoin, pieces, "pieces", Expr::col(("pieces", PLACE)).equals(("sold", PLACE)));
    for row in connection.query_all(&both).await? {
        if let Some(sales) = period(&row, &mut sales)? {
            sales.orders = row.try_get("", "orders_count")?;
            sales.units = row.try_get::<Option<i64>>("", "units")?.unwrap_or_default();
            sales.gross = amount(engine, &row, "gross")?;
            let lines_left_out = row.try_get::<Option<i64>>("", "lines_left_out")?.unwrap_or_default();
            let orders_left_out: i64 = row.try_get("", "orders_left_out")?;
            sales.with_total = sales.orders - orders_left_out;
            sales.left_out = orders_left_out + lines_left_out;
        }
    }
    let refunds = refunds_of_periods(connection, boundaries, first, last);
    for row in connection.query_all(&refunds).await? {
        if let Some(sales) = period(&row, &mut sales)? {
            sales.refunds = amount(engine, &row, "refunds")?;
            sales.left_out += row.try_get::<i64>("", "left_out")?;
        }
    }
    Ok(sales)
}

/// The position of a row's time among the boundaries.
const PLACE: &str = "place";

/// What was given back in each period, of whatever orders.
fn refunds_of_periods(
    connection: &impl ConnectionTrait,
    boundaries: &[DateTime<Utc>],
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> SelectStatement {
    let (engine, refunded) = (Engine::of(connection), || order_refund::Column::Amount.into_expr());
    let mut refunds = Query::select();
    refunds
        .expr_as(engine.place_among(order_refund::Column::CreatedAt.into_expr(), boundaries), PLACE)
        .expr_as(engine.sum_exactly(refunded(), None), "refunds")
        .expr_as(engine.left_out(engine.exactly(refunded())), "left_out")
        .from(order_refund::Entity)
        .cond_where(near_span(connection, order_refund::Column::CreatedAt, first, last))
        .group_by_col(PLACE);
    refunds
}

/// The period that a row is about; `None` for one outside all periods.
fn period<'a>(row: &QueryResult, sales: &'a mut [Sales]) -> Result<Option<&'a mut Sales>> {
    // Index 0 is before the first boundary.
    let place: i32 = row.try_get("", PLACE)?;
    let position = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
    Ok(position.and_then(|position| sales.get_mut(position)))
}

/// Rows of the periods; if times are text, also some nearby rows outside the periods.
fn near_span<K: ColumnTrait>(
    connection: &impl ConnectionTrait,
    column: K,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> Condition {
    match Engine::of(connection).stores_times_as_text {
        true => super::near_period(connection, column, Some(first), Some(last)),
        false => super::in_period(connection, column, Some(first), Some(last)),
    }
}

/// The refunds of orders in this span, with their orders.
fn refunds_of_orders(connection: &impl ConnectionTrait, span: Span) -> SelectStatement {
    let mut refunds = Query::select();
    refunds
        .from(order_refund::Entity)
        .inner_join(order::Entity, order_refund::Column::OrderId.into_expr().equals((order::Entity, order::Column::Id)))
        .cond_where(in_span(connection, span));
    refunds
}

/// Those of sales: what they give back counts negative.
fn refunds_of_sales(connection: &impl ConnectionTrait, span: Span) -> SelectStatement {
    let mut refunds = refunds_of_orders(connection, span);
    refunds.and_where(is_sale(connection));
    refunds
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
    let mut parts = Query::select();
    parts
        .expr_as(order_item::Column::ProductId.into_expr(), "sold_id")
        .expr_as(order_item::Column::UnitPrice.into_expr(), "amount")
        .expr_as(order_item::Column::Quantity.into_expr(), "times")
        .expr_as(order_item::Column::Quantity.into_expr(), "pieces")
        .from(order_item::Entity)
        .inner_join(order::Entity, order_item::Column::OrderId.into_expr().equals((order::Entity, order::Column::Id)))
        .and_where(is_sale(connection))
        .cond_where(in_span(connection, span))
        .union(UnionType::All, refunded_lines(connection, span));
    let (sum, times) = (column("amount"), column("times"));
    let mut best = Query::select();
    best.column("sold_id")
        .expr_as(engine.sum_of_integers(column("pieces")), "units")
        .expr_as(engine.sum_exactly(sum.clone(), Some(times.clone())), "revenue")
        .expr_as(engine.left_out(engine.product(sum, Some(times))), "left_out")
        .from_subquery(parts, "parts")
        .group_by_col("sold_id")
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

/// The refunded lines of sales, in the form of sold ones.
fn refunded_lines(connection: &impl ConnectionTrait, span: Span) -> SelectStatement {
    let in_refund =
        order_refund_line::Column::RefundId.into_expr().equals((order_refund::Entity, order_refund::Column::Id));
    let of_item =
        order_refund_line::Column::OrderItemId.into_expr().equals((order_item::Entity, order_item::Column::Id));
    let pieces = Engine::of(connection).whole(order_refund_line::Column::Quantity.into_expr());
    let mut lines = refunds_of_sales(connection, span);
    lines
        .inner_join(order_refund_line::Entity, in_refund)
        .inner_join(order_item::Entity, of_item)
        .expr_as(order_item::Column::ProductId.into_expr(), "sold_id")
        .expr_as(order_refund_line::Column::Amount.into_expr(), "amount")
        .expr_as(Expr::cust("-1"), "times")
        .expr_as(pieces.mul(Expr::cust("-1")), "pieces");
    lines
}

/// The customers who spent most.
pub async fn customers(connection: &impl ConnectionTrait, span: Span, limit: u64) -> Result<Vec<CustomerSales>> {
    const ORDER: [&str; 2] = ["revenue", "orders_count"];
    let engine = Engine::of(connection);
    // As text, because drivers fail on times that other programs can write.
    let last_order = engine.comparable_time(order::Column::CreatedAt.into_expr()).max().cast_as("char(64)");
    let total = || order::Column::TotalAmount.into_expr();
    let mut sold = Query::select();
    sold.expr_as(order::Column::UserId.into_expr(), "buyer_id")
        .expr_as(Expr::col(Asterisk).count(), "orders_count")
        .expr_as(last_order, "last_order")
        .from(order::Entity)
        .and_where(is_sale(connection))
        .cond_where(in_span(connection, span))
        .group_by_col((order::Entity, order::Column::UserId));
    let mut parts = Query::select();
    parts
        .expr_as(order::Column::UserId.into_expr(), "payer_id")
        .expr_as(total(), "amount")
        .expr_as(Expr::cust("1"), "times")
        .from(order::Entity)
        .and_where(is_sale(connection))
        .cond_where(in_span(connection, span));
    let mut back = refunds_of_sales(connection, span);
    back.expr_as(order::Column::UserId.into_expr(), "payer_id")
        .expr_as(order_refund::Column::Amount.into_expr(), "amount")
        .expr_as(Expr::cust("-1"), "times");
    parts.union(UnionType::All, back);
    let (sum, times) = (column("amount"), column("times"));
    let mut paid = Query::select();
    paid.column("payer_id")
        .expr_as(engine.sum_exactly(sum.clone(), Some(times.clone())), "revenue")
        .expr_as(engine.left_out(engine.product(sum, Some(times))), "left_out")
        .from_subquery(parts, "parts")
        .group_by_col("payer_id");
    let mut best = Query::select();
    best.columns(["buyer_id", "orders_count", "revenue", "left_out", "last_order"])
        .from_subquery(sold, "sold")
        .join_subquery(JoinType::InnerJoin, paid, "paid", Expr::col(("paid", "payer_id")).equals(("sold", "buyer_id")))
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
        .expr_as(order::Column::Status.max(), "status")
        .expr_as(Expr::col(Asterisk).count(), "orders_count")
        .expr_as(engine.sum_exactly(total(), None), "amount")
        .expr_as(engine.left_out(engine.exactly(total())), "left_out")
        .from(order::Entity)
        .cond_where(in_span(connection, span))
        .add_group_by([status_to_the_letter(engine)]);
    let known = OrderStatus::ALL.map(|status| StatusTotal {
        status: Some(status.as_str().to_owned()),
        orders: 0,
        amount: Amount::ZERO,
        refunded: Amount::ZERO,
        left_out: 0,
    });
    let mut totals = Vec::from(known);
    for row in connection.query_all(&select).await? {
        let status = status_of(&row)?;
        let total = StatusTotal {
            orders: row.try_get("", "orders_count")?,
            amount: amount(engine, &row, "amount")?,
            refunded: Amount::ZERO,
            left_out: row.try_get("", "left_out")?,
            status: status.clone(),
        };
        match totals.iter_mut().find(|known| known.status == status) {
            Some(known) => *known = total,
            None => totals.push(total),
        }
    }
    let mut refunded = refunds_of_orders(connection, span);
    refunded
        .expr_as(order::Column::Status.max(), "status")
        .expr_as(engine.sum_exactly(order_refund::Column::Amount.into_expr(), None), "refunded")
        .add_group_by([status_to_the_letter(engine)]);
    for row in connection.query_all(&refunded).await? {
        let status = status_of(&row)?;
        if let Some(total) = totals.iter_mut().find(|known| known.status == status) {
            total.refunded = amount(engine, &row, "refunded")?;
        }
    }
    totals[OrderStatus::ALL.len()..].sort_by(|one, other| one.status.cmp(&other.status));
    Ok(totals)
}

/// A status as text, whatever another program stored; `None` for NULL.
fn status_of(row: &QueryResult) -> Result<Option<String>> {
    Ok(row.try_get::<Stored<String>>("", "status")?.to_text())
}

/// What orders are grouped by: `paid` and `paid` with a blank are two statuses.
fn status_to_the_letter(engine: Engine) -> Expr {
    Expr::cust(engine.to_the_letter("orders.status"))
}
