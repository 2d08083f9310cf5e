//! Fills an empty shop from an [`Origin`], in one transaction: whatever ends it early leaves the shop empty.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join3;
use futures_util::stream::BoxStream;
use sea_orm::Value;
use sea_orm::sea_query::ArrayType;
use sha2::{Digest, Sha256};

use super::row::shown;
use super::{Cell, Fingerprint, Origin, Progress, Report, Row, read_rows};
use crate::db::Database;
use crate::db::insert::InsertTarget;
use crate::db::load::Load;
use crate::domain::text::hexadecimal;
use crate::entity::tables::{Column, Family, Table};
use crate::error::{Error, Hint, Kind, Result, printable};
use crate::service::committing::{CommitTracker, Pending};

/// How much is sent at once: few enough bytes for memory, and as many rows as pay for a round trip.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_ROWS: usize = 10_000;

/// A table with what was written into it.
pub type Filled = (Table, Fingerprint);

/// A row of a table that is no part of a shop.
pub type OtherRow = (InsertTarget, Vec<Value>);

/// Makes the row that says of a shop what it is, or none.
pub type Mark<'a> = &'a (dyn Fn(&[Filled]) -> Option<OtherRow> + Send + Sync);

/// SHA-256 over what every table has, and over `about`; hexadecimal.
pub fn digest(filled: &[Filled], about: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(about);
    for (table, fingerprint) in filled {
        digest.update(format!("\n{} {}", table.name, fingerprint.digest()));
    }
    hexadecimal(&digest.finalize())
}

/// Where rows go.
struct Destination {
    insert: InsertTarget,
    table: Table,
    /// Whether values keep the form in which the origin stores them.
    in_form: bool,
    /// Whether a column takes values that it is not for.
    holds_odd: bool,
}

/// Writes every row of the origin, and with them the row that `mark` makes of what was written.
///
/// Errors: exit 7 for a row that cannot be kept exactly, which is named; those of both databases. Nothing is written
/// then.
pub async fn fill(
    origin: &mut dyn Origin,
    database: &Database,
    committing: &CommitTracker,
    remedy: Hint,
    report: Report<'_>,
    mark: Mark<'_>,
) -> Result<Vec<Filled>> {
    let tables = origin.tables();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let mut load = database.load(&names).await?;
    let loaded = match write_all(&mut load, origin, database, report, mark).await {
        Ok(loaded) => loaded,
        Err(error) => {
            load.abandon().await;
            return Err(error);
        }
    };
    committing.begin(Pending::Work(remedy.clone()).in_database(database.engine()));
    let committed = load.commit().await;
    committing.end();
    committed.map_err(|error| match error.kind() {
        Kind::OutcomeUnknown => error.hint(remedy),
        _ => error,
    })?;
    Ok(loaded)
}

async fn write_all(
    load: &mut Load,
    origin: &mut dyn Origin,
    database: &Database,
    report: Report<'_>,
    mark: Mark<'_>,
) -> Result<Vec<Filled>> {
    let (from, to) = (origin.engine(), database.engine());
    let mut loaded = Vec::new();
    for table in origin.tables() {
        let columns = table.columns.iter().map(|column| (column.name.clone(), array_type(column.family)));
        let destination = Destination {
            insert: InsertTarget::new(table.name.clone(), columns.collect()),
            in_form: from == to,
            holds_odd: from == to || to.holds_any_value,
            table: table.clone(),
        };
        let mut fingerprint = Fingerprint::empty();
        let mut rows = origin.rows(&table).await?;
        let mut batch = Arc::new(destination.next_batch(&mut rows).await?);
        while !batch.is_empty() {
            // One side reads while the other writes, and a thread of its own sums up.
            let summed = fingerprint.with(Arc::clone(&batch), table.clone());
            let write = destination.write(load, &batch);
            let (summed, written, next) = join3(summed, write, destination.next_batch(&mut rows)).await;
            written?;
            report(Progress::Rows(batch.len() as u64));
            (fingerprint, batch) = (summed?, Arc::new(next?));
        }
        loaded.push((table, fingerprint));
    }
    load.rebuild(|count| report(Progress::Indexes(count))).await?;
    if let Some((target, row)) = mark(&loaded) {
        load.insert_rows(&target, &mut std::iter::once(row)).await?;
    }
    Ok(loaded)
}

fn array_type(family: Family) -> ArrayType {
    match family {
        Family::Id => ArrayType::Uuid,
        Family::Time => ArrayType::ChronoDateTimeUtc,
        Family::Amount => ArrayType::Decimal,
        Family::Integer => ArrayType::BigInt,
        Family::Text | Family::Other => ArrayType::String,
    }
}

