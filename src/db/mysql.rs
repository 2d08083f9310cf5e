//! MySQL and MariaDB.

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPoolOptions, MySqlSslMode};
use sea_orm::sqlx::{ConnectOptions, Error, Executor};
use sea_orm::{DatabaseConnection, SqlxMySqlConnector};

use super::ConnectSettings;
use super::target::{ServerTarget, SslMode};

/// The driver forces no strict mode: without it values are cut to fit in silence. Stated whole,
/// so that a server's own setting changes nothing.
///
/// Then, on a Galera cluster, wait until this node has what the others committed before: the command
/// before this one may have gone to one of them. MySQL skips the comment.
const SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
    ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'; \
    /*M!100300 SET STATEMENT wsrep_sync_wait = 1 FOR */ SELECT 1";
/// The number of the error that a MariaDB built without Galera answers the second of these with.
const UNKNOWN_VARIABLE: u16 = 1193;

/// How to reach the server.
pub fn options(target: &ServerTarget) -> MySqlConnectOptions {
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
    if let Some(password) = &target.password {
        options = options.password(password.expose());
    }
    if let Some(certificate) = &target.ssl_root_certificate {
        options = options.ssl_ca(certificate);
    }
    options
}

/// A pool that connects when it is used.
pub fn pool(target: &ServerTarget, settings: &ConnectSettings) -> DatabaseConnection {
    let pool = MySqlPoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(prepare(connection)))
        .connect_lazy_with(options(target));
    SqlxMySqlConnector::from_sqlx_mysql_pool(pool)
}

async fn prepare(connection: &mut MySqlConnection) -> Result<(), Error> {
    match connection.execute(SESSION).await {
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
