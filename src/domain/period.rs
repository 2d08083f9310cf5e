//! Periods of a report: days, weeks, months and years of a time zone, as moments in UTC.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use super::Zone;

/// Maximum number of periods in a report: more than a year of days.
pub const MAX_BUCKETS: usize = 400;

named_enum! {
    /// How long each period is.
    pub enum PeriodLength {
        Day = "day",
        /// From Monday (ISO 8601).
        Week = "week",
        Month = "month",
        Year = "year",
    }
}

/// The span of a report; either end may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub until: Option<DateTime<Utc>>,
}

/// One period: from `begin` up to, but without, `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// `2026-03-01`, `2026-W09`, `2026-03`.
    pub label: String,
    pub begin: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl PeriodLength {
    /// The default number of periods of a report.
    pub const fn usual_count(self) -> u32 {
        match self {
            PeriodLength::Day => 30,
            PeriodLength::Week => 12,
            PeriodLength::Month => 12,
            PeriodLength::Year => 5,
        }
    }

    /// The first day of the period that contains a day.
    pub(super) fn first_day(self, day: NaiveDate) -> NaiveDate {
        match self {
            PeriodLength::Day => day,
            PeriodLength::Week => day - Days::new(day.weekday().num_days_from_monday().into()),
            PeriodLength::Month => day - Days::new(day.day0().into()),
            PeriodLength::Year => day - Days::new(day.ordinal0().into()),
        }
    }

    pub(super) fn forward(self, day: NaiveDate, count: u32) -> Option<NaiveDate> {
        match self {
            PeriodLength::Day => day.checked_add_days(Days::new(count.into())),
            PeriodLength::Week => day.checked_add_days(Days::new(7 * u64::from(count))),
            PeriodLength::Month => day.checked_add_months(Months::new(count)),
            PeriodLength::Year => day.checked_add_months(Months::new(12 * count)),
        }
    }

    pub(super) fn back(self, day: NaiveDate, count: u32) -> Option<NaiveDate> {
        match self {
            PeriodLength::Day => day.checked_sub_days(Days::new(count.into())),
            PeriodLength::Week => day.checked_sub_days(Days::new(7 * u64::from(count))),
            PeriodLength::Month => day.checked_sub_months(Months::new(count)),
            PeriodLength::Year => day.checked_sub_months(Months::new(12 * count)),
        }
    }

    fn label(self, day: NaiveDate) -> String {
        let format = match self {
            PeriodLength::Day => "%Y-%m-%d",
            PeriodLength::Week => "%G-W%V",
            PeriodLength::Month => "%Y-%m",
            PeriodLength::Year => "%Y",
        };
        day.format(format).to_string()
    }
}

