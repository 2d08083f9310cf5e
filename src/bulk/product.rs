//! `product import`

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use super::given::{Given, Wrong};
use super::import::{Applied, Import, Rejection, Row, ValueChange};
use super::meaning;
use super::read::{Columns, Record};
use super::spelling::Keys;
use crate::domain::{Money, ProductName, Sku, text::multi_line};
use crate::entity::product::Model;
use crate::error::Result;
use crate::repository::{Lock, product as products};
use crate::service::operation::Operation;
use crate::service::product::{NewProduct, apply_create_many};

/// A product of a file. A column that the file does not have says nothing about a product that is there.
#[derive(Debug, Clone)]
pub struct ProductRow {
    sku: Given<Sku>,
    name: Option<Given<ProductName>>,
    /// An empty cell says that there is none.
    description: Option<Given<String>>,
    price: Option<Given<Money>>,
    stock: Option<Given<i32>>,
}

/// What becomes of a product of a file.
enum Outcome {
    Create(NewProduct),
    /// What the product is then, unless it is so already, and whether the file has another stock.
    Keep {
        after: Option<Model>,
        has_other_stock: bool,
    },
}

impl Row for ProductRow {
    const NOUN: &'static str = "product";
    const OPERATION: &'static str = "product.import";
    const KEY: &'static str = "sku";
    type Memory = ();
    const COLUMNS: Columns = Columns {
        known: &["sku", "name", "description", "price", "stock_quantity"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["sku"],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> ProductRow {
        ProductRow {
            sku: Given::of(record, "sku", |text| Sku::parse(meaning::unquoted(text))),
            name: Given::of_column(record, "name", ProductName::parse),
            description: Given::of_column(record, "description", multi_line),
            price: Given::of_column(record, "price", meaning::price(record.decimal_mark("price"))),
            stock: Given::of_cell(record, "stock_quantity", meaning::stock(record.decimal_mark("stock_quantity"))),
        }
    }

    fn key(&self) -> &str {
        &self.sku.text
    }

    fn identity(key: &str, keys: &Keys) -> String {
        keys.sku(key)
    }

    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(u64, ProductRow)],
        import: &Import,
    ) -> Result<HashSet<String>> {
        let found = find(connection, rows, import, Lock::None).await?;
        let there = rows.iter().filter(|(_, row)| of(&found, row, import).is_some());
        Ok(there.map(|(_, row)| row.key().to_owned()).collect())
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(u64, ProductRow)],
        import: &Import,
        _memory: &mut (),
    ) -> Result<Vec<(usize, Vec<Rejection>)>> {
        let found = find(connection, rows, import, Lock::None).await?;
        let judged = rows.iter().enumerate().filter_map(|(position, (line, row))| {
            let wrong = row.judge(of(&found, row, import)).err()?;
            Some((position, wrong.into_iter().map(|wrong| wrong.in_line(*line)).collect()))
        });
        Ok(judged.collect())
    }

    /// The stock of a product that is there moves with its orders, and is left as it is.
    async fn apply(operation: &mut Operation, rows: &[(u64, ProductRow)], import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let found = find(operation.handle(), rows, import, Lock::Update).await?;
        let mut new = Vec::new();
        for (position, (line, row)) in rows.iter().enumerate() {
            let before = of(&found, row, import);
            match (row.judge(before), before) {
                (Err(wrong), _) => {
                    let wrong = wrong.into_iter().map(|wrong| wrong.in_line(*line)).collect();
                    applied.refused.push((position, wrong));
                }
                (Ok(Outcome::Create(product)), _) => new.push(product),
                (Ok(Outcome::Keep { after, has_other_stock }), before) => {
                    applied.counts.other_stock += u64::from(has_other_stock);
                    let (Some(before), Some(after)) = (before, after) else {
                        applied.counts.unchanged += 1;
                        continue;
                    };
                    if import.lists_changes {
                        applied.changes.extend(changes(before, &after));
                    }
                    let after = Model { updated_at: operation.now().into(), ..after };
                    let change = products::update(operation.handle(), before, &after).await?;
                    operation.record(change);
                    applied.counts.updated += 1;
                }
            }
        }
        applied.counts.created += new.len() as u64;
        apply_create_many(operation, &new).await?;
        Ok(applied)
    }
}

