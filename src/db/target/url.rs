//! Reading a database URL without ever repeating a piece of it: in a malformed one anything may be
//! the password.

mod parameters;

use percent_encoding::percent_decode_str;

use super::{
    Engine, Password, Secret, ServerEngine, ServerTarget, SqliteTarget, SslMode, Target, check_host, check_name,
};
use crate::error::{Cause, Error, Result};

/// A target, and what its URL says by itself.
#[derive(Debug)]
pub(crate) struct ParsedUrl {
    pub target: Target,
    /// The TLS mode, if the URL names one.
    pub ssl: Option<SslMode>,
    pub connect_timeout: Option<String>,
    /// Parameters for other programs.
    pub ignored: Vec<&'static str>,
}

/// The problem of the URL and a hint; neither repeats a part of the URL.
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

const PLACE_HINT: &str =
    "the host is followed by its port, 1 to 65535, and the name of the database: postgres://USER@HOST:5432/NAME";

const SSL_HINT: &str = "with sslmode=verify-full the certificates are used";

const SCHEME_HINT: &str = "the URL of a server begins with postgres://, mysql:// or mariadb://; no other is supported";

const FILE_HINT: &str = "a SQLite database is a file: sqlite:shop.db, or sqlite:/var/lib/shop/shop.db";

/// Not a URL. Only with an @ may a password be the cause.
fn not_a_url(text: &str) -> Problem {
    let hint = match text.contains('@') {
        true if text.contains("://") => SCHEME_HINT,
        true => SHAPE_HINT,
        false => FILE_HINT,
    };
    Problem { sentence: SHAPE.to_owned(), hint }
}

/// Reads a URL; `what` says in errors which one is meant (`the database URL of environment …`).
///
/// Errors: exit 4, `config.database_url`.
pub(crate) fn parse(text: &str, what: &str) -> Result<ParsedUrl> {
    read(text.trim()).map_err(|problem| {
        Error::from_cause(Cause::MalformedUrl, format!("{what} {}", problem.sentence)).hint(problem.hint)
    })
}

fn read(text: &str) -> Result<ParsedUrl, Problem> {
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    match Engine::parse(&scheme.to_ascii_lowercase()).ok_or_else(|| not_a_url(text))?.server {
        None => read_sqlite(rest),
        // The URL parser silently drops tabs and line ends, which would change a password.
        _ if text.contains(|character: char| character.is_control()) => Err(SHAPE.into()),
        Some(engine) => read_server(engine, rest.strip_prefix("//").ok_or(SHAPE)?),
    }
}

fn read_sqlite(rest: &str) -> Result<ParsedUrl, Problem> {
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // sqlite://user:password@host/… is a server URL with the wrong scheme.
    if path.starts_with("//") && !path.starts_with("///") && path.contains('@') {
        return Err(SHAPE.into());
    }
    let of_file = |sentence: &str| Problem { sentence: sentence.to_owned(), hint: FILE_HINT };
    let target = SqliteTarget::checked(&decode(path.strip_prefix("//").unwrap_or(path))?).map_err(of_file)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter {
            // The command decides whether a file may be created.
            "mode=rw" | "mode=rwc" => {}
            "mode=ro" => {
                return Err(Problem {
                    sentence: "asks for mode=ro, which is not set in the URL".to_owned(),
                    hint: "define a [context.NAME] with read_only = true in shopctl.toml",
                });
            }
            _ => return Err(of_file("has a parameter other than mode=rw and mode=rwc")),
        }
    }
    Ok(ParsedUrl { target: Target::Sqlite(target), ssl: None, connect_timeout: None, ignored: Vec::new() })
}

