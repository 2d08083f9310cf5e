//! shopctl looks after a shop's database: its schema, its data for development and tests, and
//! every administrative operation on it.
//!
//! Storeys, from the top down: `cli` → (`seed` | `migrate` | `service` | `repository`) → `entity`
//! → `domain`; `error` and `domain` are open to all, `db` to those that talk to a database, and
//! only `cli` prints, through `output`.

pub mod bulk;
pub mod cli;
pub mod config;
pub mod context;
pub mod db;
pub mod domain;
pub mod entity;
pub mod error;
pub mod file;
pub mod migrate;
pub mod output;
pub mod repository;
pub mod seed;
pub mod service;
