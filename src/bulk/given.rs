//! A cell of a file: its text, and its value if valid for a new row.

use super::read::Record;
use super::rejection::Wrong;

/// A cell of a file. Stored values may have any form that another program wrote; only new values must be
/// valid.
#[derive(Debug, Clone)]
pub struct Given<T> {
    pub text: String,
    /// The value, or why it is invalid.
    pub value: Result<T, String>,
}

/// The problem of an empty required cell.
pub const MISSING: &str = "is missing";

/// Whether a text equals the stored one, treating blank as empty.
pub fn is_text(written: &str, stored: &str) -> bool {
    written == stored || written.is_empty() && stored.trim().is_empty()
}

impl<T> Given<T> {
    /// Reads a cell. An empty or missing one is invalid for a new row.
    pub fn of(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Given<T> {
        match record.get(column) {
            Some(text) => Given { text: text.to_owned(), value: parse(text) },
            None => Given { text: String::new(), value: Err(MISSING.to_owned()) },
        }
    }

    /// As [`Given::of`]; `None` if the file has no such column.
    pub fn of_column(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<Given<T>> {
        record.has(column).then(|| Given::of(record, column, parse))
    }

    /// As [`Given::of`]; `None` if the cell is empty.
    pub fn of_cell(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<Given<T>> {
        record.get(column).map(|text| Given { text: text.to_owned(), value: parse(text) })
    }

    /// Whether it equals the stored text.
    pub fn is_text(&self, stored: &str) -> bool {
        is_text(&self.text, stored)
    }

    /// The value for a new row; a problem is collected.
    pub fn take<'a>(&'a self, column: &'static str, wrong: &mut Vec<Wrong>) -> Option<&'a T> {
        match &self.value {
            Ok(value) => Some(value),
            Err(reason) => {
                wrong.push(Wrong { column, value: self.text.clone(), reason: reason.clone() });
                None
            }
        }
    }
}
