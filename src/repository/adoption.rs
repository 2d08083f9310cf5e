//! What other programs omit: orders whose lines took no stock, totals of 0, movements of removed orders.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Rows, expect_rows};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{EMAIL_PATTERN, EntityKind, Id, MovementReason, OrderStatus, Outcome, UserStatus};
use crate::entity::{Stored, audit_event, order, order_item, product, stock_movement, user};
use crate::error::Result;

/// Orders per statement: far below every engine's limit on bound values.
const ORDERS_PER_STATEMENT: usize = 500;

/// The orders with a total of 0 although a line has a price, by id.
pub async fn find_orders_with_total_of_zero(connection: &impl ConnectionTrait) -> Result<Vec<Id>> {
    let mut line = Query::select();
    line.expr(Expr::value(1))
        .from(order_item::Entity)
        .and_where(order_item::Column::OrderId.into_expr().eq(order::Column::Id.into_expr()))
        .and_where(order_item::Column::UnitPrice.into_expr().gt(0))
        .and_where(order_item::Column::Quantity.into_expr().gt(0));
    let orders = order::Entity::find().select_only().column(order::Column::Id);
    let orders = orders.filter(order::Column::TotalAmount.eq(0)).filter(Expr::exists(line));
    Ok(orders.order_by_asc(order::Column::Id).into_tuple().all(connection).await?)
}

