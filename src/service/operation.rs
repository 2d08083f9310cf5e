//! Operations: one mutation, from BEGIN to a COMMIT whose outcome is known.
//!
//! An operation has a name, an actor, an optional reason and idempotency key, and a closure that changes
//! rows. It retries the whole closure on transient conflicts, records rejections, and never claims an
//! unknown outcome.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::committing::{CommitTracker, Pending};
pub use super::request::{Idempotency, Request};
use super::request::{Subject, find_replay};
use super::tombstone::{CommitOutcome, settle_commit};
use crate::db::fault::{Fault, classify};
use crate::db::write::WriteHandle;
use crate::db::{BeginFailure, Database};
use crate::domain::{Clock, EntityKind, EventName, Id, IdSource, MovementReason, Outcome, personal};
use crate::entity::{audit_event, stock_movement};
use crate::error::{Cause, Error, Kind, Result};
use crate::repository::{self, Change};

/// The longest pause before a retry; pauses double from 1 ms, with full jitter.
const BACKOFF_CAP: Duration = Duration::from_millis(200);
/// Maximum number of retries of long work, some minutes of contention.
const MAX_ATTEMPTS: u32 = 1_000;
/// Maximum length of an error text in an event, in characters.
const ERROR_MAX_CHARACTERS: usize = 2_000;

/// Opens operations on one database for one actor.
#[derive(Debug, Clone)]
pub struct Operations {
    /// The database to write to.
    pub database: Database,
    /// The source of the times that are written.
    pub clock: Clock,
    /// The source of new ids.
    pub ids: IdSource,
    /// The person or program recorded in the audit trail.
    pub actor: String,
    /// Runs the real transaction and rolls it back.
    pub dry_run: bool,
    /// Makes interrupts wait for the outcome of a COMMIT.
    pub committing: CommitTracker,
}

/// A row before and after a mutation.
#[derive(Debug, Clone)]
pub struct Changed<M> {
    /// The row as it was read under the lock.
    pub before: M,
    /// The row as it is stored now.
    pub after: M,
    /// Whether anything was written; false if the values were equal.
    pub changed: bool,
}

/// The successful result of an operation.
#[derive(Debug)]
pub enum Completion<T> {
    /// The operation ran; the result of its body.
    Done(T),
    /// The key was used for the same request: the first event of that operation.
    Replayed(Box<audit_event::Model>),
}

impl<T> Completion<T> {
    /// The value of an operation without a key, which cannot be a replay.
    pub fn done(self) -> Result<T> {
        match self {
            Completion::Done(value) => Ok(value),
            Completion::Replayed(_) => Err(Error::internal("a request without a key was replayed")),
        }
    }
}

/// An open operation: the only way to a write handle.
pub struct Operation {
    handle: WriteHandle,
    id: Uuid,
    now: DateTime<Utc>,
    ids: IdSource,
    /// Those whose events are not written yet.
    changes: Vec<Change>,
    /// The rows that changes with events cover.
    accounted: u64,
    /// The number of written events, and of the rows that they are.
    events: i32,
    event_rows: u64,
    savepoints: u32,
    subject: Option<Subject>,
    /// As in the request: the next attempt finds concurrent writes.
    repeats_on_duplicate: bool,
    /// A key that the body sets, for work that nothing replays.
    mark: Option<Idempotency>,
}

enum Attempt<T> {
    Committed(T),
    Replayed(Box<audit_event::Model>),
    Failed(Failure),
    /// COMMIT was sent and no answer came.
    Unknown(T),
}

/// Why an attempt was rolled back completely.
struct Failure {
    error: Error,
    fault: Option<Fault>,
    /// The entity that it concerned, if known.
    subject: Option<Subject>,
    /// How long the last statement waited before it failed.
    waited: Duration,
}

