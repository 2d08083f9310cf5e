//! Rows in bulk, by the fastest way that an engine has: PostgreSQL's COPY, multi-row INSERT
//! elsewhere; into tables without indexes where they can be made afterwards.
//!
//! A load is one transaction, its changes of the schema included: whatever ends it early, a killed
//! process too, leaves nothing of it.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, Connection as _, Executor as _, Postgres};
use sea_orm::{ConnectionTrait, DbErr, EntityName, EntityTrait, IdenStatic, Iterable, ModelTrait, RuntimeErr, Value};
use sha2::{Digest, Sha256};

use super::Database;
use super::fault::classify;
use super::guarded::{Guard, subject};
use super::insert::{Into, ROWS_PER_INSERT, push_text};
use super::inspection::{rows, text};
use super::target::Engine;
use super::write::WriteHandle;
use crate::error::{Error, Kind, Result};

/// Bytes that are sent at once by COPY.
const COPY_BYTES: usize = 256 * 1024;
/// Pages that SQLite keeps in memory, in KiB.
const SQLITE_CACHE_KIB: u32 = 12 * 1024;

/// An open load.
pub struct Load {
    way: Way,
    /// Statements that make the indexes again which are gone for the time being.
    rebuild: Vec<String>,
}

enum Way {
    Copy(Copying),
    Insert(WriteHandle),
}

/// A session that loads by COPY.
struct Copying {
    connection: PoolConnection<Postgres>,
    guard: Guard,
}

/// What was loaded into one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub rows: u64,
    /// SHA-256 over all rows as text, the same on every engine.
    pub digest: [u8; 32],
}

impl Database {
    /// Begins a load into these tables. While it is open it holds them for itself.
    ///
    /// Errors: as [`Database::begin`].
    pub async fn load(&self, tables: &[&str]) -> Result<Load> {
        self.ready().await?;
        match self.engine() {
            Engine::Postgres => {
                let pool = self.connection().inner().get_postgres_connection_pool();
                let guard = self.connection().guard().clone();
                let acquired = guard.answer(|| "a connection".to_owned(), pool.acquire()).await;
                let mut connection = acquired.map_err(driver)?;
                // A load that is dropped takes its transaction with it.
                connection.close_on_drop();
                let mut copying = Copying { connection, guard };
                copying.execute("BEGIN").await?;
                let rebuild = copying.without_indexes(tables).await?;
                Ok(Load { way: Way::Copy(copying), rebuild })
            }
            Engine::Sqlite | Engine::Mysql => {
                let handle = self.begin().await?;
                let rebuild =
                    if self.engine() == Engine::Sqlite { sqlite_indexes(&handle, tables).await? } else { Vec::new() };
                Ok(Load { way: Way::Insert(handle), rebuild })
            }
        }
    }
}

