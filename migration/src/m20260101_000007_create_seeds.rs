//! The history of seeds.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000007_create_seeds", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("shopctl_seeds")
        .column("name", types::text(backend, 255))
        .column("checksum", types::text(backend, 64))
        .column("environment", types::text(backend, 32))
        .column("rows_created", "integer NOT NULL")
        .column("rows_updated", "integer NOT NULL")
        .column("rows_unchanged", "integer NOT NULL")
        .column("applied_by", types::text(backend, 255))
        .column("applied_at", types::time(backend))
        .primary_key("name")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE shopctl_seeds".to_owned()]
}
