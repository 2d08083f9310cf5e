//! Every change of stock: append-only, no foreign keys, so that it outlives what it names.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000005_create_stock_movements", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("stock_movements")
        .column("id", types::id(backend))
        .column("product_id", types::foreign_id(backend))
        .column("delta", "integer NOT NULL")
        .column("reason", types::text(backend, 32))
        .column("order_id", types::optional_id(backend))
        .column("operation_id", types::id(backend))
        .column("note", types::long_text(backend))
        .column("created_at", types::time(backend))
        .primary_key("id")
        .index("idx_stock_movements_product_id", "product_id, created_at, id")
        .index("idx_stock_movements_order_id", "order_id")
        .index("idx_stock_movements_operation_id", "operation_id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE stock_movements".to_owned()]
}
