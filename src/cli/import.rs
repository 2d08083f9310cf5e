//! What every `import` does: checks the whole file, then writes it, and tells of each row that is
//! wrong.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::Asking;
use super::arguments::{AnswerArguments, WriteArguments};
use crate::bulk::{self, Counts, FileFormat, Import, OnConflict, OnError, ReadOptions, Rejection, Row};
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::hexadecimal;
use crate::error::{Error, Kind, Result, printable, printable_reason};
use crate::output::Mutation;
use crate::service::place_order::Stock;

/// Bytes of the file that are read at once to tell whether it is the same.
const DIGEST_BYTES: usize = 64 * 1024;
/// So many wrong rows are told; all of them are in the errors file.
const REJECTIONS_TOLD: usize = 10;

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// CSV, JSON lines or JSON; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// csv, jsonl or json [default: by the file's ending]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<FileFormat>,
    /// A column of the file that has another name here; may be repeated
    #[arg(long, value_name = "THEIRS=OURS", value_parser = parse_map)]
    map: Vec<(String, String)>,
    /// What stands between the fields of CSV
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = parse_delimiter)]
    delimiter: u8,
    /// Amounts are written as 12,50
    #[arg(long)]
    decimal_comma: bool,
    /// What to do with a row that is there already: update, skip or error
    #[arg(long, value_name = "WHAT", default_value = "update", value_parser = conflicts())]
    on_conflict: OnConflict,
    /// When rows are wrong: reject-all or reject-rows
    #[arg(long, value_name = "WHAT", default_value = "reject-all", value_parser = errors())]
    on_error: OnError,
    /// Write every wrong row into this CSV file: line, column, value, reason
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Lines of one transaction; with fewer, others wait less for the stock that it takes
    #[arg(long, value_name = "LINES", default_value_t = bulk::MOST_BATCH_LINES, value_parser = parse_batch)]
    batch: usize,
    /// Go on where the last run of this very file was interrupted, instead of looking at every row again
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    write: WriteArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

fn formats() -> impl TypedValueParser<Value = FileFormat> {
    PossibleValuesParser::new(["csv", "jsonl", "json"]).try_map(|word| FileFormat::parse(&word).ok_or("unknown format"))
}

fn conflicts() -> impl TypedValueParser<Value = OnConflict> {
    PossibleValuesParser::new(["update", "skip", "error"]).map(|word| match word.as_str() {
        "skip" => OnConflict::Skip,
        "error" => OnConflict::Error,
        _ => OnConflict::Update,
    })
}

fn errors() -> impl TypedValueParser<Value = OnError> {
    PossibleValuesParser::new(["reject-all", "reject-rows"])
        .map(|word| if word == "reject-rows" { OnError::RejectRows } else { OnError::RejectAll })
}

fn parse_map(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((theirs, ours)) if !theirs.is_empty() && !ours.is_empty() => Ok((theirs.to_owned(), ours.to_owned())),
        _ => Err("is not THEIRS=OURS".to_owned()),
    }
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
        _ if text == "\\t" || text == "tab" => Ok(b'\t'),
        _ => Err("must be one character such as ; or tab".to_owned()),
    }
}

fn parse_batch(text: &str) -> Result<usize, String> {
    let lines = text.parse().ok().filter(|lines| (1..=bulk::MOST_BATCH_LINES).contains(lines));
    lines.ok_or_else(|| format!("must be a number from 1 to {}", bulk::MOST_BATCH_LINES))
}

/// Rows that are wrong: the first are told, all are written.
struct Rejections {
    count: u64,
    first: Vec<Rejection>,
    file: Option<(csv::Writer<NamedTempFile>, PathBuf)>,
}

