//! Renamed columns: one statement renames them back, and the rows keep their values.

use super::super::dialect::adoption::{ForeignColumn, ForeignTable};
use super::super::target::Engine;
use super::meaning::{end_of_quoted, unquoted};
use super::{Dependent, Difference, Object, ObjectKind, Schema};

/// A column that exists under another name.
pub struct RenamedColumn {
    pub(super) table: String,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) definition: String,
}

impl RenamedColumn {
    pub fn difference(&self, engine: Engine) -> Difference {
        let [table, expected, found] = [&self.table, &self.expected, &self.found].map(|name| engine.quoted(name));
        let repair = format!("ALTER TABLE {table} RENAME COLUMN {found} TO {expected}");
        let object = Object { table: self.table.clone(), kind: ObjectKind::Column, name: self.expected.clone() };
        Difference::of_name(object, Some(self.definition.clone()), None, repair)
    }
}

/// The schema as it would be with the names as they should be: what was made of the column
/// (constraints, indexes) follows it.
pub fn with_expected_names(found: &Schema, renamed: &[RenamedColumn]) -> Schema {
    let mut schema = found.clone();
    for column in renamed {
        let objects = std::mem::take(&mut schema.objects);
        schema.objects = objects
            .into_iter()
            .map(|(object, definition)| match object {
                Object { table, kind: ObjectKind::Column, name } if table == column.table && name == column.found => {
                    (Object { table, kind: ObjectKind::Column, name: column.expected.clone() }, definition)
                }
                object if object.table == column.table => {
                    let definition = replaced(&definition, &column.found, &column.expected);
                    (object, definition)
                }
                object => (object, definition),
            })
            .collect();
        let dependents = std::mem::take(&mut schema.dependents);
        let rename = |(mut object, mut dependents): (Object, Vec<Dependent>)| {
            if object.table == column.table {
                object.name = if object.name == column.found { column.expected.clone() } else { object.name };
                for dependent in &mut dependents {
                    dependent.creation = replaced(&dependent.creation, &column.found, &column.expected);
                }
            }
            (object, dependents)
        };
        schema.dependents = dependents.into_iter().map(rename).collect();
    }
    schema
}

/// The schema as it will be when tables of another program, and their columns, have the shop's names.
pub fn renamed_throughout(found: &Schema, tables: &[ForeignTable]) -> Schema {
    let with_columns = |table: &str, text: &str| {
        let columns = tables.iter().find(|other| other.found_name == table).map(|table| table.columns.as_slice());
        let renamed = |text: String, column: &ForeignColumn| replaced(&text, &column.found_name, &column.name);
        columns.unwrap_or_default().iter().fold(text.to_owned(), renamed)
    };
    let with_names = |table: &str, text: &str| {
        let renamed = |text: String, table: &ForeignTable| replaced(&text, &table.found_name, &table.name);
        with_columns(table, &tables.iter().fold(text.to_owned(), renamed))
    };
    let table_name = |name: &str| {
        tables.iter().find(|table| table.found_name == name).map_or(name, |table| table.name.as_str()).to_owned()
    };
    let column_name = |table: &str, name: &str| {
        let mut columns = tables.iter().filter(|other| other.found_name == table).flat_map(|table| &table.columns);
        columns.find(|column| column.found_name == name).map_or(name, |column| column.name.as_str()).to_owned()
    };
    let rename = |(object, definition): (&Object, &String)| {
        let name = match object.kind {
            ObjectKind::Table => table_name(&object.name),
            ObjectKind::Column => column_name(&object.table, &object.name),
            _ => object.name.clone(),
        };
        let definition = match object.kind {
            // One that is computed names others.
            ObjectKind::Column if definition.contains(" AS (") => with_columns(&object.table, definition),
            ObjectKind::Column => definition.clone(),
            _ => with_names(&object.table, definition),
        };
        (Object { table: table_name(&object.table), kind: object.kind, name }, definition)
    };
    let statement = |(table, text): (&String, &String)| (table_name(table), with_names(table, text));
    let dependent = |(object, all): (&Object, &Vec<Dependent>)| {
        let object = Object {
            table: table_name(&object.table),
            kind: object.kind,
            name: with_names(&object.table, &object.name),
        };
        let again = |one: &Dependent| Dependent {
            removal: with_names(&object.table, &one.removal),
            creation: with_names(&object.table, &one.creation),
        };
        let all = all.iter().map(again).collect();
        (object, all)
    };
    // It has the name of its column until that is renamed, and keeps it then.
    let renamed_check = |check: &Object| Object { table: table_name(&check.table), ..check.clone() };
    Schema {
        objects: found.objects.iter().map(rename).collect(),
        statements: found.statements.iter().map(statement).collect(),
        dependents: found.dependents.iter().map(dependent).collect(),
        ahead: found.ahead,
        column_checks: found.column_checks.iter().map(renamed_check).collect(),
    }
}

/// Replaces whole names only: what stands in quotes is one name, or a text.
pub(super) fn replaced(text: &str, word: &str, by: &str) -> String {
    let is_of_a_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => end_of_quoted(rest, first),
            _ if is_of_a_word(first) => rest.find(|other| !is_of_a_word(other)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        match first {
            '"' | '`' if unquoted(piece, first) == word => {
                replaced.extend([&first.to_string(), by, &first.to_string()]);
            }
            _ if piece == word => replaced.push_str(by),
            _ => replaced.push_str(piece),
        }
        rest = after;
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_replaced() {
        assert_eq!(replaced("(\"name\", names, name)", "name", "title"), "(\"title\", names, title)");
        assert_eq!(replaced("first_name", "name", "title"), "first_name");
        assert_eq!(replaced("\"my name\" <> 'name'", "name", "title"), "\"my name\" <> 'name'");
    }
}
