//! The rows that a seed created, which undoing it may delete.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, foreign_id, primary_key, text};

pub const MIGRATION: Migration = Migration { name: "m20260101_000010_create_seed_rows", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("shopctl_seed_rows")
        .col(text(backend, "seed", 255))
        .col(text(backend, "entity", 32))
        .col(foreign_id(backend, "id"))
        .primary_key(&mut primary_key("pk_shopctl_seed_rows", ["seed", "entity", "id"]))
        .take();
    create(backend, table, [])
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "shopctl_seed_rows")
}
