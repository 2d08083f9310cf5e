//! A stored time: normally a moment in UTC, but other programs may store anything (`infinity`, year
//! 290000, arbitrary text), which is shown and never causes a crash.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueType};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

use super::stored::{NULL, column_of};
use crate::domain::Zone;
use crate::domain::text::with_blanks;

/// A stored time. Columns are read as text (`select_as`), because the drivers panic or fail on values
/// outside their range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Moment {
    Known(DateTime<Utc>),
    /// A stored value that is not a valid time.
    Odd(String),
    /// NULL: no time, or one that another program left out.
    #[default]
    Missing,
}

/// The engines' own forms, without a zone: all are in UTC.
const FORMS: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];

impl Moment {
    /// Reads any form that an engine or another program writes.
    pub fn from_stored(text: &str) -> Moment {
        let text = text.trim_end();
        if let Some(time) = plain(text) {
            return Moment::Known(time);
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Moment::Known(time.to_utc());
        }
        // Sequelize leaves a blank before the zone.
        if let Some((time, zone)) = text.rsplit_once(' ').filter(|(_, zone)| zone.starts_with(['+', '-', 'Z'])) {
            return match Moment::from_stored(&format!("{}{zone}", time.trim_end())) {
                known @ Moment::Known(_) => known,
                Moment::Odd(_) | Moment::Missing => Moment::Odd(text.to_owned()),
            };
        }
        if let Some(time) = of_number(text) {
            return Moment::Known(time);
        }
        // PostgreSQL writes `+00`.
        let bare = text.strip_suffix("+00").or_else(|| text.strip_suffix("+00:00")).or_else(|| text.strip_suffix('Z'));
        let bare = bare.unwrap_or(text);
        let with_time = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(bare, form).ok());
        let time = with_time.or_else(|| Some(bare.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)));
        time.map_or_else(|| Moment::Odd(text.to_owned()), |time| Moment::Known(time.and_utc()))
    }

    /// The time as text, unless it is missing.
    pub fn to_text(&self) -> Option<String> {
        (*self != Moment::Missing).then(|| self.to_string())
    }

    /// The time in a sentence, where nothing cannot stand.
    pub fn told(&self) -> String {
        self.to_text().map_or_else(|| NULL.to_owned(), |text| with_blanks(&text))
    }

    /// The time to the minute in a sentence: `2026-11-30 09:33 UTC`.
    pub fn told_in(&self, zone: &Zone) -> String {
        match self {
            Moment::Known(time) => zone.text_with_offset(*time),
            Moment::Odd(_) | Moment::Missing => self.told(),
        }
    }

    /// Whether it is another time without its microseconds, as programs have it that keep milliseconds.
    pub fn is_truncation_of(&self, other: &Moment) -> bool {
        let (Moment::Known(own), Moment::Known(other)) = (self, other) else { return false };
        own.timestamp_micros() == other.timestamp_millis().saturating_mul(1000)
    }

    /// Whether two times are equal to the microsecond, the precision of every engine.
    pub fn is_same(&self, other: &Moment) -> bool {
        match (self, other) {
            (Moment::Known(one), Moment::Known(other)) => one.timestamp_micros() == other.timestamp_micros(),
            _ => self == other,
        }
    }
}

/// Milliseconds since 1970, which JavaScript's drivers store, as a whole number or a float; shorter numbers may be
/// anything.
fn of_number(text: &str) -> Option<DateTime<Utc>> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    let is_number = (12..=14).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    DateTime::from_timestamp_millis(digits.parse().ok().filter(|_| is_number)?)
}

