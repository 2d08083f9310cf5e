//! Queries before and during schema changes.

use std::time::Duration;

use sea_orm::ConnectionTrait;

use super::answers::{required_rows, rows, text};
use super::target::Engine;
use crate::domain::text::distinct;
use crate::error::Result;

/// How long a statement of a migration waits for a locked table; later statements on that table queue behind it.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether a session of the server still runs a statement.
pub async fn is_busy(connection: &impl ConnectionTrait, session: i64) -> Result<bool> {
    match Engine::of(connection).is_busy(session) {
        Some(sql) => Ok(!rows(connection, &sql).await?.is_empty()),
        None => Ok(false),
    }
}

/// The name of the database, as it has to be typed before something is destroyed; empty for a file.
pub async fn database_name(connection: &impl ConnectionTrait) -> Result<String> {
    let Some(sql) = Engine::of(connection).database_name else { return Ok(String::new()) };
    Ok(required_rows(connection, sql).await?.first().and_then(|row| text(row, "name")).unwrap_or_default())
}

/// Ends a statement that contains this text, if it would continue and commit without its client.
pub async fn end_statement(connection: &impl ConnectionTrait, text_of_statement: &str) -> Result<()> {
    let Some(sql) = Engine::of(connection).ends_of(&text_of_statement.replace('\'', "")) else { return Ok(()) };
    for end in rows(connection, &sql).await?.iter().filter_map(|row| text(row, "end")) {
        connection.execute_unprepared(&end).await?;
    }
    Ok(())
}

/// Rejects a session without a schema to create tables in; each hint is a remedy.
///
/// Errors: exit 4.
pub async fn refuse_no_schema(connection: &impl ConnectionTrait) -> Result<()> {
    Engine::of(connection).refuse_no_schema(connection).await
}

/// Rows with dangling references, as texts.
pub async fn broken_references(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let Some(sql) = Engine::of(connection).broken_references else { return Ok(Vec::new()) };
    Ok(required_rows(connection, sql).await?.iter().filter_map(|row| text(row, "broken")).collect())
}

/// What is damaged in the file of the database, as texts; nothing on a server.
pub async fn damage(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let Some(sql) = Engine::of(connection).damage else { return Ok(Vec::new()) };
    Ok(required_rows(connection, sql).await?.iter().filter_map(|row| text(row, "damage")).collect())
}

/// The sessions that block a statement, as far as the server shows them to this role: those whose transaction is
/// older than the statement's wait, up to [`LOCK_TIMEOUT`]. Dropping a table or a constraint also locks the
/// tables at the other end of its foreign keys.
pub async fn blockers(connection: &impl ConnectionTrait, statement: &str, waited: Duration) -> Result<Vec<String>> {
    let Some(sql) = Engine::of(connection).blockers(waited.min(LOCK_TIMEOUT).as_secs()) else { return Ok(Vec::new()) };
    let words: Vec<&str> =
        statement.split(|character: char| !(character.is_alphanumeric() || character == '_')).collect();
    let found = rows(connection, &sql).await?;
    let of = |column| -> Vec<String> {
        let concerned = found.iter().filter(|row| {
            let table = text(row, column).unwrap_or_default();
            table.is_empty() || words.contains(&table.as_str())
        });
        concerned.filter_map(|row| text(row, "who")).collect()
    };
    let mut blockers = of("in_table");
    if blockers.is_empty() || words.iter().any(|word| word.eq_ignore_ascii_case("DROP")) {
        blockers.extend(of("near_table"));
    }
    Ok(distinct(blockers))
}
