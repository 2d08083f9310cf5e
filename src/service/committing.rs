//! The COMMIT in progress: an interrupt waits for it, and a second interrupt prints how to find its outcome.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::request::Request;
use crate::db::target::Engine;
use crate::domain::Id;
use crate::domain::text::shell_word;
use crate::error::{CommandLine, Error, Hint, Kind};

/// Shared by all commits of this process and the signal handler.
#[derive(Debug, Clone)]
pub struct CommitTracker(Arc<State>);

#[derive(Debug)]
struct State {
    pending: watch::Sender<Option<Pending>>,
    /// The number of termination signals.
    interrupts: watch::Sender<u32>,
    /// Whether an operation waits that does not begin any more.
    is_held: watch::Sender<bool>,
    /// Whether an operation was committed, and none has begun since.
    is_committed: AtomicBool,
    /// The committed operations with events, in their order.
    operations: Mutex<Vec<Committed>>,
    /// The operation of which the last result is.
    operation: Mutex<Option<Id>>,
    /// Where the work is that an interrupt leaves behind, such as a file that is being edited.
    left_behind: Mutex<Option<Hint>>,
}

impl Default for CommitTracker {
    fn default() -> Self {
        CommitTracker(Arc::new(State {
            pending: watch::Sender::new(None),
            interrupts: watch::Sender::new(0),
            is_held: watch::Sender::new(false),
            is_committed: AtomicBool::new(false),
            operations: Mutex::default(),
            operation: Mutex::default(),
            left_behind: Mutex::default(),
        }))
    }
}

/// A committed operation.
#[derive(Debug, Clone, Copy)]
struct Committed {
    id: Uuid,
    /// Whether `undo` can take it back.
    is_undoable: bool,
}

/// The commit in progress.
#[derive(Debug, Clone)]
pub enum Pending {
    /// An operation, with the key given to its command.
    Operation {
        /// The operation's id, for `audit settle`.
        id: Uuid,
        /// The idempotency key that the user gave.
        key: Option<String>,
    },
    /// Other work, with the hint to find its outcome.
    Work(Hint),
    /// Into a file of this machine, or the removal of a scratch database: it always ends, and every interrupt waits for
    /// it.
    File,
}

impl CommitTracker {
    /// Marks a COMMIT as in progress, until [`CommitTracker::end`].
    pub fn begin(&self, pending: Pending) {
        self.0.pending.send_replace(Some(pending));
    }

    /// Marks the COMMIT as answered.
    pub fn end(&self) {
        self.0.pending.send_replace(None);
    }

    /// The COMMIT in progress, if any.
    pub fn pending(&self) -> Option<Pending> {
        self.0.pending.borrow().clone()
    }

    /// Lets an operation begin; after a termination signal none does, and this waits for the end of the process.
    pub async fn admit(&self) {
        self.0.is_committed.store(false, Ordering::Relaxed);
        self.result_of(None);
        if *self.0.interrupts.borrow() > 0 {
            self.0.is_held.send_replace(true);
            std::future::pending::<()>().await;
        }
    }

    /// Records that an operation was committed.
    pub fn committed(&self) {
        self.0.is_committed.store(true, Ordering::Relaxed);
    }

    /// Whether an operation was committed, and none has begun since.
    pub fn is_committed(&self) -> bool {
        self.0.is_committed.load(Ordering::Relaxed)
    }

    /// Records a committed operation with events, and whether it can be taken back.
    pub fn has_events(&self, id: Uuid, is_undoable: bool) {
        self.0.operations.lock().unwrap_or_else(PoisonError::into_inner).push(Committed { id, is_undoable });
        self.result_of(Some(id.into()));
    }

    /// Records of which operation the result is: of an earlier one, if its key was used.
    pub fn result_of(&self, operation: Option<Id>) {
        *self.0.operation.lock().unwrap_or_else(PoisonError::into_inner) = operation;
    }

    /// The operation of which the last result is; `None` where nothing was changed.
    pub fn operation(&self) -> Option<Id> {
        *self.0.operation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The committed operations with events.
    pub fn operations(&self) -> Vec<Id> {
        self.0.operations.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|one| one.id.into()).collect()
    }

    /// The committed operations that `undo` can take back.
    pub fn undoable(&self) -> Vec<Uuid> {
        let operations = self.0.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.iter().filter(|one| one.is_undoable).map(|one| one.id).collect()
    }

    /// Sets where the work is that an interrupt leaves behind; `None` if there is none any more.
    pub fn leave_behind(&self, hint: Option<Hint>) {
        *self.0.left_behind.lock().unwrap_or_else(PoisonError::into_inner) = hint;
    }

    /// Where the work is that an interrupt leaves behind.
    pub fn left_behind(&self) -> Option<Hint> {
        self.0.left_behind.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when an operation is not let begin.
    pub async fn held(&self) {
        reached(&self.0.is_held, |is_held| *is_held).await;
    }

    /// Records a termination signal.
    pub fn interrupt(&self) {
        self.0.interrupts.send_modify(|count| *count += 1);
    }

    /// Waits for more than the given number of termination signals; returns their number.
    pub async fn interrupted(&self, before: u32) -> u32 {
        reached(&self.0.interrupts, |count| *count > before).await
    }
}

/// Waits until the value meets the condition.
async fn reached<T: Clone>(value: &watch::Sender<T>, is_it: impl FnMut(&T) -> bool) -> T {
    let mut receiver = value.subscribe();
    // The sender is borrowed, so it lives as long as this waits.
    let reached = receiver.wait_for(is_it).await.map(|value| value.clone());
    reached.unwrap_or_else(|_| value.borrow().clone())
}

impl Pending {
    pub(super) fn operation(id: Uuid, request: &Request) -> Pending {
        let given = request.idempotency.as_ref();
        Pending::Operation { id, key: given.map(|idempotency| idempotency.key.as_str().to_owned()) }
    }

    /// The same COMMIT in a database of this engine.
    #[must_use]
    pub fn in_database(self, engine: Engine) -> Pending {
        if engine.has_one_writer { Pending::File } else { self }
    }

    /// Exit 12, with the hint to find the outcome.
    pub fn unknown(&self, message: impl Into<String>) -> Error {
        let error = Error::new(Kind::OutcomeUnknown, "operation.outcome_unknown", message);
        match self {
            Pending::File => error,
            Pending::Work(remedy) => error.hint(remedy.clone()),
            Pending::Operation { id, key } => {
                let error = match key {
                    Some(key) => error.hint(format!(
                        "run the same command again with --idempotency-key {}: it cannot be applied twice",
                        shell_word(key)
                    )),
                    None => error.hint(
                        Hint::from("before entering it again, when the database answers: ")
                            .and(CommandLine::new("audit settle").argument(&id.to_string())),
                    ),
                };
                error.details(json!({ "operation_id": id, "idempotency_key": key }))
            }
        }
    }
}
