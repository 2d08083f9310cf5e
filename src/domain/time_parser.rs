//! Times as people and other programs write them: one parser for flags, files and seeds.
//!
//! The year has four digits and lies between 1900 and 2999 in the time's own zone; everything else is rejected, because
//! a misread time goes unnoticed for a long time.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::Zone;
use super::zone::LocalTime;

/// What separates words.
const BLANKS: [char; 4] = [' ', ',', '\u{a0}', '\u{202f}'];

/// The years that are accepted; stored years outside this range are shown.
pub const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// The accepted forms, for messages.
pub const FORMS: &str = "2026-03-01, 2026-03-01 12:30 or 2026-03-01T12:30:00+01:00 with a year from 1900 to 2999";

named_enum! {
    /// Which number of a date such as `01/12/2020` is the month.
    pub enum DateOrder {
        DayFirst = "dmy",
        MonthFirst = "mdy",
        YearFirst = "ymd",
    }
}

/// A time as written, possibly without a zone or with an ambiguous order of day and month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedTime {
    date: ParsedDate,
    /// `None`: the whole day, from its start in the zone.
    time: Option<NaiveTime>,
    /// Seconds east of UTC.
    offset: Option<i32>,
    /// Whether the time has no seconds: `12:30`.
    is_to_the_minute: bool,
}

/// A date as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedDate {
    Day(NaiveDate),
    /// `01/12/2020`: two numbers, then the year. With dots the day is first by default.
    Either {
        first: u32,
        second: u32,
        year: i32,
        has_dots: bool,
    },
    /// `2020/13/12`: not a supported order.
    YearDayMonth,
}

impl ParsedDate {
    /// Reads the date at the start of a time. Errors: the problem, without the text.
    pub fn read(text: &str) -> Result<ParsedDate, String> {
        read_date(&split_date(text.trim()).0)
    }

    /// The order of day and month that the date proves: `None` if both orders give the same day or the
    /// year is first.
    pub fn evidence(self) -> Option<DateOrderEvidence> {
        match self {
            ParsedDate::Day(_) => None,
            ParsedDate::YearDayMonth => Some(DateOrderEvidence::YearDayMonth),
            ParsedDate::Either { first, second, .. } if first > 12 && second <= 12 => {
                Some(DateOrderEvidence::Order(DateOrder::DayFirst))
            }
            ParsedDate::Either { second, .. } if second > 12 => Some(DateOrderEvidence::Order(DateOrder::MonthFirst)),
            ParsedDate::Either { first, second, .. } if first == second => None,
            ParsedDate::Either { .. } => Some(DateOrderEvidence::Undecided),
        }
    }

    /// `01.12.2020`
    pub fn has_dots(self) -> bool {
        matches!(self, ParsedDate::Either { has_dots: true, .. })
    }

    fn day(self, order: Option<DateOrder>) -> Result<NaiveDate, String> {
        let (first, second, year, has_dots) = match self {
            ParsedDate::Day(day) => return Ok(day),
            ParsedDate::YearDayMonth => return Err(no_day()),
            ParsedDate::Either { first, second, year, has_dots } => (first, second, year, has_dots),
        };
        let (day, month) = match order {
            Some(DateOrder::MonthFirst) => (second, first),
            Some(DateOrder::YearFirst) => {
                return Err("does not begin with the year (--date-order dmy or mdy sets the order)".to_owned());
            }
            Some(DateOrder::DayFirst) => (first, second),
            None if has_dots || first == second => (first, second),
            None => return Err(format!("may be two different days: write {FORMS}")),
        };
        NaiveDate::from_ymd_opt(year, month, day).ok_or_else(no_day)
    }
}

/// Splits a time into its date and the rest.
fn split_date(text: &str) -> (Cow<'_, str>, &str) {
    split_date_of_words(text).unwrap_or_else(|| {
        let end = text.find(BLANKS).into_iter().chain(text.find(['T', 't'])).min();
        let (date, rest) = text.split_at(end.unwrap_or(text.len()));
        (date.into(), rest)
    })
}

/// `Dec 1, 2020` and `Tue, 01 Dec 2020`, as `1-Dec-2020` and `01-Dec-2020`.
fn split_date_of_words(text: &str) -> Option<(Cow<'_, str>, &str)> {
    const WEEKDAYS: &str = "monday tuesday wednesday thursday friday saturday sunday";
    let (first, rest) = split_word(text);
    let (first, rest) = if named(WEEKDAYS, first).is_some() { split_word(rest) } else { (first, rest) };
    let (second, rest) = split_word(rest);
    let (year, rest) = split_word(rest);
    let (day, month) = if month_of(first).is_some() { (second, first) } else { (first, second) };
    month_of(month)?;
    Some((format!("{day}-{month}-{year}").into(), rest))
}

