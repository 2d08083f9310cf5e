//! Pieces of an order's line that a refund is for.

use sea_orm::entity::prelude::*;

use super::Stored;
use crate::domain::{Id, Money};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_refund_lines")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    pub refund_id: Id,
    pub order_item_id: Id,
    /// Pieces, at least 1.
    pub quantity: Stored<i32>,
    /// The line's share of the refund's amount.
    pub amount: Stored<Money>,
    #[sea_orm(belongs_to, from = "refund_id", to = "id")]
    pub refund: BelongsTo<super::order_refund::Entity>,
    #[sea_orm(belongs_to, from = "order_item_id", to = "id")]
    pub item: BelongsTo<super::order_item::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
