//! Time zones.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use tz::datetime::FoundDateTimeKind;
use tz::timezone::{TimeZone, TimeZoneSettings, TransitionRule};

/// The rules of one zone of the IANA database.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// The result of resolving a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalTime {
    Once(DateTime<Utc>),
    /// The clocks are put back, so that the local time occurs twice.
    Twice {
        first: DateTime<Utc>,
        last: DateTime<Utc>,
    },
    /// The local time is skipped: the moment of the clock change.
    Skipped(DateTime<Utc>),
}

impl LocalTime {
    /// The first moment at or after which the clocks show the local time.
    pub fn first(self) -> DateTime<Utc> {
        match self {
            LocalTime::Once(moment) | LocalTime::Twice { first: moment, .. } | LocalTime::Skipped(moment) => moment,
        }
    }

    /// The last moment at which the clocks show the local time.
    pub fn last(self) -> DateTime<Utc> {
        match self {
            LocalTime::Once(moment) | LocalTime::Twice { last: moment, .. } | LocalTime::Skipped(moment) => moment,
        }
    }
}

impl Zone {
    /// The zone without offset and clock changes.
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), rules: TimeZone::utc() }
    }

    /// A zone without clock changes, by its offset in minutes east of UTC. Errors: for an offset of days.
    pub fn fixed(name: &str, minutes: i32) -> Result<Zone, String> {
        let rules = TimeZone::fixed(minutes * 60).map_err(|error| format!("is not an offset: {error}"))?;
        Ok(Zone { name: name.to_owned(), rules })
    }

    /// Reads the rule of a TZ variable that names no file, such as `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX). Errors: for any
    /// other text.
    pub fn from_rule(text: &str) -> Result<Zone, String> {
        let without_files = TimeZoneSettings::new(&[], |_| Err("a rule is not a file".into()));
        let rules = without_files.parse_posix_tz(text).map_err(|_| "is not a rule".to_owned())?;
        Ok(Zone { name: text.to_owned(), rules })
    }

    /// The offset in minutes east of UTC; `None` for a zone whose clocks are ever changed.
    pub fn fixed_offset(&self) -> Option<i32> {
        let rules = self.rules.as_ref();
        let local = match rules.extra_rule() {
            None => rules.local_time_types().first(),
            Some(TransitionRule::Fixed(local)) => Some(local),
            Some(TransitionRule::Alternate(_)) => None,
        };
        local.filter(|_| rules.transitions().is_empty()).map(|local| local.ut_offset() / 60)
    }

    /// Reads a compiled zone file (RFC 9636). Errors: for any other content.
    pub fn from_file(name: &str, bytes: &[u8]) -> Result<Zone, String> {
        let rules = TimeZone::from_tz_data(bytes).map_err(|error| format!("has no readable zone file: {error}"))?;
        Ok(Zone { name: name.to_owned(), rules })
    }

    /// `Europe/Berlin`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC at a moment; 0 if the zone has no rules for it.
    fn offset_at(&self, moment: DateTime<Utc>) -> i32 {
        self.rules.find_local_time_type(moment.timestamp()).map_or(0, tz::LocalTimeType::ut_offset)
    }

    /// What the clocks show at a moment.
    fn local_time_of(&self, moment: DateTime<Utc>) -> NaiveDateTime {
        let offset = chrono::TimeDelta::seconds(self.offset_at(moment).into());
        moment.naive_utc().checked_add_signed(offset).unwrap_or(moment.naive_utc())
    }

    /// The local day of a moment.
    pub fn day_of(&self, moment: DateTime<Utc>) -> NaiveDate {
        self.local_time_of(moment).date()
    }

    /// A moment as people read and type it, to the minute: `2026-03-01 12:30`.
    pub fn text_of(&self, moment: DateTime<Utc>) -> String {
        self.local_time_of(moment).format("%Y-%m-%d %H:%M").to_string()
    }

    /// As [`Zone::text_of`], for messages, which have no other place for the zone: `2026-03-01 12:30 +01:00`.
    pub fn text_with_offset(&self, moment: DateTime<Utc>) -> String {
        let seconds = self.offset_at(moment);
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
        let offset = match seconds {
            0 => "UTC".to_owned(),
            _ => format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        };
        format!("{} {offset}", self.text_of(moment))
    }

    /// The first moment of a day: midnight, the first of two midnights, or the end of a gap that skips
    /// midnight. `None` outside the years that every engine stores.
    pub fn begin_of(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        self.moment_of(day.and_time(NaiveTime::MIN)).map(LocalTime::first)
    }

    /// The moment of a local time. `None` outside the years that every engine stores.
    pub fn moment_of(&self, local: NaiveDateTime) -> Option<LocalTime> {
        if !(0..=9999).contains(&local.year()) {
            return None;
        }
        let [month, day, hour, minute, second] =
            [local.month(), local.day(), local.hour(), local.minute(), local.second()].map(|part| part as u8);
        let nanosecond = local.nanosecond();
        let found = tz::DateTime::find(local.year(), month, day, hour, minute, second, nanosecond, self.rules.as_ref());
        let found = found.ok()?;
        let utc = |moment: &tz::DateTime| DateTime::from_timestamp(moment.unix_time(), moment.nanoseconds());
        let Some(first) = found.earliest() else { return Some(LocalTime::Once(local.and_utc())) };
        let (first, last) = (utc(&first)?, found.latest().and_then(|last| utc(&last)));
        match found.into_inner()[..] {
            [FoundDateTimeKind::Normal(_)] => Some(LocalTime::Once(first)),
            [FoundDateTimeKind::Skipped { .. }] => Some(LocalTime::Skipped(first)),
            _ => Some(LocalTime::Twice { first, last: last.unwrap_or(first) }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
