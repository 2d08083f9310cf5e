//! Problems of rows, with their positions.

use super::position::Position;

/// A reason why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The position of the record.
    pub at: Position,
    /// Empty if it concerns the whole row.
    pub column: String,
    /// The value in the file, or the row's key if it concerns the whole row.
    pub value: String,
    /// The reason, as the predicate of a message: `is missing`.
    pub reason: String,
    /// A further part of a row that is already reported.
    pub is_further: bool,
    /// The key of an unreadable record, where that alone can be read.
    pub key: Option<String>,
}

impl Rejection {
    /// A problem of a whole row, named by its key.
    pub fn for_row(at: Position, key: &str, reason: impl Into<String>) -> Rejection {
        Problem::for_row(key, reason).at(at)
    }
}

/// A problem of a row.
#[derive(Debug, Clone)]
pub struct Problem {
    pub column: &'static str,
    pub value: String,
    pub reason: String,
}

impl Problem {
    pub fn at(self, at: Position) -> Rejection {
        let column = self.column.to_owned();
        Rejection { at, column, value: self.value, reason: self.reason, is_further: false, key: None }
    }

    /// A problem of the whole row, named by its key.
    pub fn for_row(key: &str, reason: impl Into<String>) -> Problem {
        Problem { column: "", value: key.to_owned(), reason: reason.into() }
    }
}
