//! PostgreSQL and the distributed engines that speak its protocol.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::BoxStream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPool, PgSslMode};
use sea_orm::sqlx::{self, ConnectOptions, Connection as _, Error as DriverError};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, SqlxPostgresConnector, Statement, Value};

use super::Postgres;
use super::array::{array, type_of};
use super::copy::{CopyWriter, copy_out};
use super::values::FEW;
use crate::db::connect::{error_of, log_in};
use crate::db::copy_text::unknown_type;
use crate::db::database::Database;
use crate::db::dialect::connect::{Connect, first_connection, pool_options, release_connection};
use crate::db::dialect::server::Server;
use crate::db::dialect::values::Values;
use crate::db::engine::Engine;
use crate::db::guarded::Connection;
use crate::db::insert::InsertTarget;
use crate::db::load::Load;
use crate::db::login::Login;
use crate::db::probe::SessionIds;
use crate::db::settings::{ConnectSettings, IDLE_IN_TRANSACTION, Purpose};
use crate::db::stream::Row;
use crate::db::target::SslMode;
use crate::error::Result;

#[async_trait]
impl Connect for Postgres {
    async fn open(
        &self,
        settings: &mut ConnectSettings,
        _purpose: Purpose,
        ids: &mut SessionIds,
    ) -> Result<(DatabaseConnection, Option<Login>)> {
        let login = log_in(settings, ids).await?;
        let pool = pool(&login, settings).map_err(|error| error_of(&login.target, &error))?;
        Ok((pool, Some(login)))
    }

    async fn first_connection(&self, pool: &DatabaseConnection) -> Result<(), DriverError> {
        first_connection(pool.get_postgres_connection_pool()).await
    }

    async fn release_connection(&self, pool: &DatabaseConnection) {
        release_connection(pool.get_postgres_connection_pool()).await;
    }

    fn begin(&self, login: Option<&Login>) -> Option<String> {
        login.filter(|_| REFUSES_OPTIONS.load(Ordering::Relaxed)).map(transaction)
    }

    /// READ COMMITTED, because with a stricter level the lock check at the end of a long migration would
    /// conflict with the lock's heartbeat (40001). The idle limit makes the server release the tables of a
    /// runner whose host is gone.
    fn begin_migration(&self, wait: Duration) -> String {
        format!(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\n\
             SET LOCAL idle_in_transaction_session_timeout = '12s';\n\
             SET LOCAL lock_timeout = '{}ms';\n",
            wait.as_millis().max(1)
        )
    }

    /// One parameter per column: the statement's text does not depend on the number of rows, so its plan is
    /// reused, and thousands of values need not be parsed. The parameters are texts that the server casts to
    /// arrays, because the driver's arrays have no NULL.
    fn insert_arrays(&self, target: &InsertTarget, rows: &[Vec<Value>]) -> Result<Option<Statement>, DbErr> {
        if rows.len() <= FEW {
            return Ok(None);
        }
        let (mut places, mut arrays) = (Vec::new(), Vec::new());
        for (index, element) in target.types().enumerate() {
            let name = type_of(element).ok_or_else(|| unknown_type(element))?;
            places.push(format!("unnest(CAST({} AS {name}[]))", self.parameter(index + 1)));
            arrays.push(Value::from(array(rows.iter().filter_map(|row| row.get(index)))?));
        }
        let sql = format!("INSERT INTO {} SELECT {}", target.sql(Engine::Postgres), places.join(", "));
        Ok(Some(Statement::from_sql_and_values(DbBackend::Postgres, sql, arrays)))
    }

    async fn begin_load(&self, database: &Database, tables: &[&str]) -> Result<Load> {
        let mut copying = CopyWriter::begin(database).await?;
        let rebuild = copying.without_indexes(tables).await?;
        // The server makes the statistics by which queries are planned only some time after rows were written.
        Ok(Load::new(copying, rebuild).ending_with(format!("ANALYZE {}", tables.join(", "))))
    }

    async fn stream(&self, connection: &Connection, query: Statement) -> Result<BoxStream<'static, Result<Row>>> {
        copy_out(connection, query).await
    }
}

#[async_trait]
impl Server for Postgres {
    fn retries_with_less(&self, pool: &DatabaseConnection, login: &Login, error: &DriverError) -> bool {
        goes_without_options(pool.get_postgres_connection_pool(), login, error)
    }

    async fn takes_writes(&self, login: &Login) -> Result<bool, DriverError> {
        let mut connection = options(login)?.connect().await?;
        let sql = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool";
        let is_read_only: bool = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(!is_read_only)
    }

    async fn diagnose(&self, login: &Login) -> Result<(), DriverError> {
        options(login)?.connect().await?.close().await
    }
}

