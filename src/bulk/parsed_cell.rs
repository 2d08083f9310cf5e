//! A cell of a file: its text, and its value if valid for a new row.

use super::read::Record;
use super::rejection::Problem;

/// A cell of a file. Stored values may have any form that another program wrote; only new values must be
/// valid.
#[derive(Debug, Clone)]
pub struct ParsedCell<T> {
    pub text: String,
    /// The value, or why it is invalid.
    pub value: Result<T, String>,
}

/// The problem of an empty required cell.
pub const MISSING: &str = "is missing";

/// Whether a text equals the stored one, treating blank as empty.
pub fn is_same_text(written: &str, stored: &str) -> bool {
    written == stored || written.is_empty() && stored.trim().is_empty()
}

impl<T> ParsedCell<T> {
    /// Reads a cell. An empty or missing one is invalid for a new row.
    pub fn parse(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> ParsedCell<T> {
        match record.get(column) {
            Some(text) => ParsedCell { text: text.to_owned(), value: parse(text) },
            None => ParsedCell { text: String::new(), value: Err(MISSING.to_owned()) },
        }
    }

    /// As [`ParsedCell::parse`], for a key, whose text may be blank: other programs tell such keys apart.
    pub fn parse_key(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> ParsedCell<T> {
        ParsedCell { text: record.written(column).to_owned(), ..ParsedCell::parse(record, column, parse) }
    }

    /// As [`ParsedCell::parse`]; `None` if the file has no such column.
    pub fn parse_column(
        record: &Record,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<ParsedCell<T>> {
        record.has(column).then(|| ParsedCell::parse(record, column, parse))
    }

    /// As [`ParsedCell::parse`]; `None` if the cell is empty.
    pub fn parse_non_empty(
        record: &Record,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<ParsedCell<T>> {
        record.get(column).map(|text| ParsedCell { text: text.to_owned(), value: parse(text) })
    }

    /// Whether it equals the stored text.
    pub fn is_same_text(&self, stored: &str) -> bool {
        is_same_text(&self.text, stored)
    }

    /// The value for a new row; a problem is collected.
    pub fn validated<'a>(&'a self, column: &'static str, wrong: &mut Vec<Problem>) -> Option<&'a T> {
        match &self.value {
            Ok(value) => Some(value),
            Err(reason) => {
                let value = if self.text.trim().is_empty() { String::new() } else { self.text.clone() };
                wrong.push(Problem { column, value, reason: reason.clone() });
                None
            }
        }
    }
}
