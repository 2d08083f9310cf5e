//! The order of day and month: the file as a whole decides.

use crate::domain::written_time::Proof;
use crate::domain::{DateOrder, WrittenTime};
use crate::error::{Error, Kind, Result, printable};

/// A line and the time in it.
type Place = (u64, String);

/// What the times of a file say about how it writes them.
#[derive(Debug, Clone, Default)]
pub struct DateEvidence {
    day_first: Option<Place>,
    month_first: Option<Place>,
    undecided: Option<Place>,
    /// The first time that names no zone.
    pub without_zone: Option<u64>,
}

impl DateEvidence {
    pub fn note(&mut self, line: u64, text: &str) {
        let Ok(time) = WrittenTime::read(text) else { return };
        if !time.has_zone() {
            self.without_zone.get_or_insert(line);
        }
        let place = match time.proves() {
            Some(Proof::Order(DateOrder::DayFirst)) => &mut self.day_first,
            Some(Proof::Order(_)) => &mut self.month_first,
            Some(Proof::Undecided) => &mut self.undecided,
            None => return,
        };
        place.get_or_insert_with(|| (line, text.to_owned()));
    }

    /// Takes in what later lines say.
    pub fn add(&mut self, later: DateEvidence) {
        let DateEvidence { day_first, month_first, undecided, without_zone } = later;
        self.day_first = self.day_first.take().or(day_first);
        self.month_first = self.month_first.take().or(month_first);
        self.undecided = self.undecided.take().or(undecided);
        self.without_zone = self.without_zone.or(without_zone);
    }

    /// The order that the file proves, with the place that does; `None` when no date needs one.
    ///
    /// Errors: exit 7 when nothing proves it, or two places contradict each other.
    pub fn decide(&self) -> Result<Option<(DateOrder, String)>> {
        let place = |(line, text): &Place| format!("line {line}: {}", printable(text));
        match (&self.day_first, &self.month_first, &self.undecided) {
            (Some(day), Some(month), _) => Err(refused(format!(
                "two orders of day and month in one file: {}, {}; nothing was imported",
                place(day),
                place(month)
            ))
            .hint("write its dates in one way, or with the year first")),
            (Some(day), None, _) => Ok(Some((DateOrder::DayFirst, place(day)))),
            (None, Some(month), _) => Ok(Some((DateOrder::MonthFirst, place(month)))),
            (None, None, Some(date)) => Err(refused(format!(
                "nothing in the file tells day and month apart ({}); nothing was imported",
                place(date)
            ))
            .hint("say which comes first: --date-order dmy or --date-order mdy")),
            (None, None, None) => Ok(None),
        }
    }
}

fn refused(message: String) -> Error {
    Error::new(Kind::Invalid, "import.date_order", message)
}
