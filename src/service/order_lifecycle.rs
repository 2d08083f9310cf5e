//! Moving an order through its lifecycle (BR-002): pay, ship, complete, cancel, expire, refund, and taking pieces back.

mod note;
mod order_stock;
mod refund;
mod repetition;
mod restock;
mod said;
mod shipments;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

pub use self::note::{NoteResult, set_note};
use self::order_stock::OrderStock;
pub(super) use self::order_stock::has_no;
pub use self::refund::RefundScope;
pub(super) use self::refund::{Balance, check_refund_of_past_order, refund_of_past_order};
pub use self::restock::{OrderRestock, restock};
use self::said::Said;
pub(super) use self::said::replaced;
pub use self::shipments::run_together;
use super::operation::{Completion, Idempotency, Operation, Operations, Request};
use crate::domain::order_status::{self, Decision, StockEffect, Transition, Verb};
use crate::domain::{Id, IdempotencyKey, MovementReason, OrderStatus, Quantity, reference};
use crate::entity::{Moment, Stored, audit_event, order, order_item, stock_movement};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository;
use crate::repository::order::{ItemWithProduct, OrderChange, Refund};

/// The event member for pieces restocked by the order's lines.
const BY_ITS_LINES: &str = "restored_by_its_lines";

/// A requested transition of one order.
#[derive(Debug, Clone)]
pub struct OrderTransition {
    /// Reference or id.
    pub order: String,
    /// The transition to make.
    pub verb: Verb,
    /// The reason recorded in the event.
    pub reason: Option<String>,
    /// Kept in the event and with the stock movements.
    pub note: Option<String>,
    /// The parcel's number, kept in the event.
    pub tracking: Option<String>,
    /// What to restock, if the transition allows it.
    pub restock: Restock,
    /// What to give back, for a refund.
    pub refund: RefundScope,
    /// Only if it was placed before this time.
    pub placed_before: Option<DateTime<Utc>>,
}

impl OrderTransition {
    /// A transition without further data.
    pub fn new(order: String, verb: Verb) -> OrderTransition {
        let (reason, note, tracking, placed_before) = (None, None, None, None);
        let (restock, refund) = (Restock::AsUsual, RefundScope::default());
        OrderTransition { order, verb, reason, note, tracking, restock, refund, placed_before }
    }
}

/// What to restock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restock {
    /// The default of the lifecycle table.
    AsUsual,
    /// No pieces.
    Nothing,
    /// All pieces that the order took and that are not restocked yet.
    Everything,
    /// These products (SKU or id) with the number of pieces, or all that the order took.
    Lines(Vec<(String, Option<Quantity>)>),
}

/// The result of a transition.
#[derive(Debug, Clone)]
pub struct TransitionResult {
    /// The order before.
    pub before: order::Model,
    /// The order after; equal to `before` if unchanged.
    pub after: order::Model,
    /// False if the order already had the status.
    pub changed: bool,
    /// The refunds of the order before.
    pub refunds: Vec<Refund>,
    /// The refund that was added.
    pub refund: Option<Refund>,
    /// Whether an earlier request with the same key did it.
    pub replayed: bool,
    /// The restocked pieces, one entry per product.
    pub restored: Vec<RestockedLine>,
    /// Whether pieces were restocked by the order's lines, because it has no movements: another program
    /// placed it.
    pub by_its_lines: bool,
    /// Whether everything was to be restocked.
    pub meant_everything: bool,
}

impl TransitionResult {
    /// The result for an order that already has the status.
    fn unchanged(order: order::Model, refunds: Vec<Refund>) -> TransitionResult {
        let (changed, replayed, by_its_lines, meant_everything) = (false, false, false, false);
        let (before, after, restored, refund) = (order.clone(), order, Vec::new(), None);
        TransitionResult { before, after, changed, refunds, refund, replayed, restored, by_its_lines, meant_everything }
    }
}

/// Restocked pieces of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestockedLine {
    /// The product's id.
    pub product_id: Id,
    /// The product's SKU; its id if another program removed the product.
    pub sku: String,
    /// Restocked pieces, at least 1.
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
    run_request(operations, &request, async |operation| apply_as(operation, wanted, is_keyed).await).await
}

