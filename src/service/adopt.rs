//! Taking in what other programs wrote, changed or removed: an event for each row, movements for the lines of their
//! orders, and for each product one movement that makes its movements come to its stock. The stock stays.
//!
//! What there is to do is looked up in a snapshot first, then once more with the rows locked, in one transaction. Other
//! programs go on selling between the two: once the stock is locked, it is looked up which orders came or changed.

mod candidates;
mod open;
mod orders;
mod products;
mod removed;
mod repairs;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use serde_json::Value as Json;

use self::candidates::Candidates;
use self::removed::RemovedMovements;
pub use self::repairs::{Repair, find_repairs};
use super::explain::{
    AuditedEntity, Difference, FINDINGS_MAX, ForeignRow, ROWS_AT_ONCE, compare, missing, record_removed,
};
use super::operation::{Operation, Operations, Request};
use super::twins;
use crate::domain::{EntityKind, EventName, Id};
use crate::entity::{order, product, stock_movement, user};
use crate::error::{Result, printable};
use crate::repository::order::Refund;
use crate::repository::{self, Change, adoption, trail};

/// How many rows of one kind were taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Another program made them.
    pub made: u64,
    /// Another program changed them, or left out their movements or total.
    pub changed: u64,
    /// Another program removed them.
    pub removed: u64,
}

impl Counts {
    /// Their sum.
    pub fn all(self) -> u64 {
        self.made + self.changed + self.removed
    }
}

/// A row and what is said about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// What kind of row it is.
    pub entity: EntityKind,
    /// E-mail address, SKU or reference.
    pub name: String,
    /// What is said about it.
    pub what: String,
}

/// What was taken in.
#[derive(Debug, Clone, Default)]
pub struct Adoption {
    /// Users that were taken in.
    pub users: Counts,
    /// Products that were taken in.
    pub products: Counts,
    /// Orders that were taken in.
    pub orders: Counts,
    /// Stock movements that were taken in.
    pub foreign_movements: Counts,
    /// The first [`FINDINGS_MAX`] of these rows.
    pub rows: Vec<Told>,
    /// Stock movements that were recorded.
    pub movements: u64,
    /// Totals of 0 that were set.
    pub totals_set: u64,
    /// Orders whose total is 0 although their lines have prices, by reference.
    pub totals_of_zero: Vec<String>,
    /// Products of which another program sold more pieces than there were, by SKU.
    pub oversold: Vec<(String, i64)>,
    /// Products of which another program removed stock movements, by SKU, with their number.
    pub removed_movements: Vec<(String, usize)>,
    /// What could not be taken in, and why.
    pub left: Vec<Told>,
    /// Lines whose order or product is gone, and orders whose user is; the first [`FINDINGS_MAX`] of either.
    pub lost: Vec<Told>,
}

impl Adoption {
    /// The number of rows that were taken in.
    pub fn count(&self) -> u64 {
        self.users.all() + self.products.all() + self.orders.all() + self.foreign_movements.all()
    }

    fn counts(&mut self, entity: EntityKind) -> &mut Counts {
        match entity {
            EntityKind::User => &mut self.users,
            EntityKind::Product => &mut self.products,
            EntityKind::Movement => &mut self.foreign_movements,
            _ => &mut self.orders,
        }
    }
}

/// How many pieces another program sold beyond what there was: `moved` is the sum of a product's movements, `None`
/// when it has none, and `sold` what no movement took.
pub fn oversold(stock: i64, moved: Option<i64>, sold: i64) -> i64 {
    moved.map_or(0, |moved| sold - moved).max(-stock).max(0)
}

/// How far the clocks of the machines may be apart, one of which says when a row changed.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// Takes in all rows of other programs; with `sets_totals` totals of 0 become the sums of their lines.
///
/// Nothing is written if there is nothing to take in.
/// Errors: exit 6 if several rows have the same id; those of the database.
pub async fn run(operations: &Operations, sets_totals: bool) -> Result<Adoption> {
    let database = &operations.database;
    let reads_hashes = repository::user::may_read_hashes(database.connection()).await?;
    let since = operations.clock.now() - CLOCKS_DIFFER;
    let snapshot = database.snapshot().await?;
    twins::refuse::<user::Entity>(&snapshot, operations.ids, snapshot.id_form()).await?;
    twins::refuse::<product::Entity>(&snapshot, operations.ids, snapshot.id_form()).await?;
    twins::refuse::<order::Entity>(&snapshot, operations.ids, snapshot.id_form()).await?;
    twins::refuse::<stock_movement::Entity>(&snapshot, operations.ids, snapshot.id_form()).await?;
    let candidates = Candidates::find(&snapshot, reads_hashes).await?;
    let lost = lost(&snapshot).await?;
    snapshot.rollback().await?;
    if candidates.is_empty(sets_totals) {
        let left = open::find(database.connection(), candidates.wrong).await?;
        return Ok(Adoption { totals_of_zero: candidates.references_of_zero, left, lost, ..Adoption::default() });
    }
    let request = Request { is_serialized: true, ..Request::new(EventName::Adopted) };
    let body = async |operation: &mut Operation| {
        let mut taker = Taker { operation, operations, request: &request, reads_hashes };
        taker.apply(candidates.clone(), since, sets_totals).await
    };
    let adoption = operations.run(&request, body).await?.done()?;
    let left = open::find(database.connection(), candidates.wrong).await?;
    Ok(Adoption { left, lost, ..adoption })
}

