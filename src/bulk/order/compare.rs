//! Compares orders of a file with stored ones, which may have any form that another program wrote.

use std::collections::{BTreeMap, HashMap};

use sea_orm::ConnectionTrait;

use super::{OrderLine, OrderRow};
use crate::bulk::parsed_cell::ParsedCell;
use crate::bulk::row::Row;
use crate::bulk::spelling::{KeySpellings, folded_email, folded_sku};
use crate::bulk::upsert::shared_key;
use crate::domain::text::distinct;
use crate::domain::{Id, Money, OrderStatus};
use crate::entity::{Moment, Stored, order, user};
use crate::error::{Result, printable};
use crate::repository::order::ItemWithProduct;
use crate::repository::{self, Lock};

/// A stored order.
struct StoredOrder<'a> {
    order: &'a order::Model,
    user: Option<&'a user::Model>,
    items: &'a [&'a ItemWithProduct],
    /// What was given back, where the file says it too.
    refunded: Stored<Money>,
}

/// The stored orders that rows name, by reference; several where another program dropped the unique index.
pub async fn find<'a>(
    connection: &impl ConnectionTrait,
    rows: impl Iterator<Item = &'a OrderRow>,
    keys: &KeySpellings,
    lock: Lock,
) -> Result<HashMap<String, Vec<order::Model>>> {
    let references = distinct(rows.flat_map(|row| keys.references_of(row.key())));
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let mut found = HashMap::<String, Vec<order::Model>>::new();
    for order in repository::order::find_by_references(connection, &references, lock).await? {
        found.entry(order.reference.to_string()).or_default().push(order);
    }
    Ok(found)
}

/// The orders of a written reference: an exact match takes precedence over another spelling.
pub fn find_named<'a>(
    found: &'a HashMap<String, Vec<order::Model>>,
    written: &str,
    keys: &KeySpellings,
) -> &'a [order::Model] {
    let named = || keys.references_of(written).find_map(|reference| found.get(&reference));
    found.get(written).or_else(named).map_or(&[], Vec::as_slice)
}

/// The result of comparing an order of a file with the stored ones.
#[derive(Debug, Clone)]
pub enum Comparison {
    New,
    Same,
    /// The difference from the stored order.
    Differs(String),
}

/// Compares each order of a file with the stored ones. Several with the same reference are compared
/// independently.
pub async fn compare(
    connection: &impl ConnectionTrait,
    rows: &[&OrderRow],
    keys: &KeySpellings,
) -> Result<Vec<Comparison>> {
    let found = find(connection, rows.iter().copied(), keys, Lock::None).await?;
    if found.is_empty() {
        return Ok(vec![Comparison::New; rows.len()]);
    }
    let orders: Vec<order::Model> = found.values().flatten().cloned().collect();
    let ids: Vec<Id> = orders.iter().map(|order| order.id).collect();
    let items = repository::order::find_items_of(connection, &ids).await?;
    let users = repository::order::find_users(connection, &orders).await?;
    let has_refunded = rows.iter().any(|row| row.refunded.is_some());
    let refunded = repository::order::refunded_amounts(connection, if has_refunded { &ids } else { &[] }).await?;
    let mut items_of = HashMap::<Id, Vec<&ItemWithProduct>>::new();
    for item in &items {
        items_of.entry(item.0.order_id).or_default().push(item);
    }
    let users: HashMap<Id, &user::Model> = users.iter().map(|user| (user.id, user)).collect();
    let compared = rows.iter().map(|row| {
        let difference = |order: &order::Model| {
            let user = users.get(&order.user_id).copied();
            let items = items_of.get(&order.id).map_or(&[][..], Vec::as_slice);
            let refunded = refunded.get(&order.id).cloned().unwrap_or(Money::ZERO.into());
            row.difference(&StoredOrder { order, user, items, refunded })
        };
        let differs = || match find_named(&found, row.key(), keys) {
            [order] => difference(order),
            // One that the file does not change may be meant.
            several => {
                let is_meant = several.iter().any(|order| difference(order).is_none());
                (!is_meant).then(|| shared_key(several.len(), "order"))
            }
        };
        if find_named(&found, row.key(), keys).is_empty() {
            return Comparison::New;
        }
        keys.ambiguous_reference(row.key()).or_else(differs).map_or(Comparison::Same, Comparison::Differs)
    });
    Ok(compared.collect())
}

/// The quantities of an order, independent of how its lines are split.
#[derive(Debug, Default)]
struct Quantities(BTreeMap<QuantityKey, ItemQuantity>);

/// The key of a sum.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct QuantityKey {
    sku: String,
    /// An invalid quantity: lines with the same one are counted.
    odd: Option<String>,
}

/// The quantity of one item.
#[derive(Debug, Default)]
struct ItemQuantity {
    priced: BTreeMap<Stored<Money>, i64>,
    /// At any price: a line without one took the product's price at that time.
    unpriced: Option<i64>,
}

