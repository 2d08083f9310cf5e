//! One change of a product's stock. Append-only, no foreign keys: it outlives what it names.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};
use crate::domain::{Id, MovementReason};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_movements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    pub product_id: Id,
    /// Pieces: negative when they leave.
    pub delta: Stored<i32>,
    pub reason: Stored<MovementReason>,
    #[sea_orm(nullable)]
    pub order_id: Id,
    pub operation_id: Id,
    pub note: Option<String>,
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
