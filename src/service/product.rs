//! Products: create with initial stock, update, delete.

use std::fmt::Display;

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::as_shown::{Shown, check_as_shown};
use super::operation::{self, Operation, Operations, Request};
use crate::db::fault::Fault;
use crate::domain::text::is_are;
use crate::domain::{EventName, Id, Money, MovementReason};
pub use crate::entity::product::Model;
use crate::entity::{Moment, Stored, stock_movement};
use crate::error::{Cause, CommandLine, Error, Hint, Result, printable};
use crate::repository;

/// A product before and after a mutation.
pub type Changed = operation::Changed<Model>;

/// Creates a product. Errors: exit 6 if the SKU is taken.
pub async fn create(operations: &Operations, new: &Model) -> Result<Model> {
    operations
        .run(&Request::new(EventName::ProductCreate), async |operation| {
            if let Some(holder) = find_holder(operation, &new.sku, None).await? {
                operation.set_subject(holder.id)?;
                return Err(taken(&holder.sku));
            }
            apply_create(operation, new.clone()).await
        })
        .await?
        .done()
}

/// Creates a product, with the movement of its stock, on an open operation whose caller has checked that
/// the SKU is free. It is not checked again, so that a concurrent insert is found by a retry instead of
/// being rejected.
pub async fn apply_create(operation: &mut Operation, new: Model) -> Result<Model> {
    let product = with_id_and_times(operation, new);
    let created = repository::product::create(operation.handle(), &product).await;
    let mut change = created.map_err(|error| duplicate(operation, &product.sku, error))?;
    if let Some(movement) = first_movement(operation, &product) {
        let rows = repository::stock_movement::create_many(operation.handle(), &[movement]).await?;
        change = change.with_rows(rows);
    }
    operation.record(change);
    Ok(product)
}

/// Errors: exit 6 if a product other than `own` has this SKU, in any case.
pub(super) async fn check_free(operation: &Operation, sku: &str, own: Option<Id>) -> Result<()> {
    match find_holder(operation, sku, own).await? {
        Some(product) => Err(taken(&product.sku)),
        None => Ok(()),
    }
}

async fn find_holder(operation: &Operation, sku: &str, own: Option<Id>) -> Result<Option<Model>> {
    let found = repository::product::find_named(operation.handle(), &[sku]).await?;
    Ok(found.into_iter().find(|product| Some(product.id) != own))
}

/// A new product with id and times.
fn with_id_and_times(operation: &Operation, new: Model) -> Model {
    let now = Moment::from(operation.now());
    Model { id: operation.id_of_new(new.id), created_at: now.clone(), updated_at: now, ..new }
}

/// The movement of a new product's initial stock.
fn first_movement(operation: &Operation, product: &Model) -> Option<stock_movement::Model> {
    let pieces = product.stock_quantity.known().filter(|pieces| *pieces > 0)?;
    Some(operation.movement(product.id, pieces, MovementReason::Initial))
}

/// Creates many products on an open operation in few statements: products, initial movements.
pub async fn apply_create_many(operation: &mut Operation, new: Vec<Model>) -> Result<()> {
    let products: Vec<Model> = new.into_iter().map(|new| with_id_and_times(operation, new)).collect();
    let changes = repository::product::create_many(operation.handle(), &products).await?;
    let movements: Vec<_> = products.iter().filter_map(|product| first_movement(operation, product)).collect();
    let rows = repository::stock_movement::create_many(operation.handle(), &movements).await?;
    let mut changes = changes.into_iter();
    // One change covers all movements.
    if let Some(first) = changes.next() {
        operation.record(first.with_rows(rows));
    }
    changes.for_each(|change| operation.record(change));
    Ok(())
}

/// Changes a product's fields. Errors: exit 3, exit 6 if the SKU is taken.
pub async fn update(operations: &Operations, name: &str, change: impl Fn(&mut Model)) -> Result<Changed> {
    let body = async |operation: &mut Operation| apply_update(operation, name, &change).await;
    operations.run(&Request::new(EventName::ProductUpdate), body).await?.done()
}

