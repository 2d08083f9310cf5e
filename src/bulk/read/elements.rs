//! Splits a JSON file into the elements of its list, so that it is never entirely in memory.

use std::io::BufRead;

use serde_json::value::RawValue;

use super::members::{Members, not_json};
use super::{RECORD_MAX_BYTES, invalid, too_long, unreadable};
use crate::bulk::Position;
use crate::error::{Error, Result, printable};

/// Source: RFC 8259, section 2.
pub(super) const WHITESPACE: &[u8] = b" \t\r\n";

/// Maximum size of the text around the list, in bytes.
const AROUND_MAX_BYTES: usize = 64 * 1024;

/// Splits a list into its elements: `[…]`, or the only list in an object, as in `{"items": […]}`.
pub struct Elements<R: BufRead> {
    source: R,
    line: u64,
    /// The number of elements so far.
    count: u64,
    /// A byte that was read ahead.
    next: Option<u8>,
    /// The text around the list, with an empty list in its place.
    around: Vec<u8>,
    state: ListState,
    element: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListState {
    Head,
    First,
    Following,
    Done,
}

/// A member of the object around the list.
enum Member {
    /// The list, read up to its first element.
    List,
    Other {
        is_empty_list: bool,
        is_last: bool,
    },
}

/// The hint for what mongoexport writes.
const MONGO_HINT: &str = "--format mongo-json";

/// Whether a text is of documents of MongoDB.
fn is_of_mongodb(text: &[u8]) -> bool {
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    has(b"\"_id\"") || has(b"\"$oid\"") || has(b"\"$date\"") || has(b"\"$number")
}

/// Tracks nesting and strings in a JSON text.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl Nesting {
    fn is_outside(&self) -> bool {
        self.depth == 0 && !self.in_text
    }

