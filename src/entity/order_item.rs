//! One line of an order.

use sea_orm::entity::prelude::*;

use super::Stored;
use crate::domain::{Id, Money};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_items")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    pub order_id: Id,
    pub product_id: Id,
    pub quantity: Stored<i32>,
    /// The product's price when the order was placed.
    pub unit_price: Stored<Money>,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "product_id", to = "id")]
    pub product: BelongsTo<super::product::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
