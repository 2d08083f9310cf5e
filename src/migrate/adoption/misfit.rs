//! A value of another program that does not fit the shop.

use sea_orm::QueryResult;

use crate::db::answers::text;
use crate::error::printable;

/// Why an id does not fit.
pub(super) const NO_UUID: &str = "is no UUID";

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
    /// Whether it is an id as a database counts them.
    pub fn is_number_as_id(&self) -> bool {
        self.why == NO_UUID && self.value.parse::<i64>().is_ok()
    }

    /// `users 550e…: email is empty (NULL)`
    pub fn message(&self) -> String {
        let [row, value] = [&self.row, &self.value].map(|text| printable(text));
        format!("{} {row}: {} {value}: {}", self.table, self.column, self.why)
    }
}

/// A column as text for people.
pub(super) fn text_or_null(row: &QueryResult, column: &str) -> String {
    text(row, column).unwrap_or_else(|| "NULL".to_owned())
}
