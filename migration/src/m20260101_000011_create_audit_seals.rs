//! Seals over the audit trail, each covering the previous one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, id, integer, primary_key, text, time, unique};

pub const MIGRATION: Migration = Migration { name: "m20260101_000011_create_audit_seals", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("audit_seals")
        .col(id(backend, "id"))
        .col(integer(backend, "number"))
        .col(text(backend, "previous_hash", 64))
        .col(text(backend, "hash", 64))
        .col(integer(backend, "event_count"))
        .col(text(backend, "sealed_by", 255))
        .col(time(backend, "sealed_at"))
        .primary_key(&mut primary_key("pk_audit_seals", ["id"]))
        .index(&mut unique("uq_audit_seals_number", ["number"]))
        .check(Check::named("ck_audit_seals_number", Expr::col("number").gt(0)))
        .take();
    create(backend, table, [])
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "audit_seals")
}
