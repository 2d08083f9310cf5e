//! A value of a row, and its text for humans and programs.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::palette::Tone;
use super::{escape, json};
use crate::domain::moment::rfc3339;
use crate::domain::{Amount, Id, Money, OrderStatus, Outcome, UserStatus, Zone};
use crate::entity::{Moment, Stored};

/// A value of a row, independent of the output format.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    /// The name of a state.
    State(&'static str, Tone),
    Id(Uuid),
    Money(Money),
    /// A sum of money.
    Amount(Amount),
    Integer(i64),
    Time(DateTime<Utc>),
    Boolean(bool),
    Json(Value),
    /// What an event changed.
    Changes(Vec<ChangedField>),
    /// A value, and the words for it in a table.
    Worded(Box<Cell>, String),
    /// Rows inside a row, such as the items of an order.
    Nested(Nested),
    Missing,
}

/// A field before and after a change; without a name the values speak for themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedField {
    pub name: String,
    pub before: Cell,
    pub after: Cell,
}

/// What happens to a column for which the terminal is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// It names the row: the last to be narrowed and to move under its row.
    Key,
    /// It moves under its row.
    Main,
    /// It is left out.
    Minor,
    /// It moves under its row before all others, even as the first column.
    Id,
}

/// Where a field is shown if `--fields` does not name any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Everywhere,
    /// In all formats except tables of many rows.
    OutsideTables,
    /// In formats for programs: people read the same elsewhere in the row.
    ForPrograms,
    /// Nowhere: it costs a query.
    OnRequest,
}

/// The name of a field and how a table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// The name in JSON, in CSV and for `--fields`: `created_at`.
    pub name: &'static str,
    /// The column title of a table: `CREATED`.
    pub title: &'static str,
    pub shown: Shown,
    pub rank: Rank,
}

impl Heading {
    pub const fn new(name: &'static str, title: &'static str) -> Heading {
        Heading { name, title, shown: Shown::Everywhere, rank: Rank::Main }
    }

    pub const fn with_rank(self, rank: Rank) -> Heading {
        Heading { rank, ..self }
    }
}

/// The rows inside a [`Cell::Nested`].
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    pub(super) headings: Vec<Heading>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// The text for people, for tests of other modules.
    #[cfg(test)]
    pub fn text_in(&self, zone: &Zone) -> String {
        self.display_text(zone)
    }

    /// The text for people: short, on one line, safe for the terminal, times in their zone.
    pub(super) fn display_text(&self, zone: &Zone) -> String {
        match self {
            Cell::Text(text) | Cell::Worded(_, text) => escape::line(text),
            Cell::Time(time) => zone.text_of(*time),
            Cell::Changes(fields) => changes(fields, |cell| cell.display_text(zone)),
            Cell::Boolean(true) => "yes".to_owned(),
            Cell::Boolean(false) => "no".to_owned(),
            Cell::Missing => "-".to_owned(),
            Cell::State(..)
            | Cell::Id(_)
            | Cell::Money(_)
            | Cell::Amount(_)
            | Cell::Integer(_)
            | Cell::Json(_)
            | Cell::Nested(_) => self.raw_text(),
        }
    }

    /// This value, shown to people in these words.
    pub fn worded(self, words: String) -> Cell {
        Cell::Worded(Box::new(self), words)
    }

    /// Whether people read nothing.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Cell::Missing => true,
            Cell::Worded(_, words) => words.is_empty(),
            _ => false,
        }
    }

    /// The exact value, not escaped for any format; empty if missing.
    pub(super) fn raw_text(&self) -> String {
        let mut text = String::new();
        self.write_raw(&mut text);
        text
    }

    /// Appends [`Cell::raw_text`].
    pub(super) fn write_raw(&self, text: &mut String) {
        // Writing into a String cannot fail.
        let _ = match self {
            Cell::Text(value) => text.write_str(value),
            Cell::State(name, _) => text.write_str(name),
            Cell::Id(id) => write!(text, "{id}"),
            Cell::Money(amount) => write!(text, "{amount}"),
            Cell::Amount(amount) => write!(text, "{amount}"),
            Cell::Integer(number) => write!(text, "{number}"),
            Cell::Time(time) => text.write_str(&rfc3339(*time)),
            Cell::Boolean(value) => write!(text, "{value}"),
            Cell::Json(value) => text.write_str(&json::text(value)),
            Cell::Changes(fields) => text.write_str(&changes(fields, Cell::raw_text)),
            Cell::Worded(value, _) => {
                value.write_raw(text);
                Ok(())
            }
            Cell::Nested(_) => text.write_str(&json::text(&self.to_json())),
            Cell::Missing => Ok(()),
        };
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Cell::Text(text) => Value::from(text.as_str()),
            Cell::State(name, _) => Value::from(*name),
            Cell::Changes(_) => Value::from(self.raw_text()),
            Cell::Id(id) => Value::from(id.to_string()),
            Cell::Money(amount) => Value::from(amount.to_string()),
            Cell::Amount(amount) => Value::from(amount.to_string()),
            Cell::Integer(number) => Value::from(*number),
            Cell::Time(time) => Value::from(rfc3339(*time)),
            Cell::Boolean(value) => Value::from(*value),
            Cell::Json(value) => value.clone(),
            Cell::Worded(value, _) => value.to_json(),
            Cell::Nested(nested) => nested.rows.iter().map(|row| object(&nested.headings, row)).collect(),
            Cell::Missing => Value::Null,
        }
    }

    /// The values that stand on lines of their own where one object is shown.
    pub(super) fn parts(&self) -> Vec<Cell> {
        match self {
            Cell::Changes(fields) => fields.iter().map(|field| Cell::Changes(vec![field.clone()])).collect(),
            other => vec![other.clone()],
        }
    }

    /// Whether it says nothing: no value, or zero.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Cell::Missing | Cell::Integer(0) => true,
            Cell::Text(text) => text.is_empty(),
            Cell::Money(amount) => *amount == Money::ZERO,
            Cell::Amount(amount) => *amount == Amount::ZERO,
            Cell::Worded(value, _) => value.is_nothing(),
            _ => false,
        }
    }

    /// Whether it is right-aligned.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Cell::Money(_) | Cell::Amount(_) | Cell::Integer(_))
    }

    /// Whether it is free text, which may be shortened and may look like a formula.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Cell::Worded(value, _) => value.is_text(),
            _ => matches!(self, Cell::Text(_) | Cell::Json(_) | Cell::Nested(_) | Cell::Changes(_)),
        }
    }

    /// What the state means to its reader, if it is one.
    pub(super) fn tone(&self) -> Option<Tone> {
        match self {
            Cell::State(_, tone) => Some(*tone),
            Cell::Worded(value, _) => value.tone(),
            _ => None,
        }
    }

    /// Whether people read a time in it, whose zone they must know.
    pub(super) fn has_time(&self) -> bool {
        match self {
            Cell::Time(_) => true,
            Cell::Changes(fields) => fields.iter().any(|field| field.before.has_time() || field.after.has_time()),
            // The table of nested rows knows which columns it shows.
            _ => false,
        }
    }
}

