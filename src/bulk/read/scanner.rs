//! Splits CSV into records exactly as in RFC 4180: invalid input is an error, because the record
//! boundaries after it are unknown.

use std::io::BufRead;

use super::{RECORD_MAX_BYTES, invalid, unreadable};
use crate::error::{Error, Result};

/// Maximum number of fields in a record; spreadsheets have 16 384 columns.
const MAX_FIELDS: usize = 20_000;

/// A line with fewer delimiters within a quoted field does not look like a row.
const MIN_DELIMITERS: usize = 2;
/// Maximum number of remembered lines of one record that look like rows.
const MAX_QUOTED_LINES: usize = 1_000;

/// How a file separates its fields and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    /// A line feed, with or without a carriage return before it; or carriage returns alone.
    pub line_end: u8,
}

impl Dialect {
    /// The line ending of the first unquoted line.
    pub fn line_end(head: &[u8]) -> u8 {
        let mut is_quoted = false;
        let end = head.iter().position(|byte| {
            is_quoted ^= *byte == b'"';
            !is_quoted && matches!(byte, b'\n' | b'\r')
        });
        let line_end = end.map_or(&[][..], |end| &head[end..]);
        let follows = line_end.iter().find(|byte| **byte != b'\r');
        if line_end.first() == Some(&b'\r') && follows != Some(&b'\n') { b'\r' } else { b'\n' }
    }
}

/// One raw record of the file.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// Where it begins.
    pub line: u64,
    text: &'a [u8],
    ends: &'a [usize],
    /// Lines of it that begin within a quoted field and look like rows, each with the line of the quote.
    pub quoted_lines: &'a [(u64, u64)],
}

impl<'a> Fields<'a> {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (text, ends) = (self.text, self.ends);
        let mut start = 0;
        ends.iter().map(move |end| {
            let field = &text[start..*end];
            // Each field is followed by a separator byte.
            start = end + 1;
            field
        })
    }

    /// Whether it is blank.
    pub fn is_blank(&self) -> bool {
        self.iter().all(is_blank)
    }
}

/// Whether a field is blank.
pub fn is_blank(field: &[u8]) -> bool {
    match field.trim_ascii() {
        [] => true,
        rest => !rest[0].is_ascii() && std::str::from_utf8(rest).is_ok_and(|text| text.trim().is_empty()),
    }
}

/// Reads records in sequence.
pub struct Scanner<R> {
    source: R,
    machine: StateMachine,
}

impl<R: BufRead> Scanner<R> {
    /// `line` is that of the first byte.
    pub fn new(source: R, dialect: Dialect, line: u64) -> Scanner<R> {
        Scanner { source, machine: StateMachine::new(dialect, line) }
    }

    /// Sets how many fields a row has, by which rows within quoted fields are recognized.
    pub fn set_width(&mut self, fields: usize) {
        self.machine.delimiters_of_row = fields.checked_sub(1).filter(|count| *count >= MIN_DELIMITERS);
    }

    /// The next record; `None` at the end of the file.
    ///
    /// Errors: exit 7, with the line, for violations of RFC 4180.
    pub fn read(&mut self) -> Result<Option<Fields<'_>>> {
        self.machine.begin();
        loop {
            let chunk = self.source.fill_buf().map_err(|error| unreadable(&error))?;
            let is_over = chunk.is_empty();
            let (length, is_complete) = if is_over { (0, self.machine.end()?) } else { self.machine.consume(chunk)? };
            self.source.consume(length);
            if is_complete {
                return Ok(Some(self.machine.fields()));
            }
            if is_over {
                return Ok(None);
            }
        }
    }
}

/// The state of the scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a field.
    Start,
    /// In a field without quotes.
    Bare,
    Quoted,
    /// After a quote in a quoted field, which ends the field unless another follows.
    Closed,
    /// After a carriage return that must be followed by a line feed.
    Return,
}

struct StateMachine {
    dialect: Dialect,
    /// The bytes that end a run of ordinary bytes in an unquoted field.
    is_special: [bool; 256],
    state: State,
    line: u64,
    /// Where the record begins.
    first_line: u64,
    /// Where the last quoted field begins.
    quote_line: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// The number of delimiters of a row, if lines within quoted fields are compared with it.
    delimiters_of_row: Option<usize>,
    /// The quoted field in which the current line begins, by the line of its quote, and the delimiters so far.
    quoted_line: Option<(u64, usize)>,
    quoted_lines: Vec<(u64, u64)>,
}

impl StateMachine {
    fn new(dialect: Dialect, line: u64) -> StateMachine {
        let mut is_special = [false; 256];
        for byte in [dialect.delimiter, b'"', b'\n', b'\r'] {
            is_special[usize::from(byte)] = true;
        }
        StateMachine {
            dialect,
            is_special,
            state: State::Start,
            line,
            first_line: line,
            quote_line: line,
            text: Vec::new(),
            ends: Vec::new(),
            delimiters_of_row: None,
            quoted_line: None,
            quoted_lines: Vec::new(),
        }
    }

    fn begin(&mut self) {
        self.state = State::Start;
        self.first_line = self.line;
        self.text.clear();
        self.ends.clear();
        self.quoted_lines.clear();
    }

