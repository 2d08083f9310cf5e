//! Taking in what other programs wrote, changed or removed: an event for each row, movements for the lines of their
//! orders, and for each product one movement that makes its movements come to its stock. The stock stays.
//!
//! What there is to do is looked up in a snapshot first, then once more with the rows locked, in one transaction.

mod candidates;
mod orders;
mod products;
mod repairs;

use std::collections::{BTreeMap, HashMap};

use sea_orm::ConnectionTrait;
use serde_json::Value as Json;

use self::candidates::Candidates;
pub use self::repairs::{Repair, find_repairs};
use super::explain::{AuditedEntity, Difference, FINDINGS_MAX, ForeignRow, ROWS_AT_ONCE, compare, missing};
use super::operation::{Operation, Operations, Request};
use crate::domain::{EntityKind, EventName, Id};
use crate::entity::{order, product, stock_movement, user};
use crate::error::{Result, printable};
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
    /// What could not be taken in, and why.
    pub left: Vec<Told>,
    /// Lines whose order or product is gone, and orders whose user is; the first [`FINDINGS_MAX`] of either.
    pub lost: Vec<Told>,
}

impl Adoption {
    /// The number of rows that were taken in.
    pub fn count(&self) -> u64 {
        self.users.all() + self.products.all() + self.orders.all()
    }

    fn counts(&mut self, entity: EntityKind) -> &mut Counts {
        match entity {
            EntityKind::User => &mut self.users,
            EntityKind::Product => &mut self.products,
            _ => &mut self.orders,
        }
    }

    fn leave(&mut self, entity: EntityKind, name: &str, why: impl Into<String>) {
        self.left.push(Told { entity, name: name.to_owned(), what: why.into() });
    }
}

/// How many pieces another program sold beyond what there was: `moved` is the sum of a product's movements, `None`
/// when it has none, and `sold` what no movement took.
pub fn oversold(stock: i64, moved: Option<i64>, sold: i64) -> i64 {
    moved.map_or(0, |moved| sold - moved).max(-stock).max(0)
}

/// Takes in all rows of other programs; with `sets_totals` totals of 0 become the sums of their lines.
///
/// Nothing is written if there is nothing to take in.
/// Errors: those of the database.
pub async fn run(operations: &Operations, sets_totals: bool) -> Result<Adoption> {
    let database = &operations.database;
    let reads_hashes = repository::user::may_read_hashes(database.connection()).await?;
    let snapshot = database.snapshot().await?;
    let candidates = Candidates::find(&snapshot, reads_hashes).await?;
    let lost = lost(&snapshot).await?;
    snapshot.rollback().await?;
    if candidates.is_empty(sets_totals) {
        let (totals_of_zero, left) = (candidates.references_of_zero, candidates.without_id);
        return Ok(Adoption { totals_of_zero, left, lost, ..Adoption::default() });
    }
    let request = Request { is_serialized: true, ..Request::new(EventName::Adopted) };
    let body = async |operation: &mut Operation| apply(operation, &candidates, reads_hashes, sets_totals).await;
    let adoption = operations.run(&request, body).await?.done()?;
    Ok(Adoption { lost, ..adoption })
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
            (EntityKind::Order, Some(_)) => format!("is gone, its line {} is left", printable(&row.id.to_string())),
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
    movements: Vec<stock_movement::Model>,
    /// The pieces of the new movements of orders, by product.
    of_orders: BTreeMap<Id, i64>,
    /// Those that open and fulfilled orders took.
    sold: BTreeMap<Id, i64>,
}

impl Work {
    /// Adds a change of a row, with what is said about it.
    fn take(&mut self, row: ForeignRow, rows: u64) {
        let ForeignRow { entity, id, name, what, known, found } = row;
        let counts = self.adoption.counts(entity);
        match (&known, &found) {
            (None, _) => counts.made += 1,
            (_, Some(_)) => counts.changed += 1,
            (_, None) => counts.removed += 1,
        }
        if self.adoption.rows.len() < FINDINGS_MAX {
            self.adoption.rows.push(Told { entity, name, what });
        }
        self.changes.push(Change { entity, id, before: known, after: found, rows });
    }

