//! Changing the lines, the customer and the total of an order.

use std::collections::HashMap;

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Map, Value as Json, json};

use super::{Change, Column, Model, Rows, audit_view, with_extra};
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, Id};
use crate::entity::{order_item, product};
use crate::error::Result;
use crate::repository::{expect_rows, insert_many, newest, update_changed};

/// Number of lines in one statement.
const LINES_PER_STATEMENT: usize = 500;

/// An order's row and its lines.
pub type OrderAndLines<'a> = (&'a Model, &'a [order_item::Model]);

/// The lines of a locked order, in insertion order: the newest state, also where a plain read would use the
/// transaction's snapshot.
pub async fn find_latest_items(handle: &WriteHandle, order_id: Id) -> Result<Vec<order_item::Model>> {
    let select = order_item::Entity::find()
        .filter(order_item::Column::OrderId.eq(order_id))
        .order_by_asc(order_item::Column::Id);
    Ok(newest(handle, select).all(handle).await?)
}

/// The lines of an order in the form of events; `products` are theirs. `None` if one is not readable, or its product
/// is not among them.
pub fn read_items(order_id: Id, items: &Json, products: &[product::Model]) -> Option<Vec<order_item::Model>> {
    let read = |item: &Json| {
        let product = products.iter().find(|product| json!(product.id) == item["product_id"])?;
        Some(order_item::Model {
            id: Id::of_text(item["id"].as_str()?),
            order_id,
            product_id: product.id,
            quantity: i32::try_from(item["quantity"].as_i64()?).ok()?.into(),
            unit_price: item["unit_price"].as_str()?.into(),
        })
    };
    items.as_array()?.iter().map(read).collect()
}

/// Writes an order and its lines over `before`, if its status and the changed lines are still those
/// (compare-and-set). A pending order has no refunds. `extra` is additional data of the event, and what of it was said
/// before.
///
/// Errors: exit 6 if they were changed meanwhile.
pub async fn change_lines(
    handle: &WriteHandle,
    before: OrderAndLines<'_>,
    after: OrderAndLines<'_>,
    (replaced, extra): (Map<String, Json>, Map<String, Json>),
) -> Result<Change> {
    let ((old, old_lines), (new, new_lines)) = (before, after);
    update_changed(handle, old, new, Column::Id.eq(old.id).and(Column::Status.eq(old.status.clone()))).await?;
    let kept: HashMap<Id, &order_item::Model> = new_lines.iter().map(|line| (line.id, line)).collect();
    let known: HashMap<Id, &order_item::Model> = old_lines.iter().map(|line| (line.id, line)).collect();
    let removed: Vec<&order_item::Model> = old_lines.iter().filter(|line| !kept.contains_key(&line.id)).collect();
    let added: Vec<&order_item::Model> = new_lines.iter().filter(|line| !known.contains_key(&line.id)).collect();
    let changed: Vec<_> = old_lines
        .iter()
        .filter_map(|line| Some((line, *kept.get(&line.id)?)))
        .filter(|(line, after)| line != after)
        .collect();
    for some in removed.chunks(LINES_PER_STATEMENT) {
        let ids = order_item::Column::Id.is_in(some.iter().map(|line| line.id));
        let gone = order_item::Entity::delete_many().filter(ids).exec(handle).await?;
        expect_rows(gone.rows_affected, some.len())?;
    }
    for some in changed.chunks(LINES_PER_STATEMENT) {
        update_lines(handle, some).await?;
    }
    let rows = (removed.len() + changed.len()) as u64;
    let added = if added.is_empty() { Rows(0) } else { insert_many::<order_item::Model, _>(handle, added).await? };
    let before = with_extra(audit_view(old, old_lines, &[]), replaced);
    let after = with_extra(audit_view(new, new_lines, &[]), extra);
    let change = Change::new(EntityKind::Order, old.id, Some(before), Some(after));
    Ok(change.with_rows(Rows(rows)).with_rows(added))
}

/// Writes the quantities and prices that differ, in one statement.
async fn update_lines(handle: &WriteHandle, lines: &[(&order_item::Model, &order_item::Model)]) -> Result<()> {
    use order_item::Column::{Id, Quantity, UnitPrice};
    let by_line = |value: fn(&order_item::Model, &order_item::Model) -> Expr| {
        Expr::expr(lines.iter().fold(CaseStatement::new(), |case, (before, after)| {
            case.case(Expr::col(Id).eq(before.id), value(before, after))
        }))
    };
    let mut update = Query::update();
    update
        .table(order_item::Entity)
        .and_where(Expr::col(Id).is_in(lines.iter().map(|(before, _)| before.id)))
        .and_where(Expr::col(Quantity).eq(by_line(|before, _| Expr::value(before.quantity.clone()))));
    if lines.iter().any(|(before, after)| before.quantity != after.quantity) {
        update.value(Quantity, by_line(|_, after| Expr::value(after.quantity.clone())));
    }
    if lines.iter().any(|(before, after)| before.unit_price != after.unit_price) {
        update.value(UnitPrice, by_line(|_, after| Expr::value(after.unit_price.clone())));
    }
    expect_rows(handle.execute(&update).await?.rows_affected(), lines.len())
}
