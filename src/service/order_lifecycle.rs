//! Moving an order through its lifecycle (BR-002): pay, ship, complete, cancel, expire, refund.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use super::operation::{Completion, Idempotency, Operation, Operations, Request};
use crate::domain::order_status::{self, Decision, StockEffect, Transition, Verb};
use crate::domain::{Id, IdempotencyKey, MovementReason, OrderStatus, Quantity, reference};
use crate::entity::{Moment, Stored, audit_event, order, order_item, stock_movement};
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::repository::order::ItemWithProduct;
use crate::repository::{self, Lock};

mod repetition;

/// The event member for pieces restocked by the order's lines.
const BY_ITS_LINES: &str = "restored_by_its_lines";

/// A requested transition of one order.
#[derive(Debug, Clone)]
pub struct OrderTransition {
    /// Reference or id.
    pub order: String,
    pub verb: Verb,
    pub reason: Option<String>,
    /// Kept in the event and with the stock movements.
    pub note: Option<String>,
    /// The parcel's number, kept in the event.
    pub tracking: Option<String>,
    pub restock: Restock,
    /// Only if it was placed before this time.
    pub placed_before: Option<DateTime<Utc>>,
}

impl OrderTransition {
    /// A transition without further data.
    pub fn new(order: String, verb: Verb) -> OrderTransition {
        let (reason, note, tracking, placed_before) = (None, None, None, None);
        OrderTransition { order, verb, reason, note, tracking, restock: Restock::AsUsual, placed_before }
    }
}

/// What to restock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restock {
    /// The default of the lifecycle table.
    AsUsual,
    Nothing,
    Everything,
    /// These products (SKU or id) with the number of pieces, or all that the order took.
    Lines(Vec<(String, Option<Quantity>)>),
}

/// The result of a transition.
#[derive(Debug, Clone)]
pub struct TransitionResult {
    pub before: order::Model,
    pub after: order::Model,
    /// False if the order already had the status.
    pub changed: bool,
    pub replayed: bool,
    pub restored: Vec<RestockedLine>,
    /// Whether pieces were restocked by the order's lines, because it has no movements: another program
    /// placed it.
    pub by_its_lines: bool,
    /// Whether everything was to be restocked.
    pub meant_everything: bool,
}

impl TransitionResult {
    /// The result for an order that already has the status.
    fn unchanged(order: order::Model) -> TransitionResult {
        let (changed, replayed, by_its_lines, meant_everything) = (false, false, false, false);
        let (before, after, restored) = (order.clone(), order, Vec::new());
        TransitionResult { before, after, changed, replayed, restored, by_its_lines, meant_everything }
    }
}

/// Restocked pieces of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestockedLine {
    pub product_id: Id,
    pub sku: String,
    pub quantity: i32,
}

impl RestockedLine {
    /// The restocked pieces in an event.
    fn read(after: &Json) -> Vec<RestockedLine> {
        let line = |line: &Json| {
            Some(RestockedLine {
                product_id: Id::of_text(line["product_id"].as_str()?),
                sku: line["sku"].as_str()?.to_owned(),
                quantity: i32::try_from(line["quantity"].as_i64()?).ok()?,
            })
        };
        after["restored"].as_array().into_iter().flatten().filter_map(line).collect()
    }
}

/// Moves one order in a separate operation.
///
/// Errors: exit 3; exit 6 for an illegal transition, for more pieces than the order took, or a key used
/// for another request.
pub async fn run(
    operations: &Operations,
    wanted: &OrderTransition,
    key: Option<IdempotencyKey>,
) -> Result<TransitionResult> {
    let name = wanted.verb.operation();
    let request = Request {
        reason: wanted.reason.clone().or_else(|| (wanted.verb == Verb::Expire).then(|| "expired".to_owned())),
        idempotency: key.map(|key| Idempotency::new(key, name, &fingerprint(wanted))),
        ..Request::new(name)
    };
    let is_keyed = request.idempotency.is_some();
    match operations.run(&request, async |operation| apply_as(operation, wanted, is_keyed).await).await? {
        Completion::Done(moved) => Ok(moved),
        Completion::Replayed(event) => {
            let id = event.entity_id.unwrap_or_default();
            let order = repository::order::find_by_id(operations.database.connection(), id).await?;
            let order = order.ok_or_else(|| Error::not_found("order", id))?;
            Ok(replay(&order, &event))
        }
    }
}

