//! Rows that are wrong: the first are told, all of them stand in the errors file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use crate::bulk::Rejection;
use crate::error::{Error, Result, printable, printable_reason};
use crate::file::{OutputFile, unwritable};

/// So many wrong rows are told.
const REJECTIONS_TOLD: usize = 10;

/// What was rejected so far.
#[derive(Default)]
pub struct Rejections {
    pub count: u64,
    first: Vec<Rejection>,
    list: Option<List>,
}

/// All of them, in a file without a name until it is known that they are the last word: a pipe can be
/// written to only once. That it cannot be written is no reason not to tell them.
type List = io::Result<csv::Writer<File>>;

impl Rejections {
    /// `is_listed` if there is an errors file.
    pub fn new(is_listed: bool) -> Rejections {
        let list = || {
            let mut writer = csv::Writer::from_writer(tempfile::tempfile()?);
            writer.write_record(["line", "column", "value", "reason"])?;
            Ok(writer)
        };
        Rejections { list: is_listed.then(list), ..Rejections::default() }
    }

    /// Adds a row with all that is wrong with it.
    pub fn add(&mut self, row: Vec<Rejection>) {
        self.count += 1;
        for rejection in &row {
            let Some(Ok(writer)) = &mut self.list else { break };
            let line = rejection.line.to_string();
            let value = crate::domain::spreadsheet::guard(&rejection.value).into_owned();
            let fields = [line.as_str(), &rejection.column, &value, &rejection.reason];
            if let Err(error) = writer.write_record(fields) {
                self.list = Some(Err(error.into()));
            }
        }
        let left = REJECTIONS_TOLD.saturating_sub(self.first.len());
        self.first.extend(row.into_iter().take(left));
    }

    /// Writes the errors file.
    ///
    /// Errors: exit 5 when the disk is full, exit 4 when the file cannot be written.
    pub fn write(&mut self, mut file: OutputFile) -> Result<()> {
        let list = self.list.take().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
        let copied = list.and_then(|writer| {
            let mut list = writer.into_inner().map_err(|error| error.into_error())?;
            list.seek(SeekFrom::Start(0))?;
            io::copy(&mut list, &mut file)
        });
        copied.map_err(|error| unwritable(file.path(), &error))?;
        file.complete()
    }

    /// One line for each of the first.
    pub fn told(&self) -> String {
        let told = self.first.iter().map(|rejection| {
            let Rejection { line, column, value, reason } = rejection;
            let parts: Vec<String> =
                [column, value].into_iter().filter(|part| !part.is_empty()).map(|part| printable(part)).collect();
            match parts.is_empty() {
                true => format!("\n  line {line}: {}", printable_reason(reason)),
                false => format!("\n  line {line}: {}: {}", parts.join(" "), printable_reason(reason)),
            }
        });
        let more = if self.count > self.first.len() as u64 { "\n  …" } else { "" };
        format!("{}{more}", told.collect::<String>())
    }
}

/// The error about rejected rows; where their file could not be written, with that before it.
pub fn with_unwritten(rejected: Error, written: Result<()>) -> Error {
    let Err(unwritten) = written else { return rejected };
    let message = format!("{}; {}", unwritten.message(), rejected.message());
    let error = Error::new(unwritten.kind(), unwritten.code(), message).details(rejected.details_value().clone());
    rejected.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
}
