//! Something the shop sells.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};
use crate::domain::{Id, Money};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "products")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    #[sea_orm(unique)]
    pub sku: String,
    pub name: String,
    pub description: Option<String>,
    /// Of one piece.
    pub price: Stored<Money>,
    /// Pieces on hand; equals the sum of the product's movements.
    pub stock_quantity: Stored<i32>,
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
    #[sea_orm(select_as = "char(64)")]
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
