//! People who can place orders.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000001_create_users", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("users")
        .column("id", types::id(backend))
        .column("email", types::text(backend, 255))
        .column("password_hash", "varchar(255) NOT NULL")
        .column("first_name", types::text(backend, 100))
        .column("last_name", types::text(backend, 100))
        .column("status", format!("{} DEFAULT 'active'", types::text(backend, 16)))
        .column("created_at", types::time(backend))
        .column("updated_at", types::time(backend))
        .primary_key("id")
        .unique("uq_users_email", "email")
        .check("ck_users_status", "status IN ('active', 'disabled', 'anonymized')")
        .index("idx_users_email", "email, id")
        .index("idx_users_status", "status, created_at, id")
        .index("idx_users_created_at", "created_at, id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE users".to_owned()]
}