/// `rest` is what follows `//`.
fn read_server(engine: ServerEngine, rest: &str) -> Result<ParsedUrl, Problem> {
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // An @ after the host, or a #, means that an unencoded character of the password ended the host early.
    if tail.contains(['@', '#']) {
        return Err(SHAPE.into());
    }
    if has_wrong_port(authority) {
        return Err(Problem { sentence: "has a port that is not between 1 and 65535".to_owned(), hint: PLACE_HINT });
    }
    let (first, others) = read_hosts(engine, authority)?;
    let url = url::Url::parse(&format!("{}://{first}{tail}", engine.engine.as_str())).map_err(|_| SHAPE)?;
    let parameters = parameters::read(url.query().unwrap_or_default(), engine)?;
    if parameters.host.is_some() && !others.is_empty() {
        return Err("names hosts in two places".into());
    }
    let host = parameters.host.map_or_else(|| bare_host(&url), Ok)?;
    check_host(&host)?;
    let database = decode(url.path().strip_prefix('/').unwrap_or_default())?;
    if database.is_empty() {
        return Err(Problem { sentence: "has no database name (…HOST:PORT/DATABASE)".to_owned(), hint: PLACE_HINT });
    }
    check_name(&database).map_err(|_| SHAPE)?;
    // `;password=…` is another dialect's way: it would become part of the name, and be shown.
    if url.path().contains([';', '=']) {
        return Err(SHAPE.into());
    }
    // A literal slash must be encoded.
    if url.path().trim_start_matches('/').contains('/') {
        return Err("has more than one name after the host (…HOST:PORT/DATABASE)".into());
    }
    let user = Some(decode(url.username())?).filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| engine.default_user.to_owned());
    check_name(&user).map_err(|_| SHAPE)?;
    let password = url.password().map(decode).transpose()?.filter(|password| !password.is_empty());
    let port = url.port().unwrap_or(engine.default_port);
    if port == 0 || password.as_ref().is_some_and(|password| password.contains('\0')) {
        return Err(SHAPE.into());
    }
    let password = password.map(|password| Password::Known(Secret::new(password)));
    let all_hosts = others.iter().map(|(host, _)| host.as_str()).chain([host.as_str()]);
    let default = SslMode::default_for(all_hosts);
    let ssl = SslMode::effective(parameters.ssl, default, &parameters.certificates)
        .map_err(|problem| Problem { sentence: format!("has an invalid sslmode: it {problem}"), hint: SSL_HINT })?;
    let target = Target::Server(ServerTarget {
        engine,
        port,
        other_hosts: others,
        database,
        user,
        password: password.or(parameters.password_file.map(Password::Pgpass)),
        password_hints: vec!["write it into the URL".to_owned()],
        ssl,
        certificates: Box::new(parameters.certificates),
        session: Box::new(parameters.session),
        host,
    });
    Ok(ParsedUrl {
        target,
        ssl: parameters.ssl,
        connect_timeout: parameters.connect_timeout.as_deref().and_then(in_seconds),
        ignored: parameters.ignored,
    })
}

/// Whether a host is followed by a number that is no port; anything but digits may be part of a password.
fn has_wrong_port(authority: &str) -> bool {
    let hosts = authority.rsplit_once('@').map_or(authority, |(_login, hosts)| hosts);
    let port = |host: &str| host.rsplit_once(':').map(|(_host, port)| port.to_owned());
    let is_number = |port: &String| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    hosts.split(',').filter_map(port).filter(is_number).any(|port| port.parse::<u16>().unwrap_or(0) == 0)
}

/// `USER:PASSWORD@HOST:PORT` of the first host, then the others.
fn read_hosts(engine: ServerEngine, authority: &str) -> Result<(String, Vec<(String, u16)>), Problem> {
    let (login, hosts) = authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));
    let mut hosts = hosts.split(',');
    // The host may be left out, most of all where a parameter names a socket.
    let first = hosts.next().filter(|host| !host.is_empty()).unwrap_or("localhost");
    let others = hosts.map(|host| {
        let url = url::Url::parse(&format!("{}://{host}", engine.engine.as_str())).map_err(|_| SHAPE)?;
        let (host, port) = (bare_host(&url)?, url.port().unwrap_or(engine.default_port));
        check_host(&host)?;
        let is_plain = url.path().is_empty() && url.username().is_empty() && port > 0;
        if is_plain && url.host_str().is_some() { Ok((host, port)) } else { Err(SHAPE.into()) }
    });
    let others = others.collect::<Result<Vec<_>, Problem>>()?;
    let at = if authority.contains('@') { "@" } else { "" };
    Ok((format!("{login}{at}{first}"), others))
}

fn bare_host(url: &url::Url) -> Result<String, Problem> {
    decode(url.host_str().unwrap_or("localhost").trim_start_matches('[').trim_end_matches(']'))
}

fn decode(part: &str) -> Result<String, Problem> {
    percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| SHAPE.into())
}

/// A number alone is seconds in a URL, and 0 stands for the usual limit (libpq, "Parameter Key Words").
fn in_seconds(text: &str) -> Option<String> {
    match text.parse::<u64>() {
        Ok(0) => None,
        Ok(seconds) => Some(format!("{seconds}s")),
        Err(_) => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
