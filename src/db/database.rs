//! A connection pool and the public description of its database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr, TransactionTrait, sqlx};
use tokio::time::timeout;

use super::budget::Budget;
use super::connect;
use super::fault::{self, Fault};
use super::file_copy::FileCopy;
use super::guarded::{Connection, Guard, Guarded, Snapshot};
use super::load::Load;
use super::login::Login;
use super::probe::{ProbeConnection, SessionIds};
use super::settings::{ConnectSettings, Purpose};
use super::target::{Engine, Target};
use super::write::WriteHandle;
use crate::domain::text::seconds;
use crate::error::{Error, Result};

/// A database and its pool. Servers are connected to on first use, so that an operation costs no extra round
/// trip.
#[derive(Debug, Clone)]
pub struct Database {
    connection: Connection,
    /// For servers: the chosen host and the resolved password.
    login: Option<Login>,
    settings: ConnectSettings,
    statements: Arc<AtomicU64>,
    is_connected: Arc<AtomicBool>,
}

/// Why a transaction did not begin.
#[derive(Debug)]
pub struct BeginFailure {
    /// The error as the user sees it.
    pub error: Error,
    /// The database's answer, if it was reached.
    pub fault: Option<Fault>,
}

impl From<BeginFailure> for Error {
    fn from(failure: BeginFailure) -> Error {
        failure.error
    }
}

/// Maximum time to close the connections.
const CLOSE_LIMIT: Duration = Duration::from_millis(250);
/// Maximum time of the last attempt, which only determines the reason of a failure.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_millis(500);
/// The share of a short limit reserved for the diagnosis.
const DIAGNOSIS_SHARE: u32 = 2;

impl Database {
    /// Opens a pool. A SQLite file is opened at once, a server by [`Database::ready`] or
    /// [`Database::begin`].
    ///
    /// Errors: exit 4 for a missing or unreadable SQLite file.
    pub async fn open(settings: &ConnectSettings) -> Result<Database> {
        Database::open_for(settings, Purpose::General).await
    }

