//! How an amount is stored: a decimal parameter, rounded to two places when read back.

use rust_decimal::Decimal;
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

use crate::domain::Money;

/// Digits of the widest amount column, `decimal(12,2)`.
const DIGITS: u32 = 12;

impl From<Money> for Value {
    fn from(money: Money) -> Value {
        Value::Decimal(Some(money.to_decimal()))
    }
}

impl TryGetable for Money {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Decimal::try_get_by(row, index).map(Money::from_stored)
    }
}

impl ValueType for Money {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::Decimal(Some(amount)) => Ok(Money::from_stored(amount)),
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "Money".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Decimal
    }

    fn column_type() -> ColumnType {
        ColumnType::Decimal(Some((DIGITS, crate::domain::money::PLACES)))
    }
}

impl Nullable for Money {
    fn null() -> Value {
        Value::Decimal(None)
    }
}
