//! The query parameters of a server's URL: those of libpq, of MySQL's clients, and of the programs that hosting
//! platforms write their URLs for.
//!
//! A parameter is taken, passed over where nothing is lost by it, or refused by its name. Words that
//! are not in the table are never repeated: behind a `?` in a password they are a piece of it.

use std::path::PathBuf;

use super::{Problem, ServerEngine, SslMode, decode};
use crate::db::target::{Certificates, SessionOptions, SessionRole, is_system_schema, path_of};
use crate::domain::similar::closest;

/// The parsed parameters.
#[derive(Default)]
pub(super) struct Parameters {
    /// The strictest requested mode.
    pub ssl: Option<SslMode>,
    pub certificates: Certificates,
    pub host: Option<String>,
    pub session: SessionOptions,
    /// As written; its limits are those of the setting.
    pub connect_timeout: Option<String>,
    /// PostgreSQL's own file of passwords.
    pub password_file: Option<PathBuf>,
    /// Parameters for other programs.
    pub ignored: Vec<&'static str>,
}

/// The purpose of a parameter.
enum ParameterKind {
    Mode(fn(&str) -> Option<Option<SslMode>>),
    RootCertificate,
    ClientCertificate,
    ClientKey,
    Host,
    Schema,
    SearchPath,
    Options,
    ApplicationName,
    Role,
    ConnectTimeout,
    PasswordFile,
    /// Tunes what shopctl decides by itself; ignoring it weakens nothing.
    Ignored,
    /// The only supported value; others are rejected with the reason.
    Only(&'static [&'static str], &'static str),
    Refused(&'static str),
}

use ParameterKind::{Ignored, Mode, Only, Refused};

const BEFORE_QUERY: &str = "belongs before the ?, as in postgres://USER:PASSWORD@HOST:PORT/DATABASE";
const NO_REVOCATION: &str = "asks for a list of revoked certificates, which the driver cannot check";
const NOT_ENFORCEABLE: &str = "cannot be guaranteed by the driver";

/// Every parameter with a meaning, as it is usually written.
const PARAMETERS: &[(&str, ParameterKind)] = &[
    ("sslmode", Mode(|word| SslMode::parse(word).ok().map(Some))),
    ("sslrootcert", ParameterKind::RootCertificate),
    ("ssl-ca", ParameterKind::RootCertificate),
    ("sslcert", ParameterKind::ClientCertificate),
    ("sslkey", ParameterKind::ClientKey),
    ("host", ParameterKind::Host),
    ("socket", ParameterKind::Host),
    ("ssl", Mode(ssl_word)),
    ("useSSL", Mode(ssl_word)),
    ("requiressl", Mode(|word| (word == "1").then_some(Some(SslMode::Require)).or((word == "0").then_some(None)))),
    ("sslaccept", Mode(ssl_accept)),
    ("tls", Mode(ssl_word)),
    ("channel_binding", Mode(channel_binding)),
    ("schema", ParameterKind::Schema),
    ("search_path", ParameterKind::SearchPath),
    ("currentSchema", ParameterKind::SearchPath),
    ("options", ParameterKind::Options),
    ("application_name", ParameterKind::ApplicationName),
    ("target_session_attrs", ParameterKind::Role),
    ("targetServerType", ParameterKind::Role),
    ("connect_timeout", ParameterKind::ConnectTimeout),
    ("passfile", ParameterKind::PasswordFile),
    ("gssencmode", Only(&["disable", "prefer"], "asks for GSSAPI, which the driver does not have")),
    ("sslnegotiation", Only(&["postgres"], "asks for TLS from the first byte, which the driver does not have")),
    ("load_balance_hosts", Only(&["disable"], "asks for hosts in random order, but they are tried in the given order")),
    ("sslcertmode", Only(&["allow"], NOT_ENFORCEABLE)),
    ("ssl_min_protocol_version", Only(&["TLSv1", "TLSv1.1", "TLSv1.2"], "requires more than TLS 1.2")),
    ("ssl_max_protocol_version", Only(&["TLSv1.3"], NOT_ENFORCEABLE)),
    ("tls-version", Only(&["TLSv1.2,TLSv1.3", "TLSv1.3,TLSv1.2", "TLSv1.2"], NOT_ENFORCEABLE)),
    ("require_auth", Refused("restricts the authentication method, which the driver cannot")),
    ("requirepeer", Refused(NOT_ENFORCEABLE)),
    ("sslcrl", Refused(NO_REVOCATION)),
    ("sslcrldir", Refused(NO_REVOCATION)),
    ("sslpassword", Refused("is for an encrypted key: decrypt it into a file of mode 600, sslkey=FILE")),
    (
        "sslidentity",
        Refused("is a PKCS #12 file: give the certificate and its key as PEM, sslcert=FILE and sslkey=FILE"),
    ),
    ("trustCertificateKeyStoreUrl", Refused("is a Java key store: give the authority as PEM, sslrootcert=FILE")),
    ("service", Refused("names another target: write host, database and user into the URL")),
    ("servicefile", Refused("names another target: write host, database and user into the URL")),
    ("hostaddr", Refused("is a second host: put the address in place of the host, with sslmode=verify-ca")),
    ("port", Refused(BEFORE_QUERY)),
    ("user", Refused(BEFORE_QUERY)),
    ("password", Refused(BEFORE_QUERY)),
    ("dbname", Refused(BEFORE_QUERY)),
];

/// Parameters that tune what shopctl decides by itself, and weaken nothing.
const IGNORED: &str = "\
    fallback_application_name pgbouncer connection_limit pool_timeout pool pool_size supa socket_timeout \
    statement_cache_size statement-cache-capacity prepareThreshold prepared_statements binary_parameters \
    max_connection_lifetime max_idle_connection_lifetime keepalives keepalives_idle keepalives_interval \
    keepalives_count tcpKeepAlive tcp_user_timeout sslcompression sslsni krbsrvname gsslib client_encoding \
    charset characterEncoding collation useUnicode timezone serverTimezone connectionTimeZone autoReconnect \
    reconnect parseTime loc zeroDateTimeBehavior allowPublicKeyRetrieval verifyServerCertificate \
    serverVersion encoding multiStatements uselibpqcompat";

fn all_known() -> impl Iterator<Item = (&'static str, &'static ParameterKind)> {
    let ignored = IGNORED.split(' ').map(|shown| (shown, &Ignored));
    PARAMETERS.iter().map(|(shown, kind)| (*shown, kind)).chain(ignored)
}

/// A name without `-`, `_` and capitals: programs write one in several ways.
fn plain(name: &str) -> String {
    name.replace(['-', '_'], "").to_lowercase()
}

/// `ssl=true` and what stands for it elsewhere; mysql2 writes `ssl={"rejectUnauthorized":true}`.
fn ssl_word(word: &str) -> Option<Option<SslMode>> {
    match word.replace(' ', "").as_str() {
        "1" | "{}" | "{\"rejectUnauthorized\":true}" | "strict" => Some(Some(SslMode::VerifyFull)),
        "{\"rejectUnauthorized\":false}" | "skip-verify" => Some(Some(SslMode::Require)),
        "0" => Some(Some(SslMode::Disable)),
        word => SslMode::parse(word).ok().map(Some),
    }
}

fn ssl_accept(word: &str) -> Option<Option<SslMode>> {
    match word {
        "strict" => Some(Some(SslMode::VerifyFull)),
        "accept_invalid_certs" => Some(Some(SslMode::Require)),
        _ => None,
    }
}

/// The driver cannot bind the password's proof to the TLS connection. What that protects from, a server
/// in between, is kept out by a certificate that is verified together with its name.
fn channel_binding(word: &str) -> Option<Option<SslMode>> {
    match word {
        "require" => Some(Some(SslMode::VerifyFull)),
        "prefer" | "disable" => Some(None),
        _ => None,
    }
}

pub(super) fn read(query: &str, engine: ServerEngine) -> Result<Parameters, Problem> {
    let mut parameters = Parameters::default();
    let mut seen: Vec<String> = Vec::new();
    for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        let plain_name = plain(&name);
        let Some((shown, kind)) = all_known().find(|(shown, _)| plain(shown) == plain_name) else {
            return Err(unknown(&name, index + 1, engine));
        };
        // One mode for two spellings: which of the two was meant decides whether a password travels in the clear.
        if seen.contains(&plain_name) {
            return Err("has the same parameter twice".into());
        }
        seen.push(plain_name);
        // MySQL's Java and JavaScript drivers mean milliseconds; PostgreSQL's Java driver means seconds.
        let is_milliseconds = name == "connectTimeout" && !engine.is_like_libpq;
        let value = if is_milliseconds && value != "0" { format!("{value}ms") } else { value };
        parameters.apply(shown, kind, value, engine)?;
    }
    Ok(parameters)
}

