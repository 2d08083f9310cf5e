//! Which COMMIT is under way: an interrupt waits for it, and whoever does not wait is told how its outcome is found
//! out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use uuid::Uuid;

use super::request::Request;
use crate::domain::text::shell_word;
use crate::error::{CommandLine, Error, Hint, Kind};

/// Shared by all that commit in this process, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Committing(Arc<Mutex<Option<Pending>>>);

/// What is being committed.
#[derive(Debug, Clone)]
pub enum Pending {
    /// An operation, with the key that its command was given.
    Operation { id: Uuid, key: Option<String> },
    /// Other work, with the way to find out what became of it.
    Work(Hint),
}

impl Committing {
    pub fn begin(&self, pending: Pending) {
        *self.state() = Some(pending);
    }

    pub fn end(&self) {
        *self.state() = None;
    }

    pub fn pending(&self) -> Option<Pending> {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, Option<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    pub(super) fn operation(id: Uuid, request: &Request) -> Pending {
        let given = request.idempotency.as_ref().filter(|idempotency| idempotency.is_given);
        Pending::Operation { id, key: given.map(|idempotency| idempotency.key.as_str().to_owned()) }
    }

    /// Exit 12, with the way to the outcome.
    pub fn unknown(&self, message: impl Into<String>) -> Error {
        let error = Error::new(Kind::OutcomeUnknown, "operation.outcome_unknown", message);
        match self {
            Pending::Work(way_out) => error.hint(way_out.clone()),
            Pending::Operation { id, key } => {
                let error = match key {
                    Some(key) => error.hint(format!(
                        "run the same command again with --idempotency-key {}: it cannot happen twice",
                        shell_word(key)
                    )),
                    None => error.hint(
                        Hint::from("before you enter it again, when the database answers: ")
                            .and(CommandLine::new("audit settle").argument(&id.to_string())),
                    ),
                };
                error.details(json!({ "operation_id": id, "idempotency_key": key }))
            }
        }
    }
}
