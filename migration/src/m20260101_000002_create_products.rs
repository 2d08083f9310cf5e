//! Products that the shop sells.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{
    create, drop, id, index, integer, long_text, money, optional_time, primary_key, random_code, text, time, unique,
};

pub const MIGRATION: Migration = Migration { name: "m20260101_000002_create_products", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("products")
        .col(id(backend, "id"))
        .col(random_code(backend, "sku", 64))
        .col(text(backend, "name", 255))
        .col(long_text(backend, "description"))
        .col(money("price", 10))
        .col(integer(backend, "stock_quantity").default(0))
        .col(time(backend, "created_at"))
        .col(time(backend, "updated_at"))
        .col(optional_time(backend, "retired_at"))
        .primary_key(&mut primary_key("pk_products", ["id"]))
        .index(&mut unique("uq_products_sku", ["sku"]))
        .check(Check::named("ck_products_price", Expr::col("price").gte(0)))
        .check(Check::named("ck_products_stock_quantity", Expr::col("stock_quantity").gte(0)))
        .take();
    let indexes = [
        index("idx_products_name", ["name", "id"]),
        index("idx_products_price", ["price", "id"]),
        index("idx_products_stock_quantity", ["stock_quantity", "id"]),
        index("idx_products_created_at", ["created_at", "id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "products")
}
