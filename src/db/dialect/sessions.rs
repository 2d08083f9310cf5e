//! Queries for the sessions of a server.

use sea_orm::Statement;

use crate::db::probe::SessionIds;

/// The sessions of a server; a file has none.
pub trait Sessions {
    /// A query with a row if a session still runs a statement; only where [`super::Facts::session_number`] tells
    /// sessions apart.
    fn is_busy(&self, _session: i64) -> Option<String> {
        None
    }

    /// A query for what is to be said to `end` each statement that has this text in it, where one outlives
    /// its client and commits by itself.
    fn ends_of(&self, _text: &str) -> Option<String> {
        None
    }

    /// A query for rows of `in_table`, `near_table` and `who`: sessions that hold a table in a transaction of at
    /// least so many seconds, and a table that a foreign key joins to it. Either is empty where the server does
    /// not tell.
    fn blockers(&self, _seconds: u64) -> Option<String> {
        None
    }

    /// A query for rows of `sighting`, `works` or `waits`, of these sessions of this process; `None` where
    /// nobody need be asked.
    fn activity_query(&self, _ids: &SessionIds) -> Option<Statement> {
        None
    }
}
