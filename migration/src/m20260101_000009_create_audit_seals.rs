//! Seals over the audit trail, each of which covers the one before it.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000009_create_audit_seals", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("audit_seals")
        .column("id", types::id(backend))
        .column("number", "integer NOT NULL")
        .column("previous_hash", types::text(backend, 64))
        .column("hash", types::text(backend, 64))
        .column("event_count", "integer NOT NULL")
        .column("sealed_by", types::text(backend, 255))
        .column("sealed_at", types::time(backend))
        .primary_key("id")
        .unique("uq_audit_seals_number", "number")
        .check("ck_audit_seals_number", "number > 0")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE audit_seals".to_owned()]
}
