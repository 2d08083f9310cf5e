//! One pass over a file: records become rows, grouped lines one row, and duplicates are rejected.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use tokio::sync::mpsc;

use super::currency;
use super::evidence::Evidence;
use super::plan::Import;
use super::position::Position;
use super::read::{FileFormat, Record, records};
use super::rejection::Rejection;
use super::row::Row;
use crate::error::{Error, Result};

/// Maximum number of lines per transaction: enough to update a popular product once for many orders, few
/// enough that others do not wait long.
pub const MOST_BATCH_LINES: usize = 25_000;
/// Number of portions to read ahead.
const AHEAD: usize = 1;
/// Maximum number of keys remembered to find duplicates: beyond, the first row is found in the shop.
const KEYS_REMEMBERED: usize = 5_000_000;
/// Maximum number of reported problems per row.
const WRONG_TOLD: usize = 100;
/// Why a valid line is not imported.
pub const ANOTHER_LINE: &str = "another line of this order is wrong";

/// A part of a file.
pub struct Portion<R> {
    /// Valid rows with their positions.
    pub rows: Vec<(Position, R)>,
    /// All problems of each other row.
    pub rejected: Vec<Vec<Rejection>>,
    pub evidence: Evidence,
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
pub fn portions<R: Row>(source: impl Read + Send + 'static, import: &Import) -> mpsc::Receiver<Result<Portion<R>>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let import = import.clone();
    std::thread::spawn(move || {
        // If the consumer is gone, it has reported its own error.
        if let Err(error) = read(source, &import, |portion| sender.blocking_send(Ok(portion)).is_ok()) {
            drop(sender.blocking_send(Err(error)));
        }
    });
    receiver
}

/// Reads until the end of the file, or until the consumer is gone.
fn read<R: Row>(source: impl Read, import: &Import, mut give: impl FnMut(Portion<R>) -> bool) -> Result<()> {
    let mut pass = Pass { import, seen: HashMap::new(), open: None, unreadable: None, settled: 0 };
    let (mut portion, mut read) = (Portion::default(), 0);
    for record in records(source, &import.read, R::COLUMNS)? {
        pass.add(record?, &mut portion);
        read += 1;
        if portion.lines.max(portion.rejected.len()) >= import.batch_lines && !give(std::mem::take(&mut portion)) {
            return Ok(());
        }
    }
    pass.complete(&mut portion);
    if pass.settled != read {
        let message = format!("{read} records were read and {} are part of a row: please report this", pass.settled);
        return Err(Error::internal(message));
    }
    give(portion);
    Ok(())
}

impl<R> Portion<R> {
    /// The number of rows, valid and invalid.
    pub fn count(&self) -> u64 {
        (self.rows.len() + self.rejected.len()) as u64
    }

    /// Removes the rows at these positions; returns their number.
    pub fn leave_out(&mut self, places: &HashSet<Position>) -> u64 {
        let before = self.count();
        self.rows.retain(|(at, _)| !places.contains(at));
        self.rejected.retain(|row| row.first().is_none_or(|rejection| !places.contains(&rejection.at)));
        before - self.count()
    }
}

impl<R> Default for Portion<R> {
    fn default() -> Self {
        let (rows, rejected, evidence) = (Vec::new(), Vec::new(), Evidence::default());
        Portion { rows, rejected, evidence, scattered: Vec::new(), repeated: HashMap::new(), lines: 0 }
    }
}

/// The problem of a row whose key another valid row has.
pub fn again<R: Row>(at: Position, key: &str, first: Position) -> Rejection {
    Rejection::of_row(at, key, format!("the same {} was in the file before, in {first}", R::NOUN))
}

/// The state of a pass.
struct Pass<'a, R> {
    import: &'a Import,
    /// Hashes of the first keys with their positions, to detect duplicates.
    seen: HashMap<u64, Position>,
    open: Option<Open<R>>,
    /// The last unreadable record: it may belong to the previous or the next order.
    unreadable: Option<Position>,
    /// Records that became part of a row or were rejected: in the end, all.
    settled: u64,
}

/// The open row, which the next line may continue.
struct Open<R> {
    /// The key as it is written.
    key: String,
    lines: Vec<Position>,
    /// The number of its records, including unreadable ones.
    records: u64,
    row: R,
    wrong: Vec<Rejection>,
}

impl<R: Row> Open<R> {
    fn begin(&self) -> Position {
        self.lines.first().copied().unwrap_or_default()
    }

    fn join(&mut self, at: Position, next: R) {
        self.lines.push(at);
        self.records += 1;
        if let Err(reason) = self.row.join(next) {
            self.is_wrong(Rejection::of_row(at, &self.key, reason));
        }
    }

    fn is_wrong(&mut self, wrong: Rejection) {
        if self.wrong.len() < WRONG_TOLD {
            self.wrong.push(wrong);
        }
    }

