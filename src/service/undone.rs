//! Whether an operation was taken back: the one that does it has a key made of its id.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::domain::Id;
use crate::error::Result;
use crate::repository::audit_event::find_by_idempotency_key;

const PREFIX: &str = "undo:";

/// The key of the operation that takes this one back: it is unique, so that there is one.
pub(super) fn key(operation: Id) -> String {
    format!("{PREFIX}{operation}")
}

/// Whether it is such a key.
pub fn is_key(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|id| Uuid::try_parse(id).is_ok())
}

/// The operation that took this one back last, and whether that still holds: it may have been taken back in turn.
pub(super) async fn last_undo(connection: &impl ConnectionTrait, operation: Id) -> Result<(Id, bool)> {
    let (mut last, mut is_undone) = (operation, false);
    while let Some(next) = find_by_idempotency_key(connection, &key(last)).await? {
        (last, is_undone) = (next.operation_id, !is_undone);
    }
    Ok((last, is_undone))
}

/// The operation by which this one is taken back, if it is.
pub(super) async fn undone_by(connection: &impl ConnectionTrait, operation: Id) -> Result<Option<Id>> {
    let (last, is_undone) = last_undo(connection, operation).await?;
    Ok(is_undone.then_some(last))
}
