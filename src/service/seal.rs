//! Tamper evidence: seals over the audit trail, each covering its events and the previous seal. A copy of
//! the last seal's hash, kept elsewhere, reveals whether anything that it covers was edited, removed, added to
//! or moved, or the tail cut off.
//!
//! Sealing is separate from writing and does not slow it down; unsealed events are not covered, whatever their date:
//! an operation may commit long after it began, and clocks differ.

use sea_orm::ConnectionTrait;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::operation::{Operation, Operations, Request};
use crate::domain::personal::sealed_form;
use crate::domain::text::{counted, hexadecimal};
use crate::domain::{EventName, Id};
use crate::entity::{audit_event, audit_seal};
use crate::error::{CommandLine, Error, Hint, Kind, Result};
use crate::repository::{self, audit_seal::SealedRow};

/// Maximum number of events per seal: bounds memory and transaction time.
pub const EVENTS_PER_SEAL: u64 = 5_000;
/// Number of seals and events read at once.
const ROWS_AT_ONCE: u64 = 1_000;
/// Maximum number of named events per kind of problem.
const EVENTS_NAMED: u64 = 100;

/// A new seal and how far it reaches.
#[derive(Debug, Clone)]
pub struct NewSeal {
    pub seal: audit_seal::Model,
    /// The last event that it covers.
    pub last_event: Id,
}

/// Seals the oldest unsealed events, up to [`EVENTS_PER_SEAL`].
///
/// `after` is the last event of the previous seal in the same run: it skips index entries of events just
/// sealed. Returns `None` if there is nothing to seal after it.
pub async fn seal(operations: &Operations, after: Option<Id>) -> Result<Option<NewSeal>> {
    // Concurrent sealers compute the same number: the later one retries.
    let request = Request { repeats_on_duplicate: true, ..Request::new(EventName::AuditSeal) };
    operations.run(&request, async |operation| apply(operation, &operations.actor, after).await).await?.done()
}

/// The result of a run with many seals.
#[derive(Debug, Default)]
pub struct SealRun {
    pub seals: u64,
    pub events: u64,
    /// The newest seal.
    pub head: Option<audit_seal::Model>,
    /// New events arrived and wait for the next seal.
    pub is_behind: bool,
}

/// Seals in steps, each a separate transaction, until nothing is left; a dry run tries one step.
///
/// Errors: those of [`seal`], with the seals made so far.
pub async fn seal_all(operations: &Operations) -> Result<SealRun> {
    let (mut all, mut after, mut is_through) = (SealRun::default(), None, false);
    loop {
        match seal(operations, after).await {
            Ok(Some(sealed)) => {
                let count = u64::try_from(sealed.seal.event_count.pieces()).unwrap_or(0);
                let (is_last, is_from_start) = (count < EVENTS_PER_SEAL, after.is_none());
                (all.seals, all.events, all.head) = (all.seals + 1, all.events + count, Some(sealed.seal));
                if operations.dry_run || (is_last && is_from_start) {
                    break;
                }
                is_through |= is_last;
                after = (!is_last).then_some(sealed.last_event);
            }
            // An event with an earlier id may have been committed in the meantime.
            Ok(None) if after.is_some() => (after, is_through) = (None, true),
            Ok(None) => break,
            Err(_) if is_through => {
                all.is_behind = true;
                break;
            }
            Err(error) => return Err(with_finished_seals(error, all.head.as_ref())),
        }
    }
    let connection = operations.database.connection();
    if operations.dry_run && all.seals > 0 {
        all.events = repository::audit_seal::count_unsealed_events(connection).await?;
    }
    // No query after the last COMMIT: its seal is the head even if the connection is lost.
    if operations.dry_run || all.head.is_none() {
        all.head = repository::audit_seal::find_last(connection).await?;
    }
    Ok(all)
}

/// The error if the rest cannot be sealed: earlier seals are committed.
fn with_finished_seals(error: Error, newest: Option<&audit_seal::Model>) -> Error {
    let Some(seal) = newest else { return error };
    let stands = format!("seal {} was created and stays, head {}", seal.number, seal.hash);
    if error.kind() == Kind::OutcomeUnknown {
        return error.hint(stands);
    }
    let message = format!("{stands}; the rest is not sealed: {}", error.why());
    error.without_hints().reworded(message).hint(Hint::from("to continue from there: ").and(CommandLine::again()))
}

