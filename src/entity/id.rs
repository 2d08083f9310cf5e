//! How an id is stored: as a UUID in the engine's form, or as any value of another program.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable};
use uuid::Uuid;

use super::stored::column_of;
use crate::domain::{Id, OddId};

impl From<Id> for Value {
    fn from(id: Id) -> Value {
        match id {
            Id::Known(id) => id.into(),
            Id::Odd(OddId::Integer(number)) => (*number).into(),
            Id::Odd(OddId::Real(bits)) => f64::from_bits(*bits).into(),
            Id::Odd(OddId::Text(text)) => text.as_str().into(),
            Id::Odd(OddId::Bytes(bytes)) => bytes.clone().into(),
        }
    }
}

impl TryGetable for Id {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        match Uuid::try_get_by(row, index) {
            // A text of sixteen bytes would be read as a UUID.
            Ok(id) if row.try_as_sqlite_row().is_some() && std::str::from_utf8(id.as_bytes()).is_ok() => {
                Ok(String::try_get_by(row, index).map_or(Id::Known(id), |text| Id::odd(OddId::Text(text))))
            }
            Ok(id) => Ok(Id::Known(id)),
            Err(error) => odd(row, index).map(Id::odd).ok_or(error),
        }
    }
}

fn odd<I: ColIdx>(row: &QueryResult, index: I) -> Option<OddId> {
    row.try_as_sqlite_row()?;
    String::try_get_by(row, index)
        .map(OddId::Text)
        .or_else(|_| i64::try_get_by(row, index).map(OddId::Integer))
        .or_else(|_| f64::try_get_by(row, index).map(|number| OddId::Real(number.to_bits())))
        .or_else(|_| Vec::<u8>::try_get_by(row, index).map(OddId::Bytes))
        .ok()
}

/// Ids are never auto-incremented.
impl TryFromU64 for Id {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Id"))
    }
}

column_of!(Id, ArrayType::Uuid, ColumnType::Uuid, Value::Uuid(None), |value| {
    <Uuid as ValueType>::try_from(value).map(Id::Known)
});