    fn fields(&self) -> Fields<'_> {
        Fields { line: self.first_line, text: &self.text, ends: &self.ends, quoted_lines: &self.quoted_lines }
    }

    fn complete_field(&mut self) {
        self.ends.push(self.text.len());
        self.text.push(self.dialect.delimiter);
        self.state = State::Start;
    }

    fn complete_record(&mut self) {
        self.complete_field();
        self.complete_line();
        self.quoted_line = None;
    }

    /// Ends a line; the next one begins in the quoted field, if this one ended there.
    fn complete_line(&mut self) {
        if let Some((quote, delimiters)) = self.quoted_line.take()
            && Some(delimiters) == self.delimiters_of_row
            && self.quoted_lines.len() < MAX_QUOTED_LINES
        {
            self.quoted_lines.push((quote, self.line));
        }
        self.quoted_line = Some((self.quote_line, 0));
        self.line += 1;
    }

    fn count_delimiters(&mut self, count: usize) {
        if let Some((_, delimiters)) = &mut self.quoted_line {
            *delimiters += count;
        }
    }

    /// Consumes bytes up to the end of the record; returns their number, and whether it is complete.
    fn consume(&mut self, chunk: &[u8]) -> Result<(usize, bool)> {
        let mut at = 0;
        while at < chunk.len() {
            let byte = chunk[at];
            let is_line_end = byte == self.dialect.line_end;
            match self.state {
                State::Start if byte == b'"' => {
                    self.state = State::Quoted;
                    self.quote_line = self.line;
                }
                State::Quoted => {
                    let rest = &chunk[at..];
                    let run = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len());
                    self.copy_quoted(&rest[..run])?;
                    at += run;
                    if run < rest.len() {
                        self.state = State::Closed;
                        at += 1;
                    }
                    continue;
                }
                State::Closed if byte == b'"' => {
                    self.text.push(b'"');
                    self.state = State::Quoted;
                }
                State::Return if byte == b'\r' => {}
                State::Return if byte != b'\n' => return Err(self.lone_line_end("carriage return", "line feed")),
                _ if is_line_end => {
                    self.complete_record();
                    return Ok((at + 1, true));
                }
                _ if byte == b'\n' => return Err(self.lone_line_end("line feed", "carriage return")),
                _ if byte == b'\r' => self.state = State::Return,
                _ if byte == self.dialect.delimiter => {
                    self.complete_field();
                    self.count_delimiters(1);
                }
                State::Closed => return Err(self.text_after_quote()),
                _ if byte == b'"' => return Err(self.stray_quote()),
                _ => {
                    let rest = &chunk[at..];
                    let run = rest.iter().position(|byte| self.is_special[usize::from(*byte)]).unwrap_or(rest.len());
                    self.text.extend_from_slice(&rest[..run]);
                    self.state = State::Bare;
                    at += run;
                    self.check_size()?;
                    continue;
                }
            }
            at += 1;
        }
        Ok((at, false))
    }

    /// Copies quoted text, counting its lines.
    fn copy_quoted(&mut self, run: &[u8]) -> Result<()> {
        self.text.extend_from_slice(run);
        self.check_size()?;
        let Dialect { delimiter, line_end } = self.dialect;
        for (position, line) in run.split(|byte| *byte == line_end).enumerate() {
            if position > 0 {
                self.complete_line();
            }
            if self.quoted_line.is_some() {
                self.count_delimiters(line.iter().filter(|byte| **byte == delimiter).count());
            }
        }
        Ok(())
    }

    /// Handles the end of the file; returns whether that completes a record.
    fn end(&mut self) -> Result<bool> {
        match self.state {
            State::Quoted => return Err(self.unclosed_quote()),
            State::Start if self.ends.is_empty() => return Ok(false),
            _ => self.complete_record(),
        }
        Ok(true)
    }

    fn check_size(&self) -> Result<()> {
        let what = if self.text.len() > RECORD_MAX_BYTES {
            format!("{RECORD_MAX_BYTES} bytes")
        } else if self.ends.len() > MAX_FIELDS {
            format!("{MAX_FIELDS} fields")
        } else {
            return Ok(());
        };
        Err(match self.state {
            State::Quoted => error_at(
                self.quote_line,
                &format!("a quoted field makes the record longer than {what}; a closing quote may be missing"),
            ),
            _ => error_at(self.first_line, &format!("a record has more than {what}")),
        })
    }

    fn unclosed_quote(&self) -> Error {
        let error = error_at(self.quote_line, "the quote that opens here is never closed");
        error.hint("close the quote, or write \"\" for a quote in the text")
    }

    fn text_after_quote(&self) -> Error {
        let begins = if self.quote_line == self.line {
            String::new()
        } else {
            format!(" that begins in line {}", self.quote_line)
        };
        let error = error_at(self.line, &format!("there is text after the closing quote of a field{begins}"));
        error.hint("write \"\" for a quote in the text; there may be a missing or extra quote before this line")
    }

    fn stray_quote(&self) -> Error {
        let error = error_at(self.line, "there is a quote in a field that does not begin with one");
        error.hint("put the whole field in quotes and write \"\" for a quote in the text")
    }

    fn lone_line_end(&self, found: &str, other: &str) -> Error {
        error_at(self.line, &format!("there is a {found} within a line, but the lines end with a {other}"))
            .hint("put the field in quotes, or end all lines in the same way")
    }
}

fn error_at(line: u64, what: &str) -> Error {
    invalid(format!("line {line}: {what}"))
}
