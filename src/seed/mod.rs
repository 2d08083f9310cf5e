//! Versioned seeds: data for development and tests, applied once and reversible.
//!
//! A seed is one operation: all of it or nothing. Rows go by natural key (DL-001): absent → create,
//! different → update, equal → unchanged; orders are created or left alone.

mod export;
mod file;
pub mod generate;
mod raw_product;

use std::collections::HashMap;

use crate::db::write::WriteHandle;
use crate::domain::order_status::{Verb, path_to};
use crate::domain::{EntityKind, EventName, Id, MovementReason, Outcome, named_enum};
use crate::entity::{Moment, Stored, order, order_item, seed, seed_row, stock_movement};
use crate::error::{CommandLine, Error, Hint, Result};
use crate::repository;
use crate::repository::user::{Lock, UserKey};
use crate::service::operation::{Operation, Operations, Request};
use crate::service::order_lifecycle::{self, OrderTransition, Restock};
use crate::service::{place_order, product, user};

pub use export::{ExportSelection, export};
pub use file::Seed;
use file::{SeedOrder, SeedRefund, SeedUser};

/// The embedded seeds, oldest first.
const EMBEDDED: [(&str, &str); 2] = [
    ("20260101000001_catalogue", include_str!("../../seeds/20260101000001_catalogue.toml")),
    ("20260101000002_demo", include_str!("../../seeds/20260101000002_demo.toml")),
];

named_enum! {
    /// The state of a seed.
    pub enum State {
        Pending = "pending",
        Applied = "applied",
        /// Applied, but the file has changed since.
        Edited = "edited",
    }
}

/// A seed and its history.
#[derive(Debug, Clone)]
pub struct SeedStatus {
    pub seed: Seed,
    pub state: State,
    pub history: Option<seed::Model>,
}

/// The result of applying a seed.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    pub name: String,
    pub created: i32,
    pub updated: i32,
    pub unchanged: i32,
    /// Whether it was skipped, because it is already applied.
    pub skipped: bool,
    /// The rows that were created.
    rows: Vec<seed_row::Model>,
}

/// The result of undoing a seed.
#[derive(Debug, Clone, Default)]
pub struct Reverted {
    pub deleted: u32,
    /// Rows that are referenced or were changed since, by entity and natural key.
    pub kept: Vec<String>,
    kept_rows: Vec<Id>,
}

/// The embedded seeds, oldest first.
pub fn embedded() -> Result<Vec<Seed>> {
    EMBEDDED.iter().map(|(name, text)| Seed::parse(name, text)).collect()
}

/// Finds a seed by its name, with or without the timestamp. Errors: exit 3.
pub fn find<'a>(seeds: &'a [Seed], name: &str) -> Result<&'a Seed> {
    let is_named =
        |seed: &&Seed| seed.name == name || seed.name.split_once('_').is_some_and(|(_, short)| short == name);
    seeds.iter().find(is_named).ok_or_else(|| {
        Error::not_found("seed", name).hint(Hint::from("to list the seeds: ").and(CommandLine::new("seed status")))
    })
}

/// Every seed with its state; read-only.
pub async fn status(connection: &impl sea_orm::ConnectionTrait, seeds: &[Seed]) -> Result<Vec<SeedStatus>> {
    let history = repository::seed::find_all(connection).await?;
    let status = seeds.iter().map(|seed| {
        let history = history.iter().find(|applied| applied.name == seed.name).cloned();
        let state = match &history {
            None => State::Pending,
            Some(applied) if applied.checksum == seed.checksum => State::Applied,
            Some(_) => State::Edited,
        };
        SeedStatus { seed: seed.clone(), state, history }
    });
    Ok(status.collect())
}

/// Applies a seed in one transaction. An unchanged applied seed is skipped.
///
/// Errors: exit 11 if the seed is not intended for the environment; those of the services.
pub async fn up(operations: &Operations, seed: &Seed, environment: &str) -> Result<Applied> {
    seed.check_environment(environment)?;
    let passwords = hash_passwords(&seed.users)?;
    let request = Request { repeats_on_duplicate: true, ..Request::new(EventName::SeedUp) };
    let body =
        async |operation: &mut Operation| apply(operation, seed, &passwords, environment, &operations.actor).await;
    operations.run(&request, body).await?.done()
}

