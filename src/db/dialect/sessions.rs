//! What a server tells about the sessions of its clients, as queries.

use sea_orm::Statement;

use crate::db::witness::Marks;

/// The sessions of a server; a file has none.
pub trait Sessions {
    /// The session's number on the server, where a statement outlives its client and commits by
    /// itself.
    fn session_number(&self) -> Option<&'static str> {
        None
    }

    /// A query with a row if a session still runs a statement; only where [`Sessions::session_number`] tells
    /// sessions apart.
    fn is_busy(&self, _session: i64) -> Option<String> {
        None
    }

    /// A query for the `name` of the database, as it has to be typed before something is destroyed.
    fn database_name(&self) -> Option<&'static str>;

    /// A query for rows of `server` and `session`: which server this is, and who works on a statement that has
    /// this text in it.
    fn at_work_on(&self, text: &str) -> Option<String>;

    /// Ends a session's statement, where it would go on and commit without its client.
    fn end_statement(&self, _session: &str) -> Option<String> {
        None
    }

    /// A query for rows of `in_table`, `near_table` and `who`: sessions that hold a table in a transaction of at
    /// least so many seconds, and a table that a foreign key joins to it. Either is empty where the server does
    /// not tell.
    fn blockers(&self, seconds: u64) -> Option<String>;

    /// A query for rows of `sighting`, `works` or `waits`, of these sessions of this process; `None` where
    /// nobody need be asked.
    fn sightings(&self, marks: &Marks) -> Option<Statement>;
}
