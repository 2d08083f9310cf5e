//! Texts in files that spreadsheets open: none of them may be run as a formula.

use std::borrow::Cow;

/// What makes a spreadsheet take a cell for a formula: the list of OWASP's "CSV Injection".
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// What is put before such a cell; a real one at the start is doubled.
const GUARD: char = '\'';

/// Whether a spreadsheet would run this text.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(FORMULA_STARTS)
}

/// A text as it stands in an exported cell. [`unguard`] gives it back.
pub fn guard(text: &str) -> Cow<'_, str> {
    // Nearly every text: a million lines of an export have several each.
    if text.bytes().next().is_none_or(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(text);
    }
    if text.starts_with(GUARD) || is_formula(text) { Cow::Owned(format!("{GUARD}{text}")) } else { Cow::Borrowed(text) }
}

/// The text that an imported cell stands for: the inverse of [`guard`].
///
/// A single `'` before anything else was put there by no export of ours, and stays.
pub fn unguard(text: &str) -> &str {
    match text.strip_prefix(GUARD) {
        Some(rest) if rest.starts_with(GUARD) || is_formula(rest) => rest,
        _ => text,
    }
}

/// As [`unguard`], for keys, numbers and times: an apostrophe alone is how spreadsheets mark a cell as
/// text.
pub fn unmarked(text: &str) -> &str {
    match unguard(text) {
        same if same.len() == text.len() => text.strip_prefix(GUARD).unwrap_or(text),
        rest => rest,
    }
}
