//! Records of JSON and of JSON lines.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::BufRead;

use serde_json::value::RawValue;

use super::elements::Elements;
use super::extended::{self, Typed};
use super::json_lines::JsonLines;
use super::members::{self, Members, not_json};
use super::naming::{ColumnRole, Naming, ignore_flag};
use super::text::has_utf_8;
use super::{
    Columns, FileFormat, MAX_ITEMS, NO_ITEMS, NOT_UTF_8, ReadFindings, ReadOptions, Record, Records, encoding_hint,
    invalid, is_blank, refused, unreadable,
};
use crate::bulk::{Position, Rejection};
use crate::error::{Error, Result};

/// Maximum number of listed unknown names.
const MAX_UNKNOWN: usize = 50;
/// Maximum nesting depth of objects.
const MAX_LEVELS: usize = 8;
/// The name of the id in a document of MongoDB.
const DOCUMENT_ID: &str = "_id";

/// How the records of a file are told apart.
enum Source<R: BufRead> {
    Lines(JsonLines<R>),
    Elements(Elements<R>),
}

impl<R: BufRead> Source<R> {
    /// The next record with its position. `is_column` decides whether a member around a list belongs to a record.
    fn read(&mut self, is_column: impl Fn(&str) -> bool) -> Result<Option<(Position, &[u8])>> {
        match self {
            Source::Lines(lines) => Ok(lines.record()?.map(|(line, bytes)| (Position::at_line(line), bytes))),
            Source::Elements(elements) => elements.read(is_column),
        }
    }
}

/// Records, one per line or printed over several.
pub fn lines<'a>(
    source: impl BufRead + 'a,
    options: &'a ReadOptions,
    columns: Columns,
    findings: &'a RefCell<ReadFindings>,
) -> Result<Records<'a>> {
    Ok(records(Source::Lines(JsonLines::new(source)), RecordReader::new(options, columns, findings)?))
}

/// The elements of a list: `[…]`, or `{"items": […]}` as exports write it.
pub fn elements<'a>(
    source: impl BufRead + 'a,
    options: &'a ReadOptions,
    columns: Columns,
    findings: &'a RefCell<ReadFindings>,
) -> Result<Records<'a>> {
    Ok(records(Source::Elements(Elements::new(source)), RecordReader::new(options, columns, findings)?))
}

fn records<'a>(mut source: Source<impl BufRead + 'a>, mut reader: RecordReader<'a>) -> Records<'a> {
    Box::new(std::iter::from_fn(move || {
        loop {
            match source.read(|name| matches!(reader.naming.role(name), ColumnRole::Column(_))) {
                Err(error) => return Some(Err(error)),
                Ok(None) => return reader.finish().map(Err),
                Ok(Some((at, bytes))) => {
                    if let Some(read) = reader.next(bytes, at) {
                        return Some(read);
                    }
                }
            }
        }
    }))
}

/// The documents of MongoDB's `mongoexport`: one per line or, with `--pretty`, over
/// several, or with `--jsonArray` a list.
pub fn documents<'a>(
    mut source: impl BufRead + 'a,
    options: &'a ReadOptions,
    columns: Columns,
    findings: &'a RefCell<ReadFindings>,
) -> Result<Records<'a>> {
    let head = source.fill_buf().map_err(|error| unreadable(&error))?;
    match head.trim_ascii_start().starts_with(b"[") {
        true => elements(source, options, columns, findings),
        false => lines(source, options, columns, findings),
    }
}

/// A record, or why it is rejected.
type ReadRecord = Result<Result<Record, Rejection>>;

/// What a text is that is not JSON from this line on. The records after a line are not affected; the end of an element of
/// a list is unknown.
fn wrong_record(at: Position, line: u64, reason: String) -> ReadRecord {
    match at.record {
        None => Ok(Err(refused(at, "", "", reason))),
        Some(record) => Err(invalid(format!("line {line}: the file {reason} (record {record})"))),
    }
}

