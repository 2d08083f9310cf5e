//! The form in which another program writes its ids. Where the engine has no type of its own for them it stays, because
//! that program would no longer find its rows.

use sea_orm::ConnectionTrait;

use crate::db::Database;
use crate::db::adoption::{ForeignTable, ValueKind};
use crate::db::answers::required_rows;
use crate::db::target::Engine;
use crate::domain::Form;
use crate::entity::tables::{Family, Table, tables};
use crate::error::{Error, Result};
use crate::migrate::set_setting;

/// The form that ids will have: that of all ids of these tables, and without any the wanted or declared one; `None` for
/// the engine's own, and for mixed forms.
///
/// Errors: exit 6 if another form is wanted than the ids have; exit 2 if one is wanted where the engine has a type for
/// ids.
pub(super) async fn form(
    connection: &impl ConnectionTrait,
    engine: Engine,
    tables: &[ForeignTable],
    wanted: Option<Form>,
) -> Result<Option<Form>> {
    if has_type_for_ids(engine) {
        return wanted.map_or(Ok(None), |_| Err(no_forms(engine)));
    }
    let found = find(connection, engine, tables, wanted).await?;
    match wanted {
        Some(wanted) if found != Some(wanted) => Err(has_other_ids(found, wanted)),
        _ => Ok(found),
    }
}

fn has_type_for_ids(engine: Engine) -> bool {
    Form::ALL.iter().all(|form| engine.id_in_form("id", Some(*form)).is_none())
}

fn no_forms(engine: Engine) -> Error {
    Error::usage(format!("{} has a type for ids; --ids is for SQLite", engine.as_str()))
}

fn has_other_ids(found: Option<Form>, wanted: Form) -> Error {
    let found = found.map_or("shopctl's own form, or in several", Form::description);
    let message = format!("there are already ids: {found}, not {}", wanted.description());
    Error::conflict("adopt.ids", message).hint("leave out --ids: ids in one form stay as they are")
}

/// Sets the form of the ids of a shop that has none yet.
///
/// Errors: exit 6 if there is an id; exit 2 where the engine has a type for ids.
pub async fn set_id_form(database: &Database, wanted: Form) -> Result<bool> {
    let (connection, engine) = (database.connection(), database.engine());
    if has_type_for_ids(engine) {
        return Err(no_forms(engine));
    }
    if connection.id_form() == Some(wanted) {
        return Ok(false);
    }
    let has_id = |table: &Table| table.columns.iter().any(|column| column.family == Family::Id);
    let some: Vec<String> = tables()
        .iter()
        .filter(|table| has_id(table))
        .map(|table| format!("EXISTS (SELECT 1 FROM {})", table.name))
        .collect();
    let found = required_rows(connection, &format!("SELECT {} AS some_row", some.join(" OR "))).await?;
    if found.first().is_some_and(|row| row.try_get::<bool>("", "some_row").unwrap_or(true)) {
        return Err(has_other_ids(connection.id_form(), wanted));
    }
    set_setting(database, migration::ID_FORM, wanted.as_str()).await?;
    Ok(true)
}

async fn find(
    connection: &impl ConnectionTrait,
    engine: Engine,
    tables: &[ForeignTable],
    wanted: Option<Form>,
) -> Result<Option<Form>> {
    // An id without letters has several forms at once: the engine's own comes first.
    for form in std::iter::once(None).chain(Form::ALL.map(Some)) {
        let ids = ids(tables).map(|(table, column, _)| (engine.quoted(table), engine.quoted(column)));
        let of_form = |(table, column): (String, String)| {
            let own = engine.id_in_form(&column, form)?.own;
            let is_there = format!("EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL)");
            let is_other = format!(
                "EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL AND ({own} IS NULL OR {column} <> {own}))"
            );
            Some((is_there, is_other))
        };
        let Some(conditions) = ids.map(of_form).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let (are_there, are_other): (Vec<String>, Vec<String>) = conditions.into_iter().unzip();
        let sql = format!("SELECT {} AS some_id, {} AS other_id", are_there.join(" OR "), are_other.join(" OR "));
        for row in required_rows(connection, &sql).await? {
            match (row.try_get("", "some_id")?, row.try_get("", "other_id")?) {
                (false, _) => return Ok(wanted.or_else(|| declared(tables))),
                (true, false) => return Ok(form),
                (true, true) => {}
            }
        }
    }
    Ok(None)
}

/// The form that the columns' types name, where there are no rows yet.
fn declared(tables: &[ForeignTable]) -> Option<Form> {
    let mut types = ids(tables).map(|(_, _, kind)| kind.to_ascii_lowercase());
    let first = types.next()?;
    let form = match first.as_str() {
        "char(32)" => Form::Digits,
        "blob" | "binary(16)" => Form::Bytes,
        _ => return None,
    };
    types.all(|other| other == first).then_some(form)
}

/// Table, column and type of every id, as the other program has them.
fn ids(tables: &[ForeignTable]) -> impl Iterator<Item = (&str, &str, &str)> {
    tables.iter().flat_map(|table| {
        let ids = table.columns.iter().filter(|column| column.kind == ValueKind::Id);
        ids.map(|column| (table.found_name.as_str(), column.found_name.as_str(), column.found_type()))
    })
}
