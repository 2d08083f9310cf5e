//! Which database: an embedded SQLite file or a server, with everything needed to connect.

use std::fmt;
use std::path::PathBuf;

/// The protocol a database speaks. Distributed engines are reached through `Postgres` and `Mysql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

/// A password: usable, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    /// The plain text, for the driver only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How far TLS is demanded and checked; the words are those of `DB_SSL` and `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// The database that a command works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Sqlite(SqliteTarget),
    Server(ServerTarget),
}

/// A SQLite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTarget {
    pub path: PathBuf,
}

/// A PostgreSQL, MySQL or MariaDB database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTarget {
    /// `Postgres` or `Mysql`.
    pub engine: Engine,
    /// Host name or address; for a Unix socket, the path of its folder (PostgreSQL) or file (MySQL).
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: Option<Secret>,
    pub ssl: SslMode,
    /// A file with the certificate authority to trust instead of the system's.
    pub ssl_root_certificate: Option<PathBuf>,
}

impl Target {
    pub fn engine(&self) -> Engine {
        match self {
            Target::Sqlite(_) => Engine::Sqlite,
            Target::Server(server) => server.engine,
        }
    }
}