/// Runs a request about one order, or replays its first result.
async fn run_request(
    operations: &Operations,
    request: &Request,
    body: impl AsyncFn(&mut Operation) -> Result<TransitionResult>,
) -> Result<TransitionResult> {
    match operations.run(request, body).await? {
        Completion::Done(moved) => Ok(moved),
        Completion::Replayed(event) => {
            let id = event.entity_id;
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
    let read = |data: &Json| Refund::read_all(order.id, event.operation_id, &data["refunds"]);
    let (refunds, mut refunds_after) = (read(&before), read(&after));
    let refund = if refunds_after.len() > refunds.len() { refunds_after.pop() } else { None };
    let restored = RestockedLine::read(&after);
    let by_its_lines = after[BY_ITS_LINES] == true;
    TransitionResult {
        after: at(&after),
        refund,
        replayed: true,
        restored,
        by_its_lines,
        ..TransitionResult::unchanged(at(&before), refunds)
    }
}

/// Equivalent requests have the same fingerprint, independent of how the order is spelled. A request without a later
/// member has the fingerprint that it had before there was one.
fn fingerprint(wanted: &OrderTransition) -> Json {
    let order = reference::folded(&wanted.order);
    let restock = match &wanted.restock {
        Restock::AsUsual => json!("as usual"),
        Restock::Nothing => json!("nothing"),
        Restock::Everything => json!("everything"),
        Restock::Lines(lines) => sorted(lines),
    };
    let mut request = json!({ "order": order, "restock": restock, "reason": wanted.reason, "note": wanted.note });
    if !wanted.refund.is_rest() {
        request["refund"] = json!({ "lines": sorted(&wanted.refund.lines), "amount": wanted.refund.amount });
    }
    request
}

/// Products with pieces, independent of their order and case.
fn sorted(lines: &[(String, Option<Quantity>)]) -> Json {
    let mut lines: Vec<_> =
        lines.iter().map(|(product, pieces)| (product.to_ascii_uppercase(), pieces.map(Quantity::get))).collect();
    lines.sort();
    json!(lines)
}

/// Moves an order on an open operation. The order's row is locked first, so that concurrent transitions
/// wait and then see the new status.
pub async fn apply(operation: &mut Operation, wanted: &OrderTransition) -> Result<TransitionResult> {
    apply_as(operation, wanted, false).await
}

/// As [`apply`]; a request with a new key is never treated as a repetition.
async fn apply_as(operation: &mut Operation, wanted: &OrderTransition, is_keyed: bool) -> Result<TransitionResult> {
    let found = repository::order::find_for_update(operation.handle(), &wanted.order).await?;
    let before = found.ok_or_else(|| unknown(&wanted.order))?;
    operation.set_subject(before.id)?;
    let transition = match transition(&before, wanted) {
        Err(_) if repetition::corrects_tracking(operation, &before, wanted).await? => None,
        transition => transition?,
    };
    let Some(transition) = transition else {
        if wanted.verb == Verb::Refund && !wanted.refund.is_rest() {
            return Err(refund::nothing_left(&before));
        }
        return repetition::apply(operation, before, wanted, is_keyed).await;
    };
    let mut plan = Plan::load(operation, &before).await?;
    plan.status = transition.verb.leads_to().into();
    if transition.verb == Verb::Refund {
        plan.refund(operation, &before, wanted)?;
    }
    plan.restock(operation, &before, &plan.restock_for(transition, &wanted.restock)).await?;
    write(operation, before, Said::of(wanted), transition.stock, plan).await
}

/// An order's lines and refunds, and what becomes of it.
struct Plan {
    items: Vec<ItemWithProduct>,
    /// Its refunds so far.
    refunds: Vec<Refund>,
    /// The refund to add.
    refund: Option<Refund>,
    /// The status that it gets or keeps.
    status: Stored<OrderStatus>,
    /// The pieces to restock.
    restored: Vec<RestockedLine>,
    /// As in [`TransitionResult`].
    by_its_lines: bool,
    /// As in [`TransitionResult`].
    meant_everything: bool,
    /// The number of its movements, where they were read.
    movements: Option<usize>,
}

impl Plan {
    /// An order that keeps its status.
    async fn load(operation: &Operation, order: &order::Model) -> Result<Plan> {
        let items = repository::order::find_items(operation.handle(), order.id).await?;
        let refunds = repository::order::find_refunds(operation.handle(), order.id).await?;
        Ok(Plan {
            items,
            refunds,
            refund: None,
            status: order.status.clone(),
            restored: Vec::new(),
            by_its_lines: false,
            meant_everything: false,
            movements: None,
        })
    }

    /// Adds the refund. An order of which something is left keeps its status.
    fn refund(&mut self, operation: &Operation, order: &order::Model, wanted: &OrderTransition) -> Result<()> {
        let balance = Balance { order, refunds: &self.refunds };
        let (refund, is_complete) = balance.refund(operation, &self.items, &wanted.refund, wanted.reason.as_deref())?;
        if !is_complete {
            self.status = order.status.clone();
        }
        self.refund = Some(refund);
        Ok(())
    }

    /// The caller's request, or the default of the table: of refunds in part, each restocks its own pieces.
    fn restock_for(&self, transition: Transition, wanted: &Restock) -> Restock {
        let is_whole = self.refunds.is_empty() && self.status == transition.verb.leads_to();
        match (wanted, transition.stock) {
            (Restock::AsUsual, StockEffect::Restored) if self.refund.is_some() && !is_whole => Restock::AsUsual,
            (Restock::AsUsual, StockEffect::Restored) => Restock::Everything,
            (Restock::AsUsual, _) | (_, StockEffect::None) => Restock::Nothing,
            (asked, _) => asked.clone(),
        }
    }

    /// Chooses the pieces to restock; as usual are those of the refund in part, as far as they are not back yet.
    async fn restock(&mut self, operation: &Operation, order: &order::Model, what: &Restock) -> Result<()> {
        if *what == Restock::Nothing {
            return Ok(());
        }
        let movements = repository::stock_movement::find_by_order(operation.handle(), order.id).await?;
        let taken = OrderStock::new(order, &self.items, &movements)?;
        self.restored = match (what, &self.refund) {
            (Restock::AsUsual, Some(refund)) => {
                let (balance, is_complete) = (Balance { order, refunds: &self.refunds }, self.status != order.status);
                let lines = balance.usually_restocked(&self.items, refund, is_complete);
                taken.of_lines(order, &self.items, &lines, |product| balance.pieces_left_of(&self.items, product))?
            }
            _ => taken.choose(order, &self.items, what)?,
        };
        self.by_its_lines = self.restored.iter().any(|line| taken.by_its_lines.contains(&line.product_id));
        self.meant_everything = *what == Restock::Everything;
        self.movements = Some(movements.len());
        Ok(())
    }
}

/// Sets the order's status, adds its refund and restocks its pieces.
async fn write(
    operation: &mut Operation,
    before: order::Model,
    said: Said<'_>,
    effect: StockEffect,
    plan: Plan,
) -> Result<TransitionResult> {
    let Plan { items, refunds, refund, status, restored, by_its_lines, meant_everything, movements } = plan;
    let after = order::Model { status, updated_at: operation.now().into(), ..before.clone() };
    let items: Vec<order_item::Model> = items.into_iter().map(|(item, _)| item).collect();
    let extra = more(said, effect, &restored, by_its_lines);
    let change = OrderChange {
        before: &before,
        after: &after,
        items: &items,
        refunds: &refunds,
        refund: refund.as_ref(),
        movements,
        replaced: replaced(operation, before.id, &said.replaces()).await?,
        extra,
    };
    let change = repository::order::change(operation.handle(), change).await?;
    let stock_rows = restore(operation, &before, &restored, said.note).await?;
    operation.record(stock_rows.into_iter().fold(change, repository::Change::with_rows));
    let (changed, replayed) = (true, false);
    Ok(TransitionResult { before, after, changed, refunds, refund, replayed, restored, by_its_lines, meant_everything })
}

/// The hint for an unknown order.
pub fn unknown_hint(name: &str) -> Hint {
    Hint::from("to find orders by customer, product, reference or note: ").and(CommandLine::search("order list", name))
}

/// Exits with 3 if the order does not exist.
pub fn unknown(name: &str) -> Error {
    Error::not_found("order", name).hint(unknown_hint(name))
}

/// Whether the order gets another status; if not, it has that one already. Errors: exit 6 for an illegal transition.
pub fn check(order: &order::Model, wanted: &OrderTransition) -> Result<bool> {
    transition(order, wanted).map(|transition| transition.is_some())
}

/// Errors: exit 6 for a status that another program made up.
pub(super) fn known_status(order: &order::Model) -> Result<OrderStatus> {
    order.status.known().ok_or_else(|| {
        let (name, status) = (shown(order), order.status.told());
        let message = format!("order {name} has the unknown status {status}");
        let mended =
            Hint::from("another program wrote it; to see what fixes it: ").and(CommandLine::new("adopt --dry-run"));
        Error::conflict("order.status_unknown", message).hint(mended)
    })
}

/// The transition, or `None` if the order already has the status.
fn transition(order: &order::Model, wanted: &OrderTransition) -> Result<Option<Transition>> {
    let (name, status) = (shown(order), known_status(order)?);
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
    let can_be_refunded = order_status::allowed(status).any(|verb| verb == Verb::Refund);
    let hint = match wanted.verb {
        // Cancelled means that no money is held.
        Verb::Cancel if can_be_refunded => {
            let refund = CommandLine::like("order refund").argument(name).without("--file");
            Hint::from("to refund it: ").and(refund)
        }
        _ => CommandLine::anywhere("help lifecycle").into(),
    };
    not_allowed(name, status, wanted.verb.as_str(), "", hint)
}

/// Exit 6: the status does not allow this, with what it allows; `why` follows the status, the hint helps unless the
/// status is final.
pub(super) fn not_allowed(name: &str, status: OrderStatus, verb: &str, why: &str, hint: Hint) -> Error {
    let allowed: Vec<&str> = order_status::allowed(status).map(Verb::as_str).collect();
    let details = json!({ "status": status.as_str(), "verb": verb, "allowed": allowed });
    let error = |message: String| Error::conflict("order.transition", message).details(details);
    let status = status.as_str();
    match allowed.is_empty() {
        true => error(format!("order {name} is {status}, which is final")),
        false => error(format!("order {name} is {status}{why}; allowed: {}", allowed.join(", "))).hint(hint),
    }
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
    let rows = return_to_stock(operation, restored, Some("use --no-restock, and correct the stock")).await?;
    let movements: Vec<_> = restored
        .iter()
        .map(|line| stock_movement::Model {
            order_id: order.id,
            note: note.map(str::to_owned),
            ..operation.movement(line.product_id, line.quantity, MovementReason::Restock)
        })
        .collect();
    Ok(vec![rows, repository::stock_movement::create_many(operation.handle(), &movements).await?])
}

/// Puts pieces back into the stock of their products.
///
/// Errors: exit 6 naming the products, with this hint, if a stock cannot take them.
pub(super) async fn return_to_stock(
    operation: &Operation,
    lines: &[RestockedLine],
    hint: Option<&str>,
) -> Result<repository::Rows> {
    let quantities: Vec<(Id, i32)> = lines.iter().map(|line| (line.product_id, line.quantity)).collect();
    let rows = repository::product::return_stock(operation.handle(), &quantities, operation.now()).await?;
    if rows.count() == lines.len() as u64 {
        return Ok(rows);
    }
    let skus: Vec<_> = lines.iter().map(|line| printable(&line.sku)).collect();
    let message = format!("{}: restocking would exceed the maximum stock", skus.join(", "));
    Err(Error::conflict("stock.too_much", message).hints_of(hint))
}

/// Additional data of the event.
fn more(said: Said<'_>, effect: StockEffect, restored: &[RestockedLine], by_its_lines: bool) -> Map<String, Json> {
    let mut more = said.members();
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
