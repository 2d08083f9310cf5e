//! Changing a pending order: its lines, its customer and its prices. Stock moves by the difference.
//!
//! Pieces that a line gives back are movements with the reason of those that it took, so that these always come to
//! the line's quantity; `restock` is for pieces that come back although the line stays.

mod restore;
mod rules;

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

pub(super) use self::restore::{Restored, last_said, moved_on, restore};
pub use self::rules::ShownOrder;
use self::rules::{check_may_grow, check_own, check_pending, check_shown};
use super::explain::TAKEN;
use super::merge::record_handover;
use super::operation::{Completion, Idempotency, Operation, Operations, Request};
use super::order_lifecycle::{self, RestockedLine, to_json};
use super::place_order::{LineAmount, PlacedOrder, check_may_order, find_replayed, total};
use super::product::{StockWanted, check_orderable, check_stock, known_price, known_stock};
use super::undone::undone_by;
use crate::domain::quantity::MAX_LINES;
use crate::domain::{EventName, Id, IdempotencyKey, Money, MovementReason, Quantity, Violations, reference, sku};
use crate::entity::{order, order_item, product, stock_movement, user};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository::order::OrderAndLines;
use crate::repository::said::NOTE;
use crate::repository::user::UserKey;
use crate::repository::{self, Lock, Rows, expect_rows, stock_movement as movements};

/// A requested change of one order.
#[derive(Debug, Clone)]
pub struct OrderChange {
    /// Reference or id.
    pub order: String,
    /// The new quantities; other lines stay.
    pub lines: Vec<NewQuantity>,
    /// The new customer: e-mail address or id.
    pub user: Option<String>,
    /// Kept in the event and with the stock movements.
    pub note: Option<String>,
    /// The total shown to the buyer: a change to another total is rejected.
    pub expected_total: Option<Money>,
    /// Whether all lines get today's prices, not only new ones.
    pub reprices: bool,
    /// What was shown of the order: if it is another by now, the change is refused.
    pub shown: Option<ShownOrder>,
}

impl OrderChange {
    /// A change of nothing.
    pub fn of(order: String) -> OrderChange {
        let (user, note, expected_total, shown) = (None, None, None, None);
        OrderChange { order, lines: Vec::new(), user, note, expected_total, reprices: false, shown }
    }
}

/// The new quantity of a product in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuantity {
    /// SKU or id.
    pub product: String,
    /// The pieces of all lines of the product together; `None` removes them.
    pub quantity: Option<Quantity>,
}

/// The result of a change.
#[derive(Debug, Clone)]
pub struct ChangedOrder {
    /// The order before; `None` for a replay.
    pub before: Option<PlacedOrder>,
    /// The order after; equal to `before` if unchanged.
    pub after: PlacedOrder,
    /// False if the order was like that already.
    pub changed: bool,
    /// Pieces that were taken from stock, by product; less than 0 for those that went back.
    pub taken: Vec<RestockedLine>,
    /// For a replay: the operation by which the change is taken back, if it is.
    pub undone_by: Option<Id>,
}

/// Changes an order in a separate operation.
///
/// Errors: exit 3 for an unknown order, user or product; 6 for an order that is not pending, a user who may not
/// order, retired products, insufficient stock, another total than the expected one or no lines left; 7 for a product that is named
/// twice or too many lines.
pub async fn run(operations: &Operations, wanted: &OrderChange, key: Option<IdempotencyKey>) -> Result<ChangedOrder> {
    check_names(wanted)?;
    let request = Request {
        idempotency: key.map(|key| Idempotency::new(key, EventName::OrderChange, &fingerprint(wanted))),
        ..Request::new(EventName::OrderChange)
    };
    match operations.run(&request, async |operation| apply(operation, wanted).await).await? {
        Completion::Done(changed) => Ok(changed),
        Completion::Replayed(event) => {
            let after = find_replayed(operations, event.entity_id).await?;
            let undone_by = undone_by(operations.database.connection(), event.operation_id).await?;
            Ok(ChangedOrder { before: None, after, changed: false, taken: Vec::new(), undone_by })
        }
    }
}

/// What [`run`] would do: it is done and rolled back.
///
/// Errors: those of [`run`].
pub async fn rehearse(operations: &Operations, wanted: &OrderChange) -> Result<ChangedOrder> {
    run(&Operations { dry_run: true, ..operations.clone() }, wanted, None).await
}

/// Errors: exit 7 for a product that is named twice.
fn check_names(wanted: &OrderChange) -> Result<()> {
    let mut violations = Violations::new();
    for (number, line) in wanted.lines.iter().enumerate() {
        let name = sku::folded(&line.product);
        if wanted.lines[..number].iter().any(|earlier| sku::folded(&earlier.product) == name) {
            violations.add("item", named_twice(&line.product));
        }
    }
    violations.into_result()
}

