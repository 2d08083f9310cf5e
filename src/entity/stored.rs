//! A stored value: SQLite stores any value in any column, PostgreSQL has NaN amounts, and other programs drop a
//! column's NOT NULL. Such values are shown, rejected in calculations, and never cause a crash.

use std::fmt;
use std::ops::Deref;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

use crate::domain::{Email, Id, Money, PersonName, ProductName, Quantity, Reference, Sku, text};

/// A column's value, or an invalid one that another program stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stored<T> {
    Known(T),
    /// An invalid value, as text.
    Odd(String),
    /// NULL, where another program allowed it.
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
}

impl<T> From<T> for Stored<T> {
    fn from(known: T) -> Stored<T> {
        Stored::Known(known)
    }
}

impl<T: Default> Default for Stored<T> {
    fn default() -> Stored<T> {
        Stored::Known(T::default())
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

impl<T: TryGetable> TryGetable for Stored<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        match T::try_get_by(row, index) {
            Ok(known) => Ok(Stored::Known(known)),
            Err(TryGetError::Null(_)) => Ok(Stored::Missing),
            Err(error) => odd(row, index).map(Stored::Odd).ok_or(error),
        }
    }
}

/// A value that is not of the column's type, as text.
fn odd<I: ColIdx>(row: &QueryResult, index: I) -> Option<String> {
    String::try_get_by(row, index)
        .or_else(|_| i64::try_get_by(row, index).map(|number| number.to_string()))
        .or_else(|_| f64::try_get_by(row, index).map(float_text))
        .or_else(|_| Vec::<u8>::try_get_by(row, index).map(text::from_bytes))
        .or_else(|error| if is_not_a_number(row, index) { Ok("NaN".to_owned()) } else { Err(error) })
        .ok()
}

fn float_text(number: f64) -> String {
    // In decimal notation, unless that takes hundreds of digits.
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:e}") }
}

/// PostgreSQL's NaN, which the driver cannot read.
fn is_not_a_number<I: ColIdx>(row: &QueryResult, index: I) -> bool {
    let read = rust_decimal::Decimal::try_get_by(row, index);
    matches!(read, Err(TryGetError::DbErr(error)) if error.to_string().contains("NaN"))
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