/// The first result, replayed from its event.
fn replay(order: &order::Model, event: &audit_event::Model) -> TransitionResult {
    let (before, after) = event.documents();
    let at = |data: &Json| order::Model {
        status: data["status"].as_str().map_or(order.status.clone(), Stored::from),
        updated_at: data["updated_at"].as_str().map_or(order.updated_at.clone(), Moment::from_stored),
        ..order.clone()
    };
    let restored = RestockedLine::read(&after);
    let by_its_lines = after[BY_ITS_LINES] == true;
    TransitionResult {
        after: at(&after),
        replayed: true,
        restored,
        by_its_lines,
        ..TransitionResult::unchanged(at(&before))
    }
}

/// Equivalent requests have the same fingerprint, independent of how the order is spelled.
fn fingerprint(wanted: &OrderTransition) -> Json {
    let order = reference::folded(&wanted.order);
    let restock = match &wanted.restock {
        Restock::AsUsual => json!("as usual"),
        Restock::Nothing => json!("nothing"),
        Restock::Everything => json!("everything"),
        Restock::Lines(lines) => {
            let mut lines: Vec<_> = lines
                .iter()
                .map(|(product, pieces)| (product.to_ascii_uppercase(), pieces.map(Quantity::get)))
                .collect();
            lines.sort();
            json!(lines)
        }
    };
    json!({ "order": order, "restock": restock, "reason": wanted.reason, "note": wanted.note })
}

/// Moves an order on an open operation. The order's row is locked first, so that concurrent transitions
/// wait and then see the new status.
pub async fn apply(operation: &mut Operation, wanted: &OrderTransition) -> Result<TransitionResult> {
    apply_as(operation, wanted, false).await
}

/// As [`apply`]; a request with a new key is never treated as a repetition.
async fn apply_as(operation: &mut Operation, wanted: &OrderTransition, is_keyed: bool) -> Result<TransitionResult> {
    let found = repository::order::find_named(operation.handle(), &wanted.order, Lock::Update).await?;
    let before = found.ok_or_else(|| unknown(&wanted.order))?;
    operation.set_subject(before.id);
    let Some(transition) = transition(&before, wanted)? else {
        return repetition::apply(operation, before, wanted, is_keyed).await;
    };
    let plan = RestockPlan::load(operation, &before, &restock_for(transition, &wanted.restock)).await?;
    write(operation, before, wanted, transition.verb.leads_to(), transition.stock, plan).await
}

/// An order's lines and the pieces to restock.
struct RestockPlan {
    items: Vec<ItemWithProduct>,
    restored: Vec<RestockedLine>,
    /// As in [`TransitionResult`].
    by_its_lines: bool,
    /// As in [`TransitionResult`].
    meant_everything: bool,
}

impl RestockPlan {
    async fn load(operation: &Operation, order: &order::Model, what: &Restock) -> Result<RestockPlan> {
        let items = repository::order::find_items(operation.handle(), order.id).await?;
        let (mut restored, mut by_its_lines) = (Vec::new(), false);
        if matches!(what, Restock::Everything | Restock::Lines(_)) {
            let movements = repository::stock_movement::find_by_order(operation.handle(), order.id).await?;
            let taken = OrderStock::new(order, &items, &movements)?;
            restored = taken.choose(order, &items, what)?;
            by_its_lines = restored.iter().any(|line| taken.by_its_lines.contains(&line.product_id));
        }
        Ok(RestockPlan { items, restored, by_its_lines, meant_everything: *what == Restock::Everything })
    }
}

