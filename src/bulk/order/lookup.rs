//! The users and products that orders of a file name.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;

use super::OrderRow;
use crate::bulk::holders::Holders;
use crate::bulk::options::Import;
use crate::bulk::position::Position;
use crate::domain::text::distinct;
use crate::domain::{EntityKind, Id, Money};
use crate::entity::{Stored, user};
use crate::error::Result;
use crate::repository::{self, Lock};
use crate::service::product::check_orderable;

/// Maximum number of cached products; others are looked up each time.
const MAX_CACHED_PRODUCTS: usize = 100_000;

/// State carried from one order to the next.
#[derive(Default)]
pub struct OrderCheckState {
    /// Products by SKU, each with its price.
    pub(super) products: HashMap<String, (Id, Stored<Money>)>,
    /// Those that are retired, with the reason why they cannot be ordered.
    pub(super) retired: HashMap<Id, String>,
    /// The remaining stock of each product.
    pub(super) left: HashMap<Id, i64>,
    /// The SKUs that several products have, with the number of these.
    pub(super) shared: HashMap<String, usize>,
}

/// The users that orders name, by their stored addresses; several where another program dropped the unique index.
pub async fn users_of(
    connection: &impl ConnectionTrait,
    rows: &[&OrderRow],
    import: &Import,
) -> Result<HashMap<String, Vec<user::Model>>> {
    let emails = distinct(rows.iter().map(|row| import.keys.email(&row.user.text)));
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let users = repository::user::find_by_emails(connection, &emails, Lock::None).await?;
    let mut found = HashMap::<String, Vec<user::Model>>::new();
    for user in users {
        found.entry(user.email.to_string()).or_default().push(user);
    }
    Ok(found)
}

/// The stored SKUs that orders name, each once.
pub fn skus_of(rows: &[&OrderRow], import: &Import) -> Vec<String> {
    let written = distinct(rows.iter().flat_map(|row| &row.lines).map(|line| line.sku.text.as_str()));
    distinct(written.into_iter().map(|sku| import.keys.sku(sku)))
}

impl OrderCheckState {
    /// Loads all existing products of these orders.
    pub async fn load_products(
        &mut self,
        connection: &impl ConnectionTrait,
        rows: &[&OrderRow],
        import: &Import,
    ) -> Result<()> {
        if self.products.len() > MAX_CACHED_PRODUCTS {
            self.products.clear();
            self.shared.clear();
        }
        let mut skus = skus_of(rows, import);
        skus.retain(|sku| !self.products.contains_key(sku));
        let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
        for product in repository::product::find_by_skus(connection, &skus, Lock::None).await? {
            if let Err(error) = check_orderable([&product]) {
                self.retired.insert(product.id, error.message().to_owned());
            }
            self.left.entry(product.id).or_insert(product.stock_quantity.pieces());
            let sku = product.sku.to_string();
            if self.products.insert(sku.clone(), (product.id, product.price)).is_some() {
                *self.shared.entry(sku).or_insert(1) += 1;
            }
        }
        Ok(())
    }
}

/// The stored orders that have the ids of these rows.
pub(super) async fn find_holders(connection: &impl ConnectionTrait, rows: &[(Position, OrderRow)]) -> Result<Holders> {
    Holders::find(connection, EntityKind::Order, rows.iter().filter_map(|(_, row)| row.id)).await
}
