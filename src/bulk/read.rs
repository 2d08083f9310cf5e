//! Records of CSV, JSON lines and JSON, one at a time, with the line where each begins.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

use serde_json::Value;

use super::Rejection;
use super::json::{Elements, Strict};
use crate::domain::spreadsheet::unguard;
use crate::error::{Error, Kind, Result, printable};

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    Csv,
    JsonLines,
    Json,
}

impl FileFormat {
    /// The format of a file's ending, or of `--format`.
    pub fn parse(word: &str) -> Option<FileFormat> {
        match word.to_ascii_lowercase().as_str() {
            "csv" => Some(FileFormat::Csv),
            "jsonl" | "ndjson" => Some(FileFormat::JsonLines),
            "json" => Some(FileFormat::Json),
            _ => None,
        }
    }
}

/// How to read a file.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    pub format: FileFormat,
    /// Between the fields of CSV.
    pub delimiter: u8,
    /// `12,50` is an amount.
    pub decimal_comma: bool,
    /// Columns of the file by the names that they have here: `(theirs, ours)`.
    pub map: Vec<(String, String)>,
}

/// The columns that a noun knows.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    pub known: &'static [&'static str],
    /// Written by exports, but not to be imported.
    pub ignored: &'static [&'static str],
    pub required: &'static [&'static str],
    /// The column that holds records of its own in JSON.
    pub nested: Option<&'static str>,
}

/// One row as text.
#[derive(Debug, Clone)]
pub struct Record {
    pub line: u64,
    /// A cell that is blank, or null in JSON, has an empty text.
    cells: Vec<(&'static str, String)>,
    pub decimal_comma: bool,
    /// The records of the nested column.
    pub items: Vec<Record>,
}

impl Record {
    /// What a cell says: `None` when it is empty or the column is absent.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.cell(column).filter(|text| !text.is_empty())
    }

    /// Whether the file has the column at all: an empty cell says that there is nothing, an absent
    /// column says nothing.
    pub fn has(&self, column: &str) -> bool {
        self.cell(column).is_some()
    }

    fn cell(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, text)| text.as_str())
    }

    /// An amount, with a decimal point.
    pub fn amount(&self, column: &str) -> Option<String> {
        let text = self.get(column)?;
        Some(if self.decimal_comma { text.replace(',', ".") } else { text.to_owned() })
    }
}

/// One record of a file may have so many bytes.
pub(super) const RECORD_MAX_BYTES: usize = 10 * 1024 * 1024;

/// The records of a file: each read, or refused with its line.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Result<Record, Rejection>>> + 'a>;

/// Begins to read a file.
///
/// Errors: exit 7 for a header with unknown, doubled or missing columns; exit 4 for what cannot be
/// read.
pub fn records<'a>(source: impl Read + 'a, options: &'a ReadOptions, columns: Columns) -> Result<Records<'a>> {
    let mut source = BufReader::new(source);
    let start = source.fill_buf().map_err(|error| unreadable(&error))?;
    if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
        return Err(invalid("the file is UTF-16, not UTF-8".to_owned()).hint("iconv -f UTF-16 -t UTF-8 converts it"));
    }
    if start.starts_with("\u{feff}".as_bytes()) {
        source.consume("\u{feff}".len());
    }
    match options.format {
        FileFormat::Csv => {
            let is_crlf = has_crlf(source.fill_buf().map_err(|error| unreadable(&error))?);
            csv_records(source, is_crlf, options, columns)
        }
        FileFormat::JsonLines => Ok(Box::new(json_lines(source, options, columns))),
        FileFormat::Json => Ok(Box::new(json_elements(source, options, columns))),
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Whether the first line ends as Windows writes it.
fn has_crlf(start: &[u8]) -> bool {
    let end = start.iter().position(|byte| *byte == b'\n');
    end.is_some_and(|end| end > 0 && start[end - 1] == b'\r')
}

pub(super) fn unreadable(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return invalid(error.to_string());
    }
    Error::configuration("file.unreadable", format!("the file cannot be read: {error}"))
}

fn refused(line: u64, column: &str, value: &str, reason: impl Into<String>) -> Rejection {
    Rejection { line, column: column.to_owned(), value: value.to_owned(), reason: reason.into() }
}

impl ReadOptions {
    fn name<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.map.iter().find(|(from, _)| from == theirs).map_or(theirs, |(_, ours)| ours)
    }
}

impl Columns {
    /// A column's own name, if it is one.
    fn find(&self, name: &str) -> Option<&'static str> {
        let known = self.known.iter().chain(self.ignored).copied().chain(self.nested);
        known.into_iter().find(|known| *known == name)
    }

    fn unknown(&self, name: &str) -> String {
        format!("unknown column {}; the columns are {}", printable(name), self.known.join(", "))
    }
}

