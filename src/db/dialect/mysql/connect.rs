//! MySQL and MariaDB.

use std::time::Duration;

use futures_util::TryStreamExt;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection as _, Error as DriverError, Executor, Row};
use sea_orm::{DatabaseConnection, SqlxMySqlConnector, Statement, Value};

use super::Mysql;
use super::fault::number;
use crate::db::connect::log_in;
use crate::db::dialect::connect::{Connect, adapted, first_connection, pool_options, release_connection};
use crate::db::dialect::server::Server;
use crate::db::login::Login;
use crate::db::probe::SessionIds;
use crate::db::settings::{Access, ConnectSettings, IDLE_IN_TRANSACTION, Purpose};
use crate::db::target::SslMode;
use crate::domain::Form;
use crate::error::Result;

#[async_trait]
impl Connect for Mysql {
    async fn open(
        &self,
        settings: &mut ConnectSettings,
        _purpose: Purpose,
        ids: &mut SessionIds,
    ) -> Result<(DatabaseConnection, Option<Login>)> {
        let login = log_in(settings, ids).await?;
        Ok((pool(&login, settings, ids), Some(login)))
    }

    async fn first_connection(&self, pool: &DatabaseConnection) -> Result<(), DriverError> {
        first_connection(pool.get_mysql_connection_pool()).await
    }

    async fn release_connection(&self, pool: &DatabaseConnection) {
        release_connection(pool.get_mysql_connection_pool()).await;
    }

    fn begin_migration(&self, wait: Duration) -> String {
        let seconds = wait.as_secs().max(1);
        format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}")
    }

    /// The driver sends a time with a zone as a TIMESTAMP, whose range is 1970 to 2038: the server silently stores
    /// NULL for others. Without a zone it is a DATETIME, exact from the year 1000 to 9999; the session's zone is
    /// UTC.
    fn adapt(&self, statement: Statement, _ids: Option<Form>) -> Statement {
        adapted(statement, None, |time| Value::ChronoDateTime(time.map(|time| time.naive_utc())))
    }
}

#[async_trait]
impl Server for Mysql {
    async fn takes_writes(&self, login: &Login) -> Result<bool, DriverError> {
        let mut connection = options(login).connect().await?;
        let sql = "SELECT CAST(@@global.read_only AS SIGNED)";
        let is_read_only: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(is_read_only == 0)
    }

    async fn diagnose(&self, login: &Login) -> Result<(), DriverError> {
        let mut connection = options(login).connect().await?;
        prepare(&mut connection, String::new(), SessionIds::new()).await?;
        connection.close().await
    }
}

/// The complete session settings, independent of the server's defaults.
///
/// The driver does not set strict mode: without it values are silently truncated. A row limit for every SELECT
/// would truncate exports and sums. Without autocommit shopctl's lock would be invisible to other sessions. A
/// client that vanished inside a transaction blocks its rows until MariaDB ends the transaction; MySQL ends the
/// session, for which `wait_timeout` is set separately. Under SERIALIZABLE each read locks, and writers of one
/// row would deadlock again and again.
///
/// On a Galera cluster, also wait until this node has applied earlier commits: the previous command may have
/// used another node. Each engine skips the other's comments.
const SESSION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET SESSION sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
    ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', autocommit = 1, completion_type = 'NO_CHAIN', \
    sql_safe_updates = 0, sql_big_selects = 1, sql_select_limit = 18446744073709551615, sql_auto_is_null = 0, \
    foreign_key_checks = 1, default_storage_engine = 'InnoDB'\
    /*M!100300 , max_statement_time = 0 */ /*!80000 , max_execution_time = 0 */";
const GALERA: &str = "/*M!100300 SET STATEMENT wsrep_sync_wait = 1 FOR */ SELECT 1";
/// The error number for the second statement on a MariaDB without Galera.
const UNKNOWN_VARIABLE: u16 = 1193;

