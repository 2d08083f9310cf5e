//! The lines of orders, with the price of the moment.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000004_create_order_items", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("order_items")
        .column("id", types::id(backend))
        .column("order_id", types::foreign_id(backend))
        .column("product_id", types::foreign_id(backend))
        .column("quantity", "integer NOT NULL")
        .column("unit_price", types::money(backend, 10))
        .primary_key("id")
        .check("ck_order_items_quantity", "quantity > 0")
        .check("ck_order_items_unit_price", "unit_price >= 0")
        .foreign_key("fk_order_items_order_id", "order_id", "orders")
        .foreign_key("fk_order_items_product_id", "product_id", "products")
        .index("idx_order_items_order_id", "order_id, id")
        .index("idx_order_items_product_id", "product_id, order_id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE order_items".to_owned()]
}