/// As [`update`], of a product as it was shown. Errors: also exit 6 if a shown field has changed since.
pub async fn update_as_shown(
    operations: &Operations,
    shown: Shown<'_, Model>,
    change: impl Fn(&mut Model),
) -> Result<Changed> {
    let body = async |operation: &mut Operation| {
        let before = find_for_update(operation, &shown.0.id.or_key(&shown.0.sku)).await?;
        check_as_shown(&before.sku, shown, &before)?;
        write_update(operation, before, &change).await
    };
    operations.run(&Request::new(EventName::ProductUpdate), body).await?.done()
}

/// Changes a product on an open operation; equal values write nothing. Stock is changed elsewhere.
pub async fn apply_update(operation: &mut Operation, name: &str, change: impl Fn(&mut Model)) -> Result<Changed> {
    let before = find_for_update(operation, name).await?;
    write_update(operation, before, change).await
}

/// Changes a locked product.
async fn write_update(operation: &mut Operation, before: Model, change: impl Fn(&mut Model)) -> Result<Changed> {
    let mut after = before.clone();
    change(&mut after);
    after.stock_quantity = before.stock_quantity.clone();
    if after.sku != before.sku {
        check_free(operation, &after.sku, Some(before.id)).await?;
    }
    if after == before {
        return Ok(Changed { before, after, changed: false });
    }
    after.updated_at = operation.now().into();
    let updated = repository::product::update(operation.handle(), &before, &after).await;
    let change = updated.map_err(|error| duplicate(operation, &after.sku, error))?;
    operation.record(change);
    Ok(Changed { before, after, changed: true })
}

/// Deletes a product that was never ordered, with its remaining stock.
///
/// Errors: exit 3; exit 6 if it was ordered.
pub async fn delete(operations: &Operations, name: &str) -> Result<Model> {
    let body = async |operation: &mut Operation| {
        let product = find_for_update(operation, name).await?;
        // A foreign key of another program may refuse only at COMMIT.
        if repository::product::was_ordered(operation.handle(), product.id).await? {
            return Err(was_ordered(&product));
        }
        let deleted = repository::product::delete(operation.handle(), &product).await;
        let change = deleted.map_err(|error| match operation.handle().first_fault() {
            Some(Fault::ForeignKey) => was_ordered(&product),
            _ => error,
        })?;
        operation.record(change);
        Ok(product)
    };
    operations.run(&Request::new(EventName::ProductDelete), body).await?.done()
}

fn was_ordered(product: &Model) -> Error {
    let message = format!("{} was ordered and cannot be deleted", printable(&product.sku));
    Error::conflict("product.was_ordered", message)
        .hint(CommandLine::like("product retire").argument(&product.sku))
        .hint(CommandLine::new("order list").option("--product", &product.sku))
}

/// The product of that SKU or id. Errors: exit 3.
pub async fn find(connection: &impl ConnectionTrait, name: &str) -> Result<Model> {
    repository::product::find_by_sku(connection, name).await?.ok_or_else(|| unknown(&[name]))
}

/// The hint to search for a product of this name or SKU.
pub fn search_hint(name: &str) -> Hint {
    Hint::from("to find products by name or SKU: ").and(CommandLine::search("product list", name))
}

/// Exits with 3 for products that do not exist.
pub fn unknown(names: &[&str]) -> Error {
    let shown: Vec<String> = names.iter().map(|name| printable(name)).collect();
    Error::not_found("product", shown.join(", ")).hint(search_hint(names.first().copied().unwrap_or_default()))
}

/// The product of that SKU or id, locked until the operation ends. Errors: exit 3.
pub async fn find_for_update(operation: &mut Operation, name: &str) -> Result<Model> {
    let found = repository::product::find_by_sku(operation.handle(), name).await?;
    let locked = match found {
        Some(product) => {
            operation.set_subject(product.id)?;
            repository::product::find_for_update(operation.handle(), product.id).await?
        }
        None => None,
    };
    locked.ok_or_else(|| unknown(&[name]))
}

