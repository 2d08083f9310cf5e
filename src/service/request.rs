//! What is asked of an operation, and whether it was asked before.

use sea_orm::ConnectionTrait;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;
use crate::domain::{EventName, IdempotencyKey};
use crate::entity::audit_event;
use crate::error::{Error, Result};
use crate::repository;

/// What is asked for, apart from the work itself.
#[derive(Debug, Clone)]
pub struct Request {
    pub name: EventName,
    pub reason: Option<String>,
    pub idempotency: Option<Idempotency>,
    /// For work that looks before it inserts: a duplicate means that somebody else did the same in
    /// this moment, and another look will find it.
    pub repeats_on_duplicate: bool,
    /// For work that must not run beside another of its kind: its transactions take turns.
    pub takes_turns: bool,
}

impl Request {
    /// A request without reason and key.
    pub fn new(name: EventName) -> Self {
        Request { name, reason: None, idempotency: None, repeats_on_duplicate: false, takes_turns: false }
    }
}

/// A key and the fingerprint of the request that came with it.
#[derive(Debug, Clone)]
pub struct Idempotency {
    pub key: IdempotencyKey,
    /// SHA-256 of the request, hexadecimal.
    pub fingerprint: String,
    /// Whether the command was given it; imports mark their transactions with keys of their own.
    pub is_given: bool,
}

impl Idempotency {
    /// `request` has to be the same for requests that mean the same.
    pub fn new(key: IdempotencyKey, operation: EventName, request: &Json) -> Self {
        let digest = Sha256::digest(format!("{operation}\n{request}"));
        Idempotency { key, fingerprint: hexadecimal(&digest), is_given: true }
    }
}

/// The event of the operation that this request's key belongs to, if any.
///
/// Errors: exit 6 when the key was used for another request.
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
        format!("the idempotency key {key} belongs to another request ({} of {})", event.operation, event.occurred_at),
    )
    .hint("use a new key for a new request"))
}
