//! Takes back changes of users and products, many in one statement.

use std::collections::{BTreeMap, HashMap};

use sea_orm::EntityTrait;
use serde_json::{Value as Json, json};

use super::refusal::{MovedOn, not_in_stock};
use super::{Recorded, RestoredValue};
use crate::domain::{EntityKind, Id, MovementReason};
use crate::entity::field::Editable;
use crate::entity::{product, user};
use crate::error::Result;
use crate::repository::{self, trail};
use crate::service::operation::Operation;
use crate::service::product::known_stock;
use crate::service::{product as products, user as users};

/// The field that moves instead of being written: other operations may have moved it since.
const STOCK: &str = "stock_quantity";

/// Gives users the values that they had before these events.
pub(super) async fn restore_users(
    operation: &mut Operation,
    events: &[Recorded],
    moved_on: &mut Vec<MovedOn>,
) -> Result<Vec<RestoredValue>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = HashMap::new();
    for some in ids(events).chunks(repository::ROWS_PER_STATEMENT) {
        let users = trail::find_for_update(operation.handle(), user::Entity::find(), user::Column::Id, some).await?;
        found.extend(users.into_iter().map(|user| (user.id, user)));
    }
    let (mut pairs, mut values) = (Vec::new(), Vec::new());
    for event in events {
        let Some(row) = found.remove(&event.id) else {
            moved_on.push(MovedOn::gone(EntityKind::User, event));
            continue;
        };
        match restored(&row, &repository::user::audit_view(&row), event) {
            Err(fields) => moved_on.push(MovedOn { entity: EntityKind::User, id: event.id, fields }),
            // An order that came or went changes nothing in the row.
            Ok((_, fields)) if fields.is_empty() => {}
            Ok((after, fields)) => {
                values.extend(told(EntityKind::User, event.id, &row.email.or_id(row.id), fields));
                pairs.push((row, user::Model { updated_at: operation.now().into(), ..after }));
            }
        }
    }
    if !moved_on.is_empty() {
        return Ok(Vec::new());
    }
    let renamed = || pairs.iter().filter(|(before, after)| before.email != after.email);
    for (_, after) in renamed() {
        users::check_free(operation, &after.email, Some(after.id)).await?;
    }
    let written = repository::user::update_many(operation.handle(), &pairs).await;
    let email = renamed().next().map(|(_, after)| after.email.to_string()).unwrap_or_default();
    let changes = written.map_err(|error| users::duplicate(operation, &email, error))?;
    changes.into_iter().for_each(|change| operation.record(change));
    Ok(values)
}

/// Gives products the values that they had before these events; the stock moves back by what it moved.
///
/// Errors: exit 6 if a stock is insufficient, or cannot take the pieces back.
pub(super) async fn restore_products(
    operation: &mut Operation,
    events: &[Recorded],
    moved_on: &mut Vec<MovedOn>,
) -> Result<Vec<RestoredValue>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let found = repository::product::find_many_for_update(operation.handle(), &ids(events)).await?;
    let mut found: HashMap<Id, product::Model> = found.into_iter().map(|product| (product.id, product)).collect();
    let (mut pairs, mut values, mut movements, mut short) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
    for event in events {
        let Some(row) = found.remove(&event.id) else {
            moved_on.push(MovedOn::gone(EntityKind::Product, event));
            continue;
        };
        let name = row.sku.or_id(row.id);
        let (mut after, mut fields) = match restored(&row, &repository::product::audit_view(&row), event) {
            Ok(restored) => restored,
            Err(fields) => {
                moved_on.push(MovedOn { entity: EntityKind::Product, id: event.id, fields });
                continue;
            }
        };
        let pieces = pieces_to_add(event);
        if pieces != 0 {
            let stock = known_stock(&row)?;
            match level_after(stock, pieces) {
                None => short.push((name.clone(), stock, pieces)),
                Some(level) => {
                    after.stock_quantity = level.into();
                    fields.push((STOCK, json!(stock), json!(level)));
                    movements.insert(event.id, level - stock);
                }
            }
        }
        values.extend(told(EntityKind::Product, event.id, &name, fields));
        pairs.push((row, product::Model { updated_at: operation.now().into(), ..after }));
    }
    if !moved_on.is_empty() {
        return Ok(Vec::new());
    }
    if !short.is_empty() {
        return Err(not_in_stock(&short));
    }
    write_products(operation, &pairs, &movements).await?;
    Ok(values)
}

async fn write_products(
    operation: &mut Operation,
    pairs: &[(product::Model, product::Model)],
    movements: &BTreeMap<Id, i32>,
) -> Result<()> {
    let renamed = || pairs.iter().filter(|(before, after)| before.sku != after.sku);
    for (_, after) in renamed() {
        products::check_free(operation, &after.sku, Some(after.id)).await?;
    }
    let written = repository::product::update_many(operation.handle(), pairs).await;
    let sku = renamed().next().map(|(_, after)| after.sku.to_string()).unwrap_or_default();
    let mut changes = written.map_err(|error| products::duplicate(operation, &sku, error))?.into_iter();
    let movement = |(id, pieces): (&Id, &i32)| operation.movement(*id, *pieces, MovementReason::Correction);
    let moved: Vec<_> = movements.iter().map(movement).collect();
    let rows = repository::stock_movement::create_many(operation.handle(), &moved).await?;
    // One change covers all movements.
    if let Some(first) = changes.next() {
        operation.record(first.with_rows(rows));
    }
    changes.for_each(|change| operation.record(change));
    Ok(())
}

/// The ids in the order in which rows are locked.
fn ids(events: &[Recorded]) -> Vec<Id> {
    let mut ids: Vec<Id> = events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids
}

/// The pieces that come back into stock, less than 0 for those that are taken.
pub(super) fn pieces_to_add(event: &Recorded) -> i64 {
    let pieces = |document: &Json| document[STOCK].as_i64().unwrap_or(0);
    pieces(&event.before) - pieces(&event.after)
}

/// The stock with these pieces; `None` if it would be less than none, or cannot take them.
pub(super) fn level_after(stock: i32, pieces: i64) -> Option<i32> {
    i32::try_from(i64::from(stock) + pieces).ok().filter(|level| *level >= 0)
}

type Fields = Vec<(&'static str, Json, Json)>;

/// The row with the values of before, and those that differ: as they are, and as they were. The fields whose values are
/// not what the event left behind are an error.
pub(super) fn restored<M: Editable>(row: &M, view: &Json, event: &Recorded) -> Result<(M, Fields), Vec<&'static str>> {
    let (mut after, mut fields, mut others) = (row.clone(), Vec::new(), Vec::new());
    for field in M::FIELDS.iter().filter(|field| field.name != STOCK) {
        let (Some(then), Some(left)) = (event.before.get(field.name), event.after.get(field.name)) else { continue };
        if then == left {
            continue;
        }
        if view[field.name] != *left {
            others.push(field.name);
        }
        (field.restore)(&mut after, stored_text(then).as_deref());
        fields.push((field.name, left.clone(), then.clone()));
    }
    if others.is_empty() { Ok((after, fields)) } else { Err(others) }
}

/// A value of an event as the text that was stored; a number is one in an event as well.
fn stored_text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn told(entity: EntityKind, id: Id, name: &str, fields: Fields) -> impl Iterator<Item = RestoredValue> {
    let name = name.to_owned();
    fields.into_iter().map(move |(field, now, then)| RestoredValue {
        entity,
        id,
        name: name.clone(),
        field: field.to_owned(),
        now,
        then,
    })
}