async fn apply(operation: &mut Operation, actor: &str, after: Option<Id>) -> Result<Option<NewSeal>> {
    let last = repository::audit_seal::find_last(operation.handle()).await?;
    let events = repository::audit_seal::find_events(operation.handle(), None, after, EVENTS_PER_SEAL).await?;
    let last_event = match events.last() {
        // The event of sealing itself waits for the next seal and does not require one.
        Some(last) if events.iter().any(|event| event.row.operation != EventName::AuditSeal) => last.row.id,
        _ => return Ok(None),
    };
    let too_many = |_| Error::internal("more events than a seal can count");
    let number = last.as_ref().map_or(0, |last| last.number).max(0);
    let mut seal = audit_seal::Model {
        id: operation.new_id().into(),
        number: number.checked_add(1).ok_or_else(|| no_number_left(number))?,
        previous_hash: last.map_or_else(|| String::new().into(), |last| last.hash),
        hash: String::new().into(),
        event_count: i32::try_from(events.len()).map_err(too_many)?.into(),
        sealed_by: actor.into(),
        sealed_at: operation.now().into(),
    };
    let mut hash = SealHash::new(&seal, &seal.sealed_at.to_string());
    events.iter().for_each(|event| hash.add(event));
    seal.hash = hash.finish().into();
    let ids: Vec<Id> = events.iter().map(|event| event.row.id).collect();
    let change = repository::audit_seal::create(operation.handle(), seal.clone(), &ids).await?;
    operation.record(change);
    Ok(Some(NewSeal { seal, last_event }))
}

fn no_number_left(number: i32) -> Error {
    let message = format!("the number of the last seal, {number}, is the maximum");
    Error::new(Kind::CheckFailed, "audit.seal_number", message).hint(CommandLine::new("audit verify"))
}

/// The hash of a seal: of its fields, then of each event by id.
struct SealHash(Sha256);

impl SealHash {
    fn new(seal: &audit_seal::Model, sealed_at: &str) -> Self {
        let header = json!([seal.number, seal.id, seal.previous_hash, seal.event_count, seal.sealed_by, sealed_at]);
        SealHash(Sha256::new_with_prefix(header.to_string()))
    }

    fn add(&mut self, event: &SealedRow<audit_event::Model>) {
        self.0.update(digest(event));
    }

    fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// The digest of one event: all its columns but the seal, as a JSON list, with personal values in erased
/// form.
fn digest(event: &SealedRow<audit_event::Model>) -> impl AsRef<[u8]> + use<> {
    let occurred_at = event.time(&event.row.occurred_at);
    let event = &event.row;
    let columns = json!([
        sealed_id(event.id),
        sealed_id(event.operation_id),
        event.sequence,
        event.operation,
        event.actor,
        event.outcome,
        event.entity_type,
        event.entity_id.present().map(sealed_id),
        event.before.as_deref().map(sealed_form),
        event.after.as_deref().map(sealed_form),
        event.reason,
        event.error,
        event.idempotency_key,
        event.request_fingerprint,
        occurred_at,
    ]);
    Sha256::digest(columns.to_string())
}

/// A UUID is sealed whatever its form, which may be mended; other ids are distinguished from one of the same text.
fn sealed_id(id: Id) -> String {
    id.uuid().map_or_else(|| id.encode(), |id| id.to_string())
}

/// The result of checking all seals.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub seals: u64,
    pub sealed_events: u64,
    pub waiting_events: u64,
    /// The hash of the last seal; empty if there is none.
    pub head: String,
    /// Of seals all; of events the first `EVENTS_NAMED`.
    pub problems: Vec<SealProblem>,
    /// Events outside the chain beyond those.
    pub unlisted: u64,
    /// Events whose seals are missing from an otherwise intact chain: the table was emptied or truncated.
    pub orphaned: u64,
}

/// An invalid seal, or an event that is unreadable or has a seal outside the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealProblem {
    /// The seal or event concerned; neither for a missing head.
    pub seal: Option<i32>,
    pub event: Option<(Id, String)>,
    pub what: String,
}

impl SealProblem {
    fn of_event(id: Id, name: String, what: impl Into<String>) -> SealProblem {
        SealProblem { seal: None, event: Some((id, name)), what: what.into() }
    }
}

