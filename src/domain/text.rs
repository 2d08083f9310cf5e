//! Rules for free text, shared by names, notes and everything that is shown on a terminal.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_width::UnicodeWidthStr;

/// Whether a character may control a terminal or reorder text: controls (ESC, CR, C1 …), line and
/// paragraph separators, and the bidirectional formatting characters of Unicode UAX #9.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Whether a character has no width: two keys that differ only by it look the same.
pub fn is_invisible(character: char) -> bool {
    matches!(character, '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2064}')
}

/// The form of a key in which each letter is one character where Unicode has one (NFC): what looks alike is alike.
pub fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// Bytes in place of text: decoded if they are UTF-8, else as a SQL literal such as `X'00FF'`.
pub fn from_bytes(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let digits: String = error.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        format!("X'{digits}'")
    })
}

/// The inverse of [`from_bytes`] for a SQL literal of bytes.
pub fn to_bytes(text: &str) -> Option<Vec<u8>> {
    parse_hexadecimal(text.strip_prefix("X'")?.strip_suffix('\'')?)
}

/// Parses hexadecimal digits.
pub fn parse_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `1 row`, `2 rows`: for nouns with a regular plural.
pub fn counted<N: PartialEq + From<u8> + Display>(count: N, noun: &str) -> String {
    let ending = if count == 1.into() { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// `1 row`, `2 rows`, `1 product sold`: of a regular plural.
pub fn counted_of<N: PartialEq + From<u8> + Display>(count: N, plural: &str) -> String {
    let singular = || plural.strip_suffix('s').map_or_else(|| plural.replacen("s ", " ", 1), str::to_owned);
    let noun = if count == 1.into() { singular() } else { plural.to_owned() };
    format!("{count} {noun}")
}

/// `1 row is`, `2 rows are`
pub fn counted_are<N: PartialEq + From<u8> + Display + Copy>(count: N, noun: &str) -> String {
    format!("{} {}", counted(count, noun), is_are(count))
}

/// `1 is`, `2 are`
pub fn number_is<N: PartialEq + From<u8> + Display + Copy>(count: N) -> String {
    format!("{count} {}", is_are(count))
}

/// The verb after a count.
pub fn is_are<N: PartialEq + From<u8>>(count: N) -> &'static str {
    if count == 1.into() { "is" } else { "are" }
}

/// The verb of the past after a count.
pub fn was_were<N: PartialEq + From<u8>>(count: N) -> &'static str {
    if count == 1.into() { "was" } else { "were" }
}

/// The verb before another one, after a count: `1 has been`, `2 have been`.
pub fn has_have<N: PartialEq + From<u8>>(count: N) -> &'static str {
    if count == 1.into() { "has" } else { "have" }
}

/// The pronoun of what was counted, as an object.
pub fn it_them<N: PartialEq + From<u8>>(count: N) -> &'static str {
    if count == 1.into() { "it" } else { "them" }
}

/// Seconds as they are read: `60`, `2.5`, `0.25`, `0.001`.
pub fn seconds(duration: Duration) -> String {
    let parts = match duration.as_millis() {
        0..10 => 1_000.0,
        10..1_000 => 100.0,
        _ => 10.0,
    };
    ((duration.as_secs_f64() * parts).round() / parts).to_string()
}

/// The first `most` names: `a, b and 7 more`
pub fn first_names(names: impl IntoIterator<Item = String>, most: usize) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(most).collect();
    format!("{}{}", shown.join(", "), and_more(names.count() as u64))
}

/// ` and 7 more`, and nothing for none.
pub fn and_more(count: u64) -> String {
    if count > 0 { format!(" and {count} more") } else { String::new() }
}

/// Another value for a row that has to have one of its own: `ada+2@example.com`, `MUG-2`.
pub fn numbered(value: &str, number: usize) -> String {
    match value.rsplit_once('@') {
        Some((local, domain)) => format!("{local}+{number}@{domain}"),
        None => format!("{value}-{number}"),
    }
}

