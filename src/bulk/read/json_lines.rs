//! Splits JSON lines into their records.

use std::io::{BufRead, Read};

use super::elements::WHITESPACE;
use super::{RECORD_MAX_BYTES, too_long, unreadable};
use crate::error::Result;

/// Splits a file into records: one per line, or an object over several lines as `jq` and `mongoexport --pretty` print
/// it.
///
/// Such an object begins with a line that is only `{` and ends with one that begins with `}`; the lines between are
/// indented. A line that is not ends it too, so that an object that is cut off does not take the following records with
/// it.
pub struct JsonLines<R: BufRead> {
    source: R,
    /// The number of lines of the records so far.
    count: u64,
    record: Vec<u8>,
    /// The line after the record, if it was read ahead; else empty.
    next: Vec<u8>,
}

impl<R: BufRead> JsonLines<R> {
    pub fn new(source: R) -> JsonLines<R> {
        JsonLines { source, count: 0, record: Vec::new(), next: Vec::new() }
    }

    /// The next record and its first line; `None` at the end of the file.
    ///
    /// Errors: exit 7 for a record that is too long; exit 4 if the file cannot be read.
    pub fn record(&mut self) -> Result<Option<(u64, &[u8])>> {
        self.record.clear();
        while self.record.trim_ascii().is_empty() {
            self.record.clear();
            if !self.read_ahead(self.count + 1)? {
                return Ok(None);
            }
            self.take_next();
        }
        let first = self.count;
        let mut is_open = self.record.trim_ascii_end() == b"{";
        while is_open && self.read_ahead(first)? && (WHITESPACE.contains(&self.next[0]) || self.next[0] == b'}') {
            is_open = self.next[0] != b'}';
            self.take_next();
            if self.record.len() > RECORD_MAX_BYTES {
                return Err(too_long(first));
            }
        }
        Ok(Some((first, &self.record)))
    }

    /// Reads the next line unless it was read already, and returns whether there is one; `first` is where its record
    /// begins.
    fn read_ahead(&mut self, first: u64) -> Result<bool> {
        if self.next.is_empty() {
            let most = RECORD_MAX_BYTES as u64 + 1;
            (&mut self.source).take(most).read_until(b'\n', &mut self.next).map_err(|error| unreadable(&error))?;
        }
        if self.next.len() > RECORD_MAX_BYTES { Err(too_long(first)) } else { Ok(!self.next.is_empty()) }
    }

    fn take_next(&mut self) {
        self.record.append(&mut self.next);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_lines_or_objects_over_several_lines() {
        for (file, records) in [
            ("{\"a\":1}\n\n{\"a\":2}", &[(1, "{\"a\":1}\n"), (3, "{\"a\":2}")][..]),
            ("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", &[(1, "{\n  \"a\": 1\n}\n"), (4, "{\n  \"a\": 2\n}\n")]),
            ("{\r\n\t\"a\": {\r\n\t}\r\n}\r\n", &[(1, "{\r\n\t\"a\": {\r\n\t}\r\n}\r\n")]),
            // One that is cut off does not take others with it.
            ("{\n  \"a\": 1\n{\n  \"a\": 2\n}\n", &[(1, "{\n  \"a\": 1\n"), (3, "{\n  \"a\": 2\n}\n")]),
            ("{\n{\"a\":1}\n{\"a\":2}\n", &[(1, "{\n"), (2, "{\"a\":1}\n"), (3, "{\"a\":2}\n")]),
            ("{\n  \"a\": 1\n", &[(1, "{\n  \"a\": 1\n")]),
            ("\n\n", &[]),
        ] {
            let (mut lines, mut found) = (JsonLines::new(file.as_bytes()), Vec::new());
            while let Some((line, record)) = lines.record().expect("readable") {
                found.push((line, str::from_utf8(record).expect("text").to_owned()));
            }
            let found: Vec<_> = found.iter().map(|(line, record)| (*line, record.as_str())).collect();
            assert_eq!(found, records, "{file:?}");
        }
    }
}
