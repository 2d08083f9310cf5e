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

/// The text of an exported cell. [`unguard`] is the inverse.
pub fn guard(text: &str) -> Cow<'_, str> {
    // The common case, kept fast for exports of a million lines.
    if text.bytes().next().is_none_or(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(text);
    }
    if text.starts_with(GUARD) || is_formula(text) { Cow::Owned(format!("{GUARD}{text}")) } else { Cow::Borrowed(text) }
}

/// The text of an imported cell: the inverse of [`guard`].
///
/// A single `'` before other text was not written by an export, and is kept.
pub fn unguard(text: &str) -> &str {
    match text.strip_prefix(GUARD) {
        Some(rest) if rest.starts_with(GUARD) || is_formula(rest) => rest,
        _ => text,
    }
}

/// Like [`unguard`], for keys, numbers and times: a leading apostrophe is how spreadsheets mark a cell
/// as text.
pub fn unmarked(text: &str) -> &str {
    match unguard(text) {
        same if same.len() == text.len() => text.strip_prefix(GUARD).unwrap_or(text),
        rest => rest,
    }
}
