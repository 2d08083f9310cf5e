//! A share of the users with all that belongs to them, so that every reference leads to a row of it and every stock is
//! the sum of its movements. All products are part of it.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::fakes::Fakes;
use crate::domain::{EntityKind, Share};
use crate::entity::Moment;
use crate::entity::tables::Table;
use crate::error::Result;
use crate::transfer::{Cell, Origin, Report, Row, read_rows};

/// What belongs to it, by the numbers of ids.
pub struct Sample {
    /// The greatest number of a user of the sample.
    limit: u64,
    orders: HashSet<u128>,
    refunds: HashSet<u128>,
    products: HashMap<u128, Product>,
}

/// A product that orders moved which are not part of the sample.
#[derive(Default)]
struct Product {
    /// The sum of those movements.
    moved: i64,
    /// The last time that its own events say.
    changed_at: Option<i64>,
}

impl Sample {
    /// Chooses the users, at least one, and what belongs to them.
    ///
    /// Errors: those of reading.
    pub async fn read(shop: &mut dyn Origin, share: Share, fakes: &Fakes, report: Report<'_>) -> Result<Sample> {
        let (orders, refunds, products) = (HashSet::new(), HashSet::new(), HashMap::new());
        let mut sample = Sample { limit: share.limit(), orders, refunds, products };
        // Each is decided by tables before it, except that events are read for the times of products.
        for table in shop.tables() {
            let is_needed = ["users", "orders", "order_refunds", "stock_movements", "audit_events"];
            if !is_needed.contains(&table.name.as_str()) {
                continue;
            }
            let mut lowest = u64::MAX;
            let each = |row: Row| {
                if table.name == "users" {
                    lowest = lowest.min(number_of_user(row.get(&table, "id"), fakes));
                } else {
                    sample.note(&table, &row, fakes);
                }
                Ok(())
            };
            read_rows(&table, shop, &mut *report, each).await?;
            if table.name == "users" && lowest < u64::MAX {
                sample.limit = sample.limit.max(lowest);
            }
        }
        Ok(sample)
    }

    fn note(&mut self, table: &Table, row: &Row, fakes: &Fakes) {
        let is_part = self.has(table, row, fakes);
        match table.name.as_str() {
            "orders" if is_part => {
                self.orders.insert(number(row.get(table, "id")));
            }
            "order_refunds" if is_part => {
                self.refunds.insert(number(row.get(table, "id")));
            }
            "stock_movements" if !is_part => {
                let product = self.products.entry(number(row.get(table, "product_id"))).or_default();
                if let Cell::Integer(delta) = row.get(table, "delta") {
                    product.moved += delta;
                }
            }
            "audit_events" if row.get(table, "entity_type") == &Cell::Text(EntityKind::Product.as_str().to_owned()) => {
                let product = self.products.get_mut(&number(row.get(table, "entity_id")));
                if let Some(product) = product {
                    product.changed_at = product.changed_at.max(time_after(row.get(table, "after")));
                }
            }
            _ => {}
        }
    }

    /// Whether a row is part of it.
    pub fn has(&self, table: &Table, row: &Row, fakes: &Fakes) -> bool {
        let has_user = |column: &str| number_of_user(row.get(table, column), fakes) <= self.limit;
        let has_order = |column: &str| self.has_order(row.get(table, column));
        match table.name.as_str() {
            "users" => has_user("id"),
            "orders" => has_user("user_id"),
            "order_items" | "order_refunds" => has_order("order_id"),
            "order_refund_lines" => self.refunds.contains(&number(row.get(table, "refund_id"))),
            "stock_movements" => row.get(table, "order_id") == &Cell::Missing || has_order("order_id"),
            "audit_events" => {
                let Cell::Text(kind) = row.get(table, "entity_type") else { return true };
                let kind = EntityKind::from_stored(kind).filter(|_| row.get(table, "entity_id") != &Cell::Missing);
                match kind {
                    Some(EntityKind::User) => has_user("entity_id"),
                    Some(EntityKind::Order) => has_order("entity_id"),
                    Some(EntityKind::Movement) => self.has_order_of(row.get(table, "after")),
                    _ => true,
                }
            }
            _ => true,
        }
    }

    fn has_order(&self, id: &Cell) -> bool {
        self.orders.contains(&number(id))
    }

    /// Whether the movement of a document is no order's, or that of an order which is part of it.
    fn has_order_of(&self, document: &Cell) -> bool {
        let document = json(document);
        let Some(order) = document["order_id"].as_str() else { return true };
        self.has_order(
            &uuid::Uuid::try_parse(order).map_or_else(|_| Cell::Text(order.to_owned()), |id| Cell::Id(id, None)),
        )
    }

    /// Takes out of a product's stock what orders moved that are not part of it. A time at which one of them moved it
    /// would be that of no change: its own last one is in its place.
    pub fn adjust(&self, table: &Table, row: &mut Row) {
        if table.name != "products" {
            return;
        }
        let Some(product) = self.products.get(&number(row.get(table, "id"))) else { return };
        for (column, cell) in table.columns.iter().zip(&mut row.0) {
            match (column.name.as_str(), cell) {
                ("stock_quantity", Cell::Integer(stock)) => *stock -= product.moved,
                ("updated_at", Cell::Time(time, form)) => {
                    if let Some(changed_at) = product.changed_at.filter(|changed_at| changed_at < time) {
                        (*time, *form) = (changed_at, None);
                    }
                }
                _ => {}
            }
        }
    }
}

fn number_of_user(id: &Cell, fakes: &Fakes) -> u64 {
    fakes.number(&id.canonical())
}

/// An id in few bytes.
fn number(id: &Cell) -> u128 {
    match id {
        Cell::Id(id, _) => id.as_u128(),
        other => Sha256::digest(other.canonical()).first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes)),
    }
}

fn json(document: &Cell) -> Json {
    match document {
        Cell::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Json::Null,
    }
}

fn time_after(document: &Cell) -> Option<i64> {
    match Moment::from_stored(json(document)["updated_at"].as_str()?) {
        Moment::Known(time) => Some(time.timestamp_micros()),
        Moment::Odd(_) | Moment::Missing => None,
    }
}
