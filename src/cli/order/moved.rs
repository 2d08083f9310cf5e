//! What is printed about an order that was moved on, refunded or restocked.

use serde::Serialize;
use serde_json::{Map, Value};

use super::view::OrderView;
use crate::cli::shared::mutation;
use crate::domain::Money;
use crate::domain::order_status::{Decision, StockEffect, Verb, decide};
use crate::domain::text::counted;
use crate::entity::{Stored, order};
use crate::error::printable;
use crate::output::{Change, Mutation, View};
use crate::repository::order::{Refund, refund_view, sum_of};
use crate::repository::said::LastSaid;
use crate::service::order_lifecycle::{self as service, RestockedLine, TransitionResult};

/// What only these commands report.
#[derive(Serialize)]
pub struct Details {
    restocked: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<Value>,
}

pub fn restocked_units(restored: &[RestockedLine]) -> i64 {
    restored.iter().map(|line| i64::from(line.quantity)).sum()
}

/// Whether a refund is of the whole total at once.
pub fn is_whole(moved: &TransitionResult, refund: &Refund) -> bool {
    let is_complete = moved.before.status != moved.after.status;
    is_complete && moved.refunds.is_empty() && moved.before.total_amount == refund.refund.amount
}

/// The printed result of a verb.
pub fn mutation_of(moved: &TransitionResult, verb: Verb, dry_run: bool) -> Mutation<Change<Details>> {
    let name = printable(&moved.after.reference);
    let status = moved.after.status.told();
    let part = moved.refund.as_ref().filter(|refund| !is_whole(moved, refund));
    let line = match (moved.changed, moved.replayed, part) {
        (_, true, Some(refund)) => format!("order {name} was already refunded {}", refund.refund.amount),
        (_, true, None) => format!("order {name} was already {status}"),
        (false, ..) => format!("order {name} is already {status}"),
        (true, _, Some(refund)) => {
            format!("order {name} {}{}", part_refunded(moved, refund, dry_run), restock_note(moved, verb, dry_run))
        }
        (true, ..) if moved.before.status != moved.after.status => {
            format!("order {name} {}{}", mutation::outcome_verb(dry_run, &status), restock_note(moved, verb, dry_run))
        }
        (true, ..) if verb == Verb::Ship => {
            format!(
                "order {name} is already {status}; tracking number {}",
                mutation::outcome_verb(dry_run, "corrected")
            )
        }
        (true, ..) => format!("order {name} was already {status}{}", restock_note(moved, verb, dry_run)),
    };
    result(moved, line, dry_run)
}

/// The printed result of `order restock`.
pub fn restock_mutation(moved: &TransitionResult, dry_run: bool) -> Mutation<Change<Details>> {
    let name = printable(&moved.after.reference);
    let units = counted(restocked_units(&moved.restored), "unit");
    let line = match (moved.changed, moved.replayed) {
        (_, true) => format!("order {name}: {units} already restocked"),
        (false, _) => format!("order {name}: nothing to restock"),
        (true, _) => format!("order {name}: {units} {}", mutation::outcome_verb(dry_run, "restocked")),
    };
    result(moved, line, dry_run)
}

fn result(moved: &TransitionResult, line: String, dry_run: bool) -> Mutation<Change<Details>> {
    let ([before, after], object) = order_fields(moved);
    let (changed, replayed, before, after) = (moved.changed, moved.replayed, Some(before), Some(after));
    let details =
        Details { restocked: service::to_json(&moved.restored), refund: moved.refund.as_ref().map(refund_view) };
    // None of these commands can be undone.
    let undone_by = None;
    let change =
        Change { object, changed, replayed, undone_by, dry_run, before, after, ..Change::default() }.with(details);
    Mutation::new(line, moved.after.id, change)
}

/// The fields of the order before and after, and those that name it.
pub fn order_fields(moved: &TransitionResult) -> ([Map<String, Value>; 2], Map<String, Value>) {
    let before = view(&moved.before, sum_of(&moved.refunds));
    let after = view(&moved.after, sum_of(moved.refunds.iter().chain(&moved.refund)));
    let mut object = after.clone();
    object.retain(|name, _| name == "reference" || name == "status");
    ([before, after], object)
}

fn view(order: &order::Model, refunded: Option<Money>) -> Map<String, Value> {
    let refunded = refunded.map_or(Stored::Missing, Stored::from);
    let mut json = OrderView { order: order.clone(), email: None, refunded, said: LastSaid::default() }.to_json();
    // The address has not been queried; the buyer is in user_id.
    json.shift_remove("user");
    json
}

/// `refunded 9.95 of 29.85`; after an earlier refund `refunded 9.95, 19.90 of 29.85 so far`.
fn part_refunded(moved: &TransitionResult, refund: &Refund, dry_run: bool) -> String {
    let (amount, total) = (&refund.refund.amount, &moved.before.total_amount);
    let so_far = sum_of(moved.refunds.iter().chain([refund])).unwrap_or_default();
    let done = mutation::outcome_verb(dry_run, "refunded");
    match moved.refunds.is_empty() {
        true => format!("{done} {amount} of {total}"),
        false if moved.before.status != moved.after.status => format!("{done} {amount}, the last of {total}"),
        false => format!("{done} {amount}, {so_far} of {total} so far"),
    }
}

/// Why nothing is restocked unless that is asked for.
pub fn why_nothing(moved: &TransitionResult, verb: Verb) -> String {
    match moved.before.status.known().map(|from| decide(from, verb)) {
        Some(Decision::Allowed(row)) if row.stock == StockEffect::OnRequest => {
            format!(" because it was already {}", row.from.as_str())
        }
        _ => String::new(),
    }
}

/// The text about restocked pieces.
fn restock_note(moved: &TransitionResult, verb: Verb, dry_run: bool) -> String {
    let done = mutation::outcome_verb(dry_run, "restocked");
    let units = match restocked_units(&moved.restored) {
        0 if moved.meant_everything => return ", nothing to restock".to_owned(),
        0 if verb.is_about_stock() => return format!(", nothing {done}{}", why_nothing(moved, verb)),
        0 => return String::new(),
        pieces => format!(", {} {done}", counted(pieces, "unit")),
    };
    let why = if moved.by_its_lines { " according to its lines (placed by another program)" } else { "" };
    format!("{units}{why}")
}
