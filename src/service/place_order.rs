//! Placing an order: all lines or none, stock taken, prices snapshotted, in a constant number of
//! statements whatever the number of lines.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::operation::{Idempotency, Operation, Operations, Outcome, Request};
use crate::domain::quantity::MAX_LINES;
use crate::domain::{IdempotencyKey, Money, MovementReason, OrderStatus, Quantity, Reference, UserStatus, Violations};
use crate::entity::{order, order_item, product, stock_movement, user};
use crate::error::{Error, Result, printable};
use crate::repository::user::{Lock, Who};
use crate::repository::{self, stock_movement as movements};

/// What somebody wants to buy.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// E-mail address or id.
    pub user: String,
    pub lines: Vec<NewLine>,
    pub note: Option<String>,
    /// The reference to use, for seeds; drawn when absent.
    pub reference: Option<Reference>,
    /// Refuse the order when it comes to anything else: the buyer was told this total.
    pub expected_total: Option<Money>,
    /// When it was placed, for orders of the past; now when absent.
    pub placed_at: Option<DateTime<Utc>>,
}

/// One line as typed: lines that name the same product are merged.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// SKU or id.
    pub product: String,
    pub quantity: Quantity,
    /// What was paid, for orders of the past; the product's price when absent.
    pub unit_price: Option<Money>,
}

/// An order with everything that shows it.
#[derive(Debug, Clone)]
pub struct PlacedOrder {
    pub order: order::Model,
    /// `None` only for an order of another program whose user is gone.
    pub user: Option<user::Model>,
    pub items: Vec<repository::order::ItemWithProduct>,
    pub replayed: bool,
}

/// A line after its product was found.
struct Line {
    product: product::Model,
    quantity: Quantity,
    unit_price: Option<Money>,
}

impl Line {
    fn price(&self) -> Money {
        self.unit_price.unwrap_or(self.product.price)
    }
}

/// Places an order in an operation of its own.
///
/// Errors: exit 3 for an unknown user or product; 6 for a user who may not order, insufficient
/// stock (every short line is listed) or a key used for something else; 7 for too many lines.
pub async fn run(operations: &Operations, new: &NewOrder, key: Option<IdempotencyKey>) -> Result<PlacedOrder> {
    check_lines(new)?;
    let request = Request {
        name: "order.place",
        entity: "order",
        idempotency: key.map(|key| Idempotency::new(key, "order.place", &fingerprint(new))),
        ..Request::default()
    };
    match operations.run(&request, async |operation| apply(operation, new).await).await? {
        Outcome::Done(placed) => Ok(placed),
        Outcome::Replayed(event) => {
            let connection = operations.database.connection();
            let id = event.entity_id.unwrap_or_default();
            let order = repository::order::find_by_id(connection, id).await?;
            let order = order.ok_or_else(|| Error::not_found("order", id))?;
            let user = repository::user::find_by_id(connection, order.user_id).await?;
            let items = repository::order::find_items(connection, id).await?;
            Ok(PlacedOrder { order, user, items, replayed: true })
        }
    }
}

fn check_lines(new: &NewOrder) -> Result<()> {
    let mut violations = Violations::new();
    if new.lines.is_empty() {
        violations.add("item", "at least one is needed");
    }
    if new.lines.len() > MAX_LINES {
        violations.add("item", format!("{} lines are more than {MAX_LINES}", new.lines.len()));
    }
    violations.into_result()
}

/// Requests that mean the same have the same fingerprint, however their lines are split and sorted.
fn fingerprint(new: &NewOrder) -> Json {
    let mut lines = BTreeMap::<String, i64>::new();
    for line in &new.lines {
        *lines.entry(line.product.to_ascii_uppercase()).or_default() += i64::from(line.quantity.get());
    }
    json!({ "user": new.user.trim().to_lowercase(), "lines": lines, "note": new.note })
}

