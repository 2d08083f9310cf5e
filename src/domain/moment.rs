//! Points in time as typed: a day, which begins at midnight, or a time.

use chrono::{DateTime, SecondsFormat, Utc};

use super::Zone;
use super::time_parser::ParsedTime;

/// `2026-03-01`, `2026-03-01T12:30:00Z`, `2026-03-01 12:30:00+01:00`; without a zone it is UTC.
pub fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    ParsedTime::read(text)?.moment(None, &Zone::utc())
}

/// RFC 3339 in UTC with six decimals, so that times sort as text.
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A time where times are kept as text: it sorts as the times do, and with what other programs write there.
pub fn stored_text(time: DateTime<Utc>) -> String {
    // Faster than a format that is read for each of a million times.
    time.to_rfc3339_opts(SecondsFormat::Micros, false).replacen('T', " ", 1)
}

/// A duration as typed: `30s`, `500ms`, `2m`, `1h`, `7d`, `2w`. A number without a unit is rejected, because
/// other tools use seconds, milliseconds or minutes; only 0 is unambiguous.
pub fn parse_span(text: &str) -> Result<std::time::Duration, String> {
    let text = text.trim();
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let problem = || "must be a number with a unit, such as 500ms, 30s, 5m, 12h, 7d or 2w".to_owned();
    let number: u64 = number.parse().map_err(|_| problem())?;
    let milliseconds = match unit {
        "" if number > 0 => return Err(format!("needs a unit: {number}s, {number}m, {number}h or {number}d")),
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(problem()),
    };
    number.checked_mul(milliseconds).map(std::time::Duration::from_millis).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_utc() {
        assert_eq!(parse("2026-03-01").unwrap().to_rfc3339(), "2026-03-01T00:00:00+00:00");
        assert_eq!(parse("2026-03-01T12:30:00+01:00").unwrap().to_rfc3339(), "2026-03-01T11:30:00+00:00");
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "26-01-01", "12/1/10", "+12024-01-01", "01/12/2026"] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn stored_times_have_six_decimals_and_no_letter() {
        let stored = |text: &str| stored_text(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        assert_eq!(stored("2026-03-01T13:30:00.0000015+01:00"), "2026-03-01 12:30:00.000001+00:00");
        assert_eq!(stored("0001-01-01T00:00:00Z"), "0001-01-01 00:00:00.000000+00:00");
        assert_eq!(stored("2016-12-31T23:59:60Z"), "2016-12-31 23:59:60.000000+00:00");
        assert_eq!(stored_text(DateTime::<Utc>::MAX_UTC), "+262142-12-31 23:59:59.999999+00:00");
    }

    #[test]
    fn spans_have_units() {
        assert_eq!(parse_span("500ms").unwrap().as_millis(), 500);
        assert_eq!(parse_span("2m").unwrap().as_secs(), 120);
        assert_eq!(parse_span("0").unwrap().as_secs(), 0);
        assert_eq!(parse_span("30").unwrap_err(), "needs a unit: 30s, 30m, 30h or 30d");
        for text in ["", "s", "1x", "-1", "1.5s", "5", "007", "99999999999999999999"] {
            assert!(parse_span(text).is_err(), "{text} was accepted");
        }
    }
}
