//! Things that the shop sells.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{self, Table};

pub const MIGRATION: Migration = Migration { name: "m20260101_000002_create_products", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    Table::new("products")
        .column("id", types::id(backend))
        .column("sku", types::random_code(backend, 64))
        .column("name", types::text(backend, 255))
        .column("description", types::long_text(backend))
        .column("price", types::money(backend, 10))
        .column("stock_quantity", "integer NOT NULL DEFAULT 0")
        .column("created_at", types::time(backend))
        .column("updated_at", types::time(backend))
        .primary_key("id")
        .unique("uq_products_sku", "sku")
        .check("ck_products_price", "price >= 0")
        .check("ck_products_stock_quantity", "stock_quantity >= 0")
        .index("idx_products_name", "name, id")
        .index("idx_products_price", "price, id")
        .index("idx_products_stock_quantity", "stock_quantity, id")
        .index("idx_products_created_at", "created_at, id")
        .create(backend)
}

fn down(_backend: DbBackend) -> Vec<String> {
    vec!["DROP TABLE products".to_owned()]
}
