//! Facts about a database: version, TLS, settings, clock, schema. Reads only.
//!
//! Facts that an engine does not tell (another engine behind the same protocol, a role without the
//! right) are left out; only a lost connection is an error here.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::ConnectionTrait;

use super::answers::{first_row, text};
use super::database::Database;
use super::target::Engine;
use crate::error::{Error, Result, printable};

/// What the database did not tell.
pub const NOT_KNOWN: &str = "not known";
/// Round trips that the median is taken of.
const ROUND_TRIPS: usize = 5;

/// The facts about a connected database.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// `PostgreSQL`, `MariaDB`, `MySQL`, `SQLite`, or what a related engine calls itself.
    pub product: String,
    pub version: String,
    /// The oldest version that shopctl is written for, if this one is older.
    pub too_old_for: Option<&'static str>,
    pub tls: Tls,
    pub settings: Vec<Setting>,
    pub pooler: Option<Pooler>,
    pub server: ServerRole,
}

/// The replication role of the server, which decides whether it accepts writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerRole {
    /// A file on this machine.
    NotApplicable,
    Primary,
    /// Replicates another server and rejects writes.
    Standby(String),
    /// Replicates another server and accepts writes that the other never sees.
    WritableReplica(String),
    /// Configured as read-only.
    ReadOnly {
        setting: String,
        /// The statement that ends it, where one does.
        remedy: Option<String>,
    },
    /// A file on this machine that this user may only read.
    ReadOnlyFile(String),
    /// A cluster node without quorum, or offline.
    NotReady(String),
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// A file on this machine.
    NotApplicable,
    Used {
        version: String,
        cipher: String,
    },
    Unused,
    /// Unknown.
    Unknown,
}

/// A setting of the server, the session or the tables that the shop relies on.
#[derive(Debug, Clone)]
pub struct Setting {
    pub name: &'static str,
    pub value: String,
    pub verdict: Verdict,
}

/// The assessment of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// Works, with this note.
    Odd(&'static str),
    /// Guarantees cannot be kept.
    Wrong(&'static str),
}

/// A proxy between this process and the server.
#[derive(Debug, Clone)]
pub struct Pooler {
    /// The finding.
    pub sign: String,
    /// The required features.
    pub requirement: &'static str,
}

/// Rejects a server on which the first migrations would fail halfway.
///
/// Errors: exit 4 naming the oldest version.
pub async fn refuse_too_old(connection: &impl ConnectionTrait) -> Result<()> {
    let seen = Engine::of(connection).too_old_server(connection).await?;
    let Some((product, version, oldest)) = seen else { return Ok(()) };
    let message = format!("{product} {} is too old: shopctl needs {product} {oldest} or newer", printable(&version));
    Err(Error::configuration("database.too_old", message).hint("nothing was changed; use another server"))
}

/// The median time of a trivial round trip.
pub async fn round_trip(database: &Database) -> Result<Duration> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let started = Instant::now();
        first_row(database.connection(), "SELECT 1").await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUND_TRIPS / 2])
}

/// The server's clock; `None` for a file, and for an invalid time.
pub async fn server_time(database: &Database) -> Result<Option<DateTime<Utc>>> {
    let Some(sql) = database.engine().server_time else { return Ok(None) };
    let row = first_row(database.connection(), sql).await?;
    let text = row.and_then(|row| text(&row, "server_time"));
    let time = text.and_then(|text| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok());
    Ok(time.map(|time| time.and_utc()))
}

/// The numbers at the beginning of a version (`10.11.6-MariaDB` is 10, 11, 6).
fn numbers(version: &str) -> Vec<u32> {
    let end = version.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(version.len());
    version[..end].split('.').map_while(|number| number.parse().ok()).collect()
}

/// The oldest version, if `version` is older; an unreadable one is not.
pub(super) fn too_old(version: &str, oldest: &'static str) -> Option<&'static str> {
    let found = numbers(version);
    (!found.is_empty() && found < numbers(oldest)).then_some(oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for (version, is_old) in
            [("13", false), ("12.22 (Debian)", true), ("9.6", true), ("130.1", false), ("unknown", false), ("", false)]
        {
            assert_eq!(too_old(version, "13").is_some(), is_old, "{version}");
        }
        assert_eq!(too_old("10.6.0-MariaDB-log", "10.6"), None);
        assert_eq!(too_old("8.0.15", "8.0.16"), Some("8.0.16"));
    }
}
