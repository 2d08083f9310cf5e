//! Shared implementation of `import`: validates the whole file, writes it, and reports each invalid row.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::report::{CHANGES_LISTED, PartialImport};
use super::arguments::{AnswerArguments, WriteArguments, whole_number};
use super::effect::Effect;
use super::values::{checked, one_of};
use crate::bulk::{
    self, Charset, Counts, FileFormat, Import, Interpretation, OnConflict, OnError, ReadOptions, Rejections,
    ResumePoint, Row, Source, Storable, ValueChange, ValueMap, format_of, partial, refused, with_unwritten,
};
use crate::cli::shared::confirm::Prompter;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::text::{counted, shell_word};
use crate::error::{Error, Result, printable};
use crate::file::{InputFile, OutputFile, check_ending, check_not_input, is_stdout, spool};
use crate::output::{Format, Output, Unit};
use crate::service::place_order::StockHandling;

mod report;

/// The interval of progress updates.
const TICK: Duration = Duration::from_millis(200);

/// Maximum number of lines to skip.
const MAX_SKIPPED: u64 = 1_000_000;

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// CSV, JSON lines or JSON; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// csv, tsv, jsonl or json [default: by the file's ending]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(FORMATS))]
    format: Option<FileFormat>,
    /// A column of the file that has another name here; may be repeated
    #[arg(long, value_name = "THEIRS=OURS", value_parser = parse_map)]
    map: Vec<(String, String)>,
    /// Columns of the file that are not read; may be repeated
    #[arg(long, value_name = "A,B", value_parser = parse_names)]
    ignore_columns: Vec<Vec<String>>,
    /// Read only columns that are mapped or have a name of ours, and leave out all others
    #[arg(long)]
    only_mapped: bool,
    /// Columns of CSV whose empty cells say what the cell above says, as variants of one product
    #[arg(long, value_name = "A,B", value_parser = parse_names)]
    fill_down: Vec<Vec<String>>,
    /// A value of the file that is written another way here, such as status:Complete=completed; may be repeated
    #[arg(long, value_name = "COLUMN:THEIRS=OURS", value_parser = ValueMap::parse)]
    map_value: Vec<ValueMap>,
    /// Lines of CSV above its header, such as a title
    #[arg(long, value_name = "LINES", default_value = "0", hide_default_value = true, value_parser = checked(|text| whole_number(text, 0, MAX_SKIPPED)))]
    skip_lines: u64,
    /// What stands between the fields of CSV, such as ; or tab [default: what the header shows]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    delimiter: Option<u8>,
    /// What the file is written in, such as windows-1252 (which latin1 and iso-8859-1 mean, too) or utf-16le
    /// [default: its byte order mark, else UTF-8]
    #[arg(long, value_name = "NAME", value_parser = parse_encoding)]
    encoding: Option<Charset>,
    /// That of all amounts, such as EUR: rows in another currency are wrong [default: all have to be in one]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Amounts are written as 12,50
    #[arg(long)]
    decimal_comma: bool,
    /// What to do with a row that is there already: update, skip or error
    #[arg(long, value_name = "WHAT", default_value = "update", value_parser = one_of(CONFLICTS))]
    on_conflict: OnConflict,
    /// When rows are wrong: reject-all or reject-rows
    #[arg(long, value_name = "WHAT", default_value = "reject-all", value_parser = one_of(ERRORS))]
    on_error: OnError,
    /// Write every wrong row into this CSV file: line, column, value, reason
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Lines of one transaction; with fewer, others wait less for the stock that it takes
    #[arg(long, value_name = "LINES", default_value_t = bulk::MAX_BATCH_LINES, value_parser = parse_batch)]
    batch: usize,
    /// Go on where the last run of this very file was interrupted, or at the first row that it rejected, instead of
    /// looking at every row again
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    write: WriteArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

const FORMATS: [(&str, FileFormat); 4] =
    [("csv", FileFormat::Csv), ("tsv", FileFormat::Tsv), ("jsonl", FileFormat::JsonLines), ("json", FileFormat::Json)];
const CONFLICTS: [(&str, OnConflict); 3] =
    [("update", OnConflict::Update), ("skip", OnConflict::Skip), ("error", OnConflict::Error)];
const ERRORS: [(&str, OnError); 2] = [("reject-all", OnError::RejectAll), ("reject-rows", OnError::RejectRows)];

fn parse_map(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((theirs, ours)) if !theirs.is_empty() && !ours.is_empty() => Ok((theirs.to_owned(), ours.to_owned())),
        _ => Err("is not THEIRS=OURS".to_owned()),
    }
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if bulk::is_delimiter(*byte) => Ok(*byte),
        _ if text == "\\t" || text == "tab" => Ok(b'\t'),
        _ => Err("must be one character such as ; or tab".to_owned()),
    }
}

