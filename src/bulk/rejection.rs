//! Problems of rows, with their positions.

use super::position::Position;

/// A reason why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub at: Position,
    /// Empty if it concerns the whole row.
    pub column: String,
    pub value: String,
    pub reason: String,
    /// A further part of a row that is already reported.
    pub is_further: bool,
}

impl Rejection {
    /// A problem of a whole row, named by its key.
    pub fn of_row(at: Position, key: &str, reason: impl Into<String>) -> Rejection {
        Wrong::of_row(key, reason).at(at)
    }
}

/// A problem of a row.
#[derive(Debug, Clone)]
pub struct Wrong {
    pub column: &'static str,
    pub value: String,
    pub reason: String,
}

impl Wrong {
    pub fn at(self, at: Position) -> Rejection {
        Rejection { at, column: self.column.to_owned(), value: self.value, reason: self.reason, is_further: false }
    }

    /// A problem of the whole row, named by its key.
    pub fn of_row(key: &str, reason: impl Into<String>) -> Wrong {
        Wrong { column: "", value: key.to_owned(), reason: reason.into() }
    }
}
