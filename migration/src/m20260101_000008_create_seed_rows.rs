//! The rows that a seed created: what its undoing may delete.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000008_create_seed_rows", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("shopctl_seed_rows")
        .column("seed", types::text(backend, 255))
        .column("entity", types::text(backend, 32))
        .column("id", types::foreign_id(backend))
        .primary_key("seed, entity, id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE shopctl_seed_rows".to_owned()]
}