/// The values in order, each once.
pub fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The text as one word of a POSIX shell.
pub fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Trims, then checks the length in characters and rejects unsafe characters.
///
/// `max_characters` is inclusive. The error is one sentence without the field's name.
pub fn single_line(text: &str, max_characters: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    // Bytes first: a text of megabytes is rejected without iterating over it.
    if text.len() > max_characters.saturating_mul(char::MAX.len_utf8()) || text.chars().count() > max_characters {
        return Err(format!("is longer than {max_characters} characters"));
    }
    match text.chars().find(|&character| is_unsafe(character)) {
        Some(character) => Err(contains(character)),
        None => Ok(text.to_owned()),
    }
}

/// The longest description or note, in characters.
pub const LONG_TEXT_MAX_CHARACTERS: usize = 10_000;

/// Whether a character is a line break or tab, which free text may contain.
fn is_layout(character: char) -> bool {
    matches!(character, '\n' | '\t' | '\r' | '\u{2028}' | '\u{2029}')
}

/// `contains the control character \u{1b}`
pub fn contains(character: char) -> String {
    let kind = match character {
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        _ => "control character",
    };
    format!("contains the {kind} {}", character.escape_unicode())
}

/// Free text with line and paragraph breaks and tabs (descriptions, notes): trimmed, at most
/// [`LONG_TEXT_MAX_CHARACTERS`], no other controls and no bidi characters.
pub fn multi_line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > LONG_TEXT_MAX_CHARACTERS * char::MAX.len_utf8() || text.chars().count() > LONG_TEXT_MAX_CHARACTERS {
        return Err(format!("is longer than {LONG_TEXT_MAX_CHARACTERS} characters"));
    }
    match text.chars().find(|&character| is_unsafe(character) && !is_layout(character)) {
        Some(character) => Err(contains(character)),
        None => Ok(text.replace("\r\n", "\n")),
    }
}

/// A text without passwords, with escaped control and bidi characters, truncated to `most` characters.
pub fn escaped(text: &str, most: usize) -> String {
    escaped_as_is(&without_password(text), most)
}

fn escaped_as_is(text: &str, most: usize) -> String {
    let mut safe = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        match is_unsafe(character) {
            _ if count == most => {
                safe.push('…');
                break;
            }
            true => safe.extend(character.escape_unicode()),
            false => safe.push(character),
        }
    }
    safe
}

/// The text without the passwords of the URLs in it: one may be given where a path, a context or a zone belongs.
///
/// In a malformed URL a password may contain anything: it lasts until the last `@` that can end it.
pub fn without_password(text: &str) -> Cow<'_, str> {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(colon) = rest.find(":/") {
        let has_scheme = rest[..colon].ends_with(|letter: char| letter.is_ascii_alphanumeric());
        let start = if rest[colon..].starts_with("://") { colon + 3 } else { colon + 2 };
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let in_doubt = || authority.contains(':').then(|| rest.rfind('@')).flatten();
        if has_scheme && let Some(at) = authority.rfind('@').or_else(in_doubt) {
            let user = rest[..at].split(':').next().unwrap_or_default();
            shown.push_str(user);
            rest = &rest[if user.is_empty() { at + 1 } else { at }..];
        }
    }
    if shown.is_empty() {
        return text.into();
    }
    shown.push_str(rest);
    let shown = without_secrets(&shown);
    if shown == text { text.into() } else { shown.into_owned().into() }
}

/// A URL without the parameters that are passwords.
fn without_secrets(url: &str) -> Cow<'_, str> {
    const SECRETS: [&str; 2] = ["password", "sslpassword"];
    let Some((path, query)) = url.split_once('?') else { return url.into() };
    let is_secret = |pair: &&str| SECRETS.contains(&pair.split('=').next().unwrap_or_default());
    if !query.split('&').any(|pair| is_secret(&pair)) {
        return url.into();
    }
    let parameters: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_secret(pair)).collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{path}{mark}{}", parameters.join("&")).into()
}

