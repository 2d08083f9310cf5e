//! `product import`

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use super::import::{Applied, Import, Row, optional, required};
use super::read::{Columns, Record};
use crate::domain::quantity::parse_stock;
use crate::domain::{Money, ProductName, Sku, Violations, text::multi_line};
use crate::entity::product::Model;
use crate::error::Result;
use crate::repository::{Lock, product as products};
use crate::service::operation::Operation;
use crate::service::product::{NewProduct, ProductUpdate, apply_create_many, apply_update};

/// A product of a file.
#[derive(Debug, Clone)]
pub struct ProductRow {
    new: NewProduct,
    /// Whether the file has the column at all: an absent one changes nothing.
    has_description: bool,
}

impl Row for ProductRow {
    const NOUN: &'static str = "product";
    const OPERATION: &'static str = "product.import";
    const KEY: &'static str = "sku";
    type Memory = ();
    const COLUMNS: Columns = Columns {
        known: &["sku", "name", "description", "price", "stock_quantity"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["sku", "name", "price"],
        nested: None,
    };

    fn parse(record: &Record, violations: &mut Violations) -> Option<ProductRow> {
        let sku = required(record, violations, "sku", Sku::parse);
        let name = required(record, violations, "name", ProductName::parse);
        let description = optional(record, violations, "description", multi_line);
        let price = match record.amount("price") {
            Some(text) => violations.parse("price", &text, Money::parse_price),
            None => required(record, violations, "price", Money::parse_price),
        };
        let stock = optional(record, violations, "stock_quantity", parse_stock);
        let has_description = description.is_some();
        let new = NewProduct { sku: sku?, name: name?, description, price: price?, stock: stock.unwrap_or(0) };
        Some(ProductRow { new, has_description })
    }

    fn key(&self) -> &str {
        self.new.sku.as_str()
    }

    async fn existing(connection: &impl ConnectionTrait, keys: &[&str]) -> Result<HashSet<String>> {
        let found = products::find_by_skus(connection, keys, Lock::None).await?;
        Ok(found.into_iter().map(|product| product.sku).collect())
    }

    /// The stock of a product that is there moves with its orders, and is left as it is.
    async fn apply(operation: &mut Operation, rows: &[ProductRow], _import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let counts = &mut applied.counts;
        let keys: Vec<&str> = rows.iter().map(Row::key).collect();
        let found = products::find_by_skus(operation.handle(), &keys, Lock::Update).await?;
        let found: HashMap<&str, &Model> = found.iter().map(|product| (product.sku.as_str(), product)).collect();
        let mut new = Vec::new();
        for row in rows {
            match found.get(row.key()) {
                None => new.push(row.new.clone()),
                Some(product) if row.is_as(product) => counts.unchanged += 1,
                Some(_) => {
                    let update = ProductUpdate {
                        sku: None,
                        name: Some(row.new.name.clone()),
                        description: row.has_description.then(|| row.new.description.clone()),
                        price: Some(row.new.price),
                    };
                    apply_update(operation, row.key(), &update).await?;
                    counts.updated += 1;
                }
            }
        }
        counts.created += new.len() as u64;
        apply_create_many(operation, &new).await?;
        Ok(applied)
    }
}

impl ProductRow {
    fn is_as(&self, product: &Model) -> bool {
        let same_description = !self.has_description || self.new.description == product.description;
        self.new.name.as_str() == product.name && self.new.price == product.price && same_description
    }
}
