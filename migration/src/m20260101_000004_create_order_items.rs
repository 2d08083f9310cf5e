//! The lines of orders, with the price at the time of ordering.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, foreign_id, foreign_key, id, index, integer, money, primary_key};

pub const MIGRATION: Migration = Migration { name: "m20260101_000004_create_order_items", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("order_items")
        .col(id(backend, "id"))
        .col(foreign_id(backend, "order_id"))
        .col(foreign_id(backend, "product_id"))
        .col(integer(backend, "quantity"))
        .col(money("unit_price", 10))
        .primary_key(&mut primary_key("pk_order_items", ["id"]))
        .check(Check::named("ck_order_items_quantity", Expr::col("quantity").gt(0)))
        .check(Check::named("ck_order_items_unit_price", Expr::col("unit_price").gte(0)))
        .foreign_key(&mut foreign_key("fk_order_items_order_id", "order_id", "orders"))
        .foreign_key(&mut foreign_key("fk_order_items_product_id", "product_id", "products"))
        .take();
    let indexes = [
        index("idx_order_items_order_id", ["order_id", "id"]),
        index("idx_order_items_product_id", ["product_id", "order_id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "order_items")
}
