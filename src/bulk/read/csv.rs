//! Records of CSV.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

use super::naming::{ColumnRole, Naming, folded, joined, map_flag};
use super::scanner::{Dialect, Fields, Scanner, is_blank};
use super::text::{HEAD_BYTES, has_utf_8};
use super::{
    Columns, FileFormat, NOT_UTF_8, ReadFindings, ReadOptions, Record, Records, encoding_hint, invalid, refused,
    unreadable,
};
use crate::bulk::{Position, Rejection};
use crate::domain::spreadsheet::{is_cut_number, is_error, unmarked, unmarked_text};
use crate::domain::text::{counted, shell_word};
use crate::error::{Error, Result, printable};

/// Delimiters, most common first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The problem of a row with extra fields due to a decimal comma.
const SPLIT_AMOUNT: &str = "; quote amounts with a decimal comma (\"1,00\"), or separate the fields with ;";
/// Columns with numbers of which spreadsheets drop digits.
const LONG_NUMBERS: [&str; 6] = ["sku", "reference", "tracking", "InvoiceNo", "StockCode", "CustomerID"];
/// The problem of such a number.
const CUT_NUMBER: &str = "is what a spreadsheet leaves of a longer number; format the column as text there";
/// Number of lines searched for a header below a title.
const MAX_TITLE_LINES: u64 = 20;

/// The notes on a file.
pub type Notes = Vec<String>;

