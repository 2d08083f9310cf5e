//! The result of an import, and of one that fails or is interrupted.

use std::cell::Cell;

use serde::Serialize;
use serde_json::json;

use crate::bulk::{Counts, OnConflict, Row, ValueChange};
use crate::context::Context;
use crate::domain::Id;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Hint, Kind, printable};
use crate::output::Mutation;
use crate::service::committing::CommitTracker;

/// Maximum number of changes listed by a dry run.
pub const CHANGES_LISTED: usize = 10_000;

/// The committed part of an import, reported if it fails or is interrupted.
pub struct PartialImport<'a> {
    pub context: &'a Context,
    pub noun: &'static str,
    /// The rows committed so far; none in a dry run.
    pub counts: Cell<Counts>,
    pub on_conflict: OnConflict,
    /// As in [`crate::bulk::Import`].
    pub needs_all_rows: bool,
}

impl PartialImport<'_> {
    fn summary(&self) -> Option<String> {
        let Counts { created, updated, .. } = self.counts.take();
        let summary = format!("{} created and {updated} updated earlier are kept", counted(created, self.noun));
        (created + updated > 0).then_some(summary)
    }

    /// Adds the committed rows to an error.
    pub fn add_to_error(&self, error: Error) -> Error {
        let Some(summary) = self.summary() else { return error };
        let mut details = json!({ "kept": summary });
        if let (Some(all), Some(own)) = (details.as_object_mut(), error.details_value().as_object()) {
            all.extend(own.clone());
        }
        let message = format!("{}; {summary}", error.message());
        // The hints of an unknown outcome stay: it must be settled first.
        let error = if error.kind() == Kind::OutcomeUnknown { error } else { error.without_hints() };
        error.reworded(message).details(details).hint(self.resume_hint())
    }

    /// The hint to complete a partial import.
    fn resume_hint(&self) -> &'static str {
        match self.on_conflict {
            OnConflict::Error if self.needs_all_rows => {
                "run the same command again with --on-conflict skip to add the rest; imported rows are skipped"
            }
            OnConflict::Error => "run the same command again with --resume to add the rest",
            _ => "run the same command again to add the rest; imported rows stay unchanged",
        }
    }
}

/// Reports the committed rows if the import is interrupted.
impl Drop for PartialImport<'_> {
    fn drop(&mut self) {
        if let Some(summary) = self.summary() {
            self.context.output.note(&format!("{summary}; {}", self.resume_hint()));
        }
    }
}

/// The result of an import; `changes` are those that a dry run lists in JSON.
pub fn result<'a, R: Row>(
    committing: &CommitTracker,
    dry_run: bool,
    counts: Counts,
    rejected: u64,
    changes: Option<&'a [ValueChange]>,
) -> Mutation<ImportResult<'a>> {
    let Counts { created, updated, unchanged, skipped, users, products, taken, other_stock, retired } = counts;
    let would = if dry_run { "would be " } else { "" };
    let written = counted(created + updated, R::NOUN);
    let mut line = match created + updated {
        0 if counts.total() > 0 => format!("{written} {would}imported: {unchanged} unchanged"),
        _ => format!("{written} {would}imported: {created} created, {updated} updated, {unchanged} unchanged"),
    };
    if skipped > 0 {
        line += &format!(", {skipped} skipped");
    }
    if rejected > 0 {
        line += &format!(", {rejected} rejected");
    }
    if users + products > 0 {
        line += &format!("; {} and {} {would}created for them", counted(users, "user"), counted(products, "product"));
    }
    if taken > 0 {
        line += &format!("; {} {would}taken from stock", counted(taken, "unit"));
    }
    if retired > 0 {
        line += &format!("; {} {would}retired", counted(retired, "other"));
    }
    let imported = ImportResult {
        changed: created + updated + retired > 0,
        operation_ids: committing.operations(),
        dry_run,
        created,
        updated,
        unchanged,
        skipped,
        rejected,
        users,
        products,
        units_taken: taken,
        stock_not_imported: other_stock,
        retired,
        changes,
    };
    Mutation::new(line, R::OPERATION, imported)
}

/// What the result leaves open.
pub fn notes(counts: Counts, shown: &[ValueChange]) -> Vec<Hint> {
    let mut notes = Vec::new();
    if shown.len() == CHANGES_LISTED {
        notes.push(format!("only the first {CHANGES_LISTED} changes are listed").into());
    }
    if counts.other_stock > 0 {
        let products = counted(counts.other_stock, "existing product");
        let note = Hint::from(format!("the stock of {products} is not imported: use "));
        notes.push(note.and(CommandLine::new("stock set")));
    }
    notes
}

/// The result of an import in JSON.
#[derive(Serialize)]
pub struct ImportResult<'a> {
    changed: bool,
    /// The operations of the import; it commits in parts.
    operation_ids: Vec<Id>,
    dry_run: bool,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    rejected: u64,
    users: u64,
    products: u64,
    units_taken: u64,
    stock_not_imported: u64,
    retired: u64,
    /// Only in a dry run, and not as JSON lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a [ValueChange]>,
}

/// Each changed value, for people: old → new.
pub fn lines(changes: &[ValueChange]) -> String {
    let line = |ValueChange { key, column, before, after }: &ValueChange| {
        let [key, before, after] = [key, before, after].map(|text| printable(text));
        format!("{key}: {column} {before} → {after}\n")
    };
    changes.iter().map(line).collect()
}
