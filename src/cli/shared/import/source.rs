//! A file that is read several times and has to be the same each time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::{Error, Result, printable};
use crate::file::unreadable;

/// The file, which is read several times.
pub struct Source<'a> {
    file: File,
    path: &'a Path,
    state: State,
    /// How much was read so far, each time counted.
    pub read: Arc<AtomicU64>,
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
