//! Refunds of orders: money given back, all of an order's total or a part of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, foreign_id, foreign_key, id, index, long_text, money, primary_key, time};

pub const MIGRATION: Migration = Migration { name: "m20260101_000007_create_order_refunds", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("order_refunds")
        .col(id(backend, "id"))
        .col(foreign_id(backend, "order_id"))
        .col(money("amount", 12))
        .col(long_text(backend, "reason"))
        .col(id(backend, "operation_id"))
        .col(time(backend, "created_at"))
        .primary_key(&mut primary_key("pk_order_refunds", ["id"]))
        .check(Check::named("ck_order_refunds_amount", Expr::col("amount").gte(0)))
        .foreign_key(&mut foreign_key("fk_order_refunds_order_id", "order_id", "orders"))
        .take();
    let indexes = [
        index("idx_order_refunds_order_id", ["order_id", "id"]),
        index("idx_order_refunds_created_at", ["created_at", "id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "order_refunds")
}
