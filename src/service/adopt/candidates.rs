//! What there may be to take in, found without locks.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::Told;
use crate::domain::Id;
use crate::entity::{order, product, stock_movement, user};
use crate::error::Result;
use crate::repository::{self, adoption, invariant, trail};
use crate::service::explain::{AuditedEntity, Difference, FINDINGS_MAX, ROWS_AT_ONCE, compare_all};

/// The ids of rows, sorted, that differ from their events or lack something.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    pub users: Vec<Id>,
    pub removed_users: Vec<Id>,
    pub products: BTreeSet<Id>,
    pub removed_products: Vec<Id>,
    pub orders: Vec<Id>,
    pub removed_orders: Vec<Id>,
    pub movements: Vec<Id>,
    pub removed_movements: Vec<Id>,
    pub totals_of_zero: BTreeSet<Id>,
    /// The orders with these totals.
    pub references_of_zero: Vec<String>,
    /// Rows that cannot be taken in, the first [`FINDINGS_MAX`] of each kind.
    pub wrong: Vec<Told>,
    /// Whether all that is to be done is to set totals.
    has_only_totals: bool,
}

impl Candidates {
    pub async fn find(connection: &impl ConnectionTrait, reads_hashes: bool) -> Result<Candidates> {
        let mut wrong = Vec::new();
        let (users, removed_users) = of::<user::Entity>(connection, reads_hashes, &mut wrong).await?;
        let (mut products, removed_products) = of::<product::Entity>(connection, reads_hashes, &mut wrong).await?;
        let (mut orders, mut removed_orders) = of::<order::Entity>(connection, reads_hashes, &mut wrong).await?;
        let (movements, removed_movements) = of::<stock_movement::Entity>(connection, reads_hashes, &mut wrong).await?;
        let movements: Vec<Id> = movements.into_iter().collect();
        for some in movements.chunks(ROWS_AT_ONCE as usize) {
            let select = stock_movement::Entity::select(reads_hashes);
            let rows = trail::find(connection, select, stock_movement::Entity::ID, some).await?;
            orders.extend(rows.into_iter().filter_map(|movement| movement.order_id.present()));
        }
        let differences = repository::product::find_stock_differences(connection, &[]).await?;
        products.extend(differences.into_iter().filter_map(|product| product.id.present()));
        orders.extend(invariant::find_orders_with_unmoved_lines(connection).await?);
        orders.extend(invariant::find_orders_without_their_refund(connection).await?);
        let left = adoption::find_movements_of_removed_orders(connection).await?;
        removed_orders.extend(left.into_iter().map(|(order, ..)| order));
        let totals_of_zero: BTreeSet<Id> =
            adoption::find_orders_with_total_of_zero(connection).await?.into_iter().collect();
        let zero: Vec<Id> = totals_of_zero.iter().copied().collect();
        let references = repository::order::find_references(connection, &zero).await?;
        let sets = [&users, &removed_users, &products, &removed_products, &orders, &removed_orders, &removed_movements];
        let has_only_totals = movements.is_empty() && sets.iter().all(|ids| ids.is_empty());
        orders.extend(&totals_of_zero);
        Ok(Candidates {
            users: users.into_iter().collect(),
            removed_users: removed_users.into_iter().collect(),
            products,
            removed_products: removed_products.into_iter().collect(),
            orders: orders.into_iter().collect(),
            removed_orders: removed_orders.into_iter().collect(),
            movements,
            removed_movements: removed_movements.into_iter().collect(),
            totals_of_zero,
            references_of_zero: references.into_iter().map(|(id, reference)| reference.or_id(id)).collect(),
            wrong,
            has_only_totals,
        })
    }

    /// Adds the orders that came or changed since the others were found, while the stock is locked: what they took from
    /// it would have no reason. Returns them.
    pub async fn add_later_orders(
        &mut self,
        connection: &impl ConnectionTrait,
        since: DateTime<Utc>,
    ) -> Result<Vec<Id>> {
        let mut later: BTreeSet<Id> =
            invariant::find_orders_with_unmoved_lines(connection).await?.into_iter().collect();
        later.extend(adoption::find_orders_changed_since(connection, since).await?);
        let known: BTreeSet<Id> = self.orders.iter().copied().collect();
        let later: Vec<Id> = later.difference(&known).copied().collect();
        self.orders.extend(&later);
        Ok(later)
    }

    /// Adds the locked products whose stock is not the sum of their movements.
    pub fn add_products_that_differ(&mut self, locked: &[product::Model], sums: &HashMap<Id, i64>) {
        let differs = |product: &&product::Model| {
            let moved = sums.get(&product.id).copied().unwrap_or(0);
            product.stock_quantity.known().is_none_or(|stock| i64::from(stock) != moved)
        };
        self.products.extend(locked.iter().filter(differs).filter_map(|product| product.id.present()));
    }

    pub fn is_empty(&self, sets_totals: bool) -> bool {
        self.has_only_totals && (!sets_totals || self.totals_of_zero.is_empty())
    }
}

/// The rows that another program wrote or changed, and those that it removed.
async fn of<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    reads_hashes: bool,
    wrong: &mut Vec<Told>,
) -> Result<(BTreeSet<Id>, BTreeSet<Id>)> {
    let (mut written, mut removed, mut told) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut note = |difference| match difference {
        Difference::Foreign(row) => {
            let ids = if row.found.is_some() { &mut written } else { &mut removed };
            ids.insert(row.id);
        }
        // The row may be there or not.
        Difference::Absorbed(row) => {
            written.insert(row.id);
            removed.insert(row.id);
        }
        Difference::Stray { of, .. } => drop(written.insert(of)),
        Difference::Wrong { entity, name, what, repair, .. } if told < FINDINGS_MAX => {
            let mend = repair.map(|repair| format!("; to write it back, in the database's own client: {repair}"));
            wrong.push(Told { entity, name, what: what + &mend.unwrap_or_default() });
            told += 1;
        }
        Difference::Wrong { .. } => {}
    };
    let _rows = compare_all::<E>(connection, reads_hashes, &mut note).await?;
    Ok((written, removed))
}
