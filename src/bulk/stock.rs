//! `stock import`: the lines of a delivery or a stock-take.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::import::{read_all, sorted};
use super::interpretation::{recorded_stock_parser, stock_parser};
use super::options::Import;
use super::parsed_cell::{MISSING, ParsedCell};
use super::position::Position;
use super::product::ProductRow;
use super::read::{Columns, FileFormat, Record};
use super::rejection::{Problem, Rejection};
use super::rejections::Rejections;
use super::row::Row;
use super::source::Source;
use super::spelling::KeySpellings;
use super::upsert::{find, find_named, shared_key};
use crate::db::Database;
use crate::domain::{EventName, IdempotencyKey, MovementReason};
use crate::entity::product::Model;
use crate::error::{Error, Kind, Result};
use crate::repository::Lock;
use crate::service::operation::{Idempotency, Operations};
use crate::service::stock_lines::{self, LinesResult, Received, StockLine, StockLines};

const RECEIVED: &str = "received";
const COUNTED: &str = "counted";
const EXPECTED: &str = "expected";

/// A line of a file.
#[derive(Debug, Clone)]
pub struct StockRow {
    sku: String,
    /// `None` if the file has no such column.
    received: Option<ParsedCell<i32>>,
    counted: Option<ParsedCell<i32>>,
    /// `None` if the cell is empty.
    expected: Option<ParsedCell<i32>>,
}

impl Row for StockRow {
    const NOUN: &'static str = "product";
    const COMMAND: &'static str = "stock";
    const OPERATION: EventName = EventName::StockImport;
    const KEY: &'static str = "sku";
    const COLUMNS: Columns = Columns {
        known: &["sku", RECEIVED, COUNTED, EXPECTED],
        ignored: &["id", "name", "updated_at"],
        required: &["sku"],
        needed: &["sku"],
        one_of: &[RECEIVED, COUNTED],
        texts: &[],
        amounts: &[],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> StockRow {
        let parser = |column| stock_parser(record.decimal_mark(column));
        StockRow {
            sku: record.written("sku").to_owned(),
            received: ParsedCell::parse_column(record, RECEIVED, parser(RECEIVED)),
            counted: ParsedCell::parse_column(record, COUNTED, parser(COUNTED)),
            expected: ParsedCell::parse_non_empty(
                record,
                EXPECTED,
                recorded_stock_parser(record.decimal_mark(EXPECTED)),
            ),
        }
    }

    fn key(&self) -> &str {
        &self.sku
    }

    fn identity(key: &str, keys: &KeySpellings) -> String {
        keys.sku(key)
    }
}

/// What a file is, by its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockFileKind {
    /// Its lines have received pieces.
    Delivery,
    /// Its lines have counted pieces.
    StockTake,
}

impl StockFileKind {
    /// The usual reason of its movements.
    pub const fn reason(self) -> MovementReason {
        match self {
            StockFileKind::Delivery => MovementReason::Received,
            StockFileKind::StockTake => MovementReason::Correction,
        }
    }
}

impl StockRow {
    /// Errors: exit 7 unless the line has either received or counted pieces.
    fn kind(&self) -> Result<StockFileKind> {
        let hint = "if it has another name there: --map THEIRS=received or --map THEIRS=counted";
        let (problem, hint) = match (&self.received, &self.counted) {
            (Some(_), None) => return Ok(StockFileKind::Delivery),
            (None, Some(_)) => return Ok(StockFileKind::StockTake),
            (Some(_), Some(_)) => {
                let both = "both columns received and counted: a delivery has the first, a stock-take the second";
                (both, "leave one of them out: --ignore-columns counted or --ignore-columns received")
            }
            (None, None) => ("no column received (for a delivery) or counted (for a stock-take)", hint),
        };
        Err(Error::new(Kind::Invalid, "import.invalid", format!("the file has {problem}")).hint(hint))
    }

