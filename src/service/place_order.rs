//! Placing orders: all lines or none, stock deducted, prices snapshotted, in a number of statements
//! independent of the number of orders and lines.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value as Json, json};

pub use self::amounts::check_amounts;
use self::amounts::merged;
pub(super) use self::amounts::{LineAmount, total};
use super::operation::{Completion, Idempotency, Operation, Operations, Request};
use super::order_lifecycle::{RestockedLine, check_refund_of_past_order, refund_of_past_order, to_json};
use super::product::{StockWanted, check_orderable, check_stock, known_price, known_stock};
use crate::db::Database;
use crate::domain::quantity::MAX_LINES;
use crate::domain::text::distinct;
use crate::domain::{
    EventName, Id, IdempotencyKey, Money, MovementReason, OrderStatus, Quantity, Reference, UserStatus, Violations, sku,
};
use crate::entity::{Stored, order, order_item, product, stock_movement, user};
use crate::error::{CommandLine, Error, Result, printable};
use crate::repository::order::Refund;
use crate::repository::said::NOTE;
use crate::repository::user::{Lock, UserKey};
use crate::repository::{self, stock_movement as movements};

mod amounts;

/// A requested order.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id, for orders of another shop; a new one if absent.
    pub id: Id,
    /// E-mail address or id.
    pub user: String,
    /// The lines as typed, at least one.
    pub lines: Vec<NewLine>,
    /// Free text kept in the event and with the stock movements.
    pub note: Option<String>,
    /// The reference to use, for seeds; random if absent.
    pub reference: Option<Reference>,
    /// The total shown to the buyer: an order with another total is rejected.
    pub expected_total: Option<Money>,
    /// When it was placed, for past orders; now if absent.
    pub placed_at: Option<DateTime<Utc>>,
    /// The current status, for past orders; new ones are pending.
    pub status: OrderStatus,
    /// What was given back already, for past orders; a refunded one's is its total.
    pub refunded: Option<Money>,
    /// Whether its pieces are taken from stock.
    pub stock: StockHandling,
}

/// The effect of an order on the stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StockHandling {
    /// Its pieces are deducted from stock.
    #[default]
    Deduct,
    /// Its pieces were never in stock: equal receipts balance them.
    Skip,
}

impl NewOrder {
    /// A new order with only its lines.
    pub fn new(user: String, lines: Vec<NewLine>) -> NewOrder {
        let (id, note, reference, expected_total, placed_at, refunded) = (Id::default(), None, None, None, None, None);
        let (status, stock) = (OrderStatus::Pending, StockHandling::Deduct);
        NewOrder { id, user, lines, note, reference, expected_total, placed_at, status, refunded, stock }
    }

    /// Errors: exit 6 if the user is not active; not checked for past orders.
    pub fn check_user(&self, user: &user::Model) -> Result<()> {
        if self.stock == StockHandling::Skip { Ok(()) } else { check_may_order(user) }
    }

    /// Whether placing it reduces the stock.
    pub fn takes_stock(&self) -> bool {
        self.balanced_by().is_none()
    }

    /// The reasons of balancing receipts that keep the stock unchanged.
    fn balanced_by(&self) -> Option<MovementReason> {
        match self.stock {
            _ if self.status.restocks() => Some(MovementReason::Restock),
            StockHandling::Skip => Some(MovementReason::BALANCE),
            StockHandling::Deduct => None,
        }
    }
}

/// A line as typed: lines of the same product at the same price are merged.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// SKU or id.
    pub product: String,
    /// Ordered pieces.
    pub quantity: Quantity,
    /// The price paid, for past orders; the product's price if absent.
    pub unit_price: Option<Money>,
}

/// An order with its user and lines, for output.
#[derive(Debug, Clone)]
pub struct PlacedOrder {
    /// The order's row.
    pub order: order::Model,
    /// `None` only for an order of another program whose user is missing.
    pub user: Option<user::Model>,
    /// Its lines with their products.
    pub items: Vec<repository::order::ItemWithProduct>,
    /// Its refunds.
    pub refunds: Vec<Refund>,
    /// Whether an earlier request with the same key placed it.
    pub replayed: bool,
}

