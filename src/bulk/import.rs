//! The two passes of an import: everything is checked, then it is written, many rows a transaction.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use sea_orm::ConnectionTrait;

use super::ReadOptions;
use super::read::{Columns, Record, records};
use crate::db::Database;
use crate::domain::{Violation, Violations};
use crate::error::Result;
use crate::service::operation::{Operation, Operations, Request};

/// Rows of one transaction, and keys that are looked up at once.
const BATCH: usize = 500;

/// What to do with a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    Error,
    Skip,
    Update,
}

/// What to do when rows are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Nothing is imported.
    RejectAll,
    /// The others are imported.
    RejectRows,
}

/// How to import a file.
#[derive(Debug, Clone)]
pub struct Import {
    pub read: ReadOptions,
    pub on_conflict: OnConflict,
}

/// Why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub line: u64,
    /// Empty when it is about the whole row.
    pub column: String,
    pub value: String,
    pub reason: String,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// There already, and left alone as was asked for.
    pub skipped: u64,
}

impl Counts {
    pub fn total(self) -> u64 {
        self.created + self.updated + self.unchanged + self.skipped
    }
}

/// A noun that can be imported, by its natural key (DL-001).
#[allow(async_fn_in_trait, reason = "used within this crate only")]
pub trait Row: Sized + Clone {
    /// `product`
    const NOUN: &'static str;
    /// `product.import`
    const OPERATION: &'static str;
    const COLUMNS: Columns;

    /// Checks a record's values; everything that is wrong is noted.
    fn parse(record: &Record, violations: &mut Violations) -> Option<Self>;

    /// The natural key: SKU, e-mail address.
    fn key(&self) -> &str;

    /// Which of these keys are there.
    async fn existing(connection: &impl ConnectionTrait, keys: &[&str]) -> Result<HashSet<String>>;

    /// Creates or updates rows on an open operation: absent → create, different → update.
    async fn apply(operation: &mut Operation, rows: &[Self], counts: &mut Counts) -> Result<()>;
}

/// The first pass: reads everything and writes nothing. Gives the number of rows that are fine;
/// `reject` hears of every other with all that is wrong with it.
///
/// Errors: those of the file; what `reject` says.
pub async fn check<R: Row>(
    database: &Database,
    source: impl Read,
    import: &Import,
    reject: &mut dyn FnMut(Vec<Rejection>) -> Result<()>,
) -> Result<u64> {
    let mut pass = Pass::<R>::new(import);
    let mut fine = 0;
    let mut records = records(source, &import.read, R::COLUMNS)?;
    loop {
        let batch = pass.next_batch(&mut records, reject)?;
        if batch.is_empty() {
            return Ok(fine);
        }
        fine += pass.without_conflicts(database, batch, reject).await?.len() as u64;
    }
}

/// The second pass: writes the rows that are fine, many a transaction; `progress` hears of the sum
/// after each. Rows that became wrong since the first pass go to `reject`.
///
/// Errors: those of the file and of the database; what was committed before stays, and importing
/// the same file again goes on from there.
pub async fn run<R: Row>(
    operations: &Operations,
    source: impl Read,
    import: &Import,
    reject: &mut dyn FnMut(Vec<Rejection>) -> Result<()>,
    progress: &mut dyn FnMut(Counts),
) -> Result<Counts> {
    let database = &operations.database;
    let mut pass = Pass::<R>::new(import);
    let mut counts = Counts::default();
    let mut records = records(source, &import.read, R::COLUMNS)?;
    loop {
        let batch = pass.next_batch(&mut records, reject)?;
        if batch.is_empty() {
            return Ok(counts);
        }
        let mut rows = pass.without_conflicts(database, batch, reject).await?;
        if import.on_conflict == OnConflict::Skip {
            let there = existing(database, &rows).await?;
            let before = rows.len();
            rows.retain(|(_, row)| !there.contains(row.key()));
            counts.skipped += (before - rows.len()) as u64;
        }
        if rows.is_empty() {
            continue;
        }
        let rows: Vec<R> = rows.into_iter().map(|(_, row)| row).collect();
        let request = Request { repeats_on_duplicate: true, ..Request::new(R::OPERATION, R::NOUN) };
        let body = async |operation: &mut Operation| {
            let mut applied = Counts::default();
            R::apply(operation, &rows, &mut applied).await?;
            Ok(applied)
        };
        let applied = operations.run(&request, body).await?.done()?;
        counts.created += applied.created;
        counts.updated += applied.updated;
        counts.unchanged += applied.unchanged;
        progress(counts);
    }
}

