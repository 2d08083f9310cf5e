//! Reads records of CSV, JSON lines and JSON one at a time, with their positions.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use uuid::Uuid;

use super::{Position, Rejection};
use crate::domain::number_parser::DecimalMark;
use crate::error::{Error, Kind, Result, io_reason};

mod csv;
mod elements;
mod extended;
mod findings;
mod json;
mod json_lines;
mod meaning;
mod members;
mod naming;
mod scanner;
mod suggestion;
mod text;

pub use csv::is_delimiter;
pub use findings::ReadFindings;
pub use naming::ignore_flag;
pub use text::Charset;

/// The encoding of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values (RFC 4180).
    #[default]
    Csv,
    /// CSV separated by tabs.
    Tsv,
    /// One JSON object per line.
    JsonLines,
    /// One JSON list, or an object that contains one.
    Json,
    /// MongoDB's Extended JSON: one document per line, or one list of them.
    MongoJson,
}

impl FileFormat {
    /// The format of a file extension, or of `--format`.
    pub fn parse(word: &str) -> Option<FileFormat> {
        match word.to_ascii_lowercase().as_str() {
            "csv" | "txt" => Some(FileFormat::Csv),
            "tsv" | "tab" => Some(FileFormat::Tsv),
            "jsonl" | "ndjson" => Some(FileFormat::JsonLines),
            "json" => Some(FileFormat::Json),
            "mongo-json" => Some(FileFormat::MongoJson),
            _ => None,
        }
    }
}

/// How to read a file.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The format of the file.
    pub format: FileFormat,
    /// The delimiter of CSV; `None`: detected from the header.
    pub delimiter: Option<u8>,
    /// `None`: from the byte order mark, else UTF-8.
    pub encoding: Option<Charset>,
    /// Whether amounts have a decimal comma: `12,50`.
    pub decimal_comma: bool,
    /// Column names of the file mapped to ours: `(theirs, ours)`.
    pub map: Vec<(String, String)>,
    /// Ignored columns of the file.
    pub ignore: Vec<String>,
    /// Whether to ignore all columns that are neither known nor mapped.
    pub only_mapped: bool,
    /// Columns of a CSV file whose empty cells take the value above.
    pub fill_down: Vec<String>,
    /// Lines to skip above the header of a CSV file.
    pub skip_lines: u64,
}

impl ReadOptions {
    /// A format with defaults for everything else.
    pub fn new(format: FileFormat) -> ReadOptions {
        ReadOptions { format, ..ReadOptions::default() }
    }
}

/// The known columns of a noun.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    pub known: &'static [&'static str],
    /// Written by exports, but not imported.
    pub ignored: &'static [&'static str],
    pub required: &'static [&'static str],
    /// What a new row needs.
    pub needed: &'static [&'static str],
    /// Columns of which a file has one, which says what the file is.
    pub one_of: &'static [&'static str],
    /// Free-text columns, whose values may begin with an apostrophe.
    pub texts: &'static [&'static str],
    /// Columns of amounts.
    pub amounts: &'static [&'static str],
    /// The nested records in JSON.
    pub nested: Option<Nested>,
    /// Another layout of the same noun: its flag and its required columns.
    pub other: Option<(&'static str, &'static [&'static str])>,
}

/// Nested records of JSON.
#[derive(Debug, Clone, Copy)]
pub struct Nested {
    /// The column that has them.
    pub column: &'static str,
    /// Their own columns.
    pub own: &'static [&'static str],
}

/// One record as text.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub at: Position,
    /// The id that a new row gets, of a document of MongoDB.
    pub id: Option<Uuid>,
    /// Whether its times have lost what is finer than milliseconds.
    pub is_in_milliseconds: bool,
    /// As they are written; JSON nulls are empty texts.
    cells: Vec<(&'static str, String)>,
    decimal_comma: bool,
    /// Columns with JSON numbers, whose decimal separator is known.
    numbers: Vec<&'static str>,
    /// The values of its currency columns, by their names in the file.
    pub currencies: Vec<(Arc<str>, String)>,
    /// Whether an apostrophe was removed that marks a cell as text for spreadsheets.
    pub is_unguarded: bool,
    /// The records of the nested column.
    pub items: Vec<Record>,
}

impl Record {
    fn new(at: Position, options: &ReadOptions) -> Record {
        let is_in_milliseconds = options.format == FileFormat::MongoJson;
        Record { at, decimal_comma: options.decimal_comma, is_in_milliseconds, ..Record::default() }
    }

    /// The value of a cell: `None` if it is blank or the column is absent.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.cell(column).filter(|text| !is_blank(text))
    }

    /// The text of a cell, which for a key may be blank: other programs tell such keys apart.
    pub fn written(&self, column: &str) -> &str {
        self.cell(column).unwrap_or_default()
    }

    /// Whether the file has the column: an empty cell clears the value, an absent column keeps it.
    pub fn has(&self, column: &str) -> bool {
        self.cell(column).is_some()
    }

    /// The decimal separator of a column.
    pub fn decimal_mark(&self, column: &str) -> DecimalMark {
        match self.decimal_comma {
            _ if self.numbers.contains(&column) => DecimalMark::OnlyPoint,
            true => DecimalMark::Comma,
            false => DecimalMark::Point,
        }
    }

    fn cell(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, text)| text.as_str())
    }

    /// Replaces the text of a column, also in nested records, if `other` returns a replacement.
    pub fn replace(&mut self, column: &str, other: impl Fn(&str) -> Option<String> + Copy) {
        for (_, text) in self.cells.iter_mut().filter(|(name, _)| *name == column) {
            if let Some(other) = other(text) {
                *text = other;
                self.numbers.retain(|number| *number != column);
            }
        }
        self.items.iter_mut().for_each(|item| item.replace(column, other));
    }
}

