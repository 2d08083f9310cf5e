//! The two passes of an import: everything is validated, then written, many rows per transaction.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::file_findings::FileFindings;
use super::options::{Import, OnConflict, OnError};
use super::position::Position;
use super::read;
use super::rejection::Rejection;
use super::rejections::Rejections;
use super::resume_point::ResumePoint;
use super::row::{Applied, Counts, CreatedRow, Row, Storable, ValueChange, already_exists};
use super::row_reader::{duplicate, read_chunks};
use super::spelling::MARK_PREFIX;
use super::{KeySpellings, ReadOptions, Source};
use crate::db::Database;
use crate::domain::IdempotencyKey;
use crate::error::{Error, Kind, Result};
use crate::repository;
use crate::service::operation::{Idempotency, Operation, Operations, Request};

/// Callback for a rejected row with all its problems.
pub type Reject<'a> = &'a mut dyn FnMut(Vec<Rejection>) -> Result<()>;

/// Inspects the start of a file and returns the notes on it.
///
/// Errors: exit 7 for a file that cannot contain these rows; exit 2 for contradictory flags.
pub fn inspect<R: Row>(source: impl Read, options: &ReadOptions) -> Result<Vec<String>> {
    read::inspect(source, options, R::COLUMNS)
}

/// The result of the first pass.
#[derive(Debug, Default)]
pub struct CheckResult {
    /// The number of valid rows.
    pub valid: u64,
    /// Findings that only the whole file allows, such as the order of day and month.
    pub findings: FileFindings,
    /// For [`Import::scattered`]: their orders cannot be validated before.
    pub scattered: HashMap<Position, Position>,
    /// For [`Import::refused`].
    pub refused: HashSet<Position>,
    /// The last row.
    pub last: Position,
}

/// The first pass: reads everything and writes nothing. `reject` is called for every invalid row with all
/// its problems.
///
/// Errors: those of the file and of `reject`.
pub async fn check<R: Storable>(
    database: &Database,
    source: impl Read + Send + 'static,
    import: &Import,
    reject: Reject<'_>,
) -> Result<CheckResult> {
    let (mut checked, mut state) = (CheckResult::default(), R::CheckState::default());
    let mut holders = KeyHolders::default();
    // Rows of an earlier run are validated as well, so that invalid ones are reported again.
    let mut chunks = read_chunks::<R>(source, &Import { resume: ResumePoint::default(), ..import.clone() });
    while let Some(chunk) = chunks.recv().await {
        let mut chunk = chunk?;
        checked.findings.merge(std::mem::take(&mut chunk.findings), import);
        checked.scattered.extend(std::mem::take(&mut chunk.scattered));
        checked.last = checked.last.max(chunk.last());
        let mut wrong = std::mem::take(&mut chunk.rejected);
        let repeated = std::mem::take(&mut chunk.repeated);
        holders.note_rejected(&wrong);
        let is_repeated = |(at, _): &(Position, R)| repeated.contains_key(at);
        let (mut later, mut rows): (Vec<_>, Vec<_>) = chunk.rows.into_iter().partition(is_repeated);
        loop {
            let known = wrong.len();
            let skipped = skip_existing(database, &mut rows, import, &mut wrong).await?;
            checked.valid += skipped;
            holders.note_rejected(&wrong[known..]);
            let refused = R::check(database.connection(), &rows, import, &mut state).await?;
            checked.valid += (rows.len() - refused.len()) as u64;
            refused
                .iter()
                .map(|(position, _)| &rows[*position])
                .for_each(|(at, row)| holders.note_refused(*at, row, &import.keys));
            wrong.extend(refused.into_iter().map(|(_, wrong)| wrong));
            if later.is_empty() {
                break;
            }
            rows = holders.next_candidates(&mut later, &repeated, &mut wrong);
        }
        sorted(wrong).into_iter().try_for_each(&mut *reject)?;
    }
    Ok(CheckResult { refused: holders.wrong, ..checked })
}

