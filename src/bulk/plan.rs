//! How a file is imported.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ReadOptions;
use super::meaning::Meaning;
use super::position::Position;
use super::spelling::Keys;
use crate::service::place_order::Stock;

/// What to do with a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    Error,
    Skip,
    Update,
}

/// What to do when rows are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Nothing is imported.
    RejectAll,
    /// The others are imported.
    RejectRows,
}

/// How to import a file.
#[derive(Debug, Clone)]
pub struct Import {
    pub read: ReadOptions,
    pub meaning: Meaning,
    pub keys: Arc<Keys>,
    pub on_conflict: OnConflict,
    pub on_error: OnError,
    /// Of orders.
    pub stock: Stock,
    /// When it begins: what is later lies in the future.
    pub now: DateTime<Utc>,
    /// SHA-256 of the file and of how it is read, hexadecimal: what each transaction is marked with.
    pub digest: String,
    /// Lines of one transaction, at most [`MOST_BATCH_LINES`](super::MOST_BATCH_LINES).
    pub batch_lines: usize,
    /// Rows that begin up to here were written by an earlier run.
    pub resume_after: Position,
    /// Where the parts of orders begin that do not stand together, each with the place of another part.
    pub scattered: Arc<HashMap<Position, Position>>,
    /// Where the rows begin that the first pass refused: the second leaves them out.
    pub refused: Arc<HashSet<Position>>,
    /// Whether every change of a value is told.
    pub lists_changes: bool,
}
