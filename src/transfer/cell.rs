//! A stored value in a form that does not depend on the engine.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sea_orm::Value;
use uuid::Uuid;

use crate::db::raw::Raw;
use crate::domain::text::hexadecimal;
use crate::domain::{Form, Id, moment};
use crate::entity::Moment;
use crate::entity::tables::Family;

/// A value: of its column's family, or whatever else another program stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Missing,
    /// A UUID, and the form in which another program writes it.
    Id(Uuid, Option<Form>),
    /// Microseconds since 1970, and the text of another form.
    Time(i64, Option<String>),
    /// An amount in cents.
    Amount(i64),
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Text that is not UTF-8.
    Garbled(Vec<u8>),
}

/// The greatest number of cents that a float distinguishes from the next.
const MOST_CENTS: f64 = 9e15;
/// Decimal places of an amount.
const PLACES: u32 = 2;

impl Cell {
    /// The value of a column of this family. `has_forms`: whether times are texts, in any form.
    pub fn read(raw: Raw<'_>, family: Family, has_forms: bool) -> Cell {
        match (raw, family) {
            (Raw::Null, _) => Cell::Missing,
            (Raw::Text(text), Family::Id) => id(text),
            (Raw::Bytes(bytes), Family::Id) => match Uuid::from_slice(&bytes) {
                Ok(id) => Cell::Id(id, Some(Form::Bytes)),
                Err(_) => Cell::Bytes(bytes.into_owned()),
            },
            (Raw::Text(text), Family::Time) => time(text, has_forms),
            (Raw::Text(text), Family::Amount) => {
                cents(&text).map_or_else(|| Cell::Text(text.into_owned()), Cell::Amount)
            }
            (Raw::Real(number), Family::Amount) => {
                let cents = (number * 100.0).round();
                let is_exact = cents.abs() < MOST_CENTS && (cents / 100.0).to_bits() == number.to_bits();
                if is_exact { Cell::Amount(cents as i64) } else { Cell::Real(number) }
            }
            (Raw::Integer(number), Family::Amount) => {
                number.checked_mul(100).map_or(Cell::Integer(number), Cell::Amount)
            }
            (Raw::Text(text), Family::Integer) => {
                text.parse().map_or_else(|_| Cell::Text(text.into_owned()), Cell::Integer)
            }
            (Raw::Integer(number), _) => Cell::Integer(number),
            (Raw::Real(number), _) => Cell::Real(number),
            (Raw::Text(text), _) => Cell::Text(text.into_owned()),
            (Raw::Bytes(bytes), _) => Cell::Bytes(bytes.into_owned()),
            (Raw::Garbled(bytes), _) => Cell::Garbled(bytes.to_vec()),
        }
    }

    /// Whether a column of this family is for such a value.
    pub fn is_of(&self, family: Family) -> bool {
        matches!(
            (self, family),
            (Cell::Missing, _)
                | (Cell::Id(..), Family::Id)
                | (Cell::Time(..), Family::Time)
                | (Cell::Amount(_), Family::Amount)
                | (Cell::Integer(_), Family::Integer)
                | (Cell::Text(_), Family::Text)
        )
    }

    /// The value for a statement; `in_form`: a UUID or a time is written as it was stored.
    pub fn to_value(&self, in_form: bool) -> Value {
        match self {
            Cell::Missing => Value::String(None),
            Cell::Id(id, Some(form)) if in_form => {
                form.text(*id).map_or_else(|| id.as_bytes().to_vec().into(), Value::from)
            }
            Cell::Id(id, _) => (*id).into(),
            Cell::Time(_, Some(text)) if in_form => text.as_str().into(),
            // Every time was read from one that chrono knows.
            Cell::Time(microseconds, _) => DateTime::<Utc>::from_timestamp_micros(*microseconds).into(),
            Cell::Amount(cents) => Decimal::new(*cents, PLACES).into(),
            Cell::Integer(number) => (*number).into(),
            Cell::Real(number) => (*number).into(),
            Cell::Text(text) => text.as_str().into(),
            Cell::Bytes(bytes) | Cell::Garbled(bytes) => bytes.clone().into(),
        }
    }

    /// Appends the value as it is compared: whatever form it is stored in, and whatever the engine.
    pub fn push_canonical(&self, bytes: &mut Vec<u8>) {
        let mut push = |tag: u8, content: &[u8]| {
            bytes.push(tag);
            bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
            bytes.extend_from_slice(content);
        };
        match self {
            Cell::Missing => push(0, &[]),
            Cell::Id(id, _) => push(1, id.as_bytes()),
            Cell::Time(microseconds, _) => push(2, &microseconds.to_be_bytes()),
            Cell::Amount(cents) => push(3, &cents.to_be_bytes()),
            Cell::Integer(number) => push(4, &number.to_be_bytes()),
            Cell::Real(number) => push(5, &number.to_bits().to_be_bytes()),
            Cell::Text(text) => push(6, text.as_bytes()),
            Cell::Bytes(content) => push(7, content),
            Cell::Garbled(content) => push(8, content),
        }
    }

