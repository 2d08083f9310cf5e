//! Views of products and prices: explicit columns, so that none appears by accident.

use crate::cli::shared::mutation::Noun;
use crate::entity::product;
use crate::output::{Column, View};
use crate::service::price::PriceEvent;

impl View for product::Model {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.id.into()),
        Column::key("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::detail("description", "DESCRIPTION", |view| view.description.clone().into()),
        Column::new("price", "PRICE", |view| view.price.clone().into()),
        Column::new("stock_quantity", "STOCK", |view| view.stock_quantity.clone().into()),
        Column::minor("created_at", "CREATED", |view| view.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.updated_at.clone().into()),
        Column::detail("retired_at", "RETIRED", |view| view.retired_at.clone().into()),
    ];
}

impl View for PriceEvent {
    const NOUN: &'static str = "prices";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("since", "SINCE", |view| view.since.clone().into()),
        Column::new("before", "BEFORE", |view| view.before.into()),
        Column::new("price", "PRICE", |view| view.price.into()),
        Column::new("operation", "OPERATION", |view| view.operation.to_string().into()),
        Column::new("actor", "ACTOR", |view| view.actor.as_str().into()),
    ];
}

impl Noun for product::Model {
    const NAME: &'static str = "product";
    const KEY: &'static str = "sku";
}

#[cfg(test)]
mod tests {
    use sea_orm::{IdenStatic, Iterable};

    use super::*;

    #[test]
    fn every_column_is_shown() {
        let shown = product::Model::default().to_json();
        let lacking = product::Column::iter().find(|column| !shown.contains_key(column.as_str()));
        assert!(lacking.is_none(), "no view of {lacking:?}");
    }
}