/// Parses names as a line of CSV: names with a comma are quoted.
fn parse_names(text: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let line = reader.records().next().and_then(Result::ok).ok_or("must be names such as Vendor,Tags")?;
    Ok(line.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}

fn parse_encoding(text: &str) -> Result<Charset, String> {
    Charset::parse(text).ok_or_else(|| {
        format!("is none of utf-8, ascii, utf-16le, utf-16be, windows-1250 to -1258, iso-8859-1 to -16, macintosh, shift_jis, gbk …; iconv -f {} -t UTF-8 converts others", shell_word(text))
    })
}

fn parse_batch(text: &str) -> Result<usize, String> {
    let lines = text.parse().ok().filter(|lines| (1..=bulk::MAX_BATCH_LINES).contains(lines));
    lines.ok_or_else(|| format!("must be a number from 1 to {}", bulk::MAX_BATCH_LINES))
}

/// Imports a file.
///
/// Errors: exit 7 for invalid rows if nothing was imported, exit 8 if the others were.
pub async fn run<R: Storable>(
    context: &Context,
    prompter: &Prompter,
    arguments: &ImportArguments,
    stock: StockHandling,
    interpretation: Interpretation,
) -> Result<Effect> {
    let mut import = arguments.import::<R>(context, stock, interpretation)?;
    let source = Source::new(arguments.open().await?, &arguments.file)?;
    let notes = source.if_unchanged(bulk::inspect::<R>(source.reader()?, &import.read))?;
    notes.iter().for_each(|note| context.output.note(note));
    let dry_run = arguments.write.dry_run;
    let errors = arguments.errors_file().await?;
    let database = context.database(Access::Bulk).await?;
    let operations = context.operations(&database, dry_run);
    let how = (arguments.resume, errors.is_some());
    let (valid, mut rejections) = validate::<R>(&context.output, &database, &source, &mut import, how).await?;
    let say = |text: Option<String>| text.iter().for_each(|text| context.output.note(text));
    if rejections.count > 0 && (arguments.on_error == OnError::RejectAll || valid == 0) {
        let written = write_errors_file(&mut rejections, errors).map(say);
        return Err(with_unwritten(refused::<R>(&rejections, valid), written));
    }
    if context.config.protected {
        let impact = async || Ok(format!("{} will be imported into {}", counted(valid, "row"), database.target()));
        prompter.ask_permission(context, &arguments.answers, dry_run, impact).await?;
    }
    let all = valid + rejections.count;
    let progress = RefCell::new(context.output.progress(Unit::Rows, valid));
    let kept = PartialImport { context, noun: R::NOUN, counts: Cell::default(), on_conflict: import.on_conflict };
    let mut changes = Vec::new();
    let reject = &mut |row| {
        rejections.add(row);
        Ok(())
    };
    let record_progress = &mut |counts: Counts, more: Vec<ValueChange>| {
        progress.borrow_mut().reach(counts.total());
        changes.extend(more.into_iter().take(CHANGES_LISTED.saturating_sub(changes.len())));
        if !dry_run {
            kept.counts.set(counts);
        }
    };
    let run = bulk::run::<R>(&operations, source.reader()?, &import, reject, record_progress);
    let counts = with_ticks(run, || progress.borrow_mut().tick()).await;
    let counts = counts.or_else(|error| source.if_unchanged(Err(error))).map_err(|error| kept.add_to_error(error))?;
    kept.counts.take();
    drop(progress);
    let written = write_errors_file(&mut rejections, errors).map(say);
    database.clone().close().await;
    let is_refused = match arguments.on_error {
        OnError::RejectAll => rejections.count > 0 && counts.created + counts.updated == 0,
        OnError::RejectRows => rejections.count > 0 && rejections.count >= all,
    };
    if is_refused {
        // Another process has written these rows or taken their stock since the validation.
        return Err(with_unwritten(refused::<R>(&rejections, all.saturating_sub(rejections.count)), written));
    }
    let is_json = context.output.is_json();
    let shown: &[ValueChange] = if is_json || context.output.format() == Format::Id { &[] } else { &changes };
    context.output.text(&report::lines(shown))?;
    report::notes(counts, shown).into_iter().for_each(|note| context.output.suggest(note));
    let listed = (dry_run && is_json).then_some(changes.as_slice());
    let result = report::result::<R>(dry_run, counts, rejections.count, listed);
    match context.output.format() {
        // The rows have ids, the import has none.
        Format::Id => context.output.note(&result.line),
        _ => context.output.mutation(&result),
    }
    let effect = Effect::new(counts.created + counts.updated > 0, dry_run, database.target());
    if rejections.count == 0 {
        return Ok(effect);
    }
    effect.note(&context.output);
    Err(with_unwritten(partial::<R>(&rejections, arguments.on_error), written))
}

/// Reads the whole file; returns the number of valid rows, and the others.
async fn validate<R: Storable>(
    output: &Output,
    database: &Database,
    source: &Source<'_>,
    import: &mut Import,
    (resumes, is_listed): (bool, bool),
) -> Result<(u64, Rejections)> {
    // The file is read once for the digest and once for validation.
    let progress = RefCell::new(output.progress(Unit::Bytes, 2 * source.length()));
    let note = &mut |text: &str| output.note(text);
    let prepared = bulk::prepare::<R>(database, source, import, resumes, is_listed, note);
    let prepared = with_ticks(prepared, || progress.borrow_mut().reach(source.bytes_read())).await;
    source.if_unchanged(prepared)
}

/// Writes the errors file and returns what it did. Without errors no new file is created, but an existing one is
/// emptied.
fn write_errors_file(rejections: &mut Rejections, file: Option<OutputFile>) -> Result<Option<String>> {
    let is_wanted = |file: &OutputFile| rejections.count > 0 || file.replaces_another();
    let Some(file) = file.filter(is_wanted) else { return Ok(None) };
    let verb = if rejections.count > 0 { "wrote" } else { "emptied" };
    let note = format!("{verb} {}", file.path().display());
    rejections.write(file)?;
    Ok(Some(note))
}

/// Whether standard output goes to this file, pipe or terminal, by whatever name.
#[cfg(unix)]
fn is_standard_output(path: &Path) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let own = || File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata();
    let (Ok(named), Ok(own)) = (std::fs::metadata(path), own()) else { return false };
    // Nothing is mixed in /dev/null.
    let is_null = own.file_type().is_char_device() && !io::stdout().is_terminal();
    (named.dev(), named.ino()) == (own.dev(), own.ino()) && !is_null
}

