//! How an enum of names is stored: as its name.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable};

use super::Stored;
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

        impl ValueType for $Enum {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let text = <String as ValueType>::try_from(value)?;
                $Enum::from_stored(&text).ok_or(ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($Enum).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::String
            }

            fn column_type() -> ColumnType {
                ColumnType::String(StringLen::None)
            }
        }

        impl Nullable for $Enum {
            fn null() -> Value {
                Value::String(None)
            }
        }
    )+};
}

stored_by_name!(EventName, MovementReason, OrderStatus, Outcome, UserStatus);