/// Splits off the first word, without the dot of an abbreviation.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_at(text.find(BLANKS).unwrap_or(text.len()));
    (word.trim_end_matches('.'), rest.trim_start_matches(BLANKS))
}

impl ParsedTime {
    /// Reads a time. Errors: the problem, without the text.
    pub fn read(text: &str) -> Result<ParsedTime, String> {
        let (date, clock) = split_date(text.trim());
        let date = read_date(&date)?;
        let rest = clock.strip_prefix(',').unwrap_or(clock).trim();
        let rest = rest.strip_prefix(['T', 't']).filter(|_| !clock.starts_with(',')).unwrap_or(rest);
        if clock.is_empty() {
            return Ok(ParsedTime { date, time: None, offset: None, is_to_the_minute: false });
        }
        if rest.is_empty() {
            return Err(no_time());
        }
        let ParsedClock { time, offset, is_to_the_minute } = read_clock(rest)?;
        Ok(ParsedTime { date, time: Some(time), offset, is_to_the_minute })
    }

    /// Whether the text named an offset from UTC.
    pub fn has_zone(&self) -> bool {
        self.offset.is_some()
    }

    /// Whether it is in the unambiguous form of RFC 3339, `2026-03-01T12:30:00+01:00`.
    pub fn is_rfc3339(&self) -> bool {
        matches!(self, ParsedTime { date: ParsedDate::Day(_), time: Some(_), offset: Some(_), .. })
    }

    /// The moment it names: `order` resolves an ambiguous date, `zone` applies if the time has none.
    /// Errors: the problem, without the text.
    pub fn moment(&self, order: Option<DateOrder>, zone: &Zone) -> Result<DateTime<Utc>, String> {
        let day = self.date.day(order)?;
        if self.offset.is_none() && !YEARS.contains(&day.year()) {
            return Err(no_time());
        }
        let moment = match (self.time, self.offset) {
            (None, _) => zone.begin_of(day),
            (Some(time), Some(seconds)) => {
                let utc = day.and_time(time).checked_sub_signed(TimeDelta::seconds(seconds.into()));
                utc.map(|utc| utc.and_utc())
            }
            (Some(time), None) => match zone.moment_of(day.and_time(time)) {
                Some(LocalTime::Skipped(_)) => {
                    return Err(format!("does not exist: the clocks in {} skip it", zone.name()));
                }
                Some(found) => Some(found.first()),
                None => None,
            },
        };
        moment.filter(|moment| is_within_years_somewhere(*moment)).ok_or_else(no_time)
    }

    /// The end, exclusive, of what it names in this zone: of the day, or of the minute if it has no seconds, the last
    /// one if clocks are put back. A time with seconds ends as it begins.
    ///
    /// Errors: as [`ParsedTime::moment`].
    pub fn end(&self, zone: &Zone) -> Result<DateTime<Utc>, String> {
        let begin = self.moment(None, zone)?;
        let day = self.date.day(None)?;
        let end = match (self.time, self.is_to_the_minute) {
            (None, _) => day.succ_opt().and_then(|next| zone.begin_of(next)),
            (Some(_), false) => Some(begin),
            (Some(time), true) => {
                let last = if self.offset.is_some() { None } else { zone.moment_of(day.and_time(time)) };
                last.map_or(begin, LocalTime::last).checked_add_signed(TimeDelta::minutes(1))
            }
        };
        end.ok_or_else(no_time)
    }

    /// Whether this local time occurs twice in the zone, because clocks are put back.
    pub fn is_shown_twice(&self, order: Option<DateOrder>, zone: &Zone) -> bool {
        let (Some(time), None, Ok(day)) = (self.time, self.offset, self.date.day(order)) else { return false };
        matches!(zone.moment_of(day.and_time(time)), Some(LocalTime::Twice { .. }))
    }
}

/// Whether the year of a moment is accepted in some zone: that of UTC may be the one before or after.
fn is_within_years_somewhere(moment: DateTime<Utc>) -> bool {
    let day = TimeDelta::days(1);
    [moment - day, moment + day].iter().any(|moment| YEARS.contains(&moment.year()))
}

/// What a date proves about the order of day and month in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrderEvidence {
    Order(DateOrder),
    Undecided,
    /// The year, then the day, then the month.
    YearDayMonth,
}

/// The problem of a text that is not a time at all.
pub(super) fn no_time() -> String {
    format!("must be a time such as {FORMS}")
}

fn no_day() -> String {
    "is not a valid date".to_owned()
}

