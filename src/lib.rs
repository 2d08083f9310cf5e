//! shopctl looks after a shop's database: its schema, its data for development and tests, and
//! every administrative operation on it.
//!
//! Layers, from the top down: `cli`; `context`, the wiring; `seed` and `bulk`, rows from files; `transfer`,
//! whole shops; `service` and `migrate`, which change data and schema; `repository`, queries; `output`; `entity` and `config`; `db`, connections and engines;
//! `file`; `domain` and `error`. A layer uses only layers below its own, and only `cli` prints, through `output`.
//! `CONTRIBUTING.md` says what each contains, and `tests/architecture.rs` checks it.

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
mod transfer;
