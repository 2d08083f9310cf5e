//! One way through a file: records become rows, lines that belong together one row, no row twice.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::import::{Import, OnConflict, Rejection, Row};
use super::read::{Record, Records};
use crate::db::Database;
use crate::domain::{Violation, Violations};
use crate::error::Result;

/// Lines of one transaction, and keys that are looked up at once.
const BATCH: usize = 500;
/// So many keys are remembered to find the second row of one: what is further apart finds the first
/// in the shop.
const KEYS_REMEMBERED: usize = 1_000_000;
/// What is wrong with one row is told up to here.
const WRONG_TOLD: usize = 100;

type Reject<'a> = &'a mut dyn FnMut(Vec<Rejection>) -> Result<()>;

/// What a pass remembers.
pub struct Pass<R> {
    on_conflict: OnConflict,
    resume_after: u64,
    /// Hashes of the first keys: a second row of one key would be a conflict.
    seen: HashSet<u64>,
    open: Option<Open<R>>,
}

/// The row that the next line may belong to.
struct Open<R> {
    /// The key as it is written.
    key: String,
    line: u64,
    /// `None` as soon as one line is wrong.
    row: Option<R>,
    wrong: Vec<Rejection>,
}

impl<R: Row> Open<R> {
    fn new(record: &Record, key: String) -> Open<R> {
        let (row, wrong) = parse::<R>(record);
        Open { key, line: record.line, row, wrong }
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
    pub fn new(import: &Import) -> Self {
        let Import { on_conflict, resume_after, .. } = *import;
        Pass { on_conflict, resume_after, seen: HashSet::new(), open: None }
    }

    /// The next rows whose values are fine, each with its first line; none when the file is over.
    pub fn next_batch(&mut self, records: &mut Records<'_>, reject: Reject<'_>) -> Result<Vec<(u64, R)>> {
        let (mut batch, mut lines) = (Vec::new(), 0);
        while lines < BATCH {
            let Some((line, row)) = self.next_row(records, reject)? else { break };
            if line > self.resume_after {
                lines += row.lines();
                batch.push((line, row));
            }
        }
        Ok(batch)
    }

    fn next_row(&mut self, records: &mut Records<'_>, reject: Reject<'_>) -> Result<Option<(u64, R)>> {
        loop {
            let record = match records.next().transpose()? {
                None => {
                    return match self.open.take() {
                        Some(open) => self.complete(open, reject),
                        None => Ok(None),
                    };
                }
                Some(Ok(record)) => record,
                Some(Err(rejection)) => {
                    // Whose line it is nobody can tell: most likely that of the lines before.
                    match self.open.as_mut().filter(|_| R::IS_GROUPED) {
                        Some(open) => open.is_wrong([rejection]),
                        None => reject(vec![rejection])?,
                    }
                    continue;
                }
            };
            let key = record.get(R::KEY).unwrap_or_default().to_owned();
            if let Some(open) = self.open.as_mut().filter(|open| R::IS_GROUPED && open.key == key && !key.is_empty()) {
                open.join(&record);
                continue;
            }
            let before = self.open.replace(Open::new(&record, key));
            if let Some(before) = before
                && let Some(row) = self.complete(before, reject)?
            {
                return Ok(Some(row));
            }
        }
    }

    /// A row of which all lines are known, unless something is wrong with it.
    fn complete(&mut self, open: Open<R>, reject: Reject<'_>) -> Result<Option<(u64, R)>> {
        match open.row {
            Some(row) if self.is_repeated(row.key()) => {
                let reason = format!("the same {} was in the file before", R::NOUN);
                reject(vec![Rejection::of_row(open.line, &row.name(), reason)])?;
                Ok(None)
            }
            Some(row) => Ok(Some((open.line, row))),
            None if open.line <= self.resume_after => Ok(None),
            None => reject(open.wrong).map(|()| None),
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

    /// Rejects rows that are there already, where that is an error.
    pub async fn without_conflicts(
        &self,
        database: &Database,
        mut batch: Vec<(u64, R)>,
        reject: Reject<'_>,
    ) -> Result<Vec<(u64, R)>> {
        if self.on_conflict != OnConflict::Error {
            return Ok(batch);
        }
        let there = existing(database, &batch).await?;
        for (line, row) in batch.iter().filter(|(_, row)| there.contains(row.key())) {
            let reason = format!("there is such {} {} already", article(R::NOUN), R::NOUN);
            reject(vec![Rejection::of_row(*line, &row.name(), reason)])?;
        }
        batch.retain(|(_, row)| !there.contains(row.key()));
        Ok(batch)
    }

    /// Takes rows out that are there already, where those are left alone; how many.
    pub async fn skip_existing(&self, database: &Database, rows: &mut Vec<(u64, R)>) -> Result<u64> {
        if self.on_conflict != OnConflict::Skip {
            return Ok(0);
        }
        let there = existing(database, rows).await?;
        let before = rows.len();
        rows.retain(|(_, row)| !there.contains(row.key()));
        Ok((before - rows.len()) as u64)
    }
}

fn article(noun: &str) -> &'static str {
    if noun == "order" { "an" } else { "a" }
}

/// Which rows are there already.
async fn existing<R: Row>(database: &Database, rows: &[(u64, R)]) -> Result<HashSet<String>> {
    let keys: Vec<&str> = rows.iter().map(|(_, row)| row.key()).collect();
    R::existing(database.connection(), &keys).await
}
