//! Refunds of orders, with their lines. They are appended, never changed.

use std::collections::HashMap;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value as Json, json};

use crate::db::write::WriteHandle;
use crate::domain::{Id, Money};
use crate::entity::{Moment, Stored, order_refund, order_refund_line};
use crate::error::Result;
use crate::repository::{LOOKED_UP_AT_ONCE, Rows, among, find_by_id, insert_many};

/// A refund with its lines, of which one of an amount alone has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The refund's row.
    pub refund: order_refund::Model,
    /// Its lines, in insertion order.
    pub lines: Vec<order_refund_line::Model>,
}

impl Refund {
    /// The refunds of an order in the form of events.
    pub fn read_all(order_id: Id, operation_id: Id, refunds: &Json) -> Vec<Refund> {
        let id = |value: &Json| Some(Id::of_text(value.as_str()?));
        let amount = |value: &Json| Some(Stored::<Money>::from(value.as_str()?));
        let read = |refund: &Json| {
            let refund_id = id(&refund["id"])?;
            let line = |line: &Json| {
                Some(order_refund_line::Model {
                    id: id(&line["id"])?,
                    refund_id,
                    order_item_id: id(&line["order_item_id"])?,
                    quantity: i32::try_from(line["quantity"].as_i64()?).ok()?.into(),
                    amount: amount(&line["amount"])?,
                })
            };
            let row = order_refund::Model {
                id: refund_id,
                order_id,
                amount: amount(&refund["amount"])?,
                reason: refund["reason"].as_str().map(str::to_owned),
                operation_id,
                created_at: Moment::from_stored(refund["created_at"].as_str()?),
            };
            let lines = refund["lines"].as_array().into_iter().flatten().filter_map(line).collect();
            Some(Refund { refund: row, lines })
        };
        refunds.as_array().into_iter().flatten().filter_map(read).collect()
    }
}

/// The sum of refunds; `None` if another program stored an invalid or too large amount.
pub fn sum_of<'a>(refunds: impl IntoIterator<Item = &'a Refund>) -> Option<Money> {
    refunds.into_iter().try_fold(Money::ZERO, |sum, refund| sum.checked_plus(refund.refund.amount.known()?))
}

/// The refunds of an order, in insertion order.
pub async fn find_refunds(connection: &impl ConnectionTrait, order_id: Id) -> Result<Vec<Refund>> {
    Ok(find_refunds_of(connection, &[order_id]).await?.remove(&order_id).unwrap_or_default())
}

/// The refund with this id, or with a line with this id.
pub async fn find_refund_by_any_id(connection: &impl ConnectionTrait, id: Id) -> Result<Option<order_refund::Model>> {
    let line = find_by_id::<order_refund_line::Entity, _>(connection, id).await?;
    find_by_id::<order_refund::Entity, _>(connection, line.map_or(id, |line| line.refund_id)).await
}

/// The refunds of these orders, by order and in insertion order.
pub async fn find_refunds_of(connection: &impl ConnectionTrait, order_ids: &[Id]) -> Result<HashMap<Id, Vec<Refund>>> {
    let mut found = HashMap::<Id, Vec<Refund>>::new();
    for some in order_ids.chunks(LOOKED_UP_AT_ONCE) {
        let with_lines = order_refund::Entity::find()
            .filter(among(connection, order_refund::Column::OrderId, some.iter().copied()))
            .order_by_asc(order_refund::Column::Id)
            .order_by_asc(order_refund_line::Column::Id)
            .find_also_related(order_refund_line::Entity);
        for (refund, line) in with_lines.all(connection).await? {
            // A line that does not exist is read as one without an id.
            let line = line.filter(|line| line.refund_id != Id::Missing);
            let refunds = found.entry(refund.order_id).or_default();
            match refunds.last_mut().filter(|last| last.refund.id == refund.id) {
                Some(last) => last.lines.extend(line),
                None => refunds.push(Refund { refund, lines: line.into_iter().collect() }),
            }
        }
    }
    Ok(found)
}

/// What was given back for each of these orders that has refunds.
pub async fn refunded_amounts(
    connection: &impl ConnectionTrait,
    order_ids: &[Id],
) -> Result<HashMap<Id, Stored<Money>>> {
    let mut amounts = HashMap::new();
    for some in order_ids.chunks(LOOKED_UP_AT_ONCE) {
        let sums = order_refund::Entity::find()
            .select_only()
            .column(order_refund::Column::OrderId)
            // Exact after rounding to cents, also as a sum of floats: an order has few refunds.
            .expr_as(order_refund::Column::Amount.into_expr().sum(), "refunded")
            .filter(among(connection, order_refund::Column::OrderId, some.iter().copied()))
            .group_by(order_refund::Column::OrderId);
        amounts.extend(sums.into_tuple::<(Id, Stored<Money>)>().all(connection).await?);
    }
    Ok(amounts)
}

/// Appends refunds with their lines.
pub async fn create_refunds<'a>(
    handle: &WriteHandle,
    refunds: impl Iterator<Item = &'a Refund> + Clone,
) -> Result<Rows> {
    let lines = refunds.clone().flat_map(|refund| &refund.lines);
    let rows = insert_many::<order_refund::Model, _>(handle, refunds.map(|refund| &refund.refund)).await?;
    let lines = insert_many::<order_refund_line::Model, _>(handle, lines).await?;
    Ok(Rows(rows.count() + lines.count()))
}

/// Deletes the refunds of an order, which are all that it has.
pub async fn delete_refunds(handle: &WriteHandle, refunds: &[Refund]) -> Result<Rows> {
    let ids: Vec<Id> = refunds.iter().map(|refund| refund.refund.id).collect();
    if ids.is_empty() {
        return Ok(Rows(0));
    }
    let lines = order_refund_line::Column::RefundId.is_in(ids.iter().copied());
    let lines = order_refund_line::Entity::delete_many().filter(lines).exec(handle).await?;
    let refunds = order_refund::Entity::delete_many().filter(order_refund::Column::Id.is_in(ids)).exec(handle).await?;
    Ok(Rows(lines.rows_affected + refunds.rows_affected))
}

/// A refund in the form of events.
pub fn audit_view(Refund { refund, lines }: &Refund) -> Json {
    let line = |line: &order_refund_line::Model| json!({ "id": line.id, "order_item_id": line.order_item_id, "quantity": line.quantity, "amount": line.amount });
    json!({
        "id": refund.id,
        "amount": refund.amount,
        "reason": refund.reason,
        "created_at": refund.created_at,
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
    })
}
