//! Ids and times that other programs wrote in a form of their own: they are read, but ids of one row in two forms are
//! not equal, and times in two forms do not sort.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

use super::check::{Check, State};
use crate::db::guarded::Snapshot;
use crate::db::target::{Engine, OwnForm};
use crate::domain::{Form, IdSource};
use crate::entity::tables::{Family, Table, tables};
use crate::error::Result;
use crate::service::twins::{find_in_two_forms, in_transaction};

/// Tables whose times seals cover to the letter.
const SEALED: [&str; 2] = ["audit_events", "audit_seals"];

/// A kind of values with one form for all.
pub struct Kind {
    pub name: &'static str,
    family: Family,
    /// What is wrong, ending in the form that the values should have.
    others: &'static str,
    own_form: &'static str,
}

pub static KINDS: [Kind; 2] = [
    Kind {
        name: "ids-in-own-form",
        family: Family::Id,
        others: "ids in another form than",
        own_form: "36 lower-case characters",
    },
    Kind {
        name: "times-in-own-form",
        family: Family::Time,
        others: "times in a form that does not sort with",
        own_form: "YYYY-MM-DD HH:MM:SS",
    },
];

/// A column and how many of its values are in another form.
struct Found {
    table: String,
    column: String,
    form: OwnForm,
    count: u64,
}

/// Counts the values in other forms, and gives the statement that mends them, foreign keys too. Where an id is there in
/// two forms, one of its rows needs another one first.
pub async fn check(connection: &Snapshot, kind: &Kind, ids: IdSource) -> Result<Check> {
    let engine = Engine::of(connection);
    let mut found = Vec::new();
    for table in tables() {
        found.extend(find(connection, engine, kind, &table).await?);
    }
    let form = connection.id_form().filter(|_| kind.family == Family::Id);
    let others = format!("{} {}", kind.others, form.map_or(kind.own_form, Form::description));
    if found.is_empty() {
        return Ok(Check::new(kind.name, State::Ok, format!("no {others}")));
    }
    let places: Vec<String> = found.iter().map(|of| format!("{}.{} {}", of.table, of.column, of.count)).collect();
    let count: u64 = found.iter().map(|of| of.count).sum();
    let mut detail = format!("{others}: {count} ({})", places.join(", "));
    let (mut twins, mut statements) = (Vec::new(), Vec::new());
    for of in found.iter().filter(|of| kind.family == Family::Id && of.column == "id") {
        let of = find_in_two_forms(connection, &of.table, &of.form, ids, connection.id_form()).await?;
        twins.extend(of.named);
        statements.extend(of.statements);
    }
    if twins.is_empty() {
        statements.extend(found.iter().map(update));
    } else {
        detail = format!("{detail}; two rows with the same id: {}", twins.join(", "));
    }
    let check = Check::new(kind.name, State::Warning, detail);
    Ok(check.hint(format!("in the database's own client: {}", in_transaction(engine, &statements))))
}

/// Brings all values of a column to one form; again, it changes nothing.
fn update(of: &Found) -> String {
    let Found { table, column, form, .. } = of;
    format!("UPDATE {table} SET {column} = {} WHERE {}", form.own, form.is_other)
}

/// The columns of a table with such values; the table is read once.
async fn find(connection: &Snapshot, engine: Engine, kind: &Kind, table: &Table) -> Result<Vec<Found>> {
    let form = |column: &str| match kind.family {
        Family::Time if SEALED.contains(&table.name.as_str()) => None,
        Family::Time => engine.time_in_own_form(column),
        _ => engine.id_in_form(column, connection.id_form()),
    };
    let columns = table.columns.iter().filter(|column| column.family == kind.family);
    let forms: Vec<(&str, OwnForm)> =
        columns.filter_map(|column| Some((column.name.as_str(), form(&column.name)?))).collect();
    if forms.is_empty() {
        return Ok(Vec::new());
    }
    let sum = |(name, form): &(&str, OwnForm)| format!("COUNT(CASE WHEN {} THEN 1 END) AS {name}", form.is_other);
    let sums: Vec<String> = forms.iter().map(sum).collect();
    let sql = format!("SELECT {} FROM {}", sums.join(", "), table.name);
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let Some(row) = connection.query_one_raw(statement).await? else { return Ok(Vec::new()) };
    let count = |row: &QueryResult, name: &str| Ok::<_, DbErr>(row.try_get::<i64>("", name)?.unsigned_abs());
    let mut found = Vec::new();
    for (column, form) in forms {
        let count = count(&row, column)?;
        found.push(Found { table: table.name.clone(), column: column.to_owned(), form, count });
    }
    found.retain(|of| of.count > 0);
    Ok(found)
}
