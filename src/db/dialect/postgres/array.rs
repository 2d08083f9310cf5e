//! Values as PostgreSQL's arrays.

use sea_orm::sea_query::ArrayType;
use sea_orm::{DbErr, Value};

use crate::db::copy_text::push_text;

/// The name of an array's element type; `None` for types that [`push_text`] does not support.
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
/// Errors: a value of an unsupported type.
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
        assert_eq!(array(&[Value::Bool(None)]).unwrap(), "{NULL}");
        assert_eq!(type_of(&ArrayType::Bool), None);
    }
}
