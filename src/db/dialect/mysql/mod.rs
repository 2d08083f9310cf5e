//! MySQL and MariaDB.

mod access;
mod catalog;
mod connect;
mod ddl;
mod fault;
mod grants;
mod inspect;
mod sessions;
mod statement;
mod values;

/// The dialect.
pub struct Mysql;

impl super::Dialect for Mysql {}
