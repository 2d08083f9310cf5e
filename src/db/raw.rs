//! Rows exactly as the engine stores them, for moving a shop from one database to another.

use std::borrow::Cow;

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sea_orm::{ConnectionTrait, Statement, StreamTrait};

use super::guarded::Snapshot;
use super::target::Engine;
use crate::error::{Error, Result};

/// A stored value by the way it is stored. PostgreSQL and MySQL, whose columns have types, give every value as its
/// text.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// SQLite: text that is not UTF-8.
    Garbled(&'a [u8]),
}

/// A column to read.
#[derive(Debug, Clone, Copy)]
pub struct RawColumn<'a> {
    pub name: &'a str,
    pub is_text: bool,
}

/// Every row of a table in a snapshot, in the order that the engine finds cheapest; `read` gets the index of a column
/// and its value.
///
/// Errors, there and among the rows: those of the database.
pub async fn raw_rows<'a, T: Send + 'a>(
    snapshot: &'a Snapshot,
    table: &str,
    columns: &[RawColumn<'_>],
    read: impl Fn(usize, Raw<'_>) -> T + Send + 'a,
) -> Result<BoxStream<'a, Result<Vec<T>>>> {
    let engine = Engine::of(snapshot);
    let list: Vec<String> = columns.iter().map(|column| engine.raw_column(column)).collect();
    let sql = format!("SELECT {} FROM {}", list.join(", "), engine.quoted(table));
    let (guard, width) = (snapshot.guard(), columns.len());
    let statement = Statement::from_string(snapshot.get_database_backend(), sql.as_str());
    let rows = guard.answer(|| format!("SELECT {table}"), snapshot.inner().stream_raw(statement)).await?;
    let rows = rows.map_err(Error::from).and_then(move |row| {
        let value = |index| Ok(read(index, engine.raw(&row, index)?));
        std::future::ready((0..width).map(value).collect())
    });
    Ok(guard.rows(&sql, rows))
}
