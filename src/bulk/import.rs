//! The two passes of an import: everything is checked, then it is written, many rows a transaction.

use std::collections::HashSet;
use std::io::Read;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::ReadOptions;
use super::pass::{Portion, portions};
use super::read::{self, Columns, Record};
use crate::db::Database;
use crate::domain::{IdempotencyKey, Violations};
use crate::error::{Error, Result};
use crate::repository;
use crate::service::operation::{Idempotency, Operation, Operations, Request};
use crate::service::place_order::Stock;

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
    /// Of orders.
    pub stock: Stock,
    /// SHA-256 of the file and of how it is read, hexadecimal: what each transaction is marked with.
    pub digest: String,
    /// Lines of one transaction, at most [`MOST_BATCH_LINES`](super::MOST_BATCH_LINES).
    pub batch_lines: usize,
    /// Rows that begin up to this line were written by an earlier run.
    pub resume_after: u64,
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

impl Rejection {
    /// About a row as a whole, named by its key.
    pub fn of_row(line: u64, key: &str, reason: String) -> Rejection {
        Rejection { line, column: String::new(), value: key.to_owned(), reason }
    }
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// There already, and left alone as was asked for.
    pub skipped: u64,
    /// Users that orders named and that were not there.
    pub users: u64,
    /// Products likewise.
    pub products: u64,
}

impl Counts {
    pub fn total(self) -> u64 {
        self.created + self.updated + self.unchanged + self.skipped
    }

    pub fn add(&mut self, other: Counts) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
        self.users += other.users;
        self.products += other.products;
    }
}

/// Who hears of a row that is wrong, with all that is wrong with it.
pub type Reject<'a> = &'a mut dyn FnMut(Vec<Rejection>) -> Result<()>;

/// What a transaction did.
#[derive(Debug, Default)]
pub struct Applied {
    pub counts: Counts,
    /// Rows by their position, and why the shop would not have them.
    pub refused: Vec<(usize, Error)>,
}

/// A noun that can be imported, by its natural key (DL-001).
#[allow(async_fn_in_trait, reason = "used within this crate only")]
pub trait Row: Sized + Clone + Send + 'static {
    /// `product`
    const NOUN: &'static str;
    /// `product.import`
    const OPERATION: &'static str;
    const COLUMNS: Columns;
    /// The column of the natural key.
    const KEY: &'static str;
    /// Whether lines with the same key that follow one another are one row.
    const IS_GROUPED: bool = false;
    /// What the first pass has to remember from one look at the shop to the next.
    type Memory: Default;

    /// Checks a record's values; everything that is wrong is noted.
    fn parse(record: &Record, violations: &mut Violations) -> Option<Self>;

    /// The natural key: SKU, e-mail address, reference.
    fn key(&self) -> &str;

    /// The key as people see it.
    fn name(&self) -> String {
        self.key().to_owned()
    }

    /// Takes in the next line of the same key, where lines are grouped. Errors: why it does not fit.
    fn join(&mut self, _next: Self) -> Result<(), String> {
        Err(format!("the same {} was in the file before", Self::NOUN))
    }

    /// How many lines of the file it is.
    fn lines(&self) -> usize {
        1
    }

    /// Which of these keys are there.
    async fn existing(connection: &impl ConnectionTrait, keys: &[&str]) -> Result<HashSet<String>>;

    /// What the shop as it is has against rows, by their position.
    async fn check(
        _connection: &impl ConnectionTrait,
        _rows: &[(u64, Self)],
        _import: &Import,
        _memory: &mut Self::Memory,
    ) -> Result<Vec<(usize, String)>> {
        Ok(Vec::new())
    }

    /// Creates or updates rows on an open operation: absent → create, different → update.
    async fn apply(operation: &mut Operation, rows: &[Self], import: &Import) -> Result<Applied>;
}

/// Looks at the beginning of a file: what has to be said about it before it is read.
///
/// Errors: exit 7 for a file that cannot be one of these rows; exit 2 for flags that contradict each
/// other.
pub fn look<R: Row>(source: impl Read, options: &ReadOptions) -> Result<Vec<String>> {
    read::look(source, options, R::COLUMNS)
}

