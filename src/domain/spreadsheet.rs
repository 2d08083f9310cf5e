//! Escapes texts in exported files, so that spreadsheets do not run them as formulas.

use std::borrow::Cow;

/// The first characters of a formula. Source: OWASP, "CSV Injection".
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The prefix of such a cell; a leading apostrophe of the text is doubled.
const GUARD: char = '\'';

/// Whether a spreadsheet would run this text as a formula.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(FORMULA_STARTS)
}

/// What a spreadsheet shows in place of a value that it cannot compute.
const ERRORS: [&str; 9] = ["#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"];

/// Whether a cell is an error of a spreadsheet, or `####`, which it shows where a column is too narrow.
pub fn is_error(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('#') && (text.bytes().all(|byte| byte == b'#') || ERRORS.contains(&text))
}

/// Whether a text is what a spreadsheet leaves of a long number: `1.23457E+17`.
pub fn is_cut_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((number, exponent)) = text.trim().split_once("E+") else { return false };
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    whole.len() == 1 && is_digits(whole) && is_digits(fraction) && is_digits(exponent)
}

/// The text in `="0012"`, by which programs keep spreadsheets from reading a number.
fn in_formula(text: &str) -> Option<String> {
    let inner = text.strip_prefix("=\"")?.strip_suffix('"')?;
    (!inner.replace("\"\"", "").contains('"')).then(|| inner.replace("\"\"", "\""))
}

/// Whether an export marks a text, so that no spreadsheet and no import takes it for another one.
fn needs_guard(text: &str) -> bool {
    text.starts_with(GUARD) || is_formula(text) || is_error(text) || is_cut_number(text)
}

/// The text of an exported cell. [`unmarked`] is the inverse.
pub fn guard(text: &str) -> Cow<'_, str> {
    // The common case, kept fast for exports of a million lines.
    if text.bytes().next().is_none_or(|byte| byte.is_ascii_alphabetic()) {
        return Cow::Borrowed(text);
    }
    if needs_guard(text) { Cow::Owned(format!("{GUARD}{text}")) } else { Cow::Borrowed(text) }
}

/// The text of an imported cell without the marks by which spreadsheets know texts, a leading apostrophe or `="…"`: the
/// inverse of [`guard`].
pub fn unmarked(text: &str) -> Cow<'_, str> {
    match (text.strip_prefix(GUARD), in_formula(text)) {
        (Some(rest), _) => Cow::Borrowed(rest),
        (None, Some(inner)) => Cow::Owned(inner),
        (None, None) => Cow::Borrowed(text),
    }
}

/// As [`unmarked`], for names and other free texts: an apostrophe before a letter is part of them (`'t Hart`).
pub fn unmarked_text(text: &str) -> Cow<'_, str> {
    let is_own = text.strip_prefix(GUARD).is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    if is_own { Cow::Borrowed(text) } else { unmarked(text) }
}
