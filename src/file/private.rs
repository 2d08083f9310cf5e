//! Files and folders for their owner alone.

use std::fs;
use std::path::Path;

use super::{OutputFile, unwritable};
use crate::error::Result;

impl OutputFile {
    /// The same file, which nobody but its owner can read, also where it replaces one that others can.
    ///
    /// Errors: exit 4 where the system refuses.
    pub fn for_owner_only(self) -> Result<OutputFile> {
        #[cfg(unix)]
        if self.unfinished.is_some() {
            let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
            self.file.set_permissions(mode).map_err(|error| unwritable(&self.path, &error))?;
        }
        Ok(self)
    }
}

/// The form of a time in the name of a backup.
const TIME: &str = "00000000-000000.000";

/// Makes a folder, and the ones above it, that only its owner can enter.
///
/// Errors: exit 4 naming the folder.
pub fn create_private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unwritable(folder, &error))
}

/// Removes all but the newest of the files with this beginning and ending and a time before the ending, as in
/// `20261129-134512.070`. Best effort: what is left only takes up room.
pub fn remove_older(folder: &Path, beginning: &str, ending: &str, keep: usize) {
    let time = |name: &str| {
        let rest = name.strip_prefix(beginning)?.strip_suffix(ending)?;
        let time = rest.get(rest.len().checked_sub(TIME.len())?..)?;
        let is_like = |(letter, like): (char, char)| if like == '0' { letter.is_ascii_digit() } else { letter == like };
        time.chars().zip(TIME.chars()).all(is_like).then(|| time.to_owned())
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut files: Vec<(String, String)> = names.filter_map(|name| Some((time(&name)?, name))).collect();
    files.sort();
    for (_, name) in files.iter().rev().skip(keep) {
        if let Err(error) = fs::remove_file(folder.join(name)) {
            tracing::debug!("{name} could not be removed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_of_the_same_kind_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let times = ["20260101-000000.000", "20260102-000000.000", "20260103-000000.000"];
        let others =
            ["shop-before-up.backup", "shop-20250101-000000.000.backup", "web-before-up-20250101-000000.000.backup"];
        let own =
            times.map(|time| format!("shop-before-{}-{time}.backup", if time == times[0] { "up" } else { "reset" }));
        for name in own.iter().map(String::as_str).chain(others) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_older(folder.path(), "shop-before-", ".backup", 2);
        let is_there = |name: &str| folder.path().join(name).exists();
        assert_eq!(own.each_ref().map(|name| is_there(name)), [false, true, true]);
        assert!(others.into_iter().all(is_there));
    }
}