/// A line with its product.
#[derive(Debug, Clone)]
pub struct Line {
    /// The product as it was read.
    pub product: product::Model,
    /// Ordered pieces.
    pub quantity: Quantity,
    /// The price paid, for past orders; the product's price if absent.
    pub unit_price: Option<Money>,
}

/// What is known of an order that is being composed.
#[derive(Debug, Default)]
pub struct Draft {
    /// Who buys, if that is given.
    pub user: Option<user::Model>,
    /// The lines that are given.
    pub lines: Vec<Line>,
}

impl Line {
    fn price(&self) -> Result<Money> {
        self.unit_price.map_or_else(|| known_price(&self.product.sku, &self.product.price), Ok)
    }

    fn amount(&self) -> Result<LineAmount<'_>> {
        Ok(LineAmount { sku: &self.product.sku, quantity: self.quantity, price: self.price()? })
    }
}

impl Draft {
    /// Errors: exit 6 naming every product with too few pieces in stock.
    pub fn check_stock(&self) -> Result<()> {
        check_stock(self.lines.iter().map(|Line { product, quantity, .. }| StockWanted {
            sku: &product.sku,
            have: product.stock_quantity.pieces(),
            own: 0,
            more: i64::from(quantity.get()),
        }))
    }
}

/// Places an order in a separate operation.
///
/// Errors: exit 3 for an unknown user or product; 6 for a user who may not order, retired products, insufficient
/// stock (every short line is listed) or a key used for something else; 7 for too many lines.
pub async fn run(operations: &Operations, new: &NewOrder, key: Option<IdempotencyKey>) -> Result<PlacedOrder> {
    check_lines(new)?;
    let request = Request {
        idempotency: key.map(|key| Idempotency::new(key, EventName::OrderPlace, &fingerprint(new))),
        ..Request::new(EventName::OrderPlace)
    };
    match operations.run(&request, async |operation| apply(operation, new).await).await? {
        Completion::Done(placed) => Ok(placed),
        Completion::Replayed(event) => find_replayed(operations, event.entity_id).await,
    }
}

/// Finds what is given of an order, its user or its lines; the stock is neither checked nor taken.
///
/// Errors: exit 3 for an unknown user or product; 6 for a user who may not order and for retired products.
pub async fn find_given(database: &Database, new: &NewOrder) -> Result<Draft> {
    let mut given = Draft::default();
    if !new.lines.is_empty() {
        given.lines =
            find_lines(database.connection(), std::slice::from_ref(new)).await?.into_iter().flatten().collect();
    }
    if !new.user.is_empty() {
        let who = UserKey::parse(&new.user);
        let found = repository::user::find_one(database.connection(), who, Lock::None).await?;
        given.user = Some(found.ok_or_else(|| super::user::unknown(&new.user))?);
    }
    given.user.iter().try_for_each(check_may_order)?;
    check_orderable(given.lines.iter().map(|line| &line.product))?;
    Ok(given)
}

/// The order that an earlier request with the same key wrote, as it is now.
pub(super) async fn find_replayed(operations: &Operations, id: Id) -> Result<PlacedOrder> {
    let connection = operations.database.connection();
    let order = repository::order::find_by_id(connection, id).await?;
    let order = order.ok_or_else(|| Error::not_found("order", id))?;
    let user = repository::user::find_by_id(connection, order.user_id).await?;
    let items = repository::order::find_items(connection, id).await?;
    let refunds = repository::order::find_refunds(connection, id).await?;
    Ok(PlacedOrder { order, user, items, refunds, replayed: true })
}

fn check_lines(new: &NewOrder) -> Result<()> {
    let mut violations = Violations::new();
    if new.lines.is_empty() {
        violations.add("item", "must have at least one");
    }
    if new.lines.len() > MAX_LINES {
        violations.add("item", format!("{} lines exceed the maximum of {MAX_LINES}", new.lines.len()));
    }
    violations.into_result()
}

/// Equivalent requests have the same fingerprint, independent of how their lines are split and sorted.
fn fingerprint(new: &NewOrder) -> Json {
    let mut lines = BTreeMap::<String, i64>::new();
    for line in &new.lines {
        *lines.entry(sku::folded(&line.product)).or_default() += i64::from(line.quantity.get());
    }
    json!({ "user": new.user.trim().to_lowercase(), "lines": lines, "note": new.note })
}

