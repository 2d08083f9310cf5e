//! Users, who can place orders, and their editable fields.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{IdenStatic, Iterable, QuerySelect};

use super::field::FieldKind::{Name, Text, Word};
use super::field::{Editable, Field, field};
use super::{Moment, Stored};
use crate::domain::{Email, Id, PersonName, UserStatus};

/// A user as stored, or a new one.
#[sea_orm::model]
#[derive(Clone, Debug, Default, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// UUID version 7, assigned on creation.
    #[sea_orm(primary_key, auto_increment = false)]
    #[serde(skip)]
    pub id: Id,
    /// The natural key, lower-cased unless another program wrote it.
    #[sea_orm(unique)]
    pub email: Stored<String>,
    /// The argon2id hash as a PHC string, or another program's hash; empty if it was not read.
    #[serde(skip)]
    pub password_hash: Stored<String>,
    /// At most 100 characters.
    pub first_name: Stored<String>,
    /// At most 100 characters.
    pub last_name: Stored<String>,
    /// Whether the user may place orders.
    pub status: Stored<UserStatus>,
    /// When the user was created.
    #[sea_orm(select_as = "char(64)")]
    pub created_at: Moment,
    /// When the row was last changed.
    #[sea_orm(select_as = "char(64)")]
    pub updated_at: Moment,
    #[sea_orm(has_many)]
    #[serde(skip)]
    pub orders: HasMany<super::order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// Users without password hashes, which not every role may read. The empty hash in its place is never
    /// written.
    pub fn find_without_hash() -> Select<Entity> {
        let columns = Column::iter().filter(|column| !matches!(column, Column::PasswordHash));
        let shown = Entity::find().select_only().columns(columns);
        shown.column_as(Expr::cust("''"), Column::PasswordHash.as_str())
    }
}

impl Model {
    /// A new active user; id and times are set on creation.
    pub fn new(email: &Email, first_name: &PersonName, last_name: &PersonName, password_hash: String) -> Model {
        let (first_name, last_name) = (first_name.clone().into(), last_name.clone().into());
        Model {
            email: email.clone().into(),
            first_name,
            last_name,
            password_hash: password_hash.into(),
            ..Model::new_row()
        }
    }
}

impl Editable for Model {
    const FIELDS: &'static [Field<Model>] = &[
        field!(email, Word, Key, Email::parse),
        field!(first_name, Text, Required, PersonName::parse),
        field!(last_name, Text, Required, PersonName::parse),
        field!(status, Name(UserStatus::Active.as_str()), Defaulted(UserStatus::Active.as_str()), UserStatus::parse),
    ];
}
