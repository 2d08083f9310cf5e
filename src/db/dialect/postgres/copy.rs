//! COPY: the fastest way to load and export rows. Failures are the driver's errors.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::postgres::PgPoolCopyExt;
use sea_orm::sqlx::{self, Connection as _, Executor as _};
use sea_orm::{DbErr, RuntimeErr, Statement, Value};

use crate::db::copy_text::{RowDigest, push_row};
use crate::db::database::Database;
use crate::db::engine::Engine;
use crate::db::guarded::{Connection, Guard, subject};
use crate::db::insert::InsertTarget;
use crate::db::load::{BATCH, LoadWriter, expect_written};
use crate::db::stream::Row;
use crate::error::Result;

/// Buffer size, in bytes.
const COPY_BYTES: usize = 256 * 1024;

/// A session that loads by COPY.
pub struct CopyWriter {
    connection: PoolConnection<sqlx::Postgres>,
    guard: Guard,
}

impl CopyWriter {
    /// Begins a transaction on a dedicated connection.
    pub async fn begin(database: &Database) -> Result<CopyWriter> {
        let pool = database.connection().inner().get_postgres_connection_pool();
        let guard = database.connection().guard().clone();
        let acquired = guard.answer(|| "a connection".to_owned(), pool.acquire()).await;
        let mut connection = acquired.map_err(driver)?;
        // Dropping the load ends its transaction.
        connection.close_on_drop();
        let mut copying = CopyWriter { connection, guard };
        copying.execute("BEGIN").await?;
        Ok(copying)
    }

    /// Drops indexes and constraints if all tables are empty, this role may do so and nothing else depends on
    /// them; returns the statements that recreate them.
    pub async fn without_indexes(&mut self, tables: &[&str]) -> Result<Vec<String>> {
        let list = tables.iter().map(|table| format!("'{table}'::regclass")).collect::<Vec<_>>().join(", ");
        let full: Vec<String> = tables.iter().map(|table| format!("EXISTS (SELECT 1 FROM {table})")).collect();
        self.execute(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", tables.join(", "))).await?;
        let is_full = format!("SELECT {}", full.join(" OR "));
        let answer = sqlx::query_scalar(sqlx::AssertSqlSafe(is_full)).fetch_one(&mut *self.connection);
        let is_full: bool = self.guard.answer(|| "the tables' state".to_owned(), answer).await.map_err(driver)?;
        if is_full {
            return Ok(Vec::new());
        }
        // Foreign keys are dropped first and recreated last; checks remain, because each row is checked when
        // written.
        let sql = format!(
            "SELECT drop_it, make_it FROM (\
               SELECT CASE contype WHEN 'f' THEN 0 ELSE 2 END AS step, conname AS name, \
                 format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop_it, \
                 format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS make_it \
               FROM pg_constraint WHERE conrelid IN ({list}) AND contype IN ('f', 'u', 'p') \
               UNION ALL \
               SELECT 1, c.relname, format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid) \
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
               WHERE i.indrelid IN ({list}) AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)\
             ) AS found ORDER BY step, name"
        );
        let answer = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *self.connection);
        let found: Vec<(String, String)> =
            self.guard.answer(|| "the tables' indexes".to_owned(), answer).await.map_err(driver)?;
        let drops = found.iter().map(|(drop, _)| drop.as_str()).collect::<Vec<_>>().join("; ");
        self.execute("SAVEPOINT indexes").await?;
        if self.execute(&drops).await.is_err() {
            // Other tables refer to ours, or they belong to another role: keep the indexes.
            self.execute("ROLLBACK TO SAVEPOINT indexes").await?;
            return Ok(Vec::new());
        }
        Ok(found.into_iter().rev().map(|(_, make)| make).collect())
    }
}

#[async_trait]
impl LoadWriter for CopyWriter {
    async fn insert(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
        mut digest: Option<&mut RowDigest>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64> {
        let CopyWriter { connection, guard } = self;
        let sql = format!("COPY {} FROM STDIN", target.sql(Engine::Postgres));
        tracing::trace!(target: "shopctl::sql", "{sql}");
        let what = || subject(&sql);
        let mut copy = guard.answer(what, connection.copy_in_raw(&sql)).await.map_err(driver)?;
        let (mut text, mut sent, mut pending) = (String::new(), 0, 0);
        for row in rows {
            let start = text.len();
            push_row(&mut text, &row)?;
            if let Some(digest) = &mut digest {
                digest.add(&text[start..]);
            }
            pending += 1;
            if text.len() >= COPY_BYTES {
                guard.answer(what, copy.send(text.as_bytes())).await.map_err(driver)?;
                text.clear();
                progress(pending);
                sent += std::mem::take(&mut pending);
            }
        }
        guard.answer(what, copy.send(text.as_bytes())).await.map_err(driver)?;
        let written = guard.answer(what, copy.finish()).await.map_err(driver)?;
        progress(pending);
        expect_written(sent + pending, written)
    }

    async fn execute(&mut self, sql: &str) -> Result<()> {
        tracing::trace!(target: "shopctl::sql", "{sql}");
        let answer = self.connection.execute(sqlx::AssertSqlSafe(sql));
        self.guard.answer(|| subject(sql), answer).await.map_err(driver)?;
        Ok(())
    }

    async fn roll_back_batch(&mut self) -> Result<()> {
        self.execute(&format!("ROLLBACK TO SAVEPOINT {BATCH}")).await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), DbErr> {
        let answer = self.connection.execute("COMMIT");
        self.guard.answer(|| "COMMIT".to_owned(), answer).await.map(drop).map_err(driver)
    }

    /// Closing the connection ends its transaction.
    async fn abandon(self: Box<Self>) {
        // A failure means that the connection is already gone.
        let _ = self.connection.detach().close_hard().await;
    }
}

/// Sends a query and reads its rows.
pub async fn copy_out(connection: &Connection, query: Statement) -> Result<BoxStream<'static, Result<Row>>> {
    let guard = connection.guard();
    let copy = format!("COPY ({query}) TO STDOUT");
    tracing::trace!(target: "shopctl::sql", "COPY ({}) TO STDOUT", query.sql);
    let pool = connection.inner().get_postgres_connection_pool();
    let lines = guard.answer(|| subject(&query.sql), pool.copy_out_raw(&copy)).await.map_err(driver)?;
    // Each message is a row. Source: PostgreSQL's manual, "Message Flow", COPY Operations.
    let row = move |line: std::result::Result<_, _>| {
        let text =
            String::from_utf8(Vec::from(line.map_err(driver)?)).map_err(|error| DbErr::Type(error.to_string()))?;
        Ok(Row::copied(text))
    };
    Ok(guard.rows(&query.sql, lines.map(row)))
}

fn driver(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}