impl Parameters {
    fn apply(
        &mut self,
        shown: &'static str,
        kind: &ParameterKind,
        value: String,
        engine: ServerEngine,
    ) -> Result<(), Problem> {
        let is_postgres = engine.is_like_libpq;
        match kind {
            Mode(read) => {
                let mode = read(&value).ok_or_else(|| wrong_mode(shown))?;
                // The strictest one: a weaker one would silently reduce security.
                self.ssl = self.ssl.max(mode);
            }
            ParameterKind::RootCertificate => set_once(&mut self.certificates.root, file(shown, &value)?)?,
            ParameterKind::ClientCertificate => set_once(&mut self.certificates.client, file(shown, &value)?)?,
            ParameterKind::ClientKey => set_once(&mut self.certificates.key, file(shown, &value)?)?,
            ParameterKind::Host => {
                if shown == "socket" && !value.starts_with('/') {
                    return Err("has a socket that is not an absolute path".into());
                }
                set_once(&mut self.host, value)?;
            }
            ParameterKind::Schema if is_system_schema(&value) => {
                return Err(refused(shown, "names a system schema, where tables cannot be created"));
            }
            ParameterKind::Schema if is_postgres => set_once(&mut self.session.search_path, quoted(&value, shown)?)?,
            ParameterKind::SearchPath if is_postgres => {
                let names: Vec<&str> = value.split(',').map(|name| name.trim().trim_matches(['"', '\''])).collect();
                if names.iter().all(|name| name.is_empty() || is_system_schema(name)) {
                    return Err(refused(shown, "names no schema where tables can be created"));
                }
                let names = names.into_iter().map(|name| quoted(name, shown));
                set_once(&mut self.session.search_path, names.collect::<Result<Vec<_>, _>>()?.join(","))?;
            }
            ParameterKind::Options if is_postgres => set_once(&mut self.session.options, plain_text(shown, value)?)?,
            ParameterKind::ApplicationName if is_postgres => {
                set_once(&mut self.session.application_name, plain_text(shown, value)?)?;
            }
            ParameterKind::PasswordFile if is_postgres => set_once(&mut self.password_file, file(shown, &value)?)?,
            ParameterKind::Schema
            | ParameterKind::SearchPath
            | ParameterKind::Options
            | ParameterKind::PasswordFile => {
                return Err(refused(shown, "has no meaning for MySQL and MariaDB"));
            }
            ParameterKind::Role => {
                let role = SessionRole::parse(&value).ok_or_else(|| {
                    refused(shown, "must be one of any, read-write, read-only, primary, standby, prefer-standby")
                })?;
                set_once(&mut self.session.role, role)?;
            }
            // 0 is "wait for ever" there.
            ParameterKind::ConnectTimeout if matches!(value.as_str(), "0" | "-1") => self.ignored.push(shown),
            ParameterKind::ConnectTimeout => set_once(&mut self.connect_timeout, value)?,
            Only(words, _) if words.iter().any(|word| word.eq_ignore_ascii_case(&value)) => {}
            Only(_, reason) | Refused(reason) => return Err(refused(shown, reason)),
            Ignored | ParameterKind::ApplicationName => self.ignored.push(shown),
        }
        Ok(())
    }
}

