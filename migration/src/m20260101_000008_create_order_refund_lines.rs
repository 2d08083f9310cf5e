//! The lines of refunds: which pieces of an order the money was returned for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::Migration;
use crate::types::{create, drop, foreign_id, foreign_key, id, index, integer, money, primary_key};

pub const MIGRATION: Migration = Migration { name: "m20260101_000008_create_order_refund_lines", up, down };

fn up(backend: DbBackend) -> Vec<String> {
    let table = Table::create()
        .table("order_refund_lines")
        .col(id(backend, "id"))
        .col(foreign_id(backend, "refund_id"))
        .col(foreign_id(backend, "order_item_id"))
        .col(integer(backend, "quantity"))
        .col(money("amount", 12))
        .primary_key(&mut primary_key("pk_order_refund_lines", ["id"]))
        .check(Check::named("ck_order_refund_lines_quantity", Expr::col("quantity").gt(0)))
        .check(Check::named("ck_order_refund_lines_amount", Expr::col("amount").gte(0)))
        .foreign_key(&mut foreign_key("fk_order_refund_lines_refund_id", "refund_id", "order_refunds"))
        .foreign_key(&mut foreign_key("fk_order_refund_lines_order_item_id", "order_item_id", "order_items"))
        .take();
    let indexes = [
        index("idx_order_refund_lines_refund_id", ["refund_id", "id"]),
        index("idx_order_refund_lines_order_item_id", ["order_item_id", "refund_id"]),
    ];
    create(backend, table, indexes)
}

fn down(backend: DbBackend) -> Vec<String> {
    drop(backend, "order_refund_lines")
}
