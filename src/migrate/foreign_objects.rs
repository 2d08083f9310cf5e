//! Objects of other programs: tables, views, sequences, types.

use migration::HISTORY_TABLES;
use sea_orm::ConnectionTrait;

use super::removal::NAMES_SHOWN;
use super::{Catalog, Record, history, status, tables_dropped};
use crate::db::schema::{Removable, removable};
use crate::db::target::Engine;
use crate::error::{Result, printable};

/// Everything that `fresh` would remove and that no applied migration made: what another SeaORM program keeps in the
/// history's table, then its own objects. A table of a migration that is not applied is another program's, whatever its
/// name.
pub async fn foreign_objects(connection: &impl ConnectionTrait, catalog: &Catalog) -> Result<Vec<Removable>> {
    let engine = Engine::of(connection);
    let status = status(connection, catalog).await?;
    let made = status.iter().filter(|migration| !migration.state.is_absent());
    let made = made.filter_map(|migration| catalog.find(&migration.name));
    let ours: Vec<String> = made.flat_map(|migration| tables_dropped(engine, migration)).collect();
    let keep: Vec<&str> = HISTORY_TABLES.into_iter().chain(ours.iter().map(String::as_str)).collect();
    let is_theirs = |record: &Record| record.is_foreign() && catalog.find(&record.name).is_none();
    let history = history::read(connection).await?.records.into_iter().filter(is_theirs);
    let mut others: Vec<Removable> =
        history.map(|record| Removable { kind: "MIGRATION".to_owned(), name: record.name }).collect();
    others.extend(removable(connection, engine, &keep).await?);
    Ok(others)
}

/// `table invoices, view monthly`, and how many more there are.
pub fn object_list(objects: &[Removable]) -> String {
    let name = |object: &Removable| format!("{} {}", object.kind.to_lowercase(), printable(&object.name));
    let mut names: Vec<String> = objects.iter().take(NAMES_SHOWN).map(name).collect();
    if objects.len() > NAMES_SHOWN {
        names.push(format!("{} more", objects.len() - NAMES_SHOWN));
    }
    names.join(", ")
}
