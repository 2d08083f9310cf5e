//! The cells of a row for users and products: the fields that their entities list.

use uuid::Uuid;

use super::parsed_cell::{MISSING, is_same_text};
use super::read::Record;
use super::rejection::Problem;
use crate::domain::number_parser::{self, DecimalMark};
use crate::entity::Moment;
use crate::entity::field::{Editable, Field, FieldKind, Requirement};

/// The values of a row, field by field.
#[derive(Clone)]
pub struct Cells<M: Editable> {
    /// The id of a new row, where the file has one.
    pub id: Option<Uuid>,
    fields: Vec<Cell<M>>,
    /// Whether its times have lost what is finer than milliseconds.
    is_in_milliseconds: bool,
}

#[derive(Clone)]
struct Cell<M: Editable> {
    field: &'static Field<M>,
    text: String,
    mark: DecimalMark,
}

impl<M: Editable> Cells<M> {
    pub fn from_record(record: &Record) -> Cells<M> {
        let cell = |field: &'static Field<M>| {
            let text = match field.requirement {
                Requirement::Key => record.written(field.name),
                _ => record.get(field.name).unwrap_or_default(),
            };
            let has_value = match field.requirement {
                Requirement::Key => true,
                Requirement::Required | Requirement::Optional => record.has(field.name),
                Requirement::Defaulted(_) => !text.is_empty(),
            };
            has_value.then(|| Cell { field, text: text.to_owned(), mark: record.decimal_mark(field.name) })
        };
        let fields = M::FIELDS.iter().filter_map(cell).collect();
        Cells { id: record.id, fields, is_in_milliseconds: record.is_in_milliseconds }
    }

    /// The key as it is written.
    pub fn key(&self) -> &str {
        self.fields.iter().find(|cell| cell.field.requirement == Requirement::Key).map_or("", |cell| &cell.text)
    }

    /// Whether the row has a value for a field.
    pub fn has_value(&self, name: &str) -> bool {
        self.fields.iter().any(|cell| cell.field.name == name)
    }

    /// Whether values for a new row are missing and the given ones are valid.
    pub fn is_update_only(&self) -> bool {
        let (mut wrong, mut lacks) = (Vec::new(), false);
        self.new_row(&mut wrong, |_, _| lacks = true);
        lacks && wrong.is_empty()
    }

    /// The stored row with the row's values; problems are collected.
    pub fn merged_into(&self, stored: &M, wrong: &mut Vec<Problem>) -> M {
        let mut row = stored.clone();
        for cell in self.fields.iter().filter(|cell| cell.field.requirement != Requirement::Key) {
            let stored = (cell.field.stored)(stored);
            let is_same_time = || {
                self.is_in_milliseconds
                    && cell.field.kind == FieldKind::Time
                    && Moment::from_stored(&cell.text).is_truncation_of(&Moment::from_stored(&stored))
            };
            if !(is_same_text(&cell.text, &stored) || is_same_time()) {
                cell.put(&mut row, wrong);
            }
        }
        row
    }

    /// A new row; problems are collected. `lacks` is called for each required field that the file does not have.
    pub fn new_row(&self, wrong: &mut Vec<Problem>, mut lacks: impl FnMut(&'static str, &mut Vec<Problem>)) -> M {
        let mut row = M::new_row();
        for field in M::FIELDS {
            match self.fields.iter().find(|cell| cell.field.name == field.name) {
                Some(cell) => cell.put(&mut row, wrong),
                None if field.requirement == Requirement::Required => lacks(field.name, wrong),
                None => {}
            }
        }
        row
    }
}

impl<M: Editable> Cell<M> {
    fn put(&self, row: &mut M, wrong: &mut Vec<Problem>) {
        let Cell { field, mark, .. } = self;
        // A blank key is read for comparison with stored ones only.
        let text = if self.text.trim().is_empty() { "" } else { &self.text };
        let written = match (field.kind, field.requirement) {
            (_, Requirement::Key | Requirement::Required) if text.is_empty() => Err(MISSING.to_owned()),
            (FieldKind::Amount, _) if !text.is_empty() => number_parser::amount(text, *mark),
            (FieldKind::Whole, _) if !text.is_empty() => number_parser::whole(text, *mark),
            _ => Ok(text.to_owned()),
        };
        if let Err(mut reason) = written.and_then(|written| (field.set)(row, &written)) {
            if let FieldKind::Name(ours) = field.kind {
                reason += &format!(" (--map-value {}:THEIRS={ours} says what it means)", field.name);
            }
            wrong.push(Problem { column: field.name, value: text.to_owned(), reason });
        }
    }
}
