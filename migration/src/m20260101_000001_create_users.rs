//! People who can place orders.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, id, index, one_of, primary_key, text, time, unique};

pub const MIGRATION: Migration = Migration { name: "m20260101_000001_create_users", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("users")
        .col(id(backend, "id"))
        .col(text(backend, "email", 255))
        .col(ColumnDef::new("password_hash").string_len(255).not_null())
        .col(text(backend, "first_name", 100))
        .col(text(backend, "last_name", 100))
        .col(text(backend, "status", 16).default("active"))
        .col(time(backend, "created_at"))
        .col(time(backend, "updated_at"))
        .primary_key(&mut primary_key("pk_users", ["id"]))
        .index(&mut unique("uq_users_email", ["email"]))
        .check(one_of("ck_users_status", "status", ["active", "disabled", "anonymized"]))
        .take();
    let indexes = [
        index("idx_users_email", ["email", "id"]),
        index("idx_users_status", ["status", "created_at", "id"]),
        index("idx_users_created_at", ["created_at", "id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "users")
}
