//! Settings other than the database: found by precedence, validated, and kept with their origin.

use std::path::PathBuf;
use std::time::Duration;

use super::file::{FileSettings, ParsedFile, Setting};
use super::sourced_value::SourcedValue;
use super::sources::{Flags, Sources};
use super::{Entry, PoolSettings, Timezone};
use crate::db::target::{escaped, path_of};
use crate::domain::Violations;
use crate::domain::moment::parse_span;
use crate::domain::text::single_line;

/// The width of the actor column.
const ACTOR_MAX_CHARACTERS: usize = 255;
/// Maximum number of connections; servers grant fewer.
const MAX_CONNECTIONS: u32 = 1000;
/// Maximum duration: one year, as anything longer is a typing error.
const MAX_DURATION: Duration = Duration::from_hours(8760);

/// The origin of default values.
const DEFAULT: &str = "default";

/// The name, sources and default value of a setting.
pub struct SettingKey {
    name: &'static str,
    variable: &'static str,
    /// The flag's name, if it is not that of the setting.
    flag_name: Option<&'static str>,
    flag: fn(&Flags) -> Option<&String>,
    in_file: fn(&FileSettings) -> &Setting,
    default: &'static str,
    /// Whether zero is valid (a time limit of zero is no limit).
    is_zero_allowed: bool,
}

impl SettingKey {
    /// A setting without a flag that must not be zero.
    const fn new(
        name: &'static str,
        variable: &'static str,
        in_file: fn(&FileSettings) -> &Setting,
        default: &'static str,
    ) -> SettingKey {
        SettingKey { name, variable, flag_name: None, flag: |_| None, in_file, default, is_zero_allowed: false }
    }
}

const POOL_MAX: SettingKey = SettingKey::new("pool.max", "DB_POOL_MAX", |file| &file.pool.max, "20");
const POOL_MIN: SettingKey =
    SettingKey { is_zero_allowed: true, ..SettingKey::new("pool.min", "DB_POOL_MIN", |file| &file.pool.min, "0") };
const POOL_ACQUIRE: SettingKey = SettingKey::new("pool.acquire", "DB_POOL_ACQUIRE", |file| &file.pool.acquire, "30s");
const POOL_IDLE: SettingKey = SettingKey::new("pool.idle", "DB_POOL_IDLE", |file| &file.pool.idle, "10s");
pub const TIMEOUT: SettingKey = SettingKey {
    flag: |flags| flags.timeout.as_ref(),
    is_zero_allowed: true,
    ..SettingKey::new("timeout", "SHOPCTL_TIMEOUT", |file| &file.timeout, "30s")
};
pub const CONNECT_TIMEOUT: SettingKey = SettingKey {
    flag: |flags| flags.connect_timeout.as_ref(),
    ..SettingKey::new("connect_timeout", "SHOPCTL_CONNECT_TIMEOUT", |file| &file.connect_timeout, "5s")
};
pub const TIMEZONE: SettingKey = SettingKey {
    flag: |flags| flags.tz.as_ref(),
    flag_name: Some("tz"),
    ..SettingKey::new("timezone", "TZ", |file| &file.timezone, "UTC")
};

const BACKUP_DIR: SettingKey = SettingKey::new("backup_dir", "SHOPCTL_BACKUP_DIR", |file| &file.backup_dir, "");

/// Finds settings and records their origin; all violations are reported together.
pub struct Settings<'a> {
    sources: &'a Sources,
    files: &'a [ParsedFile],
    pub entries: Vec<Entry>,
    pub violations: Violations,
    /// The hint about the first that `.env` sets.
    pub dotenv_hint: Option<String>,
}

impl<'a> Settings<'a> {
    pub fn new(sources: &'a Sources, files: &'a [ParsedFile]) -> Self {
        Settings { sources, files, entries: Vec::new(), violations: Violations::new(), dotenv_hint: None }
    }

    fn look_up(&self, key: &SettingKey) -> SourcedValue {
        let flag = || {
            let text = (key.flag)(&self.sources.flags)?.clone();
            let name = key.flag_name.map_or_else(|| key.name.replace('_', "-"), str::to_owned);
            Some(SourcedValue { text, origin: format!("flag --{name}") })
        };
        let in_files = || self.files.iter().find_map(|file| file.found((key.in_file)(&file.settings)));
        flag()
            .or_else(|| self.sources.variable(key.variable))
            .or_else(in_files)
            .unwrap_or_else(|| SourcedValue { text: key.default.to_owned(), origin: DEFAULT.to_owned() })
    }

    /// Whether a setting is configured rather than the default.
    pub fn is_set(&self, key: &SettingKey) -> bool {
        self.look_up(key).origin != DEFAULT
    }

