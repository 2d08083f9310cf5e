//! Values that differ from shopctl's own only in the case of their letters or by blanks around them, and stocks and
//! e-mail addresses that are none, each with what mends it.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use crate::domain::text::{numbered, with_blanks};
use crate::domain::{EntityKind, Id, OrderStatus, UserStatus};
use crate::entity::{self, Stored};
use crate::error::{CommandLine, Hint, Result};
use crate::repository::{Lock, adoption, order, product, user};

/// The last number for an address that another user has: `ada+9@example.com`.
const NUMBERS: usize = 9;

/// A value that another program wrote in its own way.
#[derive(Debug, Clone)]
pub struct Repair {
    /// What kind of row has it.
    pub entity: EntityKind,
    /// E-mail address or reference.
    pub name: String,
    /// The value and what is odd about it: `the status Paid`.
    pub value: String,
    /// A command, or a statement for the database's own client; `None` where only people can decide.
    pub way_out: Option<Hint>,
}

/// All such e-mail addresses and statuses.
pub async fn find_repairs(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let mut repairs = of_emails(connection).await?;
    repairs.extend(of_no_emails(connection).await?);
    repairs.extend(of_keys(connection).await?);
    repairs.extend(of_statuses(connection).await?);
    repairs.extend(of_stocks(connection).await?);
    Ok(repairs)
}

async fn of_emails(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let canonical = |email: &str| email.trim().to_lowercase();
    let mut foreign = user::find_foreign_emails(connection).await?;
    foreign.retain(|email| canonical(email) != *email);
    let wanted: Vec<String> = foreign.iter().map(|email| canonical(email)).collect();
    let mut taken = addresses(connection, &wanted).await?;
    // Of several spellings one can have the address.
    let is_free: Vec<bool> = wanted.iter().map(|own| taken.insert(own.clone())).collect();
    let numbered = |own: &String| (2..=NUMBERS).map(|number| numbered(own, number)).collect::<Vec<_>>();
    let others = wanted.iter().zip(&is_free).filter(|(_, is_free)| !**is_free);
    let others: Vec<String> = others.flat_map(|(own, _)| numbered(own)).collect();
    taken.extend(addresses(connection, &others).await?);
    let repair = |((email, own), is_free): ((String, String), bool)| {
        let other = match is_free {
            true => Some(own.clone()),
            false => numbered(&own).into_iter().find(|other| taken.insert(other.clone())),
        };
        let command = |other: String| CommandLine::new("user update").argument(&email).option("--email", &other);
        Repair {
            entity: EntityKind::User,
            value: match is_free {
                true => "capitals or blanks in its address".to_owned(),
                false => format!("another user's address, {own}; to change it"),
            },
            way_out: other.map(|other| command(other).into()),
            name: email,
        }
    };
    Ok(foreign.into_iter().zip(wanted).zip(is_free).map(repair).collect())
}

/// Those of the addresses that users have.
async fn addresses(connection: &impl ConnectionTrait, wanted: &[String]) -> Result<HashSet<String>> {
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let users = user::find_by_emails(connection, &wanted, Lock::None).await?;
    Ok(users.into_iter().map(|user| user.email.to_string()).collect())
}

/// What is no address can only be replaced by people.
async fn of_no_emails(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let repair = |(id, email): (Id, Stored<String>)| Repair {
        entity: EntityKind::User,
        name: email.present().filter(|email| !email.is_empty()).map_or_else(|| id.to_string(), str::to_owned),
        value: "no e-mail address: set one with user update --email".to_owned(),
        way_out: None,
    };
    Ok(adoption::find_users_without_address(connection).await?.into_iter().map(repair).collect())
}

/// SKUs and references without the blanks around them, where no other row has them.
async fn of_keys(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let skus = padded(product::find_foreign_skus(connection).await?);
    let products = product::find_by_skus(connection, &trimmed(&skus), Lock::None).await?;
    let taken = products.into_iter().map(|product| product.sku.to_string()).collect();
    let mut repairs = of_padded(EntityKind::Product, ("products", "sku", "SKU"), &skus, taken);
    let references = padded(order::find_foreign_references(connection).await?);
    let orders = order::find_by_references(connection, &trimmed(&references), Lock::None).await?;
    let taken = orders.into_iter().map(|order| order.reference.to_string()).collect();
    repairs.extend(of_padded(EntityKind::Order, ("orders", "reference", "reference"), &references, taken));
    Ok(repairs)
}