    /// All problems, with a note on each other line, since none of them is imported.
    fn rejected(mut self, import: &Import) -> Vec<Rejection> {
        let problems = self.row.problems(self.begin(), import);
        self.wrong.extend(problems.into_iter().take(WRONG_TOLD));
        self.wrong.sort_by_key(|wrong| wrong.at);
        let told: HashSet<Position> = self.wrong.iter().map(|wrong| wrong.at).collect();
        let others = self.lines.iter().filter(|at| !told.contains(at));
        self.wrong.extend(others.map(|at| Rejection::of_row(*at, &self.key, ANOTHER_LINE)));
        self.wrong
    }
}

impl<R: Row> Pass<'_, R> {
    /// Adds the next record; a row completed by it goes to the portion.
    fn add(&mut self, record: Result<Record, Rejection>, portion: &mut Portion<R>) {
        let is_grouped = self.is_grouped();
        let mut record = match record {
            Ok(record) => record,
            // The order of this line is unknown.
            Err(rejection) => {
                self.unreadable = is_grouped.then_some(rejection.at);
                return match self.open.as_mut().filter(|_| is_grouped) {
                    Some(open) => {
                        open.records += 1;
                        open.is_wrong(rejection);
                    }
                    None => {
                        self.settled += 1;
                        if rejection.at > self.import.resume_after {
                            portion.rejected.push(vec![rejection]);
                        }
                    }
                };
            }
        };
        self.import.meaning.map_values(&mut record);
        portion.evidence.note::<R>(&record, self.import);
        let key = record.get(R::KEY).unwrap_or_default();
        let row = R::parse(&record, self.import);
        let unreadable = self.unreadable.take();
        let other = self.other_currency(&record);
        if let Some(open) = self.open.as_mut().filter(|open| is_grouped && open.key == key) {
            open.join(record.at, row);
            return other.into_iter().for_each(|wrong| open.is_wrong(wrong));
        }
        self.complete(portion);
        let mut open = Open { key: key.to_owned(), lines: vec![record.at], records: 1, row, wrong: Vec::new() };
        if let Some(before) = unreadable {
            let reason = format!("{before} before it cannot be read and may be one of its own");
            open.is_wrong(Rejection::of_row(record.at, &open.key, reason));
        }
        other.into_iter().for_each(|wrong| open.is_wrong(wrong));
        self.open = Some(open);
    }

    /// The problems of a record in a currency other than the selected one.
    fn other_currency(&self, record: &Record) -> Option<Rejection> {
        let wanted = self.import.meaning.currency.as_deref()?;
        let other = currency::another(record, R::COLUMNS.amounts, wanted)?;
        let reason = format!("is not in {wanted}, which --currency names");
        Some(Rejection::of_row(record.at, other.trim(), reason))
    }

    /// Closes the open row, whose lines are complete.
    fn complete(&mut self, portion: &mut Portion<R>) {
        let Some(mut open) = self.open.take() else { return };
        self.settled += open.records;
        let begin = open.begin();
        let first = self.seen_before(&open.key, begin);
        match (first, self.is_grouped()) {
            (Some(first), true) => {
                portion.scattered.extend([(first, begin), (begin, first)]);
                self.is_scattered(&mut open, first);
            }
            (None, true) => {
                if let Some(other) = self.import.scattered.get(&begin) {
                    self.is_scattered(&mut open, *other);
                }
            }
            (first, false) => portion.repeated.extend(first.map(|first| (begin, first))),
        }
        if !open.wrong.is_empty() {
            if begin > self.import.resume_after {
                portion.rejected.push(open.rejected(self.import));
            }
        } else if begin > self.import.resume_after {
            portion.lines += open.row.lines();
            portion.rows.push((begin, open.row));
        }
    }

    /// Whether consecutive lines with the same key form one row.
    fn is_grouped(&self) -> bool {
        R::IS_GROUPED && matches!(self.import.read.format, FileFormat::Csv | FileFormat::Tsv)
    }

    fn is_scattered(&self, open: &mut Open<R>, other: Position) {
        let begin = open.begin();
        let when = if other < begin { "was in the file before" } else { "comes again" };
        let reason =
            format!("the same order {when}, in {other}: its lines must stand together and spell its reference alike");
        open.is_wrong(Rejection { is_further: other < begin, ..Rejection::of_row(begin, &open.key, reason) });
    }

    /// The position of the first row with this key, unless this is the first.
    fn seen_before(&mut self, key: &str, at: Position) -> Option<Position> {
        if key.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        R::identity(key, &self.import.keys).hash(&mut hasher);
        let hash = hasher.finish();
        let first = self.seen.get(&hash).copied();
        if first.is_none() && self.seen.len() < KEYS_REMEMBERED {
            self.seen.insert(hash, at);
        }
        first
    }
}
