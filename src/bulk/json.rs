//! JSON as an import needs it: an array is cut into its elements, so that it is never in memory as a
//! whole, and a name stands once in each object, because of two nobody can tell which is meant.

use std::fmt;
use std::io::BufRead;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::read::{RECORD_MAX_BYTES, invalid, too_long, unreadable};
use crate::error::{Error, Result};

/// Source: RFC 8259, section 2.
const WHITESPACE: &[u8] = b" \t\r\n";

/// What stands around the array of a JSON file may have so many bytes.
const AROUND_MAX_BYTES: usize = 64 * 1024;

/// Cuts an array into its elements.
pub struct Elements<R: BufRead> {
    bytes: std::io::Bytes<R>,
    line: u64,
    /// What stands before and behind the array, with an empty one in its place.
    around: Vec<u8>,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    First,
    Following,
    Over,
}

impl<R: BufRead> Elements<R> {
    pub fn new(source: R) -> Elements<R> {
        Elements { bytes: source.bytes(), line: 1, around: Vec::new(), part: Part::Head }
    }

    /// The next element with the line where it begins.
    pub fn next(&mut self) -> Option<Result<(u64, Vec<u8>)>> {
        if self.part == Part::Head
            && let Err(error) = self.head()
        {
            self.part = Part::Over;
            return Some(Err(error));
        }
        if self.part == Part::Over {
            return None;
        }
        let found = self.element();
        if !matches!(found, Ok(Some(_))) {
            self.part = Part::Over;
        }
        found.transpose()
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.bytes.next().transpose().map_err(|error| unreadable(&error))?;
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    fn wrong(&self, what: &str) -> Error {
        invalid(format!("line {}: the file {what}", self.line))
    }

    /// Up to the array.
    fn head(&mut self) -> Result<()> {
        while let Some(byte) = self.byte()? {
            self.around.push(byte);
            if byte == b'[' {
                self.part = Part::First;
                return Ok(());
            }
            if self.around.len() == AROUND_MAX_BYTES {
                break;
            }
        }
        Err(self.wrong("has no array"))
    }

    /// What follows the array has to make the file whole.
    fn tail(&mut self) -> Result<()> {
        self.around.push(b']');
        while let Some(byte) = self.byte()? {
            if self.around.len() == AROUND_MAX_BYTES {
                return Err(self.wrong("goes on behind the array"));
            }
            self.around.push(byte);
        }
        let whole: Strict = serde_json::from_slice(&self.around)
            .map_err(|error| self.wrong(&format!("is no JSON around the array: {error}")))?;
        match whole.0 {
            Value::Array(_) => Ok(()),
            Value::Object(fields) if fields.get("items").is_some_and(Value::is_array) => Ok(()),
            _ => Err(self.wrong("has no array of items")),
        }
    }

    fn element(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let (mut element, mut depth, mut in_text, mut is_escaped) = (Vec::new(), 0_usize, false, false);
        let mut began = self.line;
        loop {
            let Some(byte) = self.byte()? else { return Err(self.wrong("ends in the middle of the array")) };
            if !in_text && depth == 0 && matches!(byte, b',' | b']') {
                let is_empty = element.is_empty();
                if is_empty && byte == b']' && self.part == Part::First {
                    return self.tail().map(|()| None);
                }
                if is_empty {
                    return Err(self.wrong("lacks an element of the array"));
                }
                self.part = if byte == b']' { Part::Over } else { Part::Following };
                if byte == b']' {
                    self.tail()?;
                }
                return Ok(Some((began, element)));
            }
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_text => is_escaped = true,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => depth += 1,
                b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
                _ => {}
            }
            if element.is_empty() && WHITESPACE.contains(&byte) {
                continue;
            }
            if element.is_empty() {
                began = self.line;
            }
            if element.len() == RECORD_MAX_BYTES {
                return Err(too_long(began));
            }
            element.push(byte);
        }
    }
}

/// A value without doubled names.
pub struct Strict(pub Value);

struct StrictVisitor;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Strict, E> {
        Ok(Strict(truth.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Strict, E> {
        Ok(Strict(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Strict, E> {
        Ok(Strict(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Strict, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("a number is out of range"))?;
        Ok(Strict(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Strict, E> {
        Ok(Strict(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut elements = Vec::new();
        while let Some(Strict(element)) = access.next_element()? {
            elements.push(element);
        }
        Ok(Strict(elements.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut fields = Map::new();
        while let Some((name, Strict(value))) = access.next_entry::<String, Strict>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("{} is there twice", crate::error::printable(&name))));
            }
            fields.insert(name, value);
        }
        Ok(Strict(fields.into()))
    }
}
