//! What reading a file shows beside its records.

use super::encoding_hint;
use super::naming::joined;
use crate::domain::text::and_more;

/// Maximum number of columns that are listed.
const MAX_NAMES: usize = 50;
/// Maximum number of lines that are listed.
const MAX_LINES: usize = 8;

/// What reading a file shows beside its records.
#[derive(Debug, Clone, Default)]
pub struct ReadFindings {
    /// Whether its beginning has more control characters than any text.
    pub is_binary: bool,
    /// Whether it has a byte order mark or characters of UTF-8 with several bytes.
    pub is_utf_8: bool,
    /// The columns that flags leave out.
    left_out: Vec<String>,
    quoted: QuotedLines,
}

/// Lines within quoted fields that look like rows: a quote may be missing before them.
#[derive(Debug, Clone, Default)]
struct QuotedLines {
    /// Where the first of these fields begins.
    first_quote: u64,
    has_other_quotes: bool,
    first: Vec<u64>,
    count: u64,
}

impl ReadFindings {
    /// The probable cause of invalid bytes at the beginning.
    pub fn encoding_hint(&self) -> &'static str {
        match self.is_binary {
            true => "the file is not text: export its data as CSV or JSON",
            false => encoding_hint(self.is_utf_8),
        }
    }

    /// Adds a column that flags leave out.
    pub fn add_left_out(&mut self, name: &str) {
        if self.left_out.len() < MAX_NAMES && !self.left_out.iter().any(|known| known == name) {
            self.left_out.push(name.to_owned());
        }
    }

    /// Adds a line that looks like a row, in a quoted field that begins in the line `quote`.
    pub fn add_quoted_line(&mut self, quote: u64, line: u64) {
        let QuotedLines { first_quote, has_other_quotes, first, count } = &mut self.quoted;
        match count {
            0 => *first_quote = quote,
            _ => *has_other_quotes |= *first_quote != quote,
        }
        *count += 1;
        if first.len() < MAX_LINES {
            first.push(line);
        }
    }

    /// The notes on the file.
    pub fn notes(&self) -> Vec<String> {
        let names: Vec<&str> = self.left_out.iter().map(String::as_str).collect();
        let left_out = (!names.is_empty()).then(|| format!("ignored: {}", joined(&names)));
        left_out.into_iter().chain(self.quoted.warning()).collect()
    }
}

impl QuotedLines {
    fn warning(&self) -> Option<String> {
        let numbers: Vec<String> = self.first.iter().map(u64::to_string).collect();
        let (last, before) = numbers.split_last()?;
        let more = self.count - self.first.len() as u64;
        let lines = match (before, more) {
            ([], _) => format!("line {last} is"),
            (_, 0) => format!("lines {} and {last} are", before.join(", ")),
            _ => format!("lines {}{} are", numbers.join(", "), and_more(more)),
        };
        let quote = self.first_quote;
        let fields = match self.has_other_quotes {
            false => format!("a quoted field that begins in line {quote}"),
            true => format!("quoted fields, the first of which begins in line {quote},"),
        };
        let (look, they_are) =
            if self.count == 1 { ("looks like a row", "it is one") } else { ("look like rows", "they are") };
        Some(format!("{lines} inside {fields} and {look}; if {they_are}, a quote is missing"))
    }
}
