//! Rows whose time is missing or cannot be read, so that no period has them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait};
use sea_orm::{ConnectionTrait, EntityTrait, IdenStatic, QueryFilter, QuerySelect, Select};

use super::{in_period, is_sale, was_sale};
use crate::db::target::Engine;
use crate::domain::period::Span;
use crate::entity::{order, order_refund, product, stock_movement};
use crate::error::Result;

/// Which orders a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orders {
    All,
    Sales,
}

/// Those of the orders that are in no period; 0 where the report is not about one.
pub async fn count_orders(connection: &impl ConnectionTrait, span: Span, which: Orders) -> Result<i64> {
    if span == Span::default() {
        return Ok(0);
    }
    let orders = order::Entity::find();
    let orders = if which == Orders::Sales { orders.filter(is_sale(connection)) } else { orders };
    count(connection, orders, order::Column::CreatedAt, span).await
}

/// The sales and refunds that are in no period.
pub async fn count_sales(connection: &impl ConnectionTrait) -> Result<i64> {
    let sales = order::Entity::find().filter(was_sale(connection));
    let refunds = order_refund::Entity::find();
    let never = Span::default();
    Ok(count(connection, sales, order::Column::CreatedAt, never).await?
        + count(connection, refunds, order_refund::Column::CreatedAt, never).await?)
}

/// The products and movements that are no part of the stock at a time; 0 for the stock of now.
pub async fn count_stock(connection: &impl ConnectionTrait, at: Option<DateTime<Utc>>) -> Result<i64> {
    let Some(at) = at else { return Ok(0) };
    let until = Span { since: None, until: at.checked_add_signed(TimeDelta::microseconds(1)) };
    let movements = stock_movement::Entity::find();
    Ok(count(connection, product::Entity::find(), product::Column::CreatedAt, until).await?
        + count(connection, movements, stock_movement::Column::CreatedAt, until).await?)
}

/// How many of the rows have no readable time; without those that are in the span all the same, as an infinite time is.
async fn count<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: Select<E>,
    time: E::Column,
    span: Span,
) -> Result<i64> {
    let column = format!("{}.{}", E::default().table_name(), time.as_str());
    let mut untimed = rows.filter(Engine::of(connection).has_no_time(&column));
    if span != Span::default() {
        let is_there = Expr::case(in_period(connection, time, span.since, span.until), 1).finally(0);
        untimed = untimed.filter(Expr::expr(is_there).eq(0));
    }
    let count = untimed.select_only().expr_as(Expr::col(Asterisk).count(), "untimed");
    Ok(count.into_tuple::<i64>().one(connection).await?.unwrap_or(0))
}
