//! Queries for the sessions of a server.

use sea_orm::Statement;

use crate::db::probe::SessionIds;

/// The sessions of a server; a file has none.
pub trait Sessions {
    /// A query that returns a row while a session runs a statement; only if [`super::Facts::session_number`] is
    /// set.
    fn is_busy(&self, _session: i64) -> Option<String> {
        None
    }

    /// A query for what is to be said to `end` each statement that has this text in it, where one outlives
    /// its client and commits by itself.
    fn ends_of(&self, _text: &str) -> Option<String> {
        None
    }

    /// A query for rows of `in_table`, `near_table` and `who`: sessions that hold a table in a transaction for
    /// at least this many seconds, and tables joined to it by a foreign key. Either is empty if the server does
    /// not show it.
    fn blockers(&self, _seconds: u64) -> Option<String> {
        None
    }

    /// A query for rows of `sighting`, `works` or `waits`, for these sessions of this process; `None` if no
    /// check is needed.
    fn activity_query(&self, _ids: &SessionIds) -> Option<Statement> {
        None
    }
}
