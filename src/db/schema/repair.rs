//! Statements that repair an object, where possible.

use super::super::target::Engine;
use super::{Dependent, Object, ObjectKind, Schema};

/// The type of a column's definition: `type [NOT NULL] [DEFAULT …]`.
pub fn column_type(definition: &str) -> &str {
    let kind = definition.split_once(" DEFAULT ").map_or(definition, |(kind, _)| kind);
    kind.strip_suffix(" NOT NULL").unwrap_or(kind)
}

/// A repair in one transaction with what would stop it: removed before, and made again afterwards.
pub fn around(repair: &str, dependents: &[Dependent]) -> String {
    let removals = dependents.iter().rev().map(|dependent| dependent.removal.as_str());
    let creations = dependents.iter().map(|dependent| dependent.creation.as_str());
    let statements: Vec<&str> = removals.chain([repair]).chain(creations).collect();
    format!("BEGIN; {}; COMMIT", statements.join("; "))
}

/// The statement that removes a check which is a part of its column: the column is described without it.
pub fn without_check(engine: Engine, check: &Object, found: &Schema) -> Option<String> {
    let column = Object { kind: ObjectKind::Column, ..check.clone() };
    let definition = found.objects.get(&column)?;
    let [table, name] = [&column.table, &column.name].map(|name| engine.quoted(name));
    engine.change_column(&table, &name, definition, definition, found.ahead)
}

/// `None` where it takes more than statements about this object: a table that is gone, and what an engine
/// changes only by making the table again. Times without a zone are so many minutes ahead of UTC.
pub fn repair(
    engine: Engine,
    object: &Object,
    expected: Option<&str>,
    found: Option<&str>,
    ahead: i32,
) -> Option<String> {
    let (table, name) = (engine.quoted(&object.table), engine.quoted(&object.name));
    let remove_and_add = |remove: String, add: Option<String>| match (expected, found) {
        (Some(_), Some(_)) => Some(format!("{remove}; {}", add?)),
        (Some(_), None) => add,
        _ => Some(remove),
    };
    match object.kind {
        ObjectKind::Index => match (expected, found) {
            (Some(definition), Some(_)) => Some(engine.change_index(&table, &name, definition)),
            (Some(definition), None) => Some(definition.to_owned()),
            (None, _) => Some(engine.drop_index(&table, &name)),
        },
        ObjectKind::Constraint => {
            let (remove, add) = engine.constraint(&name, expected.or(found)?)?;
            let add = expected.map(|definition| format!("ALTER TABLE {table} ADD {add}{definition}"));
            remove_and_add(format!("ALTER TABLE {table} {remove}"), add)
        }
        ObjectKind::Column => match (expected, found) {
            // Another program's: it keeps its values, and the shop's rows need none.
            (None, found) => {
                let found = found?;
                engine.change_column(&table, &name, &found.replacen(" NOT NULL", "", 1), found, ahead)
            }
            (Some(definition), None) => engine.add_column(&table, &name, definition),
            (Some(definition), Some(found)) => engine.change_column(&table, &name, definition, found, ahead),
        },
        ObjectKind::Trigger => remove_and_add(engine.drop_trigger(&table, &name), expected.map(str::to_owned)),
        ObjectKind::Table => engine.change_table(&table, expected.filter(|_| found.is_some())?),
        ObjectKind::Rule => Some(format!("DROP RULE {name} ON {table}")),
        ObjectKind::Feature => Some(format!("ALTER TABLE {table} {}", engine.without_feature(&object.name)?)),
        ObjectKind::View | ObjectKind::Sequence | ObjectKind::Type => None,
    }
}
