//! The file of an import, which is read several times and has to be the same each time.

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
use crate::file::{check_file, is_stdout, unreadable};

/// Bytes of the file that are read at once to tell whether it is the same.
const DIGEST_BYTES: usize = 64 * 1024;

/// The file, which is read several times.
pub struct Source<'a> {
    file: File,
    path: &'a Path,
    state: State,
    /// How much was read so far, each time counted.
    read: Arc<AtomicU64>,
}

/// What changes with a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

/// One time through the file.
pub struct Through {
    file: File,
    state: State,
    read: Arc<AtomicU64>,
}

impl State {
    fn of(file: &File) -> io::Result<State> {
        let metadata = file.metadata()?;
        Ok(State { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl<'a> Source<'a> {
    /// `path` is what messages name.
    pub fn new(file: File, path: &'a Path) -> Result<Source<'a>> {
        let state = State::of(&file).map_err(|error| unreadable(path, &error))?;
        Ok(Source { file, path, state, read: Arc::default() })
    }

    /// From the beginning.
    pub fn again(&self) -> Result<Through> {
        let begin = || {
            (&self.file).seek(SeekFrom::Start(0))?;
            self.file.try_clone()
        };
        let file = begin().map_err(|error| unreadable(self.path, &error))?;
        Ok(Through { file, state: self.state, read: Arc::clone(&self.read) })
    }

    pub fn length(&self) -> u64 {
        self.state.length
    }

    /// Bytes, each time that they were read.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// SHA-256 of the file and of how it is read; hexadecimal.
    pub async fn digest(&self, how: &str) -> Result<String> {
        let (mut source, mut digest) = (self.again()?, Sha256::new());
        digest.update(how);
        let mut buffer = vec![0; DIGEST_BYTES];
        loop {
            match source.read(&mut buffer).map_err(|error| unreadable(self.path, &error))? {
                0 => return Ok(hexadecimal(&digest.finalize())),
                length => digest.update(&buffer[..length]),
            }
            // Whoever tells how far it is has a turn.
            tokio::task::yield_now().await;
        }
    }

    /// What came of reading the file, if it is still the one that was opened.
    ///
    /// Errors: exit 4 when somebody has written to it meanwhile, whatever came of it.
    pub fn same<T>(&self, result: Result<T>) -> Result<T> {
        if State::of(&self.file).is_ok_and(|state| state == self.state) {
            return result;
        }
        let message = format!("{} changed while it was read", printable(&self.path.display().to_string()));
        Err(Error::configuration("file.changed", message).hint("import it once it is written to the end"))
    }
}

impl Read for Through {
    /// Errors: when the file is not what it was. That is asked after the read, so that nothing of another content
    /// is ever taken in.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        if State::of(&self.file)? != self.state {
            return Err(io::Error::other("it changed while it was read"));
        }
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

fn ending_of(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// The format that the ending of a file's name says.
///
/// Errors: exit 2 for an ending that is that of no format, with what can be done about it; exit 4 for what is
/// no file at all.
pub fn format_of(path: &Path, noun: &str) -> Result<FileFormat> {
    match ending_of(path).and_then(FileFormat::parse) {
        Some(format) => Ok(format),
        None if is_stdout(path) => Err(unnamed_format()),
        None => Err(unknown_format(path, noun)),
    }
}

fn unnamed_format() -> Error {
    Error::usage("the format of the file is not known").hint("name it: --format csv|tsv|jsonl|json")
}

/// What to do with a file whose ending is that of no format, if it is a file at all.
fn unknown_format(path: &Path, noun: &str) -> Error {
    if let Err(error) = check_file(path) {
        return error;
    }
    let name = path.display().to_string();
    let ending = ending_of(path).unwrap_or_default().to_ascii_lowercase();
    let unpack = match ending.as_str() {
        "gz" => "gunzip -c",
        "bz2" => "bunzip2 -c",
        "xz" => "unxz -c",
        "zst" => "unzstd -c",
        "zip" => "unzip -p",
        "xls" | "xlsx" | "xlsm" | "xlsb" | "ods" | "numbers" => {
            let message = format!("{name} is a workbook of Excel or another spreadsheet program, not CSV or JSON");
            return Error::usage(message).hint("open it there and save the sheet as CSV (UTF-8)");
        }
        _ => return unnamed_format(),
    };
    let inside =
        path.file_stem().map(Path::new).and_then(ending_of).filter(|inside| FileFormat::parse(inside).is_some());
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
