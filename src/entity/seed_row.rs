//! A row that a seed created and may delete when it is undone.

use sea_orm::entity::prelude::*;

use crate::domain::Id;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shopctl_seed_rows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seed: String,
    /// `user`, `product` or `order`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub entity: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
}

impl ActiveModelBehavior for ActiveModel {}
