//! One pass over a file: records become rows, grouped lines one row, and duplicates are rejected.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::currency;
use super::file_findings::FileFindings;
use super::options::Import;
use super::position::Position;
use super::read::{Record, records};
use super::rejection::Rejection;
use super::row::Row;
use super::spelling::KeySpellings;
use crate::domain::currency::NO_CURRENCY;
use crate::error::{Error, Result};

/// Number of portions to read ahead.
const CHUNKS_AHEAD: usize = 1;
/// Maximum number of keys remembered to find duplicates: beyond, the first row is found in the shop.
const MAX_REMEMBERED_KEYS: usize = 5_000_000;
/// Maximum number of reported problems per row.
const MAX_PROBLEMS_PER_ROW: usize = 100;
/// Why a valid line is not imported.
pub const OTHER_LINE_INVALID: &str = "another line of this order is wrong";

/// A part of a file.
pub struct Chunk<R> {
    /// Valid rows with their positions.
    pub rows: Vec<(Position, R)>,
    /// All problems of each other row.
    pub rejected: Vec<Vec<Rejection>>,
    pub findings: FileFindings,
    /// The positions of the parts of scattered orders.
    pub scattered: Vec<(Position, Position)>,
    /// Rows with a duplicate key, each with the position of the first.
    pub repeated: HashMap<Position, Position>,
    lines: usize,
}

/// Reads a file in a separate thread, a portion ahead of the consumer.
///
/// The last item may be an error: exit 7 for a header with unknown, duplicate or missing columns; exit 4
/// for unreadable files.
pub fn read_chunks<R: Row>(source: impl Read + Send + 'static, import: &Import) -> mpsc::Receiver<Result<Chunk<R>>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let import = import.clone();
    std::thread::spawn(move || {
        // If the consumer is gone, it has reported its own error.
        if let Err(error) = read(source, &import, |chunk| sender.blocking_send(Ok(chunk)).is_ok()) {
            drop(sender.blocking_send(Err(error)));
        }
    });
    receiver
}

/// Reads until the end of the file, or until the consumer is gone.
fn read<R: Row>(source: impl Read, import: &Import, mut send: impl FnMut(Chunk<R>) -> bool) -> Result<()> {
    let mut reader =
        RowReader { import, seen: HashMap::new(), ids: HashMap::new(), open: None, unreadable: None, accounted: 0 };
    let (mut chunk, mut read) = (Chunk::default(), 0);
    let found = RefCell::default();
    for record in records(source, &import.read, R::COLUMNS, &found)? {
        reader.add(record?, &mut chunk);
        read += 1;
        if chunk.lines.max(chunk.rejected.len()) >= import.batch_lines && !send(std::mem::take(&mut chunk)) {
            return Ok(());
        }
    }
    reader.close_row(&mut chunk);
    if reader.accounted != read {
        let message =
            format!("{read} records were read but {} are part of a row: please report this", reader.accounted);
        return Err(Error::internal(message));
    }
    chunk.findings.read = Some(found.into_inner());
    send(chunk);
    Ok(())
}

impl<R> Chunk<R> {
    /// The number of rows, valid and invalid.
    pub fn count(&self) -> u64 {
        (self.rows.len() + self.rejected.len()) as u64
    }

    /// The position of the last row, valid or not.
    pub fn last(&self) -> Position {
        let rejected = self.rejected.iter().filter_map(|row| row.first()).map(|rejection| rejection.at);
        self.rows.iter().map(|(at, _)| *at).chain(rejected).max().unwrap_or_default()
    }

    /// Removes the rows at these positions; returns their number.
    pub fn remove(&mut self, positions: &HashSet<Position>) -> u64 {
        let before = self.count();
        self.rows.retain(|(at, _)| !positions.contains(at));
        self.rejected.retain(|row| row.first().is_none_or(|rejection| !positions.contains(&rejection.at)));
        before - self.count()
    }
}

impl<R> Default for Chunk<R> {
    fn default() -> Self {
        let (rows, rejected, findings) = (Vec::new(), Vec::new(), FileFindings::default());
        Chunk { rows, rejected, findings, scattered: Vec::new(), repeated: HashMap::new(), lines: 0 }
    }
}

/// The problem of a row whose key another valid row has.
pub fn duplicate<R: Row>(at: Position, key: &str, first: Position) -> Rejection {
    Rejection::for_row(at, key, format!("the same {} is already in the file, in {first}", R::NOUN))
}

/// The problem of a record that names a currency which is none.
fn unknown_currency<R: Row>(record: &Record) -> Option<Rejection> {
    let (column, text) = currency::find_unknown(record, R::COLUMNS.amounts)?;
    let (column, value) = (column.to_owned(), text.trim().to_owned());
    Some(Rejection { column, value, ..Rejection::for_row(record.at, text, NO_CURRENCY.to_owned()) })
}

