//! An applied seed.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shopctl_seeds")]
pub struct Model {
    /// File name without extension.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// SHA-256 of the file, hexadecimal.
    pub checksum: Stored<String>,
    pub environment: Stored<String>,
    pub rows_created: Stored<i32>,
    pub rows_updated: Stored<i32>,
    pub rows_unchanged: Stored<i32>,
    pub applied_by: Stored<String>,
    #[sea_orm(select_as = "char(64)")]
    pub applied_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
