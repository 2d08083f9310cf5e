//! What can be imported: what a file says of it, and what the shop does with it.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use super::plan::{Import, OnConflict};
use super::position::Position;
use super::read::{Columns, Record};
use super::rejection::Rejection;
use super::spelling::Keys;
use crate::domain::EventName;
use crate::error::Result;
use crate::service::operation::Operation;

/// A noun that can be imported, by its natural key (DL-001): what a file says of it.
pub trait Row: Sized + Clone + Send + 'static {
    /// `product`
    const NOUN: &'static str;
    const OPERATION: EventName;
    const COLUMNS: Columns;
    /// The column of the natural key.
    const KEY: &'static str;
    /// The column of times whose order of day and month the whole file proves.
    const TIME: Option<&'static str> = None;
    /// Whether lines of CSV with the same key that follow one another are one row.
    const IS_GROUPED: bool = false;

    /// Takes in what a record says; whether that is right is seen beside what the shop has.
    fn parse(record: &Record, import: &Import) -> Self;

    /// The natural key as it is written: SKU, e-mail address, reference.
    fn key(&self) -> &str;

    /// Two written keys that mean the same have the same.
    fn identity(key: &str, keys: &Keys) -> String;

    /// All that is wrong with a row that is not imported anyway.
    fn problems(&self, _at: Position, _import: &Import) -> Vec<Rejection> {
        Vec::new()
    }

    /// Whether it says too little to make what it names, and nothing wrong.
    fn is_mere_change(&self, _keys: &Keys) -> bool {
        false
    }

    /// Takes in the next line of the same key, where lines are grouped. Errors: why it does not fit.
    fn join(&mut self, _next: Self) -> Result<(), String> {
        Err(format!("the same {} was in the file before", Self::NOUN))
    }

    /// How many lines of the file it is.
    fn lines(&self) -> usize {
        1
    }
}

/// What the shop does with rows: finds those that are there, objects to some, writes the others.
#[allow(async_fn_in_trait, reason = "used within this crate only")]
pub trait Storable: Row {
    /// What the first pass has to remember from one look at the shop to the next.
    type Memory: Default;

    /// The keys of these rows that are there, as they are written.
    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(Position, Self)],
        import: &Import,
    ) -> Result<HashSet<String>>;

    /// What is wrong with rows beside the shop as it is, by their position.
    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(Position, Self)],
        import: &Import,
        memory: &mut Self::Memory,
    ) -> Result<Vec<(usize, Vec<Rejection>)>>;

    /// Creates or updates rows on an open operation: absent → create, different → update.
    async fn apply(operation: &mut Operation, rows: &[(Position, Self)], import: &Import) -> Result<Applied>;
}

/// A value that a row changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The row's key, as it is stored.
    pub key: String,
    pub column: &'static str,
    pub before: String,
    pub after: String,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// There already, and left alone as was asked for.
    pub skipped: u64,
    /// Users that were made for orders.
    pub users: u64,
    /// Products likewise.
    pub products: u64,
    /// Pieces that orders took out of the stock.
    pub taken: u64,
    /// Products that were there with another stock than the file says, which is not imported.
    pub other_stock: u64,
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
        self.taken += other.taken;
        self.other_stock += other.other_stock;
    }
}

/// What a transaction did.
#[derive(Debug, Default)]
pub struct Applied {
    pub counts: Counts,
    /// Rows by their position, and why the shop would not have them.
    pub refused: Vec<(usize, Vec<Rejection>)>,
    /// What changed, where that is told.
    pub changes: Vec<ValueChange>,
    /// What was made for orders.
    pub made: Vec<Made>,
}

/// What an order named that was not there, by its stored key.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Made {
    User(String),
    Product(String),
}

impl Applied {
    /// Whether a row that is there by now is left alone, as was asked for: it is not looked at further.
    pub fn leaves<R: Row>(&mut self, position: usize, at: Position, row: &R, import: &Import) -> bool {
        match import.on_conflict {
            OnConflict::Update => return false,
            OnConflict::Skip => self.counts.skipped += 1,
            OnConflict::Error => self.refused.push((position, vec![already_there(at, row)])),
        }
        true
    }
}

/// Why a row is wrong that must not be there yet.
pub fn already_there<R: Row>(at: Position, row: &R) -> Rejection {
    Rejection::of_row(at, row.key(), format!("there is such {} {} already", article(R::NOUN), R::NOUN))
}

fn article(noun: &str) -> &'static str {
    if noun == "order" { "an" } else { "a" }
}
