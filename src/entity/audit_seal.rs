//! A seal over events of the audit trail and over the seal before it.

use sea_orm::entity::prelude::*;

use super::{Moment, Stored};
use crate::domain::Id;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_seals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    /// From 1, without gaps.
    #[sea_orm(unique)]
    pub number: i32,
    /// The hash of the seal before; empty for the first.
    pub previous_hash: Stored<String>,
    /// SHA-256, hexadecimal.
    pub hash: Stored<String>,
    /// Number of events covered by this seal.
    pub event_count: Stored<i32>,
    pub sealed_by: Stored<String>,
    #[sea_orm(select_as = "char(64)")]
    pub sealed_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