    async fn open_for(settings: &ConnectSettings, purpose: Purpose) -> Result<Database> {
        let mut settings = settings.clone();
        settings.connect_timeout = settings.budget.left().into_iter().fold(settings.connect_timeout, Duration::min);
        let mut ids = SessionIds::new();
        let engine = settings.target.engine();
        let (mut connection, login) = engine.open(&mut settings, purpose, &mut ids).await?;
        if Engine::of_backend(connection.get_database_backend()) != Some(engine) {
            return Err(Error::internal("the driver opened a database of another engine"));
        }
        let statements = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&statements);
        connection.set_metric_callback(move |info| {
            counter.fetch_add(1, Ordering::Relaxed);
            // The text only: bound values are never logged.
            tracing::trace!(target: "shopctl::sql", elapsed = ?info.elapsed, failed = info.failed, "{}", info.statement.sql);
        });
        let probe = Arc::new(ProbeConnection::new(&settings, ids));
        let guard = Guard::new(&settings, probe, engine.row_repair());
        let connection = Guarded::new(connection, guard);
        Ok(Database { connection, login, settings, statements, is_connected: Arc::default() })
    }

    /// Creates the missing folder of an embedded shop; only for default locations.
    ///
    /// Errors: exit 4 naming the folder.
    pub fn create_folder(target: &Target) -> Result<()> {
        target.engine().create_folder(target)
    }

    /// Opens a pool and its first connection. Errors: as [`Database::open`] and [`Database::ready`].
    pub async fn connect(settings: &ConnectSettings) -> Result<Database> {
        let database = Database::open(settings).await?;
        database.ready().await?;
        Ok(database)
    }

    /// Makes the first connection.
    ///
    /// Errors: exit 5 naming host, port and reason; exit 4 for
    /// credentials, TLS, a missing database.
    pub async fn ready(&self) -> Result<()> {
        let (engine, pool) = (self.engine(), self.connection.inner());
        let acquire = connect::once_granted(|| engine.first_connection(pool), fault::classify_driver);
        match self.first_use(acquire).await? {
            Ok(()) => Ok(()),
            Err(error) if self.retries_with_less(&error) => Box::pin(self.ready()).await,
            Err(error) => Err(self.connect_error(&error)),
        }
    }

    /// Whether the next attempt to connect omits the rejected options.
    fn retries_with_less(&self, error: &sqlx::Error) -> bool {
        let pool = self.connection.inner();
        self.login.as_ref().is_some_and(|login| login.target.engine.retries_with_less(pool, login, error))
    }

    /// A new pool to the same database: after a lost or abandoned connection the old pool is unreliable (a
    /// cancelled BEGIN leaves its connection inside a transaction, sqlx#4385).
    pub async fn reconnect(&self) -> Result<Database> {
        Database::open(&self.settings).await
    }

    /// The database for schema changes. SQLite: a separate pool that does not check references, because a
    /// rebuilt table is missing for a moment; the caller checks them at the end. `lock_wait` is how long the caller
    /// waits for the file's lock. Otherwise this database.
    pub async fn for_schema_changes(&self, lock_wait: Duration) -> Result<Database> {
        match self.engine().broken_references {
            Some(_) => Database::open_for(&self.settings, Purpose::SchemaChanges { lock_wait }).await,
            None => Ok(self.clone()),
        }
    }

    /// For reads. Not while a transaction is open: the pool may have one connection only.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The same database with another time budget.
    #[must_use]
    pub fn with_budget(&self, budget: Budget) -> Database {
        let connection = Guarded::new(self.connection.inner().clone(), self.connection.guard().with(budget.clone()));
        let settings = ConnectSettings { budget, ..self.settings.clone() };
        Database { connection, settings, ..self.clone() }
    }

    /// Whether a wait timed out: nothing more is sent then.
    pub fn has_timed_out(&self) -> bool {
        self.connection.guard().has_timed_out()
    }

    /// The time limits of this database's waits.
    pub fn budget(&self) -> &Budget {
        &self.settings.budget
    }

    pub(super) fn settings(&self) -> &ConnectSettings {
        &self.settings
    }

    /// The engine, known without a connection.
    pub fn engine(&self) -> Engine {
        self.settings.target.engine()
    }

    /// The file or server, with the password if it was resolved.
    pub fn target(&self) -> &Target {
        &self.settings.target
    }

    /// Number of statements sent so far, without BEGIN and COMMIT.
    pub fn statement_count(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Begins a transaction the way the engine needs it. For `service::operation` and the
    /// migration runner only.
    pub async fn begin(&self) -> Result<WriteHandle, BeginFailure> {
        let pool = self.connection.inner();
        let begun = connect::once_granted(|| pool.begin_with_options(self.engine().transaction()), fault::classify);
        match self.first_use(begun).await {
            Ok(Ok(transaction)) => {
                let transaction = Guarded::new(transaction, self.connection.guard().clone());
                if let Some(set) = self.engine().begin(self.login.as_ref()) {
                    let set = transaction.execute_unprepared(&set).await;
                    set.map_err(|error| BeginFailure { fault: Some(fault::classify(&error)), error: error.into() })?;
                }
                Ok(WriteHandle::new(transaction, self.engine()))
            }
            Ok(Err(DbErr::Conn(RuntimeErr::SqlxError(error)))) if self.retries_with_less(&error) => {
                Box::pin(self.begin()).await
            }
            Ok(Err(DbErr::Conn(RuntimeErr::SqlxError(error)))) => {
                Err(BeginFailure { error: self.connect_error(&error), fault: Some(fault::classify_driver(&error)) })
            }
            Ok(Err(error)) => Err(BeginFailure { fault: Some(fault::classify(&error)), error: error.into() }),
            Err(error) => Err(BeginFailure { error, fault: None }),
        }
    }

    /// Begins a load into these tables, which are locked while it is open.
    ///
    /// Errors: as [`Database::begin`].
    pub async fn load(&self, tables: &[&str]) -> Result<Load> {
        self.ready().await?;
        self.engine().begin_load(self, tables).await
    }

    /// Begins a transaction that reads one snapshot of the whole database. It holds no rows, so the limit for idle
    /// transactions is not for it.
    ///
    /// Errors: those of [`Database::ready`], if the connection was lost.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let guard = self.connection.guard();
        let begun = self.connection.inner().begin_with_options(self.engine().snapshot());
        let transaction = guard.answer(|| "BEGIN".to_owned(), begun).await?;
        let snapshot = Guarded::new(transaction, guard.clone());
        if let Some(set) = self.engine().waits_for_others {
            snapshot.execute_unprepared(set).await?;
        }
        Ok(snapshot)
    }

    /// Copies the embedded file, as last committed, to a new one beside it; `None` on servers, which have their own
    /// backups. It reads on a connection of its own: a transaction of another pool may hold the write lock meanwhile,
    /// so that nothing is committed until that ends.
    ///
    /// Errors: exit 5 when the disk is full, exit 4 when the folder cannot be written.
    pub async fn back_up(&self, why: &str, now: DateTime<Utc>) -> Result<Option<FileCopy>> {
        self.engine().back_up(self, &format!("{why}-{}", now.format("%Y%m%d-%H%M%S%.3f"))).await
    }

    /// Returns the connection of a finished read to the server. The database remains usable and reconnects when
    /// needed.
    pub async fn release_connection(&self) {
        // Connections still in use stay open.
        let _ = timeout(CLOSE_LIMIT, self.engine().release_connection(self.connection.inner())).await;
    }

    /// Closes the connections, so that the server logs no lost client; unresponsive ones end with the process.
    pub async fn close(self) {
        // A failure here loses nothing: all work is committed.
        let _ = timeout(CLOSE_LIMIT, self.connection.inner().clone().close()).await;
    }

    /// Runs an action that needs the first connection to a server, but gives up once the connection is known to
    /// fail. A failure abandons the pool.
    async fn first_use<F: Future>(&self, use_it: F) -> Result<F::Output> {
        let guard = self.connection.guard();
        let Some(login) = &self.login else {
            return Ok(guard.wait(|| "BEGIN".to_owned(), use_it).await?);
        };
        if self.is_connected.load(Ordering::Relaxed) {
            return Ok(guard.wait(|| "BEGIN".to_owned(), use_it).await?);
        }
        let address = || format!("{} port {}", crate::error::printable(&login.target.host), login.target.port);
        guard.wait(address, self.connect_and(login, use_it)).await?
    }

    async fn connect_and<F: Future>(&self, login: &Login, use_it: F) -> Result<F::Output> {
        let first = async {
            tokio::select! {
                output = use_it => Ok(output),
                refused = connect::refusal(&login.target) => Err(refused),
            }
        };
        let limit = self.settings.connect_timeout;
        // Even with a shorter limit, the reason of the failure is determined.
        let before_diagnosis = self
            .budget()
            .left()
            .map_or(limit, |left| limit.min(left.saturating_sub(DIAGNOSIS_TIMEOUT.min(left / DIAGNOSIS_SHARE))));
        let output = match timeout(before_diagnosis, first).await {
            Ok(output) => output?,
            // The driver silently retries some refusals (too many connections, starting up): try once more.
            Err(_) => match timeout(DIAGNOSIS_TIMEOUT, login.target.engine.diagnose(login)).await {
                Ok(Err(error)) => return Err(connect::error_of(&login.target, &error)),
                _ => {
                    let reason = format!("no answer within {} s", seconds(limit));
                    return Err(connect::unreachable(&login.target, &reason));
                }
            },
        };
        self.is_connected.store(true, Ordering::Relaxed);
        Ok(output)
    }

    fn connect_error(&self, error: &sqlx::Error) -> Error {
        match &self.login {
            Some(login) => connect::error_of(&login.target, error),
            None => fault::error_of(fault::classify_driver(error), &fault::reason(error)),
        }
    }
}
