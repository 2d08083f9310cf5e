//! How tables that another program made become the shop's, with their rows.

use crate::db::dialect::catalog::ColumnParts;
use crate::db::schema::Schema;

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A UUID.
    Id,
    /// A UUID that stays in the form of the other program.
    IdAsIs,
    /// A moment, in UTC with microseconds.
    Time,
    /// An amount of money with two decimal places.
    Amount,
    /// A whole number of 32 bits.
    Whole,
    /// A text.
    Text,
}

/// A column of the shop that another program's table has, perhaps under another name.
#[derive(Debug, Clone)]
pub struct ForeignColumn {
    /// Its name in the shop.
    pub name: String,
    /// Its name in the other program's table.
    pub found_name: String,
    /// What its values are.
    pub kind: ValueKind,
    /// Its definition in the shop.
    pub expected: String,
    /// Its definition in the other program's table.
    pub found: String,
}

impl ForeignColumn {
    /// The type that the other program gave it.
    pub fn found_type(&self) -> &str {
        ColumnParts::parse(&self.found).kind
    }

    /// The type that it has in the shop.
    pub fn expected_type(&self) -> &str {
        ColumnParts::parse(&self.expected).kind
    }

    /// The first number in the brackets of its type in the shop: characters, or digits.
    pub fn size(&self) -> Option<u32> {
        let (_, rest) = self.expected_type().split_once('(')?;
        rest.split([',', ')']).next()?.trim().parse().ok()
    }

    /// The first amount that has more digits before the point than the column.
    pub fn amount_limit(&self) -> String {
        format!("1{}", "0".repeat(self.size().unwrap_or(10).saturating_sub(2) as usize))
    }

    /// What a missing value becomes, where there must be one.
    pub fn instead_of_null(&self) -> Option<&str> {
        let expected = ColumnParts::parse(&self.expected);
        expected.instead_of_null(&ColumnParts::parse(&self.found))
    }

    /// Whether a missing value stays missing though there must be one.
    pub fn refuses_null(&self) -> bool {
        let (expected, found) = (ColumnParts::parse(&self.expected), ColumnParts::parse(&self.found));
        expected.is_not_null && !found.is_not_null && expected.default.is_none()
    }
}

/// A table of the shop that another program made.
#[derive(Debug, Clone)]
pub struct ForeignTable {
    /// Its name in the shop.
    pub name: String,
    /// Its name in the other program's database.
    pub found_name: String,
    /// The shop's columns that it has.
    pub columns: Vec<ForeignColumn>,
    /// The statements that make the shop's own.
    pub creation: Vec<String>,
}

/// An engine's way of taking over tables.
pub trait Adoption {
    /// The value of a column as the shop's column stores it. `name` is quoted; `offset` is how far times
    /// without a zone are ahead of UTC, in minutes.
    fn adopted_value(&self, name: &str, column: &ForeignColumn, offset: i32) -> String;

    /// When a value does not fit the shop's column, as a condition; `None` where every value does.
    fn misfit(&self, name: &str, column: &ForeignColumn) -> Option<String>;

    /// A value as text.
    fn shown(&self, name: &str) -> String;

    /// Statements that make the shop's tables of these, with every row and with what others added, in an order that
    /// works; those where DDL is part of transactions are run in one.
    fn take_over(&self, tables: &[ForeignTable], expected: &Schema, found: &Schema, offset: i32) -> Vec<String>;
}

/// `+02:00`
pub fn offset_text(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}