/// What has lost what it belongs to.
async fn lost(connection: &impl ConnectionTrait) -> Result<Vec<Told>> {
    let told = |row: adoption::LostRow| {
        let (id, gone) = (row.gone_id.present(), row.gone);
        let which = id.map(|id| format!(" {}", printable(&id.to_string()))).unwrap_or_default();
        let what = match (gone, id) {
            (EntityKind::User, None) => "has no user".to_owned(),
            (EntityKind::User, Some(_)) => format!("its user{which} is gone"),
            (EntityKind::Order, None) => format!("line {} has no order", printable(&row.id.to_string())),
            (EntityKind::Order, Some(_)) => format!("is gone, its line {} remains", printable(&row.id.to_string())),
            (_, None) => format!("its line {} has no product", printable(&row.id.to_string())),
            (_, Some(_)) => format!("the product{which} of its line {} is gone", printable(&row.id.to_string())),
        };
        Told { entity: EntityKind::Order, name: row.order, what }
    };
    Ok(adoption::find_lost_rows(connection, FINDINGS_MAX as u64).await?.into_iter().map(told).collect())
}

/// What is being taken in.
#[derive(Default)]
struct Work {
    adoption: Adoption,
    changes: Vec<Change>,
    /// The rows that these changes are of.
    counted: HashSet<Id>,
    movements: Vec<stock_movement::Model>,
    /// What orders that another program refunded lack.
    refunds: Vec<Refund>,
    /// The pieces of the new movements of orders, by product.
    of_orders: BTreeMap<Id, i64>,
    /// Those that open and fulfilled orders took.
    sold: BTreeMap<Id, i64>,
    removed: RemovedMovements,
}

impl Work {
    /// Adds a change of a row, with what is said about it.
    fn take(&mut self, row: ForeignRow, rows: u64) {
        let ForeignRow { entity, id, name, what, known, mut found, removed } = row;
        if let Some(found) = &mut found {
            record_removed(found, &removed);
        }
        if self.counted.insert(id) {
            let counts = self.adoption.counts(entity);
            match (&known, &found) {
                (None, _) => counts.made += 1,
                (_, Some(_)) => counts.changed += 1,
                (_, None) => counts.removed += 1,
            }
        }
        if self.adoption.rows.len() < FINDINGS_MAX {
            self.adoption.rows.push(Told { entity, name, what });
        }
        self.changes.push(Change { entity, id, before: known, after: found, rows });
    }

    /// Adds the changes that later events start from, and movements of the rows; returns the rows that differ from
    /// their events.
    fn note(&mut self, differences: Vec<Difference>) -> HashMap<Id, ForeignRow> {
        let mut foreign = HashMap::new();
        for difference in differences {
            self.removed.note(&difference);
            match difference {
                Difference::Foreign(row) => drop(foreign.insert(row.id, row)),
                Difference::Absorbed(row) | Difference::Stray { movement: row, .. } => self.take(row, 0),
                // It is told as what stays open.
                Difference::Wrong { .. } => {}
            }
        }
        foreign
    }
}

/// Takes rows in, some at a time, so that memory does not grow with their number.
struct Taker<'a> {
    operation: &'a mut Operation,
    operations: &'a Operations,
    request: &'a Request,
    reads_hashes: bool,
}

