//! Connections to a database. What an engine does its own way is in `dialect`, which stands above the rest.

pub mod access;
mod answers;
pub mod budget;
mod connect;
mod copy_text;
mod database;
pub mod ddl;
mod dialect;
mod engine;
pub mod fault;
pub mod guarded;
pub mod insert;
pub mod inspection;
pub mod load;
mod login;
pub mod schema;
pub mod scratch;
mod settings;
pub mod sql;
pub mod stream;
pub mod target;
mod tls;
mod witness;
pub mod write;

pub use database::{BeginFailure, Database};
pub use settings::{Access, ConnectSettings, Purpose};
