//! Stock movements that another program removed: they moved the stock all the same.

use std::collections::BTreeMap;

use crate::domain::{EntityKind, Id};
use crate::service::explain::Difference;

/// Pieces of movements, by product as it is shown.
#[derive(Default)]
pub(super) struct RemovedMovements {
    missing: BTreeMap<String, Vec<i64>>,
    /// Those that are elsewhere, or of another time.
    strays: BTreeMap<String, Vec<i64>>,
}

impl RemovedMovements {
    pub fn note(&mut self, difference: &Difference) {
        match difference {
            Difference::Foreign(row) => {
                for movement in &row.removed {
                    let is_of_product = row.entity == EntityKind::Product;
                    let product = if is_of_product { row.id.to_string() } else { movement.product.clone() };
                    self.missing.entry(product).or_default().push(movement.pieces);
                }
            }
            Difference::Stray { movement, .. } => {
                let Some(found) = &movement.found else { return };
                if let (Some(product), Some(pieces)) = (found["product_id"].as_str(), found["delta"].as_i64()) {
                    self.strays.entry(product.to_owned()).or_default().push(pieces);
                }
            }
            Difference::Absorbed(_) | Difference::Wrong { .. } => {}
        }
    }

    /// The pieces of those of a product's movements that are gone.
    pub fn take(&mut self, product: Id) -> Vec<i64> {
        let product = product.to_string();
        let mut strays = self.strays.remove(&product).unwrap_or_default();
        let mut missing = self.missing.remove(&product).unwrap_or_default();
        missing.retain(|pieces| match strays.iter().position(|stray| stray == pieces) {
            Some(place) => {
                strays.swap_remove(place);
                false
            }
            None => true,
        });
        missing
    }
}
