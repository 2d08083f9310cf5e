//! Which database: an embedded SQLite file or a server, with everything needed to connect.

use std::fmt;
use std::path::PathBuf;

use crate::error::printable;

/// The protocol a database speaks. Distributed engines are reached through `Postgres` and `Mysql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    Sqlite,
    /// What parts without a dialect mean.
    #[default]
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

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret)
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

/// Parameters of a URL that name the TLS mode, the certificate authority and a socket.
const SSL_MODE_PARAMETERS: [&str; 3] = ["sslmode", "ssl-mode", "ssl_mode"];
const SSL_ROOT_PARAMETERS: [&str; 3] = ["sslrootcert", "ssl-ca", "ssl_ca"];
const SOCKET_PARAMETERS: [&str; 2] = ["host", "socket"];

impl Engine {
    /// The port that the engine's servers listen on unless told otherwise.
    pub fn default_port(self) -> u16 {
        if self == Engine::Mysql { 3306 } else { 5432 }
    }

    /// The engine of a URL's scheme or of `DB_DIALECT`.
    pub fn parse(text: &str) -> Option<Engine> {
        match text {
            "postgres" | "postgresql" => Some(Engine::Postgres),
            "mysql" | "mariadb" => Some(Engine::Mysql),
            "sqlite" => Some(Engine::Sqlite),
            _ => None,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
            Engine::Mysql => "mysql",
        }
    }
}

impl SslMode {
    /// The words of `DB_SSL` and of a URL's `sslmode`, MySQL's own included.
    pub fn parse(text: &str) -> Result<SslMode, String> {
        match text.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "true" | "verify-full" | "verify-identity" => Ok(SslMode::VerifyFull),
            "false" | "disable" | "disabled" => Ok(SslMode::Disable),
            "prefer" | "preferred" => Ok(SslMode::Prefer),
            "require" | "required" => Ok(SslMode::Require),
            "verify-ca" => Ok(SslMode::VerifyCa),
            _ => Err("is none of disable, prefer, require, verify-ca, verify-full, true, false".to_owned()),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        }
    }

    /// On loopback nobody listens in between; everywhere else the server has to prove who it is.
    pub fn default_for(host: &str) -> SslMode {
        if is_loopback(host) { SslMode::Prefer } else { SslMode::VerifyFull }
    }
}

/// Whether a host is this machine: a socket's path, `localhost`, 127.0.0.0/8 or ::1.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Target {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`, `mysql://…`, `mariadb://…` or
    /// `sqlite:PATH`.
    ///
    /// Errors: one sentence that never repeats any piece of the URL: what looks like something else
    /// may be a password.
    pub fn parse_url(text: &str) -> Result<Target, String> {
        let text = text.trim();
        let shape = "is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE, mysql://… or sqlite:PATH \
                     (a password with special characters needs percent-encoding; DB_PASSWORD does not)";
        let (scheme, rest) = text.split_once(':').ok_or(shape)?;
        let engine = Engine::parse(&scheme.to_ascii_lowercase()).ok_or(shape)?;
        if engine == Engine::Sqlite {
            return parse_sqlite(rest);
        }
        let url = url::Url::parse(text).map_err(|_| shape)?;
        // An @ behind the host, or a fragment: a / or # in a password cut it short.
        if url.path().contains('@') || url.fragment().is_some() {
            return Err(shape.to_owned());
        }
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| shape.to_owned())
        };
        let mut host = decode(url.host_str().unwrap_or("localhost"))?;
        host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (mut ssl, mut ssl_root_certificate) = (None, None);
        for (name, value) in url.query_pairs() {
            if SSL_MODE_PARAMETERS.contains(&name.as_ref()) {
                ssl = Some(SslMode::parse(&value).map_err(|problem| format!("has an sslmode that {problem}"))?);
            } else if SSL_ROOT_PARAMETERS.contains(&name.as_ref()) {
                ssl_root_certificate = Some(PathBuf::from(value.as_ref()));
            } else if SOCKET_PARAMETERS.contains(&name.as_ref()) {
                host = value.into_owned();
            } else {
                // Not its name: behind a '?' in a password everything looks like a parameter.
                return Err(format!("has an unknown parameter; known are {}", known_parameters()));
            }
        }
        let database = decode(url.path().trim_start_matches('/'))?;
        if database.is_empty() {
            return Err("names no database (…HOST:PORT/DATABASE)".to_owned());
        }
        let user = decode(url.username())?;
        Ok(Target::Server(ServerTarget {
            engine,
            port: url.port().unwrap_or(engine.default_port()),
            database,
            user: if user.is_empty() { default_user(engine).to_owned() } else { user },
            password: url.password().map(decode).transpose()?.map(Secret::new),
            ssl: ssl.unwrap_or(SslMode::default_for(&host)),
            ssl_root_certificate,
            host,
        }))
    }

    /// Whether the database is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Target::Sqlite(_) => true,
            Target::Server(server) => is_loopback(&server.host),
        }
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

