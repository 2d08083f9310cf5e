//! Money given back for an order: all of its total or a part of it.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};
use crate::domain::{Id, Money};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_refunds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    pub order_id: Id,
    /// At least 0: a free order is refunded too.
    pub amount: Stored<Money>,
    pub reason: Option<String>,
    pub operation_id: Id,
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::order_refund_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
