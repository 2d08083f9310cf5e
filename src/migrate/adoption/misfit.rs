//! A value of another program that does not fit the shop.

use sea_orm::{ConnectionTrait, QueryResult};

use super::ForeignShop;
use crate::db::adoption::{ForeignColumn, ForeignTable};
use crate::db::answers::{required_rows, text};
use crate::error::{Result, printable};

/// Maximum number of rows that are asked for, for each reason.
pub(super) const ROWS_ASKED: usize = 1_000;

/// Why an id does not fit.
pub(super) const NO_UUID: &str = "is not a UUID";

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

/// A column's value as it will be, and NULL if it does not fit by itself: then no rule is asked about it.
pub(super) fn fitting_value(shop: &ForeignShop, column: &ForeignColumn) -> String {
    let name = shop.engine.quoted(&column.found_name);
    let value = shop.engine.adopted_value(&name, column, shop.offset);
    match shop.engine.misfit(&name, column) {
        Some(misfit) => format!("CASE WHEN {name} IS NOT NULL AND ({misfit}) THEN NULL ELSE {value} END"),
        None => value,
    }
}

/// A statement that sets texts of a column, after one that makes it take them where it is a number or one of a list.
pub(super) fn setting_text(shop: &ForeignShop, table: &ForeignTable, column: &ForeignColumn, update: &str) -> String {
    let [from, name] = [&table.found_name, &column.found_name].map(|name| shop.engine.quoted(name));
    let wanted = column.definition_of_texts();
    let change = wanted.and_then(|wanted| shop.engine.change_column(&from, &name, &wanted, &column.found, shop.offset));
    change.into_iter().chain([update.to_owned()]).collect::<Vec<_>>().join("; ")
}

/// The rows of a query for `id_text` and `value_text` as misfits, for this reason.
pub(super) async fn ask(
    connection: &impl ConnectionTrait,
    sql: &str,
    table: &str,
    column: &str,
    why: &str,
) -> Result<Vec<Misfit>> {
    Ok(required_rows(connection, sql)
        .await?
        .iter()
        .map(|row| Misfit {
            table: table.to_owned(),
            row: text_or_null(row, "id_text"),
            column: column.to_owned(),
            value: text_or_null(row, "value_text"),
            why: why.to_owned(),
            repair: None,
            remedy: None,
        })
        .collect())
}

/// The id of a row of a table, as text.
pub(super) fn id_of(shop: &ForeignShop, table: &ForeignTable) -> String {
    shop.engine.shown(&shop.engine.quoted(table.id_name()))
}
