//! Rejected rows: the first are printed, all are written to the errors file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use serde_json::{Value, json};

use super::{FileFormat, Import, OnError, Rejection, Row};
use crate::domain::text::{counted, is_are, it_them, was_were};
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable, printable_reason};
use crate::file::{OutputFile, unwritable};

/// Maximum number of printed rejected rows.
const MAX_PRINTED_REJECTIONS: usize = 10;

/// The rows rejected so far.
#[derive(Default)]
pub struct Rejections {
    /// The number of rejected rows.
    pub count: u64,
    first: Vec<Rejection>,
    list: Option<List>,
    /// Whether the list has the numbers of records.
    has_records: bool,
}

/// All of them, in an unnamed file until they are final, because a pipe can be written only once. They
/// are reported even if it cannot be written.
type List = io::Result<csv::Writer<File>>;

impl Rejections {
    /// `is_listed` if there is an errors file.
    pub fn new(is_listed: bool, format: FileFormat) -> Rejections {
        // A file of MongoDB may be a list.
        let has_records = matches!(format, FileFormat::Json | FileFormat::MongoJson);
        let list = || {
            let mut writer = csv::Writer::from_writer(tempfile::tempfile()?);
            let columns = ["line", "column", "value", "reason"].into_iter();
            writer.write_record(columns.chain(has_records.then_some("record")))?;
            Ok(writer)
        };
        Rejections { list: is_listed.then(list), has_records, ..Rejections::default() }
    }

    /// Adds a row with all its problems.
    pub fn add(&mut self, row: Vec<Rejection>) {
        self.count += u64::from(!row.iter().any(|rejection| rejection.is_further));
        for rejection in &row {
            let Some(Ok(writer)) = &mut self.list else { break };
            let Rejection { at, column, value, reason, .. } = rejection;
            let (line, record) = (at.line.to_string(), at.record.map_or_else(String::new, |record| record.to_string()));
            let value = crate::domain::spreadsheet::guard(value);
            let fields = [line.as_str(), column, &value, reason].into_iter();
            if let Err(error) = writer.write_record(fields.chain(self.has_records.then_some(record.as_str()))) {
                self.list = Some(Err(error.into()));
            }
        }
        let left = MAX_PRINTED_REJECTIONS.saturating_sub(self.first.len());
        self.first.extend(row.into_iter().take(left));
    }

    /// Writes the errors file.
    ///
    /// Errors: exit 5 if the disk is full, exit 4 if the file cannot be written.
    pub fn write(&mut self, mut file: OutputFile) -> Result<()> {
        let list = self.list.take().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
        let copied = list.and_then(|writer| {
            let mut list = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
            list.seek(SeekFrom::Start(0))?;
            io::copy(&mut list, &mut file)
        });
        copied.map_err(|error| unwritable(file.path(), &error))?;
        file.complete()
    }

    /// One line for each of the first rows.
    pub fn summary(&self) -> String {
        let lines = self.first.iter().map(|rejection| {
            let Rejection { at, column, value, reason, .. } = rejection;
            let parts: Vec<String> =
                [column, value].into_iter().filter(|part| !part.is_empty()).map(|part| printable(part)).collect();
            match parts.is_empty() {
                true => format!("\n  {at}: {}", printable_reason(reason)),
                false => format!("\n  {at}: {}: {}", parts.join(" "), printable_reason(reason)),
            }
        });
        let more = if self.count > self.first.len() as u64 { "\n  …" } else { "" };
        format!("{}{more}", lines.collect::<String>())
    }

    /// The first rows, for JSON.
    pub fn to_json(&self) -> Value {
        let rejection = |Rejection { at, column, value, reason, .. }: &Rejection| json!({ "line": at.line, "record": at.record, "column": column, "value": value, "reason": reason });
        self.first.iter().map(rejection).collect()
    }
}

/// The noun that is counted: an order may span many rows.
fn noun<R: Row>() -> &'static str {
    if R::IS_GROUPED { R::NOUN } else { "row" }
}

/// The error of an import that was rolled back.
pub fn refused<R: Row>(rejections: &Rejections, valid: u64, import: &Import) -> Error {
    let all = counted(rejections.count + valid, noun::<R>());
    let verb = is_are(rejections.count);
    let (verb_of_import, imported) = R::VERB;
    let message =
        format!("{} of {all} {verb} invalid, nothing was {imported}:{}", rejections.count, rejections.summary());
    let error = Error::new(Kind::Invalid, "import.invalid", message).details(
        json!({ "rejected": rejections.count, "fine": valid, "noun": R::NOUN, "rejections": rejections.to_json() }),
    );
    match valid {
        0 => error,
        _ if import.needs_all_rows => error.hint(needs_all_rows(rejections.count)),
        _ => {
            let them = it_them(rejections.count);
            error.hint(Hint::from(format!("correct {them}, or {verb_of_import} the others: ")).and(reject_rows()))
        }
    }
}

/// The hint for a file that has to be complete.
fn needs_all_rows(rejected: u64) -> Hint {
    format!("correct {}: --retire-missing needs all rows of the file", it_them(rejected)).into()
}

/// The same command, which skips invalid rows.
fn reject_rows() -> CommandLine {
    CommandLine::again().option("--on-error", "reject-rows")
}

/// The error of a partly applied import.
pub fn partial<R: Row>(rejections: &Rejections, import: &Import) -> Error {
    let message = format!(
        "{} {} rejected:{}",
        counted(rejections.count, noun::<R>()),
        was_were(rejections.count),
        rejections.summary()
    );
    let details = json!({ "rejected": rejections.count, "noun": R::NOUN, "rejections": rejections.to_json() });
    let error = Error::new(Kind::Partial, "import.partial", message).details(details);
    match import.on_error {
        OnError::RejectRows => error,
        OnError::RejectAll if import.needs_all_rows => error.hint(needs_all_rows(rejections.count)),
        // Earlier transactions are kept.
        OnError::RejectAll => error
            .hint(Hint::from("later rows were not imported: correct these, or import the others: ").and(reject_rows())),
    }
}

/// The error about rejected rows, preceded by the failure to write their file, if any.
pub fn with_unwritten(rejected: Error, written: Result<()>) -> Error {
    let Err(unwritten) = written else { return rejected };
    let message = format!("{}; {}", unwritten.message(), rejected.message());
    let error = unwritten.without_hints().reworded(message).details(rejected.details_value().clone());
    error.hints_of(rejected.hints().iter().cloned())
}
