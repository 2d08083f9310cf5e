//! shopctl looks after a shop's database: its schema, its data for development and tests, and
//! every administrative operation on it.
//!
//! Storeys, from the top down: `cli` → (`seed` | `migrate` | `service` | `repository`) → `entity`
//! → `domain`; `error` and `domain` are open to all, `db` to those that talk to a database, and
//! only `cli` prints, through `output`.

pub mod bulk;
pub mod cli;
mod config;
mod context;
pub mod db;
pub mod domain;
mod entity;
pub mod error;
mod file;
pub mod migrate;
mod output;
pub mod repository;
mod seed;
pub mod service;