/// Whether a record is one line of a row, which consecutive records with the same key form: each of CSV, and in JSON
/// those without nested records.
fn is_line<R: Row>(record: &Record) -> bool {
    let has_columns = || R::COLUMNS.required.iter().all(|column| record.has(column));
    let is_nested = R::COLUMNS.nested.is_some_and(|nested| record.has(nested.column) && !has_columns());
    R::IS_GROUPED && record.items.is_empty() && !is_nested
}

/// The state of a pass.
struct RowReader<'a, R> {
    import: &'a Import,
    /// Hashes of the first keys with their positions, to detect duplicates.
    seen: HashMap<u64, Position>,
    /// The ids of documents, as those of the keys.
    ids: HashMap<Uuid, Position>,
    open: Option<OpenRow<R>>,
    /// The last unreadable record without a key: it may belong to the previous or the next order.
    unreadable: Option<Position>,
    /// Records that became part of a row or were rejected: in the end, all.
    accounted: u64,
}

/// The open row, which the next line may continue.
struct OpenRow<R> {
    /// The key as it is written; empty if that is unknown.
    key: String,
    lines: Vec<Position>,
    /// The number of its records, including unreadable ones.
    records: u64,
    /// `None` as long as none of its records can be read.
    row: Option<R>,
    wrong: Vec<Rejection>,
    /// Whether the next record may continue it.
    is_line: bool,
}

impl<R: Row> OpenRow<R> {
    fn position(&self) -> Position {
        self.lines.first().copied().unwrap_or_default()
    }

    fn join(&mut self, at: Position, next: R) {
        self.lines.push(at);
        self.records += 1;
        match &mut self.row {
            None => self.row = Some(next),
            Some(row) => {
                if let Err(reason) = row.join(next) {
                    self.add_problem(Rejection::for_row(at, &self.key, reason));
                }
            }
        }
    }

    /// Whether the next line, with this key or an unknown one, may be of this row. A line that cannot be read may have
    /// any key, but two of them need not have the same.
    fn is_continued_by(&self, key: Option<&str>, keys: &KeySpellings) -> bool {
        let is_unknown = self.row.is_none() && self.key.is_empty();
        // Blanks around a key are removed, unless another program stored one with them.
        let is_same = |key: &str| {
            self.key == key || self.key.trim() == key.trim() && R::identity(&self.key, keys) == R::identity(key, keys)
        };
        self.is_line && key.map_or(!is_unknown, |key| is_unknown || is_same(key))
    }

    /// Adds a line that cannot be read.
    fn add_unreadable(&mut self, wrong: Rejection) {
        self.records += 1;
        if let (None, Some(last), true) = (&wrong.key, self.lines.last(), self.row.is_some()) {
            let reason = format!("{} after it cannot be read and may belong to it", wrong.at);
            self.add_problem(Rejection::for_row(*last, &self.key, reason));
        }
        if self.key.is_empty() {
            self.key = wrong.key.clone().unwrap_or_default();
        }
        self.add_problem(wrong);
    }

    fn add_problem(&mut self, wrong: Rejection) {
        if self.wrong.len() < MAX_PROBLEMS_PER_ROW {
            self.wrong.push(wrong);
        }
    }

    /// All problems, with a note on each other line, since none of them is imported.
    fn into_rejections(mut self, import: &Import) -> Vec<Rejection> {
        let problems = self.row.as_ref().map(|row| row.problems(self.position(), import)).unwrap_or_default();
        self.wrong.extend(problems.into_iter().take(MAX_PROBLEMS_PER_ROW));
        self.wrong.sort_by_key(|wrong| wrong.at);
        let reported: HashSet<Position> = self.wrong.iter().map(|wrong| wrong.at).collect();
        let others = self.lines.iter().filter(|at| !reported.contains(at));
        self.wrong.extend(others.map(|at| Rejection::for_row(*at, &self.key, OTHER_LINE_INVALID)));
        self.wrong
    }
}

