//! How an amount is stored: a decimal parameter, rounded to two places when read back.

use rust_decimal::Decimal;
use sea_orm::sea_query::{ArrayType, ColumnType, Value, ValueType};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

use super::stored::column_of;
use crate::domain::Money;
use crate::domain::money::PLACES;

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

column_of!(Money, ArrayType::Decimal, ColumnType::Decimal(Some((DIGITS, PLACES))), Value::Decimal(None), |value| {
    <Decimal as ValueType>::try_from(value).map(Money::from_stored)
});
