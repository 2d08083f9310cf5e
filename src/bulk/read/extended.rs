//! MongoDB's Extended JSON v2, canonical and relaxed: objects such as `{"$numberDecimal": "12.50"}` are values.
//! Source: <https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, Utc};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::members::Members;
use crate::domain::moment::rfc3339;
use crate::domain::text::{hexadecimal, parse_hexadecimal};
use crate::error::printable;

/// The subtype of a UUID.
const UUID_SUBTYPE: &str = "04";
/// That of UUIDs whose order of bytes depends on the driver that wrote them.
const LEGACY_UUID_SUBTYPE: &str = "03";
/// The years that a time can be written with.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// A value of a type that JSON lacks.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    Uuid(Uuid),
    ObjectId([u8; 12]),
    /// Its digits, unrounded.
    Number(String),
    Time(DateTime<Utc>),
    Text(String),
    Undefined,
}

impl Typed {
    /// Reads an object with names that begin with `$`; `None` for any other value.
    ///
    /// Errors: why it is no value of a column, as the predicate of a message.
    pub fn read(value: &RawValue) -> Option<Result<Typed, String>> {
        let members = if value.get().starts_with('{') { Members::parse(value) } else { return None };
        let members = match members {
            Ok(members) => members,
            // Of a name that appears twice.
            Err(reason) => return value.get()[1..].trim_start().starts_with("\"$").then_some(Err(reason)),
        };
        members.iter().any(|(name, _)| name.starts_with('$')).then(|| typed(&members))
    }

    /// The value as the text of a cell.
    pub fn text(&self) -> String {
        match self {
            Typed::Uuid(id) => id.to_string(),
            Typed::ObjectId(bytes) => hexadecimal(bytes),
            Typed::Number(text) | Typed::Text(text) => text.clone(),
            Typed::Time(time) => rfc3339(*time),
            Typed::Undefined => String::new(),
        }
    }
}

/// The id of a row for the `_id` of its document; `None` for null.
///
/// A UUID stays as it is. An ObjectId becomes a UUID of version 7 with the same time and bytes, which sorts alike; text
/// and whole numbers become one of version 8 that is made of their hash.
///
/// Errors: why it is not an id, as the predicate of a message.
pub fn row_id(value: &RawValue) -> Result<Option<Uuid>, String> {
    let no_id = || "is not an id: it must be a UUID, an ObjectId, a text or a whole number".to_owned();
    let typed = match Typed::read(value) {
        Some(typed) => typed?,
        None => match value.get().as_bytes()[0] {
            b'n' => return Ok(None),
            b'"' => Typed::Text(serde_json::from_str(value.get()).map_err(|_| no_id())?),
            b'-' | b'0'..=b'9' => Typed::Number(value.get().to_owned()),
            _ => return Err(no_id()),
        },
    };
    Ok(match typed {
        Typed::Undefined => None,
        Typed::Uuid(id) => Some(id),
        Typed::ObjectId(bytes) => Some(of_object_id(bytes)),
        Typed::Text(text) => Some(match (Uuid::try_parse(&text), object_id(&text)) {
            (Ok(id), _) => id,
            (_, Some(bytes)) => of_object_id(bytes),
            _ => hashed("text", &text),
        }),
        Typed::Number(text) => {
            let number: i64 = text.strip_suffix(".0").unwrap_or(&text).parse().map_err(|_| no_id())?;
            Some(hashed("number", &number.to_string()))
        }
        Typed::Time(_) => return Err(no_id()),
    })
}

/// Its four bytes of seconds become milliseconds; the other eight follow, around the bits of version and variant.
fn of_object_id(bytes: [u8; 12]) -> Uuid {
    let all = bytes.iter().fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
    let (seconds, rest) = (all >> 64, all & u128::from(u64::MAX));
    let (high, low) = (rest >> 52, rest & ((1 << 52) - 1));
    Uuid::from_u128((seconds * 1000) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 10)
}

