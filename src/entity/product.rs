//! Products and their editable fields.

use sea_orm::entity::prelude::*;

use super::field::FieldKind::{Amount, Text, Time, Whole, Word};
use super::field::{Editable, Field, field};
use super::{Moment, Stored};
use crate::domain::quantity::parse_stock;
use crate::domain::{Id, Money, ProductName, Sku, moment, text::multi_line};

// New columns are added at the end, so that stored data keeps its meaning: older events lack them, and
// so does the digest of generated rows without a value.
/// A product as stored.
#[sea_orm::model]
#[derive(Clone, Debug, Default, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "products")]
pub struct Model {
    /// UUID version 7, assigned on creation.
    #[sea_orm(primary_key, auto_increment = false)]
    #[serde(skip)]
    pub id: Id,
    /// The natural key, in canonical form unless another program wrote it.
    #[sea_orm(unique)]
    pub sku: Stored<String>,
    /// The name shown to customers, at most 255 characters.
    pub name: Stored<String>,
    /// Free text with line breaks, if any.
    pub description: Option<String>,
    /// Of one piece.
    pub price: Stored<Money>,
    /// Units on hand; equals the sum of the product's movements.
    pub stock_quantity: Stored<i32>,
    /// When the product was created.
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
    /// When the row was last changed, by stock movements too.
    #[sea_orm(select_as = "char(64)")]
    pub updated_at: Moment,
    /// Since when the product cannot be ordered; missing unless it is retired.
    #[sea_orm(nullable, select_as = "char(64)")]
    pub retired_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A new product; id and times are set on creation.
    pub fn new(sku: &Sku, name: &ProductName, price: Money) -> Model {
        let (sku, name, price) = (sku.clone().into(), name.clone().into(), price.into());
        Model { sku, name, price, ..Model::new_row() }
    }

    /// Whether it cannot be ordered.
    pub fn is_retired(&self) -> bool {
        self.retired_at != Moment::Missing
    }
}

impl Editable for Model {
    const FIELDS: &'static [Field<Model>] = &[
        field!(sku, Word, Key, Sku::parse),
        field!(name, Text, Required, ProductName::parse),
        field!(description, Text, Optional, multi_line),
        field!(price, Amount, Required, Money::parse_price),
        field!(stock_quantity, Whole, Defaulted("0"), parse_stock),
        field!(retired_at, Time, Optional, moment::parse),
    ];
}
