//! Invalid texts: SQLite stores any value in a text column, and the driver rejects bytes and texts that are not
//! UTF-8 there. A row with such a value is rebuilt with valid texts.

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sea_orm::sqlx::{Column as _, Decode, Row as _, Sqlite, TypeInfo as _, ValueRef as _};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, SqlxSqliteConnector, Statement, Value,
};
use tokio::sync::OnceCell;

use crate::db::guarded::RowRepair;
use crate::db::raw::Raw;
use crate::domain::text;

/// Creates rows with an empty in-memory database, opened on first use. Only SQLite can create a row of the
/// driver, and the shop's own connections may be in use.
#[derive(Debug, Default)]
pub struct SqliteRowRepair(OnceCell<DatabaseConnection>);

#[async_trait]
impl RowRepair for SqliteRowRepair {
    fn is_odd(&self, row: &QueryResult) -> bool {
        row.try_as_sqlite_row().is_some_and(has_odd_text)
    }

    async fn repair(&self, row: QueryResult) -> Result<QueryResult, DbErr> {
        let Some(again) = row.try_as_sqlite_row().map(made_again) else { return Ok(row) };
        let open = async || {
            let pool = SqlitePoolOptions::new().max_connections(1);
            SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(SqliteConnectOptions::new()))
        };
        let made = self.0.get_or_init(open).await.query_one_raw(again).await?;
        made.ok_or_else(|| DbErr::Custom("a row could not be made".to_owned()))
    }
}

fn has_odd_text(row: &SqliteRow) -> bool {
    row.columns().iter().enumerate().any(|(position, column)| {
        let Ok(value) = row.try_get_raw(position) else { return false };
        let stored = value.type_info();
        match stored.name() {
            "TEXT" => <&str as Decode<Sqlite>>::decode(value).is_err(),
            "BLOB" => column.type_info().name() == "TEXT" && !is_id(column.name()),
            _ => false,
        }
    })
}

/// Ids are read as stored, also if they are bytes.
fn is_id(column: &str) -> bool {
    column == "id" || column.ends_with("_id")
}

/// The statement that returns the row again, with valid texts. Numbers and ids are unchanged.
fn made_again(row: &SqliteRow) -> Statement {
    let names = row.columns().iter().map(|column| format!("? AS \"{}\"", column.name().replace('"', "\"\"")));
    let sql = format!("SELECT {}", names.collect::<Vec<_>>().join(", "));
    let values = row.columns().iter().enumerate().map(|(position, column)| {
        let declared = if is_id(column.name()) { "" } else { column.type_info().name() };
        value(row, position, declared).unwrap_or(Value::String(None))
    });
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}

/// A value as it is stored, of whatever type.
pub fn raw(row: &SqliteRow, position: usize) -> Result<Raw<'_>, DbErr> {
    let value = row.try_get_raw(position).map_err(|error| DbErr::Type(error.to_string()))?;
    if value.is_null() {
        return Ok(Raw::Null);
    }
    let stored = value.type_info().into_owned();
    let decoded = match stored.name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(Raw::Integer),
        "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(Raw::Real),
        "BLOB" => <&[u8] as Decode<Sqlite>>::decode(value).map(|bytes| Raw::Bytes(bytes.into())),
        _ => <&[u8] as Decode<Sqlite>>::decode(value).map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => Raw::Text(text.into()),
            Err(_) => Raw::Garbled(bytes),
        }),
    };
    decoded.map_err(|error| DbErr::Type(error.to_string()))
}

/// `None` for NULL.
fn value(row: &SqliteRow, position: usize, declared: &str) -> Option<Value> {
    let raw = row.try_get_raw(position).ok().filter(|raw| !raw.is_null())?;
    let stored = raw.type_info().into_owned();
    Some(match stored.name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(raw).ok()?.into(),
        "REAL" => <f64 as Decode<Sqlite>>::decode(raw).ok()?.into(),
        "BLOB" if declared != "TEXT" => <&[u8] as Decode<Sqlite>>::decode(raw).ok()?.to_vec().into(),
        _ => text::from_bytes(<&[u8] as Decode<Sqlite>>::decode(raw).ok()?.to_vec()).into(),
    })
}
