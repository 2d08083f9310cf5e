//! Which of a table's unknown columns are missing ones under another name.

use super::super::target::Engine;
use super::rename::RenamedColumn;
use super::repair::column_type;
use super::{Difference, ObjectKind, Schema};

/// Minimum similarity of two names of one column (0 to 1).
const SIMILAR: f64 = 0.7;
/// Minimum lead over the next similar name.
const LEAD: f64 = 0.05;

type Column<'a> = (&'a str, &'a str);

/// Missing columns with the one unknown column that can only be theirs: by its name, or because no other column of the
/// same definition is left.
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
    let by_name = |missing: &[Column<'_>], added: &[Column<'_>]| pair_by_name(engine, missing, added);
    let by_definition = |missing: &[Column<'_>], added: &[Column<'_>]| pair_by_definition(engine, missing, added);
    while let Some((at, other)) = by_name(&missing, &added).or_else(|| by_definition(&missing, &added)) {
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

/// The places of two columns, each of which is more like the other than like any third one.
fn pair_by_name(engine: Engine, missing: &[Column<'_>], added: &[Column<'_>]) -> Option<(usize, usize)> {
    let score = |at: usize, other: usize| likeness(missing[at].0, added[other].0);
    let pairs = (0..missing.len()).flat_map(|at| (0..added.len()).map(move |other| (at, other)));
    let is_clear = |(at, other): &(usize, usize)| {
        let own = score(*at, *other);
        let leads = |next: f64| own - next >= LEAD;
        let is_typed = has_type(engine, missing[*at], added[*other]) || plain(missing[*at].0) == plain(added[*other].0);
        own >= SIMILAR
            && is_typed
            && (0..missing.len()).all(|next| next == *at || leads(score(next, *other)))
            && (0..added.len()).all(|next| next == *other || leads(score(*at, next)))
    };
    pairs.into_iter().find(is_clear)
}

/// The places of two columns of one definition that no other column of either side has.
fn pair_by_definition(engine: Engine, missing: &[Column<'_>], added: &[Column<'_>]) -> Option<(usize, usize)> {
    let is_same = |one: Column<'_>, other: Column<'_>| engine.is_equivalent(ObjectKind::Column, one.1, other.1);
    missing.iter().enumerate().find_map(|(at, column)| {
        let other = added.iter().position(|other| is_same(*column, *other))?;
        let is_only = added.iter().filter(|next| has_type(engine, *column, **next)).count() == 1
            && missing.iter().filter(|next| has_type(engine, **next, added[other])).count() == 1;
        is_only.then_some((at, other))
    })
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
        () if is_short_for(&name, &other) || is_short_for(&other, &name) => 0.9,
        () => strsim::jaro_winkler(&name, &other).min(0.9),
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
