//! Views of orders and their lines.

use crate::domain::{Money, OrderStatus, Quantity};
use crate::entity::{Stored, order, order_refund, order_refund_line};
use crate::output::{Cell, Column, View};
use crate::repository::order::{FullOrder, Item, Line, Refund};
use crate::repository::said::LastSaid;

/// An order in a list.
pub struct OrderView {
    pub order: order::Model,
    /// The buyer's e-mail address; `None` if another program deleted the user.
    pub email: Option<String>,
    /// What was given back of its total.
    pub refunded: Stored<Money>,
    /// Its note and the number of its parcel, if they were looked up.
    pub said: LastSaid,
}

/// The status; where a part of the total was given back, people also read how much.
fn status(order: &order::Model, refunded: &Stored<Money>) -> Cell {
    let status = Cell::from(order.status.clone());
    if *refunded == Money::ZERO || order.status == OrderStatus::Refunded {
        return status;
    }
    let words = format!("{}, {}", order.status.told(), refunded_of(order, refunded));
    status.worded(words)
}

/// The part that was given back; people read nothing where there is none.
fn refunded(refunded: &Stored<Money>) -> Cell {
    let cell = Cell::from(refunded.clone());
    if *refunded == Money::ZERO { cell.worded(String::new()) } else { cell }
}

/// `refunded 9.95 of 29.85`
fn refunded_of(order: &order::Model, refunded: &Stored<Money>) -> String {
    format!("refunded {} of {}", refunded.told(), order.total_amount.told())
}

impl View for OrderView {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.order.id.into()),
        Column::key("reference", "REFERENCE", |view| view.order.reference.clone().into()),
        Column::key("user", "USER", |view| view.email.clone().into()),
        Column::detail("user_id", "USER ID", |view| view.order.user_id.into()),
        Column::new("status", "STATUS", |view| view.order.status.clone().into()),
        Column::new("total_amount", "TOTAL", |view| view.order.total_amount.clone().into()),
        Column::new("refunded_amount", "REFUNDED", |view| refunded(&view.refunded)),
        Column::minor("created_at", "CREATED", |view| view.order.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.order.updated_at.clone().into()),
        Column::on_request("note", "NOTE", |view| view.said.note.clone().into()),
        Column::on_request("tracking", "TRACKING", |view| view.said.tracking.clone().into()),
    ];
}

/// The total of an item; `None` if another program stored an amount out of range.
pub(super) fn line_total(item: &Item) -> Option<Money> {
    let quantity = Quantity::new(item.item.quantity.known()?.into()).ok()?;
    item.item.unit_price.checked_times(quantity)
}

impl View for Item {
    const NOUN: &'static str = "items";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.item.id.into()),
        Column::key("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::detail("product_id", "PRODUCT ID", |view| view.item.product_id.into()),
        Column::new("quantity", "QUANTITY", |view| view.item.quantity.clone().into()),
        Column::new("unit_price", "UNIT PRICE", |view| view.item.unit_price.clone().into()),
        Column::new("line_total", "LINE TOTAL", |view| line_total(view).into()),
    ];
}

impl View for FullOrder {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("id", "ID", |view| view.order.id.into()),
        Column::key("reference", "REFERENCE", |view| view.order.reference.clone().into()),
        Column::key("user", "USER", |view| view.email.clone().into()),
        Column::new("user_id", "USER ID", |view| view.order.user_id.into()),
        Column::new("status", "STATUS", |view| status(&view.order, &view.refunded)),
        Column::new("total_amount", "TOTAL", |view| view.order.total_amount.clone().into()),
        Column::new("refunded_amount", "REFUNDED", |view| view.refunded.clone().into()),
        Column::new("created_at", "CREATED", |view| view.order.created_at.clone().into()),
        Column::new("updated_at", "UPDATED", |view| view.order.updated_at.clone().into()),
        Column::new("items", "ITEMS", |view| Cell::nested(&view.items)),
    ];
}

/// A refund with the names of its products.
pub struct RefundView {
    refund: order_refund::Model,
    lines: Vec<RefundLineView>,
}

struct RefundLineView {
    line: order_refund_line::Model,
    /// `None` if another program removed the product.
    sku: Option<String>,
}

impl RefundView {
    /// A refund of an order with these items.
    pub fn new(Refund { refund, lines }: Refund, items: &[Item]) -> RefundView {
        let sku = |line: &order_refund_line::Model| {
            items.iter().find(|item| item.item.id == line.order_item_id).and_then(|item| item.sku.clone())
        };
        let lines = lines.into_iter().map(|line| RefundLineView { sku: sku(&line), line }).collect();
        RefundView { refund, lines }
    }
}

/// `MUG-01:1, PEN-FINE:2`
fn pieces(lines: &[RefundLineView]) -> String {
    let line = |line: &RefundLineView| {
        let sku = line.sku.clone().unwrap_or_else(|| line.line.order_item_id.to_string());
        format!("{sku}:{}", line.line.quantity)
    };
    if lines.is_empty() { "-".to_owned() } else { lines.iter().map(line).collect::<Vec<_>>().join(", ") }
}

impl View for RefundView {
    const NOUN: &'static str = "refunds";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.refund.id.into()),
        Column::new("created_at", "CREATED", |view| view.refund.created_at.clone().into()),
        Column::new("amount", "AMOUNT", |view| view.refund.amount.clone().into()),
        Column::new("reason", "REASON", |view| view.refund.reason.clone().into()),
        Column::new("lines", "LINES", |view| Cell::nested(&view.lines).worded(pieces(&view.lines))),
    ];
}

impl View for RefundLineView {
    const NOUN: &'static str = "lines";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("order_item_id", "LINE ID", |view| view.line.order_item_id.into()),
        Column::key("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("quantity", "QUANTITY", |view| view.line.quantity.clone().into()),
        Column::new("amount", "AMOUNT", |view| view.line.amount.clone().into()),
    ];
}

/// An item with the fields of its order, for flat files.
impl View for Line {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::key("reference", "REFERENCE", |view| view.reference.clone().into()),
        Column::key("user", "USER", |view| view.email.clone().into()),
        Column::new("status", "STATUS", |view| view.status.clone().into()),
        Column::new("created_at", "CREATED", |view| view.created_at.clone().into()),
        Column::key("sku", "SKU", |view| view.sku.clone().into()),
        Column::new("name", "NAME", |view| view.name.clone().into()),
        Column::new("quantity", "QUANTITY", |view| view.quantity.clone().into()),
        Column::new("unit_price", "UNIT PRICE", |view| view.unit_price.clone().into()),
        Column::new("line_total", "LINE TOTAL", |view| view.total().into()),
        Column::new("total_amount", "ORDER TOTAL", |view| view.total_amount.clone().into()),
        Column::new("refunded_amount", "ORDER REFUNDED", |view| view.refunded.clone().into()),
    ];
}
