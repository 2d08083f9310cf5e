//! Exports part of a shop as a seed file: users with their orders and the ordered products.
//!
//! Applied to an empty shop it recreates the same shop, except for ids, password hashes, events, and the times of refunds.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait};

use super::Seed;
use super::file::{RawItem, RawOrder, RawRefund, RawRefundItem, RawSeed, RawUser};
use super::raw_product::RawProduct;
use crate::domain::text::counted;
use crate::domain::{Id, Money, OrderStatus, Quantity, UserStatus};
use crate::entity::{order, order_refund_line, product, user};
use crate::error::{Error, Kind, Result, printable};
use crate::repository::order::{ItemWithProduct, Refund};
use crate::repository::user::{Lock, UserKey};
use crate::repository::{self, ListFilter};

/// What to export.
#[derive(Debug, Clone, Default)]
pub struct ExportSelection {
    /// E-mail addresses or ids; if empty, all users and products.
    pub users: Vec<String>,
    /// Whether to keep real names and addresses instead of generated ones.
    pub without_mask: bool,
}

/// Maximum number of rows of each kind.
const MAX_ROWS: usize = 10_000;
const PAGE_ROWS: u64 = 1_000;
/// The password of every exported user.
const PASSWORD: &str = "shopctl-demo";

/// The text of the seed file.
///
/// Errors: exit 3 for an unknown user; exit 7 for too many rows, and for rows of other programs that a
/// seed cannot represent.
pub async fn export(connection: &impl ConnectionTrait, selection: &ExportSelection) -> Result<String> {
    let users = find_users(connection, selection).await?;
    let orders = find_orders(connection, selection, &users).await?;
    let ids: Vec<Id> = orders.iter().map(|order| order.id).collect();
    let mut items: HashMap<Id, Vec<ItemWithProduct>> = HashMap::new();
    for ids in ids.chunks(repository::ROWS_PER_INSERT) {
        for found in repository::order::find_items_of(connection, ids).await? {
            items.entry(found.0.order_id).or_default().push(found);
        }
    }
    let refunds = repository::order::find_refunds_of(connection, &ids).await?;
    let products = find_products(connection, selection, &items).await?;
    let raw = RawSeed {
        description: format!(
            "Exported: {}, {}, {}",
            counted(users.len(), "user"),
            counted(products.len(), "product"),
            counted(orders.len(), "order")
        ),
        environments: ["development", "test"].map(str::to_owned).to_vec(),
        users: users.iter().zip(1..).map(|(user, number)| raw_user(user, number, selection)).collect(),
        products: products.iter().map(|product| raw_product(product, &orders, &items)).collect(),
        orders: orders
            .iter()
            .map(|order| {
                let items = items.get(&order.id).map_or(&[][..], Vec::as_slice);
                let refunds = refunds.get(&order.id).map_or(&[][..], Vec::as_slice);
                raw_order(order, &users, (items, refunds), selection)
            })
            .collect(),
    };
    let text =
        toml::to_string(&raw).map_err(|error| Error::internal(format!("the seed cannot be written: {error}")))?;
    // Validates the result, because rows of other programs may violate the rules of a seed.
    Seed::parse("export", &text)?;
    Ok(text)
}

async fn find_users(connection: &impl ConnectionTrait, selection: &ExportSelection) -> Result<Vec<user::Model>> {
    if selection.users.is_empty() {
        return all(connection, "users", &repository::user::Filter::default()).await;
    }
    let mut users: Vec<user::Model> = Vec::new();
    for name in &selection.users {
        let found = repository::user::find_one(connection, UserKey::parse(name), Lock::None).await?;
        let found = found.ok_or_else(|| crate::service::user::unknown(name))?;
        if users.iter().all(|user| user.id != found.id) {
            users.push(found);
        }
    }
    Ok(users)
}

async fn find_orders(
    connection: &impl ConnectionTrait,
    selection: &ExportSelection,
    users: &[user::Model],
) -> Result<Vec<order::Model>> {
    let find = async |user_id: Option<Id>| {
        let filter = repository::order::Filter { user_id, ..Default::default() };
        all(connection, "orders", &filter).await
    };
    if selection.users.is_empty() {
        return find(None).await;
    }
    let mut orders = Vec::new();
    for user in users {
        orders.extend(find(Some(user.id)).await?);
        limit(orders.len(), "orders")?;
    }
    Ok(orders)
}

/// All products, or only the ordered ones.
async fn find_products(
    connection: &impl ConnectionTrait,
    selection: &ExportSelection,
    items: &HashMap<Id, Vec<ItemWithProduct>>,
) -> Result<Vec<product::Model>> {
    if selection.users.is_empty() {
        return all(connection, "products", &repository::product::Filter::default()).await;
    }
    let mut products: Vec<product::Model> =
        items.values().flatten().filter_map(|(_, product)| product.clone()).collect();
    products.sort_by(|one, other| one.sku.cmp(&other.sku));
    products.dedup_by(|one, other| one.id == other.id);
    Ok(products)
}

