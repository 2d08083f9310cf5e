//! Which of a table's unknown columns are missing ones under another name.

use super::super::target::Engine;
use super::rename::{RenamedColumn, replaced};
use super::repair::column_type;
use super::{Difference, Object, ObjectKind, Schema};

/// Minimum similarity of two names that may be one column's (0 to 1).
const SIMILAR: f64 = 0.7;
/// The similarity of a name and its abbreviation.
const SHORTENED: f64 = 0.9;
/// Minimum lead over the next similar name.
const LEAD: f64 = 0.05;

type Column<'a> = (&'a str, &'a str);

/// Missing columns with the unknown columns that are theirs by evidence: the name, or the shop's own constraints and
/// indexes, which follow a column that is renamed. The same definition is no evidence: it may be another program's.
pub fn renamed(engine: Engine, expected: &Schema, found: &Schema) -> Vec<RenamedColumn> {
    let tables = expected.objects.keys().filter(|object| object.kind == ObjectKind::Table);
    tables.flat_map(|table| renamed_in_table(engine, &table.table, expected, found)).collect()
}

/// Gives a missing column that may be one of several unknown ones the statements that rename each of them. What else
/// there is to repair in its table has to wait for the choice.
pub fn note_choices(engine: Engine, differences: &mut [Difference], expected: &Schema, found: &Schema) {
    let mut undecided: Vec<String> = Vec::new();
    let is_missing = |one: &&mut Difference| one.object.kind == ObjectKind::Column && one.found.is_none();
    for difference in differences.iter_mut().filter(is_missing) {
        let (table, name) = (difference.object.table.as_str(), difference.object.name.as_str());
        let Some(definition) = difference.expected.as_deref() else { continue };
        let candidates = only_in(table, found, expected);
        let candidates = candidates.iter().filter(|other| can_be(engine, (name, definition), **other));
        let [quoted, column] = [table, name].map(|name| engine.quoted(name));
        let rename = |(other, _): &Column<'_>| {
            format!("ALTER TABLE {quoted} RENAME COLUMN {} TO {column}", engine.quoted(other))
        };
        let renames: Vec<String> = candidates.map(rename).collect();
        undecided.extend((!renames.is_empty()).then(|| table.to_owned()));
        difference.renames = renames;
    }
    let is_waiting = |one: &&mut Difference| {
        undecided.contains(&one.object.table) && one.object.kind != ObjectKind::Table && one.renames.is_empty()
    };
    for difference in differences.iter_mut().filter(is_waiting) {
        (difference.repair, difference.waits) = (None, true);
    }
}

fn renamed_in_table(engine: Engine, table: &str, expected: &Schema, found: &Schema) -> Vec<RenamedColumn> {
    if !found.has_table(table) {
        return Vec::new();
    }
    let (mut missing, mut added) = (only_in(table, expected, found), only_in(table, found, expected));
    let mut pairs = Vec::new();
    let is_named = |one: Column<'_>, other: Column<'_>| is_named(engine, one, other);
    let is_followed =
        |one: Column<'_>, other: Column<'_>| is_followed(engine, (table, one.0, other.0), expected, found);
    while let Some((at, other)) = clear_pair(&missing, &added, is_named).or_else(|| pair(&missing, &added, is_followed))
    {
        let ((expected, definition), (found, _)) = (missing.remove(at), added.remove(other));
        let [table, expected, found, definition] = [table, expected, found, definition].map(str::to_owned);
        pairs.push(RenamedColumn { table, expected, found, definition });
    }
    pairs
}

fn only_in<'a>(table: &'a str, schema: &'a Schema, other: &Schema) -> Vec<Column<'a>> {
    schema.of_table(table, ObjectKind::Column).filter(|(name, _)| !other.has_column(table, name)).collect()
}

fn has_type(engine: Engine, (_, definition): Column<'_>, (_, other): Column<'_>) -> bool {
    engine.is_equivalent(ObjectKind::Column, column_type(definition), column_type(other))
}

fn can_be(engine: Engine, column: Column<'_>, other: Column<'_>) -> bool {
    has_type(engine, column, other) || likeness(column.0, other.0) >= SIMILAR
}

/// The places of the first two columns for which this holds.
fn pair(
    missing: &[Column<'_>],
    added: &[Column<'_>],
    is_pair: impl Fn(Column<'_>, Column<'_>) -> bool,
) -> Option<(usize, usize)> {
    let mut pairs = (0..missing.len()).flat_map(|at| (0..added.len()).map(move |other| (at, other)));
    pairs.find(|(at, other)| is_pair(missing[*at], added[*other]))
}

/// As [`pair`], for two columns each of which is more like the other than like any third one.
fn clear_pair(
    missing: &[Column<'_>],
    added: &[Column<'_>],
    is_pair: impl Fn(Column<'_>, Column<'_>) -> bool,
) -> Option<(usize, usize)> {
    pair(missing, added, |one, other| {
        let leads = |next: (&str, &str)| likeness(one.0, other.0) - likeness(next.0, next.1) >= LEAD;
        is_pair(one, other)
            && missing.iter().all(|next| next.0 == one.0 || leads((next.0, other.0)))
            && added.iter().all(|next| next.0 == other.0 || leads((one.0, next.0)))
    })
}

/// Whether two names are written otherwise, or one is short for the other and both columns have one definition.
fn is_named(engine: Engine, (name, definition): Column<'_>, (other, said): Column<'_>) -> bool {
    let is_same = engine.is_equivalent(ObjectKind::Column, definition, said);
    plain(name) == plain(other) || is_same && likeness(name, other) >= SHORTENED
}

/// Whether a constraint or an index of the shop that should be about the missing column is about the added one.
fn is_followed(engine: Engine, (table, missing, added): (&str, &str, &str), expected: &Schema, found: &Schema) -> bool {
    let is_renamed = |kind, name: &str, wanted: &str| {
        let object = Object { table: table.to_owned(), kind, name: name.to_owned() };
        let is_about = replaced(wanted, missing, added) != wanted;
        let is_same = |said: &String| engine.is_equivalent(kind, wanted, &replaced(said, added, missing));
        is_about && found.objects.get(&object).is_some_and(is_same)
    };
    let kinds = [ObjectKind::Constraint, ObjectKind::Index];
    kinds.into_iter().any(|kind| expected.of_table(table, kind).any(|(name, wanted)| is_renamed(kind, name, wanted)))
}

/// `createdAt` and `created_at` are one name.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// From 0 to 1; a name and its abbreviation (`first_name`, `fname`) are nearly one.
fn likeness(name: &str, other: &str) -> f64 {
    let (name, other) = (plain(name), plain(other));
    let is_short_for = |short: &str, long: &str| {
        let mut rest = long.chars();
        short.len() > 1
            && short.chars().next() == long.chars().next()
            && short.chars().all(|one| rest.any(|next| next == one))
    };
    match () {
        () if name == other => 1.0,
        () if is_short_for(&name, &other) || is_short_for(&other, &name) => SHORTENED,
        () => strsim::jaro_winkler(&name, &other).min(SHORTENED - LEAD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_column_are_alike() {
        let is_like = |name, other, third: &str| likeness(name, other) - likeness(name, third) >= LEAD;
        assert!(is_like("first_name", "fname", "lname"));
        assert!(is_like("last_name", "lname", "fname"));
        assert!(is_like("created_at", "createdAt", "updatedAt"));
        assert!(!is_like("first_name", "a", "b"));
    }
}
