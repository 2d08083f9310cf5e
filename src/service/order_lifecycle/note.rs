//! The note of an order, in any status.

use super::said::EVENTS_MAX;
use super::{Plan, Said, StockEffect, TransitionResult, unknown, write};
use crate::domain::{EntityKind, EventName};
use crate::error::Result;
use crate::repository;
use crate::repository::said::LastSaid;
use crate::service::operation::{Operation, Operations, Request};

/// The result of setting a note.
#[derive(Debug, Clone)]
pub struct NoteResult {
    /// The order, unchanged apart from its time.
    pub order: TransitionResult,
    /// The note before.
    pub before: Option<String>,
}

/// Sets the note of an order; an empty one clears it.
///
/// Errors: exit 3.
pub async fn set_note(operations: &Operations, order: &str, note: &str) -> Result<NoteResult> {
    let body = async |operation: &mut Operation| apply(operation, order, note).await;
    operations.run(&Request::new(EventName::OrderNote), body).await?.done()
}

async fn apply(operation: &mut Operation, order: &str, note: &str) -> Result<NoteResult> {
    let found = repository::order::find_for_update(operation.handle(), order).await?;
    let order = found.ok_or_else(|| unknown(order))?;
    operation.set_subject(order.id)?;
    let plan = Plan::load(operation, &order).await?;
    let kind = EntityKind::Order;
    let events = repository::audit_event::find_by_entity(operation.handle(), kind, order.id, EVENTS_MAX).await?;
    let before = LastSaid::of(&events).note;
    let order = if before.as_deref().unwrap_or_default() == note {
        TransitionResult::unchanged(order, plan.refunds)
    } else {
        write(operation, order, Said { note: Some(note), sets_note: true, tracking: None }, StockEffect::None, plan)
            .await?
    };
    Ok(NoteResult { order, before })
}