fn csv_records<'a>(
    source: impl Read + 'a,
    is_crlf: bool,
    options: &'a ReadOptions,
    columns: Columns,
) -> Result<Records<'a>> {
    // The library takes a record to begin before the line feed of the line before.
    let line_of = move |position: Option<&csv::Position>| position.map_or(0, csv::Position::line) + u64::from(is_crlf);
    let done = Rc::new(Cell::new(0));
    let source = Limited { source, read: 0, done: Rc::clone(&done) };
    let mut reader = csv::ReaderBuilder::new().delimiter(options.delimiter).from_reader(source);
    let header = reader.headers().map_err(|error| invalid(format!("the header: {error}")))?.clone();
    let mut names: Vec<&'static str> = Vec::new();
    for theirs in &header {
        let name = options.name(theirs.trim());
        let Some(known) = columns.find(name) else {
            return Err(invalid(columns.unknown(name))
                .hint(format!("--map {}=COLUMN, if it has another name here", printable(name))));
        };
        if names.contains(&known) {
            return Err(invalid(format!("the column {name} is there twice")));
        }
        names.push(known);
    }
    if let Some(missing) = columns.required.iter().find(|required| !names.contains(required)) {
        return Err(invalid(format!("the column {missing} is missing")).hint(format!("--map THEIRS={missing}")));
    }
    let records = reader.into_records().map(move |record| {
        Ok(match record {
            Ok(record) => {
                done.set(record.position().map_or(0, csv::Position::byte));
                let line = line_of(record.position());
                let cell = |value| if is_blank(value) { String::new() } else { unguard(value).to_owned() };
                let cells = names.iter().zip(record.iter()).map(|(name, value)| (*name, cell(value))).collect();
                Ok(Record { line, cells, decimal_comma: options.decimal_comma, items: Vec::new() })
            }
            Err(error) => match error.kind() {
                csv::ErrorKind::Io(error) => return Err(unreadable(error)),
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let line = line_of(pos.as_ref());
                    Err(refused(line, "", "", format!("has {len} fields, the header has {expected_len}")))
                }
                csv::ErrorKind::Utf8 { pos, .. } => {
                    Err(refused(line_of(pos.as_ref()), "", "", "is not UTF-8 (iconv -f latin1 -t utf-8 converts)"))
                }
                _ => Err(refused(0, "", "", error.to_string())),
            },
        })
    });
    Ok(Box::new(records))
}

/// A reader that gives up when one record does not end: a quote that is never closed would bring
/// the rest of the file into memory.
struct Limited<R> {
    source: R,
    read: u64,
    /// Where the last record begins that was complete.
    done: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read - self.done.get().min(self.read) > 2 * RECORD_MAX_BYTES as u64 {
            let message = format!("a record has more than {RECORD_MAX_BYTES} bytes: is a quote not closed?");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
        }
        let length = self.source.read(buffer)?;
        self.read += length as u64;
        Ok(length)
    }
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(Kind::Invalid, "import.invalid", message)
}

fn json_lines<'a>(
    mut source: impl BufRead + 'a,
    options: &'a ReadOptions,
    columns: Columns,
) -> impl Iterator<Item = Result<Result<Record, Rejection>>> + 'a {
    let mut line = 0;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            line += 1;
            match (&mut source).take(RECORD_MAX_BYTES as u64 + 1).read_until(b'\n', &mut bytes) {
                Err(error) => return Some(Err(unreadable(&error))),
                Ok(0) => return None,
                Ok(_) if bytes.trim_ascii().is_empty() => continue,
                Ok(length) if length > RECORD_MAX_BYTES => return Some(Err(too_long(line))),
                Ok(_) => return Some(Ok(json_record(&bytes, line, options, columns))),
            }
        }
    })
}

pub(super) fn too_long(line: u64) -> Error {
    invalid(format!("line {line}: a record has more than {RECORD_MAX_BYTES} bytes"))
}

/// The elements of an array: `[…]`, or `{"items": […]}` as exports write it. The file is cut into
/// elements here and read by the JSON library, so that it is never in memory as a whole.
fn json_elements<'a>(
    source: impl BufRead + 'a,
    options: &'a ReadOptions,
    columns: Columns,
) -> impl Iterator<Item = Result<Result<Record, Rejection>>> + 'a {
    let mut elements = Elements::new(source);
    std::iter::from_fn(move || {
        let element = elements.next()?;
        Some(element.map(|(line, bytes)| json_record(&bytes, line, options, columns)))
    })
}

fn json_record(bytes: &[u8], line: u64, options: &ReadOptions, columns: Columns) -> Result<Record, Rejection> {
    let value: Strict = serde_json::from_slice(bytes).map_err(|error| refused(line, "", "", error.to_string()))?;
    record_of(value.0, line, options, columns)
}

fn record_of(value: Value, line: u64, options: &ReadOptions, columns: Columns) -> Result<Record, Rejection> {
    let Value::Object(fields) = value else { return Err(refused(line, "", "", "is no object")) };
    let mut cells: Vec<(&'static str, String)> = Vec::new();
    let mut items = Vec::new();
    for (theirs, value) in fields {
        let name = options.name(&theirs);
        let Some(name) = columns.find(name) else { return Err(refused(line, name, "", columns.unknown(name))) };
        if cells.iter().any(|(other, _)| *other == name) {
            return Err(refused(line, name, "", "is there twice"));
        }
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) if is_blank(&text) => String::new(),
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Array(elements) if columns.nested == Some(name) => {
                let inner = Columns { nested: None, ..columns };
                let records = elements.into_iter().map(|element| record_of(element, line, options, inner));
                items = records.collect::<Result<_, _>>()?;
                continue;
            }
            Value::Array(_) | Value::Object(_) if columns.ignored.contains(&name) => String::new(),
            Value::Array(_) | Value::Object(_) => return Err(refused(line, name, "", "is no text or number")),
        };
        cells.push((name, text));
    }
    Ok(Record { line, cells, decimal_comma: options.decimal_comma, items })
}

#[cfg(test)]
mod tests;
