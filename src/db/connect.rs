//! Connecting to a server, and the reasons of failures.

use std::time::Duration;

use sea_orm::sqlx;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::fault::Fault;
use super::login::Login;
use super::probe::SessionIds;
use super::settings::{Access, ConnectSettings};
use super::target::{ServerTarget, SessionRole, Target};
use super::{fault, tls};
use crate::error::{CommandLine, Error, Hint, Kind, Result, io_reason, printable};

/// The time to detect a refused TCP connection; the driver alone would keep trying.
const REFUSAL_PROBE_AFTER: Duration = Duration::from_millis(200);
/// How long a closed connection may still count at a server that limits those of a user.
const STILL_COUNTS: Duration = Duration::from_secs(2);
const GRANT_RETRY_AFTER: Duration = Duration::from_millis(20);
/// During a failover none of the servers may match.
const NEXT_ROUND_AFTER: Duration = Duration::from_millis(250);

/// Resolves the credentials and chooses a server.
///
/// Errors: exit 4 for missing or invalid credentials; those of [`choose`].
pub async fn log_in(settings: &mut ConnectSettings, ids: &mut SessionIds) -> Result<Login> {
    let target = settings.target.server().ok_or_else(|| Error::internal("a file is not a server"))?;
    let login = Login::prepare(target, settings.budget.stated()).await?;
    // A later pool for the same database reuses the password.
    settings.target = Target::Server(login.target.clone());
    let (is_for_writing, limit) = (settings.access != Access::Read, settings.connect_timeout);
    // It has its own limit; its time counts towards the budget.
    let choice = Box::pin(choose(&login, is_for_writing, limit));
    let login = settings.budget.count(choice).await?;
    ids.name = login.target.session.application_name.clone().unwrap_or(std::mem::take(&mut ids.name));
    let is_bulk = settings.access == Access::Bulk;
    Ok(Login { name: ids.name.clone(), lock_wait: settings.budget.lock_wait(), is_bulk, ..login })
}

/// The first matching server of a target; a single server is not checked.
///
/// A requested role is checked, and writers need a server that accepts writes.
///
/// Errors: exit 5 naming each server and why it does not match, once `limit` is over; errors that concern all
/// servers (credentials, a certificate) at once.
async fn choose(login: &Login, is_for_writing: bool, limit: Duration) -> Result<Login> {
    let target = &login.target;
    let wanted = match target.session.role.unwrap_or(SessionRole::Any) {
        SessionRole::Any if is_for_writing && !target.other_hosts.is_empty() => SessionRole::ReadWrite,
        wanted => wanted,
    };
    if target.other_hosts.is_empty() && wanted == SessionRole::Any {
        return Ok(login.clone());
    }
    let until = Instant::now() + limit;
    let hosts: Vec<(&str, u16)> = target.hosts().collect();
    // An unresponsive server must leave time for the others.
    let share = limit / u32::try_from(hosts.len()).unwrap_or(u32::MAX).max(1);
    loop {
        let mut reasons = Vec::new();
        let mut second_best = None;
        for (host, port) in &hosts {
            let login = login.at(host, *port);
            match timeout(share, takes_writes(&login)).await {
                Ok(Ok(takes_writes)) => match (wanted, takes_writes) {
                    (SessionRole::Any, _) | (SessionRole::ReadWrite, true) => return Ok(login),
                    (SessionRole::ReadOnly | SessionRole::PreferStandby, false) => return Ok(login),
                    (SessionRole::PreferStandby, true) => second_best = second_best.or(Some(login)),
                    (SessionRole::ReadWrite, false) => {
                        reasons.push(format!("{}:{port} rejects writes", printable(host)));
                    }
                    (SessionRole::ReadOnly, true) => {
                        reasons.push(format!("{}:{port} is not a standby", printable(host)));
                    }
                },
                Ok(Err(error)) if error.kind() == Kind::Configuration => return Err(error),
                Ok(Err(error)) => reasons.push(error.message().to_owned()),
                Err(_) => reasons.push(format!("{}:{port} does not answer", printable(host))),
            }
        }
        if let Some(login) = second_best {
            return Ok(login);
        }
        if Instant::now() + NEXT_ROUND_AFTER >= until {
            let message = format!("no server matches target_session_attrs {}: {}", wanted.as_str(), reasons.join("; "));
            return Err(Error::new(Kind::Unavailable, "database.unreachable", message)
                .hint("try again: during a failover, no server may match"));
        }
        sleep(NEXT_ROUND_AFTER).await;
    }
}