    fn advance(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.in_text => self.is_escaped = true,
            b'"' => self.in_text = !self.in_text,
            b'{' | b'[' if !self.in_text => self.depth += 1,
            b'}' | b']' if !self.in_text => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

impl<R: BufRead> Elements<R> {
    pub fn new(source: R) -> Elements<R> {
        Elements {
            source,
            line: 1,
            count: 0,
            next: None,
            around: Vec::new(),
            state: ListState::Head,
            element: Vec::new(),
        }
    }

    /// The next element with its position. `is_column` decides whether a member around the list belongs to a
    /// record.
    ///
    /// Errors: exit 7, with the line, if there is no list.
    pub fn read(&mut self, is_column: impl Fn(&str) -> bool) -> Result<Option<(Position, &[u8])>> {
        if self.state == ListState::Head {
            self.state = ListState::Done;
            if !self.head()? {
                self.check_around(is_column)?;
                return Ok(None);
            }
            self.state = ListState::First;
        }
        if self.state == ListState::Done {
            return Ok(None);
        }
        let is_first = self.state == ListState::First;
        self.state = ListState::Done;
        let (first_line, end) = self.element()?;
        let is_empty = self.element.is_empty();
        if is_empty && !(is_first && end == b']') {
            return Err(self.error(match end {
                b']' => "has a comma after the last element of its list",
                _ => "is missing an element of its list",
            }));
        }
        match end {
            b']' => self.tail(is_column)?,
            _ => self.state = ListState::Following,
        }
        self.count += 1;
        Ok((!is_empty).then_some((Position::at_record(self.count, first_line), &self.element[..])))
    }

    fn next_byte(&mut self) -> Result<Option<u8>> {
        if let Some(byte) = self.next.take() {
            return Ok(Some(byte));
        }
        let byte = self.source.fill_buf().map_err(|error| unreadable(&error))?.first().copied();
        self.source.consume(usize::from(byte.is_some()));
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    /// The next non-blank byte; blanks are kept.
    fn next_non_blank(&mut self) -> Result<u8> {
        loop {
            match self.next_byte()? {
                Some(byte) if WHITESPACE.contains(&byte) => self.keep_around(byte)?,
                Some(byte) => return Ok(byte),
                None => return Err(self.no_list_error()),
            }
        }
    }

    fn keep_around(&mut self, byte: u8) -> Result<()> {
        if self.around.len() == AROUND_MAX_BYTES {
            return Err(self.error(&format!("has more than {AROUND_MAX_BYTES} bytes outside its list")));
        }
        self.around.push(byte);
        Ok(())
    }

    fn error(&self, what: &str) -> Error {
        invalid(format!("line {}: the file {what}", self.line))
    }

    fn no_list_error(&self) -> Error {
        let error = self.error("has no list of records, neither [ … ] nor {\"items\": [ … ]}");
        match is_of_mongodb(&self.around) {
            true => error.hint(MONGO_HINT),
            false => error.hint("--format jsonl, if the records follow each other without a list"),
        }
    }

    /// Reads up to the list; returns whether it has elements, which the only list of an object may lack.
    fn head(&mut self) -> Result<bool> {
        match self.next_non_blank()? {
            b'[' => self.around.push(b'['),
            b'{' => {
                self.around.push(b'{');
                let mut has_empty_list = false;
                while let Member::Other { is_empty_list, is_last } = self.next_member()? {
                    has_empty_list |= is_empty_list;
                    match (is_last, has_empty_list) {
                        (true, true) => return Ok(false),
                        (true, false) => return Err(self.no_list_error()),
                        (false, _) => {}
                    }
                }
            }
            _ => return Err(self.no_list_error()),
        }
        Ok(true)
    }

    /// Reads the next member of the object, the list up to its first element.
    fn next_member(&mut self) -> Result<Member> {
        let mut nesting = Nesting::default();
        // The name and the colon.
        loop {
            let byte = self.next_non_blank()?;
            self.keep_around(byte)?;
            nesting.advance(byte);
            while nesting.in_text {
                let Some(byte) = self.next_byte()? else { return Err(self.no_list_error()) };
                self.keep_around(byte)?;
                nesting.advance(byte);
            }
            match byte {
                b':' => break,
                b'"' | b',' => {}
                _ => return Err(self.no_list_error()),
            }
        }
        let first = self.next_non_blank()?;
        self.keep_around(first)?;
        let is_empty_list = first == b'[';
        if is_empty_list {
            let inner = self.next_non_blank()?;
            self.next = Some(inner);
            if inner != b']' {
                return Ok(Member::List);
            }
        }
        nesting.advance(first);
        while let Some(byte) = self.next_byte()? {
            if nesting.is_outside() && matches!(byte, b',' | b'}') {
                self.keep_around(byte)?;
                return Ok(Member::Other { is_empty_list, is_last: byte == b'}' });
            }
            self.keep_around(byte)?;
            nesting.advance(byte);
        }
        Err(self.no_list_error())
    }

    /// Checks that the text after the list completes the file.
    fn tail(&mut self, is_column: impl Fn(&str) -> bool) -> Result<()> {
        self.keep_around(b']')?;
        self.check_around(is_column)
    }

    /// Checks that the text around the list is JSON, and does not belong to a record.
    fn check_around(&mut self, is_column: impl Fn(&str) -> bool) -> Result<()> {
        while let Some(byte) = self.next_byte()? {
            self.keep_around(byte)?;
        }
        let around = String::from_utf8_lossy(&self.around);
        let whole: &RawValue = serde_json::from_str(&around).map_err(|error| {
            let hint = is_of_mongodb(around.as_bytes()).then_some(MONGO_HINT);
            self.error(&format!("{}, outside its list", not_json(&around, &error))).hints_of(hint)
        })?;
        if whole.get().starts_with('[') {
            return Ok(());
        }
        let members = Members::parse(whole).map_err(|reason| self.error(&reason))?;
        for (name, value) in members {
            if value.get().starts_with('[') && !value.get()[1..].trim_start().starts_with(']') {
                return Err(self.error(&format!("has a second list, {}", printable(&name))));
            }
            if is_column(&name) && !value.get().starts_with('[') {
                let what = format!("is a single record that contains a list: it has the column {}", printable(&name));
                return Err(self.error(&what).hint("put the record in brackets: [ … ]"));
            }
        }
        Ok(())
    }

    /// Reads the next element, empty if there is none; returns its line and the byte after it.
    fn element(&mut self) -> Result<(u64, u8)> {
        self.element.clear();
        let (mut nesting, mut first_line) = (Nesting::default(), self.line);
        loop {
            let Some(byte) = self.next_byte()? else { return Err(self.error("ends in the middle of its list")) };
            if nesting.is_outside() && matches!(byte, b',' | b']') {
                return Ok((first_line, byte));
            }
            nesting.advance(byte);
            if self.element.is_empty() {
                if WHITESPACE.contains(&byte) {
                    continue;
                }
                first_line = self.line;
            }
            if self.element.len() == RECORD_MAX_BYTES {
                return Err(too_long(first_line));
            }
            self.element.push(byte);
        }
    }
}
