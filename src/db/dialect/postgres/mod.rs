//! PostgreSQL and the distributed engines that speak its protocol.

mod access;
mod catalog;
mod connect;
pub mod copy;
mod ddl;
mod fault;
mod inspect;
mod sessions;
pub mod text;
mod values;

/// The dialect.
pub struct Postgres;

impl super::Dialect for Postgres {}
