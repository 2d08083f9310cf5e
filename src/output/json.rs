//! JSON that is safe for terminals: the same values, with control characters escaped.

use serde::Serialize;
use serde_json::Value;

use crate::domain::text::is_unsafe;

/// A result as JSON. It has names as keys only, so that it cannot fail.
pub fn value(result: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(result).unwrap_or_default()
}

/// Compact JSON on one line.
///
/// serde_json escapes only characters below U+0020, as JSON requires. C1 controls and bidirectional characters occur
/// only inside strings, so escaping them as `\u009b` does not change the value.
pub fn text(value: &Value) -> String {
    escaped(&value.to_string(), is_unsafe)
}

/// As [`text`], with one line per member.
pub fn pretty(value: &Value) -> String {
    // Line breaks inside strings are already escaped.
    escaped(&format!("{value:#}"), |character| character != '\n' && is_unsafe(character))
}

fn escaped(plain: &str, must_escape: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(plain.len());
    for character in plain.chars() {
        if must_escape(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn escaped_json_has_no_control_characters_and_the_same_value(name in "(?s).*|[\\u{0}-\\u{9f}\\u{200e}-\\u{202e}]*") {
            let value = serde_json::json!({ name.as_str(): [name.as_str()] });
            let text = text(&value);
            proptest::prop_assert!(!text.chars().any(is_unsafe));
            proptest::prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
            let pretty = pretty(&value);
            proptest::prop_assert!(!pretty.chars().any(|character| character != '\n' && is_unsafe(character)));
            proptest::prop_assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), value);
        }
    }
}
