//! A time zone: when its days begin.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
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
        if !(0..=9999).contains(&day.year()) {
            return None;
        }
        let month = u8::try_from(day.month()).ok()?;
        let month_day = u8::try_from(day.day()).ok()?;
        let found = tz::DateTime::find(day.year(), month, month_day, 0, 0, 0, 0, self.0.as_ref()).ok()?.earliest();
        match found {
            Some(begin) => DateTime::from_timestamp(begin.unix_time(), 0),
            None => Some(day.and_time(NaiveTime::MIN).and_utc()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
