//! Values in the forms of text that PostgreSQL reads and writes. That of COPY also serves to tell whether two
//! loads are the same, on every engine.

use std::fmt::Write as _;

use sea_orm::sea_query::ArrayType;
use sea_orm::{DbErr, Value};

/// The name of a type that arrays are made of; `None` for one whose values [`push_text`] does not know.
pub fn type_of(element: &ArrayType) -> Option<&'static str> {
    match element {
        ArrayType::String => Some("text"),
        ArrayType::Uuid => Some("uuid"),
        ArrayType::Int => Some("integer"),
        ArrayType::BigInt => Some("bigint"),
        ArrayType::Decimal => Some("numeric"),
        ArrayType::ChronoDateTimeUtc => Some("timestamptz"),
        _ => None,
    }
}

/// Values as an array. Source: PostgreSQL's manual, "Array Input and Output Syntax".
///
/// Errors: a value of a type that has no form here.
pub fn array<'a>(values: impl IntoIterator<Item = &'a Value>) -> Result<String, DbErr> {
    let mut text = String::from("{");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        if !push_text(&mut text, value, push_quoted)? {
            text.push_str("NULL");
        }
    }
    text.push('}');
    Ok(text)
}

fn push_quoted(text: &mut String, string: &str) {
    text.push('"');
    for part in string.split_inclusive(['"', '\\']) {
        match part.char_indices().next_back() {
            Some((end, special @ ('"' | '\\'))) => {
                text.push_str(&part[..end]);
                text.push('\\');
                text.push(special);
            }
            _ => text.push_str(part),
        }
    }
    text.push('"');
}

/// A row as COPY reads it, with its line end. Errors: those of [`array`].
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

/// Appends a value, a string by `push_string`; nothing, and `false`, when it is NULL.
fn push_text(text: &mut String, value: &Value, push_string: fn(&mut String, &str)) -> Result<bool, DbErr> {
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
        Value::Decimal(Some(amount)) => write!(text, "{amount}"),
        Value::ChronoDateTimeUtc(Some(time)) => write!(text, "{}+00", time.naive_utc()),
        null if *null == null.as_null() => return Ok(false),
        other => return Err(unknown_type(&other.array_type())),
    };
    Ok(true)
}

/// A column has a type that nothing here was written for.
pub fn unknown_type(element: &ArrayType) -> DbErr {
    DbErr::Type(format!("values of the type {element:?} cannot be written as text"))
}

/// A string as COPY reads it. Source: PostgreSQL's manual, COPY, "Text Format".
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

/// A text as it was before COPY escaped it. Source: PostgreSQL's manual, COPY, "Text Format".
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

    fn array_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> String {
        array(&values.into_iter().map(Into::into).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_array_has_its_texts_quoted_and_its_nulls_bare() {
        let values = [Some("a,b"), None, Some("NULL"), Some(""), Some("{\"\\é\"}")];
        assert_eq!(array_of(values), r#"{"a,b",NULL,"NULL","","{\"\\é\"}"}"#);
        assert_eq!(array_of([1, -2]), "{1,-2}");
        assert_eq!(array_of::<i32>([]), "{}");
    }

    #[test]
    fn a_value_of_an_unknown_type_is_an_error_and_never_null() {
        assert!(array(&[Value::from(true)]).is_err());
        assert!(push_row(&mut String::new(), &[Value::from(1_i16)]).is_err());
        assert_eq!(array(&[Value::Bool(None)]).unwrap(), "{NULL}");
        assert_eq!(type_of(&ArrayType::Bool), None);
    }
}