/// The user that the engine's own clients take when none is given.
pub fn default_user(engine: Engine) -> &'static str {
    if engine == Engine::Mysql { "root" } else { "postgres" }
}

fn known_parameters() -> String {
    [&SSL_MODE_PARAMETERS[..1], &SSL_ROOT_PARAMETERS[..1], &SOCKET_PARAMETERS].concat().join(", ")
}

fn parse_sqlite(rest: &str) -> Result<Target, String> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    if path.is_empty() || path == ":memory:" {
        return Err("must name a file: sqlite:PATH (a database in memory would be gone with the command)".to_owned());
    }
    for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        // How the file is opened follows from the command; the parameter is common and harmless.
        if name != "mode" {
            return Err("has an unknown parameter; known is mode".to_owned());
        }
    }
    Ok(Target::Sqlite(SqliteTarget { path: PathBuf::from(path) }))
}

impl fmt::Display for Target {
    /// `postgres://admin@db.example.com/shop`: never the password; the port when it is unusual.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Sqlite(sqlite) => write!(f, "sqlite:{}", printable_path(&sqlite.path)),
            Target::Server(server) => {
                let scheme = server.engine.scheme();
                write!(f, "{scheme}://{}@{}", printable(&server.user), printable(&server.host))?;
                if server.port != server.engine.default_port() {
                    write!(f, ":{}", server.port)?;
                }
                write!(f, "/{}", printable(&server.database))
            }
        }
    }
}

fn printable_path(path: &std::path::Path) -> String {
    path.to_string_lossy()
        .chars()
        .flat_map(|character| {
            if crate::domain::text::is_unsafe(character) {
                character.escape_unicode().collect::<Vec<_>>()
            } else {
                vec![character]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_and_shown_without_the_password() {
        let target = Target::parse_url("postgresql://ann:p%40ss%2Fword@db.example.com/shop").unwrap();
        assert_eq!(target.to_string(), "postgres://ann@db.example.com/shop");
        let Target::Server(server) = target else { panic!() };
        assert_eq!(server.password.as_ref().map(Secret::expose), Some("p@ss/word"));
        assert_eq!((server.port, server.ssl), (5432, SslMode::VerifyFull));
        assert!(!format!("{server:?}").contains("p@ss"));
        let local = Target::parse_url("mariadb://root@127.0.0.1:3307/shop?ssl-mode=DISABLED").unwrap();
        assert_eq!(local.to_string(), "mysql://root@127.0.0.1:3307/shop");
        assert_eq!(Target::parse_url("sqlite://a/b.db?mode=rwc").unwrap().to_string(), "sqlite:a/b.db");
    }

    #[test]
    fn only_hosts_that_are_not_loopback_must_prove_who_they_are() {
        for (host, ssl) in [
            ("localhost", SslMode::Prefer),
            ("127.8.8.8", SslMode::Prefer),
            ("::1", SslMode::Prefer),
            ("/run/x", SslMode::Prefer),
            ("10.0.0.1", SslMode::VerifyFull),
            ("localhost.example.com", SslMode::VerifyFull),
        ] {
            assert_eq!(SslMode::default_for(host), ssl, "{host}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_malformed_url_never_shows_its_password(before in "\\PC{0,12}", after in "\\PC{0,12}") {
            for text in [format!("postgres://u:{before}CANARY{after}@h/d?x=CANARY"), format!("{before}CANARY{after}"), format!("postgres://u:CANARY{before}"), format!("mysql:{before}:CANARY@{after}"), format!("postgres://u:12/{before}CANARY@h/d")] {
                let shown = Target::parse_url(&text).map_or_else(|problem| problem, |target| format!("{target:?} {target}"));
                // Where it is not a password but plainly a database or a host it may be shown.
                let is_hidden = !shown.contains("CANARY") || !text.contains('@');
                proptest::prop_assert!(is_hidden, "{} from {}", shown, text);
            }
        }
    }
}
