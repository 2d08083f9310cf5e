//! Views of stock: levels, movements, differences.

use crate::entity::{product, stock_movement};
use crate::output::{Column, View};
use crate::service::stock::StockFinding;

/// The stock of a product.
pub struct StockView(pub product::Model);

impl View for StockView {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::key("sku", "SKU", |view| view.0.sku.clone().into()),
        Column::new("name", "NAME", |view| view.0.name.clone().into()),
        Column::new("stock_quantity", "STOCK", |view| view.0.stock_quantity.clone().into()),
        Column::minor("updated_at", "UPDATED", |view| view.0.updated_at.clone().into()),
    ];
}

/// A change of a product's stock.
pub struct MovementView {
    pub movement: stock_movement::Model,
    /// The reference of the order that caused it; `None` if there is none, or it was deleted.
    pub order: Option<String>,
}

impl View for MovementView {
    const NOUN: &'static str = "movements";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.movement.id.into()),
        Column::new("created_at", "TIME", |view| view.movement.created_at.clone().into()),
        Column::new("delta", "CHANGE", |view| view.movement.delta.clone().into()),
        Column::new("reason", "REASON", |view| view.movement.reason.to_string().into()),
        Column::key("order", "ORDER", |view| view.order.clone().into()),
        Column::detail("order_id", "ORDER ID", |view| view.movement.order_id.present().map(|id| id.to_string()).into()),
        Column::new("note", "NOTE", |view| view.movement.note.clone().into()),
        Column::detail("operation_id", "OPERATION ID", |view| view.movement.operation_id.into()),
    ];
}

impl View for StockFinding {
    const NOUN: &'static str = "differences";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.difference.id.into()),
        Column::key("sku", "SKU", |view| view.difference.sku.clone().into()),
        Column::new("stock_quantity", "STOCK", |view| view.difference.stock_quantity.clone().into()),
        Column::new("moved_quantity", "MOVEMENTS", |view| view.difference.moved.into()),
        Column::new("difference", "DIFFERENCE", |view| {
            view.difference.stock_quantity.known().map(|stock| i64::from(stock) - view.difference.moved).into()
        }),
        Column::new("sold_elsewhere", "SOLD ELSEWHERE", |view| view.sold.into()),
        Column::new("oversold", "OVERSOLD", |view| view.oversold.into()),
    ];
}