/// Whether the server accepts writes.
async fn takes_writes(login: &Login) -> Result<bool> {
    login.target.engine.takes_writes(login).await.map_err(|error| error_of(&login.target, &error))
}

/// Connects again while the server grants no further connection: one that this program, or the command before it, has
/// closed may still count. The driver itself waits for PostgreSQL only.
pub async fn once_granted<T, E, F: Future<Output = Result<T, E>>>(
    connect: impl Fn() -> F,
    classify: fn(&E) -> Fault,
) -> Result<T, E> {
    let until = Instant::now() + STILL_COUNTS;
    loop {
        match connect().await {
            Err(error) if classify(&error) == Fault::ConnectionLimit && Instant::now() < until => {
                sleep(GRANT_RETRY_AFTER).await;
            }
            answer => return answer,
        }
    }
}

/// Returns only if the host refuses TCP connections.
pub async fn refusal(target: &ServerTarget) -> Error {
    sleep(REFUSAL_PROBE_AFTER).await;
    if !target.host.starts_with('/')
        && let Err(error) = TcpStream::connect((target.host.as_str(), target.port)).await
    {
        return unreachable(target, &io_reason(&error));
    }
    std::future::pending().await
}

/// Why a connection failed.
pub fn error_of(target: &ServerTarget, error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::Io(error) => {
            tls::explain_io(target, error).unwrap_or_else(|| unreachable(target, &io_reason(error)))
        }
        sqlx::Error::PoolTimedOut => unreachable(target, "no answer in time"),
        sqlx::Error::Tls(error) => tls::explain_driver(target, error.as_ref()),
        sqlx::Error::Database(error) => fault::login_error(target, error.as_ref()),
        sqlx::Error::Configuration(error) => protocol(target, &error.to_string()),
        sqlx::Error::Protocol(text) => protocol(target, text),
        _ => unreachable(target, "the connection was lost while connecting"),
    }
}

/// The driver has no error type for unsupported authentication methods, only a text.
fn protocol(target: &ServerTarget, text: &str) -> Error {
    let address = format!("{}:{}", printable(&target.host), target.port);
    let user = printable(&target.user);
    let authentication = |what: &str, hint: &str| {
        Error::configuration("database.authentication", format!("{address}: {what}")).hint(hint)
    };
    if text.contains("RSA") {
        let what = format!(
            "the server accepts the password of {user} only over TLS (caching_sha2_password or sha256_password)"
        );
        return authentication(
            &what,
            "use TLS: sslmode=verify-full in the URL, or DB_SSL=verify-full; MySQL has a certificate by default",
        );
    }
    if let Some((_, plugin)) = text.split_once("authentication plugin: ") {
        // The driver adds the place in its source.
        let plugin = plugin.split(" (").next().unwrap_or(plugin);
        let what = format!("the user {user} logs in with {}, which shopctl does not support", printable(plugin));
        return authentication(&what, "use mysql_native_password, or caching_sha2_password with TLS, for the user");
    }
    if text.contains("cleartext") || text.contains("clear_password") {
        return authentication(
            "the server asks for the password in clear text, which shopctl does not send",
            "use another authentication method for the user",
        );
    }
    if text.contains("unsupported authentication method") || text.contains("SASL") {
        let what =
            format!("the user {user} logs in with a method that shopctl does not support (GSSAPI, SSPI, Kerberos …)");
        return authentication(&what, "use scram-sha-256 for the user in the server's pg_hba.conf");
    }
    unreachable(target, "the program that answers does not speak the database's protocol")
}

pub fn unreachable(target: &ServerTarget, reason: &str) -> Error {
    let message = format!("cannot connect to {} port {}: {reason}", printable(&target.host), target.port);
    Error::new(Kind::Unavailable, "database.unreachable", message)
        .hint(Hint::from("check that the server is running, and host and port: ").and(CommandLine::new("config show")))
}
