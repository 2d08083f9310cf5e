//! Retiring products and restoring them, all or none. A retired product cannot be ordered; what was ordered stays as it
//! is.

use super::operation::{Operation, Operations, Request};
use super::price;
use super::product::{Changed, Model};
use crate::domain::EventName;
use crate::entity::Moment;
use crate::error::Result;
use crate::repository;

/// Whether products can be ordered from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retirement {
    /// They cannot be ordered.
    Retire,
    /// They can be ordered again.
    Restore,
}

/// Retires or restores products read before, in one operation; those that are so already stay unchanged.
///
/// Errors: exit 3 if a product is gone.
pub async fn run(operations: &Operations, products: &[Model], wanted: Retirement) -> Result<Vec<Changed>> {
    let name = match wanted {
        Retirement::Retire => EventName::ProductRetire,
        Retirement::Restore => EventName::ProductRestore,
    };
    let body = async |operation: &mut Operation| apply(operation, products, wanted).await;
    operations.run(&Request::new(name), body).await?.done()
}

/// Retires or restores products on an open operation. The result has the order of `products`.
pub async fn apply(operation: &mut Operation, products: &[Model], wanted: Retirement) -> Result<Vec<Changed>> {
    if let [only] = products {
        operation.set_subject(only.id)?;
    }
    let now = operation.now();
    let retired_at = match wanted {
        Retirement::Retire => Moment::from(now),
        Retirement::Restore => Moment::Missing,
    };
    let change = |before: Model| match before.is_retired() == (wanted == Retirement::Retire) {
        true => Changed { after: before.clone(), before, changed: false },
        false => {
            let after = Model { retired_at: retired_at.clone(), updated_at: now.into(), ..before.clone() };
            Changed { before, after, changed: true }
        }
    };
    let locked = price::lock(operation, products, false).await?;
    let results: Vec<Changed> = locked.into_iter().map(change).collect();
    let changed = results.iter().filter(|result| result.changed);
    let pairs: Vec<_> = changed.map(|result| (result.before.clone(), result.after.clone())).collect();
    for change in repository::product::update_many(operation.handle(), &pairs).await? {
        operation.record(change);
    }
    Ok(results)
}
