//! Connections to a database. What an engine does its own way is in `dialect`, which stands above the rest.

pub(crate) mod access;
pub(crate) mod answers;
pub mod budget;
mod clear;
mod connect;
pub mod connections;
mod copy_text;
mod database;
pub(crate) mod ddl;
mod dialect;
mod engine;
pub(crate) mod fault;
mod file_copy;
pub(crate) mod guarded;
pub(crate) mod insert;
pub(crate) mod inspection;
pub(crate) mod load;
mod login;
mod probe;
pub(crate) mod raw;
pub(crate) mod references;
pub mod schema;
pub(crate) mod scratch;
mod set_aside;
mod settings;
pub(crate) mod sql;
pub(crate) mod stream;
pub mod target;
mod tls;
pub mod write;

pub use clear::{Expected, changed_meanwhile};
pub use database::{BeginFailure, Database};
pub use dialect::adoption;
pub use file_copy::FileCopy;
pub use set_aside::set_aside;
pub use settings::{Access, ConnectSettings, Purpose};
