//! Statements that make an object as it should be, where that can be said simply.

use super::super::target::Engine;
use super::{Object, ObjectKind, Schema};

/// `None` where it takes more than statements about this object: a table that is gone, and what
/// SQLite changes only by a [`rebuild`] of the table.
pub fn repair(engine: Engine, object: &Object, expected: Option<&str>, found: Option<&str>) -> Option<String> {
    let (table, name) = (engine.quoted(&object.table), engine.quoted(&object.name));
    let remove_and_add = |remove: Option<String>, add: Option<String>| match (expected, found) {
        (Some(_), Some(_)) => Some(format!("{}; {}", remove?, add?)),
        (Some(_), None) => add,
        _ => remove,
    };
    match object.kind {
        ObjectKind::Index => remove_and_add(Some(drop_index(engine, &table, &name)), expected.map(str::to_owned)),
        ObjectKind::Constraint if engine == Engine::Sqlite => None,
        ObjectKind::Constraint => {
            let is_primary = expected.or(found).is_some_and(|text| text.starts_with("PRIMARY KEY"));
            let (remove, add) = match engine {
                Engine::Mysql if is_primary => ("DROP PRIMARY KEY".to_owned(), String::new()),
                _ => (format!("DROP CONSTRAINT {name}"), format!("CONSTRAINT {name} ")),
            };
            let add = expected.map(|definition| format!("ALTER TABLE {table} ADD {add}{definition}"));
            remove_and_add(Some(format!("ALTER TABLE {table} {remove}")), add)
        }
        ObjectKind::Column => match (expected, found) {
            (None, _) => Some(format!("ALTER TABLE {table} DROP COLUMN {name}")),
            // SQLite adds no column whose default is an expression, and none that must not be empty.
            (Some(definition), None)
                if engine == Engine::Sqlite && (definition.contains(" DEFAULT (") || neutral(definition).is_some()) =>
            {
                None
            }
            (Some(definition), None) => {
                let add = format!("ALTER TABLE {table} ADD COLUMN {name} {definition}");
                Some(match neutral(definition).filter(|_| engine == Engine::Postgres) {
                    Some(value) => {
                        format!("{add} DEFAULT {value}; ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT")
                    }
                    None => add,
                })
            }
            (Some(definition), Some(found)) => match engine {
                Engine::Sqlite => None,
                Engine::Mysql => Some(format!("ALTER TABLE {table} MODIFY COLUMN {name} {definition}")),
                Engine::Postgres => Some(change_column(&table, &name, definition, found)),
            },
        },
        ObjectKind::Trigger if expected.is_some() => None,
        ObjectKind::Trigger if engine == Engine::Postgres => Some(format!("DROP TRIGGER {name} ON {table}")),
        ObjectKind::Trigger => Some(format!("DROP TRIGGER {name}")),
        ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence | ObjectKind::Type => {
            expected.is_none().then(|| format!("DROP {} {name}", object.kind.as_str().to_uppercase()))
        }
    }
}

/// What rows get in a column that must not be empty, has no default and is added again: their values
/// are gone. MySQL and MariaDB take just these by themselves.
fn neutral(definition: &str) -> Option<&'static str> {
    if !definition.contains(" NOT NULL") || definition.contains(" DEFAULT ") {
        return None;
    }
    let end = definition.find([' ', '(']).unwrap_or(definition.len());
    match definition[..end].to_ascii_lowercase().as_str() {
        "varchar" | "character" | "char" | "text" => Some("''"),
        "int" | "integer" | "bigint" | "smallint" | "numeric" | "decimal" | "real" => Some("0"),
        _ => None,
    }
}

fn drop_index(engine: Engine, table: &str, name: &str) -> String {
    match engine {
        Engine::Mysql => format!("DROP INDEX {name} ON {table}"),
        Engine::Sqlite | Engine::Postgres => format!("DROP INDEX {name}"),
    }
}

