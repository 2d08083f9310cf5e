//! What the prices of a product look like.

use super::super::{Column, View};
use crate::service::price::PriceEvent;

/// A price and since when it was in force.
pub struct PriceView(pub PriceEvent);

impl View for PriceView {
    const NOUN: &'static str = "prices";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("since", "SINCE", |view| view.0.since.clone().into()),
        Column::new("price", "PRICE", |view| view.0.price.into()),
        Column::new("operation", "OPERATION", |view| view.0.operation.as_str().into()),
        Column::new("actor", "ACTOR", |view| view.0.actor.as_str().into()),
    ];

    fn id(&self) -> String {
        self.0.since.to_string()
    }
}
