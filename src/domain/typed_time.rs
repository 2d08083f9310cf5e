//! Times as people type them to select rows: a moment, or a stretch of time such as a day, `last-month` or `2026-10`.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};

use super::Zone;
use super::moment::parse_span;
use super::period::PeriodLength;
use super::similar::closest;
use super::time_parser::{ParsedTime, YEARS, no_time};

/// The accepted forms, for messages.
const FORMS: &str = "2026-03-01, 2026-03-01 12:30, 2026-03, 7d, yesterday or last-month, with a year from 1900 to 2999";

/// The periods that have a name: their length, and how many of them ago they were.
const NAMED: [(&str, PeriodLength, u32); 8] = [
    ("today", PeriodLength::Day, 0),
    ("yesterday", PeriodLength::Day, 1),
    ("this-week", PeriodLength::Week, 0),
    ("last-week", PeriodLength::Week, 1),
    ("this-month", PeriodLength::Month, 0),
    ("last-month", PeriodLength::Month, 1),
    ("this-year", PeriodLength::Year, 0),
    ("last-year", PeriodLength::Year, 1),
];
const NOW: &str = "now";

/// A time as typed, before zone and current time are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedTime {
    /// `2026-03-01`, `2026-03-01 12:30`, `2026-03-01T12:30:00Z`.
    Written(ParsedTime),
    /// `2026-03`, `2026-W09` or `2026`.
    Calendar {
        /// Month, week or year.
        length: PeriodLength,
        /// The first day of the period.
        first_day: NaiveDate,
    },
    /// `today`, `last-month`.
    Named {
        /// Of the period.
        length: PeriodLength,
        /// How many periods before the current one.
        ago: u32,
    },
    /// `7d`, `12h`: this long before now.
    Ago(TimeDelta),
}

impl TypedTime {
    /// The times that are words.
    pub fn words() -> impl Iterator<Item = &'static str> {
        NAMED.into_iter().map(|(name, ..)| name).chain([NOW])
    }

    /// Errors: the problem, without the text.
    pub fn parse(text: &str) -> Result<TypedTime, String> {
        let text = text.trim();
        let word = text.to_lowercase().replace([' ', '_'], "-");
        if word == NOW {
            return Ok(TypedTime::Ago(TimeDelta::zero()));
        }
        if let Some((_, length, ago)) = NAMED.into_iter().find(|(name, ..)| *name == word) {
            return Ok(TypedTime::Named { length, ago });
        }
        if let Some((length, first_day)) = calendar_period(text) {
            return Ok(TypedTime::Calendar { length, first_day });
        }
        if let Ok(age) = parse_span(text).map(TimeDelta::from_std) {
            return age.map(TypedTime::Ago).map_err(|_| "is too long ago".to_owned());
        }
        let is_no_time = |problem: &String| *problem == no_time();
        // A time that is wrong in UTC is wrong in every zone.
        let read = ParsedTime::read(text).and_then(|time| time.moment(None, &Zone::utc()).map(|_| time));
        read.map(TypedTime::Written).map_err(|problem| match closest(&word, NAMED.map(|(name, ..)| name)) {
            _ if !is_no_time(&problem) => problem,
            Some(close) => format!("is not a time (did you mean {close}?)"),
            None => format!("must be a time such as {FORMS}"),
        })
    }

    /// The moment at which it begins. Errors: the problem, without the text.
    pub fn begin(&self, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        match self {
            TypedTime::Written(time) => time.moment(None, zone),
            TypedTime::Ago(age) => before(now, *age),
            _ => self.first_day_after(0, zone, now),
        }
    }

    /// The moment at which it ends, exclusive: a day, a month or a minute is part of it. Errors: as
    /// [`TypedTime::begin`].
    pub fn end(&self, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        match self {
            TypedTime::Written(time) => time.end(zone),
            TypedTime::Ago(age) => before(now, *age),
            _ => self.first_day_after(1, zone, now),
        }
    }

    /// When the period begins that comes this many periods later.
    fn first_day_after(&self, later: u32, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        let (length, day) = match self {
            TypedTime::Calendar { length, first_day } => (*length, Some(*first_day)),
            TypedTime::Named { length, ago } => (*length, length.back(length.first_day(zone.day_of(now)), *ago)),
            TypedTime::Written(_) | TypedTime::Ago(_) => return self.begin(zone, now),
        };
        let day = day.and_then(|day| length.forward(day, later));
        day.and_then(|day| zone.begin_of(day)).ok_or_else(too_far)
    }
}

fn too_far() -> String {
    format!("is not between {} and {}", YEARS.start(), YEARS.end())
}

/// A moment this long before another; every engine stores the years in which it may lie.
fn before(now: DateTime<Utc>, age: TimeDelta) -> Result<DateTime<Utc>, String> {
    now.checked_sub_signed(age).filter(|moment| YEARS.contains(&moment.year())).ok_or_else(too_far)
}

