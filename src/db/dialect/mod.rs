//! Everything that an engine does its own way: one folder for each.

pub(super) mod mysql;
pub(super) mod postgres;
pub(super) mod sqlite;
mod values;
