//! Facts about PostgreSQL servers.

use std::time::Instant;

use sea_orm::prelude::async_trait::async_trait;

use super::Postgres;
use crate::db::answers::{first_row, text};
use crate::db::dialect::inspect::{Inspect, TooOld};
use crate::db::engine::Session;
use crate::db::inspection::{Inspection, NOT_KNOWN, Pooler, ServerRole, Setting, Tls, Verdict, too_old};
use crate::db::target::{ServerTarget, Target};
use crate::error::{Result, printable};

/// The first version with a built-in `gen_random_uuid()`.
const OLDEST: &str = "13";
const REQUIREMENT: &str = "use pgbouncer 1.21 or newer with max_prepared_statements above 0";
/// A server process this much older than this program's connection has served another client before.
const OLDER_SECONDS: u64 = 30;

#[async_trait]
impl Inspect for Postgres {
    async fn inspect(&self, session: &dyn Session, target: &Target, _tables: &[&str]) -> Result<Inspection> {
        let sql = "SELECT split_part(version(), ' ', 1) AS product, current_setting('server_version') AS version, \
                   current_setting('server_encoding') AS encoding";
        let row = first_row(session, sql).await?;
        let get = |column| row.as_ref().and_then(|row| text(row, column)).unwrap_or_else(|| NOT_KNOWN.to_owned());
        let version = get("version");
        let encoding = get("encoding");
        let verdict = match encoding.as_str() {
            "UTF8" | "UTF-8" | NOT_KNOWN => Verdict::Fine,
            _ => Verdict::Wrong("not all texts can be stored in this encoding: create the database with UTF8"),
        };
        Ok(Inspection {
            product: get("product"),
            too_old_for: too_old(&version, OLDEST),
            version,
            tls: tls(session).await?,
            settings: vec![Setting { name: "server_encoding", value: encoding, verdict }],
            pooler: match target.server() {
                Some(target) => pooler(session, target).await?,
                None => None,
            },
            server: server(session).await?,
        })
    }

    async fn too_old_server(&self, session: &dyn Session) -> Result<Option<TooOld>> {
        let row = first_row(session, "SELECT current_setting('server_version') AS version").await?;
        let version = row.and_then(|row| text(&row, "version")).unwrap_or_default();
        Ok(too_old(&version, OLDEST).map(|oldest| ("PostgreSQL", version, oldest)))
    }
}

async fn server(session: &dyn Session) -> Result<ServerRole> {
    let sql = "SELECT CAST(pg_is_in_recovery() AS text) AS in_recovery, \
               current_setting('default_transaction_read_only') AS read_only, \
               (SELECT source FROM pg_settings WHERE name = 'default_transaction_read_only') AS source, \
               quote_ident(current_user) AS role, quote_ident(current_database()) AS name";
    let row = first_row(session, sql).await?;
    let get = |column| row.as_ref().and_then(|row| text(row, column)).unwrap_or_default();
    Ok(match (get("in_recovery").as_str(), get("read_only").as_str()) {
        ("true", _) => ServerRole::Standby("in recovery".to_owned()),
        (_, "on") => ServerRole::ReadOnly {
            setting: format!("default_transaction_read_only is on ({})", get("source")),
            remedy: writable(&get("source"), &printable(&get("role")), &printable(&get("name"))),
        },
        _ => ServerRole::Primary,
    })
}

/// The statement that lets new sessions write again; `None` where this client asked to read only.
fn writable(source: &str, role: &str, database: &str) -> Option<String> {
    let whose = match source {
        "client" | "session" => return None,
        "database" => format!("DATABASE {database}"),
        "user" => format!("ROLE {role}"),
        "database user" => format!("ROLE {role} IN DATABASE {database}"),
        "global" => "ROLE ALL".to_owned(),
        _ => return Some("ALTER SYSTEM SET default_transaction_read_only = off; SELECT pg_reload_conf()".to_owned()),
    };
    // A session that is read-only by default may say otherwise for a transaction.
    Some(format!("BEGIN READ WRITE; ALTER {whose} RESET default_transaction_read_only; COMMIT"))
}

async fn tls(session: &dyn Session) -> Result<Tls> {
    let sql = "SELECT CAST(ssl AS text) AS used, version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let Some(row) = first_row(session, sql).await? else { return Ok(Tls::Unknown) };
    let get = |column| text(&row, column).unwrap_or_default();
    Ok(match get("used").as_str() {
        "true" => Tls::Used { version: get("version"), cipher: get("cipher") },
        _ => Tls::Unused,
    })
}

/// A pooler forwards queries, so only its side effects show: the server listens on another port than the one
/// connected to (as with a port mapping or a proxy), or its process served another client before.
async fn pooler(session: &dyn Session, target: &ServerTarget) -> Result<Option<Pooler>> {
    let asked = Instant::now();
    let sql = "SELECT COALESCE(CAST(inet_server_port() AS text), '') AS port, \
               CAST(CAST(EXTRACT(EPOCH FROM clock_timestamp() - backend_start) AS bigint) AS text) AS seconds \
               FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let Some(row) = first_row(session, sql).await? else { return Ok(None) };
    let port = text(&row, "port").unwrap_or_default();
    let is_socket = target.host.starts_with('/');
    if !is_socket && port != target.port.to_string() {
        let server = if port.is_empty() { "a socket".to_owned() } else { format!("port {port}") };
        let sign = format!("connected to port {}, but the server answers on {server}", target.port);
        return Ok(Some(Pooler { sign, requirement: REQUIREMENT }));
    }
    let seconds: u64 = text(&row, "seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    Ok((seconds > OLDER_SECONDS + asked.elapsed().as_secs()).then(|| Pooler {
        sign: format!("the server's process for this connection is {seconds} s old"),
        requirement: REQUIREMENT,
    }))
}