impl<R: Row> RowReader<'_, R> {
    /// Adds the next record; a row completed by it goes to the portion.
    fn add(&mut self, record: Result<Record, Rejection>, chunk: &mut Chunk<R>) {
        let mut record = match record {
            Ok(record) => record,
            Err(rejection) => return self.add_unreadable(rejection, chunk),
        };
        R::clean(&mut record);
        self.import.interpretation.map_values(&mut record);
        chunk.findings.add_record::<R>(&record, self.import);
        let (key, is_line) = (record.written(R::KEY), is_line::<R>(&record));
        let row = R::parse(&record, self.import);
        let unreadable = self.unreadable.take().filter(|_| is_line);
        let other = unknown_currency::<R>(&record).into_iter().chain(self.other_currency(&record));
        let other = other.chain(self.repeated_id(&record, key)).collect::<Vec<_>>();
        let open = self.open.as_mut().filter(|open| is_line && open.is_continued_by(Some(key), &self.import.keys));
        let torn = unreadable.map(|before| {
            let reason = format!("{before} before it cannot be read and may belong to it");
            Rejection::for_row(record.at, key, reason)
        });
        if let Some(open) = open {
            let was_unknown = open.key.trim() != key.trim();
            if was_unknown {
                key.clone_into(&mut open.key);
            }
            open.join(record.at, row);
            return torn.filter(|_| was_unknown).into_iter().chain(other).for_each(|wrong| open.add_problem(wrong));
        }
        self.close_row(chunk);
        let (key, lines) = (key.to_owned(), vec![record.at]);
        let mut open = OpenRow { key, lines, records: 1, row: Some(row), wrong: Vec::new(), is_line };
        torn.into_iter().chain(other).for_each(|wrong| open.add_problem(wrong));
        self.open = Some(open);
    }

    /// Adds a record that cannot be read. With its key it belongs to that order; without it, to the one before or after.
    fn add_unreadable(&mut self, rejection: Rejection, chunk: &mut Chunk<R>) {
        if !R::IS_GROUPED {
            self.accounted += 1;
            let is_new = rejection.at > self.import.resume.done;
            return chunk.rejected.extend(is_new.then(|| vec![rejection]));
        }
        self.unreadable = Some(rejection.at).filter(|_| rejection.key.is_none());
        if let Some(open) =
            self.open.as_mut().filter(|open| open.is_continued_by(rejection.key.as_deref(), &self.import.keys))
        {
            return open.add_unreadable(rejection);
        }
        self.close_row(chunk);
        let (key, lines) = (rejection.key.clone().unwrap_or_default(), vec![rejection.at]);
        let wrong = vec![rejection];
        self.open = Some(OpenRow { key, lines, records: 1, row: None, wrong, is_line: true });
    }

    /// The problems of a record in a currency other than the selected one.
    fn other_currency(&self, record: &Record) -> Option<Rejection> {
        let selected = self.import.interpretation.currency.as_deref()?;
        let other = currency::find_other(record, R::COLUMNS.amounts, selected)?;
        let reason = format!("is not in {selected}, as --currency requires");
        Some(Rejection::for_row(record.at, other.trim(), reason))
    }

    /// The problem of a document with the id of an earlier one.
    fn repeated_id(&mut self, record: &Record, key: &str) -> Option<Rejection> {
        let id = record.id?;
        if let Some(first) = self.ids.get(&id) {
            return Some(Rejection::for_row(record.at, key, format!("has the _id of {first}")));
        }
        if self.ids.len() < MAX_REMEMBERED_KEYS {
            self.ids.insert(id, record.at);
        }
        None
    }

    /// Closes the open row, whose lines are complete.
    fn close_row(&mut self, chunk: &mut Chunk<R>) {
        let Some(mut open) = self.open.take() else { return };
        self.accounted += open.records;
        let begin = open.position();
        let first = self.first_position(&open.key, begin);
        match first {
            Some(first) if open.is_line => {
                chunk.scattered.extend([(first, begin), (begin, first)]);
                self.add_scattered(&mut open, first);
            }
            Some(first) => drop(chunk.repeated.insert(begin, first)),
            None => {
                if let Some(other) = self.import.scattered.get(&begin) {
                    self.add_scattered(&mut open, *other);
                }
            }
        }
        if !open.wrong.is_empty() {
            if begin > self.import.resume.done {
                chunk.rejected.push(open.into_rejections(self.import));
            }
        } else if begin > self.import.resume.done {
            chunk.lines += open.row.as_ref().map_or(0, R::lines);
            chunk.rows.extend(open.row.map(|row| (begin, row)));
        }
    }

    fn add_scattered(&self, open: &mut OpenRow<R>, other: Position) {
        let begin = open.position();
        let when = if other < begin { "is already in the file" } else { "comes again" };
        let reason = format!(
            "the same order {when}, in {other}: keep its lines together, with the same spelling of the reference"
        );
        open.add_problem(Rejection { is_further: other < begin, ..Rejection::for_row(begin, &open.key, reason) });
    }

    /// The position of the first row with this key, unless this is the first.
    fn first_position(&mut self, key: &str, at: Position) -> Option<Position> {
        if key.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        R::identity(key, &self.import.keys).hash(&mut hasher);
        let hash = hasher.finish();
        let first = self.seen.get(&hash).copied();
        if first.is_none() && self.seen.len() < MAX_REMEMBERED_KEYS {
            self.seen.insert(hash, at);
        }
        first
    }
}
