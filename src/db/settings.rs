//! Settings of connection pools.

use std::time::Duration;

use super::budget::Budget;
use super::target::Target;
use crate::domain::Form;

/// The access that a command needs; SQLite opens its file accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads: neither pragmas nor files are changed.
    Read,
    /// Reads and writes an existing database.
    Write,
    /// Writes many rows to an existing database, which are looked up by their keys.
    Bulk,
    /// Writes, and may create the embedded file (`quickstart`, `migrate up`).
    Create,
}

/// The purpose of a pool, as far as it affects the drivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Short operations, with references checked.
    General,
    /// SQLite: rows may refer to nothing for a while.
    SchemaChanges {
        /// How long the caller waits for the file's lock.
        lock_wait: Duration,
    },
}

/// Everything needed to open a pool.
#[derive(Debug, Clone)]
pub struct ConnectSettings {
    /// The file or server to connect to.
    pub target: Target,
    /// The access that the pool's connections have.
    pub access: Access,
    /// Maximum number of open connections.
    pub max_connections: u32,
    /// Number of connections that are kept open while idle.
    pub min_connections: u32,
    /// How long a caller waits for a connection of the pool.
    pub acquire_timeout: Duration,
    /// How long an idle connection stays open.
    pub idle_timeout: Duration,
    /// How long the first connection may take: name look-up, TCP, TLS and login together.
    pub connect_timeout: Duration,
    /// How long to wait for what the database is asked.
    pub budget: Budget,
    /// The form of the database's ids, known once it is open; `None` is the engine's own.
    pub ids: Option<Form>,
}

/// How long a transaction that writes may do nothing before the server ends it: whoever vanished inside one
/// keeps its rows from others until then.
pub(super) const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(30);
