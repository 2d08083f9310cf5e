//! A person who can place orders.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{IdenStatic, Iterable, QuerySelect};

use super::{Moment, Stored};
use crate::domain::{Id, UserStatus};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id,
    #[sea_orm(unique)]
    pub email: String,
    pub password_hash: String,
    pub first_name: String,
    pub last_name: String,
    pub status: Stored<UserStatus>,
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
    #[sea_orm(select_as = "char(64)")]
    pub updated_at: Moment,
    #[sea_orm(has_many)]
    pub orders: HasMany<super::order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// Users as they are shown: without their password hashes, which not every role may read. The empty
    /// hash that stands in its place is never written.
    pub fn find_shown() -> Select<Entity> {
        let columns = Column::iter().filter(|column| !matches!(column, Column::PasswordHash));
        let shown = Entity::find().select_only().columns(columns);
        shown.column_as(Expr::cust("''"), Column::PasswordHash.as_str())
    }
}
