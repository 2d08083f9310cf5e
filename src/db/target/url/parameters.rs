//! What stands behind the `?` of a server's URL: the words of libpq, of MySQL's clients, and of the
//! programs that hosting platforms write their URLs for.
//!
//! A parameter is taken, passed over where nothing is lost by it, or refused by its name. Words that
//! are not in the table are never repeated: behind a `?` in a password they are a piece of it.

use std::path::PathBuf;

use super::{Problem, ServerEngine, SslMode, decode};
use crate::db::target::{Certificates, SessionRole, SessionWishes, path_of};
use crate::domain::similar::closest;

/// The parsed parameters.
#[derive(Default)]
pub(super) struct Parameters {
    /// The strictest requested mode.
    pub ssl: Option<SslMode>,
    pub certificates: Certificates,
    pub host: Option<String>,
    pub session: SessionWishes,
    /// As written; its limits are those of the setting.
    pub connect_timeout: Option<String>,
    /// PostgreSQL's own file of passwords.
    pub password_file: Option<PathBuf>,
    /// Parameters for other programs.
    pub passed_over: Vec<&'static str>,
}

/// The purpose of a parameter.
enum Meaning {
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
    PassedOver,
    /// The only supported value; others are rejected with the reason.
    Only(&'static [&'static str], &'static str),
    Refused(&'static str),
}

use Meaning::{Mode, Only, PassedOver, Refused};

const IN_FRONT: &str = "belongs in front of the ?, as postgres://USER:PASSWORD@HOST:PORT/DATABASE";
const NO_REVOCATION: &str = "asks for a list of revoked certificates, which the driver cannot check";
const ONE_DECIDES: &str = "cannot be promised by the driver";

/// Every parameter with a meaning, as it is usually written.
const PARAMETERS: &[(&str, Meaning)] = &[
    ("sslmode", Mode(|word| SslMode::parse(word).ok().map(Some))),
    ("sslrootcert", Meaning::RootCertificate),
    ("ssl-ca", Meaning::RootCertificate),
    ("sslcert", Meaning::ClientCertificate),
    ("sslkey", Meaning::ClientKey),
    ("host", Meaning::Host),
    ("socket", Meaning::Host),
    ("ssl", Mode(ssl_word)),
    ("useSSL", Mode(ssl_word)),
    ("requiressl", Mode(|word| (word == "1").then_some(Some(SslMode::Require)).or((word == "0").then_some(None)))),
    ("sslaccept", Mode(ssl_accept)),
    ("tls", Mode(ssl_word)),
    ("channel_binding", Mode(channel_binding)),
    ("schema", Meaning::Schema),
    ("search_path", Meaning::SearchPath),
    ("currentSchema", Meaning::SearchPath),
    ("options", Meaning::Options),
    ("application_name", Meaning::ApplicationName),
    ("target_session_attrs", Meaning::Role),
    ("targetServerType", Meaning::Role),
    ("connect_timeout", Meaning::ConnectTimeout),
    ("passfile", Meaning::PasswordFile),
    ("gssencmode", Only(&["disable", "prefer"], "asks for GSSAPI, which the driver does not have")),
    ("sslnegotiation", Only(&["postgres"], "asks for TLS from the first byte, which the driver does not have")),
    ("load_balance_hosts", Only(&["disable"], "asks for hosts in random order: they are tried as they stand")),
    ("sslcertmode", Only(&["allow"], ONE_DECIDES)),
    ("ssl_min_protocol_version", Only(&["TLSv1", "TLSv1.1", "TLSv1.2"], "asks for more than TLS 1.2 at least")),
    ("ssl_max_protocol_version", Only(&["TLSv1.3"], ONE_DECIDES)),
    ("tls-version", Only(&["TLSv1.2,TLSv1.3", "TLSv1.3,TLSv1.2", "TLSv1.2"], ONE_DECIDES)),
    ("require_auth", Refused("restricts how the password may be shown, which the driver cannot")),
    ("requirepeer", Refused(ONE_DECIDES)),
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
    ("port", Refused(IN_FRONT)),
    ("user", Refused(IN_FRONT)),
    ("password", Refused(IN_FRONT)),
    ("dbname", Refused(IN_FRONT)),
];

/// Parameters that tune what shopctl decides by itself, and weaken nothing.
const PASSED_OVER: &str = "\
    fallback_application_name pgbouncer connection_limit pool_timeout pool pool_size supa socket_timeout \
    statement_cache_size statement-cache-capacity prepareThreshold prepared_statements binary_parameters \
    max_connection_lifetime max_idle_connection_lifetime keepalives keepalives_idle keepalives_interval \
    keepalives_count tcpKeepAlive tcp_user_timeout sslcompression sslsni krbsrvname gsslib client_encoding \
    charset characterEncoding collation useUnicode timezone serverTimezone connectionTimeZone autoReconnect \
    reconnect parseTime loc zeroDateTimeBehavior allowPublicKeyRetrieval verifyServerCertificate";

fn all_known() -> impl Iterator<Item = (&'static str, &'static Meaning)> {
    let passed_over = PASSED_OVER.split(' ').map(|shown| (shown, &PassedOver));
    PARAMETERS.iter().map(|(shown, meaning)| (*shown, meaning)).chain(passed_over)
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
        let Some((shown, meaning)) = all_known().find(|(shown, _)| plain(shown) == plain_name) else {
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
        parameters.take(shown, meaning, value, engine)?;
    }
    Ok(parameters)
}

impl Parameters {
    fn take(
        &mut self,
        shown: &'static str,
        meaning: &Meaning,
        value: String,
        engine: ServerEngine,
    ) -> Result<(), Problem> {
        let is_postgres = engine.is_like_libpq;
        match meaning {
            Mode(read) => {
                let mode = read(&value).ok_or_else(|| wrong_mode(shown))?;
                // The strictest one: a weaker one would silently reduce security.
                self.ssl = self.ssl.max(mode);
            }
            Meaning::RootCertificate => put(&mut self.certificates.root, file(shown, &value)?)?,
            Meaning::ClientCertificate => put(&mut self.certificates.client, file(shown, &value)?)?,
            Meaning::ClientKey => put(&mut self.certificates.key, file(shown, &value)?)?,
            Meaning::Host => {
                if shown == "socket" && !value.starts_with('/') {
                    return Err("has a socket that is not an absolute path".into());
                }
                put(&mut self.host, value)?;
            }
            Meaning::Schema if is_of_server(&value) => {
                return Err(refused(shown, "names a schema of the server's own: tables cannot be made there"));
            }
            Meaning::Schema if is_postgres => put(&mut self.session.search_path, quoted(&value, shown)?)?,
            Meaning::SearchPath if is_postgres => {
                let names: Vec<&str> = value.split(',').map(|name| name.trim().trim_matches(['"', '\''])).collect();
                if names.iter().all(|name| name.is_empty() || is_of_server(name)) {
                    return Err(refused(shown, "names no schema of its own: tables cannot be made there"));
                }
                let names = names.into_iter().map(|name| quoted(name, shown));
                put(&mut self.session.search_path, names.collect::<Result<Vec<_>, _>>()?.join(","))?;
            }
            Meaning::Options if is_postgres => put(&mut self.session.options, plain_text(shown, value)?)?,
            Meaning::ApplicationName if is_postgres => {
                put(&mut self.session.application_name, plain_text(shown, value)?)?;
            }
            Meaning::PasswordFile if is_postgres => put(&mut self.password_file, file(shown, &value)?)?,
            Meaning::Schema | Meaning::SearchPath | Meaning::Options | Meaning::PasswordFile => {
                return Err(refused(shown, "means nothing for MySQL and MariaDB"));
            }
            Meaning::Role => {
                let role = SessionRole::parse(&value).ok_or_else(|| {
                    refused(shown, "is none of any, read-write, read-only, primary, standby, prefer-standby")
                })?;
                put(&mut self.session.role, role)?;
            }
            // 0 is "wait for ever" there.
            Meaning::ConnectTimeout if matches!(value.as_str(), "0" | "-1") => self.passed_over.push(shown),
            Meaning::ConnectTimeout => put(&mut self.connect_timeout, value)?,
            Only(words, _) if words.iter().any(|word| word.eq_ignore_ascii_case(&value)) => {}
            Only(_, reason) | Refused(reason) => return Err(refused(shown, reason)),
            PassedOver | Meaning::ApplicationName => self.passed_over.push(shown),
        }
        Ok(())
    }
}

/// Two spellings of the same parameter.
fn put<T>(place: &mut Option<T>, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        Some(_) => Err("has the same parameter twice".into()),
        None => Ok(()),
    }
}

