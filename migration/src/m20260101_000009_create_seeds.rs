//! The history of seeds.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, integer, primary_key, text, time};

pub const MIGRATION: Migration = Migration { name: "m20260101_000009_create_seeds", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("shopctl_seeds")
        .col(text(backend, "name", 255))
        .col(text(backend, "checksum", 64))
        .col(text(backend, "environment", 32))
        .col(integer(backend, "rows_created"))
        .col(integer(backend, "rows_updated"))
        .col(integer(backend, "rows_unchanged"))
        .col(text(backend, "applied_by", 255))
        .col(time(backend, "applied_at"))
        .primary_key(&mut primary_key("pk_shopctl_seeds", ["name"]))
        .take();
    create(backend, table, [])
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "shopctl_seeds")
}
