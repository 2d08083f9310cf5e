//! Where settings come from: flags, environment, `.env`, files. Reading them is the only I/O here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use serde::Deserialize;

use super::Place;
use crate::db::target::SqliteTarget;
use crate::error::{Error, Result, printable};

const FILE: &str = "shopctl.toml";
const DOTENV: &str = ".env";
/// The embedded shop's file in the user's data folder.
const EMBEDDED: &str = "shop.db";

/// What the command line says about settings.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub context: Option<String>,
    pub config: Option<PathBuf>,
    pub database_url: Option<String>,
    pub timeout: Option<String>,
    pub connect_timeout: Option<String>,
    pub actor: Option<String>,
}

/// All sources, read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub flags: Flags,
    pub environment: BTreeMap<String, String>,
    pub dotenv: BTreeMap<String, String>,
    /// In order of precedence.
    pub(super) files: Vec<(PathBuf, FileSettings)>,
    pub places: Vec<Place>,
    pub data_folder: PathBuf,
    /// Who runs this, as the operating system says.
    pub system_user: String,
    pub warnings: Vec<String>,
}

/// `shopctl.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSettings {
    pub database_url: Option<String>,
    pub database: Option<Parts>,
    #[serde(default)]
    pool: BTreeMap<String, toml::Value>,
    timeout: Option<toml::Value>,
    connect_timeout: Option<toml::Value>,
    #[serde(default)]
    pub context: BTreeMap<String, ContextSettings>,
}

/// `[context.NAME]`: one of several databases.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContextSettings {
    pub database_url: Option<String>,
    pub database: Option<Parts>,
    #[serde(default)]
    pub protected: bool,
    #[serde(default)]
    pub read_only: bool,
}

/// A target in parts: no percent-encoding needed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    pub dialect: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub name: Option<String>,
    pub user: Option<String>,
    pub password: Option<crate::db::target::Secret>,
    pub ssl: Option<toml::Value>,
}

/// The context that was chosen.
#[derive(Debug, Clone)]
pub(super) struct ChosenContext {
    pub name: String,
    pub origin: String,
    pub file: PathBuf,
    pub settings: ContextSettings,
    pub protected: bool,
    pub read_only: bool,
}

impl Sources {
    /// Reads the process's environment, `.env` and the configuration files.
    ///
    /// Errors: exit 4 for a file that is unreadable or malformed, naming it and the line; its
    /// content is never repeated.
    pub fn read(flags: Flags) -> Result<Sources> {
        let folders = ProjectDirs::from("", "", "shopctl");
        let data_folder = folders.as_ref().map_or_else(|| PathBuf::from("."), |folders| folders.data_dir().to_owned());
        let config_folder = folders.map_or_else(|| PathBuf::from("."), |folders| folders.config_dir().to_owned());
        let paths = match &flags.config {
            Some(path) => vec![path.clone()],
            None => vec![PathBuf::from(FILE), config_folder.join(FILE)],
        };
        let mut sources = Sources {
            environment: std::env::vars().filter(|(_, value)| !value.is_empty()).collect(),
            dotenv: read_dotenv(Path::new(DOTENV))?,
            data_folder,
            system_user: whoami::username().unwrap_or_else(|_| "unknown".to_owned()),
            ..Sources::default()
        };
        sources.place(Path::new(DOTENV), "variables of the working directory");
        for path in paths {
            let must_exist = flags.config.is_some();
            if let Some(text) = read_file(&path, must_exist)? {
                let settings = parse(&path, &text)?;
                sources.warn_if_readable(&path, &settings);
                sources.files.push((path.clone(), settings));
            }
            sources.place(&path, "settings");
        }
        sources.place(&sources.embedded_default().path, "the embedded shop");
        sources.flags = flags;
        Ok(sources)
    }

    fn place(&mut self, path: &Path, purpose: &'static str) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.places.push(Place { exists: path.exists(), path, purpose });
    }

