//! MySQL and MariaDB.

use std::time::Duration;

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPoolOptions, MySqlSslMode};
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Error, Executor};
use sea_orm::{DatabaseConnection, SqlxMySqlConnector};

use super::login::Login;
use super::target::SslMode;
use super::{Access, ConnectSettings, IDLE_IN_TRANSACTION};

/// A session as shopctl needs it, whatever the server sets by default; stated whole.
///
/// The driver forces no strict mode: without it values are cut to fit in silence. Without autocommit a lock
/// of ours would never be seen by others. A client that vanished inside a transaction blocks its rows until
/// MariaDB ends the transaction; MySQL ends the session, for which `wait_timeout` is set beside these.
///
/// Then, on a Galera cluster, wait until this node has what the others committed before: the command
/// before this one may have gone to one of them. Each engine skips the other's comments.
const SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
    ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', autocommit = 1, completion_type = 'NO_CHAIN', \
    sql_safe_updates = 0, sql_big_selects = 1, foreign_key_checks = 1, default_storage_engine = 'InnoDB'\
    /*M!100300 , max_statement_time = 0 */ /*!80000 , max_execution_time = 0 */";
const GALERA: &str = "/*M!100300 SET STATEMENT wsrep_sync_wait = 1 FOR */ SELECT 1";
/// The number of the error that a MariaDB built without Galera answers the second of these with.
const UNKNOWN_VARIABLE: u16 = 1193;

/// How to reach the server.
pub fn options(login: &Login) -> MySqlConnectOptions {
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

/// A pool that connects when it is used.
pub fn pool(login: &Login, settings: &ConnectSettings) -> DatabaseConnection {
    let idle = IdleLimit::of(settings);
    let pool = MySqlPoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(prepare(connection, idle)))
        .connect_lazy_with(options(login));
    SqlxMySqlConnector::from_sqlx_mysql_pool(pool)
}

/// How long the server lets a session be idle that writes; a reader may take its time.
#[derive(Debug, Clone, Copy)]
pub struct IdleLimit {
    session: Duration,
}

impl IdleLimit {
    pub fn of(settings: &ConnectSettings) -> Option<IdleLimit> {
        // Between two operations a connection of the pool is idle and still wanted.
        let session = IDLE_IN_TRANSACTION + settings.idle_timeout;
        (settings.access != Access::Read).then_some(IdleLimit { session })
    }
}

/// Sets a new session to what shopctl needs, in one round trip.
pub async fn prepare(connection: &mut MySqlConnection, idle: Option<IdleLimit>) -> Result<(), Error> {
    let idle = idle.map_or_else(String::new, |idle| {
        let (transaction, session) = (IDLE_IN_TRANSACTION.as_secs(), idle.session.as_secs());
        format!(", wait_timeout = {session} /*M!100300 , idle_transaction_timeout = {transaction} */")
    });
    let session = format!("{SESSION}{idle}; {GALERA}");
    match connection.execute(AssertSqlSafe(session)).await {
        Err(Error::Database(error))
            if error
                .try_downcast_ref::<MySqlDatabaseError>()
                .is_some_and(|error| error.number() == UNKNOWN_VARIABLE) =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}
