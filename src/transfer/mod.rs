//! A whole shop on its way: from one database to another, into a file and out of it, whatever the engines.
//!
//! An [`Origin`] gives every row of every table as [`Cell`]s, which are the same on each engine; a [`Fingerprint`] of
//! a table does not depend on the order of its rows. What cannot be kept exactly is refused, with its row named.

mod cell;
pub mod compare;
pub mod fill;
mod fingerprint;
mod row;
pub mod snapshot;

use futures_util::stream::BoxStream;
use sea_orm::prelude::async_trait::async_trait;

pub use cell::Cell;
pub use fingerprint::Fingerprint;
pub use row::Row;

use crate::db::target::Engine;
use crate::entity::tables::Table;
use crate::error::Result;

/// Something that has a whole shop.
#[async_trait]
pub trait Origin: Send {
    /// The engine of the database whose rows these are.
    fn engine(&self) -> Engine;

    /// The tables, those that others refer to first.
    fn tables(&self) -> Vec<Table>;

    /// Every row of one of the tables, which are asked for in their order.
    ///
    /// Errors, there and among the rows: those of reading.
    async fn rows<'a>(&'a mut self, table: &Table) -> Result<BoxStream<'a, Result<Row>>>;
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// Rows that were read or written.
    Rows(u64),
    /// How many indexes and references are being made, which takes a while.
    Indexes(usize),
}

/// Told about progress.
pub type Report<'a> = &'a mut (dyn FnMut(Progress) + Send);