/// Every page of a list, oldest first.
async fn all<F: ListFilter>(
    connection: &impl ConnectionTrait,
    what: &'static str,
    filter: &F,
) -> Result<Vec<<F::Entity as EntityTrait>::Model>> {
    let mut rows = Vec::new();
    repository::each_page(connection, filter, "created_at", PAGE_ROWS, |found| {
        rows.extend(found);
        limit(rows.len(), what)
    })
    .await?;
    Ok(rows)
}

fn limit(count: usize, what: &str) -> Result<()> {
    if count <= MAX_ROWS {
        return Ok(());
    }
    Err(Error::new(Kind::Invalid, "seed.too_large", format!("there are more than {MAX_ROWS} {what}"))
        .hint("a seed file holds part of a shop: select users with --users"))
}

fn email(user: &user::Model, number: usize, selection: &ExportSelection) -> String {
    if selection.without_mask { user.email.to_string() } else { format!("person-{number}@example.com") }
}

fn raw_user(user: &user::Model, number: usize, selection: &ExportSelection) -> RawUser {
    let name = |name: &str, masked: String| if selection.without_mask { name.to_owned() } else { masked };
    RawUser {
        email: email(user, number, selection),
        first_name: name(&user.first_name, "Person".to_owned()),
        last_name: name(&user.last_name, number.to_string()),
        password: PASSWORD.to_owned(),
        // Anonymized users cannot place orders.
        status: (user.status != UserStatus::Active).then(|| UserStatus::Disabled.as_str().to_owned()),
    }
}

/// A product with its stock before these orders were placed.
fn raw_product(
    product: &product::Model,
    orders: &[order::Model],
    items: &HashMap<Id, Vec<ItemWithProduct>>,
) -> RawProduct {
    let holds_stock = |order: &&order::Model| !order.status.known().is_some_and(OrderStatus::restocks);
    let items = orders.iter().filter(holds_stock).filter_map(|order| items.get(&order.id)).flatten();
    let taken: i64 =
        items.filter(|(item, _)| item.product_id == product.id).map(|(item, _)| item.quantity.pieces()).sum();
    RawProduct::from_model(product, product.stock_quantity.pieces() + taken)
}

fn raw_order(
    order: &order::Model,
    users: &[user::Model],
    (items, refunds): (&[ItemWithProduct], &[Refund]),
    selection: &ExportSelection,
) -> RawOrder {
    let buyer = users.iter().position(|user| user.id == order.user_id);
    let item = |(item, product): &ItemWithProduct| RawItem {
        sku: product.as_ref().map_or_else(|| item.product_id.to_string(), |product| product.sku.or_id(product.id)),
        quantity: item.quantity.pieces(),
        unit_price: Some(item.unit_price.to_string()),
    };
    RawOrder {
        reference: order.reference.to_string(),
        user: buyer.map_or_else(|| printable("nobody"), |position| email(&users[position], position + 1, selection)),
        status: order.status.to_string(),
        placed_at: Some(order.created_at.to_string()),
        items: items.iter().map(item).collect(),
        refunds: parts(order, items, refunds).map(|refund| raw_refund(refund, items, selection)).collect(),
    }
}

/// The refunds in part, without the one of all that was left: a refunded order gets that by its status.
fn parts<'a>(
    order: &order::Model,
    items: &'a [ItemWithProduct],
    refunds: &'a [Refund],
) -> impl Iterator<Item = &'a Refund> {
    let is_of_rest = |refund: &Refund| {
        let cost = refund.lines.iter().try_fold(Money::ZERO, |sum, line| {
            let (item, _) = items.iter().find(|(item, _)| item.id == line.order_item_id)?;
            let pieces = Quantity::new(line.quantity.pieces()).ok()?;
            sum.checked_plus(item.unit_price.known()?.checked_times(pieces)?)
        });
        refunds.len() == 1 || (!refund.lines.is_empty() && refund.refund.amount.known() > cost)
    };
    let is_over = order.status == OrderStatus::Refunded && refunds.last().is_some_and(is_of_rest);
    refunds.iter().take(refunds.len() - usize::from(is_over))
}

/// A reason may be about a person, as names are.
fn raw_refund(refund: &Refund, items: &[ItemWithProduct], selection: &ExportSelection) -> RawRefund {
    let line = |line: &order_refund_line::Model| {
        let item = items.iter().find(|(item, _)| item.id == line.order_item_id);
        let product = item.and_then(|(_, product)| product.as_ref());
        let sku = product.map_or_else(|| line.order_item_id.to_string(), |product| product.sku.or_id(product.id));
        RawRefundItem { sku, quantity: line.quantity.pieces() }
    };
    RawRefund {
        amount: refund.refund.amount.to_string(),
        reason: refund.refund.reason.clone().filter(|_| selection.without_mask),
        items: refund.lines.iter().map(line).collect(),
    }
}