/// The products that rows name, by their stored SKUs.
async fn find(
    connection: &impl ConnectionTrait,
    rows: &[(u64, ProductRow)],
    import: &Import,
    lock: Lock,
) -> Result<HashMap<String, Model>> {
    let mut skus: Vec<String> =
        rows.iter().flat_map(|(_, row)| [row.sku.text.clone(), import.keys.sku(&row.sku.text)]).collect();
    skus.sort_unstable();
    skus.dedup();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    let found = products::find_by_skus(connection, &skus, lock).await?;
    Ok(found.into_iter().map(|product| (product.sku.clone(), product)).collect())
}

/// The product of a row: the one whose SKU is stored just so before one in another spelling.
fn of<'a>(found: &'a HashMap<String, Model>, row: &ProductRow, import: &Import) -> Option<&'a Model> {
    found.get(&row.sku.text).or_else(|| found.get(&import.keys.sku(&row.sku.text)))
}

fn changes(before: &Model, after: &Model) -> Vec<ValueChange> {
    let values = |product: &Model| {
        [
            ("name", product.name.clone()),
            ("description", product.description.clone().unwrap_or_default()),
            ("price", product.price.to_string()),
        ]
    };
    let pairs = values(before).into_iter().zip(values(after));
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed
        .map(|((column, old), (_, new))| ValueChange { key: before.sku.clone(), column, before: old, after: new })
        .collect()
}

impl ProductRow {
    fn judge(&self, stored: Option<&Model>) -> Result<Outcome, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let outcome = match stored {
            Some(product) => Some(self.on(product, &mut wrong)),
            None => self.created(&mut wrong),
        };
        if wrong.is_empty() { outcome.ok_or(wrong) } else { Err(wrong) }
    }

    /// The product with what the file says of it.
    fn on(&self, product: &Model, wrong: &mut Vec<Wrong>) -> Outcome {
        let mut after = product.clone();
        if let Some(given) = self.name.as_ref().filter(|given| !given.is_text(&product.name))
            && let Some(name) = given.take("name", wrong)
        {
            name.as_str().clone_into(&mut after.name);
        }
        let description = product.description.as_deref().unwrap_or_default();
        if let Some(given) = self.description.as_ref().filter(|given| !given.is_text(description)) {
            after.description = match given.text.is_empty() {
                true => None,
                false => given.take("description", wrong).cloned(),
            };
        }
        if let Some(given) = self.price.as_ref().filter(|given| !given.is_text(&product.price.to_string()))
            && let Some(price) = given.take("price", wrong)
        {
            after.price = *price;
        }
        let stock = product.stock_quantity;
        let other_stock = self.stock.as_ref().filter(|given| !given.is_text(&stock.to_string()));
        let other_stock = other_stock.and_then(|given| given.take("stock_quantity", wrong));
        let has_other_stock = other_stock.is_some_and(|given| *given != stock);
        Outcome::Keep { after: (after != *product).then_some(after), has_other_stock }
    }

    fn created(&self, wrong: &mut Vec<Wrong>) -> Option<Outcome> {
        let sku = self.sku.take("sku", wrong).cloned();
        let lacks = [("name", self.name.is_none()), ("price", self.price.is_none())];
        let lacks: Vec<&str> = lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(column, _)| column).collect();
        if sku.is_some() && !lacks.is_empty() {
            let reason = format!("is not a known product and the file has no {}", lacks.join(" and no "));
            wrong.push(Wrong { column: "sku", value: self.sku.text.clone(), reason });
        }
        let name = self.name.as_ref().and_then(|given| given.take("name", wrong)).cloned();
        let description = self.description.as_ref().filter(|given| !given.text.is_empty());
        let description = description.and_then(|given| given.take("description", wrong)).cloned();
        let price = self.price.as_ref().and_then(|given| given.take("price", wrong)).copied();
        let stock = self.stock.as_ref().and_then(|given| given.take("stock_quantity", wrong)).copied();
        let new = NewProduct { sku: sku?, name: name?, description, price: price?, stock: stock.unwrap_or(0) };
        Some(Outcome::Create(new))
    }
}