fn named_twice(product: &str) -> String {
    format!("{} is given twice: give its new quantity once", printable(product))
}

/// Equivalent requests have the same fingerprint, independent of the order of their lines.
fn fingerprint(wanted: &OrderChange) -> Json {
    let quantity = |line: &NewQuantity| (sku::folded(&line.product), line.quantity.map_or(0, Quantity::get));
    let lines: BTreeMap<String, i32> = wanted.lines.iter().map(quantity).collect();
    json!({
        "order": reference::folded(&wanted.order),
        "lines": lines,
        "user": wanted.user.as_ref().map(|user| user.trim().to_lowercase()),
        "note": wanted.note,
        "reprice": wanted.reprices,
    })
}

/// Changes an order on an open operation. Statements: order, users, lines, movements, named products, all products,
/// stock taken and given back, order, lines removed, changed and added, movements (the event is the operation's).
pub async fn apply(operation: &mut Operation, wanted: &OrderChange) -> Result<ChangedOrder> {
    let found = repository::order::find_for_update(operation.handle(), &wanted.order).await?;
    let before = found.ok_or_else(|| order_lifecycle::unknown(&wanted.order))?;
    operation.set_subject(before.id)?;
    check_pending(&before, wanted)?;
    let old_user = repository::user::find_by_id_for_share(operation.handle(), before.user_id).await?;
    let user = match &wanted.user {
        None => old_user.clone(),
        Some(name) => {
            let found = repository::user::find_one(operation.handle(), UserKey::parse(name), Lock::Share).await?;
            let user = found.ok_or_else(|| super::user::unknown(name))?;
            check_may_order(&user)?;
            Some(user)
        }
    };
    let items = repository::order::find_latest_items(operation.handle(), before.id).await?;
    check_shown(&before, &items, wanted.shown.as_ref())?;
    check_own(&before, &items, &movements::find_latest_by_order(operation.handle(), before.id).await?)?;
    let (named, products) = find_products(operation, &items, wanted).await?;
    let lines = Lines { order: &before, products: &products };
    let after_items = lines.change(operation, &items, &named, wanted.reprices)?;
    let difference = difference(&items, &after_items);
    check_may_grow(user.as_ref(), &difference)?;
    lines.check_stock(&items, &difference)?;
    let total_amount = lines.total(&after_items, wanted.expected_total)?;
    let user_id = user.as_ref().map_or(before.user_id, |user| user.id);
    let changed = items != after_items || user_id != before.user_id;
    let after = match changed {
        true => {
            let (total_amount, updated_at) = (total_amount.into(), operation.now().into());
            order::Model { user_id, total_amount, updated_at, ..before.clone() }
        }
        false => before.clone(),
    };
    let taken = lines.taken(&difference)?;
    if changed {
        let (old, new) = ((&before, &items[..]), (&after, &after_items[..]));
        write(operation, old, new, &taken, wanted.note.as_deref()).await?;
        record_customers(operation, old_user.as_ref(), user.as_ref(), &before);
    }
    let after = PlacedOrder {
        order: after,
        user,
        items: lines.with_products(after_items),
        refunds: Vec::new(),
        replayed: false,
    };
    let items = lines.with_products(items);
    let before = Some(PlacedOrder { order: before, user: old_user, items, refunds: Vec::new(), replayed: false });
    Ok(ChangedOrder { before, after, changed, taken, undone_by: None })
}

/// The pieces of each product.
fn quantities(items: &[order_item::Model]) -> BTreeMap<Id, i64> {
    let mut pieces = BTreeMap::new();
    items.iter().for_each(|item| *pieces.entry(item.product_id).or_default() += item.quantity.pieces());
    pieces
}

/// The pieces of each product that are taken, less than 0 for those that are given back; none of 0.
fn difference(before: &[order_item::Model], after: &[order_item::Model]) -> BTreeMap<Id, i64> {
    let mut pieces = quantities(after);
    quantities(before).into_iter().for_each(|(id, quantity)| *pieces.entry(id).or_default() -= quantity);
    pieces.retain(|_, pieces| *pieces != 0);
    pieces
}

/// Records that the order went to another customer.
fn record_customers(
    operation: &mut Operation,
    from: Option<&user::Model>,
    to: Option<&user::Model>,
    before: &order::Model,
) {
    if let Some(to) = to.filter(|to| to.id != before.user_id) {
        record_handover(operation, from, to, before);
    }
}

/// The named products with their new quantities, in the order of the request.
type Named = Vec<(Id, Option<Quantity>)>;

