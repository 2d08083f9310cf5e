//! The columns of a noun's rows, and the selected fields.

use serde_json::{Map, Value};

use super::cell::{Cell, Heading, Nested, Rank, Shown};
use crate::domain::similar::closest;
use crate::error::{Error, Result, printable};

/// A field of a view: its heading and its accessor.
pub struct Column<V> {
    pub(super) heading: Heading,
    pub(super) cell: fn(&V) -> Cell,
}

impl<V> Column<V> {
    /// A field shown in every format.
    pub const fn new(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading::new(name, title), cell }
    }

    /// A field that a table of many rows omits unless `--fields` names it.
    pub const fn detail(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading { shown: Shown::OutsideTables, ..Heading::new(name, title) }, cell }
    }

    /// A field for programs: people read the same in another one, unless `--fields` names it.
    pub const fn for_programs(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading { shown: Shown::ForPrograms, ..Heading::new(name, title) }, cell }
    }

    /// A field that is looked up only if `--fields` names it.
    pub const fn on_request(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading { shown: Shown::OnRequest, ..Heading::new(name, title) }, cell }
    }

    /// A field that names the row: the last that narrow terminals show under it.
    pub const fn key(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading::new(name, title).with_rank(Rank::Key), cell }
    }

    /// A long id: the first that narrow terminals show under its row.
    pub const fn id(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading::new(name, title).with_rank(Rank::Id), cell }
    }

    /// A field that narrow terminals leave out.
    pub const fn minor(name: &'static str, title: &'static str, cell: fn(&V) -> Cell) -> Column<V> {
        Column { heading: Heading::new(name, title).with_rank(Rank::Minor), cell }
    }
}

/// The representation of a noun's rows in every format: its fields in order.
pub trait View: Sized + 'static {
    /// The plural, for messages: `no orders`.
    const NOUN: &'static str;
    /// The fields in the order of every format.
    const COLUMNS: &'static [Column<Self>];

    /// The value printed by `-o id`: by default the first field.
    fn id(&self) -> String {
        Self::COLUMNS.first().map(|column| (column.cell)(self).raw_text()).unwrap_or_default()
    }

    /// All fields as one object, as printed by `show --json` and `create --json`.
    fn to_json(&self) -> Map<String, Value> {
        let columns = Self::COLUMNS.iter().filter(|column| column.heading.shown != Shown::OnRequest);
        columns.map(|column| (column.heading.name.to_owned(), (column.cell)(self).to_json())).collect()
    }
}

/// The fields of a view, which `--fields` selects.
pub fn field_names<V: View>() -> Vec<&'static str> {
    V::COLUMNS.iter().map(|column| column.heading.name).collect()
}

impl Cell {
    /// The rows of another view as one cell.
    pub fn nested<V: View>(rows: &[V]) -> Cell {
        let columns: Vec<_> = V::COLUMNS.iter().collect();
        Cell::Nested(Nested {
            headings: columns.iter().map(|column| column.heading).collect(),
            rows: rows.iter().map(|row| cells(&columns, row)).collect(),
        })
    }
}

/// The cells of one row in these columns.
pub(super) fn cells<V>(columns: &[&Column<V>], row: &V) -> Vec<Cell> {
    columns.iter().map(|column| (column.cell)(row)).collect()
}

/// The positions of the requested fields in `available`, in the requested order; each of these has its name and its
/// title.
///
/// Errors: exit 2 for an unknown field, with a suggestion and the list of fields.
pub(super) fn select(wanted: &[String], available: &[(&str, &str)]) -> Result<Vec<usize>> {
    let position = |wanted: &str| available.iter().position(|(name, _)| *name == wanted);
    let unknown = |wanted: &str| {
        let names: Vec<&str> = available.iter().map(|(name, _)| *name).collect();
        let words = |text: &str| text.to_lowercase().replace(['_', '-'], " ");
        match available.iter().find(|(_, title)| words(title) == words(wanted)) {
            Some((meant, _)) => unknown_field_like(wanted, Some(meant), &names),
            None => unknown_field(wanted, &names),
        }
    };
    wanted.iter().map(|name| position(name.trim()).ok_or_else(|| unknown(name.trim()))).collect()
}

/// Exit 2 for a field that is none of the available ones, with a suggestion.
pub fn unknown_field(wanted: &str, available: &[&str]) -> Error {
    unknown_field_like(wanted, closest(wanted, available.iter().copied()), available)
}

fn unknown_field_like(wanted: &str, meant: Option<&str>, available: &[&str]) -> Error {
    Error::usage(format!("unknown field {}", printable(wanted)))
        .hints_of(meant.map(|name| format!("did you mean {name}?")))
        .hint(format!("the fields are {}", available.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_not_a_field_but_leads_to_it() {
        let available = [("delta", "CHANGE"), ("occurred_at", "TIME"), ("user_id", "USER ID")];
        for (wanted, meant) in
            [("change", "delta"), ("Time", "occurred_at"), ("user id", "user_id"), ("delat", "delta")]
        {
            let refused = select(&[wanted.to_owned()], &available).unwrap_err();
            let hints = refused.hint_lines(&crate::error::Invocation::default());
            assert_eq!(hints[0], format!("did you mean {meant}?"), "{wanted}");
        }
        assert_eq!(select(&["user_id".to_owned(), "delta".to_owned()], &available).unwrap(), [2, 0]);
    }
}
