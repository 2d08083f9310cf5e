//! A database file that cannot be used, moved out of the way.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::target::SqliteTarget;
use crate::error::{Error, Result, io_reason};

/// The endings of the files that belong to a database file. One that was left behind would be read into a new database.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// Renames a damaged database file and the files beside it, and returns its new path. Nothing is overwritten.
///
/// Errors: exit 4 if the folder cannot be written.
pub fn set_aside(file: &SqliteTarget, now: DateTime<Utc>) -> Result<PathBuf> {
    let named = |ending: &str| -> OsString {
        let mut name = file.path.as_os_str().to_owned();
        name.push(ending);
        name
    };
    let aside = named(&format!(".damaged-{}", now.format("%Y%m%d-%H%M%S%.3f")));
    for ending in BESIDE {
        let mut to = aside.clone();
        to.push(ending);
        rename_new(Path::new(&named(ending)), Path::new(&to)).map_err(|error| {
            let message = format!("cannot move {} aside: {}", file.path.display(), io_reason(&error));
            Error::configuration("database.permission", message)
        })?;
    }
    Ok(aside.into())
}

/// Renames a file that may be missing.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}
