//! Time zones by name, from the operating system's own zone files.

use std::path::{Path, PathBuf};

use crate::config::Timezone;
use crate::context::Context;
use crate::domain::{Violations, Zone, similar};
use crate::error::{Error, Kind, Result as CommandResult, printable};
use crate::output::Output;

/// Where zone files are, besides `TZDIR`.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];
/// Maximum size of a zone file.
const MAX_BYTES: u64 = 1024 * 1024;

/// The zone of the configuration. A TZ that only other programs understand is no reason to refuse to work.
///
/// Errors: exit 4 for an unknown zone in a file.
pub fn configured(timezone: &Timezone, output: &Output) -> CommandResult<Zone> {
    let Timezone { name, origin, is_variable } = timezone;
    let found = if *is_variable { find_variable(name) } else { find(name) };
    found.or_else(|problem| match is_variable {
        true => {
            output.warn(&format!("times are in UTC: TZ ({origin}) {problem}"));
            Ok(Zone::utc())
        }
        false => Err(Error::new(
            Kind::Configuration,
            "config.invalid",
            format!("timezone {} ({origin}) {problem}", printable(name)),
        )),
    })
}

/// As [`find`], for TZ, which may also begin with a colon, be the path of a zone file or hold a rule.
fn find_variable(text: &str) -> Result<Zone, String> {
    let name = text.trim().trim_start_matches(':');
    let in_folder = |folder: &str| name.strip_prefix(folder)?.strip_prefix('/');
    let found = find(FOLDERS.into_iter().find_map(in_folder).unwrap_or(name));
    found.or_else(|problem| Zone::from_rule(name).map_err(|_| problem))
}

/// The offset from UTC of times stored without a zone, in minutes: that of `--tz`.
///
/// Errors: exit 7 for a zone whose clocks are changed, which no statement of every engine can convert.
pub fn stored_offset(context: &Context) -> CommandResult<i32> {
    let Some(zone) = &context.file_zone else { return Ok(0) };
    zone.fixed_offset().ok_or_else(|| {
        let problem = format!("{} changes its clocks: give an offset such as +02:00", zone.name());
        Violations::single("--tz", problem).into_error()
    })
}

/// Finds a zone by name or by an offset such as `+02:00`; UTC needs no file. Errors: with a suggestion for an unknown
/// name, or if the system has no zone files.
pub fn find(name: &str) -> Result<Zone, String> {
    let name = name.trim();
    if ["UTC", "Z"].iter().any(|utc| name.eq_ignore_ascii_case(utc)) {
        return Ok(Zone::utc());
    }
    if name.starts_with(['+', '-']) {
        return Zone::fixed(name, offset_minutes(name)?);
    }
    let Some(folder) = folder() else {
        return Err(format!(
            "this system has no time zones in {} (install tzdata or set TZDIR; UTC always works)",
            FOLDERS[0]
        ));
    };
    let file = folder.join(name);
    let is_file = is_name(name) && file.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES);
    if !is_file {
        return Err(match closest(name, &folder) {
            Some(close) => format!("is not a known time zone (did you mean {close}?)"),
            None => "is not a known time zone such as Europe/Berlin".to_owned(),
        });
    }
    let bytes = std::fs::read(&file).map_err(|error| format!("cannot be read: {}", crate::error::io_reason(&error)))?;
    Zone::from_file(name, &bytes)
}

/// The names of all zones of this system.
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    if let Some(folder) = folder() {
        collect(&folder, "", &mut names);
    }
    names.sort_unstable();
    names
}

/// Reads `+05:45` or `-03:00`.
fn offset_minutes(text: &str) -> Result<i32, String> {
    /// No zone is further from UTC.
    const MAX_HOURS: i32 = 14;
    let wrong = || "must be a time zone such as Europe/Berlin, or an offset such as +02:00".to_owned();
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':').ok_or_else(wrong)?;
    let number = |text: &str, most: i32| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && (0..=most).contains(number)).ok_or_else(wrong)
    };
    Ok(sign * (number(hours, MAX_HOURS)? * 60 + number(minutes, 59)?))
}

fn folder() -> Option<PathBuf> {
    let chosen = std::env::var_os("TZDIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    chosen.into_iter().chain(FOLDERS.map(PathBuf::from)).find(|folder| folder.is_dir())
}

/// Whether a name is valid; such a name cannot escape the folder.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.chars().all(|character| character.is_ascii_alphanumeric() || "+-_".contains(character))
    };
    name.split('/').all(is_part)
}

/// The most similar zone, by its full name or by its city alone.
fn closest(typed: &str, folder: &Path) -> Option<String> {
    let mut names = Vec::new();
    collect(folder, "", &mut names);
    names.sort_unstable();
    let typed = typed.to_lowercase().replace(' ', "_");
    let whole = |name: &String| name.to_lowercase();
    let place = |name: &String| whole(name).rsplit('/').next().unwrap_or_default().to_owned();
    let like = |spelled: &dyn Fn(&String) -> String| {
        let candidates: Vec<String> = names.iter().map(spelled).collect();
        let close = similar::closest(&typed, candidates.iter().map(String::as_str))?;
        names.get(candidates.iter().position(|candidate| candidate == close)?).cloned()
    };
    if typed.contains('/') { like(&whole) } else { like(&place) }
}

/// Collects all zone names below a folder. Copies in other forms (`posix`, `right`) and tables are skipped: they do not
/// begin with a capital letter.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(|first: char| first.is_ascii_uppercase()) || !is_name(&name) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), &format!("{prefix}{name}/"), names),
            Ok(_) => names.push(format!("{prefix}{name}")),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_zones_too() {
        let offset = |text: &str| find(text).map(|zone| zone.fixed_offset());
        assert_eq!(["UTC", "+02:00", "-05:30"].map(offset), [Ok(Some(0)), Ok(Some(120)), Ok(Some(-330))]);
        for wrong in ["", "+2", "+99:00", "+01:60", "+é:00", "-:", "+1:00", "+-1:00"] {
            assert!(find(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_variable_may_have_a_colon_or_hold_a_rule() {
        let name = |text: &str| find_variable(text).map(|zone| zone.name().to_owned());
        assert_eq!(name(":UTC"), Ok("UTC".to_owned()));
        assert!(name("CET-1CEST,M3.5.0,M10.5.0/3").is_ok());
        assert!(["CET-1CEST,", "soon", ":", "/etc/passwd"].iter().all(|text| name(text).is_err()));
    }

    #[test]
    fn zone_names_cannot_escape_the_folder() {
        for name in ["", "/etc/passwd", "../passwd", "Europe/../../passwd", "Europe/", "a\0b", "."] {
            assert!(!is_name(name), "{name}");
        }
        for name in ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"] {
            assert!(is_name(name), "{name}");
        }
    }
}
