//! Findings about a file as a whole.

use chrono::TimeDelta;

use super::currency::CurrencyEvidence;
use super::dates::DateEvidence;
use super::options::Import;
use super::position::{Position, merge_counts};
use super::read::{ReadFindings, Record};
use super::row::Row;
use crate::domain::text::{counted, is_are};
use crate::error::Result;

/// Tolerated clock difference: later times are in the future.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(10);

/// The findings over all records of a file.
#[derive(Debug, Clone, Default)]
pub struct FileFindings {
    /// Those of reading it, when it is read to its end.
    pub read: Option<ReadFindings>,
    pub dates: DateEvidence,
    pub currencies: CurrencyEvidence,
    /// The first cell from which an apostrophe was removed.
    pub unguarded: Option<Position>,
    /// The number of trimmed texts and keys, and the position of the first.
    pub padded: Option<(u64, Position)>,
    /// The number of times in the future, and the position of the first.
    pub in_future: Option<(u64, Position)>,
}

impl FileFindings {
    /// Adds a record, valid or not.
    pub fn add_record<R: Row>(&mut self, record: &Record, import: &Import) {
        if record.is_unguarded {
            self.unguarded.get_or_insert(record.at);
        }
        let texts = R::COLUMNS.texts.iter().copied().chain([R::KEY]).filter_map(|column| record.get(column));
        let padded = texts.filter(|text| text.trim().len() < text.len()).count() as u64;
        if padded > 0 {
            self.padded.get_or_insert((0, record.at)).0 += padded;
        }
        self.currencies.add_record(record, R::COLUMNS.amounts, import.interpretation.currency.is_some());
        let Some(time) = R::TIME.and_then(|column| record.get(column)) else { return };
        self.dates.add_time(record.at, time, &import.interpretation);
        if import.interpretation.time(time).is_ok_and(|time| time > import.now + CLOCK_TOLERANCE) {
            self.in_future.get_or_insert((0, record.at)).0 += 1;
        }
    }

    /// Merges the results of later records.
    pub fn merge(&mut self, later: FileFindings, import: &Import) {
        self.read = self.read.take().or(later.read);
        self.dates.merge(later.dates);
        self.currencies.merge(later.currencies, import.interpretation.currency.is_some());
        self.unguarded = self.unguarded.or(later.unguarded);
        self.padded = merge_counts(self.padded, later.padded);
        self.in_future = merge_counts(self.in_future, later.in_future);
    }

    /// The notes on a file before anything is written.
    ///
    /// Errors: exit 7 for amounts in two currencies.
    pub fn notes(&self, import: &Import) -> Result<Vec<String>> {
        let Import { interpretation, needs_all_rows, .. } = import;
        let currency = self.currencies.decide(interpretation.currency.as_deref(), *needs_all_rows)?;
        let mut notes: Vec<String> = self.read.iter().flat_map(ReadFindings::notes).chain(currency).collect();
        if let (Some(first), None) = (self.dates.without_zone, &interpretation.zone) {
            notes.push(format!("times without a time zone are read as UTC ({first}); --tz NAME sets another zone"));
        }
        if let (Some((count, first)), Some(zone)) = (self.dates.repeated, &interpretation.zone) {
            let (times, zone) = (counted(count, "time"), zone.name());
            let verb = is_are(count);
            notes.push(format!(
                "{times} {verb} ambiguous when clocks change in {zone} ({first}): the earlier one is used, unless an offset is given"
            ));
        }
        if let Some((count, first)) = self.in_future {
            notes.push(format!(
                "{} in the future ({first}): check the date order and the time zone",
                counted(count, "time")
            ));
        }
        if let Some(first) = self.unguarded {
            notes.push(format!("apostrophes and =\"…\" with which spreadsheets mark text are removed ({first})"));
        }
        if let Some((count, first)) = self.padded {
            let ends = if count == 1 { "has spaces at its start or end" } else { "have spaces at their start or end" };
            notes.push(format!("{} {ends} ({first}): they are removed", counted(count, "text")));
        }
        Ok(notes)
    }
}
