//! Takes back a change: the order gets the lines, the customer and the total of before, and the stock moves back.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value as Json, json};

use super::rules::{check_may_grow, check_own};
use super::{Lines, difference, record_customers, write};
use crate::domain::{Id, OrderStatus};
use crate::entity::{order, order_item, user};
use crate::error::{Error, Result, printable};
use crate::repository::said::{LastSaid, NOTE};
use crate::repository::user::UserKey;
use crate::repository::{self, Lock, stock_movement as movements, trail};
use crate::service::explain::sorted;
use crate::service::operation::Operation;
use crate::service::place_order::check_may_order;

/// The members of an order's event that a change may write.
const CHANGED: [&str; 4] = ["status", "user_id", "total_amount", "items"];

/// What became of an order whose change is taken back.
pub(in crate::service) enum Restored {
    /// These members are not what the change left behind.
    MovedOn(Vec<&'static str>),
    /// Each changed value: its name, as it was, and as it is now again.
    Done { name: String, values: Vec<(String, Json, Json)> },
}

/// Takes back the change of an order from `to` to `from`, both in the form of events.
///
/// Errors: exit 6 if stock is insufficient, the customer may not order, or a product is gone.
pub(in crate::service) async fn restore(operation: &mut Operation, id: Id, from: &Json, to: &Json) -> Result<Restored> {
    let found = trail::find_for_update(operation.handle(), order::Entity::find(), order::Column::Id, &[id]).await?;
    let Some(before) = found.into_iter().next() else { return Ok(Restored::MovedOn(CHANGED.to_vec())) };
    let items = repository::order::find_latest_items(operation.handle(), id).await?;
    let said = last_said(operation.handle(), &[(id, from)]).await?;
    let moved_on = moved_on(&before, &items, said.get(&id), [to, from]);
    if !moved_on.is_empty() || before.status != OrderStatus::Pending {
        return Ok(Restored::MovedOn(moved_on));
    }
    check_own(&before, &items, &movements::find_latest_by_order(operation.handle(), id).await?)?;
    let old_user = repository::user::find_by_id_for_share(operation.handle(), before.user_id).await?;
    let user = match is_changed("user_id", [to, from]) {
        true => find_user(operation, &before, old_user.clone(), to).await?,
        false => old_user.clone(),
    };
    let ids = |document: &Json| document["items"].as_array().into_iter().flatten().map(product_of).collect::<Vec<_>>();
    let names = [ids(from), ids(to)].concat();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let products = repository::product::find_named(operation.handle(), &names).await?;
    let ids: Vec<Id> = products.iter().map(|product| product.id).collect();
    let products = repository::product::find_many_for_update(operation.handle(), &ids).await?;
    let are_items_changed = is_changed("items", [to, from]);
    let after_items = match are_items_changed {
        true => repository::order::read_items(id, &to["items"], &products).ok_or_else(|| gone(&before))?,
        false => items.clone(),
    };
    let products = products.into_iter().map(|product| (product.id, product)).collect();
    let lines = Lines { order: &before, products: &products };
    let difference = difference(&items, &after_items);
    check_may_grow(user.as_ref(), &difference)?;
    lines.check_stock(&items, &difference)?;
    let total_amount = to["total_amount"].as_str().filter(|_| are_items_changed);
    let total_amount = total_amount.map_or_else(|| before.total_amount.clone(), Into::into);
    let user_id = user.as_ref().map_or(before.user_id, |user| user.id);
    let after = order::Model { user_id, total_amount, updated_at: operation.now().into(), ..before.clone() };
    let taken = lines.taken(&difference)?;
    let note = note_of_before(from, to);
    write(operation, (&before, &items), (&after, &after_items), &taken, note).await?;
    record_customers(operation, old_user.as_ref(), user.as_ref(), &before);
    let mut values = values(&lines, (&before, &items), (&after, &after_items));
    values.extend(note.map(|_| (NOTE.to_owned(), from[NOTE].clone(), to[NOTE].clone())));
    Ok(Restored::Done { name: before.reference.or_id(id), values })
}

/// What was last said of those of these orders whose change left a note behind.
pub(in crate::service) async fn last_said(
    connection: &impl ConnectionTrait,
    left: &[(Id, &Json)],
) -> Result<HashMap<Id, LastSaid>> {
    let noted = left.iter().filter(|(_, left)| left.get(NOTE).is_some());
    LastSaid::find(connection, &noted.map(|(id, _)| *id).collect::<Vec<_>>()).await
}

/// Whether a change wrote this member of its event.
fn is_changed(name: &str, [before, left]: [&Json; 2]) -> bool {
    sorted(before[name].clone()) != sorted(left[name].clone())
}

/// The members of a change's event that it wrote and that an order has other values of by now, and its status.
pub(in crate::service) fn moved_on(
    order: &order::Model,
    items: &[order_item::Model],
    said: Option<&LastSaid>,
    [before, left]: [&Json; 2],
) -> Vec<&'static str> {
    let now = repository::order::audit_view(order, items, &[]);
    let counts = |name: &&str| *name == "status" || is_changed(name, [before, left]);
    let mut moved_on: Vec<_> =
        CHANGED.into_iter().filter(counts).filter(|name| is_changed(name, [&now, left])).collect();
    let note = said.and_then(|said| said.note.as_deref()).unwrap_or_default();
    moved_on.extend(left.get(NOTE).filter(|left| left.as_str().unwrap_or_default() != note).map(|_| NOTE));
    moved_on
}

