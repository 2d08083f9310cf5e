//! Large results, row by row as they come, in the form that is cheapest to read: PostgreSQL's COPY,
//! which writes whole rows as text, else the driver's rows.

use std::ops::Range;

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sea_orm::{DbErr, QueryResult, Statement, StreamTrait, TryGetable};

use super::copy_text::unescaped;
use super::guarded::Connection;
use super::target::Engine;
use crate::domain::Id;
use crate::error::{Error, Result};

/// A row whose columns are read from the first to the last.
pub struct Row {
    values: Values,
    /// Columns that were read.
    read: usize,
}

enum Values {
    Driver(QueryResult),
    /// A line of COPY, and the part of it that was not read yet.
    Copied(String, Range<usize>),
}

/// Sends a query and reads its rows.
///
/// Errors, there and among the rows: those of the database.
pub async fn rows(connection: &Connection, query: Statement) -> Result<BoxStream<'static, Result<Row>>> {
    Engine::of(connection).stream(connection, query).await
}

/// [`rows`] as the driver reads them.
pub(super) async fn driver_rows(connection: &Connection, query: Statement) -> Result<BoxStream<'static, Result<Row>>> {
    let guard = connection.guard();
    let sql = query.sql.clone();
    let query = connection.adapt(query);
    let rows = guard.answer(|| "a connection".to_owned(), connection.inner().stream_raw(query)).await?;
    let read = guard.clone();
    let rows = rows.map_err(Error::from).and_then(move |row| {
        let guard = read.clone();
        async move { Ok(Row { values: Values::Driver(guard.readable(row).await?), read: 0 }) }
    });
    Ok(guard.rows(&sql, rows))
}

impl Row {
    /// A line of COPY. Source: PostgreSQL's manual, COPY, "Text Format".
    pub(super) fn copied(line: String) -> Row {
        let end = line.trim_end_matches('\n').len();
        Row { values: Values::Copied(line, 0..end), read: 0 }
    }

    /// The next column: a text, or whatever PostgreSQL writes as one.
    pub fn text(&mut self) -> Result<Option<String>> {
        self.next(|text| Ok(text.to_owned()))
    }

    pub fn id(&mut self) -> Result<Id> {
        Ok(self.next(|text| Ok(Id::of_text(text)))?.unwrap_or(Id::Missing))
    }

    /// A value that reads texts too.
    pub fn value<T: TryGetable + for<'t> From<&'t str>>(&mut self) -> Result<Option<T>> {
        self.next(|text| Ok(T::from(text)))
    }

    fn next<T: TryGetable>(&mut self, parse: impl FnOnce(&str) -> Result<T, DbErr>) -> Result<Option<T>> {
        self.read += 1;
        match &mut self.values {
            Values::Driver(row) => Ok(row.try_get_by_index(self.read - 1)?),
            Values::Copied(line, rest) => {
                let value = &line[rest.clone()];
                let length = value.find('\t').unwrap_or(value.len());
                let value = &value[..length];
                rest.start = (rest.start + length + 1).min(rest.end);
                Ok(match value {
                    "\\N" => None,
                    _ if value.contains('\\') => Some(parse(&unescaped(value))?),
                    _ => Some(parse(value)?),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_copy_is_read_column_by_column() {
        let line = "a\\\\b\\n\\tc\t\\N\t\t7\t12.50\t\\\\N".to_owned();
        let mut row = Row::copied(line);
        assert_eq!(row.text().unwrap().as_deref(), Some("a\\b\n\tc"));
        assert_eq!(row.text().unwrap(), None);
        assert_eq!(row.text().unwrap().as_deref(), Some(""));
        assert_eq!(row.value().unwrap(), Some("7".to_owned()));
        assert_eq!(row.text().unwrap().as_deref(), Some("12.50"));
        assert_eq!(row.text().unwrap().as_deref(), Some("\\N"));
    }
}
