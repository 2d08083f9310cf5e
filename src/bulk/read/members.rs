//! Raw JSON values: numbers keep their digits, and duplicate names in an object are rejected as
//! ambiguous.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::printable;

/// Maximum number of names in an object.
const MAX_NAMES: usize = 10_000;
/// Number of characters shown before an error.
const SHOWN_CHARACTERS: usize = 20;

/// The members of an object.
pub struct Members<'a> {
    members: Vec<(String, &'a RawValue)>,
    problem: Option<String>,
}

impl<'a> Members<'a> {
    /// Errors: why the object cannot be read.
    pub fn parse(value: &'a RawValue) -> Result<Vec<(String, &'a RawValue)>, String> {
        let Members { members, problem } =
            serde_json::from_str(value.get()).map_err(|_| "has a name with an invalid escape sequence".to_owned())?;
        match problem {
            Some(reason) => Err(reason),
            None => Ok(members),
        }
    }
}

/// The elements of a list, up to a maximum.
pub struct BoundedList<'a, const MAX: usize> {
    pub elements: Vec<&'a RawValue>,
    pub is_too_long: bool,
}

/// Why a text is not JSON, as the predicate of a message.
pub fn not_json(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "is not JSON: it ends in the middle of a value".to_owned();
    }
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let end = (0..=error.column().min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    let before = &line[..end];
    let start = before.char_indices().rev().nth(SHOWN_CHARACTERS - 1).map_or(0, |(start, _)| start);
    format!("is not JSON: there is an error at the end of {}", printable(&before[start..]))
}

struct ValueVisitor<T>(PhantomData<T>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValueVisitor::<Self>(PhantomData))
    }
}

impl<'de> Visitor<'de> for ValueVisitor<Members<'de>> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
        let (mut members, mut names, mut problem) = (Vec::new(), HashSet::new(), None);
        while let Some((name, value)) = access.next_entry::<String, &RawValue>()? {
            if names.len() == MAX_NAMES {
                problem = Some(format!("has an object with more than {MAX_NAMES} names"));
                continue;
            }
            if !names.insert(name.clone()) {
                problem = Some(format!("{} appears twice", printable(&name)));
                continue;
            }
            members.push((name, value));
        }
        Ok(Members { members, problem })
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for BoundedList<'de, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ValueVisitor::<Self>(PhantomData))
    }
}

impl<'de, const MAX: usize> Visitor<'de> for ValueVisitor<BoundedList<'de, MAX>> {
    type Value = BoundedList<'de, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let (mut elements, mut is_too_long) = (Vec::new(), false);
        while let Some(element) = access.next_element()? {
            is_too_long |= elements.len() == MAX;
            if !is_too_long {
                elements.push(element);
            }
        }
        Ok(BoundedList { elements, is_too_long })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_names_in_an_object_are_rejected() {
        let read = |text| Members::parse(serde_json::from_str(text).expect("JSON")).map(|members| members.len());
        assert_eq!(read(r#"{"a": {"b": 1, "c": 2}, "\u0062": 3}"#), Ok(2));
        assert_eq!(read(r#"{"a": 1, "b": 2, "\u0061": 3}"#), Err("a appears twice".to_owned()));
    }

    #[test]
    fn json_errors_are_reported_in_plain_words() {
        for (text, told) in [
            ("{\"a\": 1,}", "there is an error at the end of {\"a\": 1,}"),
            ("nul", "it ends in the middle of a value"),
            ("{\"name\": \"Großmutters Kaffeekanne\" x", "there is an error at the end of tters Kaffeekanne\" x"),
        ] {
            let error = serde_json::from_str::<&RawValue>(text).expect_err("not JSON");
            assert_eq!(not_json(text, &error), format!("is not JSON: {told}"));
        }
    }
}
