//! Stores a named enum as its name.

use crate::domain::{EventName, MovementReason, OrderStatus, Outcome, UserStatus};

/// Makes named enums the types of columns.
macro_rules! stored_by_name {
    ($($Enum:ident),+) => {$(
        impl From<$Enum> for sea_orm::Value {
            fn from(value: $Enum) -> sea_orm::Value {
                value.as_str().into()
            }
        }

        impl From<&str> for $crate::entity::Stored<$Enum> {
            fn from(text: &str) -> Self {
                $Enum::from_stored(text).map_or_else(|| Self::Odd(text.to_owned()), Self::Known)
            }
        }

        impl sea_orm::TryGetable for $Enum {
            fn try_get_by<I: sea_orm::ColIdx>(
                row: &sea_orm::QueryResult,
                index: I,
            ) -> Result<Self, sea_orm::TryGetError> {
                let text = String::try_get_by(row, index)?;
                let unknown = || sea_orm::DbErr::Type(format!("{text} is not a value that this shopctl knows"));
                $Enum::from_stored(&text).ok_or_else(|| sea_orm::TryGetError::DbErr(unknown()))
            }
        }

        impl $crate::entity::FromNumber for $Enum {}

        $crate::entity::column_of!(
            $Enum,
            sea_orm::sea_query::ArrayType::String,
            sea_orm::sea_query::ColumnType::String(sea_orm::sea_query::StringLen::None),
            sea_orm::Value::String(None),
            |value| {
                let text = <String as sea_orm::sea_query::ValueType>::try_from(value)?;
                $Enum::from_stored(&text).ok_or(sea_orm::sea_query::ValueTypeErr)
            }
        );
    )+};
}

pub(crate) use stored_by_name;

stored_by_name!(EventName, MovementReason, OrderStatus, Outcome, UserStatus);
