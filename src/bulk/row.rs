//! The interface of importable nouns: reading rows and writing them.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use super::options::{Import, OnConflict};
use super::position::Position;
use super::read::{Columns, Record};
use super::rejection::Rejection;
use super::spelling::KeySpellings;
use crate::domain::EventName;
use crate::error::Result;
use crate::service::operation::Operation;

/// A noun that can be imported by its natural key (DL-001).
pub trait Row: Sized + Clone + Send + 'static {
    /// `product`
    const NOUN: &'static str;
    /// The noun whose `import` reads it.
    const COMMAND: &'static str = Self::NOUN;
    /// What is done with the rows: the verb and its participle.
    const VERB: (&'static str, &'static str) = ("import", "imported");
    /// The operation that the audit trail records.
    const OPERATION: EventName;
    /// The columns of its files.
    const COLUMNS: Columns;
    /// The column of the natural key.
    const KEY: &'static str;
    /// The time column, whose order of day and month is proved by the whole file.
    const TIME: Option<&'static str> = None;
    /// Whether consecutive records with the same key form one row, apart from JSON with nested records.
    const IS_GROUPED: bool = false;

    /// Cleans a record before anything is read of it.
    fn clean(_record: &mut Record) {}

    /// Reads a record; its values are validated against the shop later.
    fn parse(record: &Record, import: &Import) -> Self;

    /// The natural key as it is written: SKU, e-mail address, reference.
    fn key(&self) -> &str;

    /// The canonical key, equal for all spellings.
    fn identity(key: &str, keys: &KeySpellings) -> String;

    /// All problems of a row that is rejected anyway.
    fn problems(&self, _at: Position, _import: &Import) -> Vec<Rejection> {
        Vec::new()
    }

    /// Whether it is valid but incomplete for a new row.
    fn is_update_only(&self, _keys: &KeySpellings) -> bool {
        false
    }

    /// Adds the next line of the same key, if lines are grouped. Errors: why it does not match.
    fn join(&mut self, _next: Self) -> Result<(), String> {
        Err(format!("the same {} is already in the file", Self::NOUN))
    }

    /// The number of its lines in the file.
    fn lines(&self) -> usize {
        1
    }
}

/// Processes rows: finds existing ones, validates and writes them.
#[expect(async_fn_in_trait, reason = "used within this crate only")]
pub trait Storable: Row {
    /// The state of the first pass between queries.
    type CheckState: Default;

    /// The written keys of the rows that already exist.
    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(Position, Self)],
        import: &Import,
    ) -> Result<HashSet<String>>;

    /// The problems of rows in the current shop, by position.
    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(Position, Self)],
        import: &Import,
        state: &mut Self::CheckState,
    ) -> Result<Vec<(usize, Vec<Rejection>)>>;

    /// Creates or updates rows on an open operation: absent → create, different → update.
    async fn apply(operation: &mut Operation, rows: &[(Position, Self)], import: &Import) -> Result<Applied>;
}

/// A changed value of a row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ValueChange {
    /// The row's key, as it is stored.
    pub key: String,
    /// The column's name in files.
    pub column: &'static str,
    /// The value before, as stored.
    pub before: String,
    /// The value after, as stored.
    pub after: String,
}

/// The result of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that did not exist.
    pub created: u64,
    /// Existing rows that differed from the file.
    pub updated: u64,
    /// Existing rows that equal the file.
    pub unchanged: u64,
    /// Already existing and skipped on request.
    pub skipped: u64,
    /// Users created for orders.
    pub users: u64,
    /// Products created for orders.
    pub products: u64,
    /// Pieces that orders took from the stock.
    pub taken: u64,
    /// Existing products whose stock differs from the file; it is not imported.
    pub other_stock: u64,
    /// Products that were retired because the file lacks them.
    pub retired: u64,
}

impl Counts {
    /// The number of processed rows, except rejected ones.
    pub fn total(self) -> u64 {
        self.created + self.updated + self.unchanged + self.skipped
    }

    /// Adds the counts of another transaction.
    pub fn add(&mut self, other: Counts) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
        self.users += other.users;
        self.products += other.products;
        self.taken += other.taken;
        self.other_stock += other.other_stock;
        self.retired += other.retired;
    }
}

/// The result of a transaction.
#[derive(Debug, Default)]
pub struct Applied {
    pub counts: Counts,
    /// Rejected rows by position, with their problems.
    pub refused: Vec<(usize, Vec<Rejection>)>,
    /// The changed values, if reported.
    pub changes: Vec<ValueChange>,
    /// What was created for orders.
    pub created_rows: Vec<CreatedRow>,
}

/// Users and products created for orders, by stored key.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum CreatedRow {
    User(String),
    Product(String),
}

impl Applied {
    /// Whether an existing row is skipped on request, without further checks.
    pub fn skips_existing<R: Row>(&mut self, position: usize, at: Position, row: &R, import: &Import) -> bool {
        match import.on_conflict {
            OnConflict::Update => return false,
            OnConflict::Skip => self.counts.skipped += 1,
            OnConflict::Error => self.refused.push((position, vec![already_exists(at, row)])),
        }
        true
    }
}

/// The problem of a row that must not exist yet.
pub fn already_exists<R: Row>(at: Position, row: &R) -> Rejection {
    Rejection::for_row(at, row.key(), format!("such {} {} already exists", article(R::NOUN), R::NOUN))
}

fn article(noun: &str) -> &'static str {
    if noun == "order" { "an" } else { "a" }
}