impl Load {
    /// Writes rows into their table; `progress` hears of each portion.
    ///
    /// Errors: those of the database; nothing of the load is kept then.
    pub async fn insert<M>(&mut self, models: impl Iterator<Item = M>, progress: &mut dyn FnMut(u64)) -> Result<Loaded>
    where
        M: ModelTrait,
        <M::Entity as EntityTrait>::Column: Copy,
    {
        let columns: Vec<<M::Entity as EntityTrait>::Column> = <M::Entity as EntityTrait>::Column::iter().collect();
        let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.as_str())).collect();
        let table = M::Entity::default().table_name().to_owned();
        let models = models.map(|model| columns.iter().map(|column| model.get(*column)).collect::<Vec<Value>>());
        match &mut self.way {
            Way::Copy(copying) => copying.copy(&table, &names, models, progress).await,
            Way::Insert(handle) => insert(handle, &Into::of::<M>(handle.engine()), models, progress).await,
        }
    }

    /// Makes the indexes again; `told` hears of it before.
    pub async fn rebuild(&mut self, told: impl FnOnce(usize)) -> Result<()> {
        let statements = std::mem::take(&mut self.rebuild);
        if !statements.is_empty() {
            told(statements.len());
        }
        for statement in statements {
            match &mut self.way {
                Way::Copy(copying) => copying.execute(&statement).await?,
                Way::Insert(handle) => {
                    handle.execute_unprepared(&statement).await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps everything. Dropping a load instead keeps nothing.
    ///
    /// Errors: exit 12 when the connection is lost, and with it what became of the load; those of the
    /// database, when it refused.
    pub async fn commit(mut self) -> Result<()> {
        self.rebuild(|_| ()).await?;
        let committed = match self.way {
            Way::Copy(mut copying) => {
                let answer = copying.connection.execute("COMMIT");
                let committed = copying.guard.answer(|| "COMMIT".to_owned(), answer).await;
                committed.map(drop).map_err(|error| DbErr::Exec(from_driver(error)))
            }
            Way::Insert(handle) => handle.commit().await,
        };
        committed.map_err(|error| {
            let is_refusal = classify(&error).is_refusal();
            let error = Error::from(error);
            if is_refusal {
                return error;
            }
            let message = format!("it is not known whether the load was kept: {}", error.message());
            Error::new(Kind::OutcomeUnknown, "operation.outcome_unknown", message)
        })
    }

    /// Gives everything up, now and not when the server notices.
    pub async fn abandon(self) {
        match self.way {
            // A connection that is closed takes its transaction with it.
            Way::Copy(copying) => drop(copying.connection.detach().close_hard().await),
            Way::Insert(handle) => drop(handle.rollback().await),
        }
    }
}

fn driver(error: sqlx::Error) -> Error {
    DbErr::Exec(from_driver(error)).into()
}

fn from_driver(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(std::sync::Arc::new(error))
}

impl Copying {
    async fn execute(&mut self, sql: &str) -> Result<()> {
        tracing::trace!(target: "shopctl::sql", "{sql}");
        let answer = self.connection.execute(sqlx::AssertSqlSafe(sql));
        self.guard.answer(|| subject(sql), answer).await.map_err(driver)?;
        Ok(())
    }

    async fn copy(
        &mut self,
        table: &str,
        names: &[String],
        rows: impl Iterator<Item = Vec<Value>>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Loaded> {
        let Copying { connection, guard } = self;
        let sql = format!("COPY {table} ({}) FROM STDIN", names.join(", "));
        tracing::trace!(target: "shopctl::sql", "{sql}");
        let what = || subject(&sql);
        let mut copy = guard.answer(what, connection.copy_in_raw(&sql)).await.map_err(driver)?;
        let (mut lines, mut told) = (Lines::default(), 0);
        for row in rows {
            lines.push(&row);
            if lines.text.len() >= COPY_BYTES {
                let text = lines.take();
                guard.answer(what, copy.send(text.as_bytes())).await.map_err(driver)?;
                progress(lines.rows - told);
                told = lines.rows;
            }
        }
        let text = lines.take();
        guard.answer(what, copy.send(text.as_bytes())).await.map_err(driver)?;
        let written = guard.answer(what, copy.finish()).await.map_err(driver)?;
        progress(lines.rows - told);
        lines.loaded(written)
    }

    /// Takes indexes and constraints away, if all tables are empty, this role may do so and nothing else
    /// needs them; gives the statements that make them again.
    async fn without_indexes(&mut self, tables: &[&str]) -> Result<Vec<String>> {
        let list = tables.iter().map(|table| format!("'{table}'::regclass")).collect::<Vec<_>>().join(", ");
        let full: Vec<String> = tables.iter().map(|table| format!("EXISTS (SELECT 1 FROM {table})")).collect();
        self.execute(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", tables.join(", "))).await?;
        let is_full = format!("SELECT {}", full.join(" OR "));
        let answer = sqlx::query_scalar(sqlx::AssertSqlSafe(is_full)).fetch_one(&mut *self.connection);
        let is_full: bool = self.guard.answer(|| "the tables' state".to_owned(), answer).await.map_err(driver)?;
        if is_full {
            return Ok(Vec::new());
        }
        // Foreign keys go first and come back last; checks stay, a row is checked as it comes.
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
            // Tables of others refer to ours, or they belong to another role: then they are kept.
            self.execute("ROLLBACK TO SAVEPOINT indexes").await?;
            return Ok(Vec::new());
        }
        Ok(found.into_iter().rev().map(|(_, make)| make).collect())
    }
}

async fn insert(
    handle: &WriteHandle,
    into: &Into,
    mut rows: impl Iterator<Item = Vec<Value>>,
    progress: &mut dyn FnMut(u64),
) -> Result<Loaded> {
    let (mut lines, mut written) = (Lines::default(), 0);
    loop {
        let (mut values, mut count) = (Vec::new(), 0);
        for row in rows.by_ref().take(ROWS_PER_INSERT) {
            lines.push(&row);
            values.extend(row);
            count += 1;
        }
        if count == 0 {
            return lines.loaded(written);
        }
        written += handle.execute_raw(into.values(values)).await?.rows_affected();
        lines.take();
        progress(count);
    }
}

/// Rows in the text form of COPY, which also serves to tell whether two loads are the same.
#[derive(Default)]
struct Lines {
    text: String,
    digest: Sha256,
    rows: u64,
}

impl Lines {
    fn push(&mut self, row: &[Value]) {
        for (position, value) in row.iter().enumerate() {
            if position > 0 {
                self.text.push('\t');
            }
            if !push_text(&mut self.text, value, push_escaped) {
                self.text.push_str("\\N");
            }
        }
        self.text.push('\n');
        self.rows += 1;
    }

    fn take(&mut self) -> String {
        let capacity = self.text.capacity();
        let text = std::mem::replace(&mut self.text, String::with_capacity(capacity));
        self.digest.update(text.as_bytes());
        text
    }

    fn loaded(mut self, written: u64) -> Result<Loaded> {
        self.take();
        if written != self.rows {
            return Err(Error::internal(format!("{} rows were sent and {written} written", self.rows)));
        }
        Ok(Loaded { rows: self.rows, digest: self.digest.finalize().into() })
    }
}

/// A string as COPY reads it. Source: PostgreSQL's manual, COPY, "Text Format".
fn push_escaped(text: &mut String, string: &str) {
    if !string.contains(['\\', '\n', '\r', '\t']) {
        text.push_str(string);
        return;
    }
    for character in string.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
}

/// As [`Copying::without_indexes`]; SQLite keeps those of UNIQUE and PRIMARY KEY.
async fn sqlite_indexes(handle: &WriteHandle, tables: &[&str]) -> Result<Vec<String>> {
    handle.execute_unprepared(&format!("PRAGMA cache_size = -{SQLITE_CACHE_KIB}")).await?;
    let full: Vec<String> = tables.iter().map(|table| format!("SELECT 1 AS found FROM {table} LIMIT 1")).collect();
    for sql in full {
        if !rows(handle, &sql).await?.is_empty() {
            return Ok(Vec::new());
        }
    }
    let list = tables.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({list})"
    );
    let mut rebuild = Vec::new();
    for row in rows(handle, &sql).await? {
        if let (Some(name), Some(sql)) = (text(&row, "name"), text(&row, "sql")) {
            handle.execute_unprepared(&format!("DROP INDEX \"{name}\"")).await?;
            rebuild.push(sql);
        }
    }
    Ok(rebuild)
}
