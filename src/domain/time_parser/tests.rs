use super::*;
use crate::domain::zone::tests::{berlin, sao_paulo};

fn utc(text: &str, order: Option<DateOrder>) -> Result<String, String> {
    let moment = ParsedTime::read(text)?.moment(order, &Zone::utc())?;
    Ok(moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

#[test]
fn the_forms_of_other_shops_are_read() {
    for (text, meant) in [
        ("2024-12-31", "2024-12-31T00:00:00Z"),
        ("2024/12/31 10:15", "2024-12-31T10:15:00Z"),
        ("1996-07-04 00:00:00.000", "1996-07-04T00:00:00Z"),
        ("2024-12-31 10:15:00 +0100", "2024-12-31T09:15:00Z"),
        ("2024-12-31T10:15:00", "2024-12-31T10:15:00Z"),
        ("2024-12-31T10:15:00.1234567Z", "2024-12-31T10:15:00.123456Z"),
        ("2024-12-31t10:15:00-05", "2024-12-31T15:15:00Z"),
        ("2024-12-31 10:15:00 UTC", "2024-12-31T10:15:00Z"),
        ("12/31/2010 8:26:00 AM", "2010-12-31T08:26:00Z"),
        ("12/31/2010 12:26 am", "2010-12-31T00:26:00Z"),
        ("12/31/2010, 8:26:07 PM", "2010-12-31T20:26:07Z"),
        ("12-31-2010 08:26", "2010-12-31T08:26:00Z"),
        ("04-Jul-1996 1:02", "1996-07-04T01:02:00Z"),
        ("05/05/2010", "2010-05-05T00:00:00Z"),
        ("Dec 1, 2020", "2020-12-01T00:00:00Z"),
        ("1 December 2020 08:26", "2020-12-01T08:26:00Z"),
        ("Sept. 9, 2020, 8:26:00 PM", "2020-09-09T20:26:00Z"),
        ("Tue, 01 Dec 2020 08:26:00 +0100", "2020-12-01T07:26:00Z"),
    ] {
        assert_eq!(utc(text, Some(DateOrder::MonthFirst)).as_deref(), Ok(meant), "{text}");
    }
    assert_eq!(utc("01/12/2020 08:26", Some(DateOrder::DayFirst)).as_deref(), Ok("2020-12-01T08:26:00Z"));
    assert_eq!(utc("01.12.2020", None).as_deref(), Ok("2020-12-01T00:00:00Z"));
    assert_eq!(utc("01.12.2020", Some(DateOrder::MonthFirst)).as_deref(), Ok("2020-01-12T00:00:00Z"));
}

#[test]
fn two_digit_years_and_years_out_of_range_are_rejected() {
    for text in [
        "",
        "26-01-01",
        "10-12-01",
        "12/1/10",
        "12/1/10 8:26",
        "+12024-01-01",
        "-0044-03-15",
        "0010-12-01",
        "1899-12-31",
        "3000-01-01",
        "12024-01-01",
        "1.1.26",
        "2026",
        "2026-01",
        "yesterday",
        "1700000000",
        "2026-13-01",
        "2026-02-30",
        "0/1/2020",
        "13/13/2020",
        "32/01/2020",
        "2026-01-01T",
        "2026-01-01T25:00",
        "2026-01-01 10:15 +9",
        "2026-01-01 13:00 PM",
        "2026-01-01 10:15:60",
        "2026-01-01Z",
        "1899-12-30T23:59Z",
        "3000-01-02T00:00Z",
        "1899-12-31 23:30",
        "3000-01-01 04:00",
        "２０２６-01-01",
        "Dec 1, 20",
        "Feb 30, 2020",
        "Dec 2020",
        "Ma 1, 2020",
        "Dec 1, 2020 8:26 PST",
        "2026-01-01 10:15:00.1234567890",
    ] {
        assert!(utc(text, Some(DateOrder::DayFirst)).is_err(), "{text} was accepted");
    }
    assert!(utc("01/12/2020", None).unwrap_err().contains("two different days"));
    assert!(utc("01/12/2020", Some(DateOrder::YearFirst)).is_err());
    assert!(utc("12/31/2020", Some(DateOrder::DayFirst)).is_err());
}

#[test]
fn a_day_beyond_the_twelfth_proves_the_order() {
    let proof = |text: &str| ParsedDate::read(text).unwrap().evidence();
    assert_eq!(proof("13/12/2020"), Some(DateOrderEvidence::Order(DateOrder::DayFirst)));
    assert_eq!(proof("12-13-2020"), Some(DateOrderEvidence::Order(DateOrder::MonthFirst)));
    assert_eq!(proof("01/12/2020"), Some(DateOrderEvidence::Undecided));
    assert_eq!(proof("05/05/2020").or(proof("2020-01-12")).or(proof("05.05.2020 25:61")), None);
    assert_eq!(proof("12.13.2020"), Some(DateOrderEvidence::Order(DateOrder::MonthFirst)));
    assert_eq!(proof("2020/13/12"), Some(DateOrderEvidence::YearDayMonth));
}

#[test]
fn a_time_without_a_zone_is_in_the_given_zone() {
    let read = |text: &str| ParsedTime::read(text).unwrap().moment(None, &berlin());
    let moment = |text: &str| read(text).unwrap().to_rfc3339();
    assert_eq!(moment("2026-07-01 12:00"), "2026-07-01T10:00:00+00:00");
    assert_eq!(moment("2026-12-01 12:00"), "2026-12-01T11:00:00+00:00");
    assert_eq!(moment("2026-07-01 12:00Z"), "2026-07-01T12:00:00+00:00");
    // Clocks put forward skip an hour.
    assert!(read("2026-03-29 02:30").unwrap_err().contains("skip it"));
    assert_eq!(moment("2026-03-29 03:00"), "2026-03-29T01:00:00+00:00");
    // Clocks put back repeat an hour.
    assert_eq!(moment("2026-10-25 02:30"), "2026-10-25T00:30:00+00:00");
    let is_twice = |text: &str| ParsedTime::read(text).unwrap().is_shown_twice(None, &berlin());
    assert!(is_twice("2026-10-25 02:30") && is_twice("2026-10-25 02:00"));
    assert!(!is_twice("2026-10-25 03:00") && !is_twice("2026-10-25 02:30Z") && !is_twice("2026-10-25"));
}

#[test]
fn the_year_in_the_times_own_zone_decides() {
    let read = |text: &str| ParsedTime::read(text).and_then(|time| time.moment(None, &berlin()));
    let moment = |text: &str| read(text).unwrap().to_rfc3339();
    for (text, meant) in [
        ("1900-01-01", "1899-12-31T23:00:00+00:00"),
        ("1900-01-01T00:00+01:00", "1899-12-31T23:00:00+00:00"),
        ("2999-12-31T23:00-05:00", "3000-01-01T04:00:00+00:00"),
    ] {
        assert_eq!(moment(text), meant, "{text}");
        // What is printed in UTC is read again.
        assert_eq!(moment(meant), meant);
    }
    for text in ["1899-12-31", "1899-12-31 23:59:59", "3000-01-01", "3000-01-01 00:00"] {
        assert!(read(text).is_err(), "{text} was accepted");
    }
}

#[test]
fn a_day_without_midnight_still_has_a_start() {
    let moment = |text: &str| ParsedTime::read(text).unwrap().moment(None, &sao_paulo());
    assert_eq!(moment("2017-11-05").unwrap().to_rfc3339(), "2017-11-05T03:00:00+00:00");
    assert!(moment("2017-11-05 00:00").is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_rejected(text in "[-0-9/.: TZapmAPM+,é]{0,30}|(Tue,? |)(Dec|1|) ?(1|may),? [0-9]{0,4}[ ,:0-9PST]{0,9}|\\PC{0,20}") {
        if let Ok(moment) = utc(&text, Some(DateOrder::DayFirst)) {
            proptest::prop_assert!(("1899-12-31".."3000-01-02").contains(&&moment[..10]), "{}", moment);
        }
    }
}
