//! Moving orders to another user.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::named::check_seen;
use super::{Change, Column, Entity, Model, audit_view, find_items_of, find_refunds_of};
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, Id};
use crate::entity::order_item;
use crate::error::Result;
use crate::repository::{LOOKED_UP_AT_ONCE, Lock, expect_rows, locked};

/// All orders of a user, locked until the transaction ends, in the order of their ids.
///
/// Errors: as of [`super::find_for_update`].
pub async fn find_of_user_for_update(handle: &WriteHandle, user_id: Id) -> Result<Vec<Model>> {
    let orders = Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::Id);
    let orders = locked(orders, Lock::Update).all(handle).await?;
    check_seen(handle, &orders).await?;
    Ok(orders)
}

/// Moves locked orders to a user, many in one statement; a change for each.
///
/// Errors: exit 6 if another program has removed some of them.
pub async fn move_to_user(
    handle: &WriteHandle,
    orders: &[Model],
    user_id: Id,
    now: DateTime<Utc>,
) -> Result<Vec<Change>> {
    let ids: Vec<Id> = orders.iter().map(|order| order.id).collect();
    for some in ids.chunks(LOOKED_UP_AT_ONCE) {
        let moved = Entity::update_many()
            .col_expr(Column::UserId, Expr::value(user_id))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::Id.is_in(some.iter().copied()))
            .exec(handle)
            .await?;
        expect_rows(moved.rows_affected, some.len())?;
    }
    let mut items = HashMap::<Id, Vec<order_item::Model>>::new();
    for (item, _) in find_items_of(handle, &ids).await? {
        items.entry(item.order_id).or_default().push(item);
    }
    let refunds = find_refunds_of(handle, &ids).await?;
    let change = |before: &Model| {
        let after = Model { user_id, updated_at: now.into(), ..before.clone() };
        let items = items.get(&before.id).map_or(&[][..], Vec::as_slice);
        let refunds = refunds.get(&before.id).map_or(&[][..], Vec::as_slice);
        let view = |order: &Model| Some(audit_view(order, items, refunds));
        Change::new(EntityKind::Order, before.id, view(before), view(&after))
    };
    Ok(orders.iter().map(change).collect())
}
