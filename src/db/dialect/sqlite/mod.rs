//! SQLite: one file, one writer at a time.

pub mod catalog;
pub mod connect;
pub mod inspect;
pub mod rows;