fn padded(mut keys: Vec<String>) -> Vec<String> {
    keys.retain(|key| key.trim() != key);
    keys
}

fn trimmed(keys: &[String]) -> Vec<&str> {
    keys.iter().map(|key| key.trim()).collect()
}

/// The statements for keys with blanks around them; none for one whose own form is `taken`.
fn of_padded(
    entity: EntityKind,
    (table, column, noun): (&str, &str, &str),
    keys: &[String],
    mut taken: HashSet<String>,
) -> Vec<Repair> {
    let repair = |key: &String| {
        let set = taken.insert(key.trim().to_owned()).then(|| where_key_is(column, key.trim())).flatten();
        let way_out = set.zip(where_key_is(column, key));
        let way_out = way_out.map(|(set, which)| Hint::from(format!("UPDATE {table} SET {set} WHERE {which}")));
        Repair { entity, value: format!("blanks around its {noun}"), way_out, name: key.clone() }
    };
    keys.iter().map(repair).collect()
}

/// What is no stock becomes the sum of the movements.
async fn of_stocks(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let odd = adoption::find_odd_stocks(connection).await?;
    if odd.is_empty() {
        return Ok(Vec::new());
    }
    let sums = adoption::find_sums(connection).await?;
    let repair = |product: entity::product::Model| {
        let moved = sums.get(&product.id).copied().unwrap_or(0).max(0);
        let set = format!("UPDATE products SET stock_quantity = {moved}");
        Repair {
            entity: EntityKind::Product,
            value: match product.stock_quantity.to_text() {
                Some(stock) => format!("the stock {}", with_blanks(&stock)),
                None => "no stock".to_owned(),
            },
            way_out: row_of("sku", &product.sku, product.id).map(|key| Hint::from(format!("{set} WHERE {key}"))),
            name: product.sku.or_id(product.id),
        }
    };
    Ok(odd.into_iter().map(repair).collect())
}

/// `sku = 'MUG'`, or `id = …` for a row without the key; `None` where neither can be written so.
fn row_of(column: &str, key: &Stored<String>, id: Id) -> Option<String> {
    match key.present() {
        Some(key) => where_key_is(column, key),
        None => where_key_is("id", &id.plain_text()?),
    }
}

/// `sku = 'MUG'`, as a literal on which all engines agree; `None` for others.
fn where_key_is(column: &str, key: &str) -> Option<String> {
    let is_plain = key.chars().all(|letter| letter != '\\' && !letter.is_control());
    is_plain.then(|| format!("{column} = '{}'", key.replace('\'', "''")))
}

async fn of_statuses(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let mut repairs = Vec::new();
    for (id, key, status) in adoption::find_unknown_order_statuses(connection).await? {
        let status = status.to_text();
        let known = |status: &str| OrderStatus::from_stored(status).map(OrderStatus::as_str);
        repairs.push(of_status(EntityKind::Order, ("orders", "reference"), (id, key), status, known));
    }
    for (id, key, status) in adoption::find_unknown_user_statuses(connection).await? {
        let status = status.to_text();
        let known = |status: &str| UserStatus::from_stored(status).map(UserStatus::as_str);
        repairs.push(of_status(EntityKind::User, ("users", "email"), (id, key), status, known));
    }
    Ok(repairs)
}

/// A status that is missing has no way out but what people decide.
fn of_status(
    entity: EntityKind,
    (table, column): (&str, &str),
    (id, key): (Id, Stored<String>),
    status: Option<String>,
    known: impl Fn(&str) -> Option<&'static str>,
) -> Repair {
    let own = status.as_deref().and_then(|status| known(&status.trim().to_lowercase()));
    let row = || row_of(column, &key, id);
    let way_out = own.and_then(|own| Some(Hint::from(format!("UPDATE {table} SET status = '{own}' WHERE {}", row()?))));
    let value = status.map_or_else(|| "no status".to_owned(), |status| format!("the status {}", with_blanks(&status)));
    Repair { entity, value, way_out, name: key.or_id(id) }
}