/// Everything before the second pass: identifies the file, loads the shop's keys, validates the rows. The first
/// pass is repeated if only the whole file shows the order of its dates or its scattered orders. `note` receives
/// the notes on the file.
///
/// Returns the number of valid rows, and the rejected ones; all of them if there `is_listed`.
/// Errors: those of the file and of the database; exit 7 for dates and amounts that contradict each other.
pub async fn prepare<R: Storable>(
    database: &Database,
    source: &Source<'_>,
    import: &mut Import,
    resumes: bool,
    is_listed: bool,
    note: &mut dyn FnMut(&str),
) -> Result<(u64, Rejections)> {
    let connection = database.connection();
    let how = format!("{} {:?} {:?} {:?}", R::OPERATION, import.read, import.stock, import.interpretation);
    import.digest = source.digest(&how).await?;
    import.keys = Arc::new(match R::IS_GROUPED {
        true => KeySpellings::load_with_references(connection, None).await?,
        false => KeySpellings::load(connection).await?,
    });
    if resumes {
        import.resume = resume_point(connection, &import.digest).await?.unwrap_or_default();
    }
    loop {
        let mut rejections = Rejections::new(is_listed, import.read.format);
        let reject = &mut |row: Vec<Rejection>| {
            rejections.add(row);
            Ok(())
        };
        let CheckResult { valid, findings, scattered, refused, last } =
            check::<R>(database, source.reader()?, import, reject).await?;
        let mut is_known = true;
        if let Some((order, position)) = findings.dates.decide(import.interpretation.date_order)? {
            note(&format!("dates are read as {} ({position})", order.as_str()));
            import.interpretation.date_order = Some(order);
            is_known = false;
        }
        if import.scattered.len() < scattered.len() {
            import.scattered = Arc::new(scattered);
            is_known = false;
        }
        if is_known {
            findings.notes(import)?.iter().for_each(|text| note(text));
            import.resume.start(last);
            if import.resume.done > Position::default() {
                note(&format!("continuing after {}", import.resume.done));
            }
            import.refused = Arc::new(refused);
            return Ok((valid, rejections));
        }
    }
}

/// Which of several rows with one key counts: the first valid one.
#[derive(Default)]
struct KeyHolders {
    /// Rejected rows, including duplicates.
    wrong: HashSet<Position>,
    /// Those that are valid only for existing rows: they count, so that a later row does not create what they would
    /// update in a repeated import.
    changes: HashSet<Position>,
    /// The row that counts, by the first position of its key, if the first row is invalid.
    by_first: HashMap<Position, Position>,
}

impl KeyHolders {
    fn note_rejected(&mut self, rows: &[Vec<Rejection>]) {
        self.wrong.extend(rows.iter().filter_map(|row| row.first()).map(|rejection| rejection.at));
    }

    fn note_refused<R: Row>(&mut self, at: Position, row: &R, keys: &KeySpellings) {
        self.wrong.insert(at);
        if row.is_update_only(keys) {
            self.changes.insert(at);
        }
    }

    /// Takes the next rows to validate from those with repeated keys, one per key; duplicates are rejected.
    fn next_candidates<R: Row>(
        &mut self,
        rows: &mut Vec<(Position, R)>,
        first: &HashMap<Position, Position>,
        wrong: &mut Vec<Vec<Rejection>>,
    ) -> Vec<(Position, R)> {
        let (mut next, mut later, mut asked) = (Vec::new(), Vec::new(), HashSet::new());
        for (at, row) in std::mem::take(rows) {
            let first = first.get(&at).copied().unwrap_or(at);
            let holder = self.by_first.get(&first).copied().unwrap_or(first);
            if asked.contains(&first) {
                later.push((at, row));
            } else if self.wrong.contains(&holder) && !self.changes.contains(&holder) {
                asked.insert(first);
                self.by_first.insert(first, at);
                next.push((at, row));
            } else {
                wrong.push(vec![duplicate::<R>(at, row.key(), holder)]);
                self.wrong.insert(at);
            }
        }
        *rows = later;
        next
    }
}