impl Rejections {
    fn new(path: Option<&Path>) -> Result<Rejections> {
        let file = path.map(|path| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let temporary = NamedTempFile::new_in(folder).map_err(|error| unwritable(path, &error))?;
            let mut writer = csv::Writer::from_writer(temporary);
            writer.write_record(["line", "column", "value", "reason"]).map_err(|error| unwritable(path, &error))?;
            Ok::<_, Error>((writer, path.to_owned()))
        });
        Ok(Rejections { count: 0, first: Vec::new(), file: file.transpose()? })
    }

    /// Adds a row with all that is wrong with it.
    fn add(&mut self, row: Vec<Rejection>) -> Result<()> {
        self.count += 1;
        if let Some((writer, path)) = &mut self.file {
            for rejection in &row {
                let line = rejection.line.to_string();
                let value = crate::domain::spreadsheet::guard(&rejection.value).into_owned();
                let fields = [line.as_str(), &rejection.column, &value, &rejection.reason];
                writer.write_record(fields).map_err(|error| unwritable(path, &error))?;
            }
        }
        let left = REJECTIONS_TOLD.saturating_sub(self.first.len());
        self.first.extend(row.into_iter().take(left));
        Ok(())
    }

    /// Gives the errors file its name; one without errors is not left behind.
    fn complete(&mut self, context: &Context) -> Result<()> {
        let Some((writer, path)) = self.file.take() else { return Ok(()) };
        let file = writer.into_inner().map_err(|error| unwritable(&path, error.error()))?;
        if self.count > 0 {
            file.persist(&path).map_err(|error| unwritable(&path, &error.error))?;
            context.output.note(&format!("wrote {}", path.display()));
        }
        Ok(())
    }

    fn told(&self) -> String {
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

fn unwritable(path: &Path, error: &impl std::fmt::Display) -> Error {
    Error::configuration("file.unwritable", format!("cannot write {}: {error}", path.display()))
}

/// Imports a file of users, products …
///
/// Errors: exit 7 when rows are wrong and nothing was imported, exit 8 when the others were.
pub async fn run<R: Row>(context: &Context, asking: &Asking, arguments: &ImportArguments, stock: Stock) -> Result<()> {
    let (read, on_conflict) = (arguments.read_options()?, arguments.on_conflict);
    let mut file = arguments.open()?;
    context.lift_time_limit();
    let database = context.database(Access::Write).await?.for_bulk();
    let digest = arguments.digest(&mut file, &format!("{} {read:?} {stock:?}", R::OPERATION))?;
    let batch_lines = arguments.batch;
    let mut import = Import { read, on_conflict, stock, digest, batch_lines, resume_after: 0 };
    if arguments.resume
        && let Some(line) = bulk::last_line(database.connection(), &import.digest).await?
    {
        context.output.note(&format!("going on after line {line}"));
        import.resume_after = line;
    }
    let mut rejections = Rejections::new(arguments.errors.as_deref())?;
    let again = |file: &File| {
        (&*file).seek(SeekFrom::Start(0)).map_err(|error| unreadable(&arguments.file, &error))?;
        file.try_clone().map_err(|error| unreadable(&arguments.file, &error))
    };
    let fine = bulk::check::<R>(&database, again(&file)?, &import, &mut |row| rejections.add(row)).await?;
    // Going on, all that is fine may have been imported before.
    let nothing_is_fine = fine == 0 && import.resume_after == 0;
    if rejections.count > 0 && (arguments.on_error == OnError::RejectAll || nothing_is_fine) {
        rejections.complete(context)?;
        return Err(refused::<R>(&rejections, fine));
    }
    if context.config.protected {
        let impact = async || Ok(format!("{fine} rows will be imported into {}", database.target()));
        asking.permission(context, &arguments.answers, arguments.write.dry_run, impact).await?;
    }
    // What the first pass found is found again.
    let mut rejections = Rejections::new(arguments.errors.as_deref())?;
    let operations = context.operations(&database, arguments.write.dry_run).without_deadline();
    let mut progress = context.output.progress(fine);
    let reject = &mut |row| rejections.add(row);
    let told = &mut |counts: Counts| progress.reach(counts.total());
    let counts = bulk::run::<R>(&operations, again(&file)?, &import, reject, told).await?;
    drop(progress);
    rejections.complete(context)?;
    database.clone().close().await;
    tell::<R>(context, arguments.write.dry_run, counts, rejections.count);
    if counts.created + counts.updated > 0 {
        match arguments.write.dry_run {
            true => context.note_would_change(),
            false => context.output.note(&format!("changed {}", database.target())),
        }
    }
    if rejections.count == 0 {
        return Ok(());
    }
    let message = format!("{} rows were rejected:{}", rejections.count, rejections.told());
    Err(Error::new(Kind::Partial, "import.partial", message))
}

fn refused<R: Row>(rejections: &Rejections, fine: u64) -> Error {
    let message = format!(
        "{} of {} rows are wrong, nothing was imported:{}",
        rejections.count,
        rejections.count + fine,
        rejections.told()
    );
    let error = Error::new(Kind::Invalid, "import.invalid", message)
        .details(json!({ "rejected": rejections.count, "fine": fine, "noun": R::NOUN }));
    if fine == 0 { error } else { error.hint("correct them, or import the others with --on-error reject-rows") }
}

fn tell<R: Row>(context: &Context, dry_run: bool, counts: Counts, rejected: u64) {
    let Counts { created, updated, unchanged, skipped, users, products } = counts;
    let would = if dry_run { "would be " } else { "" };
    let mut line = format!(
        "{} {}s {would}imported: {created} created, {updated} updated, {unchanged} unchanged",
        counts.total(),
        R::NOUN
    );
    if skipped > 0 {
        line += &format!(", {skipped} skipped");
    }
    if rejected > 0 {
        line += &format!(", {rejected} rejected");
    }
    if users + products > 0 {
        line += &format!("; {users} users and {products} products {would}made for them");
    }
    let json = json!({
        "changed": created + updated > 0,
        "dry_run": dry_run,
        "created": created,
        "updated": updated,
        "unchanged": unchanged,
        "skipped": skipped,
        "rejected": rejected,
        "users": users,
        "products": products,
    });
    let json = json.as_object().cloned().unwrap_or_default();
    context.output.mutation(&Mutation { line, id: R::OPERATION.to_owned(), json });
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::configuration("file.unreadable", format!("cannot read {}: {error}", path.display()))
}

impl ImportArguments {
    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn read_options(&self) -> Result<ReadOptions> {
        let ending = self.file.extension().and_then(|ending| ending.to_str()).and_then(FileFormat::parse);
        let Some(format) = self.format.or(ending) else {
            return Err(Error::usage("the format of the file is not known").hint("name it: --format csv|jsonl|json"));
        };
        let (delimiter, decimal_comma, map) = (self.delimiter, self.decimal_comma, self.map.clone());
        Ok(ReadOptions { format, delimiter, decimal_comma, map })
    }

    /// SHA-256 of the file, from where it stands, and of how it is read; hexadecimal.
    fn digest(&self, file: &mut File, how: &str) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(how);
        let mut buffer = vec![0; DIGEST_BYTES];
        let failed = |error: std::io::Error| unreadable(&self.file, &error);
        loop {
            match file.read(&mut buffer).map_err(failed)? {
                0 => break,
                length => digest.update(&buffer[..length]),
            }
        }
        Ok(hexadecimal(&digest.finalize()))
    }

    /// The file is read several times: what comes from standard input is kept in a temporary file.
    fn open(&self) -> Result<File> {
        if !self.is_stdin() {
            let is_folder = self.file.is_dir();
            let file = File::open(&self.file).map_err(|error| unreadable(&self.file, &error))?;
            return match is_folder {
                true => Err(Error::configuration("file.unreadable", format!("{} is a folder", self.file.display()))),
                false => Ok(file),
            };
        }
        let spool = || {
            let mut file = tempfile::tempfile()?;
            std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut file)?;
            file.flush()?;
            file.seek(SeekFrom::Start(0))?;
            Ok(file)
        };
        spool().map_err(|error| unreadable(&self.file, &error))
    }
}