/// The records of a file, and the notes on it.
///
/// Errors: exit 7 for an unreadable header; exit 2 for contradictory flags.
pub fn records<'a>(
    mut source: impl Read + 'a,
    options: &'a ReadOptions,
    columns: Columns,
    found: &'a RefCell<ReadFindings>,
) -> Result<(Notes, Records<'a>)> {
    // Nested records exist only in JSON.
    let columns = Columns { nested: None, ..columns };
    let naming = Naming::new(options, columns)?;
    let mut head = Vec::new();
    source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
    let skipped = offset_after(&head, options.skip_lines).ok_or_else(|| {
        invalid(format!("there is no header after the first {}", counted(options.skip_lines, "line")))
    })?;
    head.drain(..skipped);
    let preamble = Preamble::detect(&head, &naming);
    let mut notes = Notes::new();
    if preamble.is_detected {
        notes.push(format!("fields are separated by {}", delimiter_name(preamble.dialect.delimiter)));
    }
    let body = Cursor::new(head[preamble.length..].to_owned()).chain(source);
    let mut scanner = Scanner::new(BufReader::with_capacity(HEAD_BYTES, body), preamble.dialect, preamble.line);
    let hint = found.borrow().encoding_hint();
    let layout = header(&mut scanner, hint)
        .and_then(|header| Layout::new(&header, &naming, preamble.dialect, &mut found.borrow_mut()));
    let mut layout = layout.map_err(|error| preamble.explain(error, &head, &naming))?;
    scanner.set_width(layout.columns.len());
    let records = std::iter::from_fn(move || {
        loop {
            match scanner.read() {
                Ok(Some(fields)) if fields.is_blank() => {}
                Ok(Some(fields)) => {
                    for (quote, line) in fields.quoted_lines {
                        found.borrow_mut().add_quoted_line(*quote, *line);
                    }
                    return Some(Ok(layout.record(&fields, options)));
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    });
    Ok((notes, Box::new(records)))
}

/// The start of a file.
struct Preamble {
    dialect: Dialect,
    /// Whether the delimiter is detected from the header.
    is_detected: bool,
    /// Bytes before the header.
    length: usize,
    /// The line of the header.
    line: u64,
}

impl Preamble {
    /// A requested delimiter has precedence over that of the file's own first line.
    fn detect(head: &[u8], naming: &Naming) -> Preamble {
        let options = naming.options;
        let line_end = Dialect::line_end(head);
        let (stated, length) = separator_line(head);
        let line = options.skip_lines + if stated.is_some() { 2 } else { 1 };
        let dialect = |delimiter| Dialect { delimiter, line_end };
        if let Some(delimiter) = options.delimiter.or(stated) {
            return Preamble { dialect: dialect(delimiter), is_detected: false, length, line };
        }
        let default_delimiter = if options.format == FileFormat::Tsv { b'\t' } else { b',' };
        let delimiter = detect_delimiter(&head[length..], default_delimiter, line_end, naming);
        Preamble { dialect: dialect(delimiter), is_detected: delimiter != default_delimiter, length, line }
    }

    /// Adds to the error of an unreadable header what the file probably is.
    fn explain(&self, error: Error, head: &[u8], naming: &Naming) -> Error {
        if head.trim_ascii_start().starts_with(b"{") || head.trim_ascii_start().starts_with(b"[") {
            return invalid("the file is JSON, not CSV".to_owned())
                .hint("--format json, or --format jsonl for JSON lines");
        }
        if let Some(lines) = self.title_lines(&head[self.length..], naming) {
            let line = self.line;
            let message = format!("line {line} does not look like a header, line {} does", line + lines);
            return invalid(message).hint(format!("--skip-lines {}", line + lines - 1));
        }
        let better = detect_delimiter(&head[self.length..], self.dialect.delimiter, self.dialect.line_end, naming);
        if better == self.dialect.delimiter {
            return self.mixed_delimiters(head, naming).unwrap_or(error);
        }
        let message = format!(
            "the fields are separated by {}, not {}",
            delimiter_name(better),
            delimiter_name(self.dialect.delimiter)
        );
        invalid(message).hint(format!("--delimiter {}", delimiter_argument(better)))
    }

    /// Adds that a name in the header contains another delimiter.
    fn mixed_delimiters(&self, head: &[u8], naming: &Naming) -> Option<Error> {
        let names = header(&mut Scanner::new(&head[self.length..], self.dialect, self.line), "").ok()?;
        let naming = naming.without_matches();
        let is_several = |name: &str, delimiter: u8| {
            let mut parts = name.split(char::from(delimiter)).map(str::trim);
            name.as_bytes().contains(&delimiter) && parts.any(|part| matches!(naming.role(part), ColumnRole::Column(_)))
        };
        let several = names
            .iter()
            .filter(|name| !matches!(naming.role(name), ColumnRole::Column(_)))
            .find_map(|name| Some((name, DELIMITERS.into_iter().find(|delimiter| is_several(name, *delimiter))?)));
        let (name, delimiter) = several?;
        let (name, other) = (printable(name), delimiter_name(delimiter));
        if names.len() == 1 && delimiter == self.dialect.delimiter {
            let message = format!("the whole header is in one pair of quotes, which makes it one column: {name}");
            return Some(invalid(message).hint("remove the quotes around the whole header and around each line"));
        }
        let own = delimiter_name(self.dialect.delimiter);
        let message = format!("the header seems to be separated by {other} in {name}, but by {own} elsewhere");
        // With either delimiter, some names contain the other: no flag helps.
        Some(invalid(message).hint("use one separator in the header and in all lines"))
    }

    /// The number of lines above a probable header; `None` if the first row is the best candidate.
    fn title_lines(&self, head: &[u8], naming: &Naming) -> Option<u64> {
        let look = |lines: u64| {
            let rest = &head[offset_after(head, lines)?..];
            // An empty line is not a header.
            let is_empty = rest.first().is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
            let line_end = self.dialect.line_end;
            let delimiter =
                naming.options.delimiter.unwrap_or(detect_delimiter(rest, self.dialect.delimiter, line_end, naming));
            Some(if is_empty { (0, 0) } else { count_columns(rest, Dialect { delimiter, line_end }, naming) })
        };
        let (known, fields) = look(0)?;
        let below = |lines: &u64| match look(*lines) {
            Some((below, _)) if below >= 2 => known == 0,
            Some((_, below)) => known == 0 && fields == 1 && below > 1,
            None => false,
        };
        (1..=MAX_TITLE_LINES).find(below)
    }
}

/// The bytes of the first lines; `None` if there are fewer.
fn offset_after(head: &[u8], lines: u64) -> Option<usize> {
    let end = if head.contains(&b'\n') { b'\n' } else { b'\r' };
    (0..lines).try_fold(0, |length, _| Some(length + head[length..].iter().position(|byte| *byte == end)? + 1))
}

/// The delimiter of Excel's first line `sep=;`, and the length of that line in bytes.
fn separator_line(head: &[u8]) -> (Option<u8>, usize) {
    let end = head.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let Some(end) = end else { return (None, 0) };
    let line = &head[..end];
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let delimiter = match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && is_delimiter(*delimiter) => {
            *delimiter
        }
        _ => return (None, 0),
    };
    let length = if head[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
    (Some(delimiter), length)
}

/// Whether a byte may be a delimiter.
pub fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r')
}

/// The delimiter of the header: the default, unless another one yields more known columns, or is the only
/// one that yields columns.
fn detect_delimiter(head: &[u8], default_delimiter: u8, line_end: u8, naming: &Naming) -> u8 {
    let found = |delimiter: u8| count_columns(head, Dialect { delimiter, line_end }, naming);
    let (usual_known, usual_fields) = found(default_delimiter);
    let others: Vec<(u8, (usize, usize))> = (DELIMITERS.into_iter())
        .filter(|delimiter| *delimiter != default_delimiter)
        .map(|delimiter| (delimiter, found(delimiter)))
        .collect();
    let most_known = others.iter().map(|(_, (known, _))| *known).max().unwrap_or(0);
    let better: Vec<u8> = (others.iter())
        .filter(|(_, (known, fields))| match usual_known.max(most_known) {
            0 => usual_fields < 2 && *fields > 1,
            most => *known == most && most > usual_known,
        })
        .map(|(delimiter, _)| *delimiter)
        .collect();
    if let [only] = better[..] { only } else { default_delimiter }
}

/// The number of known and of named columns in the first row.
fn count_columns(head: &[u8], dialect: Dialect, naming: &Naming) -> (usize, usize) {
    let mut scanner = Scanner::new(head, dialect, 1);
    let names = header(&mut scanner, "").unwrap_or_default();
    // Trial parses do not count as found columns.
    let naming = naming.without_matches();
    let known = names.iter().filter(|name| matches!(naming.role(name), ColumnRole::Column(_))).count();
    (known, names.iter().filter(|name| !name.is_empty()).count())
}

/// The name of a delimiter.
fn delimiter_name(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tabs".to_owned(),
        byte => printable(&char::from(byte).to_string()),
    }
}

/// A delimiter as `--delimiter` takes it.
fn delimiter_argument(delimiter: u8) -> String {
    if delimiter == b'\t' { "tab".to_owned() } else { shell_word(&char::from(delimiter).to_string()) }
}

/// The first row that is not empty; `hint` says why it may not be UTF-8.
fn header<R: BufRead>(scanner: &mut Scanner<R>, hint: &'static str) -> Result<Vec<String>> {
    loop {
        let Some(fields) = scanner.read()? else { return Err(invalid("the file has no header".to_owned())) };
        if fields.is_blank() {
            continue;
        }
        let name = |field| match std::str::from_utf8(field) {
            Ok(name) => Ok(name.trim().to_owned()),
            Err(_) => Err(invalid(format!("line {}: the header {NOT_UTF_8}", fields.line)).hint(hint)),
        };
        return fields.iter().map(name).collect();
    }
}

/// The columns of a file in their order.
struct Layout {
    dialect: Dialect,
    /// The meaning of each; `None` for one without a name, as spreadsheets write them, which must be empty.
    columns: Vec<Option<ColumnRole>>,
    /// Their names in the file.
    names: Vec<Arc<str>>,
    /// The column of the natural key, if rows have one.
    key: Option<&'static str>,
    /// Columns of free text.
    texts: &'static [&'static str],
    /// Columns of money.
    amounts: &'static [&'static str],
    /// Whether the file has other characters in UTF-8.
    is_utf_8: bool,
    /// Minimum number of fields in a record.
    needed: usize,
    /// Fills empty cells of some columns with the value above.
    above: BTreeMap<usize, String>,
}