    /// Records a value with its origin, or its violation, without the value, which may be a secret in the wrong
    /// variable.
    fn record<T>(&mut self, name: &'static str, origin: String, read: Result<(T, String), String>) -> Option<T> {
        match read {
            Ok((value, shown)) => {
                self.entries.push(Entry { name, value: shown, origin });
                Some(value)
            }
            Err(problem) => {
                self.dotenv_hint = self.dotenv_hint.take().or_else(|| self.sources.dotenv_hint(&origin));
                self.violations.add(&format!("{name} ({origin})"), problem);
                None
            }
        }
    }

    pub fn pool(&mut self) -> PoolSettings {
        let origins = [self.look_up(&POOL_MIN).origin, self.look_up(&POOL_MAX).origin];
        let (max, min) = (self.number(&POOL_MAX), self.number(&POOL_MIN));
        if let (Some(max), Some(min)) = (max, min)
            && min > max
        {
            let [min_origin, max_origin] = origins;
            let problem = format!("must not be more than pool.max ({max_origin})");
            self.violations.add(&format!("pool.min ({min_origin})"), problem);
        }
        PoolSettings {
            max: max.unwrap_or_default(),
            min: min.unwrap_or_default(),
            acquire: self.duration(&POOL_ACQUIRE),
            idle: self.duration(&POOL_IDLE),
        }
    }

    fn number(&mut self, key: &SettingKey) -> Option<u32> {
        let found = self.look_up(key);
        let lowest = u32::from(!key.is_zero_allowed);
        let read = match found.text.trim().parse::<u32>() {
            Ok(number) if (lowest..=MAX_CONNECTIONS).contains(&number) => Ok((number, number.to_string())),
            _ => Err(format!("must be a whole number between {lowest} and {MAX_CONNECTIONS}")),
        };
        self.record(key.name, found.origin, read)
    }

    /// The duration of a setting; zero if it is invalid and a violation was added.
    pub fn duration(&mut self, key: &SettingKey) -> Duration {
        self.duration_or(key, None)
    }

    /// As [`Settings::duration`], with another default.
    pub fn duration_or(&mut self, key: &SettingKey, fallback: Option<&SourcedValue>) -> Duration {
        let found = match (self.look_up(key), fallback) {
            (found, Some(fallback)) if found.origin == "default" => fallback.clone(),
            (found, _) => found,
        };
        let read = match parse_span(&found.text) {
            Ok(span) if span <= MAX_DURATION && (key.is_zero_allowed || !span.is_zero()) => {
                Ok((span, format_duration(span)))
            }
            _ => {
                let zero = if key.is_zero_allowed { "0 means no limit" } else { "0 is not allowed" };
                Err(format!("must be a number with a unit, such as 500ms, 30s or 5m, and at most 8760h; {zero}"))
            }
        };
        self.record(key.name, found.origin, read).unwrap_or_default()
    }

    /// The time zone that people read and type times in; only the command line has checked its name.
    pub fn timezone(&mut self) -> Timezone {
        let SourcedValue { text, origin } = self.look_up(&TIMEZONE);
        let is_variable = origin.ends_with(TIMEZONE.variable);
        self.entries.push(Entry { name: TIMEZONE.name, value: escaped(&text), origin: origin.clone() });
        Timezone { name: text, origin, is_variable }
    }

    /// The folder for backups, if one is configured.
    pub fn backup_dir(&mut self) -> Option<PathBuf> {
        let found = self.look_up(&BACKUP_DIR);
        let read = match found.text.as_str() {
            "" => Ok((None, "beside the embedded shop".to_owned())),
            text => path_of(text).map(|path| (Some(path), escaped(text))).map_err(str::to_owned),
        };
        self.record(BACKUP_DIR.name, found.origin, read).flatten()
    }

    /// The actor: the configured name, else the user of the operating system.
    pub fn actor(&mut self) -> String {
        let flag = self.sources.flags.actor.clone();
        let named = flag
            .map(|text| SourcedValue { text, origin: "flag --actor".to_owned() })
            .or_else(|| self.sources.variable("SHOPCTL_ACTOR"));
        let (actor, origin) = match named {
            Some(named) => (single_line(&named.text, ACTOR_MAX_CHARACTERS), named.origin),
            None => {
                // An invalid user name is not an error, because the user did not choose it for shopctl.
                let user = single_line(&self.sources.system_user, ACTOR_MAX_CHARACTERS);
                (Ok(user.unwrap_or_else(|_| "unknown".to_owned())), "operating system".to_owned())
            }
        };
        let read = actor.map(|actor| (actor.clone(), escaped(&actor)));
        self.record("actor", origin, read).unwrap_or_default()
    }
}

fn format_duration(span: Duration) -> String {
    if span.is_zero() {
        "none".to_owned()
    } else if span.subsec_millis() == 0 {
        format!("{}s", span.as_secs())
    } else {
        format!("{}ms", span.as_millis())
    }
}
