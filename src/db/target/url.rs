//! Reading a database URL without ever repeating a piece of it: in a malformed one anything may be
//! the password.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::{Engine, Secret, ServerTarget, SqliteTarget, SslMode, Target, check_host, check_name, default_user};
use crate::error::{Error, Result};

/// A target, and what its URL says by itself.
#[derive(Debug)]
pub(crate) struct ParsedUrl {
    pub target: Target,
    /// The URL names the TLS mode.
    pub is_ssl_named: bool,
}

/// What is wrong, as a sentence about the URL, and what to do; both without a piece of the URL.
struct Problem {
    sentence: String,
    hint: &'static str,
}

impl From<&str> for Problem {
    fn from(sentence: &str) -> Self {
        Problem { sentence: sentence.to_owned(), hint: SHAPE_HINT }
    }
}

const SHAPE: &str = "is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE, mysql://… or sqlite:PATH";
const SHAPE_HINT: &str =
    "percent-encode special characters of the password, or give it in DB_PASSWORD, with DB_HOST, DB_NAME and so on";

/// Parameters that name the TLS mode, the certificate authority, and a host or socket.
const SSL_MODE_PARAMETERS: [&str; 3] = ["sslmode", "ssl-mode", "ssl_mode"];
const SSL_ROOT_PARAMETERS: [&str; 3] = ["sslrootcert", "ssl-ca", "ssl_ca"];
const HOST_PARAMETERS: [&str; 2] = ["host", "socket"];

/// Parameters that other programs know. Only these are named when refused: behind a `?` in a
/// password, what looks like a parameter is a piece of the password.
const FOREIGN_PARAMETERS: [&str; 24] = [
    "application_name",
    "channel_binding",
    "charset",
    "collation",
    "connect_timeout",
    "connection_limit",
    "dbname",
    "fallback_application_name",
    "options",
    "password",
    "pgbouncer",
    "pool_timeout",
    "port",
    "schema",
    "search_path",
    "ssl",
    "ssl-cert",
    "ssl-key",
    "sslcert",
    "sslkey",
    "statement-cache-capacity",
    "target_session_attrs",
    "timezone",
    "user",
];

/// Reads a URL; `what` says in errors which one is meant (`the database URL of environment …`).
///
/// Errors: exit 4, `config.database_url`.
pub(crate) fn parse(text: &str, what: &str) -> Result<ParsedUrl> {
    read(text.trim()).map_err(|problem| {
        Error::configuration("config.database_url", format!("{what} {}", problem.sentence)).hint(problem.hint)
    })
}

fn read(text: &str) -> Result<ParsedUrl, Problem> {
    let (scheme, rest) = text.split_once(':').ok_or(SHAPE)?;
    match Engine::parse(&scheme.to_ascii_lowercase()).ok_or(SHAPE)? {
        Engine::Sqlite => read_sqlite(rest),
        // The URL parser drops tabs and line ends in silence: a password would no longer be itself.
        _ if text.contains(|character: char| character.is_control()) => Err(SHAPE.into()),
        engine => read_server(engine, rest.strip_prefix("//").ok_or(SHAPE)?),
    }
}

fn read_sqlite(rest: &str) -> Result<ParsedUrl, Problem> {
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // sqlite://user:password@host/… is a server's URL with a wrong beginning.
    if path.starts_with("//") && !path.starts_with("///") && path.contains('@') {
        return Err(SHAPE.into());
    }
    let target = SqliteTarget::checked(&decode(path.strip_prefix("//").unwrap_or(path))?)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter {
            // Whether a file may be made follows from the command.
            "mode=rw" | "mode=rwc" => {}
            "mode=ro" => {
                return Err(Problem {
                    sentence: "asks for mode=ro, which is not a matter of the URL".to_owned(),
                    hint: "put it into shopctl.toml as a [context.NAME] with read_only = true",
                });
            }
            _ => return Err("has a parameter other than mode=rw and mode=rwc".into()),
        }
    }
    Ok(ParsedUrl { target: Target::Sqlite(target), is_ssl_named: false })
}

