//! Products with their stock at a time, from the movements.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QuerySelect, Select};

use super::in_period;
use crate::db::target::Engine;
use crate::entity::product::{Column, Entity};
use crate::entity::stock_movement;

/// All products, or those that existed at a time, with the stock of then.
pub fn products_at(connection: &impl ConnectionTrait, at: Option<DateTime<Utc>>) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(at) = at {
        // In place of the table, so that filters, sort orders and sums are those of the stock of then.
        QuerySelect::query(&mut select).from_clear().from_subquery(as_of(connection, at), Entity);
    }
    select
}

/// The rows of products with the sum of their movements until then. Nobody knows when they were last changed before.
fn as_of(connection: &impl ConnectionTrait, at: DateTime<Utc>) -> SelectStatement {
    let engine = Engine::of(connection);
    // The end of a period is exclusive, and times are kept to the microsecond.
    let until = at.checked_add_signed(TimeDelta::microseconds(1));
    let sum = engine.sum_of_integers(stock_movement::Column::Delta.into_expr());
    let mut moved = Query::select();
    moved
        .expr(Func::coalesce([sum, Expr::value(0)]))
        .from(stock_movement::Entity)
        .and_where(stock_movement::Column::ProductId.into_expr().eq(Column::Id.into_expr()))
        .cond_where(in_period(connection, stock_movement::Column::CreatedAt, None, until));
    let stock = engine.as_stored_integer(Expr::SubQuery(None, Box::new(moved.into())));
    let mut products = Query::select();
    for column in Column::iter() {
        match column {
            Column::StockQuantity => products.expr_as(stock.clone(), column),
            // One that was retired later was not retired then.
            Column::RetiredAt => {
                let then = in_period(connection, Column::RetiredAt, None, until);
                products.expr_as(Expr::case(then, column.into_expr()), column)
            }
            Column::UpdatedAt => products.expr_as(Expr::cust("NULL"), column),
            _ => products.column((Entity, column)),
        };
    }
    products.from(Entity).cond_where(in_period(connection, Column::CreatedAt, None, until)).to_owned()
}
