//! Connections to a database: one pool, its engine, and what may be said about it in public.

mod capability;
pub mod fault;
mod mysql;
mod postgres;
mod sqlite;
pub mod target;
pub mod write;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionOptions, TransactionTrait};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{Error, Kind, Result};
use target::{Engine, ServerTarget, Target};
use write::WriteHandle;

/// What a command is going to do with the database; SQLite opens its file accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads: neither pragmas nor files are changed.
    Read,
    Write,
    /// Writes, and may create the embedded file (`quickstart`, `migrate up`).
    Create,
}

/// Everything needed to open a pool.
#[derive(Debug, Clone)]
pub struct ConnectSettings {
    pub target: Target,
    pub access: Access,
    pub max_connections: u32,
    pub min_connections: u32,
    /// How long a caller waits for a connection of the pool.
    pub acquire_timeout: Duration,
    pub idle_timeout: Duration,
    /// How long the first connection may take: name look-up, TCP, TLS and login together.
    pub connect_timeout: Duration,
}

/// An open database.
#[derive(Debug, Clone)]
pub struct Database {
    connection: DatabaseConnection,
    settings: ConnectSettings,
    statements: Arc<AtomicU64>,
}

/// A refused TCP connection shows itself within this time; the driver alone would go on trying.
const REFUSAL_PROBE_AFTER: Duration = Duration::from_millis(200);
/// The last attempt, made only to learn the reason of a failure.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_millis(500);

impl Database {
    /// Opens a pool and its first connection.
    ///
    /// Errors: [`Kind::Unavailable`] naming host, port and reason; [`Kind::Configuration`] for
    /// credentials, a missing database, a missing or unreadable SQLite file.
    pub async fn connect(settings: &ConnectSettings) -> Result<Database> {
        let mut connection = match &settings.target {
            Target::Sqlite(target) => sqlite::connect(target, settings).await?,
            Target::Server(target) => match target.engine {
                Engine::Mysql => mysql::connect(target, settings).await?,
                Engine::Postgres | Engine::Sqlite => postgres::connect(target, settings).await?,
            },
        };
        let statements = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&statements);
        connection.set_metric_callback(move |info| {
            counter.fetch_add(1, Ordering::Relaxed);
            // The text only: bound values are never logged.
            tracing::trace!(target: "shopctl::sql", elapsed = ?info.elapsed, failed = info.failed, "{}", info.statement.sql);
        });
        Ok(Database { connection, settings: settings.clone(), statements })
    }

    /// A new pool to the same database: after a lost or abandoned connection the old one is not
    /// to be trusted (a cancelled BEGIN leaves its connection inside a transaction, sqlx#4385).
    pub async fn reconnect(&self) -> Result<Database> {
        Database::connect(&self.settings).await
    }

    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    pub fn engine(&self) -> Engine {
        self.settings.target.engine()
    }

    pub fn target(&self) -> &Target {
        &self.settings.target
    }

    /// Statements sent so far, BEGIN and COMMIT not counted.
    pub fn statement_count(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Begins a transaction the way the engine needs it. For `service::operation` and the
    /// migration runner only.
    pub async fn begin(&self) -> Result<WriteHandle, sea_orm::DbErr> {
        let options = TransactionOptions { sqlite_transaction_mode: sqlite::TRANSACTION_MODE, ..Default::default() };
        let transaction = self.connection.begin_with_options(options).await?;
        Ok(WriteHandle::new(transaction, self.engine()))
    }

    /// Closes the pool in an orderly way.
    pub async fn close(self) {
        // A failure here loses nothing: what was committed is committed.
        let _ = self.connection.close().await;
    }

    /// Refuses a database without the shop's tables, naming the command that makes them.
    pub fn missing_schema(target: &Target) -> Error {
        Error::configuration("database.no_schema", format!("{target} has no shop schema"))
            .hint("run shopctl migrate up")
    }
}

/// A raw statement of this engine, with its values.
pub fn statement(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), sql, values)
}

/// Waits for the first connection of a server's pool, but not longer than needed to know that it
/// will not come, and says why.
async fn first_connection<D, F, R>(
    pool: &sqlx::Pool<D>,
    target: &ServerTarget,
    connect_timeout: Duration,
    diagnose: F,
) -> Result<()>
where
    D: sqlx::Database,
    F: FnOnce() -> R,
    R: Future<Output = Result<(), sqlx::Error>>,
{
    let acquired = timeout(connect_timeout, async {
        tokio::select! {
            acquired = pool.acquire() => acquired.map(drop).map_err(|error| connect_error(target, &error)),
            refused = refusal(target) => Err(refused),
        }
    })
    .await;
    match acquired {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error),
        // The driver retries some refusals in silence (too many connections, starting up): ask once more.
        Err(_) => match timeout(DIAGNOSIS_TIMEOUT, diagnose()).await {
            Ok(Err(error)) => Err(connect_error(target, &error)),
            _ => Err(unreachable_error(target, &format!("no answer within {} s", connect_timeout.as_secs_f32()))),
        },
    }
}

/// Ends only if the host refuses TCP connections.
async fn refusal(target: &ServerTarget) -> Error {
    tokio::time::sleep(REFUSAL_PROBE_AFTER).await;
    if !target.host.starts_with('/')
        && let Err(error) = TcpStream::connect((target.host.as_str(), target.port)).await
    {
        return unreachable_error(target, &io_reason(&error));
    }
    std::future::pending().await
}

fn connect_error(target: &ServerTarget, error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::Io(error) => unreachable_error(target, &io_reason(error)),
        sqlx::Error::PoolTimedOut => unreachable_error(target, "no answer in time"),
        sqlx::Error::Tls(error) => {
            Error::configuration("database.tls", format!("{}:{}: TLS: {error}", target.host, target.port))
                .hint("give the certificate authority with sslrootcert=FILE, or lower DB_SSL if you accept the risk")
        }
        sqlx::Error::Database(error) => fault::login_error(target, error.as_ref()),
        other => Error::new(
            Kind::Unavailable,
            "database.unreachable",
            format!("cannot connect to {}:{}: {other}", target.host, target.port),
        ),
    }
}

fn unreachable_error(target: &ServerTarget, reason: &str) -> Error {
    let port = target.port.to_string();
    Error::new(
        Kind::Unavailable,
        "database.unreachable",
        format!("cannot connect to {} port {port}: {reason}", crate::error::printable(&target.host)),
    )
    .hint("check that the server runs and that host and port are right: shopctl config show")
}

fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::TimedOut => "timed out".to_owned(),
        std::io::ErrorKind::NotFound => "no such socket".to_owned(),
        std::io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => error.to_string(),
    }
}
