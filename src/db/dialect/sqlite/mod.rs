//! SQLite: one file, one writer at a time.

mod access;
mod catalog;
mod connect;
mod ddl;
mod fault;
mod inspect;
mod load;
mod rows;
mod values;

/// The dialect.
pub struct Sqlite;

impl super::Dialect for Sqlite {}
