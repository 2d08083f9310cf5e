//! What each noun looks like: explicit views, so that a column never appears by accident (a
//! password hash has none).

pub mod access;
pub mod audit;
pub mod doctor;
pub mod migration;
pub mod price;
pub mod report;
pub mod stock;
pub mod timeline;

use uuid::Uuid;

use super::{Cell, Column, View};
use crate::domain::Quantity;
use crate::entity::{Stored, audit_event, order, order_item, product, user};
use crate::repository;

/// A user, without the password hash.
pub struct UserView(pub user::Model);

impl View for UserView {
    const NOUN: &'static str = "users";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::new("email", "EMAIL", |view| view.0.email.as_str().into()),
        Column::new("first_name", "FIRST NAME", |view| view.0.first_name.as_str().into()),
        Column::new("last_name", "LAST NAME", |view| view.0.last_name.as_str().into()),
        Column::new("status", "STATUS", |view| view.0.status.as_str().into()),
        Column::new("created_at", "CREATED", |view| view.0.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.0.updated_at.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}

/// A product.
pub struct ProductView(pub product::Model);

impl View for ProductView {
    const NOUN: &'static str = "products";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::new("sku", "SKU", |view| view.0.sku.as_str().into()),
        Column::new("name", "NAME", |view| view.0.name.as_str().into()),
        Column::detail("description", "DESCRIPTION", |view| view.0.description.clone().into()),
        Column::new("price", "PRICE", |view| view.0.price.clone().into()),
        Column::new("stock_quantity", "STOCK", |view| view.0.stock_quantity.clone().into()),
        Column::new("created_at", "CREATED", |view| view.0.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.0.updated_at.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}

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
        Column::new("status", "STATUS", |view| view.order.status.as_str().into()),
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
    pub id: Uuid,
    /// `None` when another program removed the product.
    pub sku: Option<String>,
    pub name: Option<String>,
    pub product_id: Uuid,
    pub quantity: Stored<i32>,
    pub unit_price: Stored<crate::domain::Money>,
    /// `None` when a foreign row's amount is out of range.
    pub line_total: Option<crate::domain::Money>,
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
        Column::new("status", "STATUS", |view| view.order.order.status.as_str().into()),
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
pub struct OrderLineView(pub repository::order::Line);

impl View for OrderLineView {
    const NOUN: &'static str = "orders";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("reference", "REFERENCE", |view| view.0.reference.as_str().into()),
        Column::new("user", "USER", |view| view.0.email.clone().into()),
        Column::new("status", "STATUS", |view| view.0.status.as_str().into()),
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

/// An audit event.
pub struct EventView(pub audit_event::Model);

impl View for EventView {
    const NOUN: &'static str = "events";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::new("occurred_at", "TIME", |view| view.0.occurred_at.clone().into()),
        Column::new("operation", "OPERATION", |view| view.0.operation.as_str().into()),
        Column::new("actor", "ACTOR", |view| view.0.actor.as_str().into()),
        Column::new("outcome", "OUTCOME", |view| view.0.outcome.as_str().into()),
        Column::new("entity_type", "ENTITY", |view| view.0.entity_type.as_str().into()),
        Column::detail("entity_id", "ENTITY ID", |view| view.0.entity_id.map(|id| id.to_string()).into()),
        Column::new("name", "NAME", |view| name_in(&view.0).into()),
        Column::detail("operation_id", "OPERATION ID", |view| view.0.operation_id.into()),
        Column::detail("sequence", "SEQUENCE", |view| view.0.sequence.clone().into()),
        Column::detail("before", "BEFORE", |view| json(view.0.before.as_deref())),
        Column::detail("after", "AFTER", |view| json(view.0.after.as_deref())),
        Column::new("reason", "REASON", |view| view.0.reason.clone().into()),
        Column::detail("error", "ERROR", |view| view.0.error.clone().into()),
        Column::detail("idempotency_key", "KEY", |view| view.0.idempotency_key.clone().into()),
        Column::detail("request_fingerprint", "FINGERPRINT", |view| view.0.request_fingerprint.clone().into()),
        Column::detail("seal_id", "SEAL", |view| view.0.seal_id.map(|id| id.to_string()).into()),
    ];

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}

/// The natural key that the event's own data names.
pub fn name_in(event: &audit_event::Model) -> Option<String> {
    let text = event.after.as_deref().or(event.before.as_deref())?;
    let data: serde_json::Value = serde_json::from_str(text).ok()?;
    ["email", "sku", "reference", "name"].into_iter().find_map(|key| Some(data[key].as_str()?.to_owned()))
}

/// What another program wrote may not be JSON: it is shown as text then.
fn json(text: Option<&str>) -> Cell {
    match text {
        None => Cell::Missing,
        Some(text) => serde_json::from_str(text).map_or_else(|_| Cell::from(text), Cell::Json),
    }
}

/// A seed and where it stands.
pub struct SeedView(pub crate::seed::SeedStatus);

impl View for SeedView {
    const NOUN: &'static str = "seeds";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |view| view.0.seed.name.as_str().into()),
        Column::new("state", "STATE", |view| view.0.state.as_str().into()),
        Column::new("description", "DESCRIPTION", |view| view.0.seed.description.as_str().into()),
        Column::detail("environments", "ENVIRONMENTS", |view| view.0.seed.environments.join(", ").into()),
        Column::detail("applied_at", "APPLIED", |view| {
            view.0.history.as_ref().map(|seed| seed.applied_at.clone()).into()
        }),
        Column::detail("applied_by", "BY", |view| view.0.history.as_ref().map(|seed| seed.applied_by.clone()).into()),
        Column::detail("rows_created", "CREATED", |view| {
            view.0.history.as_ref().map(|seed| seed.rows_created.clone()).into()
        }),
    ];

    fn id(&self) -> String {
        self.0.seed.name.clone()
    }
}

/// A setting and where it came from.
pub struct SettingView(pub crate::config::Entry);

impl View for SettingView {
    const NOUN: &'static str = "settings";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "SETTING", |view| view.0.name.into()),
        Column::new("value", "VALUE", |view| view.0.value.as_str().into()),
        Column::new("origin", "ORIGIN", |view| view.0.origin.as_str().into()),
    ];

    fn id(&self) -> String {
        self.0.name.to_owned()
    }
}

/// A file that is looked at.
pub struct PlaceView(pub crate::config::Place);

impl View for PlaceView {
    const NOUN: &'static str = "files";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("path", "PATH", |view| view.0.path.display().to_string().into()),
        Column::new("exists", "EXISTS", |view| view.0.exists.into()),
        Column::new("purpose", "PURPOSE", |view| view.0.purpose.into()),
    ];

    fn id(&self) -> String {
        self.0.path.display().to_string()
    }
}