/// Places an order on an open operation. Statements: user, products, stock, order, items, movements.
pub async fn apply(operation: &mut Operation, new: &NewOrder) -> Result<PlacedOrder> {
    let placed = apply_all(operation, std::slice::from_ref(new)).await?.pop();
    placed.ok_or_else(|| Error::internal("an order was neither placed nor refused"))
}

/// Places many orders on an open operation, all or none, with as many statements as for one.
pub async fn apply_all(operation: &mut Operation, orders: &[NewOrder]) -> Result<Vec<PlacedOrder>> {
    let users = find_users(operation, orders).await?;
    let lines = find_lines(operation.handle(), orders).await?;
    let mut wanted = BTreeMap::<Id, (i32, &product::Model)>::new();
    for line in orders.iter().zip(&lines).filter(|(new, _)| new.balanced_by().is_none()).flat_map(|(_, lines)| lines) {
        known_stock(&line.product)?;
        let (pieces, _) = wanted.entry(line.product.id).or_insert((0, &line.product));
        *pieces = pieces.saturating_add(line.quantity.get());
    }
    let quantities: Vec<(Id, i32)> = wanted.iter().map(|(id, (pieces, _))| (*id, *pieces)).collect();
    let (mut prices, mut stock_rows) = (HashMap::new(), None);
    if !quantities.is_empty() {
        let (taken, rows) = repository::product::take_stock(operation.handle(), &quantities, operation.now()).await?;
        if rows.count() < quantities.len() as u64 {
            return Err(shortage(operation, &wanted, &taken).await?);
        }
        (prices, stock_rows) = (taken, Some(rows));
    }
    let mut placed = Vec::with_capacity(orders.len());
    let mut movements = Vec::new();
    for ((new, user), mut lines) in orders.iter().zip(users).zip(lines) {
        at_current_prices(&mut lines, &prices);
        let (order, items) = build(operation, &user, &lines, new)?;
        let own = build_movements(operation, &order, &items, new);
        check_balance(&order, &items, &own)?;
        movements.extend(own);
        let items: Vec<_> = items.into_iter().zip(lines).map(|(item, line)| (item, Some(line.product))).collect();
        let refunds = refund_of_past_order(operation, &order, &items, new.refunded)?.into_iter().collect();
        placed.push(PlacedOrder { order, user: Some(user), items, refunds, replayed: false });
    }
    write(operation, orders, &placed, movements, stock_rows).await?;
    Ok(placed)
}

/// Writes the orders; the first order's event also covers the stock rows.
async fn write(
    operation: &mut Operation,
    orders: &[NewOrder],
    placed: &[PlacedOrder],
    movements: Vec<stock_movement::Model>,
    stock_rows: Option<repository::Rows>,
) -> Result<()> {
    let rows: Vec<repository::order::OrderWithItems<'_>> = placed
        .iter()
        .zip(orders)
        .map(|(placed, new)| repository::order::OrderWithItems {
            order: &placed.order,
            items: placed.items.iter().map(|(item, _)| item).collect(),
            refunds: &placed.refunds,
            extra: extra(placed, new),
        })
        .collect();
    let changes = repository::order::create_many(operation.handle(), rows).await?;
    let mut covered = stock_rows.into_iter().collect::<Vec<_>>();
    covered.push(movements::create_many(operation.handle(), &movements).await?);
    for change in changes {
        operation.record(covered.drain(..).fold(change, repository::Change::with_rows));
    }
    Ok(())
}

/// The event member for pieces that were received to be taken at once: the stock did not change.
pub(super) const RECEIVED: &str = "received";

/// Additional data of an order's event: its note, and the pieces that do not affect the stock.
fn extra(placed: &PlacedOrder, new: &NewOrder) -> Map<String, Json> {
    let line = |(item, product): &repository::order::ItemWithProduct| RestockedLine {
        product_id: item.product_id,
        sku: product.as_ref().map(|product| product.sku.to_string()).unwrap_or_default(),
        quantity: item.quantity.known().unwrap_or_default(),
    };
    let mut more = Map::new();
    more.extend(new.note.iter().map(|note| (NOTE.to_owned(), json!(note))));
    if let Some(reason) = new.balanced_by() {
        let lines: Vec<RestockedLine> = placed.items.iter().map(line).collect();
        let member = if reason == MovementReason::BALANCE { RECEIVED } else { "restored" };
        more.insert(member.to_owned(), to_json(&lines));
    }
    more
}