/// A definition or a statement without characters that a terminal obeys, in its whole length: it works as pasted.
pub fn in_full(text: &str) -> String {
    escaped_as_is(text, usize::MAX)
}

/// The longest quoted user text in a message, in characters: no key is longer.
const QUOTED_MAX_CHARACTERS: usize = 255;

/// The longest quoted reason in a message, in characters.
const REASON_MAX_CHARACTERS: usize = 400;

/// Makes a text of a user or database safe for a message: control and bidi characters are escaped and
/// long text is truncated.
pub fn printable(text: &str) -> String {
    printable_up_to(text, QUOTED_MAX_CHARACTERS)
}

/// Like [`printable`], for a whole sentence that may quote such a text.
pub fn printable_reason(text: &str) -> String {
    printable_up_to(text, REASON_MAX_CHARACTERS)
}

/// Like [`printable`], in quotes where blanks around the text would not be seen.
pub fn with_blanks(text: &str) -> String {
    let safe = printable(text);
    if safe.trim() == safe { safe } else { format!("'{safe}'") }
}

fn printable_up_to(text: &str, most: usize) -> String {
    let safe = escaped(text, most);
    if safe.is_empty() { "''".to_owned() } else { safe }
}

/// The line and the column of a byte, counted from 1.
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let column = before.chars().rev().take_while(|&character| character != '\n').count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// Implements the conversions of a type that wraps a validated text.
macro_rules! checked_text {
    ($($Text:ident),+) => {$(
        impl $Text {
            /// The validated text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$Text> for String {
            fn from(text: $Text) -> String {
                text.0
            }
        }

        impl std::fmt::Display for $Text {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}
pub(crate) use checked_text;

/// Rows below a message, with their cells in columns; those with `numbers` are set right, and the last is not filled.
pub fn in_columns<const N: usize>(rows: impl Iterator<Item = [String; N]>, numbers: &[usize]) -> String {
    let rows: Vec<_> = rows.collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default());
    let mut text = String::new();
    for row in rows {
        let mut line = String::from("\n ");
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - cell.width());
            line += &if numbers.contains(&column) { format!(" {gap}{cell}") } else { format!(" {cell}{gap}") };
        }
        text += line.trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_keeps_the_urls_of_its_values() {
        let statement = "UPDATE products SET sku = 'http://a:b@c-2'";
        assert_eq!(in_full(statement), statement);
        assert_eq!(printable(statement), "UPDATE products SET sku = 'http://a@c-2'");
    }

    #[test]
    fn rows_below_a_message_are_in_columns() {
        let rows = [["MUG", "9.50", "→ 10.00"], ["TEA-É", "12.50", "→ 13.00"]].map(|row| row.map(str::to_owned));
        assert_eq!(in_columns(rows.into_iter(), &[1]), "\n  MUG    9.50 → 10.00\n  TEA-É 12.50 → 13.00");
    }

    #[test]
    fn seconds_are_rounded() {
        for (milliseconds, text) in [(2_498, "2.5"), (60_000, "60"), (250, "0.25"), (1_040, "1"), (1, "0.001")] {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn line_separators_are_allowed_in_descriptions_and_rejected_in_names() {
        let text = "<p>one\u{2028}two\u{2029}three</p>";
        assert_eq!(multi_line(text), Ok(text.to_owned()));
        let refused = |text: &str| single_line(text, 100).unwrap_err();
        assert_eq!(refused("a\u{2028}b"), r"contains the line separator \u{2028}");
        assert_eq!(refused("a\u{2029}b"), r"contains the paragraph separator \u{2029}");
        assert_eq!(refused("a\u{1b}b"), r"contains the control character \u{1b}");
        assert!(multi_line("a\u{202e}b").is_err());
    }

    #[test]
    fn a_count_of_one_is_singular() {
        let told = [0_u64, 1, 2].map(|count| counted(count, "row"));
        assert_eq!(told, ["0 rows", "1 row", "2 rows"]);
        assert_eq!(counted(1_usize, "seed") + &counted(-1_i64, "unit"), "1 seed-1 units");
    }
}
