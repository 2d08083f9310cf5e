//! What people say of a row, field by field: one list drives imports, seeds and what is said of them.

use std::fmt::Display;

use super::Stored;

/// A row that people describe.
pub trait Described: Clone + Default + PartialEq + Send + Sync + 'static {
    /// Every field that a file may have, in the order of its columns.
    const FIELDS: &'static [Field<Self>];
}

/// A field that a file may have.
pub struct Field<M> {
    /// In files, JSON and seeds: `price`.
    pub name: &'static str,
    pub form: Form,
    pub need: Need,
    /// What is stored; empty where there is nothing.
    pub stored: fn(&M) -> String,
    /// Puts what is said into a row. Errors: why the shop would not have it.
    pub put: fn(&mut M, &str) -> Result<(), String>,
}

/// How the values of a field are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A key, without blanks around it.
    Word,
    /// One of few names, such as this one.
    Name(&'static str),
    /// Free text, which may begin with an apostrophe of its own.
    Text,
    /// An amount, whose currency matters.
    Amount,
    /// A whole number.
    Whole,
}

/// What an empty value says, and a column that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The natural key: every row has it.
    Key,
    /// A new row needs it, and it is never empty.
    Required,
    /// Empty says that there is none.
    Optional,
    /// Empty says nothing.
    Presumed,
}

/// What a column can hold, as a text.
pub trait Shown {
    fn text(&self) -> String;
}

impl Shown for String {
    fn text(&self) -> String {
        self.clone()
    }
}

impl<T: Display> Shown for Stored<T> {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map(Shown::text).unwrap_or_default()
    }
}

/// The value of a text; none where it is blank.
pub fn optional<T: Into<C>, C>(text: &str, parse: fn(&str) -> Result<T, String>) -> Result<Option<C>, String> {
    if text.trim().is_empty() { Ok(None) } else { parse(text).map(|value| Some(value.into())) }
}

/// A field that is called like its column: its form, its need, and how a text becomes its value.
macro_rules! field {
    ($column:ident, $form:expr, $need:ident, $parse:expr) => {
        $crate::entity::field::Field {
            name: stringify!($column),
            form: $form,
            need: $crate::entity::field::Need::$need,
            stored: |row| $crate::entity::field::Shown::text(&row.$column),
            put: |row, text| field!(@value $need, $parse, text).map(|value| row.$column = value),
        }
    };
    (@value Optional, $parse:expr, $text:ident) => {
        $crate::entity::field::optional($text, $parse)
    };
    (@value $need:ident, $parse:expr, $text:ident) => {
        $parse($text).map(Into::into)
    };
}

/// The names of an entity's fields of a form, as a constant.
macro_rules! field_names {
    ($Model:ty, $form:pat) => {{
        use $crate::entity::field::Described;
        const FIELDS: usize = <$Model>::FIELDS.len();
        const NAMES: ([&str; FIELDS], usize) = {
            let (mut names, mut count, mut at) = ([""; FIELDS], 0, 0);
            while at < FIELDS {
                if matches!(<$Model>::FIELDS[at].form, $form) {
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