async fn existing<R: Row>(database: &Database, rows: &[(u64, R)]) -> Result<HashSet<String>> {
    let keys: Vec<&str> = rows.iter().map(|(_, row)| row.key()).collect();
    R::existing(database.connection(), &keys).await
}

/// What a pass remembers.
struct Pass<R> {
    on_conflict: OnConflict,
    /// Hashes of the keys so far, where a second row of one key would be a conflict.
    seen: HashSet<u64>,
    rows: std::marker::PhantomData<R>,
}

impl<R: Row> Pass<R> {
    fn new(import: &Import) -> Self {
        Pass { on_conflict: import.on_conflict, seen: HashSet::new(), rows: std::marker::PhantomData }
    }

    /// The next rows whose values are fine, each with its line; no key twice, because one statement
    /// handles them together.
    fn next_batch(
        &mut self,
        records: &mut super::read::Records<'_>,
        reject: &mut dyn FnMut(Vec<Rejection>) -> Result<()>,
    ) -> Result<Vec<(u64, R)>> {
        let mut batch: Vec<(u64, R)> = Vec::new();
        while batch.len() < BATCH {
            let Some(record) = records.next() else { break };
            let record = match record? {
                Ok(record) => record,
                Err(rejection) => {
                    reject(vec![rejection])?;
                    continue;
                }
            };
            let mut violations = Violations::new();
            let row = R::parse(&record, &mut violations);
            let violations = violations.into_list();
            let (true, Some(row)) = (violations.is_empty(), row) else {
                let rejection = |violation: Violation| Rejection {
                    line: record.line,
                    column: violation.field,
                    value: violation.value.unwrap_or_default(),
                    reason: violation.problem,
                };
                reject(violations.into_iter().map(rejection).collect())?;
                continue;
            };
            if self.is_repeated(row.key()) {
                let reason = format!("the same {} was in the file before", R::NOUN);
                reject(vec![Rejection {
                    line: record.line,
                    column: String::new(),
                    value: row.key().to_owned(),
                    reason,
                }])?;
                continue;
            }
            batch.push((record.line, row));
        }
        Ok(batch)
    }

    fn is_repeated(&mut self, key: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        !self.seen.insert(hasher.finish())
    }

    async fn without_conflicts(
        &self,
        database: &Database,
        mut batch: Vec<(u64, R)>,
        reject: &mut dyn FnMut(Vec<Rejection>) -> Result<()>,
    ) -> Result<Vec<(u64, R)>> {
        if self.on_conflict != OnConflict::Error {
            return Ok(batch);
        }
        let there = existing(database, &batch).await?;
        for (line, row) in batch.iter().filter(|(_, row)| there.contains(row.key())) {
            let reason = format!("there is such a {} already", R::NOUN);
            reject(vec![Rejection { line: *line, column: String::new(), value: row.key().to_owned(), reason }])?;
        }
        batch.retain(|(_, row)| !there.contains(row.key()));
        Ok(batch)
    }
}

/// A value that has to be there.
pub fn required<T>(
    record: &Record,
    violations: &mut Violations,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match record.get(column) {
        Some(text) => violations.parse(column, text, parse),
        None => {
            violations.add(column, "is missing");
            None
        }
    }
}

/// A value that may be absent. Errors: noted, and `None` twice comes back.
pub fn optional<T>(
    record: &Record,
    violations: &mut Violations,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    violations.parse(column, record.get(column)?, parse)
}
