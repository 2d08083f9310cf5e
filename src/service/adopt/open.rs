//! What cannot be taken in until people have decided, as it is after the taking in: the same each time.

use sea_orm::ConnectionTrait;

use super::{FINDINGS_MAX, Told};
use crate::domain::EntityKind;
use crate::error::Result;
use crate::repository::adoption;

/// What the audit trail finds wrong, stocks that are no numbers, and lines that get no movement.
pub(super) async fn find(connection: &impl ConnectionTrait, wrong: Vec<Told>) -> Result<Vec<Told>> {
    let mut open = wrong;
    let odd = adoption::find_odd_stocks(connection).await?;
    if !odd.is_empty() {
        let sums = adoption::find_sums(connection).await?;
        open.extend(odd.into_iter().map(|product| {
            let moved = sums.get(&product.id).copied().unwrap_or(0);
            let what = format!("its stock is {}, but its movements add up to {moved}", product.stock_quantity.told());
            Told { entity: EntityKind::Product, name: product.sku.or_id(product.id), what }
        }));
    }
    let lines = adoption::find_lines_without_pieces(connection, FINDINGS_MAX as u64).await?;
    open.extend(lines.into_iter().map(|(order, quantity)| {
        let what = format!("a line of {} units gets no movement", quantity.told());
        Told { entity: EntityKind::Order, name: order, what }
    }));
    Ok(open)
}
