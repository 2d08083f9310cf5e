//! Foreign keys of the application to the shop's columns, which compare letter by letter from then on: rows that refer in
//! another case would be left behind.

use sea_orm::ConnectionTrait;

use super::ForeignShop;
use super::misfit::{Misfit, ROWS_ASKED, ask, fitting_value, id_of};
use crate::db::adoption::{ForeignColumn, ForeignTable, ValueKind};
use crate::db::schema::{ObjectKind, meaning, unique_columns};
use crate::error::Result;

/// A foreign key of one column that stays, to one of the shop's columns.
struct StayingKey<'a> {
    table: &'a str,
    /// The columns that refer and that are referred to, as the other program calls them.
    own: &'a str,
    parent: &'a ForeignTable,
    theirs: &'a ForeignColumn,
    /// The value that refers, as it will be.
    value: String,
}

/// Rows that refer to a row now and would not afterwards, each with the statement that mends all of its column.
///
/// Errors: those of the database.
pub(super) async fn left_behind(connection: &impl ConnectionTrait, shop: &ForeignShop) -> Result<Vec<Misfit>> {
    let mut found = Vec::new();
    // Where new tables take the places of old ones such keys go, and are named.
    if shop.engine.script_transaction.is_none() {
        return Ok(found);
    }
    for key in staying_keys(shop) {
        let engine = shop.engine;
        let [table, own, parent, theirs] =
            [key.table, key.own, &key.parent.found_name, &key.theirs.found_name].map(|name| engine.quoted(name));
        let value = engine.exactly_compared(&key.value);
        let their_value = engine.exactly_compared(&fitting_value(shop, key.theirs));
        let referred = format!("SELECT p.{theirs} FROM {parent} AS p WHERE p.{theirs} = {table}.{own}");
        let (row, shown) = (row_name(shop, key.table, key.own), engine.shown(&own));
        let sql = format!(
            "SELECT {row} AS id_text, {shown} AS value_text FROM {table} WHERE {own} IS NOT NULL AND {value} NOT IN \
             (SELECT {their_value} FROM {parent} WHERE {their_value} IS NOT NULL) AND EXISTS ({referred}) \
             LIMIT {ROWS_ASKED}"
        );
        let why = format!("is written otherwise in {}", key.parent.found_name);
        let mut rows = ask(connection, &sql, key.table, key.own, &why).await?;
        let repair = format!("UPDATE {table} SET {own} = ({referred}) WHERE EXISTS ({referred})");
        rows.iter_mut().for_each(|misfit| misfit.repair = Some(repair.clone()));
        found.extend(rows);
    }
    Ok(found)
}

fn staying_keys(shop: &ForeignShop) -> Vec<StayingKey<'_>> {
    let objects = shop.found.objects.iter().filter(|(object, _)| object.kind == ObjectKind::Constraint);
    let keys = objects.filter_map(|(object, definition)| {
        let reference = meaning::reference(definition)?;
        let ([own], [theirs]) = (reference.own.as_slice(), reference.theirs.as_slice()) else { return None };
        let is_called = |name: &str, wanted: &str| name.eq_ignore_ascii_case(wanted);
        let parent = shop.tables.iter().find(|table| is_called(&table.found_name, &reference.table))?;
        let theirs = parent.columns.iter().find(|column| is_called(&column.found_name, theirs))?;
        let mut columns = shop.found.of_table(&object.table, ObjectKind::Column);
        let (own, found) = columns.find(|(name, _)| is_called(name, own))?;
        let child = shop.tables.iter().find(|table| table.found_name == object.table);
        let column = child.and_then(|table| table.columns.iter().find(|column| column.found_name == own));
        let value = match column {
            // The shop's own foreign keys are asked about as its rules.
            Some(_) if theirs.name == "id" => return None,
            Some(column) => fitting_value(shop, column),
            None if theirs.kind == ValueKind::Id => {
                let (found_name, found) = (own.to_owned(), found.to_owned());
                fitting_value(shop, &ForeignColumn { found_name, found, ..theirs.clone() })
            }
            None => shop.engine.quoted(own),
        };
        Some(StayingKey { table: &object.table, own, parent, theirs, value })
    });
    keys.collect()
}

/// What a row is called: its id, the first column of its primary key, or else the value itself.
fn row_name(shop: &ForeignShop, table: &str, column: &str) -> String {
    if let Some(own) = shop.tables.iter().find(|own| own.found_name == table) {
        return id_of(shop, own);
    }
    let constraints = shop.found.of_table(table, ObjectKind::Constraint).map(|(_, definition)| definition);
    let mut keys = constraints.filter(|definition| definition.starts_with("PRIMARY KEY"));
    let first = keys.find_map(|definition| unique_columns(definition)?.into_iter().next());
    shop.engine.shown(&shop.engine.quoted(first.unwrap_or(column)))
}