/// Finds the named products, and locks them and those of the order in id order.
///
/// Errors: exit 3 naming every unknown product; exit 7 for a product that is named by its SKU and its id.
async fn find_products(
    operation: &Operation,
    items: &[order_item::Model],
    wanted: &OrderChange,
) -> Result<(Named, HashMap<Id, product::Model>)> {
    let names: Vec<&str> = wanted.lines.iter().map(|line| line.product.as_str()).collect();
    let found = match names.is_empty() {
        true => Vec::new(),
        false => repository::product::find_named(operation.handle(), &names).await?,
    };
    let (mut named, mut unknown) = (Named::new(), Vec::new());
    for line in &wanted.lines {
        match repository::product::match_name(&found, &line.product) {
            None => unknown.push(line.product.as_str()),
            Some(product) if named.iter().any(|(id, _)| *id == product.id) => {
                return Err(Violations::single("item", named_twice(&line.product)).into_error());
            }
            Some(product) => named.push((product.id, line.quantity)),
        }
    }
    if !unknown.is_empty() {
        return Err(super::product::unknown(&unknown));
    }
    let mut ids: Vec<Id> = items.iter().map(|item| item.product_id).chain(named.iter().map(|(id, _)| *id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let products = repository::product::find_many_for_update(operation.handle(), &ids).await?;
    Ok((named, products.into_iter().map(|product| (product.id, product)).collect()))
}

/// The lines of an order, with the locked products.
struct Lines<'a> {
    order: &'a order::Model,
    products: &'a HashMap<Id, product::Model>,
}

impl Lines<'_> {
    fn sku(&self, id: Id) -> String {
        self.products.get(&id).map_or_else(|| id.to_string(), |product| product.sku.or_id(id))
    }

    /// Today's price. Errors: exit 3 for a product that another program removed.
    fn price(&self, id: Id) -> Result<Money> {
        let product = self.products.get(&id).ok_or_else(|| super::product::unknown(&[&id.to_string()]))?;
        known_price(&product.sku, &product.price)
    }

    /// The lines with the new quantities and prices.
    fn change(
        &self,
        operation: &Operation,
        items: &[order_item::Model],
        named: &Named,
        reprices: bool,
    ) -> Result<Vec<order_item::Model>> {
        let name = printable(&self.order.reference);
        let (mut after, mut absent) = (items.to_vec(), Vec::new());
        for (product_id, quantity) in named {
            if let Some(quantity) = quantity {
                self.set(operation, &mut after, *product_id, *quantity)?;
            } else if after.iter().any(|item| item.product_id == *product_id) {
                after.retain(|item| item.product_id != *product_id);
            } else {
                absent.push(printable(&self.sku(*product_id)));
            }
        }
        if !absent.is_empty() {
            return Err(order_lifecycle::has_no(self.order, &absent));
        }
        if after.is_empty() {
            let message = format!("order {name} would have no lines left");
            return Err(Error::conflict("order.no_lines", message)
                .hint(Hint::from("to cancel it: ").and(CommandLine::new("order cancel").argument(&name))));
        }
        if after.len() > MAX_LINES {
            let problem = format!("{} lines exceed the maximum of {MAX_LINES}", after.len());
            return Err(Violations::single("item", problem).into_error());
        }
        for item in after.iter_mut().filter(|_| reprices) {
            item.unit_price = self.price(item.product_id)?.into();
        }
        Ok(after)
    }

    /// Sets the quantity of a product. In an order with several lines of it, at several prices, the newest is
    /// raised, and the newest are lowered first.
    fn set(
        &self,
        operation: &Operation,
        lines: &mut Vec<order_item::Model>,
        product_id: Id,
        quantity: Quantity,
    ) -> Result<()> {
        let now: i64 =
            lines.iter().filter(|item| item.product_id == product_id).map(|item| item.quantity.pieces()).sum();
        let mut more = i64::from(quantity.get()) - now;
        let mut own: Vec<_> = lines.iter_mut().filter(|item| item.product_id == product_id).collect();
        if own.is_empty() {
            lines.push(order_item::Model {
                id: operation.new_id().into(),
                order_id: self.order.id,
                product_id,
                quantity: quantity.get().into(),
                unit_price: self.price(product_id)?.into(),
            });
            return Ok(());
        }
        for item in own.iter_mut().rev() {
            let pieces = (item.quantity.pieces() + more).max(0);
            more += item.quantity.pieces() - pieces;
            item.quantity = i32::try_from(pieces).unwrap_or(i32::MAX).into();
        }
        lines.retain(|item| item.quantity != 0);
        Ok(())
    }

    /// Errors: exit 6 naming each product of which more is wanted and that is retired, or has too few pieces in stock.
    fn check_stock(&self, before: &[order_item::Model], difference: &BTreeMap<Id, i64>) -> Result<()> {
        let raised = difference.iter().filter(|(_, more)| **more > 0);
        check_orderable(raised.filter_map(|(id, _)| self.products.get(id)))?;
        let own = quantities(before);
        let mut wants = Vec::new();
        for (id, more) in difference.iter().filter(|(_, more)| **more > 0) {
            let product = self.products.get(id).ok_or_else(|| super::product::unknown(&[&id.to_string()]))?;
            let (have, own) = (i64::from(known_stock(product)?), own.get(id).copied().unwrap_or(0));
            wants.push(StockWanted { sku: &product.sku, have, own, more: *more });
        }
        check_stock(wants)
    }

    /// Errors: as for placing an order; exit 6 for a line whose price another program wrote and is no amount.
    fn total(&self, items: &[order_item::Model], expected: Option<Money>) -> Result<Money> {
        let skus: Vec<String> = items.iter().map(|item| self.sku(item.product_id)).collect();
        let amount = |item: &order_item::Model, sku: &str| {
            let quantity = Quantity::new(item.quantity.pieces())
                .map_err(|problem| Violations::single(&format!("quantity of {sku}"), problem).into_error())?;
            let Some(price) = item.unit_price.known() else {
                let message = format!("the price of {} in the order is not an amount", printable(sku));
                return Err(
                    Error::conflict("order.odd_price", message).hint("--reprice applies today's prices to all lines")
                );
            };
            Ok((quantity, price))
        };
        let mut amounts = Vec::with_capacity(items.len());
        for (item, sku) in items.iter().zip(&skus) {
            let (quantity, price) = amount(item, sku)?;
            amounts.push(LineAmount { sku, quantity, price });
        }
        total(&amounts, expected)
    }

    /// The difference in the form of events.
    fn taken(&self, difference: &BTreeMap<Id, i64>) -> Result<Vec<RestockedLine>> {
        let line = |(id, pieces): (&Id, &i64)| {
            let quantity = i32::try_from(*pieces).map_err(|_| Error::internal("a line has too many units"))?;
            Ok(RestockedLine { product_id: *id, sku: self.sku(*id), quantity })
        };
        difference.iter().map(line).collect()
    }

    fn with_products(&self, items: Vec<order_item::Model>) -> Vec<repository::order::ItemWithProduct> {
        let with_product = |item: order_item::Model| {
            let product = self.products.get(&item.product_id).cloned();
            (item, product)
        };
        items.into_iter().map(with_product).collect()
    }
}