/// The problem of a text that is no date: of a number, what it may be.
fn no_date(text: &str) -> String {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let what = match whole.len() {
        _ if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => return no_time(),
        5 => "a day number of a spreadsheet: format the column as a date",
        9 | 10 => "a number of seconds since 1970",
        12 | 13 => "a number of milliseconds since 1970",
        _ => return no_time(),
    };
    format!("may be {what}; a time is written as {FORMS}")
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn read_date(text: &str) -> Result<ParsedDate, String> {
    let separator = text.chars().find(|character| !character.is_ascii_digit()).filter(|found| "-/.".contains(*found));
    let separator = separator.ok_or_else(|| no_date(text))?;
    let [first, second, third] = text.split(separator).collect::<Vec<_>>()[..] else { return Err(no_date(text)) };
    if number(third, 2..=2).is_some() && number(first, 1..=2).is_some() {
        return Err(format!("has a year of two digits; a time is written as {FORMS}"));
    }
    let year = |text: &str| {
        let year = number(text, 4..=4).and_then(|year| i32::try_from(year).ok()).ok_or_else(no_time)?;
        if (YEARS.start() - 1..=YEARS.end() + 1).contains(&year) { Ok(year) } else { Err(no_time()) }
    };
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).map(ParsedDate::Day).ok_or_else(no_day);
    let short = |text: &str| number(text, 1..=2).ok_or_else(no_time);
    if first.len() == 4 {
        let (year, second, third) = (year(first)?, short(second)?, short(third)?);
        let is_day_first = (13..=31).contains(&second) && (1..=12).contains(&third);
        return if is_day_first { Ok(ParsedDate::YearDayMonth) } else { day(year, second, third) };
    }
    let year = year(third)?;
    let first = short(first)?;
    if let Some(month) = month_of(second) {
        return day(year, month, first);
    }
    let second = short(second)?;
    // A day that exists in neither order proves none.
    let is_day = |day, month| NaiveDate::from_ymd_opt(year, month, day).is_some();
    if !(is_day(first, second) || is_day(second, first)) {
        return Err(no_day());
    }
    Ok(ParsedDate::Either { first, second, year, has_dots: separator == '.' })
}

/// `Jul` or `July`, in any case.
fn month_of(text: &str) -> Option<u32> {
    const MONTHS: &str = "january february march april may june july august september october november december";
    Some(named(MONTHS, text)? as u32 + 1)
}

/// The position of the name that begins with a text of at least three letters.
fn named(names: &str, text: &str) -> Option<usize> {
    let begins = |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    if text.len() >= 3 { names.split(' ').position(begins) } else { None }
}

/// The part of a time after its date.
struct ParsedClock {
    time: NaiveTime,
    offset: Option<i32>,
    is_to_the_minute: bool,
}

/// `8:26`, `08:26:00.000 PM`, `10:15:00+0100`.
fn read_clock(text: &str) -> Result<ParsedClock, String> {
    let end = text.find(|character: char| !(character.is_ascii_digit() || ":.,".contains(character)));
    let (clock, rest) = text.split_at(end.unwrap_or(text.len()));
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let parts: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] if fraction.is_empty() => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(no_time()),
    };
    let (half, zone) = split_am_pm(rest.trim());
    let hour = number(hour, 1..=2).and_then(|hour| match half {
        None => Some(hour),
        Some(half) => (1..=12).contains(&hour).then_some(hour % 12 + half),
    });
    let (Some(hour), Some(minute), Some(second)) = (hour, number(minute, 2..=2), number(second, 2..=2)) else {
        return Err(no_time());
    };
    let microsecond = match fraction {
        "" => Some(0),
        // Seven to nine digits, as SQL Server and others write them; digits beyond microseconds are dropped.
        digits => number(&format!("{digits:0<9}"), 9..=9).map(|nanoseconds| nanoseconds / 1_000),
    };
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, microsecond.ok_or_else(no_time)?);
    let (time, offset) = (time.ok_or_else(no_time)?, read_offset(zone)?);
    Ok(ParsedClock { time, offset, is_to_the_minute: parts.len() == 2 })
}

/// Splits off AM or PM: the hours to add, and the rest.
fn split_am_pm(text: &str) -> (Option<u32>, &str) {
    match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("am") => (Some(0), text[2..].trim_start()),
        Some("pm") => (Some(12), text[2..].trim_start()),
        _ => (None, text),
    }
}

/// Seconds east of UTC; `None` without an offset.
fn read_offset(text: &str) -> Result<Option<i32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if ["z", "utc", "gmt"].contains(&text.to_ascii_lowercase().as_str()) {
        return Ok(Some(0));
    }
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ if text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            return Err(format!("has the time zone {text}: write its offset instead, such as +01:00"));
        }
        _ => return Err(no_time()),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at(2),
        None => (digits, "00"),
    };
    match (number(hours, 2..=2), number(minutes, 2..=2)) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(Some(sign * (hours * 3_600 + minutes * 60) as i32)),
        _ => Err(no_time()),
    }
}

#[cfg(test)]
mod tests;