/// Places an order on an open operation. Statements: user, products, stock, order, items,
/// movements (the event is the operation's).
pub async fn apply(operation: &mut Operation, new: &NewOrder) -> Result<PlacedOrder> {
    let user = find_user(operation, &new.user).await?;
    let lines = find_lines(operation, &new.lines).await?;
    let quantities: Vec<(Uuid, i32)> = lines.iter().map(|line| (line.product.id, line.quantity.get())).collect();
    let handle = operation.handle();
    let (taken, stock_rows) = repository::product::take_stock(handle, &quantities, operation.now()).await?;
    if stock_rows.count() < lines.len() as u64 {
        return Err(shortage(operation, &lines, &taken).await?);
    }
    let lines = at_current_prices(lines, taken)?;
    let (order, items) = build(operation, &user, &lines, new)?;
    check_total(&order, &lines, new.expected_total)?;
    let movements = build_movements(operation, &order, &items, new);
    check_balance(&order, &items, &movements)?;

    let change = repository::order::create(operation.handle(), order.clone(), items.clone()).await?;
    let movement_rows = movements::create_many(operation.handle(), movements).await?;
    operation.record(change.covering(stock_rows).covering(movement_rows));

    let items = items.into_iter().zip(lines).map(|(item, line)| (item, Some(line.product))).collect();
    Ok(PlacedOrder { order, user: Some(user), items, replayed: false })
}

async fn find_user(operation: &Operation, name: &str) -> Result<user::Model> {
    let found = repository::user::find_one(operation.handle(), Who::parse(name), Lock::Share).await?;
    let user = found.ok_or_else(|| super::user::unknown(name))?;
    check_may_order(&user)?;
    Ok(user)
}

/// Errors: exit 6 for a user who is not active.
pub fn check_may_order(user: &user::Model) -> Result<()> {
    if UserStatus::from_stored(&user.status) == Some(UserStatus::Active) {
        return Ok(());
    }
    let email = printable(&user.email);
    let error = Error::conflict("user.not_active", format!("{email} is {} and cannot order", printable(&user.status)));
    Err(if user.status == UserStatus::Disabled.as_str() {
        error.hint(format!("shopctl user enable {email}"))
    } else {
        error
    })
}

/// Finds the products of all lines and merges lines that name the same one.
async fn find_lines(operation: &Operation, wanted: &[NewLine]) -> Result<Vec<Line>> {
    let names: Vec<&str> = wanted.iter().map(|line| line.product.as_str()).collect();
    let products = repository::product::find_named(operation.handle(), &names).await?;
    let (mut lines, mut unknown) = (Vec::<Line>::new(), Vec::<&str>::new());
    for new in wanted {
        let Some(product) = products.iter().find(|product| repository::product::is_named(product, &new.product)) else {
            unknown.push(new.product.as_str());
            continue;
        };
        match lines.iter_mut().find(|line| line.product.id == product.id) {
            Some(line) => line.quantity = merged(line, new)?,
            None => lines.push(Line { product: product.clone(), quantity: new.quantity, unit_price: new.unit_price }),
        }
    }
    if unknown.is_empty() {
        return Ok(lines);
    }
    Err(super::product::unknown(&unknown))
}

fn merged(line: &Line, new: &NewLine) -> Result<Quantity> {
    let mut violations = Violations::new();
    if line.unit_price != new.unit_price {
        violations.add(&format!("unit_price of {}", line.product.sku), "differs between lines of one order");
    }
    let sum = line.quantity.plus(new.quantity);
    let sum = sum.map_err(|problem| violations.add(&format!("quantity of {}", line.product.sku), problem));
    violations.into_result()?;
    sum.map_err(|()| Error::internal("no violation"))
}