    #[cfg(unix)]
    fn warn_if_readable(&mut self, path: &Path, settings: &FileSettings) {
        use std::os::unix::fs::PermissionsExt;
        const OTHERS: u32 = 0o077;
        let holds_password = |url: &Option<String>, parts: &Option<Parts>| {
            url.as_ref().is_some_and(|url| url.contains('@'))
                || parts.as_ref().is_some_and(|parts| parts.password.is_some())
        };
        let is_secret = holds_password(&settings.database_url, &settings.database)
            || settings.context.values().any(|context| holds_password(&context.database_url, &context.database));
        let mode = path.metadata().map_or(0, |metadata| metadata.permissions().mode());
        if is_secret && mode & OTHERS != 0 {
            let path = path.display();
            self.warnings.push(format!("{path} may hold a password and others can read it: chmod 600 {path}"));
        }
    }

    #[cfg(not(unix))]
    fn warn_if_readable(&mut self, _path: &Path, _settings: &FileSettings) {}

    pub(super) fn embedded_default(&self) -> SqliteTarget {
        SqliteTarget { path: self.data_folder.join(EMBEDDED) }
    }

    /// A variable and where it stands.
    pub(super) fn variable(&self, name: &str) -> Option<(String, String)> {
        let of = |map: &BTreeMap<String, String>, place: &str| {
            map.get(name).filter(|value| !value.is_empty()).map(|value| (value.clone(), format!("{place} {name}")))
        };
        of(&self.environment, "environment").or_else(|| of(&self.dotenv, DOTENV))
    }

    /// A setting of a file by its dotted name (`pool.max`, `timeout`).
    pub(super) fn file_setting(&self, name: &str) -> Option<(String, String)> {
        self.files.iter().find_map(|(path, settings)| {
            let value = match name.split_once('.') {
                Some((_, key)) => settings.pool.get(key),
                None if name == "timeout" => settings.timeout.as_ref(),
                None if name == "connect_timeout" => settings.connect_timeout.as_ref(),
                None => None,
            }?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((text, path.display().to_string()))
        })
    }

    /// The context asked for. Errors: exit 4 for one that no file names, with the closest name.
    pub(super) fn context(&self) -> Result<Option<ChosenContext>> {
        let flag = self.flags.context.clone().map(|name| (name, "flag --context".to_owned()));
        let Some((name, origin)) = flag.or_else(|| self.variable("SHOPCTL_CONTEXT")) else { return Ok(None) };
        for (path, file) in &self.files {
            if let Some(settings) = file.context.get(&name) {
                let (protected, read_only) = (settings.protected, settings.read_only);
                let (file, settings) = (path.clone(), settings.clone());
                return Ok(Some(ChosenContext { name, origin, file, settings, protected, read_only }));
            }
        }
        let names: Vec<&String> = self.files.iter().flat_map(|(_, file)| file.context.keys()).collect();
        let mut error = Error::configuration("config.unknown_context", format!("no context {}", printable(&name)));
        if let Some(close) = names.iter().find(|known| strsim::jaro_winkler(known, &name) > 0.8) {
            error = error.hint(format!("did you mean --context {close}?"));
        }
        let known: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        let list =
            if known.is_empty() { "no file names any".to_owned() } else { format!("contexts: {}", known.join(", ")) };
        Err(error.hint(format!("{list}; shopctl config path tells which files are read")))
    }
}

fn read_file(path: &Path, must_exist: bool) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(None),
        Err(error) => Err(Error::configuration("config.file", format!("cannot read {}: {error}", path.display()))),
    }
}

fn read_dotenv(path: &Path) -> Result<BTreeMap<String, String>> {
    let Some(text) = read_file(path, false)? else { return Ok(BTreeMap::new()) };
    let mut variables = BTreeMap::new();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        // The parser's own error repeats the line, which may hold a password.
        let (name, value) = pair.map_err(|_| {
            Error::configuration("config.file", format!("{} has a line that is not NAME=value", path.display()))
                .hint("values with spaces or # need quotes")
        })?;
        variables.insert(name, value);
    }
    Ok(variables)
}

fn parse(path: &Path, text: &str) -> Result<FileSettings> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&character| character != '\n').count() + 1;
        // Only messages about names are repeated: others may quote a value.
        let about_names = error.message().starts_with("unknown field") || error.message().starts_with("missing field");
        let what = if about_names {
            printable(error.message().lines().next().unwrap_or_default())
        } else {
            "not understood".to_owned()
        };
        Error::configuration("config.file", format!("{}:{line}:{column}: {what}", path.display()))
    })
}
