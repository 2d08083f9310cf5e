//! The audit trail: changes, their actors, and rejected operations.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{
    create, drop, id, index, integer, long_text, one_of, optional_id, optional_text, primary_key, text, time, unique,
};

pub const MIGRATION: Migration = Migration { name: "m20260101_000006_create_audit_events", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("audit_events")
        .col(id(backend, "id"))
        .col(id(backend, "operation_id"))
        .col(integer(backend, "sequence").default(0))
        .col(text(backend, "operation", 64))
        .col(text(backend, "actor", 255))
        .col(text(backend, "outcome", 16))
        .col(text(backend, "entity_type", 32))
        .col(optional_id(backend, "entity_id"))
        .col(long_text(backend, "before"))
        .col(long_text(backend, "after"))
        .col(long_text(backend, "reason"))
        .col(long_text(backend, "error"))
        .col(optional_text(backend, "idempotency_key", 255))
        .col(optional_text(backend, "request_fingerprint", 64))
        .col(optional_id(backend, "seal_id"))
        .col(time(backend, "occurred_at"))
        .primary_key(&mut primary_key("pk_audit_events", ["id"]))
        .index(&mut unique("uq_audit_events_operation_id_sequence", ["operation_id", "sequence"]))
        .index(&mut unique("uq_audit_events_idempotency_key", ["idempotency_key"]))
        .check(one_of("ck_audit_events_outcome", "outcome", ["succeeded", "failed"]))
        .take();
    let indexes = [
        index("idx_audit_events_entity", ["entity_type", "entity_id", "occurred_at", "id"]),
        index("idx_audit_events_operation", ["operation", "occurred_at", "id"]),
        index("idx_audit_events_actor", ["actor", "occurred_at", "id"]),
        index("idx_audit_events_seal_id", ["seal_id", "id"]),
        index("idx_audit_events_occurred_at", ["occurred_at", "id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "audit_events")
}
