//! What was done, by whom, and what the shop refused.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000006_create_audit_events", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("audit_events")
        .column("id", types::id(backend))
        .column("operation_id", types::id(backend))
        .column("sequence", "integer NOT NULL DEFAULT 0")
        .column("operation", types::text(backend, 64))
        .column("actor", types::text(backend, 255))
        .column("outcome", types::text(backend, 16))
        .column("entity_type", types::text(backend, 32))
        .column("entity_id", types::optional_id(backend))
        .column(if backend == DbBackend::MySql { "`before`" } else { "before" }, types::long_text(backend))
        .column("after", types::long_text(backend))
        .column("reason", types::long_text(backend))
        .column("error", types::long_text(backend))
        .column("idempotency_key", types::optional_text(backend, 255))
        .column("request_fingerprint", types::optional_text(backend, 64))
        .column("seal_id", types::optional_id(backend))
        .column("occurred_at", types::time(backend))
        .primary_key("id")
        .unique("uq_audit_events_operation_id_sequence", "operation_id, sequence")
        .unique("uq_audit_events_idempotency_key", "idempotency_key")
        .check("ck_audit_events_outcome", "outcome IN ('succeeded', 'failed')")
        .index("idx_audit_events_entity", "entity_type, entity_id, occurred_at, id")
        .index("idx_audit_events_operation", "operation, occurred_at, id")
        .index("idx_audit_events_actor", "actor, occurred_at, id")
        .index("idx_audit_events_seal_id", "seal_id, id")
        .index("idx_audit_events_occurred_at", "occurred_at, id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE audit_events".to_owned()]
}