impl Taker<'_> {
    async fn apply(&mut self, mut candidates: Candidates, since: DateTime<Utc>, sets_totals: bool) -> Result<Adoption> {
        // All rows are locked before anything else is read: MySQL's snapshot begins with the first plain read.
        self.lock::<user::Entity>(&candidates.users).await?;
        self.lock::<order::Entity>(&candidates.orders).await?;
        let products = adoption::lock_products(self.operation.handle()).await?;
        // Before movements are written.
        let sums = adoption::find_sums(self.operation.handle()).await?;
        let later = candidates.add_later_orders(self.operation.handle(), since).await?;
        self.lock::<order::Entity>(&later).await?;
        candidates.add_products_that_differ(&products, &sums);

        let mut work = Work::default();
        self.take_alone::<user::Entity>(&mut work, &candidates.users).await?;
        self.take_removed::<user::Entity>(&mut work, &candidates.removed_users).await?;
        self.take_alone::<stock_movement::Entity>(&mut work, &candidates.movements).await?;
        self.take_removed::<stock_movement::Entity>(&mut work, &candidates.removed_movements).await?;
        orders::take(self, &mut work, &candidates, &products, sets_totals).await?;
        products::take(self, &mut work, &candidates, &products, &sums).await?;
        self.take_removed::<product::Entity>(&mut work, &candidates.removed_products).await?;
        Ok(work.adoption)
    }

    /// Takes in rows for which nothing else is to be written.
    async fn take_alone<E: AuditedEntity>(&mut self, work: &mut Work, ids: &[Id]) -> Result<()> {
        for some in ids.chunks(ROWS_AT_ONCE as usize) {
            let rows = self.find::<E>(some).await?;
            let found = self.differences::<E>(rows).await?;
            let found = work.note(found);
            some.iter().filter_map(|id| found.get(id)).for_each(|row| work.take(row.clone(), 0));
            self.write(work).await?;
        }
        Ok(())
    }

    /// Locks rows against other writers until the transaction ends, in the order of their ids.
    async fn lock<E: AuditedEntity>(&self, ids: &[Id]) -> Result<()> {
        for some in ids.chunks(ROWS_AT_ONCE as usize) {
            let select = E::select(self.reads_hashes);
            let _locked = trail::find_for_update(self.operation.handle(), select, E::ID, some).await?;
        }
        Ok(())
    }

    /// Locked rows, in the order of their ids.
    async fn find<E: AuditedEntity>(&self, ids: &[Id]) -> Result<Vec<E::Model>> {
        trail::find(self.operation.handle(), E::select(self.reads_hashes), E::ID, ids).await
    }

    /// How locked rows differ from their events.
    async fn differences<E: AuditedEntity>(&self, rows: Vec<E::Model>) -> Result<Vec<Difference>> {
        let handle = self.operation.handle();
        let generated = E::generated(handle).await?;
        let subjects = E::subjects(handle, rows).await?;
        let mut found = Vec::new();
        compare::<E>(handle, &subjects, &generated, &mut |difference| found.push(difference)).await?;
        Ok(found)
    }

    /// Those of the ids whose rows are gone though no event deleted them.
    async fn removed<E: AuditedEntity>(&self, work: &mut Work, ids: &[Id]) -> Result<Vec<ForeignRow>> {
        let there = trail::find_existing(self.operation.handle(), E::ID, ids).await?;
        let gone: Vec<Id> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        let handle = self.operation.handle();
        let generated = E::generated(handle).await?;
        let mut found = Vec::new();
        missing::<E>(handle, &gone, &generated, &mut |difference| found.push(difference)).await?;
        Ok(work.note(found).into_values().collect())
    }

    /// Takes in that rows are gone which nothing else belongs to.
    async fn take_removed<E: AuditedEntity>(&mut self, work: &mut Work, ids: &[Id]) -> Result<()> {
        for some in ids.chunks(ROWS_AT_ONCE as usize) {
            let removed = self.removed::<E>(work, some).await?;
            removed.into_iter().for_each(|row| work.take(row, 0));
            self.write(work).await?;
        }
        Ok(())
    }

    /// Writes the movements and events of what was taken in since the last call.
    async fn write(&mut self, work: &mut Work) -> Result<()> {
        let movements = std::mem::take(&mut work.movements);
        work.adoption.movements += movements.len() as u64;
        // The changes cover them.
        let _covered = repository::stock_movement::create_many(self.operation.handle(), &movements).await?;
        let refunds = std::mem::take(&mut work.refunds);
        let _covered = repository::order::create_refunds(self.operation.handle(), refunds.iter()).await?;
        work.counted.clear();
        work.changes.drain(..).for_each(|change| self.operation.record(change));
        self.operation.write_events(self.operations, self.request).await
    }
}

/// A line in an event.
fn line(product: Id, sku: Option<&str>, quantity: i64) -> Json {
    serde_json::json!({ "sku": sku, "product_id": product, "quantity": quantity })
}