/// The second pass: writes the valid rows, many per transaction; `progress` is called after each with the sum
/// and its changes. Rows rejected by the first pass are skipped. Rows that have become invalid go to
/// `reject`; if none is allowed, their transaction is rolled back and is the last.
///
/// Errors: those of the file and of the database; earlier transactions stay committed, and importing the
/// same file again resumes after them.
pub async fn run<R: Storable>(
    operations: &Operations,
    source: impl Read + Send + 'static,
    import: &Import,
    reject: Reject<'_>,
    progress: &mut dyn FnMut(Counts, Vec<ValueChange>),
) -> Result<Counts> {
    let run = operations.ids.next();
    let mut import = import.clone();
    let (mut counts, mut created) = (Counts::default(), HashSet::new());
    let (mut read, mut rejected) = (0, 0);
    import.resume.add_rejected(import.refused.iter().copied());
    let rejects_all = import.on_error == OnError::RejectAll;
    let is_over = |wrong: &[Vec<Rejection>]| rejects_all && !wrong.is_empty();
    let mut chunks = read_chunks::<R>(source, &import);
    while let Some(chunk) = chunks.recv().await {
        let mut chunk = chunk?;
        read += chunk.count();
        rejected += chunk.remove(&import.refused);
        let (mut rows, mut wrong) = (chunk.rows, chunk.rejected);
        let skipped = skip_existing(&operations.database, &mut rows, &import, &mut wrong).await?;
        import.resume.add_rejected(wrong.iter().filter_map(|row| row.first()).map(|rejection| rejection.at));
        let applied = match rows.is_empty() || is_over(&wrong) {
            true => Applied::default(),
            false => write(operations, &rows, &mut import, run).await?,
        };
        import.resume.add_rows(&rows, &applied.refused);
        wrong.extend(applied.refused.into_iter().map(|(_, wrong)| wrong));
        let is_over = is_over(&wrong);
        rejected += wrong.len() as u64;
        sorted(wrong).into_iter().try_for_each(&mut *reject)?;
        if is_over {
            return Ok(counts);
        }
        counts.skipped += skipped;
        counts.add(applied.counts);
        for new in applied.created_rows {
            let count = match &new {
                CreatedRow::User(_) => &mut counts.users,
                CreatedRow::Product(_) => &mut counts.products,
            };
            // Transactions that are rolled back run in sequence.
            *count += u64::from(!operations.dry_run || created.insert(new));
        }
        progress(counts, applied.changes);
    }
    let accounted = counts.total() + rejected;
    match accounted == read {
        true => Ok(counts),
        false => {
            Err(Error::internal(format!("{read} rows were read but {accounted} are accounted for: please report this")))
        }
    }
}

/// Writes rows in one transaction, rolled back if a row is rejected and none may be.
///
/// No index prevents a second spelling of a reference. So transactions with orders are serialized, and reload
/// the spellings if another import has run in between.
async fn write<R: Storable>(
    operations: &Operations,
    rows: &[(Position, R)],
    import: &mut Import,
    run: Uuid,
) -> Result<Applied> {
    // The file and the run; the point that is reached follows.
    let marks = format!("{}{}:", mark_prefix(&import.digest), run.simple());
    let request = Request { repeats_on_duplicate: true, is_serialized: R::IS_GROUPED, ..Request::new(R::OPERATION) };
    let (refused, newest) = (RefCell::default(), RefCell::new(Arc::clone(&import.keys)));
    let body = async |operation: &mut Operation| {
        if R::IS_GROUPED
            && let Some(keys) = import.keys.reload_if_changed(operation.handle(), &marks).await?
        {
            newest.replace(Arc::new(keys));
        }
        let import = Import { keys: Arc::clone(&newest.borrow()), ..import.clone() };
        let mut applied = R::apply(operation, rows, &import).await?;
        if import.on_error == OnError::RejectRows || applied.refused.is_empty() {
            let mut point = import.resume;
            point.add_rows(rows, &applied.refused);
            let key = IdempotencyKey::parse(&format!("{marks}{}", point.key())).map_err(Error::internal)?;
            operation.mark(Idempotency { key, fingerprint: import.digest });
            return Ok(applied);
        }
        refused.replace(Some(std::mem::take(&mut applied.refused)));
        Err(Error::new(Kind::Invalid, "import.invalid", "rows are invalid"))
    };
    let outcome = operations.run(&request, body).await;
    import.keys = newest.into_inner();
    match (outcome, refused.take()) {
        (Err(error), Some(refused)) if error.kind() == Kind::Invalid => Ok(Applied { refused, ..Applied::default() }),
        (outcome, _) => outcome?.done(),
    }
}