/// Fast path for the form of nearly every stored time.
#[expect(clippy::many_single_char_names, reason = "a letter for each digit")]
fn plain(text: &str) -> Option<DateTime<Utc>> {
    let (start, rest) = text.as_bytes().split_at_checked("0000-00-00 00:00:00".len())?;
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let [a, b, c, d, b'-', e, f, b'-', g, h, b' ' | b'T', i, j, b':', k, l, b':', m, n] = *start else { return None };
    let date = NaiveDate::from_ymd_opt(number(&[a, b, c, d])? as i32, number(&[e, f])?, number(&[g, h])?)?;
    let rest = rest.strip_suffix(b"Z").or_else(|| rest.strip_suffix(b"+00")).or_else(|| rest.strip_suffix(b"+00:00"));
    let rest = rest.unwrap_or(&text.as_bytes()[start.len()..]);
    let microseconds = match rest {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => number(digits)? * 10_u32.pow(6 - digits.len() as u32),
        _ => return None,
    };
    Some(date.and_hms_micro_opt(number(&[i, j])?, number(&[k, l])?, number(&[m, n])?, microseconds)?.and_utc())
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Known(time) => f.write_str(&time.to_rfc3339()),
            Moment::Odd(text) => f.write_str(text),
            Moment::Missing => Ok(()),
        }
    }
}

impl serde::Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Moment::Known(time) => time.serialize(serializer),
            Moment::Odd(text) => serializer.serialize_str(text),
            Moment::Missing => serializer.serialize_none(),
        }
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(time: DateTime<Utc>) -> Moment {
        Moment::Known(time)
    }
}

impl From<Option<DateTime<Utc>>> for Moment {
    fn from(time: Option<DateTime<Utc>>) -> Moment {
        time.map_or(Moment::Missing, Moment::Known)
    }
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Value {
        match moment {
            Moment::Known(time) => time.into(),
            Moment::Odd(text) => text.into(),
            Moment::Missing => Moment::null(),
        }
    }
}

impl TryGetable for Moment {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        match String::try_get_by(row, index) {
            Ok(text) => Ok(Moment::from_stored(&text)),
            // A row returned by the statement that wrote it has the column itself.
            Err(TryGetError::DbErr(_)) => DateTime::<Utc>::try_get_by(row, index).map(Moment::Known),
            Err(TryGetError::Null(_)) => Ok(Moment::Missing),
        }
    }
}

column_of!(
    Moment,
    ArrayType::ChronoDateTimeUtc,
    ColumnType::TimestampWithTimeZone,
    Value::ChronoDateTimeUtc(None),
    |value| { <DateTime<Utc> as ValueType>::try_from(value).map(Moment::Known) }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engines_form_is_the_same_moment() {
        let moment = Moment::from_stored("2026-11-23T18:11:47.806160Z");
        for text in [
            "2026-11-23T18:11:47.806160+00:00",
            "2026-11-23 18:11:47.80616+00",
            "2026-11-23 18:11:47.806160",
            "2026-11-23T18:11:47.80616   ",
            "2026-11-23T19:11:47.80616+01:00",
            "2026-11-23 18:11:47.806160 +00:00",
            "2026-11-23 19:11:47.80616 +01:00",
        ] {
            assert_eq!(Moment::from_stored(text), moment, "{text}");
        }
        let number = Moment::from_stored("2026-11-23T18:11:47.806Z");
        assert_eq!(
            [Moment::from_stored("1795457507806"), Moment::from_stored("1795457507806.0")],
            [number.clone(), number]
        );
        assert_eq!(Moment::from_stored("2026-11-23").to_string(), "2026-11-23T00:00:00+00:00");
    }

    proptest::proptest! {
        #[test]
        fn the_fast_path_agrees_with_the_full_parser(
            text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,7})?(Z|\\+00|\\+00:00)?"
        ) {
            if let Some(time) = plain(&text) {
                let bare = text.trim_end_matches('Z').split('+').next().unwrap().replace('T', " ");
                let read = NaiveDateTime::parse_from_str(&bare, FORMS[0]).map(|time| time.and_utc());
                proptest::prop_assert_eq!(read, Ok(time));
            }
        }
    }

    #[test]
    fn an_invalid_time_is_kept_unchanged() {
        for text in
            ["infinity", "-infinity", "290000-01-01 00:00:00+00", "0000-00-00 00:00:00", "yesterday", "1700000000", ""]
        {
            assert_eq!(Moment::from_stored(text), Moment::Odd(text.to_owned()));
        }
    }
}
