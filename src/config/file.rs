//! `shopctl.toml`: what may stand in it, and how a mistake is told without repeating any of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error as _};
use toml::{Spanned, Value};

use super::sourced_value::SourcedValue;
use crate::db::target::{Password, Target, escaped};
use crate::domain::similar::closest;
use crate::domain::text::position;
use crate::error::{Error, Result};

/// A text, number or truth value as it was written, whatever it is for; never printed.
#[derive(Clone)]
pub struct Scalar(String);

/// A value and where it stands in the file.
pub type Setting = Option<Spanned<Scalar>>;

/// The whole file.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    pub database_url: Setting,
    pub database: Option<Spanned<Parts>>,
    #[serde(default)]
    pub pool: Pool,
    pub timeout: Setting,
    pub connect_timeout: Setting,
    #[serde(default)]
    pub context: BTreeMap<String, ContextSettings>,
}

/// `[pool]`
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    pub max: Setting,
    pub min: Setting,
    pub acquire: Setting,
    pub idle: Setting,
}

/// `[context.NAME]`: one of several databases.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextSettings {
    pub database_url: Setting,
    pub database: Option<Spanned<Parts>>,
    pub protected: Option<Spanned<bool>>,
    pub read_only: Option<Spanned<bool>>,
}

/// `[database]`: a target in parts, without percent-encoding.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    pub dialect: Setting,
    pub host: Setting,
    pub port: Setting,
    pub name: Setting,
    pub user: Setting,
    pub password: Setting,
    pub password_file: Setting,
    /// A command of the shell that prints it.
    pub password_command: Setting,
    pub ssl: Setting,
    pub ssl_root_cert: Setting,
    pub ssl_cert: Setting,
    pub ssl_key: Setting,
}

/// A part: its key in a file, its variable, where it stands in a file's table.
pub type Part = (&'static str, &'static str, fn(&Parts) -> &Setting);

/// Every part.
pub const PARTS: [Part; 12] = [
    ("dialect", "DB_DIALECT", |parts| &parts.dialect),
    ("host", "DB_HOST", |parts| &parts.host),
    ("port", "DB_PORT", |parts| &parts.port),
    ("name", "DB_NAME", |parts| &parts.name),
    ("user", "DB_USER", |parts| &parts.user),
    ("password", "DB_PASSWORD", |parts| &parts.password),
    ("password_file", "DB_PASSWORD_FILE", |parts| &parts.password_file),
    ("password_command", "", |parts| &parts.password_command),
    ("ssl", "DB_SSL", |parts| &parts.ssl),
    ("ssl_root_cert", "DB_SSL_ROOT_CERT", |parts| &parts.ssl_root_cert),
    ("ssl_cert", "DB_SSL_CERT", |parts| &parts.ssl_cert),
    ("ssl_key", "DB_SSL_KEY", |parts| &parts.ssl_key),
];

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Scalar(match value {
            Value::String(text) => text,
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_) => value.to_string(),
            _ => return Err(D::Error::custom("invalid type, expected a text, a number, true or false")),
        }))
    }
}

impl FileSettings {
    /// Whether somebody who reads the file learns a password.
    pub fn holds_password(&self) -> bool {
        let of = |url: &Setting, parts: &Option<Spanned<Parts>>| {
            url.as_ref().is_some_and(|url| url_holds_password(&url.get_ref().0))
                || parts.as_ref().is_some_and(|parts| parts.get_ref().password.is_some())
        };
        of(&self.database_url, &self.database)
            || self.context.values().any(|context| of(&context.database_url, &context.database))
    }
}

/// A URL that is not understood may hold one, too, if only it has an @.
pub fn url_holds_password(url: &str) -> bool {
    match Target::parse_url(url) {
        Ok(Target::Server(server)) => matches!(server.password, Some(Password::Known(_))),
        Ok(Target::Sqlite(_)) => false,
        Err(_) => url.contains('@'),
    }
}

/// A file that was understood.
pub struct ParsedFile {
    pub path: PathBuf,
    pub settings: FileSettings,
    line_starts: Vec<usize>,
}

impl ParsedFile {
    /// `shopctl.toml (/path):3` for the value at a byte offset.
    pub fn origin(&self, offset: usize) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let line = self.line_starts.partition_point(|start| *start <= offset);
        format!("{} ({}):{line}", escaped(&name), escaped(&self.path.to_string_lossy()))
    }

    /// A value with its origin.
    pub fn found(&self, setting: &Setting) -> Option<SourcedValue> {
        let setting = setting.as_ref()?;
        Some(SourcedValue { text: setting.get_ref().0.clone(), origin: self.origin(setting.span().start) })
    }
}

/// Reads a file's text.
///
/// Errors: exit 4, `config.file`, with file, line and column; of the text nothing but a key that is a plain word
/// is repeated, because any of it may be a password.
pub fn parse(path: &Path, text: &str) -> Result<ParsedFile> {
    let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
    match toml::from_str(text) {
        Ok(settings) => Ok(ParsedFile { path: path.to_owned(), settings, line_starts }),
        Err(error) => {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            let (what, hint) = explain(error.message());
            let path = escaped(&path.to_string_lossy());
            Err(Error::configuration("config.file", format!("{path}:{line}:{column}: {what}")).hint(hint))
        }
    }
}

/// A key that is longer is not told.
const MAX_SHOWN_KEY: usize = 32;

/// Our own words for the parser's message, which may quote the file.
fn explain(message: &str) -> (String, String) {
    let first_line = message.lines().next().unwrap_or_default();
    // What was expected stands last and comes from this program.
    let expected = first_line.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    let correct = "correct the value on this line; texts stand between quotes".to_owned();
    if let Some(name) = first_line.strip_prefix("unknown field `") {
        let name = name.rsplit_once("`, expected ").map_or(name, |(name, _)| name);
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let hint = match closest(name, known.iter().copied()) {
            Some(close) => format!("did you mean {close}? known here: {}", known.join(", ")),
            None => format!("known here: {}", known.join(", ")),
        };
        // A secret in the place of a key is none of these, or long.
        let is_plain = |key: &str| {
            key.len() <= MAX_SHOWN_KEY
                && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        };
        (if is_plain(name) { format!("unknown key {name}") } else { "unknown key".to_owned() }, hint)
    } else if first_line.starts_with("invalid type") || first_line.starts_with("invalid value") {
        (format!("a value of the wrong kind, expected {expected}"), correct)
    } else if first_line.starts_with("duplicate") {
        ("this key stands twice".to_owned(), "keep one of them".to_owned())
    } else {
        ("not understood as TOML".to_owned(), "texts need quotes: database_url = \"…\"".to_owned())
    }
}
