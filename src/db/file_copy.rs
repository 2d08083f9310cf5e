//! A copy of a database file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A copy of a database file beside it, deleted with this value until it is kept.
#[derive(Debug)]
pub struct FileCopy {
    path: PathBuf,
    is_kept: bool,
}

impl FileCopy {
    pub(super) fn new(path: PathBuf) -> FileCopy {
        FileCopy { path, is_kept: false }
    }

    /// Where the copy is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the file outlive this value.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Deletes the file, also one that was to be kept.
    pub fn discard(mut self) {
        self.is_kept = false;
    }
}

impl Drop for FileCopy {
    /// Also deletes what SQLite left beside it. Best effort: why the copy is not needed is what is reported.
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let mut journal = self.path.as_os_str().to_owned();
        journal.push("-journal");
        for file in [self.path.as_path(), Path::new(&journal)] {
            if let Err(error) = std::fs::remove_file(file)
                && error.kind() != ErrorKind::NotFound
            {
                tracing::debug!("{} could not be removed: {error}", file.display());
            }
        }
    }
}
