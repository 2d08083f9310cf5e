//! The target database: an embedded SQLite file or a server, with all connection data.

// Beside this file, not below it: git ignores every folder named target.
pub(crate) mod url;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use super::engine::{Engine, OwnForm, ServerEngine};
use crate::domain::named_enum;
use crate::domain::text::is_unsafe;
use crate::error::{Result, printable};

/// A password that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must not be printed.
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

/// The source of a password, resolved when a connection is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Known(Secret),
    /// The first line of a file.
    File(PathBuf),
    /// The first line that a command of the shell prints; it may hold a secret itself.
    Command(Secret),
    /// The line of PostgreSQL's own file of passwords (`.pgpass`) that fits the server, if there is one.
    Pgpass(PathBuf),
}

/// Files in PEM for TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Authorities to trust beside the public ones.
    pub root: Option<PathBuf>,
    /// The client certificate that a server may require.
    pub client: Option<PathBuf>,
    /// The private key of `client`.
    pub key: Option<PathBuf>,
}

named_enum! {
    /// The required role of the server: `target_session_attrs`.
    pub enum SessionRole {
        Any = "any",
        ReadWrite = "read-write",
        ReadOnly = "read-only",
        PreferStandby = "prefer-standby",
    }
}

/// Session options given in a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// PostgreSQL: names in double quotes, separated by commas.
    pub search_path: Option<String>,
    /// PostgreSQL: `-c name=value …`, as at the start of a session.
    pub options: Option<String>,
    /// The name by which the server lists the session; replaces shopctl's own.
    pub application_name: Option<String>,
    /// The role that the server must have; `None` means any.
    pub role: Option<SessionRole>,
}

named_enum! {
    /// How far TLS is demanded and checked; the words are those of `DB_SSL` and `sslmode`. A later one is stricter.
    #[derive(PartialOrd, Ord)]
    pub enum SslMode {
        Disable = "disable",
        Prefer = "prefer",
        Require = "require",
        VerifyCa = "verify-ca",
        VerifyFull = "verify-full",
    }
}

/// The database that a command works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An embedded database.
    Sqlite(SqliteTarget),
    /// A database on one or several servers.
    Server(ServerTarget),
}

/// A SQLite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTarget {
    /// The file's path, absolute or relative to the working directory.
    pub path: PathBuf,
}

/// A PostgreSQL, MySQL or MariaDB database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTarget {
    /// The protocol to speak.
    pub engine: ServerEngine,
    /// Host name or address; for a Unix socket, the path of its folder (PostgreSQL) or file (MySQL).
    pub host: String,
    /// The TCP port of `host`; unused for a socket of MySQL.
    pub port: u16,
    /// Further servers of the same database, tried in this order after the first.
    pub other_hosts: Vec<(String, u16)>,
    /// The database's name on the server.
    pub database: String,
    /// The role to log in as.
    pub user: String,
    /// The source of the password; `None` logs in without one.
    pub password: Option<Password>,
    /// Hints for a server that requires a password if none is configured.
    pub password_hints: Vec<String>,
    /// How strictly TLS is required and verified.
    pub ssl: SslMode,
    /// The files for TLS.
    pub certificates: Box<Certificates>,
    /// The requested settings of each session.
    pub session: Box<SessionOptions>,
}

impl ServerTarget {
    /// Every server, in the order of connection attempts.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, u16)> {
        let others = self.other_hosts.iter().map(|(host, port)| (host.as_str(), *port));
        std::iter::once((self.host.as_str(), self.port)).chain(others)
    }

    /// Only one of its servers.
    pub fn at(&self, host: &str, port: u16) -> ServerTarget {
        ServerTarget { host: host.to_owned(), port, other_hosts: Vec::new(), ..self.clone() }
    }
}

impl SessionRole {
    /// The words of `target_session_attrs`, and of `targetServerType`.
    pub fn parse(text: &str) -> Option<SessionRole> {
        match text {
            "any" => Some(SessionRole::Any),
            "read-write" | "primary" | "master" => Some(SessionRole::ReadWrite),
            "read-only" | "standby" | "secondary" | "slave" => Some(SessionRole::ReadOnly),
            "prefer-standby" | "preferSecondary" | "preferSlave" => Some(SessionRole::PreferStandby),
            _ => None,
        }
    }
}

impl Target {
    /// The engine of the file or server.
    pub fn engine(&self) -> Engine {
        match self {
            Target::Sqlite(_) => Engine::Sqlite,
            Target::Server(server) => server.engine.engine,
        }
    }

    /// Whether a command of the user has to be run for the password; it may ask.
    pub fn has_password_command(&self) -> bool {
        self.server().is_some_and(|server| matches!(server.password, Some(Password::Command(_))))
    }

