//! Time zones.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use tz::datetime::FoundDateTimeKind;
use tz::timezone::TimeZone;

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
    /// The local time occurs twice: the first moment.
    Twice(DateTime<Utc>),
    /// The local time is skipped: the moment of the clock change.
    Skipped(DateTime<Utc>),
}

impl Zone {
    /// The zone without offset and clock changes.
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), rules: TimeZone::utc() }
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

    /// The local day of a moment; the day in UTC if the zone has no rules.
    pub fn day_of(&self, moment: DateTime<Utc>) -> NaiveDate {
        let offset = self.rules.find_local_time_type(moment.timestamp()).map_or(0, tz::LocalTimeType::ut_offset);
        let local = moment.naive_utc().checked_add_signed(chrono::TimeDelta::seconds(offset.into()));
        local.unwrap_or(moment.naive_utc()).date()
    }

    /// The first moment of a day: midnight, the first of two midnights, or the end of a gap that skips
    /// midnight. `None` outside the years that every engine stores.
    pub fn begin_of(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        self.moment_of(day.and_time(NaiveTime::MIN)).map(|found| match found {
            LocalTime::Once(moment) | LocalTime::Twice(moment) | LocalTime::Skipped(moment) => moment,
        })
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
        let first = utc(&first)?;
        match found.into_inner()[..] {
            [FoundDateTimeKind::Normal(_)] => Some(LocalTime::Once(first)),
            [FoundDateTimeKind::Skipped { .. }] => Some(LocalTime::Skipped(first)),
            _ => Some(LocalTime::Twice(first)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
