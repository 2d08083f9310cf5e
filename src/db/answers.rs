//! Reads facts about a database from query results.

use sea_orm::QueryResult;

use super::engine::Session;
use super::fault::{Fault, classify};
use crate::error::Result;

/// The rows of a query; none if the engine does not support it, or does not answer this role.
///
/// Errors: only those of an unusable connection.
pub async fn rows(session: &dyn Session, sql: &str) -> Result<Vec<QueryResult>> {
    match session.query_text(sql).await {
        Ok(rows) => Ok(rows),
        Err(error)
            if matches!(
                classify(&error),
                Fault::ConnectionLost
                    | Fault::TimedOut
                    | Fault::Unreachable
                    | Fault::ConnectionLimit
                    | Fault::Pooler
                    | Fault::NotADatabase
                    | Fault::Damaged
            ) =>
        {
            Err(error.into())
        }
        Err(_) => Ok(Vec::new()),
    }
}

/// The rows of a query that has to be answered.
///
/// Errors: whatever the database says.
pub async fn required_rows(session: &dyn Session, sql: &str) -> Result<Vec<QueryResult>> {
    Ok(session.query_text(sql).await?)
}

/// The first of [`rows`].
pub async fn first_row(session: &dyn Session, sql: &str) -> Result<Option<QueryResult>> {
    Ok(rows(session, sql).await?.into_iter().next())
}

/// A column as text: some servers send theirs as bytes.
pub fn text(row: &QueryResult, column: &str) -> Option<String> {
    let bytes = || String::from_utf8(row.try_get::<Vec<u8>>("", column).ok()?).ok();
    row.try_get::<String>("", column).ok().or_else(bytes)
}
