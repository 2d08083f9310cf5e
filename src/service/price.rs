//! Prices of one or many products, changed together or not at all.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use sea_orm::ConnectionTrait;
use serde_json::{Value as Json, json};

use super::explain::BETWEEN;
use super::operation::{Operation, Operations, Request};
use super::product::Changed;
use crate::domain::price_change::{MaxChange, Repricing, percent_changed};
use crate::domain::price_history::PriceStep;

use crate::domain::text::{counted, first_names};
use crate::domain::{EntityKind, EventName, Id, Money, Outcome, Violations};
use crate::entity::product::Model;
use crate::entity::{Moment, Stored, audit_event};
use crate::error::{Error, Kind, Result, printable};
use crate::repository::product::Filter;
use crate::repository::{self, ROWS_PER_STATEMENT};

/// Maximum number of products per command, because all are locked together.
pub const MAX_PRODUCTS: usize = 10_000;
/// Maximum number of products named in a message.
pub const NAMED: usize = 10;
/// Number of products or events read at once.
const ROWS_AT_ONCE: u64 = 1_000;

/// A requested change of prices.
#[derive(Debug, Clone)]
pub struct PriceChanges {
    pub repricing: Repricing,
    /// Reject everything if a price changes by more.
    pub max_change: Option<MaxChange>,
    /// Whether prices that changed since they were shown are rejected.
    pub is_as_read: bool,
}

impl PriceChanges {
    /// The new price of each product, in the same order.
    ///
    /// Errors: exit 7 naming every product whose new price is invalid; exit 11 if one changes by more than
    /// the maximum.
    pub fn plan(&self, products: &[Model]) -> Result<Vec<Money>> {
        let mut violations = Violations::new();
        let mut prices = Vec::with_capacity(products.len());
        for product in products {
            match self.repricing.price(product.price.known()) {
                Ok(price) => prices.push(price),
                Err(problem) => violations.add(&format!("price of {}", printable(&product.sku)), problem),
            }
        }
        violations.into_result()?;
        match self.max_change {
            Some(max_change) => guard(max_change, products, &prices).map(|()| prices),
            None => Ok(prices),
        }
    }
}

/// Errors: exit 11 naming the products whose prices change the most.
fn guard(max_change: MaxChange, products: &[Model], prices: &[Money]) -> Result<()> {
    let mut beyond: Vec<(&Model, Money, Option<Decimal>)> = products
        .iter()
        .zip(prices)
        .filter(|(product, price)| max_change.is_exceeded(product.price.known(), **price))
        .map(|(product, price)| (product, *price, percent_changed(product.price.known(), *price)))
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    // A change from zero is the largest.
    beyond.sort_by_key(|(_, _, percent)| std::cmp::Reverse(percent.map_or(Decimal::MAX, |percent| percent.abs())));
    let worst = beyond.iter().take(NAMED).map(|(product, price, percent)| {
        let percent = percent.map_or_else(|| "from nothing".to_owned(), |percent| format!("{percent:+.1}%"));
        format!("{} {} → {price} ({percent})", printable(&product.sku), product.price)
    });
    let (count, of) = (beyond.len(), products.len());
    let of = counted(of, "price");
    let message = format!("{count} of {of} would change by more than {max_change}; nothing was written");
    let details = beyond.iter().map(|(product, price, percent)| {
        json!({ "sku": product.sku, "before": product.price, "after": price,
                "percent": percent.map(|percent| percent.round_dp(2).normalize().to_string()) })
    });
    let details = json!({ "max_change": max_change.to_string(), "products": details.collect::<Vec<_>>() });
    Err(Error::new(Kind::ConfirmationNeeded, "product.price_guard", list(message, worst, count))
        .hint("if that is intended, use a higher --max-change")
        .details(details))
}

/// A message with a line for each of the first products.
fn list(message: String, lines: impl Iterator<Item = String>, count: usize) -> String {
    let more = (count > NAMED).then(|| format!("… and {} more", count - NAMED));
    lines.chain(more).fold(message, |message, line| format!("{message}\n  {line}"))
}

/// The products of these SKUs and ids in their order, each once.
///
/// Errors: exit 3 naming all missing ones; exit 7 for too many.
pub async fn find_named(connection: &impl ConnectionTrait, names: &[String]) -> Result<Vec<Model>> {
    if names.len() > MAX_PRODUCTS {
        return Err(too_many());
    }
    let mut products: Vec<Model> = Vec::with_capacity(names.len());
    let (mut seen, mut missing) = (HashSet::new(), Vec::new());
    for chunk in names.chunks(ROWS_PER_STATEMENT) {
        let wanted: Vec<&str> = chunk.iter().map(String::as_str).collect();
        let found = repository::product::find_named(connection, &wanted).await?;
        for name in wanted {
            match repository::product::match_name(&found, name) {
                Some(product) if seen.insert(product.id) => products.push(product.clone()),
                Some(_) => {}
                None => missing.push(name),
            }
        }
    }
    let error = Error::not_found("product", first_names(missing.iter().map(|name| (*name).to_owned()), NAMED));
    let error = match missing.len() {
        0 => return Ok(products),
        1 => error,
        _ => error.details(json!({ "noun": "product", "names": missing })),
    };
    Err(error.hint(super::product::search_hint(missing[0])))
}

