//! The proof that nobody's name came through: every text of the target is read back and searched for every name.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{Mask, decision, is_erased, is_id, is_number, is_time};
use crate::entity::tables::Table;
use crate::error::Result;
use crate::service::undone;
use crate::transfer::fill::Filled;
use crate::transfer::{Cell, Fingerprint, Origin, Report, Row, read_rows};

/// What is in the target.
#[derive(Debug, Default)]
pub struct Found {
    /// Tables that differ from what was written.
    pub different: Vec<String>,
    /// Where the first e-mail address or name is.
    pub name: Option<Place>,
}

/// A column, without the value in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub table: String,
    pub column: String,
}

impl Mask {
    /// Reads the target back, and searches it for the names of the shop.
    ///
    /// Errors: those of reading.
    pub async fn search(&self, target: &mut dyn Origin, loaded: &[Filled], report: Report<'_>) -> Result<Found> {
        let mut found = Found::default();
        for (table, written) in loaded {
            let mut fingerprint = Fingerprint::empty();
            let each = |row: Row| {
                fingerprint.add(&row, table);
                if found.name.is_none() {
                    found.name = self.find_name(table, &row);
                }
                Ok(())
            };
            read_rows(table, target, &mut *report, each).await?;
            if fingerprint != *written {
                found.different.push(table.name.clone());
            }
        }
        Ok(found)
    }

    /// The first column in which a name is, whatever the column is for.
    fn find_name(&self, table: &Table, row: &Row) -> Option<Place> {
        let mut cells = table.columns.iter().zip(&row.0);
        let (column, _) = cells.find(|(_, cell)| text_of(cell).is_some_and(|text| self.tells_name(&text)))?;
        Some(Place { table: table.name.clone(), column: column.name.clone() })
    }

    fn tells_name(&self, text: &str) -> bool {
        match serde_json::from_str(text) {
            Ok(document @ (Json::Object(_) | Json::Array(_))) => self.has_name(&document),
            _ => self.is_name_in(text),
        }
    }

    fn has_name(&self, document: &Json) -> bool {
        match document {
            Json::String(text) => self.is_name_in(text),
            Json::Array(values) => values.iter().any(|value| self.has_name(value)),
            Json::Object(members) => members.iter().any(|(name, value)| {
                let is_own = decision(name).is_some();
                (!is_own && self.is_name_in(name)) || self.has_name(value)
            }),
            _ => false,
        }
    }

    /// A word of shopctl's own, an id, a time or a number is no name, though somebody may be called Order or Ade.
    fn is_name_in(&self, text: &str) -> bool {
        let is_id = is_id(text) || undone::is_key(text);
        let is_plain = is_id || self.own_words.contains(text) || is_time(text) || is_number(text) || is_erased(text);
        !is_plain && self.fakes.are_names_in(text)
    }
}

fn text_of(cell: &Cell) -> Option<Cow<'_, str>> {
    match cell {
        Cell::Text(text) => Some(text.into()),
        Cell::Bytes(bytes) | Cell::Garbled(bytes) => Some(String::from_utf8_lossy(bytes)),
        Cell::Missing | Cell::Id(..) | Cell::Time(..) | Cell::Amount(_) | Cell::Integer(_) | Cell::Real(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::mask_of_ann;
    use super::*;
    use crate::entity::tables::tables;

    fn find(column: &str, text: &str) -> Option<Place> {
        let table = tables().into_iter().find(|table| table.name == "audit_events").unwrap();
        let cell = |name: &str| if name == column { Cell::Text(text.to_owned()) } else { Cell::Missing };
        let row = Row(table.columns.iter().map(|column| cell(&column.name)).collect());
        mask_of_ann().find_name(&table, &row)
    }

    #[test]
    fn a_name_is_found_in_any_column_and_anywhere_in_a_document() {
        let planted = [
            ("actor", "lee"),
            ("error", "sent to <Ann@Example.com>."),
            ("after", r#"{"note":"for Ann"}"#),
            ("after", r#"{"items":[{"sku":"LEE-1"}]}"#),
            ("before", r#"{"Ann":1}"#),
            ("before", r#"["ann"]"#),
            ("before", "{\"note\":\"Ann"),
            ("occurred_at", "Ann"),
        ];
        for (column, text) in planted {
            let place = Place { table: "audit_events".to_owned(), column: column.to_owned() };
            assert_eq!(find(column, text), Some(place), "{text}");
        }
        for (column, text) in [
            ("actor", "staff-ann1"),
            ("operation", "user.create"),
            (
                "after",
                r#"{"email":"user-x@example.com","status":"active","user_id":"00000000-0000-0000-0000-000000000007"}"#,
            ),
            ("after", r#"{"price":"12.50","name":"Oak"}"#),
        ] {
            assert_eq!(find(column, text), None, "{text}");
        }
    }
}