#[cfg(not(unix))]
fn is_standard_output(_path: &Path) -> bool {
    false
}

/// Runs a future and calls `on_tick` at regular intervals meanwhile.
async fn with_ticks<T>(work: impl Future<Output = T>, mut on_tick: impl FnMut()) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => on_tick(),
        }
    }
}

impl ImportArguments {
    /// The options of the import that the arguments determine.
    fn import<R: Row>(
        &self,
        context: &Context,
        stock: StockHandling,
        interpretation: Interpretation,
    ) -> Result<Import> {
        let columns = R::COLUMNS.known;
        if let Some(map) = self.map_value.iter().find(|map| !columns.contains(&map.column.as_str())) {
            let message = format!("--map-value: there is no column {}", printable(&map.column));
            return Err(Error::usage(message).hint(format!("the columns are {}", columns.join(", "))));
        }
        let is_twice = |(position, map): &(usize, &ValueMap)| {
            self.map_value[..*position].iter().any(|other| (&other.column, &other.theirs) == (&map.column, &map.theirs))
        };
        if let Some((_, map)) = self.map_value.iter().enumerate().find(is_twice) {
            let named = printable(&format!("{}:{}", map.column, map.theirs));
            return Err(Error::usage(format!("--map-value names {named} twice")));
        }
        if self.currency.is_some() && R::COLUMNS.amounts.is_empty() {
            return Err(Error::usage(format!("--currency: {}s have no amounts", R::NOUN)));
        }
        Ok(Import {
            now: context.clock.now(),
            read: self.read_options(R::NOUN)?,
            interpretation: Interpretation {
                values: self.map_value.clone(),
                currency: self.currency.clone(),
                ..interpretation
            },
            keys: Arc::default(),
            on_conflict: self.on_conflict,
            on_error: self.on_error,
            stock,
            digest: String::new(),
            batch_lines: self.batch,
            resume: ResumePoint::default(),
            scattered: Arc::default(),
            refused: Arc::default(),
            lists_changes: self.write.dry_run,
        })
    }

    /// Opens the errors file before the import, to detect early that it cannot be written.
    async fn errors_file(&self) -> Result<Option<OutputFile>> {
        let Some(path) = &self.errors else { return Ok(None) };
        check_ending(path, &["csv"])?;
        if is_stdout(path) || is_standard_output(path) {
            return Err(Error::usage("--errors cannot be standard output, which has the result of the import")
                .hint("into a file: --errors errors.csv"));
        }
        OutputFile::open(path).await.map(Some)
    }

    fn read_options(&self, noun: &str) -> Result<ReadOptions> {
        let format = self.format.map_or_else(|| format_of(&self.file, noun), Ok)?;
        Ok(ReadOptions {
            format,
            delimiter: self.delimiter,
            encoding: self.encoding,
            decimal_comma: self.decimal_comma,
            map: self.map.clone(),
            ignore: self.ignore_columns.concat(),
            only_mapped: self.only_mapped,
            fill_down: self.fill_down.concat(),
            skip_lines: self.skip_lines,
        })
    }

    /// Opens the file. It is read several times, so a pipe is copied to a temporary file.
    async fn open(&self) -> Result<File> {
        if let Some(errors) = &self.errors {
            check_not_input("--errors", errors, &self.file)?;
        }
        let stream: Box<dyn Read> = match is_stdout(&self.file) {
            true => Box::new(io::stdin()),
            false => match InputFile::open(&self.file).await? {
                InputFile::Regular(file) => return Ok(file),
                InputFile::Stream(file) => Box::new(file),
            },
        };
        spool(stream, &self.file)
    }
}