/// Lists every line that cannot be served, with what there is.
async fn shortage(operation: &Operation, lines: &[Line], taken: &[product::Model]) -> Result<Error> {
    let short: Vec<&Line> =
        lines.iter().filter(|line| taken.iter().all(|product| product.id != line.product.id)).collect();
    let ids: Vec<Uuid> = short.iter().map(|line| line.product.id).collect();
    let levels = repository::product::stock_levels(operation.handle(), &ids).await?;
    let (mut texts, mut details, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    for line in short {
        let have = levels.iter().find(|(id, _)| *id == line.product.id).map_or(0, |(_, stock)| *stock);
        let need = line.quantity.get();
        let sku = printable(&line.product.sku);
        texts.push(format!("{sku} has {have} in stock, {need} requested"));
        details.push(json!({ "sku": line.product.sku, "have": have, "need": need }));
        if have < need {
            hints.push(format!("shopctl stock adjust {sku} +{} --reason received", need - have));
        }
    }
    let error = Error::conflict("stock.insufficient", texts.join("; ")).details(json!({ "lines": details }));
    Ok(hints.into_iter().fold(error, Error::hint))
}

/// The products as they were when their stock was taken: that is the price that counts.
fn at_current_prices(lines: Vec<Line>, taken: Vec<product::Model>) -> Result<Vec<Line>> {
    lines
        .into_iter()
        .map(|line| {
            let product = taken.iter().find(|product| product.id == line.product.id).cloned();
            let product = product.ok_or_else(|| Error::internal("a product vanished while its stock was taken"))?;
            Ok(Line { product, ..line })
        })
        .collect()
}

fn build(
    operation: &Operation,
    user: &user::Model,
    lines: &[Line],
    new: &NewOrder,
) -> Result<(order::Model, Vec<order_item::Model>)> {
    let id = operation.new_id();
    let placed_at = new.placed_at.unwrap_or(operation.now());
    let items: Vec<order_item::Model> = lines
        .iter()
        .map(|line| order_item::Model {
            id: operation.new_id(),
            order_id: id,
            product_id: line.product.id,
            quantity: line.quantity.get(),
            unit_price: line.price(),
        })
        .collect();
    let order = order::Model {
        id,
        reference: reference(operation, new).as_str().to_owned(),
        user_id: user.id,
        status: OrderStatus::Pending.as_str().to_owned(),
        total_amount: total(lines)?,
        created_at: placed_at.into(),
        updated_at: placed_at.into(),
    };
    Ok((order, items))
}

fn reference(operation: &Operation, new: &NewOrder) -> Reference {
    new.reference.clone().unwrap_or_else(|| Reference::from_id(operation.new_id()))
}

fn total(lines: &[Line]) -> Result<Money> {
    let sum =
        lines.iter().try_fold(Money::ZERO, |sum, line| sum.checked_plus(line.price().checked_times(line.quantity)?));
    sum.ok_or_else(|| {
        let mut violations = Violations::new();
        violations.add("total", format!("is more than {}", Money::MAX_TOTAL));
        violations.into_result().err().unwrap_or_else(|| Error::internal("no violation"))
    })
}

/// Errors: exit 6 when prices are others than the buyer was told; the prices that count are listed.
fn check_total(order: &order::Model, lines: &[Line], expected: Option<Money>) -> Result<()> {
    let Some(expected) = expected.filter(|expected| *expected != order.total_amount) else { return Ok(()) };
    let total = order.total_amount;
    let prices: Vec<String> = lines
        .iter()
        .map(|line| format!("{} × {} at {}", line.quantity, printable(&line.product.sku), line.price()))
        .collect();
    let message = format!("the total is {total}, not {expected} as expected: {}", prices.join(", "));
    Err(Error::conflict("order.total_changed", message)
        .hint(format!("if that is right: repeat with --expect-total {total}"))
        .details(json!({ "total": total, "expected": expected })))
}

fn build_movements(
    operation: &Operation,
    order: &order::Model,
    items: &[order_item::Model],
    new: &NewOrder,
) -> Vec<stock_movement::Model> {
    items
        .iter()
        .map(|item| stock_movement::Model {
            order_id: Some(order.id),
            note: new.note.clone(),
            created_at: order.created_at.clone(),
            ..operation.movement(item.product_id, -item.quantity, MovementReason::Order)
        })
        .collect()
}

/// Post-check (DL-003): own movements = − own quantities, line by line; total = Σ of the lines.
fn check_balance(order: &order::Model, items: &[order_item::Model], movements: &[stock_movement::Model]) -> Result<()> {
    let balanced = items.len() == movements.len()
        && items
            .iter()
            .zip(movements)
            .all(|(item, movement)| item.product_id == movement.product_id && item.quantity == -movement.delta);
    let sum = items.iter().try_fold(Money::ZERO, |sum, item| {
        let quantity = Quantity::new(i64::from(item.quantity)).ok()?;
        sum.checked_plus(item.unit_price.checked_times(quantity)?)
    });
    if balanced && sum == Some(order.total_amount) {
        return Ok(());
    }
    Err(Error::internal("an order does not add up: its movements or its total differ from its lines"))
}
