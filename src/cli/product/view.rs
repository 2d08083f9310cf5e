//! What a product and its prices look like: explicit columns, so that none appears by accident.

use serde_json::{Map, Value, json};

use crate::entity::product;
use crate::output::{Column, View};
use crate::service::price::PriceEvent;

/// A product.
pub struct ProductView(pub product::Model);

impl View for ProductView {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::new("sku", "SKU", |view| view.0.sku.as_str().into()),
        Column::new("name", "NAME", |view| view.0.name.as_str().into()),
        Column::detail("description", "DESCRIPTION", |view| view.0.description.clone().into()),
        Column::new("price", "PRICE", |view| view.0.price.clone().into()),
        Column::new("stock_quantity", "STOCK", |view| view.0.stock_quantity.clone().into()),
        Column::new("created_at", "CREATED", |view| view.0.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.0.updated_at.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}

/// A price and since when it was in force.
pub struct PriceView(pub PriceEvent);

impl View for PriceView {
    const NOUN: &'static str = "prices";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("since", "SINCE", |view| view.0.since.clone().into()),
        Column::new("price", "PRICE", |view| view.0.price.into()),
        Column::new("operation", "OPERATION", |view| view.0.operation.to_string().into()),
        Column::new("actor", "ACTOR", |view| view.0.actor.as_str().into()),
    ];

    fn id(&self) -> String {
        self.0.since.to_string()
    }
}

/// A product as `before` and `after` show it.
pub fn view_of(product: &product::Model) -> Value {
    Value::Object(ProductView(product.clone()).to_json())
}

/// The answer about a product: its keys, then the outcome.
pub fn about_product(product: &product::Model, outcome: Map<String, Value>) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(product.id));
    json.insert("sku".to_owned(), json!(product.sku));
    json.extend(outcome);
    json
}

#[cfg(test)]
mod tests {
    use sea_orm::{IdenStatic, Iterable};

    use super::*;

    #[test]
    fn every_column_is_shown() {
        let shown = ProductView(product::Model::default()).to_json();
        let lacking = product::Column::iter().find(|column| !shown.contains_key(column.as_str()));
        assert!(lacking.is_none(), "no view of {lacking:?}");
    }
}
