//! Files of settings and secrets: small, and read at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{io_reason, printable};

/// The permission bits of group and others.
#[cfg(unix)]
const OTHERS: u32 = 0o077;
/// The longest file that is read at once, in bytes.
const SMALL_FILE: u64 = 1 << 20;

/// The content of a small file; `may_be_a_pipe` when one may be waited for.
///
/// Errors: what kind of failure it was, if it was the system's, and words that follow the file's name.
pub fn read_small(path: &Path, may_be_a_pipe: bool) -> Result<Vec<u8>, (Option<io::ErrorKind>, String)> {
    if !may_be_a_pipe && std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err((None, "is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(SMALL_FILE + 1).read_to_end(&mut bytes)) {
        Ok(length) if length as u64 > SMALL_FILE => Err((None, "is larger than 1 MiB".to_owned())),
        Ok(_) => Ok(bytes),
        Err(error) => Err((Some(error.kind()), format!("cannot be read: {}", io_reason(&error)))),
    }
}

/// Whether others than its owner can do something with a file.
#[cfg(unix)]
pub fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // Folders are ignored: without the execute bit nobody can enter them.
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & OTHERS != 0)
}

/// Other systems have no such modes.
#[cfg(not(unix))]
pub fn is_open_to_others(_path: &Path) -> bool {
    false
}

/// The path of a file with a password as messages name it. If nothing is there, it may be the password itself in the
/// wrong place, and is not repeated.
pub fn password_file_name(path: &Path) -> Option<String> {
    path.exists().then(|| printable(&path.to_string_lossy()))
}

/// The file as messages name it; none is standard input.
pub fn input_name(file: Option<&Path>) -> String {
    file.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string())
}

/// The file's first `most` bytes as text; without a path, of standard input.
pub fn read_input(file: Option<&Path>, most: u64) -> io::Result<String> {
    let mut text = String::new();
    match file {
        Some(path) => File::open(path)?.take(most).read_to_string(&mut text)?,
        None => io::stdin().lock().take(most).read_to_string(&mut text)?,
    };
    Ok(text)
}