    fn note(&mut self, entity: EntityKind, differences: Vec<Difference>) -> HashMap<Id, ForeignRow> {
        let mut foreign = HashMap::new();
        for difference in differences {
            match difference {
                Difference::Foreign(row) => drop(foreign.insert(row.id, row)),
                Difference::Wrong { name, what, .. } => self.adoption.leave(entity, &name, what),
            }
        }
        foreign
    }
}

async fn apply(
    operation: &mut Operation,
    candidates: &Candidates,
    reads_hashes: bool,
    sets_totals: bool,
) -> Result<Adoption> {
    // All rows are locked before anything else is read: MySQL's snapshot begins with the first plain read.
    let users = lock::<user::Entity>(operation, &candidates.users, reads_hashes).await?;
    let orders = lock::<order::Entity>(operation, &candidates.orders, reads_hashes).await?;
    let products = adoption::lock_products(operation.handle()).await?;

    let mut work = Work::default();
    work.adoption.left.clone_from(&candidates.without_id);
    let users = differences::<user::Entity>(operation, users).await?;
    let users = work.note(EntityKind::User, users);
    candidates.users.iter().filter_map(|id| users.get(id)).for_each(|row| work.take(row.clone(), 0));
    take_removed::<user::Entity>(operation, &mut work, &candidates.removed_users).await?;
    orders::take(operation, &mut work, candidates, orders, &products, sets_totals).await?;
    products::take(operation, &mut work, candidates, products).await?;
    take_removed::<product::Entity>(operation, &mut work, &candidates.removed_products).await?;

    work.adoption.movements = work.movements.len() as u64;
    // The changes cover them.
    let _covered = repository::stock_movement::create_many(operation.handle(), &work.movements).await?;
    work.changes.into_iter().for_each(|change| operation.record(change));
    Ok(work.adoption)
}

/// Locks rows against other writers until the transaction ends, in the order of their ids.
async fn lock<E: AuditedEntity>(operation: &Operation, ids: &[Id], reads_hashes: bool) -> Result<Vec<E::Model>> {
    let mut locked = Vec::with_capacity(ids.len());
    for some in ids.chunks(ROWS_AT_ONCE as usize) {
        locked.extend(trail::find_for_update(operation.handle(), E::select(reads_hashes), E::ID, some).await?);
    }
    Ok(locked)
}

/// How locked rows differ from their events.
async fn differences<E: AuditedEntity>(operation: &Operation, mut rows: Vec<E::Model>) -> Result<Vec<Difference>> {
    let generated = trail::find_generated(operation.handle(), E::default().table_name()).await?;
    let mut found = Vec::new();
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(ROWS_AT_ONCE as usize));
        let subjects = E::subjects(operation.handle(), rows).await?;
        compare::<E>(operation.handle(), &subjects, &generated, &mut |difference| found.push(difference)).await?;
        rows = rest;
    }
    Ok(found)
}

/// Takes in that rows are gone. Returns those that were.
async fn take_removed<E: AuditedEntity>(operation: &Operation, work: &mut Work, ids: &[Id]) -> Result<Vec<ForeignRow>> {
    let mut removed = Vec::new();
    for some in ids.chunks(ROWS_AT_ONCE as usize) {
        let there = trail::find_existing(operation.handle(), E::ID, some).await?;
        let gone: Vec<Id> = some.iter().copied().filter(|id| !there.contains(id)).collect();
        let mut found = Vec::new();
        missing::<E>(operation.handle(), &gone, &mut |difference| found.push(difference)).await?;
        removed.extend(work.note(E::KIND, found).into_values());
    }
    if E::KIND != EntityKind::Order {
        removed.iter().for_each(|row| work.take(row.clone(), 0));
    }
    Ok(removed)
}

/// A line in an event.
fn line(product: Id, sku: Option<&str>, quantity: i64) -> Json {
    serde_json::json!({ "sku": sku, "product_id": product, "quantity": quantity })
}

/// The quantity of a movement, if it can be one.
fn pieces(sum: i64) -> Option<i32> {
    i32::try_from(sum).ok()
}
