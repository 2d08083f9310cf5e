//! A whole shop on its way: from one database to another, into a file and out of it, whatever the engines.
//!
//! An [`Origin`] gives every row of every table as [`Cell`]s, which are the same on each engine; a [`Fingerprint`] of
//! a table does not depend on the order of its rows. What cannot be kept exactly is refused, with its row named.

pub mod backup;
mod cell;
pub mod compare;
pub mod fill;
mod fingerprint;
pub mod mask;
mod row;
pub mod snapshot;

use futures_util::StreamExt;
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

/// Progress is told after this many rows.
const REPORTED: u64 = 1_000;

/// Calls `each` with every row of a table.
///
/// Errors: those of reading, and of `each`.
async fn read_rows(
    table: &Table,
    origin: &mut dyn Origin,
    report: Report<'_>,
    mut each: impl FnMut(Row) -> Result<()> + Send,
) -> Result<()> {
    let (mut rows, mut read) = (origin.rows(table).await?, 0);
    while let Some(row) = rows.next().await {
        each(row?)?;
        read += 1;
        if read == REPORTED {
            report(Progress::Rows(read));
            read = 0;
            // The other side, and the bar, have their turn.
            tokio::task::yield_now().await;
        }
    }
    report(Progress::Rows(read));
    Ok(())
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
