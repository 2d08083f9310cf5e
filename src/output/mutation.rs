//! What commands that change something print.

use serde::Serialize;
use serde_json::{Map, Value};

/// The result of a command that changed, or would have changed, one object.
#[derive(Debug, Serialize)]
pub struct Mutation<C> {
    /// The text for people: `order K7Q2M-9XD4T cancelled, 3 units restocked`.
    #[serde(skip)]
    pub line: String,
    /// The value printed by `-o id`, and the first member in JSON.
    pub id: String,
    /// What was done: the other members.
    #[serde(flatten)]
    pub change: C,
}

/// A change of one of the shop's objects.
#[derive(Debug, Default, Serialize)]
pub struct Change<D = ()> {
    /// The fields that name the object, or all fields of a created one, as its view has them.
    #[serde(flatten)]
    pub object: Map<String, Value>,
    /// Whether anything was, or would be, different afterwards.
    pub changed: bool,
    /// Whether it is the result of an earlier command with the same idempotency key.
    pub replayed: bool,
    /// The operation that changed it, for `undo` and `audit show`; `None` where nothing was changed.
    pub operation_id: Option<String>,
    /// The operation by which that earlier command is taken back, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
    pub dry_run: bool,
    /// All fields before; `None` for a created object, and where the command does not say.
    pub before: Option<Map<String, Value>>,
    pub after: Option<Map<String, Value>>,
    /// What only this command reports.
    #[serde(flatten)]
    pub details: D,
}

impl<C> Mutation<C> {
    pub fn new(line: String, id: impl ToString, change: C) -> Mutation<C> {
        Mutation { line, id: id.to_string(), change }
    }
}

impl Change {
    /// The same change with what only this command reports.
    pub fn with<D>(self, details: D) -> Change<D> {
        let Change { object, changed, replayed, operation_id, undone_by, dry_run, before, after, details: () } = self;
        Change { object, changed, replayed, operation_id, undone_by, dry_run, before, after, details }
    }
}
