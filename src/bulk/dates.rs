//! The order of day and month, decided by the whole file.

use super::interpretation::Interpretation;
use super::position::{Position, merge_counts};
use crate::domain::time_parser::{DateOrderEvidence, ParsedDate};
use crate::domain::{DateOrder, ParsedTime};
use crate::error::{Error, Kind, Result, printable};

/// A time and its position.
type DateAt = (Position, String);

/// Evidence for the order of day and month in a file.
#[derive(Debug, Clone, Default)]
pub struct DateEvidence {
    day_first: Option<DateAt>,
    month_first: Option<DateAt>,
    undecided: Option<DateAt>,
    /// A date with dots, where the day is first by default.
    dotted: Option<DateAt>,
    year_day_month: Option<DateAt>,
    /// A time of RFC 3339: beside it, an ambiguous date is inconsistent.
    rfc3339: Option<DateAt>,
    /// The first time without a zone.
    pub without_zone: Option<Position>,
    /// The number of repeated local times, and the position of the first.
    pub repeated: Option<(u64, Position)>,
}

impl DateEvidence {
    /// Adds a time. Its date counts as evidence even if the time or its row is invalid.
    pub fn add_time(&mut self, at: Position, text: &str, interpretation: &Interpretation) {
        let Ok(date) = ParsedDate::read(text) else { return };
        let place = || (at, text.to_owned());
        let first = match date.evidence() {
            Some(DateOrderEvidence::Order(DateOrder::DayFirst)) => Some(&mut self.day_first),
            Some(DateOrderEvidence::Order(_)) => Some(&mut self.month_first),
            Some(DateOrderEvidence::Undecided) if !date.has_dots() => Some(&mut self.undecided),
            Some(DateOrderEvidence::YearDayMonth) => Some(&mut self.year_day_month),
            Some(DateOrderEvidence::Undecided) | None => None,
        };
        if let Some(first) = first {
            first.get_or_insert_with(place);
        }
        if date.has_dots() && date.evidence().is_some() {
            self.dotted.get_or_insert_with(place);
        }
        let Ok(time) = ParsedTime::read(text) else { return };
        if time.is_rfc3339() {
            self.rfc3339.get_or_insert_with(place);
        }
        if !time.has_zone() {
            self.without_zone.get_or_insert(at);
        }
        let zone = interpretation.zone.as_ref();
        if zone.is_some_and(|zone| time.is_shown_twice(interpretation.date_order, zone)) {
            self.repeated.get_or_insert((0, at)).0 += 1;
        }
    }

    /// Merges the evidence of later lines.
    pub fn merge(&mut self, later: DateEvidence) {
        self.day_first = self.day_first.take().or(later.day_first);
        self.month_first = self.month_first.take().or(later.month_first);
        self.undecided = self.undecided.take().or(later.undecided);
        self.dotted = self.dotted.take().or(later.dotted);
        self.year_day_month = self.year_day_month.take().or(later.year_day_month);
        self.rfc3339 = self.rfc3339.take().or(later.rfc3339);
        self.without_zone = self.without_zone.or(later.without_zone);
        self.repeated = merge_counts(self.repeated, later.repeated);
    }

    /// The order that the file proves, or that dates with dots have, with its position; `None` if no date
    /// needs one, or it is already known.
    ///
    /// Errors: exit 7 if nothing proves it, or if two dates contradict each other or the known order.
    pub fn decide(&self, known: Option<DateOrder>) -> Result<Option<(DateOrder, String)>> {
        if let Some(date) = &self.year_day_month {
            let date = describe(date);
            let message =
                format!("{date} has the day before the month, but dates that begin with the year have it last");
            return Err(refused(message).hint("write it as year, month and day"));
        }
        if let Some(known) = known {
            return self.check_against(known).map(|()| None);
        }
        if let (None, None, Some(_), Some(proof)) = (&self.day_first, &self.month_first, &self.undecided, &self.rfc3339)
        {
            // An undecided date is invalid in its row, unless it equals the stored one.
            return Ok(Some((DateOrder::YearFirst, describe(proof))));
        }
        match (&self.day_first, &self.month_first, &self.undecided) {
            (Some(day), Some(month), _) => Err(contradiction(day, month)),
            (Some(day), None, _) => Ok(Some((DateOrder::DayFirst, describe(day)))),
            (None, Some(month), _) => match &self.dotted {
                Some(dotted) => Err(dots_contradict(month, dotted)),
                None => Ok(Some((DateOrder::MonthFirst, describe(month)))),
            },
            (None, None, Some(date)) => {
                Err(refused(format!("the file does not tell day and month apart ({})", describe(date)))
                    .hint("give the order: --date-order dmy or --date-order mdy"))
            }
            (None, None, None) => Ok(self.dotted.as_ref().map(|dotted| (DateOrder::DayFirst, describe(dotted)))),
        }
    }

    fn check_against(&self, known: DateOrder) -> Result<()> {
        let (against, proven) = match known {
            DateOrder::DayFirst => (&self.month_first, DateOrder::MonthFirst),
            DateOrder::MonthFirst => (&self.day_first, DateOrder::DayFirst),
            // Dates without the year first are rejected in their rows.
            DateOrder::YearFirst => return Ok(()),
        };
        let Some(against) = against else { return Ok(()) };
        if let (Some(day), Some(month)) = (&self.day_first, &self.month_first) {
            return Err(contradiction(day, month));
        }
        let message = format!("{} is not in the order {}", describe(against), known.as_str());
        Err(refused(message).hint(format!("--date-order {}", proven.as_str())))
    }
}

fn describe((at, text): &DateAt) -> String {
    format!("{at}: {}", printable(text))
}

fn contradiction(day: &DateAt, month: &DateAt) -> Error {
    refused(format!("day and month come in two orders in one file: {}, {}", describe(day), describe(month)))
        .hint("write all dates in one order, or with the year first")
}

/// A date with its month first in a file with dates that have dots.
fn dots_contradict(month: &DateAt, dotted: &DateAt) -> Error {
    let both = if month.0 == dotted.0 { describe(month) } else { format!("{}, {}", describe(month), describe(dotted)) };
    refused(format!("dates with dots have the day first, but one in the file has the month first: {both}"))
        .hint("--date-order mdy says that all have the month first")
}

fn refused(message: String) -> Error {
    Error::new(Kind::Invalid, "import.date_order", format!("{message}; nothing was imported"))
}
