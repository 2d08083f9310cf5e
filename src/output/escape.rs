//! Escapes database text for a terminal, for single lines and for HTML.

use crate::domain::text::is_unsafe;

/// Escapes text for people: it cannot control the terminal, reorder text or start a new line.
///
/// Line breaks and tabs become `\n`, `\r` and `\t`, other characters such as `\u{1b}`. A backslash is not escaped,
/// because this form is not parsed.
pub fn line(text: &str) -> String {
    escaped(text, is_unsafe)
}

/// Escapes a message like [`line()`], but keeps line breaks.
pub fn lines(text: &str) -> String {
    escaped(text, |character| character != '\n' && is_unsafe(character))
}

/// Escapes a tab-separated value like [`line()`], and doubles backslashes so that it can be parsed.
pub fn tsv(text: &str) -> String {
    escaped(text, |character| character == '\\' || is_unsafe(character))
}

/// Escapes text for HTML like [`line()`]: it is neither markup nor the end of an attribute.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in line(text).chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

fn escaped(text: &str, must_escape: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if !must_escape(character) => safe.push(character),
            '\\' => safe.push_str(r"\\"),
            '\n' => safe.push_str(r"\n"),
            '\r' => safe.push_str(r"\r"),
            '\t' => safe.push_str(r"\t"),
            _ => safe.extend(character.escape_unicode()),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Undoes [`tsv`], the way a reader of the format would.
    fn unescape(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            if character != '\\' {
                plain.push(character);
                continue;
            }
            match rest.next().unwrap() {
                'n' => plain.push('\n'),
                'r' => plain.push('\r'),
                't' => plain.push('\t'),
                'u' => {
                    let digits: String =
                        rest.by_ref().skip_while(|&c| c == '{').take_while(|&character| character != '}').collect();
                    plain.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
                }
                other => plain.push(other),
            }
        }
        plain
    }

    proptest::proptest! {
        #[test]
        fn no_text_reaches_the_terminal_unescaped(text in "(?s).*|[\\u{0}-\\u{9f}\\u{200e}-\\u{202e}\\u{2066}-\\u{2069}]*") {
            proptest::prop_assert!(!line(&text).chars().any(is_unsafe));
            proptest::prop_assert!(!tsv(&text).chars().any(is_unsafe));
            proptest::prop_assert!(!lines(&text).chars().any(|character| character != '\n' && is_unsafe(character)));
        }

        #[test]
        fn tab_separated_values_can_be_read_back(text in "(?s).*|[\\\\ntru{}\\n\\r\\t\\u{1b}\\u{202e}]*") {
            proptest::prop_assert_eq!(unescape(&tsv(&text)), text);
        }
    }
}