impl Quantities {
    fn add(&mut self, sku: String, price: Option<Stored<Money>>, quantity: &str) {
        let (odd, pieces) = match quantity.parse() {
            Ok(pieces) => (None, pieces),
            Err(_) => (Some(quantity.to_owned()), 1),
        };
        let sum = self.0.entry(QuantityKey { sku, odd }).or_default();
        let sum = match price {
            Some(price) => sum.priced.entry(price).or_default(),
            None => sum.unpriced.get_or_insert_default(),
        };
        *sum = sum.saturating_add(pieces);
    }

    /// Whether the quantities equal the stored ones.
    fn matches(&self, stored: &Quantities) -> bool {
        self.0.len() == stored.0.len()
            && self.0.iter().all(|(key, sum)| stored.0.get(key).is_some_and(|stored| sum.matches(&stored.priced)))
    }
}

impl ItemQuantity {
    fn matches(&self, stored: &BTreeMap<Stored<Money>, i64>) -> bool {
        let Some(unpriced) = self.unpriced else { return self.priced == *stored };
        let all = |sums: &BTreeMap<Stored<Money>, i64>| sums.values().fold(0, |all: i64, sum| all.saturating_add(*sum));
        self.priced.iter().all(|(price, sum)| stored.get(price).is_some_and(|stored| sum <= stored))
            && all(&self.priced).saturating_add(unpriced) == all(stored)
    }
}

impl OrderLine {
    /// The exported form of an order without items, written by another program.
    fn is_empty(&self) -> bool {
        self.sku.text.is_empty() && self.quantity.text.is_empty() && self.unit_price.is_none()
    }
}

impl OrderRow {
    /// The difference between a stored order and this one, if any.
    fn difference(&self, stored: &StoredOrder<'_>) -> Option<String> {
        let order = stored.order;
        let email = stored.user.map_or("", |user| user.email.as_str());
        let is_user = self.user.is_same_text(email) || folded_email(&self.user.text) == folded_email(email);
        let is_placed = self.placed_at.as_ref().is_none_or(|cell| {
            cell.is_same_text(&order.created_at.to_string())
                || Moment::from_stored(&cell.text).is_same(&order.created_at)
                || cell.value.as_ref().is_ok_and(|time| order.created_at.is_same(&Moment::Known(*time)))
                || self.is_in_milliseconds && Moment::from_stored(&cell.text).is_truncation_of(&order.created_at)
        });
        let is_total = self.total.as_ref().is_none_or(|cell| {
            cell.is_same_text(&order.total_amount.to_string())
                || cell.value.as_ref().is_ok_and(|total| order.total_amount == *total)
        });
        // Another shop may give back more than a total, such as the costs of shipping.
        let is_refunded = self.refunded.as_ref().is_none_or(|cell| {
            let (is_all, known) = (order.status == OrderStatus::Refunded, stored.refunded.known());
            cell.is_same_text(&stored.refunded.to_string())
                || cell
                    .value
                    .as_ref()
                    .is_ok_and(|own| known.is_some_and(|known| *own == known || is_all && *own > known))
        });
        let is_status = match &self.status {
            None => order.status == OrderStatus::Pending || matches!(order.status, Stored::Missing),
            Some(cell) => {
                cell.is_same_text(&order.status.to_string())
                    || cell.value.as_ref().is_ok_and(|own| order.status == *own)
            }
        };
        let what = if !is_user {
            "a different user"
        } else if !self.has_same_lines(stored.items) {
            "different lines"
        } else if !is_placed {
            "a different time"
        } else if !is_total {
            "a different total"
        } else if !is_refunded {
            "a different refunded amount"
        } else if !is_status {
            let own = match &self.status {
                None => OrderStatus::Pending.as_str().to_owned(),
                Some(cell) => cell.value.as_ref().map_or_else(|_| printable(&cell.text), |own| own.as_str().to_owned()),
            };
            let stored = order.status.told();
            return Some(format!("is {stored} here but {own} in the file; imports do not change the status"));
        } else {
            return None;
        };
        Some(format!("already exists with {what}; imports do not change orders"))
    }

    /// Whether the stored items equal those of the file, independent of how they are split.
    fn has_same_lines(&self, items: &[&ItemWithProduct]) -> bool {
        let mut stored = Quantities::default();
        for (item, product) in items {
            let sku = product.as_ref().map_or("", |product| product.sku.as_str());
            stored.add(folded_sku(sku), Some(item.unit_price.clone()), &item.quantity.to_string());
        }
        let mut own_quantities = Quantities::default();
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            let sku = folded_sku(&line.sku.text);
            let price = match &line.unit_price {
                None => None,
                Some(ParsedCell { value: Ok(price), .. }) => Some(Stored::Known(*price)),
                Some(cell) => {
                    let mut prices =
                        stored.0.iter().filter(|(key, _)| key.sku == sku).flat_map(|(_, sum)| sum.priced.keys());
                    let Some(price) = prices.find(|price| cell.is_same_text(&price.to_string())) else { return false };
                    Some(price.clone())
                }
            };
            match &line.quantity.value {
                Ok(quantity) => own_quantities.add(sku, price, &quantity.to_string()),
                Err(_) => own_quantities.add(sku, price, &line.quantity.text),
            }
        }
        own_quantities.matches(&stored)
    }
}
