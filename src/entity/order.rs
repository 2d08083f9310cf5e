//! An order: customer, status and total.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};
use crate::domain::{Id, Money, OrderStatus};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    #[sea_orm(unique)]
    pub reference: Stored<String>,
    pub user_id: Id,
    pub status: Stored<OrderStatus>,
    /// Sum of the lines at their snapshotted prices.
    pub total_amount: Stored<Money>,
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
    #[sea_orm(select_as = "char(64)")]
    pub updated_at: Moment,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
    #[sea_orm(has_many)]
    pub items: HasMany<super::order_item::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
