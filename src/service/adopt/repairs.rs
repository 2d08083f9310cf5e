//! Values that differ from shopctl's own only in the case of their letters, and stocks that are none, each with what
//! mends it.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use crate::domain::{EntityKind, OrderStatus, UserStatus};
use crate::entity::product;
use crate::error::{CommandLine, Hint, Result};
use crate::repository::{Lock, adoption, user};

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
    repairs.extend(of_statuses(connection).await?);
    repairs.extend(of_stocks(connection).await?);
    Ok(repairs)
}

async fn of_emails(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let canonical = |email: &str| email.trim().to_lowercase();
    let mut foreign = user::find_foreign_emails(connection).await?;
    foreign.retain(|email| canonical(email) != *email);
    let wanted: Vec<String> = foreign.iter().map(|email| canonical(email)).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let there = user::find_by_emails(connection, &wanted, Lock::None).await?;
    let mut taken: HashSet<String> = there.into_iter().map(|user| user.email).collect();
    let repair = |email: String| {
        let own = canonical(&email);
        // Of several spellings one can have the address.
        let is_free = taken.insert(own.clone());
        let command = || CommandLine::new("user update").argument(&email).option("--email", &own);
        Repair {
            entity: EntityKind::User,
            value: if is_free {
                "capitals or blanks in its address".to_owned()
            } else {
                format!("another user's address, {own}")
            },
            way_out: is_free.then(|| command().into()),
            name: email,
        }
    };
    Ok(foreign.into_iter().map(repair).collect())
}

/// What is no stock becomes the sum of the movements.
async fn of_stocks(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let odd = adoption::find_odd_stocks(connection).await?;
    if odd.is_empty() {
        return Ok(Vec::new());
    }
    let sums = adoption::find_sums(connection).await?;
    let repair = |product: product::Model| {
        let moved = sums.get(&product.id).copied().unwrap_or(0).max(0);
        let set = format!("UPDATE products SET stock_quantity = {moved}");
        Repair {
            entity: EntityKind::Product,
            value: format!("the stock {}", product.stock_quantity),
            way_out: where_key_is("sku", &product.sku).map(|key| Hint::from(format!("{set} WHERE {key}"))),
            name: product.sku,
        }
    };
    Ok(odd.into_iter().map(repair).collect())
}

/// `sku = 'MUG'`, as a literal on which all engines agree; `None` for others.
fn where_key_is(column: &str, key: &str) -> Option<String> {
    let is_plain = key.chars().all(|letter| letter != '\\' && !letter.is_control());
    is_plain.then(|| format!("{column} = '{}'", key.replace('\'', "''")))
}

async fn of_statuses(connection: &impl ConnectionTrait) -> Result<Vec<Repair>> {
    let mut repairs = Vec::new();
    for (reference, status) in adoption::find_unknown_order_statuses(connection).await? {
        let known = OrderStatus::from_stored(&status.trim().to_lowercase()).map(OrderStatus::as_str);
        repairs.push(of_status(EntityKind::Order, ("orders", "reference", reference), &status, known));
    }
    for (email, status) in adoption::find_unknown_user_statuses(connection).await? {
        let known = UserStatus::from_stored(&status.trim().to_lowercase()).map(UserStatus::as_str);
        repairs.push(of_status(EntityKind::User, ("users", "email", email), &status, known));
    }
    Ok(repairs)
}

fn of_status(
    entity: EntityKind,
    (table, key, name): (&str, &str, String),
    status: &str,
    known: Option<&'static str>,
) -> Repair {
    let way_out = known
        .zip(where_key_is(key, &name))
        .map(|(known, row)| Hint::from(format!("UPDATE {table} SET status = '{known}' WHERE {row}")));
    Repair { entity, value: format!("the status {status}"), way_out, name }
}
