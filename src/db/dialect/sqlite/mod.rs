//! SQLite: one file, one writer at a time.

mod access;
mod catalog;
mod connect;
mod ddl;
mod fault;
mod inspect;
mod load;
pub mod rows;
mod values;

pub(in crate::db) use connect::{TRANSACTION_MODE, copy, make_folder};

/// The dialect.
pub struct Sqlite;

impl super::Dialect for Sqlite {}
