//! The request of an operation, and whether it is a repetition.

use sea_orm::ConnectionTrait;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;
use crate::domain::{EntityKind, EventName, Id, IdempotencyKey, Zone};
use crate::entity::audit_event;
use crate::error::{Cause, Error, Result};
use crate::repository;

/// The parameters of a request, apart from the work itself.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation's name in its events.
    pub name: EventName,
    /// The reason recorded in its events.
    pub reason: Option<String>,
    /// The key that makes a repetition harmless; `None` for a request without one.
    pub idempotency: Option<Idempotency>,
    /// For work that checks before inserting: a duplicate means a concurrent insert, which a retry finds.
    pub repeats_on_duplicate: bool,
    /// For work whose transactions must be serialized.
    pub is_serialized: bool,
}

impl Request {
    /// A request without reason and key.
    pub fn new(name: EventName) -> Self {
        Request { name, reason: None, idempotency: None, repeats_on_duplicate: false, is_serialized: false }
    }

    /// Exit 5: the wait timed out.
    pub(super) fn timed_out(&self, error: &Error) -> Error {
        Error::from_cause(Cause::TimedOut, error.message())
            .not_applied(self.name)
            .hint("try again, or with a longer --timeout")
    }
}

/// The entity of an operation, and its kind if that is not the one of the operation's name.
pub(super) type Subject = (Option<EntityKind>, Id);

/// A key and the fingerprint of the request that came with it.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key, unique among all operations.
    pub key: IdempotencyKey,
    /// SHA-256 of the request, hexadecimal.
    pub fingerprint: String,
}

impl Idempotency {
    /// `request` must be equal for equivalent requests.
    pub fn new(key: IdempotencyKey, operation: EventName, request: &Json) -> Self {
        let digest = Sha256::digest(format!("{operation}\n{request}"));
        Idempotency { key, fingerprint: hexadecimal(&digest) }
    }
}

/// The event of the operation with this request's key, if any.
///
/// Errors: exit 6 if the key was used for another request.
pub async fn find_replay(
    connection: &impl ConnectionTrait,
    request: &Request,
) -> Result<Option<Box<audit_event::Model>>> {
    let Some(idempotency) = &request.idempotency else { return Ok(None) };
    let key = idempotency.key.as_str();
    let Some(event) = repository::audit_event::find_by_idempotency_key(connection, key).await? else {
        return Ok(None);
    };
    if event.request_fingerprint.as_deref() == Some(&idempotency.fingerprint) {
        return Ok(Some(Box::new(event)));
    }
    Err(Error::conflict(
        "idempotency.key_reused",
        format!(
            "the idempotency key {key} was used by another request ({} of {})",
            event.operation,
            event.occurred_at.told_in(&Zone::utc())
        ),
    )
    .hint("use a new key for a new request"))
}