/// A stored value for a message.
pub fn described<T: Display>(value: &Stored<T>) -> String {
    value.to_text().map_or_else(|| "missing".to_owned(), |text| printable(&text))
}

/// The price for calculations. Errors: exit 6 if another program stored an invalid amount.
pub fn known_price(sku: &str, price: &Stored<Money>) -> Result<Money> {
    price.known().ok_or_else(|| {
        let (sku, price) = (printable(sku), described(price));
        Error::conflict("product.odd_price", format!("the price of {sku} is {price}, which is not an amount"))
            .hint("product update with --price corrects it")
    })
}

/// Errors: exit 6 naming every product that is retired.
pub fn check_orderable<'a>(products: impl IntoIterator<Item = &'a Model>) -> Result<()> {
    let retired = products.into_iter().filter(|product| product.is_retired());
    let skus: Vec<String> = retired.map(|product| printable(&product.sku.or_id(product.id))).collect();
    if skus.is_empty() {
        return Ok(());
    }
    let message = format!("{} {} retired and cannot be ordered", skus.join(", "), is_are(skus.len()));
    let restore = skus.iter().fold(CommandLine::new("product restore"), |command, sku| command.argument(sku));
    Err(Error::conflict("product.retired", message).hint(restore).details(json!({ "products": skus })))
}

/// Pieces of a product that an order wants.
pub struct StockWanted<'a> {
    /// Its SKU.
    pub sku: &'a str,
    /// How many are in stock.
    pub have: i64,
    /// How many the order has already.
    pub own: i64,
    /// How many more it wants.
    pub more: i64,
}

/// Errors: exit 6 naming every product with too few pieces in stock.
pub fn check_stock<'a>(wants: impl IntoIterator<Item = StockWanted<'a>>) -> Result<()> {
    let (mut texts, mut details, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    for StockWanted { sku, have, own, more } in wants.into_iter().filter(|wanted| wanted.have < wanted.more) {
        let (besides, need) = (beside_own(own), own + more);
        texts.push(format!("{} has {have} in stock{besides}, {need} requested", printable(sku)));
        details.push(json!({ "sku": sku, "have": have + own, "need": need }));
        hints.push(CommandLine::new("stock history").argument(&printable(sku)));
    }
    if texts.is_empty() {
        return Ok(());
    }
    let details = json!({ "lines": details });
    Err(Error::from_cause(Cause::Shortage, texts.join("; ")).details(details).hints_of(hints))
}

/// ` beside the 2 of this order`
pub fn beside_own(own: i64) -> String {
    if own == 0 { String::new() } else { format!(" beside the {own} of this order") }
}

/// The stock for calculations. Errors: exit 6 if another program stored an invalid number.
pub fn known_stock(product: &Model) -> Result<i32> {
    product.stock_quantity.known().ok_or_else(|| {
        let (sku, stock) = (printable(&product.sku), described(&product.stock_quantity));
        Error::conflict("product.odd_stock", format!("the stock of {sku} is {stock}, which is not a whole number"))
            .hint(Hint::from("the program that wrote it must correct it: ").and(CommandLine::new("doctor --deep")))
    })
}

/// Exit 6 for the SKU of another product.
fn taken(sku: &str) -> Error {
    let sku = printable(sku);
    Error::conflict("product.duplicate", format!("a product with the SKU {sku} already exists"))
        .hint(CommandLine::new("product show").argument(&sku).and(", or give another --sku"))
}

pub(super) fn duplicate(operation: &Operation, sku: &str, error: Error) -> Error {
    match operation.handle().first_fault() {
        Some(fault) if repository::product::UNIQUE_SKU.is_violated_by(&fault) => taken(sku),
        _ => error,
    }
}
