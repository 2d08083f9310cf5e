//! `product import`

use sea_orm::ConnectionTrait;

use super::given::Given;
use super::meaning;
use super::plan::Import;
use super::read::{Columns, Record};
use super::rejection::Wrong;
use super::row::Row;
use super::spelling::Keys;
use super::upsert::Upsert;
use crate::domain::{EventName, Id, Money, ProductName, Sku, text::multi_line};
use crate::entity::product::Model;
use crate::error::Result;
use crate::repository::{Change, Lock, product as products};
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

impl Row for ProductRow {
    const NOUN: &'static str = "product";
    const OPERATION: EventName = EventName::ProductImport;
    const KEY: &'static str = "sku";
    const COLUMNS: Columns = Columns {
        known: &["sku", "name", "description", "price", "stock_quantity"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["sku"],
        texts: &["name", "description"],
        amounts: &["price"],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> ProductRow {
        ProductRow {
            sku: Given::of(record, "sku", Sku::parse),
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
}

impl Upsert for ProductRow {
    type Model = Model;
    type New = NewProduct;

    async fn find(connection: &impl ConnectionTrait, skus: &[&str], lock: Lock) -> Result<Vec<Model>> {
        products::find_by_skus(connection, skus, lock).await
    }

    fn key_of(product: &Model) -> &str {
        &product.sku
    }

    fn id_of(product: &Model) -> Id {
        product.id
    }

    fn ambiguous(sku: &str, keys: &Keys) -> Option<String> {
        keys.ambiguous_sku(sku)
    }

    fn values(product: &Model) -> Vec<(&'static str, String)> {
        vec![
            ("name", product.name.clone()),
            ("description", product.description.clone().unwrap_or_default()),
            ("price", product.price.to_string()),
        ]
    }

    fn on(&self, product: &Model, wrong: &mut Vec<Wrong>) -> Model {
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
            after.price = (*price).into();
        }
        if let Some(given) = self.stock.as_ref().filter(|given| !given.is_text(&product.stock_quantity.to_string())) {
            given.take("stock_quantity", wrong);
        }
        after
    }

    /// The stock of a product that is there moves with its orders, and is left as it is.
    fn has_other_stock(&self, product: &Model) -> bool {
        matches!(&self.stock, Some(Given { value: Ok(stock), .. }) if product.stock_quantity != *stock)
    }

    fn created(&self, wrong: &mut Vec<Wrong>) -> Option<NewProduct> {
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
        Some(NewProduct { sku: sku?, name: name?, description, price: price?, stock: stock.unwrap_or(0) })
    }

    async fn create(operation: &mut Operation, new: Vec<NewProduct>) -> Result<()> {
        apply_create_many(operation, &new).await
    }

    async fn update(operation: &Operation, before: &Model, after: Model) -> Result<Change> {
        let after = Model { updated_at: operation.now().into(), ..after };
        products::update(operation.handle(), before, &after).await
    }
}
