//! A cell of a file: as it is written, and what it means, if the shop allows that anew.

use super::read::Record;
use super::rejection::Wrong;

/// What a file says in one place. What the shop has already, it may have in whatever form another
/// program wrote it; only what is new has to be as the shop wants it.
#[derive(Debug, Clone)]
pub struct Given<T> {
    pub text: String,
    /// Or why the shop would not take it.
    pub value: Result<T, String>,
}

/// About an empty cell of what a row needs.
pub const MISSING: &str = "is missing";

/// Whether a file has the very text that is stored, blanks aside where there is nothing else.
pub fn is_text(written: &str, stored: &str) -> bool {
    written == stored || written.is_empty() && stored.trim().is_empty()
}

impl<T> Given<T> {
    /// What a cell says. An empty one, or none, says something that is never right for a new row.
    pub fn of(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Given<T> {
        match record.get(column) {
            Some(text) => Given { text: text.to_owned(), value: parse(text) },
            None => Given { text: String::new(), value: Err(MISSING.to_owned()) },
        }
    }

    /// As [`Given::of`]; `None` when the file has no such column.
    pub fn of_column(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<Given<T>> {
        record.has(column).then(|| Given::of(record, column, parse))
    }

    /// As [`Given::of`]; `None` when the cell is empty, which says nothing.
    pub fn of_cell(record: &Record, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<Given<T>> {
        record.get(column).map(|text| Given { text: text.to_owned(), value: parse(text) })
    }

    /// Whether it is the very text that is stored.
    pub fn is_text(&self, stored: &str) -> bool {
        is_text(&self.text, stored)
    }

    /// The value, for what is new; what is wrong with it is noted.
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
