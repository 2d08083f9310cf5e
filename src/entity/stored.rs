//! A stored value: SQLite stores any value in any column, PostgreSQL has NaN amounts, and other programs drop a
//! column's NOT NULL. Such values are shown, rejected in calculations, and never cause a crash. A number is the same
//! number in a column that another program gave another type of number.

use std::fmt;
use std::ops::Deref;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

use crate::domain::text::with_blanks;
use crate::domain::{Email, Id, Money, PersonName, ProductName, Quantity, Reference, Sku, text};

/// What a missing value is called in a sentence.
pub(super) const NULL: &str = "NULL";

/// A column's value, or an invalid one that another program stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stored<T> {
    Known(T),
    /// An invalid value, as text.
    Odd(String),
    /// NULL, where the column or another program allows it.
    #[default]
    Missing,
}

impl<T: Copy> Stored<T> {
    /// The number, if valid.
    pub fn known(&self) -> Option<T> {
        match self {
            Stored::Known(known) => Some(*known),
            Stored::Odd(_) | Stored::Missing => None,
        }
    }
}

impl<T: fmt::Display> Stored<T> {
    /// The value as text, unless it is missing.
    pub fn to_text(&self) -> Option<String> {
        (!matches!(self, Stored::Missing)).then(|| self.to_string())
    }

    /// The value in a sentence, where nothing cannot stand.
    pub fn told(&self) -> String {
        self.to_text().map_or_else(|| NULL.to_owned(), |text| with_blanks(&text))
    }
}

impl<T> From<T> for Stored<T> {
    fn from(known: T) -> Stored<T> {
        Stored::Known(known)
    }
}

impl<T: PartialEq> PartialEq<T> for Stored<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Stored::Known(known) if known == other)
    }
}

/// A text, empty where it is missing. It equals only a text that is there.
impl Deref for Stored<String> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Stored::Known(text) | Stored::Odd(text) => text,
            Stored::Missing => "",
        }
    }
}

impl PartialEq<str> for Stored<String> {
    fn eq(&self, other: &str) -> bool {
        !matches!(self, Stored::Missing) && **self == *other
    }
}

impl PartialEq<&str> for Stored<String> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl From<&str> for Stored<String> {
    fn from(text: &str) -> Stored<String> {
        Stored::Known(text.to_owned())
    }
}

impl<T> From<Option<T>> for Stored<T> {
    fn from(value: Option<T>) -> Stored<T> {
        value.map_or(Stored::Missing, Stored::Known)
    }
}

macro_rules! stored_as_text {
    ($($Text:ident),+) => {$(
        impl From<$Text> for Stored<String> {
            fn from(text: $Text) -> Stored<String> {
                Stored::Known(text.into())
            }
        }
    )+};
}

stored_as_text!(Email, PersonName, ProductName, Reference, Sku);

impl Stored<String> {
    /// The text; empty where it is missing.
    pub fn as_str(&self) -> &str {
        self
    }

    /// The text, if there is one.
    pub fn present(&self) -> Option<&str> {
        (!matches!(self, Stored::Missing)).then_some(self.as_str())
    }

    /// The name of a row with this key: without a key its id.
    pub fn or_id(&self, id: Id) -> String {
        self.to_text().unwrap_or_else(|| id.to_string())
    }
}

impl From<&str> for Stored<i32> {
    fn from(text: &str) -> Stored<i32> {
        text.parse().map_or_else(|_| Stored::Odd(text.to_owned()), Stored::Known)
    }
}

impl From<&str> for Stored<Money> {
    fn from(text: &str) -> Stored<Money> {
        text.parse().map(Money::from_stored).map_or_else(|_| Stored::Odd(text.to_owned()), Stored::Known)
    }
}

impl<T: fmt::Display> fmt::Display for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stored::Known(known) => known.fmt(f),
            Stored::Odd(text) => f.write_str(text),
            Stored::Missing => Ok(()),
        }
    }
}

impl<T: serde::Serialize> serde::Serialize for Stored<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stored::Known(known) => known.serialize(serializer),
            Stored::Odd(text) => serializer.serialize_str(text),
            Stored::Missing => serializer.serialize_none(),
        }
    }
}

impl<T: Into<Value> + Nullable> From<Stored<T>> for Value {
    fn from(stored: Stored<T>) -> Value {
        match stored {
            Stored::Known(known) => known.into(),
            Stored::Odd(text) => text.into(),
            Stored::Missing => T::null(),
        }
    }
}

/// What a value is if its column is of some type of numbers.
pub trait FromNumber: Sized {
    /// The value; `None` if the number is none.
    fn from_number(_number: Decimal) -> Option<Self> {
        None
    }
}

impl FromNumber for String {}

