//! Rows as text in PostgreSQL's COPY format, also used to compare loads on any engine.

use std::fmt::Write as _;

use sea_orm::sea_query::ArrayType;
use sea_orm::{DbErr, Value};
use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;

/// A trailing NULL.
const ABSENT_AT_END: &str = "\t\\N";

/// The digest of rows as text.
#[derive(Default)]
pub struct RowDigest(Sha256);

impl RowDigest {
    /// Adds a line of COPY. Trailing NULLs are omitted, so that a column added later does not change the digest of
    /// rows without a value.
    pub fn add(&mut self, line: &str) {
        self.0.update(line.trim_end_matches('\n').trim_end_matches(ABSENT_AT_END));
        self.0.update("\n");
    }

    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Appends a row in COPY format, with its line end. Errors: a value of a type without a text form.
pub fn push_row(text: &mut String, row: &[Value]) -> Result<(), DbErr> {
    for (position, value) in row.iter().enumerate() {
        if position > 0 {
            text.push('\t');
        }
        if !push_text(text, value, push_escaped)? {
            text.push_str("\\N");
        }
    }
    text.push('\n');
    Ok(())
}

/// Appends a value, strings by `push_string`; returns `false` without appending for NULL.
pub fn push_text(text: &mut String, value: &Value, push_string: fn(&mut String, &str)) -> Result<bool, DbErr> {
    // Writing into a String cannot fail.
    let _ = match value {
        Value::String(Some(string)) => {
            push_string(text, string);
            Ok(())
        }
        Value::Uuid(Some(id)) => {
            let mut buffer = [0; 36];
            text.push_str(id.hyphenated().encode_lower(&mut buffer));
            Ok(())
        }
        Value::Int(Some(number)) => write!(text, "{number}"),
        Value::BigInt(Some(number)) => write!(text, "{number}"),
        Value::Double(Some(number)) => write!(text, "{number:?}"),
        Value::Bytes(Some(bytes)) => write!(text, "\\\\x{}", hexadecimal(bytes)),
        Value::Decimal(Some(amount)) => write!(text, "{amount}"),
        Value::ChronoDateTimeUtc(Some(time)) => write!(text, "{}+00", time.naive_utc()),
        null if *null == null.as_null() => return Ok(false),
        other => return Err(unknown_type(&other.array_type())),
    };
    Ok(true)
}

/// The error for an unsupported column type.
pub fn unknown_type(element: &ArrayType) -> DbErr {
    DbErr::Type(format!("values of the type {element:?} cannot be written as text"))
}

/// A string in COPY format. Source: PostgreSQL's manual, COPY, "Text Format".
fn push_escaped(text: &mut String, string: &str) {
    if !string.contains(['\\', '\n', '\r', '\t']) {
        text.push_str(string);
        return;
    }
    for character in string.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
}

/// The inverse of COPY's escaping. Source: PostgreSQL's manual, COPY, "Text Format".
pub fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_an_unknown_type_is_an_error_and_never_null() {
        assert!(push_row(&mut String::new(), &[Value::from(1_i16)]).is_err());
        let mut line = String::new();
        push_row(&mut line, &[Value::Bool(None), Value::from("a\tb")]).unwrap();
        assert_eq!(line, "\\N\ta\\tb\n");
    }

    fn digest(row: &[Value]) -> [u8; 32] {
        let (mut digest, mut line) = (RowDigest::default(), String::new());
        push_row(&mut line, row).unwrap();
        digest.add(&line);
        digest.finish()
    }

    #[test]
    fn a_column_that_is_added_at_the_end_changes_no_digest_of_rows_without_it() {
        let (text, none) = (Value::from("\\N"), Value::Int(None));
        let old = [text.clone(), 1.into()];
        assert_eq!(digest(&[text.clone(), 1.into(), none.clone()]), digest(&old));
        assert_ne!(digest(&[text.clone(), 1.into(), 2.into()]), digest(&old));
        assert_ne!(digest(&[text, none, 1.into()]), digest(&old), "only at the end");
    }
}