/// Splits a span into periods, in order and without gaps. The first and the last are shortened if the
/// span begins or ends within them. An open end extends to the end of the period that contains `now`,
/// an open start goes back by [`PeriodLength::usual_count`].
///
/// Errors: for a span that is empty, has more than [`MAX_BUCKETS`] periods or exceeds the calendar.
pub fn buckets(length: PeriodLength, zone: &Zone, span: Span, now: DateTime<Utc>) -> Result<Vec<Bucket>, String> {
    let beyond = || "is out of range".to_owned();
    let (since, until) = (span.since, span.until);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err("ends before it begins".to_owned());
    }
    let last_moment = until.map_or(now.max(since.unwrap_or(now)), |until| until - chrono::TimeDelta::microseconds(1));
    let last_day = length.first_day(zone.day_of(last_moment));
    let mut day = match since {
        Some(since) => length.first_day(zone.day_of(since)),
        None => length.back(last_day, length.usual_count() - 1).ok_or_else(beyond)?,
    };
    let mut begin = since.or_else(|| zone.begin_of(day)).ok_or_else(beyond)?;
    let mut buckets = Vec::new();
    while day <= last_day {
        let next = length.forward(day, 1).ok_or_else(beyond)?;
        let boundary = zone.begin_of(next).ok_or_else(beyond)?;
        // The last period is complete even if the zone repeats a day.
        let end = until.map_or(boundary, |until| if next > last_day { until } else { boundary.min(until) });
        // A zone that crosses the date line skips a day.
        if end > begin {
            if buckets.len() == MAX_BUCKETS {
                return Err(format!(
                    "must have at most {MAX_BUCKETS} {}s: use longer periods, or a later start",
                    length.as_str()
                ));
            }
            buckets.push(Bucket { label: length.label(day), begin, end });
            begin = end;
        }
        day = next;
    }
    Ok(buckets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::zone::tests::{apia, berlin, sao_paulo};

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn hours(buckets: &[Bucket]) -> Vec<i64> {
        buckets.iter().map(|bucket| (bucket.end - bucket.begin).num_hours()).collect()
    }

    fn labels(buckets: &[Bucket]) -> Vec<&str> {
        buckets.iter().map(|bucket| bucket.label.as_str()).collect()
    }

    #[test]
    fn days_of_clock_changes_have_23_or_25_hours() {
        let span = |since, until| Span { since: Some(time(since)), until: Some(time(until)) };
        let now = time("2026-11-01T00:00:00Z");
        let spring = span("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
        let days = buckets(PeriodLength::Day, &berlin(), spring, now).unwrap();
        assert_eq!(labels(&days), ["2026-03-28", "2026-03-29", "2026-03-30"]);
        assert_eq!(hours(&days), [24, 23, 24]);
        let autumn = span("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z");
        assert_eq!(hours(&buckets(PeriodLength::Day, &berlin(), autumn, now).unwrap()), [24, 25, 24]);
        let no_midnight = span("2017-11-04T03:00:00Z", "2017-11-06T02:00:00Z");
        let days = buckets(PeriodLength::Day, &sao_paulo(), no_midnight, now).unwrap();
        assert_eq!((labels(&days), hours(&days)), (vec!["2017-11-04", "2017-11-05"], vec![24, 23]));
        let date_line = span("2011-12-29T10:00:00Z", "2012-01-01T10:00:00Z");
        let days = buckets(PeriodLength::Day, &apia(), date_line, now).unwrap();
        assert_eq!(labels(&days), ["2011-12-29", "2011-12-31", "2012-01-01"]);
    }

    #[test]
    fn an_open_span_looks_back_and_includes_now() {
        let now = time("2026-11-23T21:00:00Z");
        let days = buckets(PeriodLength::Day, &Zone::utc(), Span::default(), now).unwrap();
        assert_eq!((days.len(), days[0].label.as_str(), days[29].label.as_str()), (30, "2026-10-25", "2026-11-23"));
        let weeks = buckets(PeriodLength::Week, &Zone::utc(), Span::default(), now).unwrap();
        assert_eq!((weeks.len(), weeks[11].label.as_str()), (12, "2026-W48"));
        assert_eq!(weeks[11].begin, time("2026-11-23T00:00:00Z"));
        let months = buckets(PeriodLength::Month, &berlin(), Span::default(), now).unwrap();
        assert_eq!((months.len(), months[0].label.as_str(), months[11].label.as_str()), (12, "2025-12", "2026-11"));
        assert_eq!(months[11].end, time("2026-11-30T23:00:00Z"));
    }

    #[test]
    fn too_many_or_no_periods_are_rejected() {
        let span = |since, until| Span { since: Some(time(since)), until: Some(time(until)) };
        let now = time("2026-11-23T21:00:00Z");
        let years = span("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        assert!(buckets(PeriodLength::Day, &Zone::utc(), years, now).unwrap_err().contains("400"));
        assert_eq!(buckets(PeriodLength::Month, &Zone::utc(), years, now).unwrap().len(), 72);
        assert!(
            buckets(PeriodLength::Day, &Zone::utc(), span("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), now)
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn buckets_are_contiguous_and_cover_the_period(
            since in 0i64..4_000_000_000,
            seconds in 1i64..35_000_000,
            length in prop::sample::select(PeriodLength::ALL.to_vec()),
            zone in prop::sample::select(vec![Zone::utc(), berlin(), sao_paulo(), apia()]),
        ) {
            let since = DateTime::from_timestamp(since, 0).unwrap();
            let until = since + chrono::TimeDelta::seconds(seconds);
            let span = Span { since: Some(since), until: Some(until) };
            match buckets(length, &zone, span, since) {
                Err(problem) => prop_assert!(seconds > 390 * 86_400, "{}", problem),
                Ok(buckets) => {
                    prop_assert_eq!(buckets.first().map(|bucket| bucket.begin), Some(since));
                    prop_assert_eq!(buckets.last().map(|bucket| bucket.end), Some(until));
                    prop_assert!(buckets.windows(2).all(|pair| pair[0].end == pair[1].begin));
                    prop_assert!(buckets.windows(2).all(|pair| pair[0].label < pair[1].label));
                    for bucket in &buckets {
                        prop_assert!(bucket.begin < bucket.end);
                        prop_assert!(length != PeriodLength::Day || bucket.end - bucket.begin <= chrono::TimeDelta::hours(25));
                        // The middle of a period falls on one of its days.
                        let middle = bucket.begin + (bucket.end - bucket.begin) / 2;
                        prop_assert_eq!(&length.label(zone.day_of(middle)), &bucket.label);
                    }
                }
            }
        }
    }
}
