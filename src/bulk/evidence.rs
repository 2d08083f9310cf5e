//! Findings about a file as a whole.

use chrono::TimeDelta;

use super::currency::CurrencyEvidence;
use super::dates::DateEvidence;
use super::meaning::Meaning;
use super::plan::Import;
use super::position::{Position, added};
use super::read::Record;
use super::row::Row;
use crate::domain::text::counted;
use crate::error::Result;

/// Tolerated clock difference: later times are in the future.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(10);

/// The findings over all records of a file.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub dates: DateEvidence,
    pub currencies: CurrencyEvidence,
    /// The first cell from which an apostrophe was removed.
    pub unguarded: Option<Position>,
    /// The number of trimmed texts and keys, and the position of the first.
    pub padded: Option<(u64, Position)>,
    /// The number of times in the future, and the position of the first.
    pub in_future: Option<(u64, Position)>,
}

impl Evidence {
    /// Adds a record, valid or not.
    pub fn note<R: Row>(&mut self, record: &Record, import: &Import) {
        if record.is_unguarded {
            self.unguarded.get_or_insert(record.at);
        }
        let texts = R::COLUMNS.texts.iter().copied().chain([R::KEY]).filter_map(|column| record.get(column));
        let padded = texts.filter(|text| text.trim().len() < text.len()).count() as u64;
        if padded > 0 {
            self.padded.get_or_insert((0, record.at)).0 += padded;
        }
        self.currencies.note(record, R::COLUMNS.amounts, import.meaning.currency.is_some());
        let Some(time) = R::TIME.and_then(|column| record.get(column)) else { return };
        self.dates.note(record.at, time, &import.meaning);
        if import.meaning.time(time).is_ok_and(|time| time > import.now + CLOCKS_DIFFER) {
            self.in_future.get_or_insert((0, record.at)).0 += 1;
        }
    }

    /// Merges the results of later records.
    pub fn add(&mut self, later: Evidence, import: &Import) {
        self.dates.add(later.dates);
        self.currencies.add(later.currencies, import.meaning.currency.is_some());
        self.unguarded = self.unguarded.or(later.unguarded);
        self.padded = added(self.padded, later.padded);
        self.in_future = added(self.in_future, later.in_future);
    }

    /// The notes on a file before anything is written.
    ///
    /// Errors: exit 7 for amounts in two currencies.
    pub fn notes(&self, meaning: &Meaning) -> Result<Vec<String>> {
        let mut notes: Vec<String> = self.currencies.decide(meaning.currency.as_deref())?.into_iter().collect();
        if let (Some(first), None) = (self.dates.without_zone, &meaning.zone) {
            notes.push(format!("times without a time zone are taken as UTC ({first}); --tz NAME says otherwise"));
        }
        if let (Some((count, first)), Some(zone)) = (self.dates.shown_twice, &meaning.zone) {
            let (times, zone) = (counted(count, "time"), zone.name());
            let verb = if count == 1 { "is" } else { "are" };
            notes.push(format!(
                "{times} {verb} shown twice by the clocks in {zone} ({first}): taken as the first; an offset says otherwise"
            ));
        }
        if let Some((count, first)) = self.in_future {
            notes.push(format!(
                "{} in the future ({first}): are date order and time zone right?",
                counted(count, "time")
            ));
        }
        if let Some(first) = self.unguarded {
            notes.push(format!("apostrophes by which spreadsheets mark text are taken off ({first})"));
        }
        if let Some((count, first)) = self.padded {
            let ends = if count == 1 { "has blanks at an end" } else { "have blanks at an end" };
            notes.push(format!("{} {ends} ({first}): what is written has none", counted(count, "text")));
        }
        Ok(notes)
    }
}