    /// What the line says in such a file; problems are collected.
    fn line(&self, kind: StockFileKind, wrong: &mut Vec<Problem>) -> Option<StockLine> {
        let (own, column, other) = match kind {
            StockFileKind::Delivery => {
                (&self.received, RECEIVED, [(&self.counted, COUNTED), (&self.expected, EXPECTED)])
            }
            StockFileKind::StockTake => (&self.counted, COUNTED, [(&self.received, RECEIVED), (&None, EXPECTED)]),
        };
        for (cell, column) in other.into_iter().filter_map(|(cell, column)| Some((cell.as_ref()?, column))) {
            let reason = match kind {
                StockFileKind::Delivery => "is for a stock-take, but this file is a delivery",
                StockFileKind::StockTake => "is for a delivery, but this file is a stock-take",
            };
            wrong.push(Problem { column, value: cell.text.clone(), reason: reason.to_owned() });
        }
        let Some(cell) = own else {
            wrong.push(Problem { column, value: String::new(), reason: MISSING.to_owned() });
            return None;
        };
        let pieces = cell.validated(column, wrong).copied();
        let expected = self.expected.as_ref().and_then(|cell| cell.validated(EXPECTED, wrong)).copied();
        match kind {
            StockFileKind::Delivery => pieces.map(StockLine::Received),
            StockFileKind::StockTake => pieces.map(|level| StockLine::Counted { level, expected }),
        }
    }

    /// The problem of a line that the shop rejects, at the cell that it concerns.
    fn rejection(&self, at: Position, kind: StockFileKind, error: &Error) -> Rejection {
        let (column, cell) = match (kind, &self.expected) {
            (StockFileKind::Delivery, _) => (RECEIVED, &self.received),
            (StockFileKind::StockTake, Some(_)) => (EXPECTED, &self.expected),
            (StockFileKind::StockTake, None) => (COUNTED, &self.counted),
        };
        let value = cell.as_ref().map_or_else(String::new, |cell| cell.text.clone());
        Problem { column, value, reason: error.message().to_owned() }.at(at)
    }
}

/// The only product that a line names.
fn product_of(
    row: &StockRow,
    products: &HashMap<String, Vec<Model>>,
    keys: &KeySpellings,
) -> std::result::Result<Model, Problem> {
    let about = |reason: String| Problem { column: "sku", value: row.sku.clone(), reason };
    if row.sku.trim().is_empty() {
        return Err(about(MISSING.to_owned()));
    }
    if let Some(reason) = keys.ambiguous_sku(&row.sku) {
        return Err(about(reason));
    }
    match find_named::<ProductRow>(products, &row.sku, keys) {
        [] => Err(about("is not a known product".to_owned())),
        [only] => Ok(only.clone()),
        several => Err(about(shared_key(several.len(), StockRow::NOUN))),
    }
}

/// A valid line, with its product.
struct FileLine {
    at: Position,
    row: StockRow,
    product: Model,
    line: StockLine,
}

/// A delivery or a stock-take.
pub struct StockFile {
    /// What it is; a file without lines is either.
    pub kind: StockFileKind,
    lines: Vec<FileLine>,
    /// All problems of each line that is rejected.
    rejected: Vec<Vec<Rejection>>,
}

