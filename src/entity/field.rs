//! The editable fields of a row: one list drives imports, seeds and their messages.

use std::fmt::Display;

use super::{Moment, Stored};
use crate::domain::moment;

/// An entity with editable fields.
pub trait Editable: Clone + Default + PartialEq + Send + Sync + 'static {
    /// Every field of a file, in column order.
    const FIELDS: &'static [Field<Self>];

    /// A row with the default values of its fields, and no others.
    fn new_row() -> Self {
        let mut row = Self::default();
        for field in Self::FIELDS {
            if let Requirement::Defaulted(value) = field.requirement {
                (field.restore)(&mut row, Some(value));
            }
        }
        row
    }
}

/// A field of a file.
pub struct Field<M> {
    /// The name in files, JSON and seeds: `price`.
    pub name: &'static str,
    pub kind: FieldKind,
    pub requirement: Requirement,
    /// The stored value as text; empty for none.
    pub stored: fn(&M) -> String,
    /// Parses a value into a row. Errors: the reason it is invalid.
    pub set: fn(&mut M, &str) -> Result<(), String>,
    /// Puts a value that was stored before back into a row, valid or not; `None` for no value.
    pub restore: fn(&mut M, Option<&str>),
}

/// The form of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A key, without blanks around it.
    Word,
    /// One of a few names, such as this example.
    Name(&'static str),
    /// Free text, which may begin with an apostrophe.
    Text,
    /// An amount of money.
    Amount,
    /// A whole number.
    Whole,
    /// A point in time.
    Time,
}

/// The meaning of an empty value and of a missing column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// The natural key, required in every row.
    Key,
    /// Required for a new row, never empty.
    Required,
    /// Empty means no value.
    Optional,
    /// Empty means unchanged, and this value in a new row.
    Defaulted(&'static str),
}

/// A column value that can be shown as text, and read from the text of an audit event.
pub trait FieldText {
    fn text(&self) -> String;

    /// The value that was stored as this text.
    fn of_text(text: Option<&str>) -> Self;
}

impl FieldText for String {
    fn text(&self) -> String {
        self.clone()
    }

    fn of_text(text: Option<&str>) -> String {
        text.unwrap_or_default().to_owned()
    }
}

impl<T: Display> FieldText for Stored<T>
where
    Stored<T>: for<'t> From<&'t str>,
{
    fn text(&self) -> String {
        self.to_string()
    }

    fn of_text(text: Option<&str>) -> Stored<T> {
        text.map_or(Stored::Missing, Stored::from)
    }
}

impl FieldText for Moment {
    fn text(&self) -> String {
        match self {
            Moment::Known(time) => moment::rfc3339(*time),
            Moment::Odd(text) => text.clone(),
            Moment::Missing => String::new(),
        }
    }

    fn of_text(text: Option<&str>) -> Moment {
        text.map_or(Moment::Missing, Moment::from_stored)
    }
}

impl<T: FieldText> FieldText for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map(FieldText::text).unwrap_or_default()
    }

    fn of_text(text: Option<&str>) -> Option<T> {
        text.map(|text| T::of_text(Some(text)))
    }
}

/// Parses a text; none if it is blank.
pub fn optional<T, C: From<Option<T>>>(text: &str, parse: fn(&str) -> Result<T, String>) -> Result<C, String> {
    let value = if text.trim().is_empty() { None } else { Some(parse(text)?) };
    Ok(value.into())
}

/// A field named like its column: its form, whether it is required, and its parser.
macro_rules! field {
    ($column:ident, $form:expr, $need:ident $(($default:expr))?, $parse:expr) => {
        $crate::entity::field::Field {
            name: stringify!($column),
            kind: $form,
            requirement: $crate::entity::field::Requirement::$need $(($default))?,
            stored: |row| $crate::entity::field::FieldText::text(&row.$column),
            set: |row, text| field!(@value $need, $parse, text).map(|value| row.$column = value),
            restore: |row, text| row.$column = $crate::entity::field::FieldText::of_text(text),
        }
    };
    (@value Optional, $parse:expr, $text:ident) => {
        $crate::entity::field::optional($text, $parse)
    };
    (@value $need:ident, $parse:expr, $text:ident) => {
        $parse($text).map(Into::into)
    };
}

/// The names of an entity's fields of a given kind, or with another member like this, as a constant.
macro_rules! field_names {
    ($Model:ty, $form:pat) => {
        $crate::entity::field::field_names!($Model, kind: $form)
    };
    ($Model:ty, $member:ident: $form:pat) => {{
        use $crate::entity::field::Editable;
        const FIELDS: usize = <$Model>::FIELDS.len();
        const NAMES: ([&str; FIELDS], usize) = {
            let (mut names, mut count, mut at) = ([""; FIELDS], 0, 0);
            while at < FIELDS {
                if matches!(<$Model>::FIELDS[at].$member, $form) {
                    names[count] = <$Model>::FIELDS[at].name;
                    count += 1;
                }
                at += 1;
            }
            (names, count)
        };
        NAMES.0.split_at(NAMES.1).0
    }};
}
pub(crate) use {field, field_names};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{product, user};

    #[test]
    fn a_new_row_has_the_defaults_and_no_other_values() {
        fn values<M: Editable>() -> Vec<(&'static str, String)> {
            let values = M::FIELDS.iter().map(|field| (field.name, (field.stored)(&M::new_row())));
            values.filter(|(_, value)| !value.is_empty()).collect()
        }
        assert_eq!(values::<product::Model>(), [("stock_quantity", "0".to_owned())]);
        assert_eq!(values::<user::Model>(), [("status", "active".to_owned())]);
    }
}
