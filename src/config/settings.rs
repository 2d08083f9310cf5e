//! Values other than the database: looked up by precedence, checked, remembered with their origin.

use std::time::Duration;

use super::file::{FileSettings, ParsedFile, Setting};
use super::sourced_value::SourcedValue;
use super::sources::{Flags, Sources};
use super::{Entry, PoolSettings};
use crate::db::target::escaped;
use crate::domain::Violations;
use crate::domain::moment::parse_span;
use crate::domain::text::single_line;

/// The width of the column that keeps the actor.
const ACTOR_MAX_CHARACTERS: usize = 255;
/// More connections than any server gives to one client.
const MAX_CONNECTIONS: u32 = 1000;
/// A year: longer is a slip of the hand, and far from what a clock can hold.
const MAX_DURATION: Duration = Duration::from_hours(8760);

/// The origin of what nobody said.
const DEFAULT: &str = "default";

/// One setting: its name, where it is looked for, and what holds when nobody says.
pub struct SettingKey {
    name: &'static str,
    variable: &'static str,
    flag: fn(&Flags) -> Option<&String>,
    in_file: fn(&FileSettings) -> &Setting,
    default: &'static str,
    /// Zero has a meaning of its own (of a time limit: none).
    is_zero_allowed: bool,
}

impl SettingKey {
    /// A setting that no flag names and that must not be zero.
    const fn new(
        name: &'static str,
        variable: &'static str,
        in_file: fn(&FileSettings) -> &Setting,
        default: &'static str,
    ) -> SettingKey {
        SettingKey { name, variable, flag: |_| None, in_file, default, is_zero_allowed: false }
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

/// Looks values up and remembers their origin; all that is wrong is reported together.
pub struct Settings<'a> {
    sources: &'a Sources,
    files: &'a [ParsedFile],
    pub entries: Vec<Entry>,
    pub violations: Violations,
}

impl<'a> Settings<'a> {
    pub fn new(sources: &'a Sources, files: &'a [ParsedFile]) -> Self {
        Settings { sources, files, entries: Vec::new(), violations: Violations::new() }
    }

    fn look_up(&self, key: &SettingKey) -> SourcedValue {
        let flag = || {
            let text = (key.flag)(&self.sources.flags)?.clone();
            Some(SourcedValue { text, origin: format!("flag --{}", key.name.replace('_', "-")) })
        };
        let in_files = || self.files.iter().find_map(|file| file.found((key.in_file)(&file.settings)));
        flag()
            .or_else(|| self.sources.variable(key.variable))
            .or_else(in_files)
            .unwrap_or_else(|| SourcedValue { text: key.default.to_owned(), origin: DEFAULT.to_owned() })
    }

    /// Whether a value does not come from this program.
    pub fn is_set(&self, key: &SettingKey) -> bool {
        self.look_up(key).origin != DEFAULT
    }

    /// Keeps a value with its origin, or notes what is wrong with it, without the value: somebody
    /// may have pasted a secret into the wrong variable.
    fn record<T>(&mut self, name: &'static str, origin: String, read: Result<(T, String), String>) -> Option<T> {
        match read {
            Ok((value, shown)) => {
                self.entries.push(Entry { name, value: shown, origin });
                Some(value)
            }
            Err(problem) => {
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

    /// A span of time; zero also where it is wrong, which the violations then say.
    pub fn duration(&mut self, key: &SettingKey) -> Duration {
        self.duration_or(key, None)
    }

    /// [`Settings::span`], with what holds when nobody says otherwise.
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
                let zero = if key.is_zero_allowed { "0 is no limit" } else { "0 is not allowed" };
                Err(format!("must be a time with its unit, such as 30s, 500ms or 2m, at most 8760h; {zero}"))
            }
        };
        self.record(key.name, found.origin, read).unwrap_or_default()
    }

    /// Who does it: whoever is named, else the operating system's user.
    pub fn actor(&mut self) -> String {
        let flag = self.sources.flags.actor.clone();
        let named = flag
            .map(|text| SourcedValue { text, origin: "flag --actor".to_owned() })
            .or_else(|| self.sources.variable("SHOPCTL_ACTOR"));
        let (actor, origin) = match named {
            Some(named) => (single_line(&named.text, ACTOR_MAX_CHARACTERS), named.origin),
            None => {
                // Nobody chose this name for shopctl: one that makes no sense is no mistake to correct.
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
