//! PostgreSQL and the distributed engines that speak its protocol.

mod access;
mod array;
mod catalog;
mod connect;
mod copy;
mod ddl;
mod fault;
mod inspect;
mod sessions;
mod values;

/// The dialect.
pub struct Postgres;

impl super::Dialect for Postgres {}