/// Checks that seals are numbered 1, 2, 3 …, every seal against its events and the previous seal, that no
/// event has another seal, and that the saved `head` is the hash of one.
pub async fn verify(connection: &impl ConnectionTrait, head: Option<&str>) -> Result<Chain> {
    let mut chain = Chain::default();
    let (mut last, mut is_head_found) = (None::<audit_seal::Model>, false);
    loop {
        let seals = repository::audit_seal::find_after(connection, last.as_ref(), ROWS_AT_ONCE).await?;
        if seals.is_empty() {
            break;
        }
        for sealed in seals {
            let seal = &sealed.row;
            chain.note_number(seal.number, last.as_ref().map_or(0, |last| last.number).max(0));
            if seal.number > 0 {
                check(connection, &sealed, &mut chain).await?;
                is_head_found |= head.is_some_and(|head| seal.hash == head);
                chain.head = seal.hash.to_string();
            }
            last = Some(sealed.row);
        }
    }
    let is_whole = chain.problems.is_empty();
    if let Some(head) = head.filter(|_| !is_head_found) {
        let last = match last.filter(|seal| seal.number > 0) {
            Some(seal) => format!("the last seal is {}", seal.number),
            None => "there is no seal".to_owned(),
        };
        // A lagging replica looks the same as a truncated or resealed trail.
        let why = match chain.problems.is_empty() {
            true => "this node may be behind the server that takes writes, or the tail was cut off or replaced",
            false => "the tail was cut off or the trail rewritten",
        };
        chain.note(None, format!("no seal has the hash {head}: {why}; {last}"));
    }
    let (strays, count) = repository::audit_seal::find_strays(connection, EVENTS_NAMED).await?;
    if is_whole && count > 0 {
        chain.note_orphaned(count);
    } else {
        chain.unlisted = count - strays.len() as u64;
        let what = "refers to a seal that is not part of the chain";
        chain
            .problems
            .extend(strays.into_iter().map(|event| SealProblem::of_event(event.id, event.operation.to_string(), what)));
    }
    let unreadable = repository::readable_events::find_unreadable(connection, EVENTS_NAMED).await?;
    chain.problems.extend(unreadable.into_iter().map(|(id, column)| {
        SealProblem::of_event(id, id.to_string(), format!("cannot be read: {column} is not a text"))
    }));
    let unnumbered = repository::audit_seal::find_without_number(connection, EVENTS_NAMED).await?;
    for id in unnumbered {
        chain.note(None, format!("{id} is not part of the chain: its number is not a whole number"));
    }
    chain.waiting_events = repository::audit_seal::count_waiting_events(connection).await?;
    Ok(chain)
}

async fn check(
    connection: &impl ConnectionTrait,
    sealed: &SealedRow<audit_seal::Model>,
    chain: &mut Chain,
) -> Result<()> {
    let seal = &sealed.row;
    let (mut hash, mut count, mut after) = (SealHash::new(seal, &sealed.time(&seal.sealed_at)), 0_u64, None);
    loop {
        let events = repository::audit_seal::find_events(connection, Some(seal.id), after, ROWS_AT_ONCE).await?;
        let Some(last) = events.last() else { break };
        after = Some(last.row.id);
        count += events.len() as u64;
        events.iter().for_each(|event| hash.add(event));
    }
    // Before the first seal the head is empty, like its previous hash.
    if seal.previous_hash != chain.head {
        chain.note(Some(seal.number), "does not continue the seal before it");
    }
    let expected = u64::try_from(seal.event_count.pieces()).unwrap_or(0);
    if count != expected {
        let what = if count < expected { "events were removed, moved or made unreadable" } else { "events were added" };
        let refer = if count == 1 { "refers" } else { "refer" };
        let covered = counted(expected, "event");
        chain.note(Some(seal.number), format!("covers {covered}, but {count} {refer} to it: {what}"));
    } else if seal.hash != hash.finish() {
        chain.note(Some(seal.number), "an event, or the seal itself, was edited or replaced");
    }
    chain.seals += 1;
    chain.sealed_events += count;
    Ok(())
}

impl Chain {
    fn note(&mut self, seal: Option<i32>, what: impl Into<String>) {
        self.problems.push(SealProblem { seal, event: None, what: what.into() });
    }

    /// Adds the finding that events have seals of which none exists.
    fn note_orphaned(&mut self, count: u64) {
        self.orphaned = count;
        let (bear, are) = if count == 1 { ("refers to a seal", "is") } else { ("refer to seals", "are") };
        let events = format!("{} {bear}", counted(count, "event"));
        let what = match self.seals {
            0 => format!("the table of seals is empty, but {events}: was its migration reverted?"),
            _ => format!(
                "{events} that {are} gone: was the migration of the table of seals reverted, or its end cut off?"
            ),
        };
        self.note(None, what);
    }

    /// Adds the finding of a seal whose number does not follow the previous one, 0 for the first.
    fn note_number(&mut self, number: i32, before: i32) {
        if number < 1 {
            self.note(Some(number), "is not part of the chain: numbers begin at 1");
        } else if number == before {
            self.note(Some(number), "exists more than once");
        } else if number - before == 2 {
            self.note(Some(before + 1), "is gone");
        } else if number - before > 2 {
            self.note(Some(before + 1), format!("is gone, and so are all up to {}", number - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_without_its_seal_is_reported_in_the_singular() {
        let finding = |seals: u64, count: u64| {
            let mut chain = Chain { seals, ..Chain::default() };
            chain.note_orphaned(count);
            chain.problems[0].what.split([',', ':']).nth(usize::from(seals == 0)).unwrap().to_owned()
        };
        assert_eq!(finding(1, 1), "1 event refers to a seal that is gone");
        assert_eq!(finding(1, 2), "2 events refer to seals that are gone");
        assert_eq!(finding(0, 1), " but 1 event refers to a seal");
    }
}