fn hashed(kind: &str, text: &str) -> Uuid {
    let digest = Sha256::digest(format!("{kind}:{text}"));
    let bytes = std::array::from_fn(|position| digest[position]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

fn object_id(text: &str) -> Option<[u8; 12]> {
    parse_hexadecimal(text)?.try_into().ok()
}

fn typed(members: &[(String, &RawValue)]) -> Result<Typed, String> {
    let [(name, value)] = members else {
        let names: Vec<_> = members.iter().map(|(name, _)| printable(name)).collect();
        return Err(format!("is not a single value: it has {}", names.join(" and ")));
    };
    let is_not = |what: &str| format!("is not {what}");
    match name.as_str() {
        "$oid" => object_id(&text(name, value)?).map(Typed::ObjectId).ok_or_else(|| is_not("an ObjectId")),
        "$uuid" => Uuid::try_parse(&text(name, value)?).map(Typed::Uuid).map_err(|_| is_not("a UUID")),
        "$binary" => binary(value),
        "$date" => time(value),
        "$numberInt" => whole::<i32>(text(name, value)?).ok_or_else(|| is_not("a whole number of 32 bits")),
        "$numberLong" => whole::<i64>(text(name, value)?).ok_or_else(|| is_not("a whole number of 64 bits")),
        "$numberDouble" => double(text(name, value)?),
        "$numberDecimal" => decimal(text(name, value)?),
        "$symbol" => text(name, value).map(Typed::Text),
        "$undefined" if value.get() == "true" => Ok(Typed::Undefined),
        _ => Err(format!("has the type {}, which no column takes", printable(name))),
    }
}

fn text(name: &str, value: &RawValue) -> Result<String, String> {
    serde_json::from_str(value.get()).map_err(|_| format!("is not Extended JSON: the value of {name} must be a text"))
}

fn whole<N: std::str::FromStr>(text: String) -> Option<Typed> {
    let is_plain = !text.starts_with('+') && text.parse::<N>().is_ok();
    is_plain.then_some(Typed::Number(text))
}

/// Its digits are those that a double of this value is written with; others would be of another number.
fn double(text: String) -> Result<Typed, String> {
    let Typed::Number(text) = decimal(text)? else { return Err(NO_NUMBER.to_owned()) };
    let digits = |text: &str| {
        let (number, _) = text.split_once(['e', 'E']).unwrap_or((text, ""));
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        digits.trim_matches('0').to_owned()
    };
    let number: f64 = text.parse().map_err(|_| NO_NUMBER.to_owned())?;
    match digits(&text) == digits(&number.to_string()) {
        true => Ok(Typed::Number(text)),
        false => Err(format!("is not a double: the nearest one is {number}")),
    }
}

const NO_NUMBER: &str = "is not a number";

/// A decimal number, perhaps with an exponent. NaN and infinity are no amounts.
fn decimal(text: String) -> Result<Typed, String> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number =
        is_digits(whole) && is_digits(fraction) && is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    is_number.then_some(Typed::Number(text)).ok_or_else(|| NO_NUMBER.to_owned())
}

/// `{"$numberLong": "1577934245678"}`, or `"2020-01-02T03:04:05.678Z"`.
fn time(value: &RawValue) -> Result<Typed, String> {
    let no_time = || "is not a time of Extended JSON".to_owned();
    let time = match value.get().as_bytes()[0] {
        b'"' => DateTime::parse_from_rfc3339(&text("$date", value)?).map_err(|_| no_time())?.to_utc(),
        _ => {
            let members = Members::parse(value).map_err(|_| no_time())?;
            let [(name, millis)] = members.as_slice() else { return Err(no_time()) };
            let millis = if name == "$numberLong" { text(name, millis)?.parse().ok() } else { None };
            DateTime::from_timestamp_millis(millis.ok_or_else(no_time)?).ok_or_else(outside)?
        }
    };
    if YEARS.contains(&time.year()) { Ok(Typed::Time(time)) } else { Err(outside()) }
}

fn outside() -> String {
    format!("is a time outside the years {} to {}", YEARS.start(), YEARS.end())
}

fn binary(value: &RawValue) -> Result<Typed, String> {
    let no_uuid = || "is binary data, but no UUID (subtype 04)".to_owned();
    let members = if value.get().starts_with('{') { Members::parse(value)? } else { return Err(no_uuid()) };
    let member = |name: &str| members.iter().find(|(own, _)| own == name).map(|(own, value)| text(own, value));
    let (Some(base64), Some(subtype), 2) = (member("base64"), member("subType"), members.len()) else {
        return Err("is not Extended JSON: $binary must have base64 and subType".to_owned());
    };
    match subtype?.as_str() {
        UUID_SUBTYPE | "4" => {}
        LEGACY_UUID_SUBTYPE | "3" => {
            return Err("is a UUID of the old subtype 03, whose order of bytes depends on its driver".to_owned());
        }
        _ => return Err(no_uuid()),
    }
    let bytes = STANDARD.decode(base64?).map_err(|_| no_uuid())?;
    Uuid::from_slice(&bytes).map(Typed::Uuid).map_err(|_| no_uuid())
}

#[cfg(test)]
mod tests {
    use bson::{Bson, Decimal128, oid::ObjectId};

    use super::*;

    fn read(text: &str) -> Option<Result<Typed, String>> {
        Typed::read(serde_json::from_str(text).expect("JSON"))
    }

    fn id(text: &str) -> Result<Option<Uuid>, String> {
        row_id(serde_json::from_str(text).expect("JSON"))
    }

    /// Both forms of what MongoDB's own library writes.
    #[test]
    fn every_value_of_mongodb_is_read_as_it_is() {
        let uuid = bson::Uuid::from_bytes([7; 16]);
        let oid = ObjectId::parse_str("65a1b2c3d4e5f60718293a4b").expect("an ObjectId");
        let decimal = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().expect("a number"));
        for (value, text) in [
            (Bson::from(uuid), "07070707-0707-0707-0707-070707070707"),
            (Bson::from(oid), "65a1b2c3d4e5f60718293a4b"),
            (Bson::Int32(-7), "-7"),
            (Bson::Int64(i64::MAX), "9223372036854775807"),
            (Bson::Double(12.5), "12.5"),
            (Bson::Double(0.1), "0.1"),
            (Bson::Double(-3.0), "-3"),
            (decimal("12.50"), "12.50"),
            (decimal("1E+2"), "1E+2"),
            (decimal("9999999999999999999999999999999999"), "9999999999999999999999999999999999"),
            (Bson::from(bson::DateTime::from_millis(1_577_934_245_678)), "2020-01-02T03:04:05.678000Z"),
            (Bson::from(bson::DateTime::from_millis(-1)), "1969-12-31T23:59:59.999000Z"),
            (Bson::Symbol("x".to_owned()), "x"),
            (Bson::Undefined, ""),
        ] {
            for json in [value.clone().into_canonical_extjson(), value.clone().into_relaxed_extjson()] {
                let found = match read(&json.to_string()) {
                    Some(typed) => typed.expect("a value").text(),
                    None => json.to_string(),
                };
                assert_eq!(found.strip_suffix(".0").unwrap_or(&found), text, "{json}");
            }
        }
    }

    #[test]
    fn what_is_no_value_is_told() {
        for (json, told) in [
            (r#"{"$numberDecimal": "NaN"}"#, "is not a number"),
            (r#"{"$numberDecimal": "-Infinity"}"#, "is not a number"),
            (r#"{"$numberDecimal": "1,5"}"#, "is not a number"),
            (r#"{"$numberDouble": "Infinity"}"#, "is not a number"),
            (r#"{"$numberDouble": "9007199254740993"}"#, "is not a double: the nearest one is 9007199254740992"),
            (r#"{"$numberDecimal": 12.5}"#, "is not Extended JSON: the value of $numberDecimal must be a text"),
            (r#"{"$numberInt": "2147483648"}"#, "is not a whole number of 32 bits"),
            (r#"{"$numberLong": "9223372036854775808"}"#, "is not a whole number of 64 bits"),
            (r#"{"$numberLong": "+1"}"#, "is not a whole number of 64 bits"),
            (r#"{"$numberLong": "1", "$numberInt": "1"}"#, "is not a single value: it has $numberLong and $numberInt"),
            (r#"{"$numberLong": "1", "$numberLong": "2"}"#, "$numberLong appears twice"),
            (r#"{"$oid": "65a1b2c3d4e5f60718293a4"}"#, "is not an ObjectId"),
            (r#"{"$oid": "65a1b2c3d4e5f60718293a4g"}"#, "is not an ObjectId"),
            (r#"{"$date": {"$numberLong": "-62135596800001"}}"#, "is a time outside the years 1 to 9999"),
            (r#"{"$date": {"$numberLong": "253402300800000"}}"#, "is a time outside the years 1 to 9999"),
            (r#"{"$date": {"$numberLong": "9223372036854775807"}}"#, "is a time outside the years 1 to 9999"),
            (r#"{"$date": {"$numberInt": "1"}}"#, "is not a time of Extended JSON"),
            (r#"{"$date": {"$date": {"$numberLong": "1"}}}"#, "is not a time of Extended JSON"),
            (r#"{"$date": "2020-01-02"}"#, "is not a time of Extended JSON"),
            (r#"{"$date": 1577934245678}"#, "is not a time of Extended JSON"),
            (r#"{"$binary": {"base64": "AAAA", "subType": "04"}}"#, "is binary data, but no UUID (subtype 04)"),
            (r#"{"$binary": {"base64": "AAAA", "subType": "00"}}"#, "is binary data, but no UUID (subtype 04)"),
            (
                r#"{"$binary": {"base64": "BwcHBwcHBwcHBwcHBwcHBw==", "subType": "03"}}"#,
                "is a UUID of the old subtype 03, whose order of bytes depends on its driver",
            ),
            (r#"{"$binary": {"base64": "AAAA"}}"#, "is not Extended JSON: $binary must have base64 and subType"),
            (r#"{"$regularExpression": {}}"#, "has the type $regularExpression, which no column takes"),
            (r#"{"x": 1, "$oid": "65a1b2c3d4e5f60718293a4b"}"#, "is not a single value: it has x and $oid"),
        ] {
            assert_eq!(read(json), Some(Err(told.to_owned())), "{json}");
        }
        for json in ["{}", r#"{"x": {"$oid": "1"}}"#, "1", r#""$oid""#, "[]", "null"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn an_id_stays_the_same_and_no_two_become_one() {
        let known = |text: &str| id(text).expect("an id").expect("not null").to_string();
        assert_eq!(
            known(r#"{"$uuid": "01020304-0506-0708-090a-0b0c0d0e0f10"}"#),
            "01020304-0506-0708-090a-0b0c0d0e0f10"
        );
        assert_eq!(known(r#""01020304-0506-0708-090A-0B0C0D0E0F10""#), "01020304-0506-0708-090a-0b0c0d0e0f10");
        // 0x65a1b2c3 seconds are 0x018d0533ffb8 milliseconds.
        let oid = known(r#"{"$oid": "65a1b2c3d4e5f60718293a4b"}"#);
        assert_eq!(oid, known(r#""65a1b2c3d4e5f60718293a4b""#));
        assert_eq!(Uuid::try_parse(&oid).expect("a UUID").get_version_num(), 7);
        let last = ["ffffffffffffffffffffffff", "fffffffffffffffffffffffe", "65a1b2c3d4e5f60718293a4c"];
        let ids = last.map(|text| known(&format!("{{\"$oid\": \"{text}\"}}")));
        assert!(ids[0] > ids[1] && ids[1] > ids[2] && ids[2] > oid, "{ids:?}");
        assert_eq!(known("7"), known(r#"{"$numberLong": "7"}"#));
        assert_eq!(known("7"), known(r#"{"$numberDouble": "7.0"}"#));
        assert_ne!(known("7"), known(r#""7""#));
        assert_eq!(id("null"), Ok(None));
        for text in ["true", "[]", "{}", "1.5", r#"{"$date": "2020-01-02T03:04:05Z"}"#] {
            assert!(id(text).expect_err("no id").starts_with("is not an id"), "{text}");
        }
    }
}