/// Keeps the rows to process; returns how many were skipped because they already exist. The others are rejected.
async fn skip_existing<R: Storable>(
    database: &Database,
    rows: &mut Vec<(Position, R)>,
    import: &Import,
    wrong: &mut Vec<Vec<Rejection>>,
) -> Result<u64> {
    if import.on_conflict == OnConflict::Update || rows.is_empty() {
        return Ok(0);
    }
    let there = R::existing(database.connection(), rows, import).await?;
    let (known, others): (Vec<_>, Vec<_>) =
        std::mem::take(rows).into_iter().partition(|(_, row)| there.contains(row.key()));
    *rows = others;
    // Rows written by an earlier run of this file are not a conflict.
    let is_refused = |at: Position| import.on_conflict == OnConflict::Error && at > import.resume.written;
    let (refused, skipped): (Vec<_>, Vec<_>) = known.into_iter().partition(|(at, _)| is_refused(*at));
    wrong.extend(refused.iter().map(|(at, row)| vec![already_exists(*at, row)]));
    Ok(skipped.len() as u64)
}

/// All rows of a file, read in one pass; those that cannot be read and those whose key another row has are rejected,
/// with all their problems. `note` receives the notes on the file.
///
/// Errors: those of the file.
pub async fn read_all<R: Row>(
    source: &Source<'_>,
    import: &Import,
    note: &mut dyn FnMut(&str),
) -> Result<(Vec<(Position, R)>, Vec<Vec<Rejection>>)> {
    let (mut rows, mut rejected, mut findings) = (Vec::new(), Vec::new(), FileFindings::default());
    let mut chunks = read_chunks::<R>(source.reader()?, import);
    while let Some(chunk) = chunks.recv().await {
        let mut chunk = chunk?;
        findings.merge(std::mem::take(&mut chunk.findings), import);
        rejected.append(&mut chunk.rejected);
        for (at, row) in chunk.rows {
            match chunk.repeated.get(&at) {
                Some(first) => rejected.push(vec![duplicate::<R>(at, row.key(), *first)]),
                None => rows.push((at, row)),
            }
        }
    }
    findings.notes(import)?.iter().for_each(|text| note(text));
    Ok((rows, rejected))
}

/// Rows and their problems, in file order.
pub fn sorted(mut wrong: Vec<Vec<Rejection>>) -> Vec<Vec<Rejection>> {
    wrong.iter_mut().for_each(|row| row.sort_by_key(|rejection| rejection.at));
    wrong.sort_by_key(|row| row.first().map(|rejection| rejection.at));
    wrong
}

fn mark_prefix(digest: &str) -> String {
    format!("{MARK_PREFIX}{digest}:")
}

/// How far earlier runs of this file came.
async fn resume_point(connection: &impl ConnectionTrait, digest: &str) -> Result<Option<ResumePoint>> {
    let prefix = mark_prefix(digest);
    let key = repository::audit_event::find_last_key(connection, &prefix).await?;
    // The run, and its last point.
    Ok(key.and_then(|key| key.strip_prefix(&prefix)?.split_once(':')?.1.parse().ok()))
}
