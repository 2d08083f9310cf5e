//! The settings in `shopctl.toml`, and errors that do not reveal its contents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error as _};
use toml::{Spanned, Value};

use super::sourced_value::SourcedValue;
use crate::db::target::{Password, Target, escaped};
use crate::domain::similar::closest;
use crate::domain::text::position;
use crate::error::{Error, Result};

/// A string, number or boolean as written. Never printed, because it may be a password.
#[derive(Clone)]
pub struct Scalar(String);

/// An optional value with its position in the file.
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
    pub timezone: Setting,
    pub backup_dir: Setting,
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
    /// A shell command that prints the password.
    pub password_command: Setting,
    pub ssl: Setting,
    pub ssl_root_cert: Setting,
    pub ssl_cert: Setting,
    pub ssl_key: Setting,
}

/// A part of a target: its key in a file, its variable (empty if none), and the accessor of its setting.
pub type Part = (&'static str, &'static str, fn(&Parts) -> &Setting);

/// All parts of a target.
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
    /// Whether the file contains a password.
    pub fn holds_password(&self) -> bool {
        let of = |url: &Setting, parts: &Option<Spanned<Parts>>| {
            url.as_ref().is_some_and(|url| url_holds_password(&url.get_ref().0))
                || parts.as_ref().is_some_and(|parts| parts.get_ref().password.is_some())
        };
        of(&self.database_url, &self.database)
            || self.context.values().any(|context| of(&context.database_url, &context.database))
    }
}

/// Whether a URL contains a password; an invalid URL may, if it contains an `@`.
pub fn url_holds_password(url: &str) -> bool {
    match Target::parse_url(url) {
        Ok(Target::Server(server)) => matches!(server.password, Some(Password::Known(_))),
        Ok(Target::Sqlite(_)) => false,
        Err(_) => url.contains('@'),
    }
}

/// A parsed file.
pub struct ParsedFile {
    pub path: PathBuf,
    pub settings: FileSettings,
    line_starts: Vec<usize>,
}

impl ParsedFile {
    /// The origin of the value at a byte offset: `shopctl.toml (/path):3`.
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

/// Parses the text of a file.
///
/// Errors: exit 4, `config.file`, with file, line and column. The message contains no text of the file except a key
/// that is a plain word, because anything else may be a password.
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

/// Longer keys are not printed, because they may be passwords.
const MAX_SHOWN_KEY: usize = 32;

/// The message and hint for a parser error, which itself may quote the file.
fn explain(message: &str) -> (String, String) {
    let first_line = message.lines().next().unwrap_or_default();
    // The expectation is at the end and is text of this program.
    let expected = first_line.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    let correct = "correct the value on this line; put texts in quotes".to_owned();
    if let Some(name) = first_line.strip_prefix("unknown field `") {
        let name = name.rsplit_once("`, expected ").map_or(name, |(name, _)| name);
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let hint = match closest(name, known.iter().copied()) {
            Some(close) => format!("did you mean {close}? known here: {}", known.join(", ")),
            None => format!("known here: {}", known.join(", ")),
        };
        // A secret in place of a key is long or contains other characters.
        let is_plain = |key: &str| {
            key.len() <= MAX_SHOWN_KEY
                && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        };
        (if is_plain(name) { format!("unknown key {name}") } else { "unknown key".to_owned() }, hint)
    } else if first_line.starts_with("invalid type") || first_line.starts_with("invalid value") {
        (format!("a value of the wrong kind, expected {expected}"), correct)
    } else if first_line.starts_with("duplicate") {
        ("this key is given twice".to_owned(), "keep one of them".to_owned())
    } else {
        ("not understood as TOML".to_owned(), "texts need quotes: database_url = \"…\"".to_owned())
    }
}
