//! A value of another program that does not fit the shop.

use crate::error::printable;

/// A value that does not fit.
#[derive(Debug, Clone)]
pub struct Misfit {
    /// The table, as the other program calls it.
    pub table: String,
    /// The row's id, as it is stored.
    pub row: String,
    /// The column, as the other program calls it.
    pub column: String,
    /// The value as text.
    pub value: String,
    /// Why it does not fit.
    pub why: String,
    /// A statement that mends it, where one does without a decision.
    pub repair: Option<String>,
    /// What there is to decide, with a statement at the end.
    pub remedy: Option<String>,
}

impl Misfit {
    /// `users 550e…: email is empty (NULL)`
    pub fn message(&self) -> String {
        let [row, value] = [&self.row, &self.value].map(|text| printable(text));
        format!("{} {row}: {} {value}: {}", self.table, self.column, self.why)
    }
}