/// Moves the stock and writes the order with its lines.
async fn write(
    operation: &mut Operation,
    before: OrderAndLines<'_>,
    after: OrderAndLines<'_>,
    taken: &[RestockedLine],
    note: Option<&str>,
) -> Result<()> {
    let rows = move_stock(operation, after.0, taken, note).await?;
    let extra = extra(note, taken);
    let names: &[_] = if note.is_some() { &[NOTE] } else { &[] };
    let said = (order_lifecycle::replaced(operation, before.0.id, names).await?, extra);
    let change = repository::order::change_lines(operation.handle(), before, after, said).await?;
    operation.record(rows.into_iter().fold(change, repository::Change::with_rows));
    Ok(())
}

/// Takes and gives back the pieces of locked products and appends their movements; the order's change covers the rows.
async fn move_stock(
    operation: &Operation,
    order: &order::Model,
    taken: &[RestockedLine],
    note: Option<&str>,
) -> Result<Vec<Rows>> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    let (out, back): (Vec<&RestockedLine>, Vec<_>) = taken.iter().partition(|line| line.quantity > 0);
    if !out.is_empty() {
        let out: Vec<(Id, i32)> = out.iter().map(|line| (line.product_id, line.quantity)).collect();
        let (_, moved) = repository::product::take_stock(operation.handle(), &out, operation.now()).await?;
        expect_rows(moved.count(), out.len())?;
        rows.push(moved);
    }
    if !back.is_empty() {
        let given = |line: &RestockedLine| RestockedLine { quantity: -line.quantity, ..line.clone() };
        let back: Vec<RestockedLine> = back.into_iter().map(given).collect();
        rows.push(order_lifecycle::return_to_stock(operation, &back, None).await?);
    }
    let movement = |line: &RestockedLine| stock_movement::Model {
        order_id: order.id,
        note: note.map(str::to_owned),
        ..operation.movement(line.product_id, -line.quantity, MovementReason::Order)
    };
    let moved: Vec<stock_movement::Model> = taken.iter().map(movement).collect();
    rows.push(movements::create_many(operation.handle(), &moved).await?);
    Ok(rows)
}

/// Additional data of the event.
fn extra(note: Option<&str>, taken: &[RestockedLine]) -> Map<String, Json> {
    let mut extra = Map::new();
    extra.extend(note.map(|note| (NOTE.to_owned(), json!(note))));
    if !taken.is_empty() {
        extra.insert(TAKEN.to_owned(), to_json(taken));
    }
    extra
}
