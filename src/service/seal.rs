//! Tamper evidence: seals over the audit trail, each of which covers its events and the seal before
//! it. Whoever keeps the hash of the last seal elsewhere can tell whether anything before it was
//! edited, removed, inserted or moved, or the tail cut off.
//!
//! Sealing is apart from writing, which it does not slow down; what is not sealed is not covered.

use sea_orm::ConnectionTrait;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::operation::{Operation, Operations, Request};
use crate::domain::personal::sealed_form;
use crate::domain::text::hexadecimal;
use crate::entity::{audit_event, audit_seal};
use crate::error::{Error, Result};
use crate::repository;

/// Events of one seal at most: bounds memory and the time of one transaction.
pub const EVENTS_PER_SEAL: u64 = 5_000;
/// Seals and events that are read at once.
const ROWS_AT_ONCE: u64 = 1_000;
/// The operation that seals. Its own event waits for the next seal, which it is no reason for.
const SEAL: &str = "audit.seal";

/// A new seal and how far it reaches.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub seal: audit_seal::Model,
    /// The last event that it covers.
    pub last_event: Uuid,
}

/// Seals the oldest events that bear no seal yet, up to [`EVENTS_PER_SEAL`].
///
/// `after` is the last event that the seal before covered, in a run that makes many: the index
/// still holds the entries of all that was sealed a moment ago, and need not be read through again.
/// Returns nothing when there is nothing to seal behind it.
pub async fn seal(operations: &Operations, after: Option<Uuid>) -> Result<Option<Sealed>> {
    // Two sealers at once draw the same number: the later one looks again.
    let request = Request { name: SEAL, entity: "seal", repeats_on_duplicate: true, ..Request::default() };
    operations.run(&request, async |operation| apply(operation, &operations.actor, after).await).await?.done()
}

async fn apply(operation: &mut Operation, actor: &str, after: Option<Uuid>) -> Result<Option<Sealed>> {
    let last = repository::audit_seal::find_last(operation.handle()).await?;
    let events = repository::audit_seal::find_unsealed_events(operation.handle(), after, EVENTS_PER_SEAL).await?;
    let last_event = match events.last() {
        Some(last) if events.iter().any(|event| event.operation != SEAL) => last.id,
        _ => return Ok(None),
    };
    let too_many = |_| Error::internal("more events than a seal can count");
    let mut seal = audit_seal::Model {
        id: operation.new_id(),
        number: last.as_ref().map_or(0, |last| last.number) + 1,
        previous_hash: last.map_or_else(String::new, |last| last.hash),
        hash: String::new(),
        event_count: i32::try_from(events.len()).map_err(too_many)?,
        sealed_by: actor.to_owned(),
        sealed_at: operation.now().into(),
    };
    let mut hash = SealHash::new(&seal);
    events.iter().for_each(|event| hash.add(event));
    seal.hash = hash.finish();
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let change = repository::audit_seal::create(operation.handle(), seal.clone(), &ids).await?;
    operation.record(change);
    Ok(Some(Sealed { seal, last_event }))
}

/// The hash of a seal: of what the seal says, then of each event in the order of their ids.
struct SealHash(Sha256);

impl SealHash {
    fn new(seal: &audit_seal::Model) -> Self {
        let header = json!([
            seal.number,
            seal.id,
            seal.previous_hash,
            seal.event_count,
            seal.sealed_by,
            seal.sealed_at.to_string()
        ]);
        SealHash(Sha256::new_with_prefix(header.to_string()))
    }

    fn add(&mut self, event: &audit_event::Model) {
        self.0.update(digest(event));
    }

    fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// The digest of one event: all its columns but the seal, as a JSON list, personal values in the
/// form that erasing leaves.
fn digest(event: &audit_event::Model) -> impl AsRef<[u8]> + use<> {
    let columns = json!([
        event.id,
        event.operation_id,
        event.sequence,
        event.operation,
        event.actor,
        event.outcome,
        event.entity_type,
        event.entity_id,
        event.before.as_deref().map(sealed_form),
        event.after.as_deref().map(sealed_form),
        event.reason,
        event.error,
        event.idempotency_key,
        event.request_fingerprint,
        event.occurred_at.to_string(),
    ]);
    Sha256::digest(columns.to_string())
}

/// What checking all seals found.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub seals: u64,
    pub sealed_events: u64,
    pub unsealed_events: u64,
    /// The hash of the last seal; empty when there is none.
    pub head: String,
    pub problems: Vec<SealProblem>,
}

/// A seal that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealProblem {
    /// `None` for what is about no seal that there is.
    pub seal: Option<i32>,
    pub what: String,
}

/// Checks every seal against its events and the seal before it, and that `head`, which somebody
/// kept, is the hash of one of them.
pub async fn verify(connection: &impl ConnectionTrait, head: Option<&str>) -> Result<Chain> {
    let mut chain = Chain::default();
    let (mut number, mut is_head_found) = (0, false);
    loop {
        let seals = repository::audit_seal::find_after(connection, number, ROWS_AT_ONCE).await?;
        if seals.is_empty() {
            break;
        }
        for seal in seals {
            if seal.number != number + 1 {
                chain.note(Some(number + 1), "is gone");
            }
            number = seal.number;
            check(connection, &seal, &mut chain).await?;
            is_head_found |= head == Some(seal.hash.as_str());
            chain.head = seal.hash;
        }
    }
    if let Some(head) = head.filter(|_| !is_head_found) {
        let last = if chain.seals == 0 { "there is no seal".to_owned() } else { format!("the last seal is {number}") };
        chain.note(None, format!("no seal has the hash {head}: the tail was cut off or the trail rewritten; {last}"));
    }
    let unknown = repository::audit_seal::count_events_of_unknown_seals(connection).await?;
    if unknown > 0 {
        chain.note(None, format!("{unknown} events bear a seal that does not exist"));
    }
    chain.unsealed_events = repository::audit_seal::count_unsealed_events(connection).await?;
    Ok(chain)
}

async fn check(connection: &impl ConnectionTrait, seal: &audit_seal::Model, chain: &mut Chain) -> Result<()> {
    let (mut hash, mut count, mut after) = (SealHash::new(seal), 0_u64, None);
    loop {
        let events = repository::audit_seal::find_sealed_events(connection, seal.id, after, ROWS_AT_ONCE).await?;
        let Some(last) = events.last() else { break };
        after = Some(last.id);
        count += events.len() as u64;
        events.iter().for_each(|event| hash.add(event));
    }
    // Before the first seal the head is empty, as its previous hash has to be.
    if seal.previous_hash != chain.head {
        chain.note(Some(seal.number), "does not continue the seal before it");
    }
    let expected = u64::try_from(seal.event_count).unwrap_or(0);
    if count != expected {
        let what = if count < expected { "events were removed or moved away" } else { "events were added" };
        chain.note(Some(seal.number), format!("covers {expected} events, {count} bear it: {what}"));
    } else if hash.finish() != seal.hash {
        chain.note(Some(seal.number), "an event, or the seal itself, was edited or exchanged");
    }
    chain.seals += 1;
    chain.sealed_events += count;
    Ok(())
}

impl Chain {
    fn note(&mut self, seal: Option<i32>, what: impl Into<String>) {
        self.problems.push(SealProblem { seal, what: what.into() });
    }
}