impl Operations {
    /// Runs `body` in a transaction, with retries on transient conflicts, until it is committed, rejected, or
    /// the time budget is used up.
    ///
    /// Errors: the first error of `body`; [`Kind::Unavailable`] if time ran out before COMMIT;
    /// [`Kind::OutcomeUnknown`] if the connection was lost at COMMIT and the database is unreachable.
    pub async fn run<T>(
        &self,
        request: &Request,
        body: impl AsyncFn(&mut Operation) -> Result<T>,
    ) -> Result<Completion<T>> {
        let operation_id = self.ids.next();
        let mut waited = Duration::ZERO;
        for attempt in 0.. {
            match self.attempt(request, operation_id, &body).await {
                Attempt::Committed(value) => return Ok(Completion::Done(value)),
                Attempt::Replayed(event) => return Ok(self.replayed(event)),
                Attempt::Unknown(value) => return self.settle(request, operation_id, value).await,
                Attempt::Failed(Failure { error, fault, subject, waited: last }) => {
                    waited += last;
                    let is_transient = self.is_transient(request, fault.as_ref());
                    let has_time = attempt < MAX_ATTEMPTS && self.database.budget().allows_another(waited);
                    if is_transient && has_time {
                        self.pause(attempt).await;
                        continue;
                    }
                    if is_transient || fault == Some(Fault::TimedOut) {
                        return Err(request.timed_out(&error));
                    }
                    if error.kind() == Kind::Conflict
                        && let Some(event) = self.replay_after_refusal(request).await
                    {
                        return Ok(self.replayed(event));
                    }
                    self.record_refusal(request, operation_id, subject, &error).await;
                    return Err(error);
                }
            }
        }
        Err(Error::internal("an operation ran out of attempts"))
    }

    /// The result of the operation of an event, whose key was used again.
    fn replayed<T>(&self, event: Box<audit_event::Model>) -> Completion<T> {
        self.committing.result_of(Some(event.operation_id));
        Completion::Replayed(event)
    }

    /// One whole transaction.
    async fn attempt<T>(
        &self,
        request: &Request,
        operation_id: Uuid,
        body: &impl AsyncFn(&mut Operation) -> Result<T>,
    ) -> Attempt<T> {
        let (handle, value, has_events) = match self.work(request, operation_id, body).await {
            Ok(ready) => ready,
            Err(ended) => return ended,
        };
        let sent = Instant::now();
        let failed = |error: DbErr, fault| {
            Attempt::Failed(Failure { error: error.into(), fault, subject: None, waited: sent.elapsed() })
        };
        if self.dry_run {
            return match handle.rollback().await {
                Ok(()) => Attempt::Committed(value),
                Err(error) => failed(error, None),
            };
        }
        self.committing.begin(self.pending(operation_id, request));
        let committed = handle.commit().await;
        self.committing.end();
        match committed {
            Ok(()) => {
                self.committing.committed();
                if has_events {
                    self.committing.has_events(operation_id, request.name.is_undoable());
                }
                Attempt::Committed(value)
            }
            Err(error) => match classify(&error) {
                fault if fault.is_refusal() => failed(error, Some(fault)),
                _ => Attempt::Unknown(value),
            },
        }
    }

