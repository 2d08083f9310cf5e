//! PostgreSQL and the distributed engines that speak its protocol.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::{ConnectOptions, Error};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};

use crate::db::login::Login;
use crate::db::target::SslMode;
use crate::db::{ConnectSettings, IDLE_IN_TRANSACTION};

/// Whether a pooler stands before PostgreSQL that takes no options at the start of a session: learnt by the
/// first connection, and true for every later one to the same place.
static REFUSES_OPTIONS: AtomicBool = AtomicBool::new(false);

/// What every session of ours starts with, at no round trip: how long a statement may take is for shopctl to
/// say; a client that vanished inside a transaction, or with an answer on its way, is noticed soon. Every
/// operation is written for READ COMMITTED.
fn session(login: &Login) -> String {
    let idle = IDLE_IN_TRANSACTION.as_secs();
    let lock_wait = lock_wait(login);
    format!(
        "-c default_transaction_isolation=read\\ committed -c quote_all_identifiers=off -c statement_timeout=0 -c lock_timeout={lock_wait} \
         -c idle_in_transaction_session_timeout={idle}s \
         -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    )
}

/// In milliseconds; zero is no limit.
fn lock_wait(login: &Login) -> u128 {
    login.lock_wait.unwrap_or_default().as_millis()
}

/// What a transaction sets until it ends, if anything. A pooler that takes no options at the start of a
/// session gives the session to others afterwards.
pub fn transaction(login: Option<&Login>, is_bulk: bool) -> Option<String> {
    let idle = IDLE_IN_TRANSACTION.as_secs();
    let limits = login.filter(|_| REFUSES_OPTIONS.load(Ordering::Relaxed)).map(|login| {
        let lock_wait = lock_wait(login);
        format!(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {lock_wait}; \
             SET LOCAL idle_in_transaction_session_timeout = '{idle}s'"
        )
    });
    let plans = is_bulk.then(|| "SET LOCAL enable_seqscan = off".to_owned());
    let settings: Vec<String> = [limits, plans].into_iter().flatten().collect();
    (!settings.is_empty()).then(|| settings.join("; "))
}

/// Notes that a pooler, or an engine that does not know one of them, refused [`session`]; true if the next
/// attempt goes without.
pub fn goes_without_options(pool: &PgPool, login: &Login, error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
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

/// How to reach the server.
pub fn options(login: &Login) -> Result<PgConnectOptions, Error> {
    let target = &login.target;
    // Every option is set here, so that PGSSLMODE, PGHOST and the like change nothing in silence; what
    // of these counts is part of the target. PGOPTIONS alone is the driver's own: nothing unsets it.
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

/// Ours, then what was asked for, which wins.
fn startup_options(login: &Login) -> Option<String> {
    let ours = (!REFUSES_OPTIONS.load(Ordering::Relaxed)).then(|| session(login));
    let wishes = &login.target.session;
    // Blanks separate options, a backslash keeps one.
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ");
    let search_path = wishes.search_path.as_deref().map(|path| format!("-c search_path={}", escaped(path)));
    let all: Vec<String> = [ours, wishes.options.clone(), search_path].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// A pool that connects when it is used.
pub fn pool(login: &Login, settings: &ConnectSettings) -> Result<DatabaseConnection, Error> {
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        // A fresh pool needs no ping before each use; each is a round trip.
        .test_before_acquire(false)
        .connect_lazy_with(options(login)?);
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}
