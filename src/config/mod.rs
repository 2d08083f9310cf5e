//! Settings and their origins.
//!
//! Precedence: flag > environment > `.env` of the working directory > `shopctl.toml` (working
//! directory, then the user's configuration folder) > default. A level that names the target
//! database replaces all lower ones completely.

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
use target::{ResolvedTarget, unknown_context};

/// Settings of the connection pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    pub max: u32,
    pub min: u32,
    /// Maximum time to wait for a free connection.
    pub acquire: Duration,
    pub idle: Duration,
}

/// The name of a time zone, which may be unknown, and where it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timezone {
    pub name: String,
    pub origin: String,
    /// Whether it comes from the variable TZ, which other programs use too.
    pub is_variable: bool,
}

/// The resolved configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub target: Target,
    /// The shop that `quickstart` uses regardless of the configured target.
    pub embedded_default: SqliteTarget,
    /// Whether the command line names the database.
    pub is_named_by_flag: bool,
    /// Whether the command line names the time zone.
    pub is_zone_named_by_flag: bool,
    pub pool: PoolSettings,
    /// Maximum time to wait for the database; `None` for no limit.
    pub timeout: Option<Duration>,
    /// Whether the limit is configured rather than the default.
    pub is_timeout_stated: bool,
    pub connect_timeout: Duration,
    pub actor: String,
    /// The folder for backups; `None` for the default.
    backup_dir: Option<PathBuf>,
    pub timezone: Timezone,
    pub context: Option<String>,
    /// Whether destructive commands ask for the database's name.
    pub protected: bool,
    pub read_only: bool,
    /// Every setting with its origin, secrets redacted; the database comes first.
    pub entries: Vec<Entry>,
    /// Security warnings: weak TLS, exposed passwords.
    pub warnings: Vec<String>,
    /// The files that are read, in order of precedence.
    pub files: Vec<ConfigFile>,
    /// Files with a password that other users can read.
    pub exposed_files: Vec<PathBuf>,
    working_folder_file: Option<PathBuf>,
    flags: Flags,
}

/// A setting as printed by `config show`: redacted, with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: &'static str,
    pub value: String,
    pub origin: String,
}

/// A file that the configuration is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub exists: bool,
    pub purpose: &'static str,
}

impl Config {
    /// Reads all sources and resolves the configuration.
    ///
    /// Errors: those of [`Sources::read`] and [`Config::resolve`].
    pub fn load(flags: Flags) -> Result<Config> {
        Config::resolve(&Sources::read(flags)?)
    }

    /// Resolves the configuration from sources already read, without I/O.
    ///
    /// Errors: exit 2 for a target named twice on one level; exit 4 for invalid values (all together), a malformed file
    /// or an unknown context. Messages never contain values.
    pub fn resolve(sources: &Sources) -> Result<Config> {
        let files = sources.files.iter().map(|(path, text)| file::parse(path, text)).collect::<Result<Vec<_>>>()?;
        let mut settings = Settings::new(sources, &files);
        let resolved = match target::resolve(sources, &files, &mut settings.violations) {
            // Without a target, other invalid values do not matter.
            Err(error) if !error.is(Cause::MalformedUrl) => return Err(error),
            resolved => resolved,
        };
        let pool = settings.pool();
        let timeout = settings.duration(&settings::TIMEOUT);
        let is_timeout_stated = settings.is_set(&settings::TIMEOUT);
        let url_timeout = resolved.as_ref().ok().and_then(|resolved| resolved.as_ref()?.connect_timeout.as_ref());
        let connect_timeout = settings.duration_or(&settings::CONNECT_TIMEOUT, url_timeout);
        let actor = settings.actor();
        let backup_dir = settings.backup_dir();
        let timezone = settings.timezone();
        let Settings { entries, violations, dotenv_hint, .. } = settings;
        let resolved = combine_errors(resolved, violations).map_err(|error| error.hints_of(dotenv_hint))?;
        let exposed_files = exposed_files(sources, &files);
        let [protected, read_only] = resolved.flags();
        Ok(Config {
            entries: resolved.entries().into_iter().chain(entries).collect(),
            warnings: warnings(&resolved, sources, &exposed_files),
            files: sources.config_files.clone(),
            exposed_files,
            embedded_default: sources.embedded_default(),
            is_named_by_flag: sources.flags.database_url.is_some() || sources.flags.context.is_some(),
            is_zone_named_by_flag: sources.flags.tz.is_some(),
            pool,
            timeout: (!timeout.is_zero()).then_some(timeout),
            is_timeout_stated,
            connect_timeout,
            actor,
            backup_dir,
            timezone,
            protected,
            read_only,
            working_folder_file: resolved.working_folder_file,
            flags: sources.flags.clone(),
            context: resolved.context.map(|context| context.name),
            target: resolved.target,
        })
    }

    /// The configuration of a database that a command names instead of the configured one: a context or a URL.
    ///
    /// Errors: exit 2 if a global flag names a database, which would be ignored; those of [`Config::load`].
    pub fn for_shop(&self, shop: &str) -> Result<Config> {
        if self.flags.context.is_some() || self.flags.database_url.is_some() {
            return Err(Error::usage(
                "--context and --database-url do not apply: the command itself names its databases",
            ));
        }
        let is_url = shop.contains(':');
        let named = |is_it: bool| is_it.then(|| shop.to_owned());
        let flags = Flags { context: named(!is_url), database_url: named(is_url), ..self.flags.clone() };
        let mut sources = Sources::read(flags)?;
        sources.forget_context();
        if !is_url {
            let names = contexts_of(&sources)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if !names.contains(&shop) {
                return Err(unknown_context(shop, None, &names));
            }
        }
        Config::resolve(&sources)
    }

    /// The folder for backups: the configured one, or `backups` beside the embedded shop.
    pub fn backup_folder(&self) -> PathBuf {
        if let Some(folder) = &self.backup_dir {
            return folder.clone();
        }
        let embedded = self.target.file().unwrap_or(&self.embedded_default);
        embedded.path.parent().unwrap_or(Path::new("")).join("backups")
    }

    /// The file in the working folder that names the database; anyone may have created it.
    pub fn working_folder_file(&self) -> Option<&Path> {
        self.working_folder_file.as_deref()
    }
}

/// The names of all contexts in the settings files.
///
/// Errors: those of [`Sources::read`]; exit 4 for a malformed file.
pub fn context_names(flags: Flags) -> Result<Vec<String>> {
    contexts_of(&Sources::read(flags)?)
}

fn contexts_of(sources: &Sources) -> Result<Vec<String>> {
    let files = sources.files.iter().map(|(path, text)| file::parse(path, text)).collect::<Result<Vec<_>>>()?;
    Ok(files.into_iter().flat_map(|file| file.settings.context.into_keys()).collect())
}

/// Combines all violations into one error; a malformed URL alone keeps its own code and hint.
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
            Hint::from("correct each where it is set; for the allowed values: ")
                .and(CommandLine::anywhere("help environment")),
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
        warnings.push(format!("{path} is ignored because others can read it: chmod 600 {path}"));
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
        SslMode::Prefer => Some("TLS is optional"),
        SslMode::Require => Some("TLS is not verified"),
        SslMode::VerifyCa => Some("TLS does not verify the host name"),
        SslMode::VerifyFull => None,
    }
}

#[cfg(test)]
mod tests;
