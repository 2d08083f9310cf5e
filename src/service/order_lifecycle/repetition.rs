//! Repeated verbs on an order that already has the status: a corrected tracking number, pieces restocked
//! later. New data is applied or rejected, never ignored.

use serde_json::Value as Json;

use super::said::EVENTS_MAX;
use super::{OrderTransition, Plan, Restock, RestockedLine, Said, StockEffect, TransitionResult, Verb, shown, write};
use crate::domain::{EntityKind, OrderStatus, Outcome};
use crate::entity::{audit_event, order};
use crate::error::{CommandLine, Error, Hint, Result};
use crate::repository::said::LastSaid;
use crate::repository::{self, audit_event as events};
use crate::service::operation::Operation;

/// Applies new data. The order's status is unchanged.
///
/// Errors: exit 6 for data that cannot be added later.
pub(super) async fn apply(
    operation: &mut Operation,
    before: order::Model,
    wanted: &OrderTransition,
    is_keyed: bool,
) -> Result<TransitionResult> {
    let says_nothing = wanted.reason.is_none() && wanted.note.is_none() && wanted.tracking.is_none();
    if wanted.verb == Verb::Expire || (says_nothing && wanted.restock == Restock::AsUsual) {
        let refunds = repository::order::find_refunds(operation.handle(), before.id).await?;
        return Ok(TransitionResult::unchanged(before, refunds));
    }
    let mut plan = Plan::load(operation, &before).await?;
    let events = events::find_by_entity(operation.handle(), EntityKind::Order, before.id, EVENTS_MAX).await?;
    let past = PastEvents::new(&events, wanted.verb);
    if wanted.tracking.is_some() && wanted.tracking != LastSaid::of(&events).tracking {
        return write(operation, before, Said::of(wanted), StockEffect::None, plan).await;
    }
    let comes_back = wanted.verb == Verb::Refund && matches!(wanted.restock, Restock::Everything | Restock::Lines(_));
    if comes_back {
        let is_repeated = !is_keyed && past.restored_last(&wanted.restock);
        plan.restock(operation, &before, &wanted.restock).await?;
        // A rerun or a second return of the same pieces: only the caller knows.
        if is_repeated && !plan.restored.is_empty() {
            return Err(repeated(&before));
        }
        if !plan.restored.is_empty() {
            return write(operation, before, Said::of(wanted), StockEffect::OnRequest, plan).await;
        }
    }
    past.check(&before, wanted)?;
    Ok(TransitionResult::unchanged(before, plan.refunds))
}

/// Whether the tracking number of an order is to be corrected that was shipped and is completed or refunded by now.
pub(super) async fn corrects_tracking(
    operation: &Operation,
    order: &order::Model,
    wanted: &OrderTransition,
) -> Result<bool> {
    if wanted.verb != Verb::Ship || wanted.tracking.is_none() {
        return Ok(false);
    }
    let events = events::find_by_entity(operation.handle(), EntityKind::Order, order.id, EVENTS_MAX).await?;
    let is_shipped = |document: &Json| document["status"] == OrderStatus::Shipped.as_str();
    let was_shipped = |event: &audit_event::Model| {
        let (before, after) = event.documents();
        event.outcome == Outcome::Succeeded && (is_shipped(&before) || is_shipped(&after))
    };
    Ok(events.iter().any(was_shipped))
}

/// Exit 6: the same pieces were restocked before, and more can still be.
fn repeated(order: &order::Model) -> Error {
    let name = shown(order);
    Error::conflict("order.restock_repeated", format!("the same units of order {name} were already restocked"))
        .hint("if these are further units, repeat the command with a new --idempotency-key")
        .hint(Hint::from("to see what was restocked so far: ").and(timeline(&name)))
}

fn timeline(name: &str) -> CommandLine {
    CommandLine::new("order show").argument(name).flag("--timeline")
}

/// Whether the restocked pieces equal the named ones.
fn are_just(restored: &[RestockedLine], wanted: &Restock) -> bool {
    let Restock::Lines(wanted) = wanted else { return false };
    let is_wanted = |line: &RestockedLine| {
        wanted.iter().any(|(name, quantity)| {
            let is_named = line.sku.eq_ignore_ascii_case(name) || line.product_id.to_string() == *name;
            is_named && quantity.is_some_and(|quantity| quantity.get() == line.quantity)
        })
    };
    wanted.len() == restored.len() && restored.iter().all(is_wanted)
}

/// The effects of one verb on an order, oldest first.
struct PastEvents<'a> {
    events: Vec<(&'a audit_event::Model, Json)>,
}

impl<'a> PastEvents<'a> {
    fn new(events: &'a [audit_event::Model], verb: Verb) -> PastEvents<'a> {
        let done =
            events.iter().filter(|event| event.outcome == Outcome::Succeeded && event.operation == verb.operation());
        PastEvents { events: done.map(|event| (event, event.documents().1)).collect() }
    }

    /// Whether the newest one restocked exactly these pieces: the command was repeated.
    fn restored_last(&self, wanted: &Restock) -> bool {
        self.events.last().is_some_and(|(_, after)| are_just(&RestockedLine::read(after), wanted))
    }

    /// Errors: exit 6 for data that contradicts the original transition.
    fn check(&self, order: &order::Model, wanted: &OrderTransition) -> Result<()> {
        let was_said = |text: &Option<String>, said: fn(&(&audit_event::Model, Json)) -> Option<String>| {
            text.is_none() || self.events.iter().any(|event| said(event) == *text)
        };
        let refused = |what: &str| {
            let message = format!("order {} is already {}; {what}", shown(order), order.status);
            Err(Error::conflict("order.already", message).hint(timeline(&shown(order))))
        };
        if !was_said(&wanted.reason, |(event, _)| event.reason.clone()) {
            return refused("another reason cannot be recorded");
        }
        if !was_said(&wanted.note, |(_, after)| after["note"].as_str().map(str::to_owned)) {
            return refused("another note cannot be recorded");
        }
        let has_restored = self.events.iter().any(|(_, after)| !RestockedLine::read(after).is_empty());
        if wanted.restock == Restock::Nothing && has_restored {
            return refused("units of it were restocked");
        }
        Ok(())
    }
}