/// Hashes each distinct password once, because hashing is slow by design.
fn hash_passwords(users: &[SeedUser]) -> Result<Vec<String>> {
    let mut hashes = HashMap::<String, String>::new();
    let mut all = Vec::new();
    for seed_user in users {
        let plain = seed_user.password.expose().to_owned();
        let hash = match hashes.get(&plain) {
            Some(hash) => hash.clone(),
            None => user::hash(&seed_user.password)?,
        };
        hashes.insert(plain, hash.clone());
        all.push(hash);
    }
    Ok(all)
}

async fn apply(
    operation: &mut Operation,
    seed: &Seed,
    passwords: &[String],
    environment: &str,
    actor: &str,
) -> Result<Applied> {
    let history = repository::seed::find_by_name(operation.handle(), &seed.name).await?;
    if history.as_ref().is_some_and(|applied| applied.checksum == seed.checksum) {
        return Ok(Applied { name: seed.name.clone(), skipped: true, ..Applied::default() });
    }
    let mut applied = Applied { name: seed.name.clone(), ..Applied::default() };
    for (seed_user, hash) in seed.users.iter().zip(passwords) {
        applied.user(operation, seed_user, hash).await?;
    }
    for new in &seed.products {
        applied.product(operation, new).await?;
    }
    for order in &seed.orders {
        if repository::order::find_named(operation.handle(), order.reference.as_str(), Lock::None).await?.is_some() {
            applied.unchanged += 1;
            continue;
        }
        let placed = place_order::apply(operation, &order.new).await?;
        for transition in transitions(&placed.order.id.to_string(), order) {
            order_lifecycle::apply(operation, &transition).await?;
        }
        applied.create(EntityKind::Order, placed.order.id);
    }
    for seed_user in &seed.users {
        applied.status(operation, seed_user).await?;
    }
    for new in seed.products.iter().filter(|product| product.is_retired()) {
        applied.retirement(operation, new).await?;
    }
    let created = std::mem::take(&mut applied.rows);
    let now_applied = seed::Model {
        name: seed.name.clone(),
        checksum: seed.checksum.clone().into(),
        environment: environment.into(),
        rows_created: applied.created.into(),
        rows_updated: applied.updated.into(),
        rows_unchanged: applied.unchanged.into(),
        applied_by: actor.into(),
        applied_at: operation.now().into(),
    };
    let change =
        repository::seed::record(operation.handle(), operation.id().into(), history.as_ref(), now_applied, created)
            .await?;
    operation.record(change);
    Ok(applied)
}

/// What happens to a new order until it is as in the seed. Parts that were refunded restock nothing: the stock of the
/// seed is what is left after them.
fn transitions(id: &str, order: &SeedOrder) -> Vec<OrderTransition> {
    let transition = |verb| OrderTransition::new(id.to_owned(), verb);
    let parts = order.refunds.iter().map(|SeedRefund { scope, reason }| OrderTransition {
        refund: scope.clone(),
        reason: reason.clone(),
        restock: Restock::Nothing,
        ..transition(Verb::Refund)
    });
    let (rest, steps): (Vec<Verb>, Vec<Verb>) =
        path_to(order.status).into_iter().partition(|verb| *verb == Verb::Refund);
    let rest = rest.into_iter().map(|verb| OrderTransition { restock: Restock::Everything, ..transition(verb) });
    steps.into_iter().map(transition).chain(parts).chain(rest).collect()
}

impl Applied {
    fn row(&self, kind: EntityKind, id: Id) -> seed_row::Model {
        seed_row::Model { seed: self.name.clone(), entity: kind.to_string(), id }
    }

    fn create(&mut self, kind: EntityKind, id: Id) {
        self.rows.push(self.row(kind, id));
        self.created += 1;
    }

    async fn user(&mut self, operation: &mut Operation, seed_user: &SeedUser, hash: &str) -> Result<()> {
        let SeedUser { email, first_name, last_name, .. } = seed_user;
        let found =
            repository::user::find_one(operation.handle(), UserKey::Email(email.as_str()), Lock::Update).await?;
        let Some(before) = found else {
            let new = user::Model::new(email, first_name, last_name, hash.to_owned());
            let user = user::apply_create(operation, new).await?;
            self.create(EntityKind::User, user.id);
            return Ok(());
        };
        // The password is kept: hashes cannot be compared, and it may have been changed since.
        let (first_name, last_name) = (first_name.clone().into(), last_name.clone().into());
        let after = user::Model { first_name, last_name, ..before.clone() };
        if after == before {
            self.unchanged += 1;
            return Ok(());
        }
        let after = user::Model { updated_at: operation.now().into(), ..after };
        let change = repository::user::update(operation.handle(), &before, &after).await?;
        operation.record(change);
        self.updated += 1;
        Ok(())
    }

