//! Stores a named enum as its name.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable};

use super::Stored;
use super::stored::column_of;
use crate::domain::{EventName, MovementReason, OrderStatus, Outcome, UserStatus};

macro_rules! stored_by_name {
    ($($Enum:ident),+) => {$(
        impl From<$Enum> for Value {
            fn from(value: $Enum) -> Value {
                value.as_str().into()
            }
        }

        impl From<&str> for Stored<$Enum> {
            fn from(text: &str) -> Stored<$Enum> {
                $Enum::from_stored(text).map_or_else(|| Stored::Odd(text.to_owned()), Stored::Known)
            }
        }

        impl TryGetable for $Enum {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let text = String::try_get_by(row, index)?;
                $Enum::from_stored(&text).ok_or_else(|| TryGetError::DbErr(DbErr::Type(text)))
            }
        }

        column_of!($Enum, ArrayType::String, ColumnType::String(StringLen::None), Value::String(None), |value| {
            let text = <String as ValueType>::try_from(value)?;
            $Enum::from_stored(&text).ok_or(ValueTypeErr)
        });
    )+};
}

stored_by_name!(EventName, MovementReason, OrderStatus, Outcome, UserStatus);