/// Sets the order's status and restocks its pieces.
async fn write(
    operation: &mut Operation,
    before: order::Model,
    wanted: &OrderTransition,
    status: OrderStatus,
    effect: StockEffect,
    plan: RestockPlan,
) -> Result<TransitionResult> {
    let RestockPlan { items, restored, by_its_lines, meant_everything } = plan;
    let after = order::Model { status: status.into(), updated_at: operation.now().into(), ..before.clone() };
    let stock_rows = restore(operation, &before, &restored, wanted.note.as_deref()).await?;
    let items: Vec<order_item::Model> = items.into_iter().map(|(item, _)| item).collect();
    let more = more(wanted, effect, &restored, by_its_lines);
    let change = repository::order::change_status(operation.handle(), &before, &after, &items, more).await?;
    operation.record(stock_rows.into_iter().fold(change, repository::Change::with_rows));
    Ok(TransitionResult { before, after, changed: true, replayed: false, restored, by_its_lines, meant_everything })
}

/// The hint for an unknown order.
pub fn unknown_hint() -> Hint {
    CommandLine::new("order list --user WHO").and(" finds a customer's orders")
}

/// Exits with 3 if the order does not exist.
pub fn unknown(name: &str) -> Error {
    Error::not_found("order", name).hint(unknown_hint())
}

/// Errors: exit 6 for an illegal transition.
pub fn check(order: &order::Model, wanted: &OrderTransition) -> Result<()> {
    transition(order, wanted).map(drop)
}

/// The transition, or `None` if the order already has the status.
fn transition(order: &order::Model, wanted: &OrderTransition) -> Result<Option<Transition>> {
    let name = printable(&order.reference);
    let Some(status) = order.status.known() else {
        return Err(Error::conflict(
            "order.status_unknown",
            format!(
                "order {name} has the status {}, which shopctl does not know",
                printable(&order.status.to_string())
            ),
        ));
    };
    match order_status::decide(status, wanted.verb) {
        Decision::AlreadyReached => Ok(None),
        Decision::Allowed(_) if wanted.placed_before.is_some_and(|time| !is_before(order, time)) => {
            Err(Error::conflict("order.too_young", format!("order {name} is not old enough to expire")))
        }
        Decision::Allowed(transition) => Ok(Some(transition)),
        // The order has moved on since the list was made: it need not expire.
        Decision::Refused if wanted.verb == Verb::Expire => Ok(None),
        Decision::Refused => Err(refused(&name, status, wanted)),
    }
}

fn is_before(order: &order::Model, time: DateTime<Utc>) -> bool {
    matches!(order.created_at, Moment::Known(created) if created < time)
}

fn refused(name: &str, status: OrderStatus, wanted: &OrderTransition) -> Error {
    let verb = wanted.verb;
    let allowed: Vec<&str> = order_status::allowed(status).map(Verb::as_str).collect();
    let details = json!({ "status": status.as_str(), "verb": verb.as_str(), "allowed": allowed });
    let error = |message: String| Error::conflict("order.transition", message).details(details.clone());
    if allowed.is_empty() {
        return error(format!("order {name} is {}, which is final", status.as_str()));
    }
    let refusal = error(format!("order {name} is {}; allowed: {}", status.as_str(), allowed.join(", ")));
    if verb == Verb::Cancel && allowed.contains(&Verb::Refund.as_str()) {
        // Cancelled means that no money is held.
        let refund = CommandLine::like("order refund").argument(name).without("--file");
        return refusal.hint(Hint::from("the money goes back with: ").and(refund));
    }
    refusal.hint(CommandLine::anywhere("help lifecycle"))
}

/// The caller's request, or the default of the table.
fn restock_for(transition: Transition, wanted: &Restock) -> Restock {
    match (wanted, transition.stock) {
        (Restock::AsUsual, StockEffect::Restored) => Restock::Everything,
        (Restock::AsUsual, _) | (_, StockEffect::None) => Restock::Nothing,
        (asked, _) => asked.clone(),
    }
}

/// An order's effect on the stock of each product.
struct OrderStock {
    pieces: Vec<ProductPieces>,
    /// Products in its lines without a movement: another program took them.
    by_its_lines: Vec<Id>,
}

/// Pieces of one product.
struct ProductPieces {
    product: Id,
    taken: i64,
    back: i64,
}

