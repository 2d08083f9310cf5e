//! Rows that keep a difference from being repaired, because they are against what the migrations make.

use sea_orm::ConnectionTrait;

use super::adoption::kind;
use crate::db::adoption::{ForeignColumn, ValueKind};
use crate::db::answers::{rows, text};
use crate::db::schema::meaning::words;
use crate::db::schema::{Difference, ObjectKind, Schema, unique_columns};
use crate::db::target::Engine;
use crate::entity::tables::tables;
use crate::error::{Result, printable};

/// Maximum number of rows that are named.
const KEYS_SHOWN: usize = 3;

/// Rows that a repair would stop at.
#[derive(Debug, Clone)]
pub struct BlockingRows {
    /// How many there are.
    pub count: i64,
    /// The primary keys of the first ones.
    pub keys: Vec<String>,
    /// The statement that lists them.
    pub query: String,
}

/// The rows that would stop the repair of a difference; `None` where none would, and where they cannot be asked for
/// before another repair (a table or column that has to be renamed first).
///
/// Errors: only those of an unusable connection.
pub async fn blocking_rows(
    connection: &impl ConnectionTrait,
    expected: &Schema,
    found: &Schema,
    difference: &Difference,
) -> Result<Option<BlockingRows>> {
    let engine = Engine::of(connection);
    let table = &difference.object.table;
    let definition = difference.expected.as_deref().unwrap_or_default();
    // A check is asked as it is written.
    if !has_columns(expected, found, table, definition) {
        return Ok(None);
    }
    let Some(condition) = condition(engine, found, difference) else { return Ok(None) };
    let from = format!("FROM {} WHERE {condition}", engine.quoted(table));
    let counted = rows(connection, &format!("SELECT COUNT(*) AS found_rows {from}")).await?;
    let count = counted.first().and_then(|row| row.try_get::<i64>("", "found_rows").ok()).unwrap_or_default();
    if count == 0 {
        return Ok(None);
    }
    let primary = expected.of_table(table, ObjectKind::Constraint).find(|(_, said)| said.starts_with("PRIMARY KEY"));
    let columns = primary.and_then(|(_, said)| unique_columns(said)).unwrap_or_default();
    let columns: Vec<String> = columns.into_iter().map(|name| column(engine, table, name)).collect();
    let order = columns.join(", ");
    let shown: Vec<String> =
        columns.iter().enumerate().map(|(at, name)| format!("{} AS key_{at}", engine.shown(name))).collect();
    let keys = format!("SELECT {} {from} ORDER BY {order} LIMIT {KEYS_SHOWN}", shown.join(", "));
    let key = |row: &_| {
        let parts = (0..columns.len()).filter_map(|at| text(row, &format!("key_{at}")));
        parts.map(|part| printable(&part)).collect::<Vec<_>>().join(" ")
    };
    let keys = if columns.is_empty() { Vec::new() } else { rows(connection, &keys).await?.iter().map(key).collect() };
    Ok(Some(BlockingRows { count, keys, query: format!("SELECT * {from}") }))
}

/// Whether the table has all of its columns that a definition names.
fn has_columns(expected: &Schema, found: &Schema, table: &str, definition: &str) -> bool {
    let words = words(definition);
    let mut columns = expected.of_table(table, ObjectKind::Column).map(|(name, _)| name);
    columns.all(|name| found.names_column(table, name) || !words.iter().any(|word| word == name))
}

/// A column with its table: SQLite reads the name of a missing column as a text if it stands alone in quotes.
fn column(engine: Engine, table: &str, name: &str) -> String {
    format!("{}.{}", engine.quoted(table), engine.quoted(name))
}

/// Which rows are against a definition.
fn condition(engine: Engine, found: &Schema, difference: &Difference) -> Option<String> {
    let (object, definition) = (&difference.object, difference.expected.as_deref()?);
    match object.kind {
        ObjectKind::Column => of_column(engine, difference),
        ObjectKind::Constraint | ObjectKind::Index => {
            if let Some(check) = definition.strip_prefix("CHECK ") {
                return Some(format!("NOT ({check})"));
            }
            match unique_columns(definition) {
                Some(columns) => Some(duplicates(engine, &object.table, &columns)),
                None => orphans(engine, found, &object.table, definition),
            }
        }
        _ => None,
    }
}

/// A missing value without a default, and values of another type.
fn of_column(engine: Engine, difference: &Difference) -> Option<String> {
    let object = &difference.object;
    let all = tables();
    let entity = all.iter().find(|entity| entity.name == object.table);
    let entity = entity.and_then(|entity| entity.columns.iter().find(|column| column.name == object.name));
    let column = ForeignColumn {
        name: object.name.clone(),
        found_name: object.name.clone(),
        kind: entity.map_or(ValueKind::Text, |column| kind(column.family)),
        expected: difference.expected.clone()?,
        found: difference.found.clone()?,
    };
    let name = self::column(engine, &object.table, &object.name);
    let is_missing = column.stays_null().then(|| format!("{name} IS NULL"));
    let is_retyped = column.found_type() != column.expected_type();
    let misfit = if is_retyped { engine.misfit(&name, &column) } else { None };
    let misfit = misfit.map(|condition| format!("{name} IS NOT NULL AND ({condition})"));
    let all: Vec<String> = is_missing.into_iter().chain(misfit).collect();
    (!all.is_empty()).then(|| all.join(" OR "))
}

fn duplicates(engine: Engine, table: &str, columns: &[&str]) -> String {
    let names: Vec<String> = columns.iter().map(|name| column(engine, table, name)).collect();
    let table = engine.quoted(table);
    let list = names.join(", ");
    let of = if names.len() > 1 { format!("({list})") } else { list.clone() };
    let is_there: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    let is_there = is_there.join(" AND ");
    format!("{of} IN (SELECT {list} FROM {table} WHERE {is_there} GROUP BY {list} HAVING COUNT(*) > 1)")
}

/// Rows that refer to a missing row, by a foreign key of one column.
fn orphans(engine: Engine, found: &Schema, table: &str, definition: &str) -> Option<String> {
    let (own, rest) = definition.strip_prefix("FOREIGN KEY (")?.split_once(')')?;
    let (parent, rest) = rest.trim_start().strip_prefix("REFERENCES ")?.split_once('(')?;
    let (theirs, _) = rest.split_once(')')?;
    let [own, parent, theirs] = [own, parent, theirs].map(|name| name.trim().trim_matches(['"', '`']));
    let type_of = |table: &str, column: &str| {
        let mut columns = found.of_table(table, ObjectKind::Column);
        columns.find(|(name, _)| *name == column).map(|(_, said)| said.split(' ').next().unwrap_or_default().to_owned())
    };
    let is_same_type = type_of(table, own) == type_of(parent, theirs);
    let [left, right] = [column(engine, "parent", theirs), column(engine, table, own)];
    let is_missing = format!("{right} IS NOT NULL");
    let [left, right] = [left, right].map(|name| if is_same_type { name } else { engine.shown(&name) });
    let parent = engine.quoted(parent);
    Some(format!(
        "{is_missing} AND NOT EXISTS (SELECT 1 FROM {parent} AS {} WHERE {left} = {right})",
        engine.quoted("parent")
    ))
}