    /// The server, if it is one.
    pub fn server(&self) -> Option<&ServerTarget> {
        match self {
            Target::Sqlite(_) => None,
            Target::Server(server) => Some(server),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&SqliteTarget> {
        match self {
            Target::Sqlite(file) => Some(file),
            Target::Server(_) => None,
        }
    }
}

impl SslMode {
    /// The words of `DB_SSL` and of a URL's `sslmode`, MySQL's own included.
    ///
    /// The problem never repeats the text: whatever stands in the wrong place may be a secret.
    pub fn parse(text: &str) -> Result<SslMode, String> {
        match text.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "true" | "verify-full" | "verify-identity" => Ok(SslMode::VerifyFull),
            "false" | "disable" | "disabled" => Ok(SslMode::Disable),
            // `allow` tries without TLS first; to try with it first is the same for everybody but a listener.
            "prefer" | "preferred" | "allow" => Ok(SslMode::Prefer),
            "require" | "required" | "no-verify" => Ok(SslMode::Require),
            "verify-ca" => Ok(SslMode::VerifyCa),
            _ => Err("must be one of disable, allow, prefer, require, verify-ca, verify-full, true, false".to_owned()),
        }
    }

    /// Loopback connections need no verification; all others verify the server's identity.
    pub fn default_for<'a>(hosts: impl IntoIterator<Item = &'a str>) -> SslMode {
        if hosts.into_iter().all(is_loopback) { SslMode::Prefer } else { SslMode::VerifyFull }
    }

    /// The effective mode of a server: naming an authority enables verification. As in libpq, `require` with an
    /// authority verifies the chain.
    ///
    /// Errors: files that the stated mode would not look at.
    pub fn effective(
        stated: Option<SslMode>,
        default: SslMode,
        certificates: &Certificates,
    ) -> Result<SslMode, &'static str> {
        let has_root = certificates.root.is_some();
        match stated {
            Some(SslMode::Disable | SslMode::Prefer) if has_root => Err(
                "verifies nothing, although a certificate authority is given: use verify-full or verify-ca, or leave one of them out",
            ),
            Some(SslMode::Disable) if certificates.client.is_some() => {
                Err("disables TLS, although a client certificate is given: leave one of them out")
            }
            Some(SslMode::Require) if has_root => Ok(SslMode::VerifyCa),
            Some(stated) => Ok(stated),
            None if has_root => Ok(SslMode::VerifyFull),
            None => Ok(default),
        }
    }
}

/// Whether a host is this machine: a socket's path, `localhost`, 127.0.0.0/8 or ::1.
pub fn is_loopback(host: &str) -> bool {
    host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl SqliteTarget {
    /// A file by its path.
    ///
    /// Errors: one sentence that does not repeat the text; a database in memory is refused.
    pub fn checked(path: &str) -> Result<SqliteTarget, &'static str> {
        if path.is_empty() || path.contains(":memory:") || path.starts_with("file:") {
            return Err("must name a file: sqlite:PATH (a database in memory would vanish with the command)");
        }
        if looks_like_url(path) || path.contains(is_unsafe) {
            return Err("must be the path of a file, without control characters");
        }
        path_of(path).map(|path| SqliteTarget { path })
    }
}

/// A path as it is configured: `~/` is the home folder, as in a shell.
///
/// Errors: one sentence that does not repeat the path.
pub(crate) fn path_of(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() || text.contains(is_unsafe) {
        return Err("must be the path of a file, without control characters");
    }
    let Some(below) = text.strip_prefix('~') else { return Ok(PathBuf::from(text)) };
    match (below.strip_prefix('/'), std::env::home_dir()) {
        (Some(below), Some(home)) => Ok(home.join(below)),
        (Some(_), None) => Err("begins with ~/, but there is no home folder: give the full path"),
        (None, _) => Err("begins with ~, which is the home folder only as ~/: write ./~ for a name that begins with ~"),
    }
}

/// Refuses what cannot be a host, so that a whole URL in the wrong variable is never shown as one.
pub(crate) fn check_host(host: &str) -> Result<(), &'static str> {
    let is_plain = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_'))
    };
    let (address, zone) = host.split_once('%').unwrap_or((host, "-"));
    let is_address = address.parse::<Ipv6Addr>().is_ok() && is_plain(zone);
    let is_socket = host.starts_with('/') && !host.contains(['@', '?', '#']) && !host.contains(is_unsafe);
    if is_plain(host) || is_address || is_socket {
        return Ok(());
    }
    Err("must be a host name, an address or the absolute path of a socket, without port or user")
}

/// Refuses what cannot be the name of a user or of a database.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || looks_like_url(name) || name.contains(is_unsafe) {
        return Err("must be a name, not a URL, and without control characters");
    }
    Ok(())
}