/// The connection options of the server.
fn options(login: &Login) -> MySqlConnectOptions {
    let target = &login.target;
    let mut options = MySqlConnectOptions::new()
        .port(target.port)
        .database(&target.database)
        .username(&target.user)
        .charset("utf8mb4")
        .collation("utf8mb4_bin")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .ssl_mode(match target.ssl {
            SslMode::Disable => MySqlSslMode::Disabled,
            SslMode::Prefer => MySqlSslMode::Preferred,
            SslMode::Require => MySqlSslMode::Required,
            SslMode::VerifyCa => MySqlSslMode::VerifyCa,
            SslMode::VerifyFull => MySqlSslMode::VerifyIdentity,
        })
        .disable_statement_logging();
    options = if target.host.starts_with('/') { options.socket(&target.host) } else { options.host(&target.host) };
    if let Some(password) = login.password() {
        options = options.password(password);
    }
    if !login.root.is_empty() {
        options = options.ssl_ca_from_pem(login.root.clone());
    }
    if let Some((certificate, key)) = &login.client {
        options = options.ssl_client_cert_from_pem(certificate).ssl_client_key_from_pem(key.expose());
    }
    options
}

/// A pool that connects on first use.
fn pool(login: &Login, settings: &ConnectSettings, ids: &SessionIds) -> DatabaseConnection {
    let (limits, ids) = (limits(login, settings), ids.clone());
    let pool = pool_options(settings)
        .after_connect(move |connection, _| Box::pin(prepare(connection, limits.clone(), ids.clone())))
        .connect_lazy_with(options(login));
    SqlxMySqlConnector::from_sqlx_mysql_pool(pool)
}

/// The variables that limit a session; a reader may be idle indefinitely.
fn limits(login: &Login, settings: &ConnectSettings) -> String {
    let mut limits = String::new();
    if settings.access != Access::Read {
        // A pooled connection is idle between operations but still needed.
        let (transaction, session) = (IDLE_IN_TRANSACTION, IDLE_IN_TRANSACTION + settings.idle_timeout);
        let (transaction, session) = (transaction.as_secs(), session.as_secs());
        limits += &format!(", wait_timeout = {session} /*M!100300 , idle_transaction_timeout = {transaction} */");
    }
    if let Some(limit) = login.lock_wait {
        // The unit is whole seconds.
        let seconds = limit.as_secs() + 1;
        limits += &format!(", innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}");
    }
    limits
}

/// Configures a new session in one round trip, and records its number.
async fn prepare(connection: &mut MySqlConnection, limits: String, ids: SessionIds) -> Result<(), DriverError> {
    let session = format!("{SESSION}{limits}; SELECT connection_id(); {GALERA}");
    let mut rows = connection.fetch(AssertSqlSafe(session));
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => row.try_get(0).into_iter().for_each(|number| ids.note_session(number)),
            Ok(None) => return Ok(()),
            Err(DriverError::Database(error)) if number(error.as_ref()) == Some(UNKNOWN_VARIABLE) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use sea_orm::DbBackend;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn no_time_is_sent_as_a_timestamp_where_that_ends_in_2038_and_no_id_as_bytes() {
        let time: DateTime<Utc> = "2099-12-31T00:00:00Z".parse().unwrap();
        let (zoned, missing) = (Value::from(time), Value::ChronoDateTimeUtc(None));
        let id = Uuid::from_u128(0xab);
        let values = [zoned, missing, "text".into(), id.into(), Value::Uuid(None)];
        let statement = Statement::from_sql_and_values(DbBackend::MySql, "SELECT ?, ?, ?, ?, ?", values);
        let naive = Value::ChronoDateTime(Some(time.naive_utc()));
        let adapted = Mysql.adapt(statement, None).values.unwrap().0;
        let [id, none] = [Value::from(id.to_string()), Value::String(None)];
        assert_eq!(adapted, [naive, Value::ChronoDateTime(None), Value::from("text"), id, none]);
    }
}
