//! Settings and where each came from.
//!
//! Precedence: flag > environment > `.env` of the working directory > `shopctl.toml` (working
//! directory, then the user's configuration folder) > default. A higher level that names the
//! target database replaces a lower one wholly.

mod sources;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use crate::db::target::{SqliteTarget, SslMode, Target};
use crate::domain::Violations;
use crate::domain::moment::parse_span;
use crate::error::{Error, Result};
pub use sources::{Flags, Sources};

/// Connections of a pool: enough for bulk work; a one-shot command uses one.
const POOL_MAX: &str = "20";
const POOL_MIN: &str = "0";
const POOL_ACQUIRE: &str = "30s";
const POOL_IDLE: &str = "10s";
const TIMEOUT: &str = "30s";
const CONNECT_TIMEOUT: &str = "5s";

/// How many connections, and for how long.
#[derive(Debug, Clone)]
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
    /// Nobody named a database.
    pub is_embedded_default: bool,
    /// The command line itself names the database.
    pub is_named_by_flag: bool,
    pub pool: PoolSettings,
    /// For single operations; `None` is no limit.
    pub timeout: Option<Duration>,
    pub connect_timeout: Duration,
    pub actor: String,
    pub context: Option<String>,
    /// Destructive commands on this context ask for the database's name.
    pub protected: bool,
    pub read_only: bool,
    entries: Vec<Entry>,
    warnings: Vec<String>,
    places: Vec<Place>,
}

/// One setting as `config show` prints it: redacted, with its origin.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: &'static str,
    pub value: String,
    pub origin: String,
}

/// A file that is looked at, in order of precedence.
#[derive(Debug, Clone)]
pub struct Place {
    pub path: PathBuf,
    pub exists: bool,
    pub purpose: &'static str,
}

impl Config {
    /// Reads all sources and decides.
    ///
    /// Errors: exit 2 for a target named twice; exit 4 for values that make no sense, all of them
    /// together, an unreadable or malformed file, an unknown context.
    pub fn load(flags: Flags) -> Result<Config> {
        Config::resolve(&Sources::read(flags)?)
    }

    /// Decides, from sources already read.
    pub fn resolve(sources: &Sources) -> Result<Config> {
        let mut settings = Settings { sources, entries: Vec::new(), violations: Violations::new() };
        let context = sources.context()?;
        let chosen = target::choose(sources, context.as_ref())?;
        settings.entries.push(Entry {
            name: "database",
            value: chosen.target.to_string(),
            origin: chosen.origin.clone(),
        });
        if let Target::Server(server) = &chosen.target {
            settings.entries.push(Entry {
                name: "ssl",
                value: server.ssl.as_str().to_owned(),
                origin: chosen.ssl_origin.clone(),
            });
            let password = if server.password.is_some() { "***" } else { "(none)" };
            settings.entries.push(Entry {
                name: "password",
                value: password.to_owned(),
                origin: chosen.origin.clone(),
            });
        }
        let max = settings.number("pool.max", "DB_POOL_MAX", POOL_MAX, 1);
        let min = settings.number("pool.min", "DB_POOL_MIN", POOL_MIN, 0);
        let acquire = settings.span("pool.acquire", "DB_POOL_ACQUIRE", None, POOL_ACQUIRE);
        let idle = settings.span("pool.idle", "DB_POOL_IDLE", None, POOL_IDLE);
        let timeout = settings.span("timeout", "SHOPCTL_TIMEOUT", sources.flags.timeout.as_deref(), TIMEOUT);
        let connect_timeout = settings.span(
            "connect_timeout",
            "SHOPCTL_CONNECT_TIMEOUT",
            sources.flags.connect_timeout.as_deref(),
            CONNECT_TIMEOUT,
        );
        let actor = settings.actor();
        let (protected, read_only) =
            context.as_ref().map_or((false, false), |context| (context.protected, context.read_only));
        if let Some(context) = &context {
            settings.entries.push(Entry {
                name: "context",
                value: context.name.clone(),
                origin: context.origin.clone(),
            });
        }
        let Settings { entries, violations, .. } = settings;
        violations.into_result().map_err(|error| {
            Error::configuration("config.invalid", error.message().to_owned())
                .details(error.to_json()["error"]["details"].clone())
        })?;
        Ok(Config {
            warnings: warnings(&chosen.target, sources),
            places: sources.places.clone(),
            is_embedded_default: chosen.is_default,
            is_named_by_flag: sources.flags.database_url.is_some() || sources.flags.context.is_some(),
            target: chosen.target,
            embedded_default: sources.embedded_default(),
            pool: PoolSettings { max: max.max(min), min, acquire, idle },
            timeout: (!timeout.is_zero()).then_some(timeout),
            connect_timeout,
            actor,
            context: context.map(|context| context.name),
            protected,
            read_only,
            entries,
        })
    }

    /// Every setting with its origin, secrets redacted.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The files that are looked at, in order of precedence.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What a careful user would want to know: weak TLS, a readable file with a password.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn warnings(target: &Target, sources: &Sources) -> Vec<String> {
    let mut warnings = sources.warnings.clone();
    if let Target::Server(server) = target
        && !target.is_local()
        && server.ssl != SslMode::VerifyFull
    {
        warnings.push(format!(
            "{} does not have to prove who it is: sslmode is {}, not verify-full",
            crate::error::printable(&server.host),
            server.ssl.as_str()
        ));
    }
    warnings
}

/// Looks values up and remembers their origin.
struct Settings<'a> {
    sources: &'a Sources,
    entries: Vec<Entry>,
    violations: Violations,
}

impl Settings<'_> {
    fn value(&mut self, name: &'static str, variable: &str, flag: Option<&str>, default: &str) -> (String, String) {
        let found = flag
            .map(|value| (value.to_owned(), format!("flag --{}", name.replace('_', "-"))))
            .or_else(|| self.sources.variable(variable))
            .or_else(|| self.sources.file_setting(name))
            .unwrap_or_else(|| (default.to_owned(), "default".to_owned()));
        self.entries.push(Entry { name, value: found.0.clone(), origin: found.1.clone() });
        found
    }

    fn number(&mut self, name: &'static str, variable: &str, default: &str, lowest: u32) -> u32 {
        let (text, origin) = self.value(name, variable, None, default);
        let parsed =
            self.violations.parse(&format!("{name} ({origin})"), &text, |text| match text.trim().parse::<u32>() {
                Ok(number) if (lowest..=1000).contains(&number) => Ok(number),
                _ => Err(format!("must be between {lowest} and 1000")),
            });
        parsed.unwrap_or(lowest)
    }

    fn span(&mut self, name: &'static str, variable: &str, flag: Option<&str>, default: &str) -> Duration {
        let (text, origin) = self.value(name, variable, flag, default);
        self.violations.parse(&format!("{name} ({origin})"), &text, parse_span).unwrap_or_default()
    }

    fn actor(&mut self) -> String {
        /// The width of the column that keeps it.
        const ACTOR_MAX_CHARACTERS: usize = 255;
        let flag = self.sources.flags.actor.clone().map(|actor| (actor, "flag --actor".to_owned()));
        let (actor, origin) = flag
            .or_else(|| self.sources.variable("SHOPCTL_ACTOR"))
            .unwrap_or_else(|| (self.sources.system_user.clone(), "operating system".to_owned()));
        self.entries.push(Entry { name: "actor", value: actor.clone(), origin: origin.clone() });
        let check = |text: &str| crate::domain::text::single_line(text, ACTOR_MAX_CHARACTERS);
        self.violations.parse(&format!("actor ({origin})"), &actor, check).unwrap_or_default()
    }
}
