//! The options of an import.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ReadOptions;
use super::interpretation::Interpretation;
use super::position::Position;
use super::resume_point::ResumePoint;
use super::spelling::KeySpellings;
use crate::service::place_order::StockHandling;

/// Maximum number of lines per transaction: enough to update a popular product once for many orders, few
/// enough that others do not wait long.
pub const MAX_BATCH_LINES: usize = 25_000;

/// What to do with a row whose key already exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Reject it.
    Error,
    /// Leave the existing row unchanged.
    Skip,
    /// Update the existing row; an existing order must equal the one in the file.
    #[default]
    Update,
}

/// What to do with invalid rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// Nothing is imported.
    #[default]
    RejectAll,
    /// The others are imported.
    RejectRows,
}

/// The options of an import.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// How to read the file's records.
    pub read: ReadOptions,
    /// How to interpret the values of the records.
    pub interpretation: Interpretation,
    /// Keys that other programs stored in other spellings; empty until the import is prepared.
    pub keys: Arc<KeySpellings>,
    /// What to do with existing rows (`--on-conflict`).
    pub on_conflict: OnConflict,
    /// What to do with invalid rows (`--on-error`).
    pub on_error: OnError,
    /// Whether imported orders take stock.
    pub stock: StockHandling,
    /// The start of the import: later times are in the future.
    pub now: DateTime<Utc>,
    /// SHA-256 of the file and its options, hexadecimal: marks each transaction.
    pub digest: String,
    /// Lines of one transaction, at most [`MAX_BATCH_LINES`].
    pub batch_lines: usize,
    /// How far earlier runs of this file came, and then this one.
    pub resume: ResumePoint,
    /// The positions of the parts of scattered orders, each with the position of another part.
    pub scattered: Arc<HashMap<Position, Position>>,
    /// The positions of rows rejected by the first pass, which the second skips.
    pub refused: Arc<HashSet<Position>>,
    /// Whether every changed value is reported.
    pub lists_changes: bool,
    /// Whether rows that are wrong cannot be left out, because what the file lacks counts too (`--retire-missing`).
    pub needs_all_rows: bool,
}

impl Import {
    /// The usual import of a file.
    pub fn new(read: ReadOptions, now: DateTime<Utc>, on_error: OnError) -> Import {
        Import { read, now, on_error, batch_lines: MAX_BATCH_LINES, ..Import::default() }
    }
}