struct RecordReader<'a> {
    naming: Naming<'a>,
    /// Unknown names; after the first, records are only read to find more.
    unknown: Vec<String>,
    found: Vec<&'static str>,
    findings: &'a RefCell<ReadFindings>,
    /// Names that are left out, but not by their name, and may be a field.
    unasked: Vec<String>,
    is_finished: bool,
}

/// A record being read.
struct OpenRecord {
    record: Record,
    /// Its path in the file: `items.` within the items of an order.
    inside: String,
}

/// How an object within a record is read.
#[derive(Clone, Copy)]
struct ObjectContext {
    level: usize,
    /// Only mapped members and their currency are read.
    skips_unmapped: bool,
    /// Ignored by the command line, including its currency.
    is_ignored: bool,
}

impl<'a> RecordReader<'a> {
    fn new(
        options: &'a ReadOptions,
        columns: Columns,
        findings: &'a RefCell<ReadFindings>,
    ) -> Result<RecordReader<'a>> {
        let naming = Naming::new(options, columns)?;
        let (unknown, found, unasked) = (Vec::new(), Vec::new(), Vec::new());
        Ok(RecordReader { naming, unknown, found, findings, unasked, is_finished: false })
    }

    /// Problems of the whole file, reported once.
    fn finish(&mut self) -> Option<Error> {
        if std::mem::replace(&mut self.is_finished, true) {
            return None;
        }
        let unknown: Vec<&str> = self.unknown.iter().map(String::as_str).collect();
        if !unknown.is_empty() {
            return Some(self.naming.unknown_columns(&unknown, &self.found));
        }
        let unasked: Vec<&str> = self.unasked.iter().map(String::as_str).collect();
        let flags = match self.naming.seen_names() {
            seen if seen.is_empty() => None,
            seen => self.naming.check_flags(&seen.iter().map(String::as_str).collect::<Vec<_>>()).err(),
        };
        flags.or_else(|| self.naming.check_left_out(&unasked, &self.found).err())
    }

    /// Reads a record; `None` for a valid one after an unknown name.
    fn next(&mut self, bytes: &[u8], at: Position) -> Option<ReadRecord> {
        let text = String::from_utf8_lossy(bytes);
        let value: &RawValue = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                let line = at.line + error.line().saturating_sub(1) as u64;
                return Some(wrong_record(at, line, not_json(&text, &error)));
            }
        };
        // Invalid bytes within texts do not affect record boundaries.
        if matches!(text, Cow::Owned(_)) {
            let hint = encoding_hint(self.findings.borrow().is_utf_8 || has_utf_8(bytes));
            return Some(Ok(Err(refused(at, "", "", format!("{NOT_UTF_8} ({hint})")))));
        }
        let read = self.object(value, at, String::new());
        (read.is_err() || self.unknown.is_empty()).then_some(Ok(read))
    }

    fn object(&mut self, value: &RawValue, at: Position, inside: String) -> Result<Record, Rejection> {
        if !value.get().starts_with('{') {
            return Err(refused(at, "", "", "is not an object"));
        }
        let mut open = OpenRecord { record: Record::new(at, self.naming.options), inside };
        self.members(value, &mut open, "", ObjectContext { level: 0, skips_unmapped: false, is_ignored: false })?;
        self.check_nesting(&open.record)?;
        Ok(open.record)
    }

    /// Errors: for a value beside the nested records that they have themselves.
    fn check_nesting(&self, record: &Record) -> Result<(), Rejection> {
        let Some(nested) = self.naming.columns.nested.filter(|_| !record.items.is_empty()) else { return Ok(()) };
        let beside = nested.own.iter().find_map(|column| Some((column, record.get(column)?)));
        beside.map_or(Ok(()), |(column, text)| {
            let reason = format!("is beside the list of {}, which has it too", nested.column);
            Err(refused(record.at, column, text, reason))
        })
    }

    /// Reads the members of an object; `path` is its path in the record.
    fn members(
        &mut self,
        value: &RawValue,
        open: &mut OpenRecord,
        path: &str,
        inside: ObjectContext,
    ) -> Result<(), Rejection> {
        let members = Members::parse(value).map_err(|reason| refused(open.record.at, "", "", reason))?;
        for (name, value) in members {
            let name = format!("{path}{name}");
            let whole = format!("{}{name}", open.inside);
            let requested = if open.inside.is_empty() { None } else { self.naming.requested_role(&whole) };
            let role = requested.unwrap_or_else(|| self.naming.role(&name));
            let typed = if self.is_extended() { Typed::read(value) } else { None };
            let is_object = value.get().starts_with('{') && inside.level < MAX_LEVELS && typed.is_none();
            let skips_unmapped = inside.skips_unmapped || role == ColumnRole::Ignored;
            let is_named = || requested.is_some() || self.naming.requested_role(&name) == Some(ColumnRole::Ignored);
            let is_ignored = inside.is_ignored || is_object && role == ColumnRole::Ignored && is_named();
            let deeper = ObjectContext { level: inside.level + 1, skips_unmapped, is_ignored };
            let is_list = matches!(role, ColumnRole::Column(column) if self.is_nested(column));
            let paths = match is_list || typed.is_some() {
                true => Vec::new(),
                false => self.mapped_paths_into(value, open, &name),
            };
            if whole == DOCUMENT_ID
                && self.is_extended()
                && self.naming.requested_role(&whole) != Some(ColumnRole::Ignored)
            {
                let refuse = |reason| refused(open.record.at, DOCUMENT_ID, value.get(), reason);
                open.record.id = extended::row_id(value).map_err(refuse)?;
            }
            match role {
                _ if !paths.is_empty() && value.get() == "null" => {
                    for (position, column) in paths {
                        self.naming.mark_found(position);
                        self.cell(column, value, None, open, &name)?;
                    }
                }
                _ if !paths.is_empty() && inside.level < MAX_LEVELS => {
                    self.members(value, open, &format!("{name}."), deeper)?;
                }
                ColumnRole::Column(column) if self.is_nested(column) && !open.inside.is_empty() => {
                    self.note_unknown(whole);
                }
                ColumnRole::Ignored | ColumnRole::Unknown if is_object && !is_ignored => {
                    self.members(value, open, &format!("{name}."), deeper)?;
                }
                ColumnRole::Ignored if !self.naming.is_left_out(&name) => {}
                ColumnRole::Ignored => self.note_left_out(whole, value, inside.is_ignored || is_named()),
                ColumnRole::Currency if inside.is_ignored || value.get() == "null" => {}
                ColumnRole::Currency => {
                    let text = serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned());
                    if !is_blank(&text) {
                        open.record.currencies.push((whole.into(), text));
                    }
                }
                ColumnRole::Unknown if inside.skips_unmapped => self.note_left_out(whole, value, inside.is_ignored),
                ColumnRole::Column(column) => self.cell(column, value, typed, open, &name)?,
                ColumnRole::Unknown => self.note_unknown(whole),
            }
        }
        Ok(())
    }

    /// The mapped paths into a member: it is read regardless of its own meaning, and null means that all of
    /// them are empty.
    fn mapped_paths_into(&self, value: &RawValue, open: &OpenRecord, name: &str) -> Vec<(usize, &'static str)> {
        if self.naming.options.map.is_empty() || !(value.get().starts_with('{') || value.get() == "null") {
            return Vec::new();
        }
        let mut paths: Vec<_> = self.naming.mapped_paths(name).collect();
        if !open.inside.is_empty() {
            paths.extend(self.naming.mapped_paths(&format!("{}{name}", open.inside)));
        }
        paths
    }

    fn note_unknown(&mut self, name: String) {
        if self.unknown.len() < MAX_UNKNOWN && !self.unknown.contains(&name) {
            self.unknown.push(name);
        }
    }

    /// Notes a member that is left out: by its name, or else perhaps unasked, if it has a value that a column could have.
    fn note_left_out(&mut self, name: String, value: &RawValue, is_by_name: bool) {
        self.findings.borrow_mut().add_left_out(&name);
        let has_value = !matches!(value.get(), "null" | "\"\"") && !value.get().starts_with('[');
        if has_value && !is_by_name && self.unasked.len() < MAX_UNKNOWN && !self.unasked.contains(&name) {
            self.unasked.push(name);
        }
    }

    fn is_extended(&self) -> bool {
        self.naming.options.format == FileFormat::MongoJson
    }

    fn is_nested(&self, column: &str) -> bool {
        self.naming.columns.nested.is_some_and(|nested| nested.column == column)
    }

    fn cell(
        &mut self,
        column: &'static str,
        value: &RawValue,
        typed: Option<Result<Typed, String>>,
        open: &mut OpenRecord,
        name: &str,
    ) -> Result<(), Rejection> {
        let text = value.get();
        let is_nested = self.is_nested(column);
        if open.record.cells.iter().any(|(other, _)| *other == column) {
            return Err(refused(open.record.at, column, "", "appears twice"));
        }
        if !self.found.contains(&column) {
            self.found.push(column);
        }
        let typed = typed.transpose().map_err(|reason| refused(open.record.at, column, text, reason))?;
        let text = match text.as_bytes()[0] {
            b'n' => String::new(),
            b'[' if is_nested => {
                open.record.items = self.items(value, open.record.at, name)?;
                String::new()
            }
            b'{' if is_nested => return Err(refused(open.record.at, column, "", NO_ITEMS)),
            b'[' | b'{' => match typed {
                Some(typed) => {
                    if matches!(typed, Typed::Number(_)) {
                        open.record.numbers.push(column);
                    }
                    typed.text()
                }
                None => return Err(refused(open.record.at, column, "", no_value(value))),
            },
            b'"' => match serde_json::from_str::<String>(text) {
                Ok(text) => text,
                Err(_) => return Err(refused(open.record.at, column, "", "has an invalid escape sequence")),
            },
            b't' | b'f' => return Err(refused(open.record.at, column, text, NO_VALUE)),
            // Numbers keep their digits: none is rounded.
            _ => {
                open.record.numbers.push(column);
                text.to_owned()
            }
        };
        if is_nested && !is_blank(&text) {
            return Err(refused(open.record.at, column, &text, NO_ITEMS));
        }
        let is_of_outside = self.naming.columns.nested.is_some_and(|nested| !nested.own.contains(&column));
        if !open.inside.is_empty() && is_of_outside && !is_blank(&text) {
            let ignore = ignore_flag(&[&format!("{}{name}", open.inside)]).unwrap_or_default();
            let reason = format!("is within the items, but belongs beside them ({ignore} leaves it out)");
            return Err(refused(open.record.at, column, &text, reason));
        }
        open.record.cells.push((column, text));
        Ok(())
    }

    fn items(&mut self, value: &RawValue, at: Position, name: &str) -> Result<Vec<Record>, Rejection> {
        let list: members::BoundedList<'_, MAX_ITEMS> =
            serde_json::from_str(value.get()).map_err(|error| refused(at, name, "", not_json(value.get(), &error)))?;
        if list.is_too_long {
            return Err(refused(at, name, "", format!("has more than {MAX_ITEMS} elements")));
        }
        let inside = format!("{name}.");
        list.elements.into_iter().map(|item| self.object(item, at, inside.clone())).collect()
    }
}

/// Why a boolean, an object or a list is no value of a column.
const NO_VALUE: &str = "is not a text or number";

/// Why an object or a list is no value of a column.
fn no_value(value: &RawValue) -> &'static str {
    match Typed::read(value) {
        Some(_) => "is a value of MongoDB, which --format mongo-json reads",
        None => NO_VALUE,
    }
}
