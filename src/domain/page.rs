//! Pages of a list: limit and offset, or the continuation after a row (keyset).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Id;

/// Rows of a list unless `--limit` says otherwise.
pub const DEFAULT_LIMIT: u64 = 20;
/// The highest `--limit`; `--all` streams more.
pub const MAX_LIMIT: u64 = 10_000;

/// The requested part of a sorted list.
#[derive(Debug, Clone)]
pub struct Page {
    /// Maximum number of rows.
    pub limit: u64,
    /// Number of rows to skip; 0 with `after`.
    pub offset: u64,
    /// The row after which the page starts.
    pub after: Option<Cursor>,
    /// The field to sort by, one of the noun's sort fields; `None` means newest first.
    pub sort: Sort,
}

impl Default for Page {
    fn default() -> Self {
        Page { limit: DEFAULT_LIMIT, offset: 0, after: None, sort: Sort::default() }
    }
}

/// A sort field as typed: `name` ascending, `-name` descending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Sort { field: "created_at".to_owned(), descending: true }
    }
}

impl Sort {
    pub fn parse(text: &str) -> Sort {
        match text.strip_prefix('-') {
            Some(field) => Sort { field: field.to_owned(), descending: true },
            None => Sort { field: text.to_owned(), descending: false },
        }
    }
}

/// Where a list continues: after the row with this id, whose sort field has this value.
///
/// It contains the sort order, so that a continuation under another order is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The order of the list that printed the cursor.
    pub sort: Sort,
    /// The row's value of the sort field, as text; `None` for NULL.
    pub value: Option<String>,
    /// The row's id, which decides between equal values.
    pub id: Id,
}

impl Cursor {
    /// Opaque text for the command line.
    pub fn encode(&self) -> String {
        let direction = if self.sort.descending { "-" } else { "" };
        let value = self.value.iter().map(|value| format!("\n{value}")).collect::<String>();
        URL_SAFE_NO_PAD.encode(format!("{direction}{}\n{}{value}", self.sort.field, self.id.encode()))
    }

    /// The inverse of [`Cursor::encode`]. Errors: the reason, for any other text.
    pub fn decode(text: &str) -> Result<Cursor, String> {
        let problem = || "is not a cursor printed by a list".to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| problem())?;
        let plain = String::from_utf8(bytes).map_err(|_| problem())?;
        let mut parts = plain.splitn(3, '\n');
        match (parts.next(), parts.next().and_then(Id::decode), parts.next()) {
            (Some(sort), Some(id), value) => {
                Ok(Cursor { sort: Sort::parse(sort), value: value.map(str::to_owned), id })
            }
            _ => Err(problem()),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    proptest::proptest! {
        #[test]
        fn a_cursor_survives_the_command_line(value: Option<String>, bits: u128, descending: bool) {
            let sort = Sort { field: "name".to_owned(), descending };
            let cursor = Cursor { sort, value, id: Uuid::from_u128(bits).into() };
            proptest::prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn any_other_text_is_rejected_without_a_panic(text: String) {
            let _ = Cursor::decode(&text);
        }
    }
}