impl StockFile {
    /// Reads a whole file and finds its products. A product may be in it once: for a doubled line it is unknown whether
    /// it was meant twice. `note` receives the notes on the file.
    ///
    /// Errors: those of the file and of the database; exit 7 for a file that is neither a delivery nor a stock-take.
    pub async fn read(
        database: &Database,
        source: &Source<'_>,
        import: &mut Import,
        note: &mut dyn FnMut(&str),
    ) -> Result<StockFile> {
        let connection = database.connection();
        import.keys = Arc::new(KeySpellings::load(connection).await?);
        let (rows, mut rejected) = read_all::<StockRow>(source, import, note).await?;
        let kind = rows.first().map_or(Ok(StockFileKind::Delivery), |(_, first)| first.kind())?;
        let written = rows.iter().map(|(_, row)| row.key());
        let products = find::<ProductRow>(connection, written, &import.keys, Lock::None).await?;
        let mut lines = Vec::with_capacity(rows.len());
        for (at, row) in rows {
            let mut wrong = Vec::new();
            let product = product_of(&row, &products, &import.keys).map_err(|problem| wrong.push(problem));
            match (product, row.line(kind, &mut wrong)) {
                (Ok(product), Some(line)) if wrong.is_empty() => lines.push(FileLine { at, row, product, line }),
                _ => rejected.push(wrong.into_iter().map(|problem| problem.at(at)).collect()),
            }
        }
        Ok(StockFile { kind, lines, rejected })
    }

    /// The number of lines that are not rejected.
    pub fn valid(&self) -> u64 {
        self.lines.len() as u64
    }

    /// The rejected lines; all of them if there `is_listed`.
    pub fn rejections(&self, is_listed: bool, format: FileFormat) -> Rejections {
        let mut rejections = Rejections::new(is_listed, format);
        sorted(self.rejected.clone()).into_iter().for_each(|row| rejections.add(row));
        rejections
    }

    /// Applies the lines in one operation; those that the shop rejects become rejected lines of the file. Returns the
    /// products.
    ///
    /// Errors: as [`stock_lines::run`].
    pub async fn apply(&mut self, operations: &Operations, request: &StockRequest) -> Result<Received> {
        let StockRequest { reason, note, keeps_others, digest, key } = request;
        let lines = self.lines.iter().map(|line| (line.product.clone(), line.line)).collect();
        let wanted = StockLines { lines, reason: *reason, note: note.clone(), keeps_others: *keeps_others };
        let (given, of_file) = match key {
            RequestKey::None => (None, None),
            RequestKey::Given(key) => (Some(key.clone()), None),
            RequestKey::OfFile => (None, Some(key_of_file(digest)?)),
        };
        let mut request = stock_lines::request(StockRow::OPERATION, &wanted, given, digest);
        if let Some(key) = of_file {
            request.idempotency = Some(Idempotency::new(key, StockRow::OPERATION, &json!(digest)));
        }
        let results = match stock_lines::run(operations, &request, &wanted).await? {
            LinesResult::Replayed(received) => return Ok(received),
            LinesResult::Done(results) => results,
        };
        let mut changed = Vec::with_capacity(results.len());
        for (line, result) in std::mem::take(&mut self.lines).into_iter().zip(results) {
            match result {
                Err(error) => self.rejected.push(vec![line.row.rejection(line.at, self.kind, &error)]),
                Ok(result) => {
                    changed.push(result);
                    self.lines.push(line);
                }
            }
        }
        Ok(Received::now(changed))
    }
}

/// How the lines of a file are applied.
pub struct StockRequest {
    /// The reason recorded with the movements.
    pub reason: MovementReason,
    /// Free text recorded with the movements.
    pub note: Option<String>,
    /// Whether lines are applied though others are rejected.
    pub keeps_others: bool,
    /// SHA-256 of the file and of how it is read.
    pub digest: String,
    /// What makes a repetition harmless.
    pub key: RequestKey,
}

/// What makes a repetition of a request harmless.
#[derive(Debug, Clone)]
pub enum RequestKey {
    /// A stock-take says the same when it is repeated.
    None,
    /// The user's own; the request must be the same.
    Given(IdempotencyKey),
    /// The contents of the file: a delivery arrives once, whatever is noted about it.
    OfFile,
}

/// The key of a file with this digest.
///
/// Errors: none for a digest in hexadecimal digits.
fn key_of_file(digest: &str) -> Result<IdempotencyKey> {
    IdempotencyKey::parse(&format!("file {digest}")).map_err(Error::internal)
}