    /// Sets a user's status, after the orders, because disabled users cannot place any.
    async fn status(&mut self, operation: &mut Operation, seed_user: &SeedUser) -> Result<()> {
        let Some(status) = seed_user.status else { return Ok(()) };
        let who = UserKey::Email(seed_user.email.as_str());
        let found = repository::user::find_one(operation.handle(), who, Lock::Update).await?;
        let Some(before) = found.filter(|user| user.status != status) else { return Ok(()) };
        let after = user::Model { status: status.into(), updated_at: operation.now().into(), ..before.clone() };
        let change = repository::user::update(operation.handle(), &before, &after).await?;
        operation.record(change);
        if !self.rows.contains(&self.row(EntityKind::User, before.id)) {
            self.updated += 1;
        }
        Ok(())
    }

    async fn product(&mut self, operation: &mut Operation, new: &product::Model) -> Result<()> {
        if repository::product::find_by_sku(operation.handle(), &new.sku).await?.is_none() {
            let new = product::Model { retired_at: Moment::Missing, ..new.clone() };
            let product = product::apply_create(operation, new).await?;
            self.create(EntityKind::Product, product.id);
            return Ok(());
        }
        // Stock is not compared, because every order changes it.
        let change = |product: &mut product::Model| {
            let was = product.clone();
            let (id, sku, retired_at) = (was.id, was.sku, was.retired_at);
            let (created_at, updated_at) = (was.created_at, was.updated_at);
            *product = product::Model { id, sku, created_at, updated_at, retired_at, ..new.clone() };
        };
        let changed = product::apply_update(operation, &new.sku, change).await?.changed;
        *(if changed { &mut self.updated } else { &mut self.unchanged }) += 1;
        Ok(())
    }

    /// Retires a product, after the orders, because a retired one cannot be ordered.
    async fn retirement(&mut self, operation: &mut Operation, new: &product::Model) -> Result<()> {
        let retire = |product: &mut product::Model| product.retired_at = new.retired_at.clone();
        let product = product::apply_update(operation, &new.sku, retire).await?;
        if product.changed && !self.rows.contains(&self.row(EntityKind::Product, product.after.id)) {
            self.updated += 1;
        }
        Ok(())
    }
}

/// Errors: exit 6 if the seed is not applied.
pub async fn check_applied(connection: &impl sea_orm::ConnectionTrait, seed: &Seed) -> Result<()> {
    if repository::seed::find_by_name(connection, &seed.name).await?.is_none() {
        let message = format!("seed {} is not applied", seed.name);
        return Err(Error::conflict("seed.not_applied", message).hint(CommandLine::new("seed status")));
    }
    Ok(())
}

/// Undoes a seed: deletes the rows that it created, orders first, and keeps those that are referenced or
/// were changed since; with `force` only referenced ones. Stock is restored through movements.
///
/// Errors: exit 6 if the seed is not applied.
pub async fn down(operations: &Operations, seed: &Seed, force: bool) -> Result<Reverted> {
    let body = async |operation: &mut Operation| {
        check_applied(operation.handle(), seed).await?;
        let rows = repository::seed::find_rows(operation.handle(), &seed.name).await?;
        let mut reverted = Reverted::default();
        for kind in [EntityKind::Order, EntityKind::Product, EntityKind::User] {
            for row in rows.iter().filter(|row| row.entity == kind.as_str()) {
                revert_row(operation, kind, row.id, force, &mut reverted).await?;
            }
        }
        let kept = &reverted.kept_rows;
        let deleted: Vec<_> = rows.iter().filter(|row| !kept.contains(&row.id)).map(|row| row.id).collect();
        // Kept rows still belong to the seed: a later undo may delete them.
        let change = repository::seed::delete(operation.handle(), operation.id().into(), &seed.name, &deleted).await?;
        operation.record(change);
        Ok(reverted)
    };
    operations.run(&Request::new(EventName::SeedDown), body).await?.done()
}