/// SQLite's own way of changing a table (https://www.sqlite.org/lang_altertable.html, section 7): a
/// new one with the rows of the old. `None` where there is no such statement: on the other engines,
/// and for a table that is gone.
pub fn rebuild(table: &str, expected: &Schema, found: &Schema) -> Option<String> {
    let statement = expected.statements.get(table)?;
    found.statements.get(table)?;
    let (_, body) = statement.split_once('(')?;
    let engine = Engine::Sqlite;
    let (old, new) = (engine.quoted(table), engine.quoted(&format!("new_{table}")));
    let is_kept = |name: &&str| found.of_table(table, ObjectKind::Column).any(|(other, _)| other == *name);
    let kept: Vec<String> = expected
        .of_table(table, ObjectKind::Column)
        .map(|(name, _)| name)
        .filter(is_kept)
        .map(|name| engine.quoted(name))
        .collect();
    let columns = kept.join(", ");
    let lost = expected.of_table(table, ObjectKind::Column).filter(|(name, _)| !kept.contains(&engine.quoted(name)));
    let lost: Vec<_> =
        lost.filter_map(|(name, definition)| Some((engine.quoted(name), neutral(definition)?))).collect();
    let lost_names: String = lost.iter().map(|(name, _)| format!(", {name}")).collect();
    let lost_values: String = lost.iter().map(|(_, value)| format!(", {value}")).collect();
    let mut statements = vec![
        "PRAGMA foreign_keys = OFF".to_owned(),
        "BEGIN IMMEDIATE".to_owned(),
        format!("CREATE TABLE {new} ({body}"),
        format!("INSERT INTO {new} ({columns}{lost_names}) SELECT {columns}{lost_values} FROM {old}"),
        format!("DROP TABLE {old}"),
        format!("ALTER TABLE {new} RENAME TO {old}"),
    ];
    statements.extend(expected.of_table(table, ObjectKind::Index).map(|(_, definition)| definition.to_owned()));
    statements.extend(expected.of_table(table, ObjectKind::Trigger).map(|(_, definition)| definition.to_owned()));
    statements.push("COMMIT".to_owned());
    Some(statements.join("; "))
}

/// PostgreSQL changes one property at a time; the old default may not fit the new type.
fn change_column(table: &str, name: &str, expected: &str, found: &str) -> String {
    let (wanted, old) = (Parts::of(expected), Parts::of(found));
    let mut changes = Vec::new();
    if wanted.kind != old.kind {
        if old.default.is_some() {
            changes.push("DROP DEFAULT".to_owned());
        }
        // Without USING: a value that does not fit is an error, and not cut in silence.
        changes.push(format!("TYPE {}", wanted.kind));
    }
    if wanted.default != old.default || wanted.kind != old.kind {
        changes.extend(match wanted.default {
            Some(default) => Some(format!("SET DEFAULT {default}")),
            None => old.default.filter(|_| wanted.kind == old.kind).map(|_| "DROP DEFAULT".to_owned()),
        });
    }
    match (wanted.is_not_null, old.is_not_null) {
        (true, false) => changes.push("SET NOT NULL".to_owned()),
        (false, true) => changes.push("DROP NOT NULL".to_owned()),
        _ => {}
    }
    let changes: Vec<_> = changes.into_iter().map(|change| format!("ALTER COLUMN {name} {change}")).collect();
    format!("ALTER TABLE {table} {}", changes.join(", "))
}

/// `TYPE [COLLATE …] [NOT NULL] [DEFAULT …]` taken apart.
struct Parts<'a> {
    kind: &'a str,
    is_not_null: bool,
    default: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(definition: &'a str) -> Parts<'a> {
        let (rest, default) = match definition.split_once(" DEFAULT ") {
            Some((rest, default)) => (rest, Some(default)),
            None => (definition, None),
        };
        let kind = rest.strip_suffix(" NOT NULL");
        Parts { kind: kind.unwrap_or(rest), is_not_null: kind.is_some(), default }
    }
}