/// The user of each order, in the same order.
async fn find_users(operation: &mut Operation, orders: &[NewOrder]) -> Result<Vec<user::Model>> {
    if let [new] = orders {
        let found = repository::user::find_one(operation.handle(), UserKey::parse(&new.user), Lock::Share).await?;
        let user = found.ok_or_else(|| super::user::unknown(&new.user))?;
        operation.set_customer(user.id);
        new.check_user(&user)?;
        return Ok(vec![user]);
    }
    let emails = distinct(orders.iter().map(|new| new.user.as_str()));
    let users = repository::user::find_by_emails(operation.handle(), &emails, Lock::Share).await?;
    repository::user::check_told_apart(&users)?;
    let users: HashMap<&str, &user::Model> = users.iter().map(|user| (user.email.as_str(), user)).collect();
    let of_order = |new: &NewOrder| {
        let user = *users.get(new.user.as_str()).ok_or_else(|| super::user::unknown(&new.user))?;
        new.check_user(user)?;
        Ok(user.clone())
    };
    orders.iter().map(of_order).collect()
}

/// Errors: exit 6 for a user who is not active.
pub fn check_may_order(user: &user::Model) -> Result<()> {
    if user.status == UserStatus::Active {
        return Ok(());
    }
    let email = printable(&user.email);
    let message = format!("{email} is {} and cannot order", user.status.told());
    let enable = || CommandLine::new("user enable").argument(&email);
    Err(Error::conflict("user.not_active", message).hints_of((user.status == UserStatus::Disabled).then(enable)))
}

/// Finds the products of all lines and merges lines of the same product.
async fn find_lines(connection: &impl ConnectionTrait, orders: &[NewOrder]) -> Result<Vec<Vec<Line>>> {
    let names = distinct(orders.iter().flat_map(|new| &new.lines).map(|line| line.product.as_str()));
    let products = repository::product::find_named(connection, &names).await?;
    let mut by_name = HashMap::<&str, &product::Model>::new();
    let by_sku: HashMap<&str, &product::Model> =
        products.iter().map(|product| (product.sku.as_str(), product)).collect();
    let mut unknown = Vec::<&str>::new();
    for name in names {
        let named = || repository::product::match_name(&products, name);
        match by_sku.get(name).copied().or_else(named) {
            Some(product) => drop(by_name.insert(name, product)),
            None => unknown.push(name),
        }
    }
    if !unknown.is_empty() {
        return Err(super::product::unknown(&unknown));
    }
    orders.iter().map(|new| merge(new, &by_name)).collect()
}

fn merge(new: &NewOrder, products: &HashMap<&str, &product::Model>) -> Result<Vec<Line>> {
    let mut lines = Vec::<Line>::with_capacity(new.lines.len());
    // A product at two prices has two lines.
    let mut positions = HashMap::<(Id, Option<Money>), usize>::new();
    for new in &new.lines {
        let product = *products.get(new.product.as_str()).ok_or_else(|| super::product::unknown(&[&new.product]))?;
        let key = (product.id, new.unit_price.filter(|price| product.price != *price));
        match positions.get(&key) {
            Some(position) => {
                let line = &mut lines[*position];
                line.quantity = merged(&line.product.sku, line.quantity, new.quantity)?;
            }
            None => {
                positions.insert(key, lines.len());
                lines.push(Line { product: product.clone(), quantity: new.quantity, unit_price: new.unit_price });
            }
        }
    }
    Ok(lines)
}