/// Whether a pooler before PostgreSQL rejects startup options: set by the first connection, valid for all later
/// ones.
static REFUSES_OPTIONS: AtomicBool = AtomicBool::new(false);

/// PostgreSQL keeps the plan of a statement and of a foreign key's check: made for an empty table, it is a
/// sequential scan, whose cost would grow with every row of bulk work.
const BY_KEY: &str = "enable_seqscan=off";

/// The startup options of every session, without a round trip: shopctl limits the time of statements itself;
/// clients that vanished inside a transaction or while receiving are detected soon. Every operation is written
/// for READ COMMITTED.
fn session(login: &Login) -> String {
    let idle = IDLE_IN_TRANSACTION.as_secs();
    let lock_wait = lock_wait(login);
    let plans = if login.is_bulk { format!(" -c {BY_KEY}") } else { String::new() };
    format!(
        "-c default_transaction_isolation=read\\ committed -c quote_all_identifiers=off -c statement_timeout=0 -c lock_timeout={lock_wait} \
         -c idle_in_transaction_session_timeout={idle}s \
         -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3{plans}"
    )
}

/// In milliseconds; zero means no limit.
fn lock_wait(login: &Login) -> u128 {
    login.lock_wait.unwrap_or_default().as_millis()
}

/// Statements that set the same for one transaction: a pooler that rejects startup options shares the session with
/// other clients.
fn transaction(login: &Login) -> String {
    let idle = IDLE_IN_TRANSACTION.as_secs();
    let lock_wait = lock_wait(login);
    let plans = if login.is_bulk { format!("; SET LOCAL {BY_KEY}") } else { String::new() };
    format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {lock_wait}; \
         SET LOCAL idle_in_transaction_session_timeout = '{idle}s'{plans}"
    )
}

/// Records that a pooler or a related engine rejected an option of [`session`]; true if the next attempt goes
/// without options.
fn goes_without_options(pool: &PgPool, login: &Login, error: &DriverError) -> bool {
    let DriverError::Database(error) = error else { return false };
    let is_refused = match error.code().as_deref() {
        Some("08P01") => error.message().contains("unsupported startup parameter"),
        // Unknown setting.
        Some("42704") => true,
        _ => false,
    };
    if !is_refused || REFUSES_OPTIONS.swap(true, Ordering::Relaxed) {
        return false;
    }
    options(login).map(|options| pool.set_connect_options(options)).is_ok()
}

/// The connection options of the server.
fn options(login: &Login) -> Result<PgConnectOptions, DriverError> {
    let target = &login.target;
    // Every option is set explicitly, so that PGSSLMODE, PGHOST and the like have no effect; the supported ones
    // are part of the target. PGOPTIONS is read by the driver and cannot be unset.
    let mut options = match startup_options(login) {
        Some(given) => {
            let given = utf8_percent_encode(&given, NON_ALPHANUMERIC);
            PgConnectOptions::from_str(&format!("postgres://localhost/?options={given}"))?
        }
        None => PgConnectOptions::new_without_pgpass(),
    };
    let is_socket = target.host.starts_with('/');
    options = options
        .port(target.port)
        .database(&target.database)
        .username(&target.user)
        .password(login.password().unwrap_or_default())
        .application_name(&login.name)
        .ssl_root_cert_from_pem(login.root.clone())
        .ssl_mode(match target.ssl {
            // As in libpq: PostgreSQL has no TLS on its sockets.
            _ if is_socket => PgSslMode::Disable,
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::Require => PgSslMode::Require,
            SslMode::VerifyCa => PgSslMode::VerifyCa,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .disable_statement_logging();
    options = if is_socket { options.socket(&target.host) } else { options.host(&target.host) };
    if let Some((certificate, key)) = &login.client {
        options = options.ssl_client_cert_from_pem(certificate).ssl_client_key_from_pem(key.expose());
    }
    Ok(options)
}

/// shopctl's options, then the requested ones, which take precedence.
fn startup_options(login: &Login) -> Option<String> {
    let ours = (!REFUSES_OPTIONS.load(Ordering::Relaxed)).then(|| session(login));
    let wishes = &login.target.session;
    // Blanks separate options; a backslash escapes one.
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ");
    let search_path = wishes.search_path.as_deref().map(|path| format!("-c search_path={}", escaped(path)));
    let all: Vec<String> = [ours, wishes.options.clone(), search_path].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// A pool that connects on first use.
fn pool(login: &Login, settings: &ConnectSettings) -> Result<DatabaseConnection, DriverError> {
    let pool = pool_options(settings).connect_lazy_with(options(login)?);
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}