impl Layout {
    fn new(header: &[String], naming: &Naming, dialect: Dialect, findings: &mut ReadFindings) -> Result<Layout> {
        let mut found: Vec<(&'static str, &str)> = Vec::new();
        let (mut columns, mut unknown, mut ignored, mut duplicate) = (Vec::new(), Vec::new(), Vec::new(), Ok(()));
        for theirs in header {
            let has_role = !theirs.is_empty() || naming.options.only_mapped;
            let role = has_role.then(|| naming.role(theirs));
            match role {
                Some(ColumnRole::Column(name)) => {
                    if let Some((_, other)) = found.iter().find(|(known, _)| *known == name) {
                        duplicate = duplicate.and(Err(naming.duplicate_column(name, other, theirs)));
                    }
                    found.push((name, theirs.as_str()));
                }
                Some(ColumnRole::Ignored) => ignored.push(theirs.as_str()),
                Some(ColumnRole::Unknown) => unknown.push(theirs.as_str()),
                Some(ColumnRole::Currency) | None => {}
            }
            columns.push(role);
        }
        let names: Vec<&str> = header.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        naming.check_flags(&names)?;
        duplicate?;
        let found: Vec<&'static str> = found.into_iter().map(|(name, _)| name).collect();
        if !unknown.is_empty() {
            return Err(naming.unknown_columns(&unknown, &found));
        }
        let missing: Vec<_> = naming.columns.required.iter().copied().filter(|name| !found.contains(name)).collect();
        if !missing.is_empty() {
            return Err(naming.missing_columns(&missing, &ignored, &found));
        }
        let left_out: Vec<&str> = ignored.iter().copied().filter(|name| naming.is_left_out(name)).collect();
        naming.check_left_out(&left_out, &found)?;
        left_out.iter().for_each(|name| findings.add_left_out(name));
        let needed = columns.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let above = fill_down_columns(header, &columns, naming)?;
        let names = header.iter().map(|name| Arc::from(name.as_str())).collect();
        let Columns { required, texts, amounts, .. } = naming.columns;
        let key = required.first().copied();
        Ok(Layout { dialect, columns, names, key, texts, amounts, is_utf_8: findings.is_utf_8, needed, above })
    }

    /// Whether the comma of an amount such as `1,00` separates two fields.
    fn splits_amount(&self, fields: &Fields) -> bool {
        let fields: Vec<&[u8]> = fields.iter().map(<[u8]>::trim_ascii).collect();
        let is_split = |(column, pair): (&Option<ColumnRole>, &[&[u8]])| match (column, pair) {
            (Some(ColumnRole::Column(name)), [whole, cents]) => {
                self.amounts.contains(name)
                    && whole.last().is_some_and(u8::is_ascii_digit)
                    && cents.len() == 2
                    && cents.iter().all(u8::is_ascii_digit)
            }
            _ => false,
        };
        self.dialect.delimiter == b','
            && fields.len() > self.columns.len()
            && self.columns.iter().zip(fields.windows(2)).any(is_split)
    }

    fn record(&mut self, fields: &Fields, options: &ReadOptions) -> Result<Record, Rejection> {
        self.readable(fields, options).map_err(|wrong| Rejection { key: self.key(fields), ..wrong })
    }

    /// The key of a record in which something else is wrong. Behind an amount it may be in another field.
    fn key(&self, fields: &Fields) -> Option<String> {
        let is_in = |column: &Option<ColumnRole>, names: &[&str]| match column {
            Some(ColumnRole::Column(name)) => names.contains(name),
            _ => false,
        };
        let before_amounts = self.columns.iter().take_while(|column| !is_in(column, self.amounts));
        let mut cells = before_amounts.zip(fields.iter());
        let (_, field) = cells.find(|(column, _)| is_in(column, self.key.as_slice()))?;
        let text = unmarked(std::str::from_utf8(field).ok()?);
        (!is_blank(field)).then(|| text.into_owned())
    }

    fn readable(&mut self, fields: &Fields, options: &ReadOptions) -> Result<Record, Rejection> {
        let at = Position::at_line(fields.line);
        let surplus = fields.iter().skip(self.columns.len()).any(|field| !is_blank(field));
        if fields.len() < self.needed || surplus {
            let why = if self.splits_amount(fields) { SPLIT_AMOUNT } else { "" };
            let reason = format!("has {}, the header has {}{why}", counted(fields.len(), "field"), self.columns.len());
            return Err(refused(at, "", "", reason));
        }
        let mut record = Record::new(at, options);
        record.cells.reserve(self.columns.len());
        for (position, (column, field)) in self.columns.iter().zip(fields.iter()).enumerate() {
            match column {
                Some(ColumnRole::Ignored | ColumnRole::Unknown) => {}
                Some(ColumnRole::Currency) | None if is_blank(field) => {}
                Some(ColumnRole::Currency) => {
                    let currency = String::from_utf8_lossy(field).into_owned();
                    record.currencies.push((Arc::clone(&self.names[position]), currency));
                }
                None => {
                    let reason = format!("column {} has no name in the header", position + 1);
                    return Err(refused(at, "", &String::from_utf8_lossy(field), reason));
                }
                Some(ColumnRole::Column(name)) if is_blank(field) => {
                    let above = self.above.get(&position).filter(|above| !above.is_empty());
                    let own = || String::from_utf8_lossy(field).into_owned();
                    record.cells.push((*name, above.cloned().unwrap_or_else(own)));
                }
                Some(ColumnRole::Column(name)) => match std::str::from_utf8(field) {
                    Ok(text) => {
                        self.is_utf_8 |= !text.is_ascii();
                        if is_error(text) {
                            return Err(refused(at, name, text.trim(), "is an error of a spreadsheet, not a value"));
                        }
                        if LONG_NUMBERS.contains(name) && is_cut_number(text) {
                            return Err(refused(at, name, text.trim(), CUT_NUMBER));
                        }
                        let own = if self.texts.contains(name) { unmarked_text(text) } else { unmarked(text) };
                        record.is_unguarded |= own.len() < text.len();
                        if let Some(above) = self.above.get_mut(&position) {
                            own.as_ref().clone_into(above);
                        }
                        record.cells.push((*name, own.into_owned()));
                    }
                    Err(_) => {
                        return Err(refused(
                            at,
                            name,
                            "",
                            format!("{NOT_UTF_8} ({})", encoding_hint(self.is_utf_8 || has_utf_8(field))),
                        ));
                    }
                },
            }
        }
        Ok(record)
    }
}

/// The positions of the filled columns, initially without a value.
///
/// Errors: exit 7 for a column that is missing or ignored.
fn fill_down_columns(
    header: &[String],
    columns: &[Option<ColumnRole>],
    naming: &Naming,
) -> Result<BTreeMap<usize, String>> {
    let mut above = BTreeMap::new();
    for wanted in &naming.options.fill_down {
        let same = header.iter().position(|name| name == wanted);
        let alike = || header.iter().position(|name| folded(name) == folded(wanted));
        let Some(position) = same.or_else(alike) else {
            let names: Vec<&str> = header.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            let message = format!("--fill-down: the file has no column {}", printable(wanted));
            return Err(invalid(format!("{message}; its columns are {}", joined(&names))));
        };
        if !matches!(columns[position], Some(ColumnRole::Column(_))) {
            let message = format!("--fill-down: the column {} is ignored", printable(wanted));
            return Err(invalid(message).hint(map_flag(wanted, "OURS")));
        }
        above.insert(position, String::new());
    }
    Ok(above)
}
