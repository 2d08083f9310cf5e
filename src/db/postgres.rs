//! PostgreSQL and the distributed engines that speak its protocol.

use sea_orm::sqlx::ConnectOptions;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};

use super::ConnectSettings;
use super::target::{ServerTarget, SslMode};

/// Until the transaction ends.
pub const NEVER_READ_WHOLE_TABLES: &str = "SET LOCAL enable_seqscan = off";

/// How to reach the server.
pub fn options(target: &ServerTarget) -> PgConnectOptions {
    // Every option is set here, so that PGPASSWORD, PGSSLMODE and the like change nothing in silence.
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(target.port)
        .database(&target.database)
        .username(&target.user)
        .application_name("shopctl")
        .ssl_mode(match target.ssl {
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::Require => PgSslMode::Require,
            SslMode::VerifyCa => PgSslMode::VerifyCa,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .disable_statement_logging();
    options = if target.host.starts_with('/') { options.socket(&target.host) } else { options.host(&target.host) };
    if let Some(password) = &target.password {
        options = options.password(password.expose());
    }
    if let Some(certificate) = &target.ssl_root_certificate {
        options = options.ssl_root_cert(certificate);
    }
    options
}

/// A pool that connects when it is used.
pub fn pool(target: &ServerTarget, settings: &ConnectSettings) -> DatabaseConnection {
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        // A fresh pool needs no ping before each use; each is a round trip.
        .test_before_acquire(false)
        .connect_lazy_with(options(target));
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}