/// The orders that were placed or changed since this time, as their rows say.
pub async fn find_orders_changed_since(connection: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<Vec<Id>> {
    let orders = order::Entity::find().select_only().column(order::Column::Id);
    let orders = orders.filter(order::Column::UpdatedAt.gte(since)).order_by_asc(order::Column::Id);
    Ok(orders.into_tuple().all(connection).await?)
}

/// Units that removed orders took and did not restock, by order and product.
pub async fn find_movements_of_removed_orders(connection: &impl ConnectionTrait) -> Result<Vec<(Id, Id, i64)>> {
    use stock_movement::Column;
    let (mut there, mut known) = (Query::select(), Query::select());
    there
        .expr(Expr::value(1))
        .from(order::Entity)
        .and_where(order::Column::Id.into_expr().eq(Column::OrderId.into_expr()));
    known
        .expr(Expr::value(1))
        .from(audit_event::Entity)
        .and_where(audit_event::Column::EntityType.into_expr().eq(EntityKind::Order.as_str()))
        .and_where(audit_event::Column::EntityId.into_expr().eq(Column::OrderId.into_expr()))
        .and_where(audit_event::Column::Outcome.into_expr().eq(Outcome::Succeeded));
    let sum = || Engine::of(connection).sum_of_integers(Column::Delta.into_expr());
    let select = stock_movement::Entity::find()
        .select_only()
        .columns([Column::OrderId, Column::ProductId])
        .expr_as(sum(), "net")
        .filter(Column::OrderId.is_not_null())
        .filter(has_reason(connection, MovementReason::BALANCE).not())
        .filter(Expr::exists(there).not())
        .filter(Expr::exists(known))
        .group_by(Column::OrderId)
        .group_by(Column::ProductId)
        .having(sum().ne(0))
        .order_by_asc(Column::OrderId)
        .order_by_asc(Column::ProductId);
    Ok(select.into_tuple().all(connection).await?)
}

fn has_reason(connection: &impl ConnectionTrait, reason: MovementReason) -> Expr {
    Engine::of(connection).is_one_of(stock_movement::Column::Reason.into_expr(), vec![reason.as_str()])
}

/// The sum of the movements of each product that has any.
pub async fn find_sums(connection: &impl ConnectionTrait) -> Result<HashMap<Id, i64>> {
    use stock_movement::Column;
    let sum = Engine::of(connection).sum_of_integers(Column::Delta.into_expr());
    let select = stock_movement::Entity::find().select_only().column(Column::ProductId).expr_as(sum, "sum");
    Ok(select.group_by(Column::ProductId).into_tuple().all(connection).await?.into_iter().map(known_sum).collect())
}

/// A sum; 0 where all that is summed is missing.
fn known_sum((id, sum): (Id, Option<i64>)) -> (Id, i64) {
    (id, sum.unwrap_or(0))
}

/// The pieces of each product in open or fulfilled orders that no movement took: another program sold them.
pub async fn find_sold_elsewhere(connection: &impl ConnectionTrait) -> Result<BTreeMap<Id, i64>> {
    let engine = Engine::of(connection);
    let has_given_back =
        || super::has_status(connection, OrderStatus::ALL.into_iter().filter(|status| status.restocks()));
    let quantity = engine.sum_of_integers(order_item::Column::Quantity.into_expr());
    let lines = order_item::Entity::find()
        .select_only()
        .column(order_item::Column::ProductId)
        .expr_as(quantity, "pieces")
        .inner_join(order::Entity)
        .filter(has_given_back().not())
        .group_by(order_item::Column::ProductId);
    let mut orders = Query::select();
    orders.column(order::Column::Id).from(order::Entity).and_where(has_given_back().not());
    let delta = engine.sum_of_integers(stock_movement::Column::Delta.into_expr());
    let moved = stock_movement::Entity::find()
        .select_only()
        .column(stock_movement::Column::ProductId)
        .expr_as(delta, "pieces")
        .filter(has_reason(connection, MovementReason::Order))
        .filter(stock_movement::Column::OrderId.in_subquery(orders))
        .group_by(stock_movement::Column::ProductId);
    let mut pieces: BTreeMap<Id, i64> = lines.into_tuple().all(connection).await?.into_iter().map(known_sum).collect();
    for (product, delta) in moved.into_tuple().all(connection).await?.into_iter().map(known_sum) {
        *pieces.entry(product).or_default() += delta;
    }
    pieces.retain(|_, pieces| *pieces > 0);
    Ok(pieces)
}

/// A row whose status is missing or unknown to shopctl: its id, its key and the status.
pub type UnknownStatus<S> = (Id, Stored<String>, Stored<S>);

/// The orders whose status is missing or unknown to shopctl, by reference.
pub async fn find_unknown_order_statuses(connection: &impl ConnectionTrait) -> Result<Vec<UnknownStatus<OrderStatus>>> {
    use order::Column;
    let orders = order::Entity::find().select_only().columns([Column::Id, Column::Reference, Column::Status]);
    let known = OrderStatus::ALL.map(OrderStatus::as_str);
    let unknown = orders.filter(is_unknown(Engine::of(connection), Column::Status, &known));
    Ok(unknown.order_by_asc(Column::Reference).into_tuple().all(connection).await?)
}

fn is_unknown(engine: Engine, status: impl ColumnTrait, known: &[&'static str]) -> Condition {
    let is_known = engine.is_one_of(status.into_expr(), known.to_vec());
    Condition::any().add(status.is_null()).add(is_known.not())
}

/// The products whose stock is missing or not a whole number, by SKU.
pub async fn find_odd_stocks(connection: &impl ConnectionTrait) -> Result<Vec<product::Model>> {
    use product::Column;
    let is_odd = Engine::of(connection).is_odd_integer("stock_quantity");
    let odd = Condition::any().add(Column::StockQuantity.is_null()).add(Expr::cust(is_odd));
    Ok(product::Entity::find().filter(odd).order_by_asc(Column::Sku).all(connection).await?)
}

/// The users whose status is missing or unknown to shopctl, by address.
pub async fn find_unknown_user_statuses(connection: &impl ConnectionTrait) -> Result<Vec<UnknownStatus<UserStatus>>> {
    use user::Column;
    let users = user::Entity::find().select_only().columns([Column::Id, Column::Email, Column::Status]);
    let known = UserStatus::ALL.map(UserStatus::as_str);
    let unknown = users.filter(is_unknown(Engine::of(connection), Column::Status, &known));
    Ok(unknown.order_by_asc(Column::Email).into_tuple().all(connection).await?)
}

/// The users without a valid e-mail address.
pub async fn find_users_without_address(connection: &impl ConnectionTrait) -> Result<Vec<(Id, Stored<String>)>> {
    use user::Column;
    let users = user::Entity::find().select_only().columns([Column::Id, Column::Email]);
    let without = users.filter(Column::Email.not_like(EMAIL_PATTERN));
    Ok(without.order_by_asc(Column::Email).into_tuple().all(connection).await?)
}

/// The first `limit` lines whose quantity is no number of pieces, with the name of their order.
pub async fn find_lines_without_pieces(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<(String, Stored<i32>)>> {
    use order_item::Column;
    let is_odd = Engine::of(connection).is_odd_integer("order_items.quantity");
    let is_odd = Condition::any().add(Column::Quantity.is_null()).add(Column::Quantity.lte(0)).add(Expr::cust(is_odd));
    let lines = order_item::Entity::find()
        .select_only()
        .columns([Column::OrderId, Column::Quantity])
        .column(order::Column::Reference)
        .left_join(order::Entity)
        .filter(is_odd)
        .order_by_asc(Column::Id)
        .limit(limit);
    let lines: Vec<(Id, Stored<i32>, Stored<String>)> = lines.into_tuple().all(connection).await?;
    Ok(lines.into_iter().map(|(order, quantity, reference)| (reference.or_id(order), quantity)).collect())
}

/// A line whose order or product is gone, or an order whose user is.
#[derive(Debug, Clone)]
pub struct LostRow {
    /// The line's or order's id.
    pub id: Id,
    /// The order, by reference if it is there.
    pub order: String,
    /// What is gone.
    pub gone: EntityKind,
    /// The id of what is gone, unless it is missing.
    pub gone_id: Id,
}

/// The first `limit` lines whose order or product is gone, then the first `limit` orders whose user is.
pub async fn find_lost_rows(connection: &impl ConnectionTrait, limit: u64) -> Result<Vec<LostRow>> {
    use order_item::Column;
    let lines = order_item::Entity::find()
        .select_only()
        .columns([Column::Id, Column::OrderId, Column::ProductId])
        .column(order::Column::Id)
        .column(order::Column::Reference)
        .left_join(order::Entity)
        .left_join(product::Entity)
        .filter(Condition::any().add(order::Column::Id.is_null()).add(product::Column::Id.is_null()))
        .order_by_asc(Column::Id)
        .limit(limit);
    let lines: Vec<(Id, Id, Id, Id, Stored<String>)> = lines.into_tuple().all(connection).await?;
    let line = |(id, order_id, product_id, found, reference): (Id, Id, Id, Id, Stored<String>)| {
        let is_without_order = found == Id::Missing;
        let (gone, gone_id) =
            if is_without_order { (EntityKind::Order, order_id) } else { (EntityKind::Product, product_id) };
        LostRow { id, order: reference.or_id(order_id), gone, gone_id }
    };
    let mut lost: Vec<LostRow> = lines.into_iter().map(line).collect();
    let orders = order::Entity::find()
        .select_only()
        .columns([order::Column::Id, order::Column::Reference, order::Column::UserId])
        .left_join(user::Entity)
        .filter(user::Column::Id.is_null())
        .order_by_asc(order::Column::Id)
        .limit(limit);
    let orders: Vec<(Id, Stored<String>, Id)> = orders.into_tuple().all(connection).await?;
    let order = |(id, reference, gone_id): (Id, Stored<String>, Id)| LostRow {
        id,
        order: reference.or_id(id),
        gone: EntityKind::User,
        gone_id,
    };
    lost.extend(orders.into_iter().map(order));
    Ok(lost)
}

/// Locks all products against other writers until the transaction ends, in the order of their ids.
pub async fn lock_products(handle: &WriteHandle) -> Result<Vec<product::Model>> {
    let products = product::Entity::find().order_by_asc(product::Column::Id);
    Ok(super::locked(products, super::Lock::Update).all(handle).await?)
}

/// Writes the totals and times of these locked orders, whose totals are 0, many in one statement.
pub async fn set_totals(handle: &WriteHandle, orders: &[order::Model]) -> Result<Rows> {
    use order::Column;
    let mut written = 0;
    for chunk in orders.chunks(ORDERS_PER_STATEMENT) {
        let totals = chunk.iter().fold(CaseStatement::new(), |case, order| {
            case.case(Expr::col(Column::Id).eq(order.id), Expr::value(order.total_amount.clone()))
        });
        let mut update = Query::update();
        update
            .table(order::Entity)
            .value(Column::TotalAmount, Expr::expr(totals))
            .values(chunk.first().map(|order| (Column::UpdatedAt, Expr::value(order.updated_at.clone()))))
            .and_where(Expr::col(Column::Id).is_in(chunk.iter().map(|order| order.id)));
        let rows = handle.execute(&update).await?.rows_affected();
        expect_rows(rows, chunk.len())?;
        written += rows;
    }
    Ok(Rows(written))
}
