//! What is wrong with a row, and where.

use super::position::Position;

/// Why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub at: Position,
    /// Empty when it is about the whole row.
    pub column: String,
    pub value: String,
    pub reason: String,
    /// About a further part of a row that is told already.
    pub is_further: bool,
}

impl Rejection {
    /// About a row as a whole, named by its key.
    pub fn of_row(at: Position, key: &str, reason: impl Into<String>) -> Rejection {
        Wrong::of_row(key, reason).at(at)
    }
}

/// Something that is wrong with a row.
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

    /// About the row as a whole, named by its key.
    pub fn of_row(key: &str, reason: impl Into<String>) -> Wrong {
        Wrong { column: "", value: key.to_owned(), reason: reason.into() }
    }
}