/// Two spellings of the same parameter.
fn set_once<T>(place: &mut Option<T>, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        Some(_) => Err("has the same parameter twice".into()),
        None => Ok(()),
    }
}

fn file(shown: &str, value: &str) -> Result<PathBuf, Problem> {
    path_of(value).map_err(|problem| Problem::from(format!("has an invalid parameter {shown}: it {problem}").as_str()))
}

fn plain_text(shown: &str, value: String) -> Result<String, Problem> {
    match value.is_empty() || value.contains(crate::domain::text::is_unsafe) {
        true => Err(refused(shown, "is empty or has control characters")),
        false => Ok(value),
    }
}

/// A name as PostgreSQL takes it literally.
fn quoted(name: &str, shown: &str) -> Result<String, Problem> {
    let name = plain_text(shown, name.to_owned())?;
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

fn wrong_mode(shown: &str) -> Problem {
    let words = match shown {
        "sslmode" | "ssl" | "useSSL" | "tls" => {
            "must be one of disable, allow, prefer, require, verify-ca, verify-full, true, false"
        }
        "sslaccept" => "must be strict or accept_invalid_certs",
        "requiressl" => "must be 0 or 1",
        _ => "must be one of require, prefer, disable",
    };
    Problem {
        sentence: format!("has an invalid parameter {shown}: it {words}"),
        hint: "correct it, or leave it out: TLS is then verified unless the host is this machine",
    }
}

fn refused(shown: &str, reason: &str) -> Problem {
    Problem {
        sentence: format!("has the parameter {shown}, which {reason}"),
        hint: "leave the parameter out; a ? that belongs to the password is written %3F",
    }
}

/// Says which parameter is unknown by its place, and by its name only when that is a public word.
fn unknown(name: &str, place: usize, engine: ServerEngine) -> Problem {
    let counts = |kind: &ParameterKind| match kind {
        ParameterKind::Schema
        | ParameterKind::SearchPath
        | ParameterKind::Options
        | ParameterKind::ApplicationName
        | ParameterKind::PasswordFile => engine.is_like_libpq,
        Ignored | Only(..) | Refused(_) => false,
        _ => true,
    };
    let known: Vec<&str> = PARAMETERS.iter().filter(|(_, kind)| counts(kind)).map(|(shown, _)| *shown).collect();
    let closest = closest(name, all_known().map(|(shown, _)| shown));
    let meant = closest.map_or_else(String::new, |closest| format!("; did you mean {closest}?"));
    Problem {
        sentence: format!("has an unknown parameter (number {place}{meant}); known are {}", known.join(", ")),
        hint: "leave the parameter out; a ? that belongs to the password is written %3F",
    }
}