/// The products that match, by SKU. Errors: exit 7 for too many.
pub async fn find_matching(connection: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Model>> {
    let mut products: Vec<Model> = Vec::new();
    repository::each_page(connection, filter, "sku", ROWS_AT_ONCE, |found| {
        products.extend(found);
        if products.len() > MAX_PRODUCTS { Err(too_many()) } else { Ok(()) }
    })
    .await?;
    Ok(products)
}

fn too_many() -> Error {
    let message = format!("more than {MAX_PRODUCTS} products, the maximum for one command");
    Error::new(Kind::Invalid, "product.too_many", message)
        .hint("select fewer products, e.g. with --min-price and --max-price, and repeat for the others")
}

/// Changes the prices of products read before, all or none, in one operation.
///
/// New prices are computed from the locked rows. Errors: those of [`PriceChanges::plan`]; exit 3 if a
/// product is missing; exit 6 if a price has changed.
pub async fn change(operations: &Operations, products: &[Model], changes: &PriceChanges) -> Result<Vec<Changed>> {
    let body = async |operation: &mut Operation| apply_change(operation, products, changes).await;
    operations.run(&Request::new(EventName::ProductPrice), body).await?.done()
}

/// Changes prices on an open operation; equal prices write nothing. The result has the order of
/// `products`.
pub async fn apply_change(
    operation: &mut Operation,
    products: &[Model],
    changes: &PriceChanges,
) -> Result<Vec<Changed>> {
    if let [only] = products {
        operation.set_subject(only.id)?;
    }
    let locked = lock(operation, products, changes.is_as_read).await?;
    let prices = changes.plan(&locked)?;
    let now = operation.now();
    let results: Vec<Changed> =
        locked.into_iter().zip(prices).map(|(before, price)| reprice(before, price, now.into())).collect();
    let pairs: Vec<(Model, Model)> = results
        .iter()
        .filter(|result| result.changed)
        .map(|result| (result.before.clone(), result.after.clone()))
        .collect();
    for change in repository::product::update_many(operation.handle(), &pairs).await? {
        operation.record(change);
    }
    Ok(results)
}

fn reprice(before: Model, price: Money, now: Moment) -> Changed {
    if before.price == price {
        return Changed { after: before.clone(), before, changed: false };
    }
    Changed { after: Model { price: price.into(), updated_at: now, ..before.clone() }, before, changed: true }
}

/// The current products in the order of those that were read, locked until the operation ends.
///
/// Errors: exit 3 for one that is gone; exit 6 if a price has changed and must be `is_as_read`.
pub(super) async fn lock(operation: &Operation, products: &[Model], is_as_read: bool) -> Result<Vec<Model>> {
    let mut ids: Vec<Id> = products.iter().map(|product| product.id).collect();
    ids.sort_unstable();
    let found = repository::product::find_many_for_update(operation.handle(), &ids).await?;
    let mut found: HashMap<Id, Model> = found.into_iter().map(|product| (product.id, product)).collect();
    let mut locked = Vec::with_capacity(products.len());
    let mut stale = Vec::new();
    for product in products {
        match found.remove(&product.id) {
            Some(now) if is_as_read && now.price != product.price => stale.push((product, Some(now.price))),
            Some(now) => locked.push(now),
            None => stale.push((product, None)),
        }
    }
    match (stale.as_slice(), is_as_read) {
        ([], _) => Ok(locked),
        ([(gone, _)], false) => Err(Error::not_found("product", &gone.sku)),
        _ => Err(changed_meanwhile(&stale)),
    }
}

fn changed_meanwhile(stale: &[(&Model, Option<Stored<Money>>)]) -> Error {
    let named = stale.iter().take(NAMED).map(|(product, now)| match now {
        Some(now) => format!("{} {} → {now}", printable(&product.sku), product.price),
        None => format!("{} is gone", printable(&product.sku)),
    });
    let details = stale.iter().map(|(product, now)| json!({ "sku": product.sku, "before": product.price, "now": now }));
    let details = json!({ "products": details.collect::<Vec<_>>() });
    let message = "someone else changed prices meanwhile; nothing was written".to_owned();
    Error::conflict("product.price_changed", list(message, named, stale.len()))
        .hint("repeat the command to start from the current prices")
        .details(details)
}

/// A change of a product's price, from its event.
#[derive(Debug, Clone)]
pub struct PriceEvent {
    pub since: Moment,
    pub before: Option<Money>,
    pub price: Money,
    pub operation: Stored<EventName>,
    pub actor: String,
}

impl PriceEvent {
    /// For calculations: `None` if another program stored an invalid time.
    pub fn step(&self) -> Option<PriceStep> {
        match self.since {
            Moment::Known(at) => Some(PriceStep { at, before: self.before, after: self.price }),
            Moment::Odd(_) | Moment::Missing => None,
        }
    }
}

/// The prices that a product had, newest first.
pub async fn history(connection: &impl ConnectionTrait, product: Id) -> Result<Vec<PriceEvent>> {
    let filter = repository::audit_event::Filter {
        entity_kind: Some(EntityKind::Product),
        entity_id: Some(product),
        outcome: Some(Outcome::Succeeded),
        ..Default::default()
    };
    let mut prices = Vec::new();
    repository::each_page(connection, &filter, "-occurred_at", ROWS_AT_ONCE, |events| {
        prices.extend(events.into_iter().filter_map(price_event));
        Ok(())
    })
    .await?;
    Ok(prices)
}

/// `None` if the event does not change the price, or is of a change that a later event starts from.
fn price_event(event: audit_event::Model) -> Option<PriceEvent> {
    let (before, after) = event.documents();
    let is_between = after[BETWEEN].is_array();
    let (before, price) = (price_in(&before), price_in(&after)?);
    let is_change = before != Some(price) && !is_between;
    is_change.then_some(PriceEvent {
        since: event.occurred_at,
        before,
        price,
        operation: event.operation,
        actor: event.actor.to_string(),
    })
}

fn price_in(document: &Json) -> Option<Money> {
    let price: Decimal = document["price"].as_str()?.parse().ok()?;
    Some(Money::from_stored(price))
}