fn file(shown: &str, value: &str) -> Result<PathBuf, Problem> {
    path_of(value).map_err(|problem| Problem::from(format!("has a parameter {shown} that {problem}").as_str()))
}

fn plain_text(shown: &str, value: String) -> Result<String, Problem> {
    match value.is_empty() || value.contains(crate::domain::text::is_unsafe) {
        true => Err(refused(shown, "is empty or has control characters")),
        false => Ok(value),
    }
}

/// PostgreSQL's system schemas.
fn is_of_server(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

/// A name as PostgreSQL takes it literally.
fn quoted(name: &str, shown: &str) -> Result<String, Problem> {
    let name = plain_text(shown, name.to_owned())?;
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

fn wrong_mode(shown: &str) -> Problem {
    let words = match shown {
        "sslmode" | "ssl" | "useSSL" | "tls" => {
            "is none of disable, allow, prefer, require, verify-ca, verify-full, true, false"
        }
        "sslaccept" => "is neither strict nor accept_invalid_certs",
        "requiressl" => "is neither 0 nor 1",
        _ => "is none of require, prefer, disable",
    };
    Problem {
        sentence: format!("has a parameter {shown} that {words}"),
        hint: "correct it, or leave it out: without it TLS is verified unless the host is this machine",
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
    let counts = |meaning: &Meaning| match meaning {
        Meaning::Schema | Meaning::SearchPath | Meaning::Options | Meaning::ApplicationName | Meaning::PasswordFile => {
            engine.is_like_libpq
        }
        PassedOver | Only(..) | Refused(_) => false,
        _ => true,
    };
    let known: Vec<&str> = PARAMETERS.iter().filter(|(_, meaning)| counts(meaning)).map(|(shown, _)| *shown).collect();
    let closest = closest(name, all_known().map(|(shown, _)| shown));
    let meant = closest.map_or_else(String::new, |closest| format!("; did you mean {closest}?"));
    Problem {
        sentence: format!("has an unknown parameter (number {place}{meant}); known are {}", known.join(", ")),
        hint: "leave the parameter out; a ? that belongs to the password is written %3F",
    }
}