    /// Everything up to COMMIT; also returns whether there is an event of it.
    async fn work<T>(
        &self,
        request: &Request,
        operation_id: Uuid,
        body: &impl AsyncFn(&mut Operation) -> Result<T>,
    ) -> Result<(WriteHandle, T, bool), Attempt<T>> {
        self.committing.admit().await;
        let sent = Instant::now();
        let handle = match self.database.begin().await {
            Ok(handle) => handle,
            Err(BeginFailure { error, fault }) => {
                return Err(Attempt::Failed(Failure { error, fault, subject: None, waited: sent.elapsed() }));
            }
        };
        let now = self.clock.now();
        let mut operation = Operation {
            handle,
            id: operation_id,
            now,
            ids: self.ids,
            changes: Vec::new(),
            accounted: 0,
            events: 0,
            event_rows: 0,
            savepoints: 0,
            subject: None,
            repeats_on_duplicate: request.repeats_on_duplicate,
            mark: None,
        };
        let replay = async {
            // First, so that no read sees the state before the lock.
            if request.is_serialized {
                operation.handle.serialize().await?;
            }
            find_replay(&operation.handle, request).await
        };
        let result = match replay.await {
            Ok(Some(event)) => return Err(Attempt::Replayed(event)),
            Ok(None) => match body(&mut operation).await {
                Ok(value) => operation.write_events(self, request).await.map(|()| value),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let (fault, subject, waited) = (operation.handle.first_fault(), operation.subject, operation.handle.waited());
        match (result, &fault) {
            (Ok(value), None) => Ok((operation.handle, value, operation.events > 0)),
            (Ok(_), Some(_)) => {
                let error = Error::internal("an error inside a transaction was swallowed");
                Err(Attempt::Failed(Failure { error, fault, subject, waited }))
            }
            (Err(error), _) => {
                // The first error is the one reported; a failing rollback only means that the
                // connection is gone, and the transaction with it.
                let _ = operation.handle.rollback().await;
                Err(Attempt::Failed(Failure { error, fault, subject, waited }))
            }
        }
    }

    fn pending(&self, operation_id: Uuid, request: &Request) -> Pending {
        Pending::operation(operation_id, request).in_database(self.database.engine())
    }

    async fn settle<T>(&self, request: &Request, operation_id: Uuid, value: T) -> Result<Completion<T>> {
        let tombstone = self.failed_event(request, operation_id, "connection lost at COMMIT");
        self.committing.begin(self.pending(operation_id, request));
        let settled = settle_commit(&self.database, tombstone).await;
        self.committing.end();
        match settled {
            CommitOutcome::Applied => {
                self.committing.committed();
                self.committing.has_events(operation_id, request.name.is_undoable());
                Ok(Completion::Done(value))
            }
            CommitOutcome::NotApplied => {
                Err(Error::new(Kind::Unavailable, "database.connection_lost", "the connection was lost at COMMIT")
                    .not_applied(request.name)
                    .hint("run the same command again"))
            }
            CommitOutcome::Unknown => Err(Pending::operation(operation_id, request).unknown(format!(
                "the connection was lost at COMMIT of {} and the database does not answer: operation {operation_id}",
                request.name
            ))),
        }
    }

    fn is_transient(&self, request: &Request, fault: Option<&Fault>) -> bool {
        match fault {
            Some(Fault::Transient) => true,
            Some(Fault::Unique(_)) if request.repeats_on_duplicate => true,
            // A duplicate random reference, or a key used concurrently: the next attempt draws
            // again, or finds the other event and replays it.
            Some(fault) => {
                repository::order::UNIQUE_REFERENCE.is_violated_by(fault)
                    || repository::audit_event::UNIQUE_KEY.is_violated_by(fault)
            }
            None => false,
        }
    }

    async fn pause(&self, attempt: u32) {
        let longest = Duration::from_millis(1 << attempt.min(16)).min(BACKOFF_CAP);
        sleep(longest.mul_f64(rand::random::<f64>())).await;
    }

    /// After a rejection: another process may have just completed the same request.
    async fn replay_after_refusal(&self, request: &Request) -> Option<Box<audit_event::Model>> {
        find_replay(self.database.connection(), request).await.ok().flatten()
    }

    /// Records rejections (exit 6) and failed post-checks, best effort (BR-003).
    async fn record_refusal(&self, request: &Request, operation_id: Uuid, subject: Option<Subject>, error: &Error) {
        let is_recorded = error.kind() == Kind::Conflict || error.is(Cause::Unaccounted);
        if self.dry_run || !is_recorded {
            return;
        }
        let error = personal::without_addresses(&format!("{}: {}", error.code(), error.message()));
        let (kind, entity_id) = subject.unwrap_or((None, Id::Missing));
        let entity_type = kind.unwrap_or(request.name.kind()).as_str().into();
        let event = audit_event::Model { entity_type, entity_id, ..self.failed_event(request, operation_id, &error) };
        let record = async {
            let handle = self.database.begin().await?;
            repository::audit_event::create_many(&handle, [event]).await?;
            handle.commit().await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = record.await {
            tracing::debug!("the refusal could not be recorded: {error}");
        }
    }

    pub(super) fn failed_event(&self, request: &Request, operation_id: Uuid, error: &str) -> audit_event::Model {
        let error = Some(error.chars().take(ERROR_MAX_CHARACTERS).collect());
        let reason = request.reason.clone();
        audit_event::Model { outcome: Outcome::Failed.into(), reason, error, ..self.event(request.name, operation_id) }
    }

    /// The event of a success, without further data.
    pub fn event(&self, name: EventName, operation_id: Uuid) -> audit_event::Model {
        audit_event::Model {
            id: self.ids.next().into(),
            operation_id: operation_id.into(),
            sequence: 0.into(),
            operation: name.into(),
            actor: self.actor.clone().into(),
            outcome: Outcome::Succeeded.into(),
            entity_type: name.kind().as_str().into(),
            entity_id: Id::Missing,
            before: None,
            after: None,
            reason: None,
            error: None,
            idempotency_key: None,
            request_fingerprint: None,
            seal_id: Id::Missing,
            occurred_at: self.clock.now().into(),
        }
    }
}

impl Operation {
    /// For the write functions of repositories, and for reads that must see them.
    pub fn handle(&self) -> &WriteHandle {
        &self.handle
    }

    /// Shared by all events and movements of this operation.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// One time for everything the operation writes.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// An id for a new row.
    pub fn new_id(&self) -> Uuid {
        self.ids.next()
    }

    /// The id of a new row: its own if it was given one.
    pub fn id_of_new(&self, given: Id) -> Id {
        if given == Id::default() { self.new_id().into() } else { given }
    }

    /// A new stock movement of this operation.
    pub fn movement(&self, product_id: Id, delta: i32, reason: MovementReason) -> stock_movement::Model {
        stock_movement::Model {
            id: self.new_id().into(),
            product_id,
            delta: delta.into(),
            reason: reason.into(),
            order_id: Id::Missing,
            operation_id: self.id.into(),
            note: None,
            created_at: self.now.into(),
        }
    }

    /// Sets the entity of the operation, for the event of a failure.
    ///
    /// Errors: exit 6 for a row without an id, which another program wrote.
    pub fn set_subject(&mut self, id: Id) -> Result<()> {
        self.subject = id.present().map(|id| (None, id));
        if self.subject.is_some() {
            return Ok(());
        }
        Err(Error::conflict("row.without_id", "the row cannot be changed because it has no id")
            .hint("give it an id in the database's own client, then try again"))
    }

    /// Sets a user as the entity of an operation on another kind of entity: of an order that was refused there is none.
    pub fn set_customer(&mut self, user: Id) {
        self.subject = user.present().map(|id| (Some(EntityKind::User), id));
    }

    /// Marks the operation with a key of its own, which its first event has unless the request has one.
    pub fn mark(&mut self, mark: Idempotency) {
        self.mark = Some(mark);
    }

    /// Adds a change, for its audit event.
    pub fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Runs a part in a savepoint, so that its rejection does not affect earlier parts.
    ///
    /// The inner error is the part's own: it was rolled back to the savepoint. The outer one ends the whole
    /// operation (a transient conflict, a lost connection, a duplicate that requires a retry).
    pub async fn savepoint<T>(&mut self, body: impl AsyncFnOnce(&mut Operation) -> Result<T>) -> Result<Result<T>> {
        self.savepoints += 1;
        let name = format!("part_{}", self.savepoints);
        let (rows, changes) = (self.handle.rows_written(), self.changes.len());
        self.handle.execute_unprepared(&format!("SAVEPOINT {name}")).await?;
        match body(self).await {
            Ok(value) => {
                self.handle.execute_unprepared(&format!("RELEASE SAVEPOINT {name}")).await?;
                Ok(Ok(value))
            }
            Err(error) if self.must_abort() => Err(error),
            Err(error) => {
                self.handle.rollback_to(&name, rows).await?;
                self.changes.truncate(changes);
                Ok(Err(error))
            }
        }
    }

    fn must_abort(&self) -> bool {
        match self.handle.first_fault() {
            Some(Fault::Transient | Fault::ConnectionLost | Fault::TimedOut) => true,
            Some(Fault::Unique(_)) => self.repeats_on_duplicate,
            _ => false,
        }
    }

    /// Post-check (DL-003) and audit events (BR-003) of the changes since the last call: the last statement before
    /// COMMIT, and before that in an operation whose events are too many to be kept.
    pub(super) async fn write_events(&mut self, operations: &Operations, request: &Request) -> Result<()> {
        self.accounted += self.changes.iter().map(|change| change.rows).sum::<u64>();
        let (accounted, written) = (self.accounted, self.handle.rows_written() - self.event_rows);
        if accounted != written {
            let message = format!("{} wrote {written} rows but its events account for {accounted}", request.name);
            return Err(Error::from_cause(Cause::Unaccounted, message));
        }
        let changes = std::mem::take(&mut self.changes);
        let first = self.events;
        self.events = first.saturating_add(i32::try_from(changes.len()).unwrap_or(i32::MAX));
        let events = changes.into_iter().zip(first..).map(|(change, sequence)| {
            // The key is unique: only the operation's first event has it.
            let key = request.idempotency.as_ref().or(self.mark.as_ref());
            let idempotency = key.filter(|_| sequence == 0);
            audit_event::Model {
                sequence: sequence.into(),
                entity_type: change.entity.as_str().into(),
                entity_id: change.id,
                before: change.before.map(|json| json.to_string()),
                after: change.after.map(|json| json.to_string()),
                reason: request.reason.clone(),
                idempotency_key: idempotency.map(|idempotency| idempotency.key.as_str().to_owned()),
                request_fingerprint: idempotency.map(|idempotency| idempotency.fingerprint.clone()),
                occurred_at: self.now.into(),
                ..operations.event(request.name, self.id)
            }
        });
        repository::audit_event::create_many(&self.handle, events).await?;
        self.event_rows = self.handle.rows_written() - written;
        Ok(())
    }
}