/// PostgreSQL's system schemas.
pub(super) fn is_system_schema(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

fn looks_like_url(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme.trim());
    text.contains("://") || Engine::parse(&scheme.to_ascii_lowercase()).is_some()
}

impl Target {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`, `mysql://…`, `mariadb://…` or
    /// `sqlite:PATH`.
    ///
    /// Errors: exit 4, `config.database_url`, without any piece of the URL: what looks like
    /// something else may be a password.
    pub fn parse_url(text: &str) -> Result<Target> {
        url::parse(text, "the database URL").map(|parsed| parsed.target)
    }

    /// Whether the database is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Target::Sqlite(_) => true,
            Target::Server(server) => server.hosts().all(|(host, _)| is_loopback(host)),
        }
    }

    /// Whether it is a file of its own, of which a copy can be made.
    pub fn is_file(&self) -> bool {
        matches!(self, Target::Sqlite(_))
    }

    /// The database's own name: what has to be typed before something is destroyed.
    pub fn name(&self) -> String {
        match self {
            Target::Sqlite(sqlite) => {
                sqlite.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
            }
            Target::Server(server) => server.database.clone(),
        }
    }
}

impl fmt::Display for Target {
    /// `postgres://admin@db.example.com/shop`: never the password; the port when it is unusual.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Characters with a meaning in URLs are encoded, so that the shown URL can be reused.
            Target::Sqlite(sqlite) => {
                let path = sqlite.path.to_string_lossy().replace('%', "%25").replace('?', "%3F");
                write!(f, "sqlite:{}", escaped(&path))
            }
            Target::Server(server) => {
                write!(f, "{}://{}@", server.engine.engine.as_str(), in_url(&server.user))?;
                let is_socket = server.host.starts_with('/');
                for (index, (host, port)) in server.hosts().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    let host = match host {
                        host if host.contains(':') => format!("[{}]", printable(host)),
                        // A URL has no port without a host.
                        _ if is_socket && port == server.engine.default_port => String::new(),
                        _ if is_socket => "localhost".to_owned(),
                        host => printable(host),
                    };
                    write!(f, "{separator}{host}")?;
                    if port != server.engine.default_port {
                        write!(f, ":{port}")?;
                    }
                }
                write!(f, "/{}", in_url(&server.database))?;
                if is_socket {
                    write!(f, "?{}={}", server.engine.socket_parameter, escaped(&server.host))?;
                }
                Ok(())
            }
        }
    }
}

/// A name as it is written in a URL: letters and digits of any script are readable, all else is encoded.
fn in_url(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.~".contains(letter);
    let encoded = |letter: char| match is_plain(letter) {
        true => letter.to_string(),
        false => utf8_percent_encode(letter.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC).to_string(),
    };
    name.chars().map(encoded).collect()
}

/// A text with its control and bidi characters shown escaped, but whole: for paths and settings.
pub(crate) fn escaped(text: &str) -> String {
    crate::domain::text::escaped(text, usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_are_not_loopback_must_prove_who_they_are() {
        for (host, ssl) in [
            ("localhost", SslMode::Prefer),
            ("LOCALHOST", SslMode::Prefer),
            ("127.0.0.1", SslMode::Prefer),
            ("127.8.8.8", SslMode::Prefer),
            ("::1", SslMode::Prefer),
            ("/run/x", SslMode::Prefer),
            ("10.0.0.1", SslMode::VerifyFull),
            ("128.0.0.1", SslMode::VerifyFull),
            ("0.0.0.0", SslMode::VerifyFull),
            ("::", SslMode::VerifyFull),
            ("127.0.0.1.example.com", SslMode::VerifyFull),
            ("localhost.example.com", SslMode::VerifyFull),
        ] {
            assert_eq!(SslMode::default_for([host]), ssl, "{host}");
        }
    }

    #[test]
    fn a_whole_url_is_neither_a_host_nor_a_name_nor_a_path() {
        let url = "postgres://u:CANARY@h/d";
        assert!(check_host(url).is_err() && check_name(url).is_err() && SqliteTarget::checked(url).is_err());
        for host in ["db.example.com", "db_1", "10.0.0.1", "::1", "fe80::1%eth0", "/run/postgresql", "bücher.example"]
        {
            assert!(check_host(host).is_ok(), "{host}");
        }
        for host in ["", "h:5432", "u@h", "h/d", "a b", "\u{1b}[2J", "/run/u:p@h"] {
            assert!(check_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn what_is_shown_cannot_drive_a_terminal() {
        let target = Target::Sqlite(SqliteTarget { path: "/a\u{1b}[2J\n/shop.db".into() });
        assert_eq!(target.to_string(), "sqlite:/a\\u{1b}[2J\\u{a}/shop.db");
    }
}