impl Destination {
    /// The next rows; none at the end.
    ///
    /// Errors: exit 7 for a row that cannot be kept.
    async fn next_batch(&self, rows: &mut BoxStream<'_, Result<Row>>) -> Result<Vec<Row>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES && batch.len() < BATCH_ROWS {
            let Some(row) = rows.next().await.transpose()? else { break };
            check(&row, &self.table, self.holds_odd)?;
            bytes += row.0.iter().map(size).sum::<usize>();
            batch.push(row);
        }
        Ok(batch)
    }

    fn values(&self, row: &Row) -> Vec<Value> {
        row.0.iter().map(|cell| cell.to_value(self.in_form)).collect()
    }

    /// Writes a batch. If the database refuses it, the row is found that it refuses.
    async fn write(&self, load: &mut Load, batch: &[Row]) -> Result<()> {
        let insert = async |load: &mut Load, rows: &[Row]| {
            load.insert_rows(&self.insert, &mut rows.iter().map(|row| self.values(row))).await
        };
        let Err(mut error) = insert(load, batch).await else { return Ok(()) };
        let mut suspects = batch;
        while suspects.len() > 1 {
            if matches!(error.kind(), Kind::Unavailable | Kind::OutcomeUnknown) {
                return Err(error);
            }
            load.roll_back_batch().await?;
            let (first, rest) = suspects.split_at(suspects.len() / 2);
            suspects = match insert(load, first).await {
                Err(of_first) => {
                    error = of_first;
                    first
                }
                Ok(()) => match insert(load, rest).await {
                    Err(of_rest) => {
                        error = of_rest;
                        rest
                    }
                    Ok(()) => return Ok(()),
                },
            };
        }
        match suspects {
            [row] if !matches!(error.kind(), Kind::Unavailable | Kind::OutcomeUnknown) => {
                Err(refusal(row, &self.table, error.message(), None))
            }
            _ => Err(error),
        }
    }
}

/// Refuses what no database keeps, and unless `holds_odd` what a column is not for.
///
/// Errors: exit 7 naming the row.
pub fn check(row: &Row, table: &Table, holds_odd: bool) -> Result<()> {
    match refused(row, table, holds_odd) {
        Some((column, why)) => Err(refusal(row, table, &why, Some(column))),
        None => Ok(()),
    }
}

/// The rows of a shop with a value that is none of its column, which only some engines keep: how many there are, and the
/// first ones, `M-1 of products: price is 12.345, which is not an amount`.
///
/// Errors: those of reading.
pub async fn odd_rows(origin: &mut dyn Origin, most: usize) -> Result<(u64, Vec<String>)> {
    let (mut count, mut named) = (0, Vec::new());
    for table in origin.tables() {
        let odd = |row: Row| {
            if let Some((_, why)) = refused(&row, &table, false) {
                count += 1;
                if named.len() < most {
                    named.push(format!("{} of {}: {why}", printable(&row.name(&table)), table.name));
                }
            }
            Ok(())
        };
        read_rows(&table, origin, &mut |_| (), odd).await?;
    }
    Ok((count, named))
}

/// The first value of a row that is refused, and why.
fn refused<'a>(row: &Row, table: &'a Table, holds_odd: bool) -> Option<(&'a Column, String)> {
    table.columns.iter().zip(&row.0).find_map(|(column, cell)| {
        let why = match cell {
            Cell::Garbled(_) => "is text that is not UTF-8".to_owned(),
            Cell::Missing if !column.may_be_null => "is NULL".to_owned(),
            cell if !holds_odd && !cell.is_of(column.family) => {
                let shown = shown(column, cell).unwrap_or_default();
                format!("is {}, which is not {}", printable(&shown), column.family)
            }
            _ => return None,
        };
        Some((column, format!("{} {why}", column.name)))
    })
}

fn refusal(row: &Row, table: &Table, why: &str, column: Option<&Column>) -> Error {
    let (name, table) = (printable(&row.name(table)), &table.name);
    let message = format!("the row {name} of {table} cannot be kept exactly: {why}; nothing was written");
    let details = serde_json::json!({
        "table": table, "row": name, "column": column.map(|column| &column.name)
    });
    Error::new(Kind::Invalid, "transfer.row", message)
        .details(details)
        .hint("correct the row in the source, then repeat the command")
}

/// About how many bytes a value takes.
fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) | Cell::Garbled(bytes) => bytes.len(),
        _ => 16,
    }
}
