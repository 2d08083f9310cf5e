//! Time zones by name, from the operating system's own zone files.

use std::path::{Path, PathBuf};

use crate::domain::Zone;
use crate::domain::similar;

/// Where zone files are, besides `TZDIR`.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];
/// Maximum size of a zone file.
const MAX_BYTES: u64 = 1024 * 1024;

/// Finds a zone by name; UTC needs no file. Errors: with a suggestion for an unknown name, or if the system has no zone
/// files.
pub fn find(name: &str) -> Result<Zone, String> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("UTC") {
        return Ok(Zone::utc());
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
    fn zone_names_cannot_escape_the_folder() {
        for name in ["", "/etc/passwd", "../passwd", "Europe/../../passwd", "Europe/", "a\0b", "."] {
            assert!(!is_name(name), "{name}");
        }
        for name in ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"] {
            assert!(is_name(name), "{name}");
        }
    }
}
