//! What an order and its lines look like.

use crate::domain::{Id, Money, Quantity};
use crate::entity::{Stored, order, order_item, product};
use crate::output::{Cell, Column, View};
use crate::repository::order::Line;

/// An order in a list.
pub struct OrderView {
    pub order: order::Model,
    /// The buyer's e-mail address; `None` when another program removed the user.
    pub email: Option<String>,
}

impl View for OrderView {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.order.id.into()),
        Column::new("reference", "REFERENCE", |view| view.order.reference.as_str().into()),
        Column::new("user", "USER", |view| view.email.clone().into()),
        Column::detail("user_id", "USER ID", |view| view.order.user_id.into()),
        Column::new("status", "STATUS", |view| view.order.status.to_string().into()),
        Column::new("total_amount", "TOTAL", |view| view.order.total_amount.clone().into()),
        Column::new("created_at", "CREATED", |view| view.order.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.order.updated_at.clone().into()),
    ];

    fn id(&self) -> String {
        self.order.id.to_string()
    }
}

/// A line of an order.
pub struct ItemView {
    pub id: Id,
    /// `None` when another program removed the product.
    pub sku: Option<String>,
    pub name: Option<String>,
    pub product_id: Id,
    pub quantity: Stored<i32>,
    pub unit_price: Stored<Money>,
    /// `None` when a foreign row's amount is out of range.
    pub line_total: Option<Money>,
}

impl ItemView {
    pub fn new(item: order_item::Model, product: Option<product::Model>) -> ItemView {
        let (sku, name) = product.map(|product| (product.sku, product.name)).unzip();
        ItemView::named(item, sku, name)
    }

    pub fn named(item: order_item::Model, sku: Option<String>, name: Option<String>) -> ItemView {
        let quantity = item.quantity.known().and_then(|quantity| Quantity::new(quantity.into()).ok());
        ItemView {
            id: item.id,
            sku,
            name,
            product_id: item.product_id,
            line_total: quantity.and_then(|quantity| item.unit_price.checked_times(quantity)),
            quantity: item.quantity,
            unit_price: item.unit_price,
        }
    }
}

impl View for ItemView {
    const NOUN: &'static str = "items";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.id.into()),
        Column::new("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::detail("product_id", "PRODUCT ID", |view| view.product_id.into()),
        Column::new("quantity", "QUANTITY", |view| view.quantity.clone().into()),
        Column::new("unit_price", "UNIT PRICE", |view| view.unit_price.clone().into()),
        Column::new("line_total", "LINE TOTAL", |view| view.line_total.into()),
    ];

    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// An order with its lines.
pub struct OrderDetailView {
    pub order: OrderView,
    pub items: Vec<ItemView>,
}

impl View for OrderDetailView {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("id", "ID", |view| view.order.order.id.into()),
        Column::new("reference", "REFERENCE", |view| view.order.order.reference.as_str().into()),
        Column::new("user", "USER", |view| view.order.email.clone().into()),
        Column::new("user_id", "USER ID", |view| view.order.order.user_id.into()),
        Column::new("status", "STATUS", |view| view.order.order.status.to_string().into()),
        Column::new("total_amount", "TOTAL", |view| view.order.order.total_amount.clone().into()),
        Column::new("created_at", "CREATED", |view| view.order.order.created_at.clone().into()),
        Column::new("updated_at", "UPDATED", |view| view.order.order.updated_at.clone().into()),
        Column::new("items", "ITEMS", |view| Cell::nested(&view.items)),
    ];

    fn id(&self) -> String {
        self.order.id()
    }
}

/// An item with the fields of its order: an order in a flat file.
pub struct OrderLineView(pub Line);

impl View for OrderLineView {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("reference", "REFERENCE", |view| view.0.reference.as_str().into()),
        Column::new("user", "USER", |view| view.0.email.clone().into()),
        Column::new("status", "STATUS", |view| view.0.status.to_string().into()),
        Column::new("created_at", "CREATED", |view| view.0.created_at.clone().into()),
        Column::new("sku", "SKU", |view| view.0.sku.clone().into()),
        Column::new("name", "NAME", |view| view.0.name.clone().into()),
        Column::new("quantity", "QUANTITY", |view| view.0.quantity.clone().into()),
        Column::new("unit_price", "UNIT PRICE", |view| view.0.unit_price.clone().into()),
        Column::new("line_total", "LINE TOTAL", |view| view.0.total().into()),
        Column::new("total_amount", "ORDER TOTAL", |view| view.0.total_amount.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.reference.clone()
    }
}
