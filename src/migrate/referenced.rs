//! What other programs have in the database: tables, views, sequences, types, and what refers to the shop's tables, which
//! then cannot be dropped.

use migration::{HISTORY_TABLES, Migration};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::removal::NAMES_SHOWN;
use super::{Catalog, Record, RunKind, history, lint, status, tables_dropped};
use crate::db::references::{Reference, references};
use crate::db::schema::{Removable, removable};
use crate::db::target::Engine;
use crate::error::{Error, Hint, Result, printable};

/// Maximum number of statements in the hints.
const HINTS_SHOWN: usize = 5;

/// Rejects a run that would drop a table to which something refers that stays: a foreign key, on PostgreSQL also a
/// view. `reverted` is what the run reverts, in its order; `fresh` drops the whole schema, and is rejected for what is
/// in another one.
///
/// Errors: exit 6 naming each, with the statement that removes it.
pub async fn refuse_referenced(connection: &impl ConnectionTrait, kind: RunKind, reverted: &[Migration]) -> Result<()> {
    let engine = Engine::of(connection);
    let all = references(connection).await?;
    let blocking = match kind {
        RunKind::Fresh => all.into_iter().filter(|reference| reference.schema.is_some()).collect(),
        _ => blocking(engine, reverted, &all),
    };
    if blocking.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> =
        blocking.iter().take(NAMES_SHOWN).map(|reference| format!("{reference} refers to {}", reference.to)).collect();
    if blocking.len() > NAMES_SHOWN {
        named.push(format!("{} more", blocking.len() - NAMES_SHOWN));
    }
    let message = format!("other objects refer to the tables to be dropped: {}; nothing was changed", named.join(", "));
    let details: Vec<_> = blocking
        .iter()
        .map(|reference| json!({ "object": reference.to_string(), "refers_to": reference.to }))
        .collect();
    let error = Error::conflict("migrate.referenced", message).details(json!({ "references": details }));
    Err(blocking.iter().take(HINTS_SHOWN).fold(error, |error, one| error.hint(remedy(engine, one))))
}

fn remedy(engine: Engine, reference: &Reference) -> Hint {
    match reference.removal(engine) {
        Some(statement) => format!("first remove it: {statement}").into(),
        None => {
            let place = reference.place();
            format!("first drop the table {place}, or recreate it without this foreign key").into()
        }
    }
}

/// What still refers to a table at the moment when it would be dropped, and is not of these migrations.
fn blocking(engine: Engine, reverted: &[Migration], all: &[Reference]) -> Vec<Reference> {
    let made: Vec<String> = reverted.iter().flat_map(|migration| (migration.up)(engine.backend)).collect();
    let (mut gone, mut blocking): (Vec<String>, Vec<Reference>) = (Vec::new(), Vec::new());
    for table in reverted.iter().flat_map(|migration| tables_dropped(engine, migration)) {
        let stays = |one: &&Reference| {
            let is_ours = || lint::makes_reference(&made, &one.from, &one.to);
            one.to == table && (one.schema.is_some() || !gone.contains(&one.from) && !is_ours())
        };
        blocking.extend(all.iter().filter(stays).cloned());
        gone.push(table);
    }
    blocking
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const SHELVES: Migration = Migration {
        name: "m1",
        up: |_| vec!["CREATE TABLE shelves (id int)".into(), "CREATE TABLE books (id int)".into()],
        down: |_| vec!["DROP TABLE books".into(), "DROP TABLE shelves".into()],
    };
    const PLACES: Migration = Migration {
        name: "m2",
        up: |_| vec!["ALTER TABLE \"shelves\" ADD COLUMN book int REFERENCES \"books\" (id)".into()],
        down: |_| vec!["ALTER TABLE shelves DROP COLUMN book".into()],
    };

    fn found(from: &str, to: &str, schema: Option<&str>, reverted: &[Migration]) -> usize {
        let all = [Reference::foreign_key(schema, from, "fk", to)];
        blocking(Engine::ALL[0], reverted, &all).len()
    }

    #[test]
    fn only_what_is_left_at_the_moment_of_the_drop_is_in_the_way() {
        assert_eq!(found("reviews", "books", None, &[SHELVES]), 1);
        assert_eq!(found("reviews", "pens", None, &[SHELVES]), 0);
        assert_eq!(found("books", "shelves", None, &[SHELVES]), 0, "it is dropped before");
        assert_eq!(found("books", "shelves", Some("web"), &[SHELVES]), 1, "of the same name elsewhere");
        assert_eq!(found("shelves", "books", None, &[SHELVES]), 1, "someone added it, and it is dropped after");
        assert_eq!(found("shelves", "books", None, &[PLACES, SHELVES]), 0, "the way down of a migration drops it");
    }
}
