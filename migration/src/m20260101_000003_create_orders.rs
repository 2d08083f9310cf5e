//! Orders: customer, status and total.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{
    create, drop, foreign_id, foreign_key, id, index, money, one_of, primary_key, random_reference, text, time, unique,
};

pub const MIGRATION: Migration = Migration { name: "m20260101_000003_create_orders", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("orders")
        .col(id(backend, "id"))
        .col(random_reference(backend, "reference", 64))
        .col(foreign_id(backend, "user_id"))
        .col(text(backend, "status", 16).default("pending"))
        .col(money("total_amount", 12).default(0))
        .col(time(backend, "created_at"))
        .col(time(backend, "updated_at"))
        .primary_key(&mut primary_key("pk_orders", ["id"]))
        .index(&mut unique("uq_orders_reference", ["reference"]))
        .check(one_of(
            "ck_orders_status",
            "status",
            ["pending", "paid", "shipped", "completed", "cancelled", "refunded"],
        ))
        .check(Check::named("ck_orders_total_amount", Expr::col("total_amount").gte(0)))
        .foreign_key(&mut foreign_key("fk_orders_user_id", "user_id", "users"))
        .take();
    let indexes = [
        index("idx_orders_user_id", ["user_id", "created_at", "id"]),
        index("idx_orders_status", ["status", "created_at", "id"]),
        index("idx_orders_total_amount", ["total_amount", "id"]),
        index("idx_orders_created_at", ["created_at", "id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "orders")
}