/// The first pass: reads everything and writes nothing. Gives the number of rows that are fine;
/// `reject` hears of every other with all that is wrong with it.
///
/// Errors: those of the file; what `reject` says.
pub async fn check<R: Row>(
    database: &Database,
    source: impl Read + Send + 'static,
    import: &Import,
    reject: Reject<'_>,
) -> Result<u64> {
    let (mut fine, mut memory) = (0, R::Memory::default());
    let mut portions = portions::<R>(source, import);
    while let Some(portion) = portions.recv().await {
        let (rows, skipped) = accepted(database, portion?, import, reject).await?;
        let refused = R::check(database.connection(), &rows, import, &mut memory).await?;
        fine += skipped + (rows.len() - refused.len()) as u64;
        for (position, reason) in refused {
            let (line, row) = &rows[position];
            reject(vec![Rejection::of_row(*line, &row.name(), reason)])?;
        }
    }
    Ok(fine)
}

/// The second pass: writes the rows that are fine, many a transaction; `progress` hears of the sum
/// after each. Rows that became wrong since the first pass go to `reject`.
///
/// Errors: those of the file and of the database; what was committed before stays, and importing
/// the same file again goes on from there.
pub async fn run<R: Row>(
    operations: &Operations,
    source: impl Read + Send + 'static,
    import: &Import,
    reject: Reject<'_>,
    progress: &mut dyn FnMut(Counts),
) -> Result<Counts> {
    let run = operations.ids.next();
    let mut counts = Counts::default();
    let (mut read, mut rejected) = (0, 0);
    let reject: Reject<'_> = &mut |row| {
        rejected += 1;
        reject(row)
    };
    let mut portions = portions::<R>(source, import);
    while let Some(portion) = portions.recv().await {
        let portion = portion?;
        read += (portion.rows.len() + portion.rejected.len()) as u64;
        let (rows, skipped) = accepted(&operations.database, portion, import, reject).await?;
        counts.skipped += skipped;
        if rows.is_empty() {
            continue;
        }
        let (lines, rows): (Vec<u64>, Vec<R>) = rows.into_iter().unzip();
        let request = Request {
            repeats_on_duplicate: true,
            idempotency: mark(import, run, lines.last().copied().unwrap_or(0)),
            ..Request::new(R::OPERATION, R::NOUN)
        };
        let body = async |operation: &mut Operation| R::apply(operation, &rows, import).await;
        // A mark is this run's own, so nothing is ever replayed.
        let applied = operations.run(&request, body).await?.done()?;
        for (position, error) in applied.refused {
            reject(vec![Rejection::of_row(lines[position], &rows[position].name(), error.message().to_owned())])?;
        }
        counts.add(applied.counts);
        progress(counts);
    }
    let told = counts.total() + rejected;
    match told == read {
        true => Ok(counts),
        false => {
            Err(Error::internal(format!("{read} rows were read and {told} are accounted for: please report this")))
        }
    }
}

/// The rows of a portion that are to be looked at; how many were left out because they are there
/// already. The others are rejected.
async fn accepted<R: Row>(
    database: &Database,
    portion: Portion<R>,
    import: &Import,
    reject: Reject<'_>,
) -> Result<(Vec<(u64, R)>, u64)> {
    portion.rejected.into_iter().try_for_each(&mut *reject)?;
    let mut rows = portion.rows;
    if import.on_conflict == OnConflict::Update || rows.is_empty() {
        return Ok((rows, 0));
    }
    let keys: Vec<&str> = rows.iter().map(|(_, row)| row.key()).collect();
    let there = R::existing(database.connection(), &keys).await?;
    let before = rows.len();
    if import.on_conflict == OnConflict::Error {
        for (line, row) in rows.iter().filter(|(_, row)| there.contains(row.key())) {
            let reason = format!("there is such {} {} already", article(R::NOUN), R::NOUN);
            reject(vec![Rejection::of_row(*line, &row.name(), reason)])?;
        }
    }
    rows.retain(|(_, row)| !there.contains(row.key()));
    let skipped = if import.on_conflict == OnConflict::Skip { before - rows.len() } else { 0 };
    Ok((rows, skipped as u64))
}

fn article(noun: &str) -> &'static str {
    if noun == "order" { "an" } else { "a" }
}

/// The key of a transaction: which file, which run, how far.
fn mark(import: &Import, run: Uuid, line: u64) -> Option<Idempotency> {
    let key = IdempotencyKey::parse(&format!("{}{}:{line:012}", marks_of(&import.digest), run.simple())).ok()?;
    Some(Idempotency { key, fingerprint: import.digest.clone() })
}

fn marks_of(digest: &str) -> String {
    format!("import:{digest}:")
}

/// How far the last run of this file came: the line where the last row that it wrote begins.
pub async fn last_line(connection: &impl ConnectionTrait, digest: &str) -> Result<Option<u64>> {
    let key = repository::audit_event::find_last_key(connection, &marks_of(digest)).await?;
    Ok(key.and_then(|key| key.rsplit(':').next()?.parse().ok()))
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