/// `rest` is what follows `//`.
fn read_server(engine: Engine, rest: &str) -> Result<ParsedUrl, Problem> {
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // An @ behind the host, or a #: the host is none, a character of the password cut it short.
    if tail.contains(['@', '#']) {
        return Err(SHAPE.into());
    }
    // The host may be left out, most of all where a parameter names a socket.
    let host = if authority.is_empty() || authority.ends_with('@') { "localhost" } else { "" };
    let url = url::Url::parse(&format!("{}://{authority}{host}{tail}", engine.as_str())).map_err(|_| SHAPE)?;
    let bare_host = url.host_str().unwrap_or("localhost").trim_start_matches('[').trim_end_matches(']');
    let parameters = read_parameters(url.query().unwrap_or_default())?;
    let host = parameters.host.map_or_else(|| decode(bare_host), Ok)?;
    check_host(&host)?;
    let database = decode(url.path().strip_prefix('/').unwrap_or_default())?;
    if database.is_empty() {
        return Err("names no database (…HOST:PORT/DATABASE)".into());
    }
    check_name(&database).map_err(|_| SHAPE)?;
    // `;password=…` is another dialect's way: it would become part of the name, and be shown.
    if url.path().contains([';', '=']) {
        return Err(SHAPE.into());
    }
    // A slash that is meant stands there encoded.
    if url.path().trim_start_matches('/').contains('/') {
        return Err("has more than one name behind the host (…HOST:PORT/DATABASE)".into());
    }
    let user = Some(decode(url.username())?).filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| default_user(engine).to_owned());
    check_name(&user).map_err(|_| SHAPE)?;
    let password = url.password().map(decode).transpose()?.filter(|password| !password.is_empty());
    let port = url.port().unwrap_or(engine.default_port());
    if port == 0 || password.as_ref().is_some_and(|password| password.contains('\0')) {
        return Err(SHAPE.into());
    }
    let target = Target::Server(ServerTarget {
        engine,
        port,
        database,
        user,
        password: password.map(Secret::new),
        ssl: parameters.ssl.unwrap_or(SslMode::default_for(&host)),
        ssl_root_certificate: parameters.ssl_root_certificate,
        host,
    });
    Ok(ParsedUrl { target, is_ssl_named: parameters.ssl.is_some() })
}

/// What stands behind the `?`.
#[derive(Default)]
struct Parameters {
    ssl: Option<SslMode>,
    ssl_root_certificate: Option<PathBuf>,
    host: Option<String>,
}

fn read_parameters(query: &str) -> Result<Parameters, Problem> {
    let mut parameters = Parameters::default();
    for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        let is_twice;
        if SSL_MODE_PARAMETERS.contains(&name.as_str()) {
            let mode = SslMode::parse(&value).map_err(|problem| Problem {
                sentence: format!("has an sslmode that {problem}"),
                hint: "correct sslmode, or leave it out for verify-full",
            })?;
            is_twice = parameters.ssl.replace(mode).is_some();
        } else if SSL_ROOT_PARAMETERS.contains(&name.as_str()) {
            if value.is_empty() || value.contains('\0') {
                return Err("has an sslrootcert that names no file".into());
            }
            is_twice = parameters.ssl_root_certificate.replace(PathBuf::from(value)).is_some();
        } else if HOST_PARAMETERS.contains(&name.as_str()) {
            if name == "socket" && !value.starts_with('/') {
                return Err("has a socket that is not an absolute path".into());
            }
            is_twice = parameters.host.replace(value).is_some();
        } else {
            return Err(unknown_parameter(&name, index + 1));
        }
        if is_twice {
            return Err("has the same parameter twice".into());
        }
    }
    Ok(parameters)
}

/// Says which parameter is unknown by its place, and by its name only when that is a public word.
fn unknown_parameter(name: &str, place: usize) -> Problem {
    /// Below this, two words merely share some letters.
    const SIMILAR: f64 = 0.85;
    let known = [&SSL_MODE_PARAMETERS[..1], &SSL_ROOT_PARAMETERS[..1], &HOST_PARAMETERS].concat();
    let closest = known.iter().find(|known| strsim::jaro_winkler(known, name) > SIMILAR);
    let which = match (FOREIGN_PARAMETERS.iter().find(|foreign| **foreign == name), closest) {
        (Some(foreign), _) => format!("the parameter {foreign}, which shopctl does not know"),
        (None, Some(closest)) => format!("an unknown parameter (number {place}; did you mean {closest}?)"),
        (None, None) => format!("an unknown parameter (number {place})"),
    };
    Problem {
        sentence: format!("has {which}; known are {}", known.join(", ")),
        hint: "leave the parameter out; a ? that belongs to the password is written %3F",
    }
}

fn decode(part: &str) -> Result<String, Problem> {
    percent_decode_str(part).decode_utf8().map(|text| text.into_owned()).map_err(|_| SHAPE.into())
}

#[cfg(test)]
mod tests;
