//! Renamed tables: one statement renames a table back, and its rows, keys and indexes stay with it.

use super::super::dialect::adoption::ForeignTable;
use super::super::target::Engine;
use super::rename::{renamed_throughout, replaced};
use super::{Difference, Object, ObjectKind, Schema};

/// A table that exists under another name.
pub struct RenamedTable {
    expected: String,
    found: String,
    definition: String,
}

impl RenamedTable {
    pub fn difference(&self, engine: Engine) -> Difference {
        let [expected, found] = [&self.expected, &self.found].map(|name| engine.quoted(name));
        let repair = format!("ALTER TABLE {found} RENAME TO {expected}");
        Difference::of_name(table_object(&self.expected), Some(self.definition.clone()), None, repair)
    }
}

/// Pairs of a missing table and an unknown one that has its columns, its own keys and indexes, or the foreign keys of
/// others; of several the one that has most of them. Two that are equally like it are left alone.
pub fn renamed_tables(engine: Engine, expected: &Schema, found: &Schema) -> Vec<RenamedTable> {
    let mut unknown: Vec<&str> = tables_only_in(found, expected).map(|(name, _)| name).collect();
    let mut renamed = Vec::new();
    for (table, definition) in tables_only_in(expected, found) {
        let candidates = unknown.iter().copied();
        let mut alike: Vec<(usize, &str)> =
            candidates.filter_map(|other| Some((likeness(engine, (table, other), expected, found)?, other))).collect();
        alike.sort_unstable_by(|one, next| next.cmp(one));
        let other = match alike.as_slice() {
            [(most, other), rest @ ..] if rest.first().is_none_or(|(next, _)| next < most) => *other,
            _ => continue,
        };
        unknown.retain(|name| *name != other);
        renamed.push(RenamedTable {
            expected: table.to_owned(),
            found: other.to_owned(),
            definition: definition.to_owned(),
        });
    }
    renamed
}

/// The schema as it will be when these tables have their names again.
pub fn with_expected_tables(found: &Schema, renamed: &[RenamedTable]) -> Schema {
    let tables: Vec<ForeignTable> = renamed
        .iter()
        .map(|table| ForeignTable {
            name: table.expected.clone(),
            found_name: table.found.clone(),
            columns: Vec::new(),
            creation: Vec::new(),
        })
        .collect();
    renamed_throughout(found, &tables)
}

fn table_object(name: &str) -> Object {
    Object { table: name.to_owned(), kind: ObjectKind::Table, name: name.to_owned() }
}

fn tables_only_in<'a>(schema: &'a Schema, other: &'a Schema) -> impl Iterator<Item = (&'a str, &'a str)> {
    let tables = schema.objects.iter().filter(|(object, _)| object.kind == ObjectKind::Table);
    let tables = tables.map(|(object, definition)| (object.name.as_str(), definition.as_str()));
    tables.filter(|(name, _)| !other.has_table(name))
}

/// How much of a table another one has; nothing where neither all its columns, nor most of the keys and indexes that are
/// named after it, nor a foreign key that should refer to it says that it is the same.
fn likeness(engine: Engine, (table, other): (&str, &str), expected: &Schema, found: &Schema) -> Option<usize> {
    let is_same = |kind, name: &str, definition: &str| {
        let found = found.objects.get(&Object { table: other.to_owned(), kind, name: name.to_owned() });
        found.is_some_and(|found| engine.is_equivalent(kind, definition, &replaced(found, other, table)))
    };
    let columns = || expected.of_table(table, ObjectKind::Column);
    let has_all = columns().all(|(name, _)| found.has_column(other, name));
    let same_columns = columns().filter(|(name, definition)| is_same(ObjectKind::Column, name, definition)).count();
    let parts = [ObjectKind::Constraint, ObjectKind::Index];
    let named =
        parts.into_iter().flat_map(|kind| expected.of_table(table, kind).map(move |(name, said)| (kind, name, said)));
    let named: Vec<_> = named.filter(|(_, name, _)| name.contains(&format!("_{table}"))).collect();
    let same_named = named.iter().filter(|(kind, name, definition)| is_same(*kind, name, definition)).count();
    let is_reference = |(object, definition): &(&Object, &String)| {
        let now = replaced(definition, table, other);
        let is_so = |found: &String| engine.is_equivalent(object.kind, &now, found);
        definition.starts_with("FOREIGN KEY") && now != **definition && found.objects.get(object).is_some_and(is_so)
    };
    let references = expected.objects.iter().filter(is_reference).count();
    let has_most = same_named > 1 && 2 * same_named > named.len();
    (has_all || has_most || references > 0).then_some(same_columns + same_named + references)
}
