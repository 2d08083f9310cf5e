//! A time zone: when its days begin.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use tz::timezone::TimeZone;

/// The rules of one zone of the IANA database.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    pub fn utc() -> Zone {
        Zone(TimeZone::utc())
    }

    /// The rules in a compiled zone file (RFC 9636). Errors: for anything else.
    pub fn from_file(bytes: &[u8]) -> Result<Zone, String> {
        TimeZone::from_tz_data(bytes).map(Zone).map_err(|error| format!("has no readable zone file: {error}"))
    }

    /// The day that a clock on the wall shows; the day in UTC where the zone has no rules.
    pub fn day_of(&self, moment: DateTime<Utc>) -> NaiveDate {
        let offset = self.0.find_local_time_type(moment.timestamp()).map_or(0, |local| local.ut_offset());
        let wall = moment.naive_utc().checked_add_signed(chrono::TimeDelta::seconds(offset.into()));
        wall.unwrap_or(moment.naive_utc()).date()
    }

    /// The first moment of a day: midnight, the first of two, or the one after a midnight that the
    /// zone leaves out. `None` outside the years that every engine stores.
    pub fn begin_of(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        self.moment_of(day.and_time(NaiveTime::MIN))
    }

    /// The moment at which the zone's clock on the wall shows this: the first of two, or the one after
    /// a time that the zone leaves out. `None` outside the years that every engine stores.
    pub fn moment_of(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        if !(0..=9999).contains(&wall.year()) {
            return None;
        }
        let [month, day, hour, minute, second] =
            [wall.month(), wall.day(), wall.hour(), wall.minute(), wall.second()].map(|part| part as u8);
        let nanosecond = wall.nanosecond();
        let found = tz::DateTime::find(wall.year(), month, day, hour, minute, second, nanosecond, self.0.as_ref());
        match found.ok()?.earliest() {
            Some(moment) => DateTime::from_timestamp(moment.unix_time(), moment.nanoseconds()),
            None => Some(wall.and_utc()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
