//! Connecting to a database and sending statements.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{Database as Driver, Error as DriverError, Pool};
use sea_orm::{AccessMode, DatabaseConnection, DbErr, IsolationLevel, Statement, TransactionOptions, Value};
use uuid::Uuid;

use crate::db::database::Database;
use crate::db::file_copy::FileCopy;
use crate::db::guarded::{Connection, RowRepair};
use crate::db::insert::InsertTarget;
use crate::db::load::Load;
use crate::db::login::Login;
use crate::db::probe::SessionIds;
use crate::db::settings::{ConnectSettings, Purpose};
use crate::db::stream::{Row, driver_rows};
use crate::db::target::Target;
use crate::domain::Form;
use crate::error::Result;

/// The driver of an engine.
#[async_trait]
pub trait Connect {
    /// Opens a pool, and for a server what it was logged in with.
    ///
    /// Errors: exit 4 for what is missing, wrong or not allowed; exit 5 for a server that cannot be reached.
    async fn open(
        &self,
        settings: &mut ConnectSettings,
        purpose: Purpose,
        ids: &mut SessionIds,
    ) -> Result<(DatabaseConnection, Option<Login>)>;

    /// Opens the pool's first connection.
    async fn first_connection(&self, pool: &DatabaseConnection) -> Result<(), DriverError>;

    /// Closes the connection of a pool that has one; a file grants any number.
    async fn release_connection(&self, _pool: &DatabaseConnection) {}

    /// Creates the missing folder of a database file.
    ///
    /// Errors: exit 4 naming the folder.
    fn create_folder(&self, _target: &Target) -> Result<()> {
        Ok(())
    }

    /// Copies a database that is a file, as it is now, to one of its own beside it.
    ///
    /// Errors: exit 5 when the disk is full, exit 4 when the folder cannot be written.
    async fn back_up(&self, _database: &Database, _suffix: &str) -> Result<Option<FileCopy>> {
        Ok(None)
    }

    /// Repairs rows with invalid texts, on engines that can store them.
    fn row_repair(&self) -> Option<Arc<dyn RowRepair>> {
        None
    }

    /// A transaction that writes.
    fn transaction(&self) -> TransactionOptions {
        TransactionOptions::default()
    }

    /// The statements at the start of a writing transaction.
    fn begin(&self, _login: Option<&Login>) -> Option<String> {
        None
    }

    /// The statements at the start of a migration's transaction: no statement waits longer than this for a lock
    /// on a table or a row of the history.
    fn begin_migration(&self, _wait: Duration) -> String {
        String::new()
    }

    /// A transaction that reads one state of the whole database.
    fn snapshot(&self) -> TransactionOptions {
        TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        }
    }

    /// A statement in the form that the driver requires, with ids in the form of this database; `None` is
    /// the engine's own.
    fn adapt(&self, statement: Statement, _ids: Option<Form>) -> Statement {
        statement
    }

    /// A statement that inserts these rows faster than one parameter per value; `None` if there is none. Errors:
    /// a value that cannot be written.
    fn insert_arrays(&self, _target: &InsertTarget, _rows: &[Vec<Value>]) -> Result<Option<Statement>, DbErr> {
        Ok(None)
    }

    /// Begins a load into these tables.
    async fn begin_load(&self, database: &Database, _tables: &[&str]) -> Result<Load> {
        Ok(Load::new(database.begin().await?, Vec::new()))
    }

    /// Sends a query and reads its rows, in the form that is cheapest to read.
    async fn stream(&self, connection: &Connection, query: Statement) -> Result<BoxStream<'static, Result<Row>>> {
        driver_rows(connection, query).await
    }
}

/// A statement with an id in the database's form in place of a UUID, which the driver would send as 16 bytes, and with
/// its times as the engine keeps them.
pub fn adapted(mut statement: Statement, ids: Option<Form>, time: fn(Option<DateTime<Utc>>) -> Value) -> Statement {
    for value in statement.values.iter_mut().flat_map(|values| &mut values.0) {
        match value {
            Value::Uuid(id) => *value = in_form(*id, ids),
            Value::ChronoDateTimeUtc(moment) => *value = time(moment.take()),
            _ => {}
        }
    }
    statement
}

fn in_form(id: Option<Uuid>, form: Option<Form>) -> Value {
    let Some(form) = form else { return Value::String(id.map(|id| id.to_string())) };
    match id.map(|id| form.text(id).ok_or(id)) {
        None => Value::String(None),
        Some(Ok(text)) => text.into(),
        Some(Err(id)) => id.as_bytes().to_vec().into(),
    }
}

/// Opens the pool's first connection and returns it to the pool before further use.
pub async fn first_connection<D: Driver>(pool: &Pool<D>) -> Result<(), DriverError> {
    let mut connection = pool.acquire().await?;
    connection.return_to_pool().await;
    Ok(())
}

/// [`Connect::release_connection`] of a server. A connection may still be on its way back to the pool.
pub async fn release_connection<D: Driver>(pool: &Pool<D>) {
    if pool.size() > 0
        && let Ok(connection) = pool.acquire().await
    {
        // A failure loses nothing: the read is complete.
        let _ = connection.close().await;
    }
}

/// A pool with the configured limits. New connections need no ping, which would cost a round trip.
pub fn pool_options<D: Driver>(settings: &ConnectSettings) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        .test_before_acquire(false)
}
