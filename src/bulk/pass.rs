//! One way through a file: records become rows, lines that belong together one row, no row twice.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use tokio::sync::mpsc;

use super::import::{Import, Rejection, Row};
use super::read::{Record, records};
use crate::domain::{Violation, Violations};
use crate::error::{Error, Result};

/// The most lines of one transaction: so many that a product which most orders name is written once for
/// many of them, so few that others do not wait long.
pub const MOST_BATCH_LINES: usize = 25_000;
/// Portions that are read ahead.
const AHEAD: usize = 1;
/// So many keys are remembered to find the second row of one: what is further apart finds the first
/// in the shop.
const KEYS_REMEMBERED: usize = 1_000_000;
/// What is wrong with one row is told up to here.
const WRONG_TOLD: usize = 100;

/// A part of a file.
pub struct Portion<R> {
    /// Rows whose values are fine, each with its first line.
    pub rows: Vec<(u64, R)>,
    /// All that is wrong with each of the others.
    pub rejected: Vec<Vec<Rejection>>,
    lines: usize,
}

/// Reads a file in a thread of its own, a portion ahead of who works on them.
///
/// The last thing that comes may be an error: exit 7 for a header with unknown, doubled or missing
/// columns; exit 4 for what cannot be read.
pub fn portions<R: Row>(source: impl Read + Send + 'static, import: &Import) -> mpsc::Receiver<Result<Portion<R>>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let import = import.clone();
    std::thread::spawn(move || {
        // Who is not there any more has an error of its own.
        if let Err(error) = read(source, &import, |portion| sender.blocking_send(Ok(portion)).is_ok()) {
            drop(sender.blocking_send(Err(error)));
        }
    });
    receiver
}

/// Reads until the file is over, or nobody takes what was read.
fn read<R: Row>(source: impl Read, import: &Import, mut give: impl FnMut(Portion<R>) -> bool) -> Result<()> {
    let mut pass = Pass { resume_after: import.resume_after, seen: HashSet::new(), open: None, settled: 0 };
    let (mut portion, mut read) = (Portion::default(), 0);
    for record in records(source, &import.read, R::COLUMNS)? {
        read += 1;
        pass.add(record?, &mut portion);
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

impl<R> Default for Portion<R> {
    fn default() -> Self {
        Portion { rows: Vec::new(), rejected: Vec::new(), lines: 0 }
    }
}

/// What a pass remembers.
struct Pass<R> {
    resume_after: u64,
    /// Hashes of the first keys: a second row of one key would be a conflict.
    seen: HashSet<u64>,
    open: Option<Open<R>>,
    /// Records that became part of a row or were rejected: all of them, in the end.
    settled: u64,
}

/// The row that the next line may belong to.
struct Open<R> {
    /// The key as it is written.
    key: String,
    line: u64,
    /// `None` as soon as one line is wrong.
    row: Option<R>,
    wrong: Vec<Rejection>,
    /// How many records it is.
    records: u64,
}

impl<R: Row> Open<R> {
    fn new(record: &Record, key: String) -> Open<R> {
        let (row, wrong) = parse::<R>(record);
        Open { key, line: record.line, row, wrong, records: 1 }
    }

    fn join(&mut self, record: &Record) {
        let (next, wrong) = parse::<R>(record);
        match (self.row.take(), next) {
            (Some(mut row), Some(next)) => match row.join(next) {
                Ok(()) => self.row = Some(row),
                Err(reason) => {
                    let wrong = Rejection::of_row(record.line, &self.key, reason);
                    self.is_wrong([wrong]);
                }
            },
            _ => self.is_wrong(wrong),
        }
    }

    fn is_wrong(&mut self, wrong: impl IntoIterator<Item = Rejection>) {
        self.row = None;
        let room = WRONG_TOLD.saturating_sub(self.wrong.len());
        self.wrong.extend(wrong.into_iter().take(room));
    }
}

/// The row of a record, or all that is wrong with it.
fn parse<R: Row>(record: &Record) -> (Option<R>, Vec<Rejection>) {
    let mut violations = Violations::new();
    let row = R::parse(record, &mut violations);
    let rejection = |violation: Violation| Rejection {
        line: record.line,
        column: violation.field,
        value: violation.value.unwrap_or_default(),
        reason: violation.problem,
    };
    let wrong: Vec<Rejection> = violations.into_list().into_iter().map(rejection).collect();
    (row.filter(|_| wrong.is_empty()), wrong)
}

impl<R: Row> Pass<R> {
    /// Takes in the next record; a row that is complete by that goes to the portion.
    fn add(&mut self, record: Result<Record, Rejection>, portion: &mut Portion<R>) {
        let record = match record {
            Ok(record) => record,
            // Whose line it is nobody can tell: most likely that of the lines before.
            Err(rejection) => {
                return match self.open.as_mut().filter(|_| R::IS_GROUPED) {
                    Some(open) => {
                        open.records += 1;
                        open.is_wrong([rejection]);
                    }
                    None => {
                        self.settled += 1;
                        portion.rejected.push(vec![rejection]);
                    }
                };
            }
        };
        let key = record.get(R::KEY).unwrap_or_default();
        match self.open.as_mut().filter(|open| R::IS_GROUPED && open.key == key && !key.is_empty()) {
            Some(open) => {
                open.records += 1;
                open.join(&record);
            }
            None => {
                self.complete(portion);
                self.open = Some(Open::new(&record, key.to_owned()));
            }
        }
    }

    /// All lines of the open row are known.
    fn complete(&mut self, portion: &mut Portion<R>) {
        let Some(open) = self.open.take() else { return };
        self.settled += open.records;
        match open.row {
            Some(row) if self.is_repeated(row.key()) => {
                let reason = format!("the same {} was in the file before", R::NOUN);
                portion.rejected.push(vec![Rejection::of_row(open.line, &row.name(), reason)]);
            }
            Some(row) if open.line > self.resume_after => {
                portion.lines += row.lines();
                portion.rows.push((open.line, row));
            }
            Some(_) => {}
            None => portion.rejected.push(open.wrong),
        }
    }

    fn is_repeated(&mut self, key: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        if self.seen.len() == KEYS_REMEMBERED {
            return self.seen.contains(&hash);
        }
        !self.seen.insert(hash)
    }
}
