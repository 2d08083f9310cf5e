//! Splits JSON lines into their records.

use std::io::{BufRead, Read};

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
    /// The number of lines so far.
    count: u64,
    /// A line that was read ahead.
    next: Option<Vec<u8>>,
}

impl<R: BufRead> JsonLines<R> {
    pub fn new(source: R) -> JsonLines<R> {
        JsonLines { source, count: 0, next: None }
    }

    /// The next record and its first line; `None` at the end of the file.
    ///
    /// Errors: exit 7 for a record that is too long; exit 4 if the file cannot be read.
    pub fn record(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let (first, mut record) = loop {
            match self.line(self.count + 1)? {
                None => return Ok(None),
                Some(line) if line.trim_ascii().is_empty() => {}
                Some(line) => break (self.count, line),
            }
        };
        if record.trim_ascii_end() != b"{" {
            return Ok(Some((first, record)));
        }
        while let Some(line) = self.line(first)? {
            match line.first() {
                Some(b'}') => {
                    record.extend(line);
                    break;
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => record.extend(line),
                _ => {
                    self.count -= 1;
                    self.next = Some(line);
                    break;
                }
            }
            if record.len() > RECORD_MAX_BYTES {
                return Err(too_long(first));
            }
        }
        Ok(Some((first, record)))
    }

    /// The next line; `first` is where its record begins.
    fn line(&mut self, first: u64) -> Result<Option<Vec<u8>>> {
        let mut line = self.next.take().unwrap_or_default();
        if line.is_empty() {
            let most = RECORD_MAX_BYTES as u64 + 1;
            (&mut self.source).take(most).read_until(b'\n', &mut line).map_err(|error| unreadable(&error))?;
        }
        if line.is_empty() {
            return Ok(None);
        }
        self.count += 1;
        if line.len() > RECORD_MAX_BYTES { Err(too_long(first)) } else { Ok(Some(line)) }
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
            let mut lines = JsonLines::new(file.as_bytes());
            let found: Vec<_> = std::iter::from_fn(|| lines.record().expect("readable")).collect();
            let found: Vec<_> =
                found.iter().map(|(line, record)| (*line, str::from_utf8(record).expect("text"))).collect();
            assert_eq!(found, records, "{file:?}");
        }
    }
}