/// Maximum size of a record, in bytes.
const RECORD_MAX_BYTES: usize = 10 * 1024 * 1024;

/// Maximum number of nested records.
pub const MAX_ITEMS: usize = 5_000;

/// The problem of a record without its nested column.
pub const NO_ITEMS: &str = "must be a list with at least one item";

/// The problem of a text with invalid bytes.
const NOT_UTF_8: &str = "is not UTF-8";

/// The probable cause; of a file with other characters in UTF-8, another encoding is none.
fn encoding_hint(is_utf_8: bool) -> &'static str {
    match is_utf_8 {
        true => "the rest of the file is UTF-8: it is damaged, or two encodings are mixed in it",
        false => "use --encoding windows-1252 for files from Windows and Excel in Western Europe",
    }
}

/// The records of a file: each read, or rejected with its line.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Result<Record, Rejection>>> + 'a>;

/// Starts reading a file; `found` receives what it shows beside its records.
///
/// Errors: exit 7 for binary files, and for a header with unknown, duplicate or missing columns; exit 2
/// for contradictory flags; exit 4 for unreadable files.
pub fn records<'a>(
    source: impl Read + 'a,
    options: &'a ReadOptions,
    columns: Columns,
    found: &'a RefCell<ReadFindings>,
) -> Result<Records<'a>> {
    begin(source, options, columns, found).map(|(_, records)| records)
}

/// Inspects the start of a file and returns the notes on it.
///
/// Errors: as those of [`records`].
pub fn inspect(source: impl Read, options: &ReadOptions, columns: Columns) -> Result<Vec<String>> {
    begin(source, options, columns, &RefCell::default()).map(|(notes, _)| notes)
}

fn begin<'a>(
    source: impl Read + 'a,
    options: &'a ReadOptions,
    columns: Columns,
    found: &'a RefCell<ReadFindings>,
) -> Result<(Vec<String>, Records<'a>)> {
    let (source, has_mark) = text::decode(source, options.encoding)?;
    let mut source = BufReader::with_capacity(text::HEAD_BYTES, source);
    let head = source.fill_buf().map_err(|error| unreadable(&error))?;
    let is_empty = head.is_empty();
    found.borrow_mut().is_utf_8 |= has_mark || text::has_utf_8(head);
    found.borrow_mut().is_binary = text::is_binary(head);
    match options.format {
        FileFormat::Csv | FileFormat::Tsv if is_empty => Err(invalid(EMPTY.to_owned())),
        FileFormat::Csv | FileFormat::Tsv => csv::records(source, options, columns, found),
        _ if !options.fill_down.is_empty() => Err(Error::usage("--fill-down is for CSV")),
        _ if options.skip_lines > 0 => Err(Error::usage("--skip-lines is for CSV")),
        FileFormat::JsonLines => Ok((empty_note(is_empty), json::lines(source, options, columns, found)?)),
        FileFormat::Json if is_empty => Err(invalid(EMPTY.to_owned())),
        FileFormat::Json => Ok((Vec::new(), json::elements(source, options, columns, found)?)),
        FileFormat::MongoJson => Ok((empty_note(is_empty), json::documents(source, options, columns, found)?)),
    }
}

const EMPTY: &str = "the file is empty";

/// The note on a file of lines without any, which is valid.
fn empty_note(is_empty: bool) -> Vec<String> {
    is_empty.then(|| EMPTY.to_owned()).into_iter().collect()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn unreadable(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return invalid(error.to_string());
    }
    Error::configuration("file.unreadable", format!("the file cannot be read: {}", io_reason(error)))
}

fn refused(at: Position, column: &str, value: &str, reason: impl Into<String>) -> Rejection {
    let (column, value, reason) = (column.to_owned(), value.to_owned(), reason.into());
    Rejection { at, column, value, reason, is_further: false, key: None }
}

impl Columns {
    /// All accepted columns.
    fn all(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.importable().chain(self.ignored.iter().copied())
    }

    /// All imported columns.
    fn importable(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.known.iter().copied().chain(self.nested.map(|nested| nested.column))
    }

    /// The canonical name of a column, if known.
    fn find(&self, name: &str) -> Option<&'static str> {
        self.all().find(|known| *known == name)
    }
}

fn invalid(message: String) -> Error {
    Error::new(Kind::Invalid, "import.invalid", message)
}

fn too_long(line: u64) -> Error {
    invalid(format!("line {line}: a record has more than {RECORD_MAX_BYTES} bytes"))
}

#[cfg(test)]
mod tests;