impl ProductPieces {
    /// Pieces that can still be restocked.
    fn left(&self) -> i64 {
        (self.taken - self.back).max(0)
    }

    /// `2 were taken, 1 of them is back: 1 can still come back`
    fn describe(&self) -> String {
        let were = |count: i64| if count == 1 { "is" } else { "are" };
        let taken = match self.taken {
            1 => "1 was taken".to_owned(),
            taken => format!("{taken} were taken"),
        };
        match (self.back, self.left()) {
            (0, _) => taken,
            (back, 0) => format!("{taken}, {back} {} back already, none can still come back", were(back)),
            (back, left) => format!("{taken}, {back} {} back already, {left} can still come back", were(back)),
        }
    }
}

impl OrderStock {
    /// Errors: exit 6 if another program stored an invalid quantity.
    fn new(order: &order::Model, items: &[ItemWithProduct], movements: &[stock_movement::Model]) -> Result<OrderStock> {
        let known = |pieces: &Stored<i32>| pieces.known().map(i64::from).ok_or_else(|| odd_pieces(order, pieces));
        let mut taken = OrderStock { pieces: Vec::new(), by_its_lines: Vec::new() };
        for movement in movements {
            let delta = known(&movement.delta)?;
            taken.add(movement.product_id, (-delta).max(0), delta.max(0));
        }
        let is_taken = |id: Id| {
            movements.iter().any(|movement| movement.product_id == id && movement.reason == MovementReason::Order)
        };
        for (item, _) in items.iter().filter(|(item, _)| !is_taken(item.product_id)) {
            taken.add(item.product_id, known(&item.quantity)?, 0);
            taken.by_its_lines.push(item.product_id);
        }
        Ok(taken)
    }

    fn add(&mut self, product: Id, taken: i64, back: i64) {
        match self.pieces.iter_mut().find(|pieces| pieces.product == product) {
            Some(pieces) => {
                pieces.taken += taken;
                pieces.back += back;
            }
            None => self.pieces.push(ProductPieces { product, taken, back }),
        }
    }

    fn find(&self, product: Id) -> Option<&ProductPieces> {
        self.pieces.iter().find(|pieces| pieces.product == product)
    }

    /// The pieces of a product that can be restocked.
    fn left(&self, product: Id) -> i64 {
        self.find(product).map_or(0, ProductPieces::left)
    }

    /// The pieces of each product to restock, never more than were taken.
    ///
    /// Errors: exit 3 for a product that is not in the order; exit 6 naming each product with more requested
    /// pieces than can be restocked.
    fn choose(&self, order: &order::Model, items: &[ItemWithProduct], what: &Restock) -> Result<Vec<RestockedLine>> {
        let named = |id: Id| items.iter().find(|(item, _)| item.product_id == id).and_then(|(_, found)| found.as_ref());
        let restored = |id: Id, pieces: i64| {
            let sku = named(id).map_or_else(|| id.to_string(), |product| product.sku.clone());
            let quantity = i32::try_from(pieces).map_err(|_| Error::internal("an order took too many pieces"))?;
            Ok(RestockedLine { product_id: id, sku, quantity })
        };
        let Restock::Lines(lines) = what else {
            let everything = self.pieces.iter().filter(|pieces| pieces.left() > 0);
            // A deleted product cannot be restocked.
            return everything
                .filter(|pieces| named(pieces.product).is_some())
                .map(|pieces| restored(pieces.product, pieces.left()))
                .collect();
        };
        let products = find_products(order, items, lines)?;
        let mut chosen = Vec::<(Id, i64)>::new();
        for (product, (_, quantity)) in products.into_iter().zip(lines) {
            let pieces = quantity.map_or_else(|| self.left(product), |quantity| i64::from(quantity.get()));
            match chosen.iter_mut().find(|(id, _)| *id == product) {
                Some((_, sum)) => *sum += pieces,
                None => chosen.push((product, pieces)),
            }
        }
        let too_much = chosen.iter().filter(|(id, pieces)| *pieces > self.left(*id)).map(|(id, pieces)| {
            let sku = named(*id).map_or_else(|| id.to_string(), |product| printable(&product.sku));
            let description = self.find(*id).map_or_else(|| "none were taken".to_owned(), ProductPieces::describe);
            format!("{sku}: {pieces} to be restored, {description}")
        });
        let too_much: Vec<String> = too_much.collect();
        if !too_much.is_empty() {
            let message = format!("order {}: {}", shown(order), too_much.join("; "));
            return Err(Error::conflict("order.restock_too_much", message));
        }
        chosen.into_iter().filter(|(_, pieces)| *pieces > 0).map(|(id, pieces)| restored(id, pieces)).collect()
    }
}

