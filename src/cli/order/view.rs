//! Views of orders and their lines.

use crate::domain::{Money, Quantity};
use crate::entity::order;
use crate::output::{Cell, Column, View};
use crate::repository::order::{FullOrder, Item, Line};

/// An order in a list.
pub struct OrderView {
    pub order: order::Model,
    /// The buyer's e-mail address; `None` if another program deleted the user.
    pub email: Option<String>,
}

impl View for OrderView {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.order.id.into()),
        Column::new("reference", "REFERENCE", |view| view.order.reference.clone().into()),
        Column::new("user", "USER", |view| view.email.clone().into()),
        Column::detail("user_id", "USER ID", |view| view.order.user_id.into()),
        Column::new("status", "STATUS", |view| view.order.status.clone().into()),
        Column::new("total_amount", "TOTAL", |view| view.order.total_amount.clone().into()),
        Column::new("created_at", "CREATED", |view| view.order.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.order.updated_at.clone().into()),
    ];
}

/// The total of an item; `None` if another program stored an amount out of range.
fn total(item: &Item) -> Option<Money> {
    let quantity = Quantity::new(item.item.quantity.known()?.into()).ok()?;
    item.item.unit_price.checked_times(quantity)
}

impl View for Item {
    const NOUN: &'static str = "items";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.item.id.into()),
        Column::new("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::detail("product_id", "PRODUCT ID", |view| view.item.product_id.into()),
        Column::new("quantity", "QUANTITY", |view| view.item.quantity.clone().into()),
        Column::new("unit_price", "UNIT PRICE", |view| view.item.unit_price.clone().into()),
        Column::new("line_total", "LINE TOTAL", |view| total(view).into()),
    ];
}

impl View for FullOrder {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("id", "ID", |view| view.order.id.into()),
        Column::new("reference", "REFERENCE", |view| view.order.reference.clone().into()),
        Column::new("user", "USER", |view| view.email.clone().into()),
        Column::new("user_id", "USER ID", |view| view.order.user_id.into()),
        Column::new("status", "STATUS", |view| view.order.status.clone().into()),
        Column::new("total_amount", "TOTAL", |view| view.order.total_amount.clone().into()),
        Column::new("created_at", "CREATED", |view| view.order.created_at.clone().into()),
        Column::new("updated_at", "UPDATED", |view| view.order.updated_at.clone().into()),
        Column::new("items", "ITEMS", |view| Cell::nested(&view.items)),
    ];
}

/// An item with the fields of its order, for flat files.
impl View for Line {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("reference", "REFERENCE", |view| view.reference.clone().into()),
        Column::new("user", "USER", |view| view.email.clone().into()),
        Column::new("status", "STATUS", |view| view.status.clone().into()),
        Column::new("created_at", "CREATED", |view| view.created_at.clone().into()),
        Column::new("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::new("quantity", "QUANTITY", |view| view.quantity.clone().into()),
        Column::new("unit_price", "UNIT PRICE", |view| view.unit_price.clone().into()),
        Column::new("line_total", "LINE TOTAL", |view| view.total().into()),
        Column::new("total_amount", "ORDER TOTAL", |view| view.total_amount.clone().into()),
    ];
}