/// `2026`, `2026-03` or `2026-W09`.
fn calendar_period(text: &str) -> Option<(PeriodLength, NaiveDate)> {
    let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
    let number = |digits: &str, count: usize| {
        let is_number = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { digits.parse::<u32>().ok() } else { None }
    };
    let year = i32::try_from(number(year, 4)?).ok().filter(|year| YEARS.contains(year))?;
    match rest {
        None => Some((PeriodLength::Year, NaiveDate::from_ymd_opt(year, 1, 1)?)),
        Some(rest) => match rest.strip_prefix(['W', 'w']) {
            Some(week) => Some((PeriodLength::Week, NaiveDate::from_isoywd_opt(year, number(week, 2)?, Weekday::Mon)?)),
            None => Some((PeriodLength::Month, NaiveDate::from_ymd_opt(year, number(rest, 2)?, 1)?)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::tests::{apia, berlin, sao_paulo};

    /// A Sunday.
    const NOW: &str = "2026-11-29T10:30:00Z";

    fn stretch(text: &str, zone: &Zone) -> (String, String) {
        let (typed, now) = (TypedTime::parse(text).unwrap(), NOW.parse().unwrap());
        let text = |moment: DateTime<Utc>| moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        (text(typed.begin(zone, now).unwrap()), text(typed.end(zone, now).unwrap()))
    }

    #[test]
    fn days_weeks_months_and_years_begin_and_end_in_their_zone() {
        for (text, begin, end) in [
            ("today", "2026-11-28T23:00:00Z", "2026-11-29T23:00:00Z"),
            ("Yesterday", "2026-11-27T23:00:00Z", "2026-11-28T23:00:00Z"),
            ("this-week", "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z"),
            ("last week", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z"),
            ("last-month", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
            ("2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
            ("2026-W44", "2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z"),
            ("last-year", "2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"),
            ("2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"),
            ("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-03-29 12:30", "2026-03-29T10:30:00Z", "2026-03-29T10:31:00Z"),
            // The hour that the clocks show twice is all of it.
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:31:00Z"),
            ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25 02:30 +01:00", "2026-10-25T01:30:00Z", "2026-10-25T01:31:00Z"),
            ("2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z"),
            ("7d", "2026-11-22T10:30:00Z", "2026-11-22T10:30:00Z"),
            ("12h", "2026-11-28T22:30:00Z", "2026-11-28T22:30:00Z"),
            ("now", "2026-11-29T10:30:00Z", "2026-11-29T10:30:00Z"),
        ] {
            assert_eq!(stretch(text, &berlin()), (begin.to_owned(), end.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_is() {
        let problem = |text: &str| TypedTime::parse(text).unwrap_err();
        assert_eq!(problem("yesterdya"), "is not a time (did you mean yesterday?)");
        assert_eq!(problem("soon"), format!("must be a time such as {FORMS}"));
        assert_eq!(problem("2026-02-30"), "is not a valid date");
        assert!(problem("01/12/2026").contains("two different days"));
        for text in ["", "5", "2026-13", "2026-W54", "26-01", "0d1", "-7d", "1899", "3000-01", "9999999999999999d"] {
            assert!(TypedTime::parse(text).is_err(), "{text} was accepted");
        }
        let long_ago = TypedTime::parse("999999d").unwrap();
        assert!(long_ago.begin(&Zone::utc(), NOW.parse().unwrap()).is_err());
        let skipped = TypedTime::parse("2026-03-29 02:30").unwrap();
        assert!(skipped.end(&berlin(), NOW.parse().unwrap()).unwrap_err().contains("skip it"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_finds_its_moment_when_typed(
            seconds in -2_000_000_000i64..30_000_000_000,
            zone in proptest::sample::select(vec![Zone::utc(), berlin(), sao_paulo(), apia()]),
        ) {
            let moment = DateTime::from_timestamp(seconds, 0).unwrap();
            for text in [zone.text_of(moment), zone.text_with_offset(moment), zone.day_of(moment).to_string()] {
                let typed = TypedTime::parse(&text).unwrap();
                let (begin, end) = (typed.begin(&zone, moment).unwrap(), typed.end(&zone, moment).unwrap());
                proptest::prop_assert!(begin <= moment && moment < end, "{} is {} to {}", text, begin, end);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9wWdhms: a-z]{0,14}|\\PC{0,20}") {
            if let Ok(typed) = TypedTime::parse(&text) {
                let now = NOW.parse().unwrap();
                if let (Ok(begin), Ok(end)) = (typed.begin(&berlin(), now), typed.end(&berlin(), now)) {
                    proptest::prop_assert!(begin <= end);
                }
            }
        }
    }
}
