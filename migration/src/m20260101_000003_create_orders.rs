//! Orders: who bought and what it came to.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000003_create_orders", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("orders")
        .column("id", types::id(backend))
        .column("reference", types::random_reference(backend, 64))
        .column("user_id", types::foreign_id(backend))
        .column("status", format!("{} DEFAULT 'pending'", types::text(backend, 16)))
        .column("total_amount", format!("{} DEFAULT 0", types::money(backend, 12)))
        .column("created_at", types::time(backend))
        .column("updated_at", types::time(backend))
        .primary_key("id")
        .unique("uq_orders_reference", "reference")
        .check("ck_orders_status", "status IN ('pending', 'paid', 'shipped', 'completed', 'cancelled', 'refunded')")
        .check("ck_orders_total_amount", "total_amount >= 0")
        .foreign_key("fk_orders_user_id", "user_id", "users")
        .index("idx_orders_user_id", "user_id, created_at, id")
        .index("idx_orders_status", "status, created_at, id")
        .index("idx_orders_total_amount", "total_amount, id")
        .index("idx_orders_created_at", "created_at, id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE orders".to_owned()]
}
