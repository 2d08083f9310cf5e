//! Tables that cannot be dropped, because something of another program refers to them.

use migration::Migration;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::removal::NAMES_SHOWN;
use super::{RunKind, lint, tables_dropped};
use crate::db::references::{Reference, references};
use crate::db::target::Engine;
use crate::error::{Error, Hint, Result};

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
