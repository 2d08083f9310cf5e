//! All stock changes: append-only, without foreign keys, so that they outlive the rows they refer to.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, foreign_id, id, index, integer, long_text, optional_id, primary_key, text, time};

pub const MIGRATION: Migration = Migration { name: "m20260101_000005_create_stock_movements", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("stock_movements")
        .col(id(backend, "id"))
        .col(foreign_id(backend, "product_id"))
        .col(integer(backend, "delta"))
        .col(text(backend, "reason", 32))
        .col(optional_id(backend, "order_id"))
        .col(id(backend, "operation_id"))
        .col(long_text(backend, "note"))
        .col(time(backend, "created_at"))
        .primary_key(&mut primary_key("pk_stock_movements", ["id"]))
        .take();
    let indexes = [
        index("idx_stock_movements_product_id", ["product_id", "created_at", "id"]),
        index("idx_stock_movements_order_id", ["order_id"]),
        index("idx_stock_movements_operation_id", ["operation_id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "stock_movements")
}