async fn revert_row(
    operation: &mut Operation,
    kind: EntityKind,
    id: Id,
    force: bool,
    reverted: &mut Reverted,
) -> Result<()> {
    let is_changed = !force && was_changed(operation, kind, id).await?;
    let (name, used) = match kind {
        EntityKind::Order => {
            let Some(order) = repository::order::find_by_id(operation.handle(), id).await? else { return Ok(()) };
            if !is_changed {
                revert_order(operation, &order).await?;
            }
            (format!("order {}", order.reference), None)
        }
        EntityKind::Product => {
            let Some(product) = repository::product::find_by_id(operation.handle(), id).await? else { return Ok(()) };
            let delete = async |handle: &WriteHandle| repository::product::delete(handle, &product).await;
            let is_used = !is_changed && delete_fails(operation, delete).await?;
            (format!("product {}", product.sku), is_used.then_some("was ordered"))
        }
        EntityKind::User => {
            let Some(user) = repository::user::find_by_id(operation.handle(), id).await? else { return Ok(()) };
            let delete = async |handle: &WriteHandle| repository::user::delete(handle, &user).await;
            let is_used = !is_changed && delete_fails(operation, delete).await?;
            (format!("user {}", user.email), is_used.then_some("has orders"))
        }
        EntityKind::Movement | EntityKind::Seed | EntityKind::Event | EntityKind::Seal | EntityKind::Operation => {
            return Ok(());
        }
    };
    match if is_changed { Some("changed since") } else { used } {
        Some(why) => {
            reverted.kept.push(format!("{name} ({why})"));
            reverted.kept_rows.push(id);
        }
        None => reverted.deleted += 1,
    }
    Ok(())
}

/// Deletes a row, unless other rows reference it.
async fn delete_fails(
    operation: &mut Operation,
    delete: impl AsyncFn(&WriteHandle) -> Result<repository::Change>,
) -> Result<bool> {
    let deleted = operation.savepoint(async |operation| {
        let change = delete(operation.handle()).await?;
        operation.record(change);
        Ok(())
    });
    Ok(deleted.await?.is_err())
}

/// Whether anything but seeds changed a row, according to the audit trail.
async fn was_changed(operation: &Operation, kind: EntityKind, id: Id) -> Result<bool> {
    /// The newest events to inspect.
    const EVENTS: u64 = 100;
    let events = repository::audit_event::find_by_entity(operation.handle(), kind, id, EVENTS).await?;
    Ok(events.iter().any(|event| event.outcome == Outcome::Succeeded && !is_seed_operation(&event.operation)))
}

fn is_seed_operation(operation: &Stored<EventName>) -> bool {
    operation.known().is_some_and(|name| name.kind() == EntityKind::Seed)
}

/// Deletes an order and restocks what it still holds.
async fn revert_order(operation: &mut Operation, order: &order::Model) -> Result<()> {
    let items = repository::order::find_items(operation.handle(), order.id).await?;
    let items: Vec<order_item::Model> = items.into_iter().map(|(item, _)| item).collect();
    let movements = repository::stock_movement::find_by_order(operation.handle(), order.id).await?;
    let taken = |item: &order_item::Model| {
        -movements
            .iter()
            .filter(|movement| movement.product_id == item.product_id)
            .map(|movement| movement.delta.known().unwrap_or_default())
            .sum::<i32>()
    };
    let held: Vec<(Id, i32)> =
        items.iter().map(|item| (item.product_id, taken(item))).filter(|(_, pieces)| *pieces > 0).collect();
    let refunds = repository::order::find_refunds(operation.handle(), order.id).await?;
    let mut change = repository::order::delete(operation.handle(), order, &items, &refunds).await?;
    for (product, pieces) in &held {
        let rows = repository::product::move_stock(operation.handle(), *product, *pieces, operation.now()).await?;
        change = change.with_rows(rows);
    }
    let movements: Vec<_> = held.iter().map(|(product, pieces)| restock(operation, order, *product, *pieces)).collect();
    let rows = repository::stock_movement::create_many(operation.handle(), &movements).await?;
    operation.record(change.with_rows(rows));
    Ok(())
}

fn restock(operation: &Operation, order: &order::Model, product: Id, pieces: i32) -> stock_movement::Model {
    stock_movement::Model { order_id: order.id, ..operation.movement(product, pieces, MovementReason::Restock) }
}
