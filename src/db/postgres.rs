//! PostgreSQL and the distributed engines that speak its protocol.

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::{ConnectOptions, Connection};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};

use super::target::{ServerTarget, SslMode};
use super::{ConnectSettings, first_connection};
use crate::error::Result;

pub async fn connect(target: &ServerTarget, settings: &ConnectSettings) -> Result<DatabaseConnection> {
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
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        // A fresh pool needs no ping before each use; each is a round trip.
        .test_before_acquire(false)
        .connect_lazy_with(options.clone());
    first_connection(&pool, target, settings.connect_timeout, || async move { options.connect().await?.close().await })
        .await?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}