impl FromNumber for i32 {
    fn from_number(number: Decimal) -> Option<i32> {
        number.is_integer().then(|| number.to_i32())?
    }
}

impl FromNumber for Money {
    fn from_number(number: Decimal) -> Option<Money> {
        Some(Money::from_stored(number))
    }
}

impl<T: TryGetable + FromNumber> TryGetable for Stored<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        match T::try_get_by(row, index) {
            Ok(known) => Ok(Stored::Known(known)),
            Err(TryGetError::Null(_)) => Ok(Stored::Missing),
            Err(error) => {
                let number = number(row, index);
                match number.and_then(T::from_number) {
                    Some(known) => Ok(Stored::Known(known)),
                    None => odd(row, index, number).map(Stored::Odd).ok_or(error),
                }
            }
        }
    }
}

/// The value of a column of numbers, of whatever width, signed or not, exact or not.
fn number<I: ColIdx>(row: &QueryResult, index: I) -> Option<Decimal> {
    let whole = || {
        let wide = i64::try_get_by(row, index).map(Decimal::from);
        let unsigned = wide.or_else(|_| u64::try_get_by(row, index).map(Decimal::from));
        let short = unsigned.or_else(|_| i32::try_get_by(row, index).map(Decimal::from));
        short.or_else(|_| i16::try_get_by(row, index).map(Decimal::from)).ok()
    };
    let float = || {
        let double = f64::try_get_by(row, index).ok().map(<Decimal as TryFrom<_>>::try_from);
        double.or_else(|| f32::try_get_by(row, index).ok().map(<Decimal as TryFrom<_>>::try_from))?.ok()
    };
    Decimal::try_get_by(row, index).ok().or_else(whole).or_else(float)
}

/// A value that is not of the column's type, as text; `number` is what [`number`] reads.
fn odd<I: ColIdx>(row: &QueryResult, index: I, number: Option<Decimal>) -> Option<String> {
    String::try_get_by(row, index)
        .or_else(|_| i64::try_get_by(row, index).map(|number| number.to_string()))
        .or_else(|_| f64::try_get_by(row, index).map(float_text))
        .or_else(|_| Vec::<u8>::try_get_by(row, index).map(text::from_bytes))
        .ok()
        .or_else(|| number.map(|number| number.to_string()))
        .or_else(|| beyond_numbers(row, index))
}

fn float_text(number: f64) -> String {
    // In decimal notation, unless that takes hundreds of digits.
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:e}") }
}

/// PostgreSQL's NaN and infinities, and decimals of more digits than the driver reads.
fn beyond_numbers<I: ColIdx>(row: &QueryResult, index: I) -> Option<String> {
    let Err(TryGetError::DbErr(error)) = Decimal::try_get_by(row, index) else { return None };
    let reason = error.to_string();
    // A sign's number: 0xD000 and 0xF000.
    let words = [("NaN", "NaN"), ("0xD000", "Infinity"), ("0xF000", "-Infinity"), ("mismatched types", "")];
    let found =
        words.into_iter().find(|(part, _)| reason.contains(part)).map_or("a number out of range", |(_, word)| word);
    (!found.is_empty()).then(|| found.to_owned())
}

/// Implements SeaORM's traits for a column type: its type names, NULL, and the conversion from a value.
macro_rules! column_of {
    ($Type:ident, $array:expr, $column:expr, $null:expr, $read:expr) => {
        impl sea_orm::sea_query::ValueType for $Type {
            fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
                let read: fn(sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> = $read;
                read(value)
            }

            fn type_name() -> String {
                stringify!($Type).to_owned()
            }

            fn array_type() -> sea_orm::sea_query::ArrayType {
                $array
            }

            fn column_type() -> sea_orm::sea_query::ColumnType {
                $column
            }
        }

        impl sea_orm::sea_query::Nullable for $Type {
            fn null() -> sea_orm::Value {
                $null
            }
        }
    };
}
pub(crate) use column_of;

impl<T: ValueType> ValueType for Stored<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <T as ValueType>::try_from(value).map(Stored::Known)
    }

    fn type_name() -> String {
        T::type_name()
    }

    fn array_type() -> ArrayType {
        T::array_type()
    }

    fn column_type() -> ColumnType {
        T::column_type()
    }
}

impl<T: Nullable> Nullable for Stored<T> {
    fn null() -> Value {
        T::null()
    }
}

impl Stored<i32> {
    /// The quantity for sums. An invalid one counts as 0, so that the difference is reported.
    pub fn pieces(&self) -> i64 {
        self.known().map_or(0, i64::from)
    }
}

impl Stored<Money> {
    /// As [`Money::checked_times`]; `None` also for an invalid amount.
    pub fn checked_times(&self, quantity: Quantity) -> Option<Money> {
        self.known()?.checked_times(quantity)
    }
}