/// The order's product that each line names.
///
/// Errors: exit 3 naming every unknown product.
fn find_products(
    order: &order::Model,
    items: &[ItemWithProduct],
    lines: &[(String, Option<Quantity>)],
) -> Result<Vec<Id>> {
    let find = |name: &str| {
        let mut products = items.iter().filter_map(|(_, product)| product.as_ref());
        products.find(|product| repository::product::matches_name(product, name)).map(|product| product.id)
    };
    let unknown: Vec<String> =
        lines.iter().filter(|(name, _)| find(name).is_none()).map(|(name, _)| printable(name)).collect();
    if unknown.is_empty() {
        return Ok(lines.iter().filter_map(|(name, _)| find(name)).collect());
    }
    let message = format!("order {} has no {}", shown(order), unknown.join(", "));
    Err(Error::new(Kind::NotFound, "product.not_found", message)
        .hint(CommandLine::new("order show").argument(&shown(order))))
}

fn odd_pieces(order: &order::Model, pieces: &Stored<i32>) -> Error {
    let (name, pieces) = (shown(order), printable(&pieces.to_string()));
    Error::conflict(
        "order.odd_pieces",
        format!("order {name} has {pieces} pieces of a product, which is not a whole number"),
    )
    .hint("give --no-restock, and correct the stock")
}

/// An order's reference for a message.
fn shown(order: &order::Model) -> String {
    printable(&order.reference)
}

/// Restocks the pieces and appends their movements; the order's change covers the rows.
async fn restore(
    operation: &Operation,
    order: &order::Model,
    restored: &[RestockedLine],
    note: Option<&str>,
) -> Result<Vec<repository::Rows>> {
    if restored.is_empty() {
        return Ok(Vec::new());
    }
    let quantities: Vec<(Id, i32)> = restored.iter().map(|line| (line.product_id, line.quantity)).collect();
    let rows = repository::product::return_stock(operation.handle(), &quantities, operation.now()).await?;
    if rows.count() != restored.len() as u64 {
        let skus: Vec<_> = restored.iter().map(|line| printable(&line.sku)).collect();
        let message = format!("{}: the stock cannot take the pieces back", skus.join(", "));
        return Err(Error::conflict("stock.too_much", message).hint("give --no-restock, and correct the stock"));
    }
    let movements: Vec<_> = restored
        .iter()
        .map(|line| stock_movement::Model {
            order_id: Some(order.id),
            note: note.map(str::to_owned),
            ..operation.movement(line.product_id, line.quantity, MovementReason::Restock)
        })
        .collect();
    Ok(vec![rows, repository::stock_movement::create_many(operation.handle(), &movements).await?])
}

/// Additional data of the event.
fn more(
    wanted: &OrderTransition,
    effect: StockEffect,
    restored: &[RestockedLine],
    by_its_lines: bool,
) -> Map<String, Json> {
    let mut more = Map::new();
    let texts = [("tracking", &wanted.tracking), ("note", &wanted.note)];
    more.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
    if effect != StockEffect::None {
        more.insert("restored".to_owned(), to_json(restored));
    }
    if by_its_lines {
        more.insert(BY_ITS_LINES.to_owned(), json!(true));
    }
    more
}

/// Restored pieces in the form of events and output.
pub fn to_json(restored: &[RestockedLine]) -> Json {
    let line =
        |line: &RestockedLine| json!({ "sku": line.sku, "product_id": line.product_id, "quantity": line.quantity });
    restored.iter().map(line).collect()
}
