//! The file of an import, which is read several times and must not change in between.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::FileFormat;
use crate::domain::text::{hexadecimal, shell_word};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::file::{check_file, is_standard_stream, unreadable};

/// Buffer size for hashing the file, in bytes.
const DIGEST_BYTES: usize = 64 * 1024;

/// The file, which is read several times.
pub struct Source<'a> {
    file: File,
    path: &'a Path,
    state: FileState,
    /// Bytes read so far, over all passes.
    read: Arc<AtomicU64>,
}

/// Metadata that changes with a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    length: u64,
    modified: Option<SystemTime>,
}

/// One pass over the file.
pub struct SourceReader {
    file: File,
    state: FileState,
    read: Arc<AtomicU64>,
}

impl FileState {
    fn read(file: &File) -> io::Result<FileState> {
        let metadata = file.metadata()?;
        Ok(FileState { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl<'a> Source<'a> {
    /// `path` is what messages name.
    pub fn new(file: File, path: &'a Path) -> Result<Source<'a>> {
        let state = FileState::read(&file).map_err(|error| unreadable(path, &error))?;
        Ok(Source { file, path, state, read: Arc::default() })
    }

    /// Reads from the start.
    pub fn reader(&self) -> Result<SourceReader> {
        let begin = || {
            (&self.file).seek(SeekFrom::Start(0))?;
            self.file.try_clone()
        };
        let file = begin().map_err(|error| unreadable(self.path, &error))?;
        Ok(SourceReader { file, state: self.state, read: Arc::clone(&self.read) })
    }

    /// The size of the file, in bytes.
    pub fn length(&self) -> u64 {
        self.state.length
    }

    /// Bytes read, over all passes.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// SHA-256 of the file and of how it is read; hexadecimal.
    pub async fn digest(&self, how: &str) -> Result<String> {
        let (mut source, mut digest) = (self.reader()?, Sha256::new());
        digest.update(how);
        let mut buffer = vec![0; DIGEST_BYTES];
        loop {
            match source.read(&mut buffer).map_err(|error| unreadable(self.path, &error))? {
                0 => return Ok(hexadecimal(&digest.finalize())),
                length => digest.update(&buffer[..length]),
            }
            // Lets the progress bar update.
            tokio::task::yield_now().await;
        }
    }

    /// The result of reading the file, if it is unchanged since it was opened.
    ///
    /// Errors: exit 4 if it was modified meanwhile, regardless of the result.
    pub fn if_unchanged<T>(&self, result: Result<T>) -> Result<T> {
        if FileState::read(&self.file).is_ok_and(|state| state == self.state) {
            return result;
        }
        let message = format!("{} changed while it was being read", printable(&self.path.display().to_string()));
        Err(Error::configuration("file.changed", message).hint("import it when it is completely written"))
    }
}

impl Read for SourceReader {
    /// Errors: if the file has changed. Checked after the read, so that no changed content is ever used.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        if FileState::read(&self.file)? != self.state {
            return Err(io::Error::other("it changed while it was being read"));
        }
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

fn extension_of(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// The format of a file's extension.
///
/// Errors: exit 2 for an unknown extension, with a hint; exit 4 if it is not a file.
pub fn format_of(path: &Path, noun: &str) -> Result<FileFormat> {
    match extension_of(path).and_then(FileFormat::parse) {
        Some(format) => Ok(format),
        None if is_standard_stream(path) => Err(unnamed_format()),
        None => Err(unknown_format(path, noun)),
    }
}

fn unnamed_format() -> Error {
    Error::usage("the format of the file is unknown").hint("give it with --format csv|tsv|jsonl|json|mongo-json")
}

/// The error for a file with an unknown extension.
fn unknown_format(path: &Path, noun: &str) -> Error {
    if let Err(error) = check_file(path) {
        return error;
    }
    let name = path.display().to_string();
    let extension = extension_of(path).unwrap_or_default().to_ascii_lowercase();
    let unpack = match extension.as_str() {
        "gz" => "gunzip -c",
        "bz2" => "bunzip2 -c",
        "xz" => "unxz -c",
        "zst" => "unzstd -c",
        "zip" => "unzip -p",
        "xls" | "xlsx" | "xlsm" | "xlsb" | "ods" | "numbers" => {
            let message = format!("{name} is a spreadsheet workbook, not CSV or JSON");
            return Error::usage(message).hint("open it there and save the sheet as CSV (UTF-8)");
        }
        _ => return unnamed_format(),
    };
    let inside =
        path.file_stem().map(Path::new).and_then(extension_of).filter(|inside| FileFormat::parse(inside).is_some());
    let format = match inside {
        Some("ndjson") => "jsonl",
        Some("tab") => "tsv",
        Some("txt") | None => "csv",
        Some(inside) => inside,
    };
    let import = CommandLine::like(&format!("{noun} import")).argument("-").option("--format", format);
    Error::usage(format!("{name} is compressed"))
        .hint(Hint::from(format!("{unpack} {} | ", shell_word(&name))).and(import))
}