    /// [`Cell::push_canonical`] of this value alone.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.push_canonical(&mut bytes);
        bytes
    }

    /// The value as people read it; `None` for a missing one.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Cell::Missing => return None,
            Cell::Id(id, _) => id.to_string(),
            Cell::Time(microseconds, _) => {
                DateTime::from_timestamp_micros(*microseconds).map_or_else(|| microseconds.to_string(), moment::rfc3339)
            }
            Cell::Amount(cents) => Decimal::new(*cents, PLACES).to_string(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
            Cell::Bytes(bytes) | Cell::Garbled(bytes) => format!("X'{}'", hexadecimal(bytes)),
        })
    }
}

fn id(text: Cow<'_, str>) -> Cell {
    // Not an `Id`: odd ones are kept for the life of the process, and there may be many.
    match Id::uuid_of(&text) {
        Some((id, form)) => Cell::Id(id, form),
        None => Cell::Text(text.into_owned()),
    }
}

/// A time finer than a microsecond is none: it would not be kept.
fn time(text: Cow<'_, str>, has_forms: bool) -> Cell {
    match Moment::from_stored(&text) {
        Moment::Known(time) if time.timestamp_subsec_nanos() % 1_000 == 0 => {
            let is_own = !has_forms || moment::stored_text(time) == text;
            Cell::Time(time.timestamp_micros(), (!is_own).then(|| text.into_owned()))
        }
        _ => Cell::Text(text.into_owned()),
    }
}

fn cents(text: &str) -> Option<i64> {
    let cents = text.parse::<Decimal>().ok()?.checked_mul(Decimal::ONE_HUNDRED)?;
    cents.is_integer().then(|| cents.to_i64()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, family: Family) -> Cell {
        Cell::read(Raw::Text(text.into()), family, true)
    }

    #[test]
    fn one_value_is_the_same_on_every_engine_whatever_its_form() {
        let id = "0190a2b4-7c1e-7d00-8000-0000000000ab";
        for other in ["0190A2B4-7C1E-7D00-8000-0000000000AB", "{0190a2b4-7c1e-7d00-8000-0000000000ab}"] {
            assert_eq!(text(id, Family::Id).canonical(), text(other, Family::Id).canonical());
        }
        let time = text("2026-01-01 00:00:00.000001+00:00", Family::Time);
        assert_eq!(time, Cell::read(Raw::Text("2026-01-01 00:00:00.000001+00".into()), Family::Time, false));
        assert_eq!(time.canonical(), text("2026-01-01T01:00:00.000001+01:00", Family::Time).canonical());
        for (raw, cents) in [(Raw::Real(0.07), 7), (Raw::Integer(3), 300), (Raw::Text("-12.50".into()), -1250)] {
            assert_eq!(Cell::read(raw, Family::Amount, true), Cell::Amount(cents));
        }
    }

    #[test]
    fn what_would_be_rounded_is_no_value_of_its_family() {
        let odd = [
            (Cell::read(Raw::Real(12.345), Family::Amount, true), Family::Amount),
            (text("12.345", Family::Amount), Family::Amount),
            (text("NaN", Family::Amount), Family::Amount),
            (text("2026-01-01 00:00:00.0000001", Family::Time), Family::Time),
            (text("infinity", Family::Time), Family::Time),
            (text("0190A2b4-7c1e-7d00-8000-0000000000ab", Family::Id), Family::Id),
            (text("1e3", Family::Integer), Family::Integer),
            (Cell::read(Raw::Integer(3), Family::Text, true), Family::Text),
            (Cell::read(Raw::Garbled(&[255]), Family::Text, true), Family::Text),
        ];
        for (cell, family) in odd {
            assert!(!cell.is_of(family), "{cell:?}");
        }
    }

    #[test]
    fn values_of_other_types_and_lengths_are_never_taken_for_one_another() {
        let cells = [
            Cell::Missing,
            Cell::Text(String::new()),
            Cell::Text("\0".to_owned()),
            Cell::Bytes(vec![0]),
            Cell::Garbled(vec![0]),
            Cell::Integer(0),
            Cell::Amount(0),
            Cell::Time(0, None),
            Cell::Real(0.0),
        ];
        for (index, one) in cells.iter().enumerate() {
            assert!(cells[index + 1..].iter().all(|other| one.canonical() != other.canonical()), "{one:?}");
        }
    }
}