/// The note that a change replaced, empty if there was none; `None` if the change left the note alone.
fn note_of_before<'a>(from: &Json, to: &'a Json) -> Option<&'a str> {
    from.get(NOTE)?;
    Some(to.get(NOTE)?.as_str().unwrap_or_default())
}

fn product_of(item: &Json) -> String {
    item["product_id"].as_str().unwrap_or_default().to_owned()
}

/// The customer of before; the present one if it is the same. Errors: exit 6 if they may not order.
async fn find_user(
    operation: &Operation,
    order: &order::Model,
    now: Option<user::Model>,
    to: &Json,
) -> Result<Option<user::Model>> {
    let Some(id) = to["user_id"].as_str().filter(|_| to["user_id"] != json!(order.user_id)) else {
        return Ok(now);
    };
    let user = repository::user::find_one(operation.handle(), UserKey::parse(id), Lock::Share).await?;
    let name = printable(&order.reference);
    let gone = || Error::conflict("undo.gone", format!("the earlier customer of order {name} was deleted"));
    let user = user.ok_or_else(gone)?;
    check_may_order(&user)?;
    Ok(Some(user))
}

fn gone(order: &order::Model) -> Error {
    let name = printable(&order.reference);
    Error::conflict("undo.gone", format!("a product of the earlier lines of order {name} was deleted"))
}

/// The values that differ.
fn values(
    lines: &Lines<'_>,
    (before, items): (&order::Model, &[order_item::Model]),
    (after, after_items): (&order::Model, &[order_item::Model]),
) -> Vec<(String, Json, Json)> {
    let described = |items: &[order_item::Model]| -> HashMap<Id, (String, Json)> {
        let line = |item: &order_item::Model| {
            let (sku, text) =
                (lines.sku(item.product_id), format!("{} at {}", item.quantity.told(), item.unit_price.told()));
            (item.id, (format!("item {sku}"), json!(text)))
        };
        items.iter().map(line).collect()
    };
    let (old, new) = (described(items), described(after_items));
    let mut ids: Vec<&Id> = old.keys().chain(new.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let of_line = |id: &Id| {
        let (was, is) = (old.get(id), new.get(id));
        let name = was.or(is).map(|(name, _)| name.clone()).unwrap_or_default();
        let value = |line: Option<&(String, Json)>| line.map(|(_, text)| text.clone()).unwrap_or_default();
        (name, value(was), value(is))
    };
    let own = [
        ("user_id".to_owned(), json!(before.user_id), json!(after.user_id)),
        ("total_amount".to_owned(), json!(before.total_amount), json!(after.total_amount)),
    ];
    ids.into_iter().map(of_line).chain(own).filter(|(_, was, is)| was != is).collect()
}
