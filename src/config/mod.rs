//! Settings and where each came from.
//!
//! Precedence: flag > environment > `.env` of the working directory > `shopctl.toml` (working
//! directory, then the user's configuration folder) > default. A higher level that names the
//! target database replaces a lower one wholly.

mod dotenv;
mod file;
mod server;
mod server_variables;
mod settings;
mod shown_entries;
mod sourced_value;
mod sources;
mod target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::db::target::{SqliteTarget, SslMode, Target, escaped};
use crate::domain::Violations;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result};
use file::ParsedFile;
use settings::Settings;
pub use sources::{Flags, Sources};
use target::ResolvedTarget;

/// How many connections, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    pub max: u32,
    pub min: u32,
    /// How long to wait for a free connection.
    pub acquire: Duration,
    pub idle: Duration,
}

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    pub target: Target,
    /// The shop that `quickstart` uses whatever else is configured.
    pub embedded_default: SqliteTarget,
    /// The command line itself names the database.
    pub is_named_by_flag: bool,
    pub pool: PoolSettings,
    /// How long to wait for the database; `None` is no limit.
    pub timeout: Option<Duration>,
    /// Somebody asked for that limit: it is not the default.
    pub is_timeout_stated: bool,
    pub connect_timeout: Duration,
    pub actor: String,
    pub context: Option<String>,
    /// Destructive commands on this context ask for the database's name.
    pub protected: bool,
    pub read_only: bool,
    entries: Vec<Entry>,
    warnings: Vec<String>,
    searched_files: Vec<ConfigFile>,
    exposed_files: Vec<PathBuf>,
    working_folder_file: Option<PathBuf>,
}

/// One setting as `config show` prints it: redacted, with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: &'static str,
    pub value: String,
    pub origin: String,
}

/// A file that is looked at, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub exists: bool,
    pub purpose: &'static str,
}

impl Config {
    /// Reads all sources and decides.
    ///
    /// Errors: those of [`Sources::read`] and [`Config::resolve`].
    pub fn load(flags: Flags) -> Result<Config> {
        Config::resolve(&Sources::read(flags)?)
    }

    /// Decides, from sources already read; touches neither files nor the process.
    ///
    /// Errors: exit 2 for a target named twice on one level; exit 4 for values that make no sense
    /// (all of them together), a malformed file, an unknown context. No value is ever repeated.
    pub fn resolve(sources: &Sources) -> Result<Config> {
        let files = sources.files.iter().map(|(path, text)| file::parse(path, text)).collect::<Result<Vec<_>>>()?;
        let mut settings = Settings::new(sources, &files);
        let resolved = match target::resolve(sources, &files, &mut settings.violations) {
            // Which database is meant is more than a wrong value: nothing else matters then.
            Err(error) if !error.is(Cause::MalformedUrl) => return Err(error),
            resolved => resolved,
        };
        let pool = settings.pool();
        let timeout = settings.duration(&settings::TIMEOUT);
        let is_timeout_stated = settings.is_set(&settings::TIMEOUT);
        let url_timeout = resolved.as_ref().ok().and_then(|resolved| resolved.as_ref()?.connect_timeout.as_ref());
        let connect_timeout = settings.duration_or(&settings::CONNECT_TIMEOUT, url_timeout);
        let actor = settings.actor();
        let Settings { entries, violations, .. } = settings;
        let resolved = combine_errors(resolved, violations)?;
        let exposed_files = exposed_files(sources, &files);
        let [protected, read_only] = resolved.flags();
        Ok(Config {
            entries: resolved.entries().into_iter().chain(entries).collect(),
            warnings: warnings(&resolved, sources, &exposed_files),
            searched_files: sources.config_files.clone(),
            exposed_files,
            embedded_default: sources.embedded_default(),
            is_named_by_flag: sources.flags.database_url.is_some() || sources.flags.context.is_some(),
            pool,
            timeout: (!timeout.is_zero()).then_some(timeout),
            is_timeout_stated,
            connect_timeout,
            actor,
            protected,
            read_only,
            working_folder_file: resolved.working_folder_file,
            context: resolved.context.map(|context| context.name),
            target: resolved.target,
        })
    }

    /// Every setting with its origin, secrets redacted; the database comes first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The files that are looked at, in order of precedence.
    pub fn config_files(&self) -> &[ConfigFile] {
        &self.searched_files
    }

    /// The file of the working folder that names the database: anybody may have put it there.
    pub fn working_folder_file(&self) -> Option<&Path> {
        self.working_folder_file.as_deref()
    }

    /// Files with a password that others than their owner can read.
    pub fn exposed_files(&self) -> &[PathBuf] {
        &self.exposed_files
    }

    /// What a careful user would want to know: weak TLS, a readable file with a password.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// One error for everything that is wrong; a malformed URL alone keeps its own code and hint.
fn combine_errors(resolved: Result<Option<ResolvedTarget>>, mut violations: Violations) -> Result<ResolvedTarget> {
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(error) if violations.is_empty() => return Err(error),
        Err(error) => {
            violations.add("database", error.message());
            None
        }
    };
    violations.into_result().map_err(|error| {
        Error::new(Kind::Configuration, "config.invalid", error.message()).details(error.details_value().clone()).hint(
            Hint::from("correct each where it is set; ")
                .and(CommandLine::anywhere("help environment"))
                .and(" tells what is allowed"),
        )
    })?;
    resolved.ok_or_else(|| Error::internal("no database was chosen"))
}

fn exposed_files(sources: &Sources, files: &[ParsedFile]) -> Vec<PathBuf> {
    let with_password = files.iter().filter(|file| file.settings.holds_password()).map(|file| &file.path);
    let with_password = with_password.chain(sources.dotenv_with_password());
    with_password.filter(|path| sources.readable_by_others.contains(path)).cloned().collect()
}

fn warnings(resolved: &ResolvedTarget, sources: &Sources, exposed_files: &[PathBuf]) -> Vec<String> {
    let target = &resolved.target;
    let mut warnings: Vec<String> = resolved.remark.iter().cloned().collect();
    if let Target::Server(server) = target
        && !target.is_local()
        && let Some(weakness) = tls_weakness(server.ssl)
    {
        let (host, mode) = (escaped(&server.host), server.ssl.as_str());
        warnings.push(format!("{weakness} for the remote host {host} (sslmode {mode}): use verify-full"));
    }
    if let Target::Server(server) = target
        && server.password.is_none()
        && let Some((path, _)) = sources.pgpass.as_ref().filter(|(path, _)| sources.readable_by_others.contains(path))
    {
        let path = escaped(&path.to_string_lossy());
        warnings.push(format!("{path} is not used, because others can read it: chmod 600 {path}"));
    }
    for path in exposed_files {
        let path = escaped(&path.to_string_lossy());
        warnings.push(format!("{path} holds a password and others can read it: chmod 600 {path}"));
    }
    warnings
}

fn tls_weakness(ssl: SslMode) -> Option<&'static str> {
    match ssl {
        SslMode::Disable => Some("TLS is off"),
        SslMode::Prefer => Some("TLS may be left out"),
        SslMode::Require => Some("TLS is not verified"),
        SslMode::VerifyCa => Some("TLS does not verify the name"),
        SslMode::VerifyFull => None,
    }
}

#[cfg(test)]
mod tests;