/// Lists every product with insufficient stock, and its level. Errors: those of [`check_orderable`].
async fn shortage(
    operation: &Operation,
    wanted: &BTreeMap<Id, (i32, &product::Model)>,
    taken: &HashMap<Id, Stored<Money>>,
) -> Result<Error> {
    let is_short = |id: &Id| !taken.contains_key(id);
    let short: Vec<Id> = wanted.keys().filter(|id| is_short(id)).copied().collect();
    // An engine that cannot return updated rows may confuse them with those of an earlier order.
    let asked: Vec<Id> = if short.is_empty() { wanted.keys().copied().collect() } else { short };
    let found = repository::product::find_newest(operation.handle(), &asked).await?;
    check_orderable(&found)?;
    let have = |id: Id| found.iter().find(|found| found.id == id).map_or(0, |found| found.stock_quantity.pieces());
    let wants = asked.iter().filter_map(|id| wanted.get(id)).map(|(more, product)| StockWanted {
        sku: &product.sku,
        have: have(product.id),
        own: 0,
        more: i64::from(*more),
    });
    match check_stock(wants) {
        Ok(()) => Err(operation.handle().outdated("the stock has changed just now").into()),
        Err(shortage) => Ok(shortage),
    }
}

/// Applies the price at the time when the stock was taken.
fn at_current_prices(lines: &mut [Line], prices: &HashMap<Id, Stored<Money>>) {
    for line in lines {
        if let Some(price) = prices.get(&line.product.id) {
            line.product.price = price.clone();
        }
    }
}

fn build(
    operation: &Operation,
    user: &user::Model,
    lines: &[Line],
    new: &NewOrder,
) -> Result<(order::Model, Vec<order_item::Model>)> {
    let id = operation.id_of_new(new.id);
    let placed_at = new.placed_at.unwrap_or(operation.now());
    let amounts: Vec<LineAmount<'_>> = lines.iter().map(Line::amount).collect::<Result<_>>()?;
    let items: Vec<order_item::Model> = lines
        .iter()
        .zip(&amounts)
        .map(|(line, amount)| order_item::Model {
            id: operation.new_id().into(),
            order_id: id,
            product_id: line.product.id,
            quantity: line.quantity.get().into(),
            unit_price: amount.price.into(),
        })
        .collect();
    let total = total(&amounts, new.expected_total)?;
    check_refund_of_past_order(new.status, new.refunded, total)?;
    let order = order::Model {
        id,
        reference: new.reference.clone().unwrap_or_else(|| Reference::from_id(operation.new_id())).into(),
        user_id: user.id,
        status: new.status.into(),
        total_amount: total.into(),
        created_at: placed_at.into(),
        updated_at: if new.status == OrderStatus::Pending { placed_at.into() } else { operation.now().into() },
    };
    Ok((order, items))
}

fn build_movements(
    operation: &Operation,
    order: &order::Model,
    items: &[order_item::Model],
    new: &NewOrder,
) -> Vec<stock_movement::Model> {
    let movement = |item: &order_item::Model, delta: i32, reason: MovementReason| stock_movement::Model {
        order_id: order.id,
        note: new.note.clone(),
        created_at: order.created_at.clone(),
        ..operation.movement(item.product_id, delta, reason)
    };
    let pieces = |item: &order_item::Model| item.quantity.known().unwrap_or_default();
    let taken = items.iter().map(|item| movement(item, -pieces(item), MovementReason::Order));
    let balance = new.balanced_by();
    let given = balance.into_iter().flat_map(|reason| items.iter().map(move |item| (item, reason)));
    taken.chain(given.map(|(item, reason)| movement(item, pieces(item), reason))).collect()
}

/// Post-check (DL-003): own movements = − own quantities, line by line; total = Σ of the lines.
fn check_balance(order: &order::Model, items: &[order_item::Model], movements: &[stock_movement::Model]) -> Result<()> {
    let taken = movements.iter().filter(|movement| movement.delta.pieces() < 0);
    let balanced = items.len() == taken.clone().count()
        && items.iter().zip(taken).all(|(item, movement)| {
            item.product_id == movement.product_id && item.quantity.pieces() == -movement.delta.pieces()
        });
    let sum = items.iter().try_fold(Money::ZERO, |sum, item| {
        let quantity = Quantity::new(item.quantity.pieces()).ok()?;
        sum.checked_plus(item.unit_price.checked_times(quantity)?)
    });
    if balanced && sum.is_some_and(|sum| order.total_amount == sum) {
        return Ok(());
    }
    Err(Error::internal("an order is inconsistent: its movements or its total differ from its lines"))
}