impl Nested {
    /// The part shown in a table.
    pub(super) fn in_table(&self) -> (Vec<Heading>, Vec<Vec<Cell>>) {
        let is_shown = self.headings.iter().map(|heading| heading.shown == Shown::Everywhere);
        let shown = |row: &Vec<Cell>| {
            row.iter().zip(is_shown.clone()).filter(|(_, is)| *is).map(|(cell, _)| cell.clone()).collect()
        };
        let headings = self.headings.iter().copied().filter(|heading| heading.shown == Shown::Everywhere).collect();
        (headings, self.rows.iter().map(shown).collect())
    }
}

/// `price: 12.50 → 13.00; pending → paid`
fn changes(fields: &[ChangedField], text: impl Fn(&Cell) -> String) -> String {
    let value = |cell: &Cell| Some(text(cell)).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    let field = |ChangedField { name, before, after }: &ChangedField| {
        let label = if name.is_empty() { String::new() } else { format!("{name}: ") };
        match (before, after) {
            (Cell::Missing, only) if name.is_empty() => value(only),
            _ => format!("{label}{} → {}", value(before), value(after)),
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join("; ")
}

/// One row as an object, in the order of its headings.
pub(super) fn object(headings: &[Heading], row: &[Cell]) -> Map<String, Value> {
    headings.iter().zip(row).map(|(heading, cell)| (heading.name.to_owned(), cell.to_json())).collect()
}

/// Implements `From` for `Cell`.
macro_rules! impl_cell_from {
    ($($Type:ty: |$value:pat_param| $cell:expr;)+) => {$(
        impl From<$Type> for Cell {
            fn from($value: $Type) -> Cell {
                $cell
            }
        }
    )+};
}

impl_cell_from! {
    &str: |text| Cell::Text(text.to_owned());
    String: |text| Cell::Text(text);
    Money: |amount| Cell::Money(amount);
    Amount: |amount| Cell::Amount(amount);
    OrderStatus: |status| Cell::State(status.as_str(), status.into());
    UserStatus: |status| Cell::State(status.as_str(), status.into());
    Outcome: |outcome| Cell::State(outcome.as_str(), outcome.into());
    i64: |number| Cell::Integer(number);
    i32: |number| Cell::Integer(number.into());
    bool: |value| Cell::Boolean(value);
    DateTime<Utc>: |time| Cell::Time(time);
    Value: |value| Cell::Json(value);
    Id: |id| match id.uuid() {
        Some(uuid) => Cell::Id(uuid),
        None => id.present().map(|id| id.to_string()).into(),
    };
    Moment: |moment| match moment {
        Moment::Known(time) => Cell::Time(time),
        Moment::Odd(text) => Cell::Text(text),
        Moment::Missing => Cell::Missing,
    };
}

impl<T: Into<Cell>> From<Stored<T>> for Cell {
    fn from(stored: Stored<T>) -> Cell {
        match stored {
            Stored::Known(known) => known.into(),
            Stored::Odd(text) => Cell::Text(text),
            Stored::Missing => Cell::Missing,
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Missing, Into::into)
    }
}
