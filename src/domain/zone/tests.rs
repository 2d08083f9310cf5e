//! Time zones for tests, independent of the machine's zone files.

use tz::timezone::{AlternateTime, LocalTimeType, MonthWeekDay, RuleDay, TimeZone, Transition, TransitionRule};

use super::Zone;

fn alternating(standard: i32, begin: (u8, u8, u8, i32), end: (u8, u8, u8, i32)) -> Zone {
    let (normal, summer) = (local(standard, false), local(standard + 3600, true));
    let day =
        |(month, week, day, _): (u8, u8, u8, i32)| RuleDay::MonthWeekDay(MonthWeekDay::new(month, week, day).unwrap());
    let rule = AlternateTime::new(normal, summer, day(begin), begin.3, day(end), end.3).unwrap();
    let rule = TransitionRule::Alternate(rule);
    named(TimeZone::new(vec![], vec![normal, summer], vec![], Some(rule)).unwrap())
}

fn named(rules: TimeZone) -> Zone {
    Zone { name: "Test".to_owned(), rules }
}

fn local(offset: i32, is_summer: bool) -> LocalTimeType {
    LocalTimeType::new(offset, is_summer, None).unwrap()
}

/// From 2:00 to 3:00 on the last Sunday of March, back from 3:00 to 2:00 in October.
pub fn berlin() -> Zone {
    alternating(3600, (3, 5, 0, 2 * 3600), (10, 5, 0, 3 * 3600))
}

/// Brazil until 2019: clocks go from 24:00 to 1:00 and from 24:00 back to 23:00.
pub fn sao_paulo() -> Zone {
    alternating(-3 * 3600, (11, 1, 0, 0), (2, 3, 0, 0))
}

/// Samoa skipped 30 December 2011 when it crossed the date line.
pub fn apia() -> Zone {
    let (before, after) = (local(-10 * 3600, true), local(14 * 3600, true));
    let step = Transition::new(1_325_239_200, 1);
    let rule = TransitionRule::Fixed(after);
    named(TimeZone::new(vec![step], vec![before, after], vec![], Some(rule)).unwrap())
}

fn begin(zone: &Zone, day: &str) -> String {
    zone.begin_of(day.parse().unwrap()).unwrap().to_rfc3339()
}

#[test]
fn days_begin_at_their_first_local_moment() {
    assert_eq!(begin(&Zone::utc(), "2026-03-29"), "2026-03-29T00:00:00+00:00");
    assert_eq!(begin(&berlin(), "2026-03-29"), "2026-03-28T23:00:00+00:00");
    assert_eq!(begin(&berlin(), "2026-03-30"), "2026-03-29T22:00:00+00:00");
    // This midnight does not exist: the clock continues at 1:00.
    assert_eq!(begin(&sao_paulo(), "2017-11-05"), "2017-11-05T03:00:00+00:00");
    assert_eq!(begin(&apia(), "2011-12-30"), begin(&apia(), "2011-12-31"));
}

#[test]
fn a_moment_belongs_to_its_local_day() {
    let late = "2026-03-28T23:30:00Z".parse().unwrap();
    assert_eq!(Zone::utc().day_of(late).to_string(), "2026-03-28");
    assert_eq!(berlin().day_of(late).to_string(), "2026-03-29");
}

#[test]
fn an_invalid_zone_file_is_rejected() {
    assert!(Zone::from_file("X", b"TZif").is_err());
    assert!(Zone::from_file("X", b"Europe/Berlin").is_err());
}
