//! What reports look like.

use crate::domain::OrderStatus;
use crate::domain::period::Bucket;
use crate::output::{Column, View};
use crate::repository::report::{CustomerSales, ProductSales, Sales, StatusTotal, StockValue};

/// One period of a sales report.
pub struct SalesView {
    pub bucket: Bucket,
    pub sales: Sales,
}

impl View for SalesView {
    const NOUN: &'static str = "periods";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("period", "PERIOD", |view| view.bucket.label.as_str().into()),
        Column::detail("since", "SINCE", |view| view.bucket.begin.into()),
        Column::detail("until", "UNTIL", |view| view.bucket.end.into()),
        Column::new("orders", "ORDERS", |view| view.sales.orders.into()),
        Column::new("units", "UNITS", |view| view.sales.units.into()),
        Column::new("revenue", "REVENUE", |view| view.sales.revenue.into()),
        Column::new("average", "AVERAGE", |view| view.sales.revenue.average(view.sales.orders).into()),
    ];

    fn id(&self) -> String {
        self.bucket.label.clone()
    }
}

/// One of the products that sold best.
pub struct TopProductView(pub ProductSales);

impl View for TopProductView {
    const NOUN: &'static str = "products sold";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("product_id", "PRODUCT ID", |view| view.0.product_id.into()),
        Column::new("sku", "SKU", |view| view.0.product.as_ref().map(|(sku, _)| sku.clone()).into()),
        Column::new("name", "NAME", |view| view.0.product.as_ref().map(|(_, name)| name.clone()).into()),
        Column::new("units", "UNITS", |view| view.0.units.into()),
        Column::new("revenue", "REVENUE", |view| view.0.revenue.into()),
    ];

    fn id(&self) -> String {
        self.0.product_id.to_string()
    }
}

/// One of the best customers.
pub struct CustomerView(pub CustomerSales);

impl View for CustomerView {
    const NOUN: &'static str = "customers";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("user_id", "USER ID", |view| view.0.user_id.into()),
        Column::new("user", "USER", |view| view.0.email.clone().into()),
        Column::new("orders", "ORDERS", |view| view.0.orders.into()),
        Column::new("revenue", "REVENUE", |view| view.0.revenue.into()),
        Column::new("last_order", "LAST ORDER", |view| view.0.last_order.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.user_id.to_string()
    }
}

/// Orders of one status.
pub struct StatusView(pub StatusTotal);

impl StatusView {
    /// Whether these orders are sales.
    pub fn is_sale(&self) -> bool {
        OrderStatus::from_stored(&self.0.status).is_some_and(OrderStatus::is_sale)
    }
}

impl View for StatusView {
    const NOUN: &'static str = "statuses";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("status", "STATUS", |view| view.0.status.as_str().into()),
        Column::new("orders", "ORDERS", |view| view.0.orders.into()),
        Column::new("amount", "AMOUNT", |view| view.0.amount.into()),
        Column::new("is_sale", "SALE", |view| view.is_sale().into()),
    ];

    fn id(&self) -> String {
        self.0.status.clone()
    }
}

/// One product's stock.
pub struct StockValueView(pub StockValue);

impl View for StockValueView {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("product_id", "PRODUCT ID", |view| view.0.product_id.into()),
        Column::new("sku", "SKU", |view| view.0.sku.as_str().into()),
        Column::new("name", "NAME", |view| view.0.name.as_str().into()),
        Column::new("stock", "STOCK", |view| view.0.stock.clone().into()),
        Column::new("price", "PRICE", |view| view.0.price.clone().into()),
        Column::new("value", "VALUE", |view| view.0.value.into()),
    ];

    fn id(&self) -> String {
        self.0.product_id.to_string()
    }
}
