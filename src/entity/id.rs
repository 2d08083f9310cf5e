//! How an id is stored: as a UUID in the engine's form, or as another program left it. NULL is read as
//! [`Id::Missing`], never as `None`: the id of a joined row that does not exist, too.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable};
use uuid::Uuid;

use super::stored::column_of;
use crate::domain::{Id, OddId};

impl From<Id> for Value {
    fn from(id: Id) -> Value {
        match id {
            Id::Known(id) => id.into(),
            Id::Formed(id, form) => form.text(id).map_or_else(|| id.as_bytes().to_vec().into(), Value::from),
            Id::Odd(OddId::Integer(number)) => (*number).into(),
            Id::Odd(OddId::Real(bits)) => f64::from_bits(*bits).into(),
            Id::Odd(OddId::Text(text)) => text.as_str().into(),
            Id::Odd(OddId::Bytes(bytes)) => bytes.clone().into(),
            Id::Missing => Id::null(),
        }
    }
}

impl TryGetable for Id {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        if row.try_as_sqlite_row().is_some() {
            return match String::try_get_by(row, index) {
                Ok(text) => Ok(Id::of_text(&text)),
                Err(TryGetError::Null(_)) => Ok(Id::Missing),
                Err(error) => other(row, index).ok_or(error),
            };
        }
        if row.try_as_mysql_row().is_some() {
            // The driver takes MariaDB's type for bytes, and gives its text.
            return match Vec::<u8>::try_get_by(row, index) {
                Ok(bytes) => Ok(std::str::from_utf8(&bytes).map_or_else(|_| Id::of_bytes(&bytes), Id::of_text)),
                Err(TryGetError::Null(_)) => Ok(Id::Missing),
                Err(error) => Err(error),
            };
        }
        // A column of text cannot be compared with a UUID.
        let text = |error| String::try_get_by(row, index).map(|text| Id::odd(OddId::Text(text))).map_err(|_| error);
        match Uuid::try_get_by(row, index) {
            Ok(id) => Ok(Id::Known(id)),
            Err(TryGetError::Null(_)) => Ok(Id::Missing),
            Err(error) => text(error),
        }
    }
}

/// Values that only SQLite stores in a text column.
fn other<I: ColIdx>(row: &QueryResult, index: I) -> Option<Id> {
    Vec::<u8>::try_get_by(row, index)
        .map(|bytes| Id::of_bytes(&bytes))
        .or_else(|_| i64::try_get_by(row, index).map(|number| Id::odd(OddId::Integer(number))))
        .or_else(|_| f64::try_get_by(row, index).map(|number| Id::odd(OddId::Real(number.to_bits()))))
        .ok()
}

/// Ids are never auto-incremented.
impl TryFromU64 for Id {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Id"))
    }
}

column_of!(Id, ArrayType::Uuid, ColumnType::Uuid, Value::Uuid(None), |value| Ok(match value {
    Value::Uuid(Some(id)) => Id::Known(id),
    Value::String(Some(text)) => Id::of_text(&text),
    Value::Bytes(Some(bytes)) => Id::of_bytes(&bytes),
    Value::BigInt(Some(number)) => Id::odd(OddId::Integer(number)),
    Value::Double(Some(number)) => Id::odd(OddId::Real(number.to_bits())),
    _ => return Err(ValueTypeErr),
}));
