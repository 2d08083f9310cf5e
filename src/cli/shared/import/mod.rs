//! What every `import` does: checks the whole file, then writes it, and tells of each row that is
//! wrong.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use sha2::{Digest, Sha256};

use self::rejections::{Rejections, partial, refused, with_unwritten};
use self::source::Source;
use self::told::{CHANGES_LISTED, Kept};
use super::arguments::{AnswerArguments, WriteArguments, whole_number};
use super::values::{checked, one_of};
use crate::bulk::{
    self, Charset, Counts, FileFormat, Import, Keys, Meaning, OnConflict, OnError, Position, ReadOptions, Rejection,
    Row, Storable, ValueChange, ValueMap,
};
use crate::cli::shared::confirm::Asking;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::text::{counted, hexadecimal, shell_word};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::file::{InputFile, OutputFile, check_ending, check_file, check_not_input, spool, unreadable};
use crate::service::place_order::Stock;

mod rejections;
mod source;
mod told;

/// Bytes of the file that are read at once to tell whether it is the same.
const DIGEST_BYTES: usize = 64 * 1024;
/// How often it is told how far an import is.
const TICK: Duration = Duration::from_millis(200);

/// No title has more lines.
const MOST_SKIPPED: u64 = 1_000_000;

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
    #[arg(long, value_name = "LINES", default_value = "0", hide_default_value = true, value_parser = checked(|text| whole_number(text, 0, MOST_SKIPPED)))]
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

/// Names as a line of CSV has them: one with a comma inside stands in quotes.
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
    let lines = text.parse().ok().filter(|lines| (1..=bulk::MOST_BATCH_LINES).contains(lines));
    lines.ok_or_else(|| format!("must be a number from 1 to {}", bulk::MOST_BATCH_LINES))
}

/// Imports a file of users, products …
///
/// Errors: exit 7 when rows are wrong and nothing was imported, exit 8 when the others were.
pub async fn run<R: Storable>(
    context: &Context,
    asking: &Asking,
    arguments: &ImportArguments,
    stock: Stock,
    meaning: Meaning,
) -> Result<()> {
    let mut import = arguments.import::<R>(context, stock, meaning)?;
    let source = Source::new(arguments.open().await?, &arguments.file)?;
    source.same(bulk::look::<R>(source.again()?, &import.read))?.iter().for_each(|note| context.output.note(note));
    let errors = arguments.errors_file().await?;
    let database = context.database(Access::Write).await?.for_bulk();
    // Once for the digest, once to check it.
    let progress = RefCell::new(context.output.reading(2 * source.length()));
    let follow = || progress.borrow_mut().reach(source.read.load(Ordering::Relaxed));
    let how = format!("{} {:?} {stock:?} {:?}", R::OPERATION, import.read, import.meaning);
    let digest = digest(source.again()?, &how, follow);
    import.digest = source.same(digest.map_err(|error| unreadable(&arguments.file, &error)))?;
    import.keys = Arc::new(match R::IS_GROUPED {
        true => Keys::load_with_references(database.connection()).await?,
        false => Keys::load(database.connection()).await?,
    });
    if arguments.resume
        && let Some(last) = bulk::last_position(database.connection(), &import.digest).await?
    {
        context.output.note(&format!("going on after {last}"));
        import.resume_after = last;
    }
    let is_listed = errors.is_some();
    let check = check::<R>(context, is_listed, &database, &source, &mut import);
    let (fine, mut rejections) = source.same(followed(check, follow).await)?;
    drop(progress);
    if rejections.count > 0 && (arguments.on_error == OnError::RejectAll || fine == 0) {
        let written = list(context, &mut rejections, errors);
        return Err(with_unwritten(refused::<R>(&rejections, fine), written));
    }
    if context.config.protected {
        let impact = async || Ok(format!("{} will be imported into {}", counted(fine, "row"), database.target()));
        asking.permission(context, &arguments.answers, arguments.write.dry_run, impact).await?;
    }
    let all = fine + rejections.count;
    let operations = context.operations(&database, arguments.write.dry_run);
    let progress = RefCell::new(context.output.progress(fine));
    let kept = Kept { context, noun: R::NOUN, counts: Cell::default() };
    let mut changes = Vec::new();
    let reject = &mut |row| {
        rejections.add(row);
        Ok(())
    };
    let told = &mut |counts: Counts, more: Vec<ValueChange>| {
        progress.borrow_mut().reach(counts.total());
        changes.extend(more.into_iter().take(CHANGES_LISTED.saturating_sub(changes.len())));
        if !arguments.write.dry_run {
            kept.counts.set(counts);
        }
    };
    let run = bulk::run::<R>(&operations, source.again()?, &import, reject, told);
    let counts = followed(run, || progress.borrow_mut().tick()).await;
    let counts = counts.or_else(|error| source.same(Err(error))).map_err(|error| kept.told_with(error))?;
    kept.counts.take();
    drop(progress);
    let written = list(context, &mut rejections, errors);
    database.clone().close().await;
    let is_nothing = match arguments.on_error {
        OnError::RejectAll => counts.created + counts.updated == 0,
        OnError::RejectRows => rejections.count >= all,
    };
    if rejections.count > 0 && is_nothing {
        // Somebody else wrote these rows, or took what they need, since they were checked.
        return Err(with_unwritten(refused::<R>(&rejections, all.saturating_sub(rejections.count)), written));
    }
    told::tell::<R>(context, arguments.write.dry_run, counts, rejections.count, &changes)?;
    if counts.created + counts.updated > 0 {
        match arguments.write.dry_run {
            true => context.note_would_change(),
            false => context.output.note(&format!("changed {}", database.target())),
        }
    }
    if rejections.count == 0 {
        return Ok(());
    }
    let error = match arguments.on_error {
        // The transactions before them are kept.
        OnError::RejectAll => partial::<R>(&rejections).hint(
            "what comes after them was not imported: correct them, or import the others with --on-error reject-rows",
        ),
        OnError::RejectRows => partial::<R>(&rejections),
    };
    Err(with_unwritten(error, written))
}

/// The first pass, and once more with what only the whole file could tell: which order its dates have,
/// and which orders do not stand together. Gives the number of rows that are fine, and what is wrong.
async fn check<R: Storable>(
    context: &Context,
    is_listed: bool,
    database: &Database,
    source: &Source<'_>,
    import: &mut Import,
) -> Result<(u64, Rejections)> {
    let resume_after = std::mem::take(&mut import.resume_after);
    loop {
        let mut rejections = Rejections::new(is_listed, import.read.format);
        let reject = &mut |row: Vec<Rejection>| {
            rejections.add(row);
            Ok(())
        };
        let checked = bulk::check::<R>(database, source.again()?, import, reject).await?;
        let mut is_known = true;
        let evidence = checked.evidence;
        if let Some((order, place)) = evidence.dates.decide(import.meaning.date_order)? {
            context.output.note(&format!("dates are read as {} ({place})", order.as_str()));
            import.meaning.date_order = Some(order);
            is_known = false;
        }
        if import.scattered.len() < checked.scattered.len() {
            import.scattered = Arc::new(checked.scattered);
            is_known = false;
        }
        if !is_known {
            continue;
        }
        told::notes(&evidence, &import.meaning)?.iter().for_each(|note| context.output.note(note));
        import.resume_after = resume_after;
        import.refused = Arc::new(checked.refused);
        return Ok((checked.fine, rejections));
    }
}

/// Writes the errors file; one without errors is not left behind, but takes the place of an older one.
fn list(context: &Context, rejections: &mut Rejections, file: Option<OutputFile>) -> Result<()> {
    let is_wanted = |file: &OutputFile| rejections.count > 0 || file.replaces_another();
    let Some(file) = file.filter(is_wanted) else { return Ok(()) };
    let verb = if rejections.count > 0 { "wrote" } else { "emptied" };
    let note = format!("{verb} {}", file.path().display());
    rejections.write(file)?;
    context.output.note(&note);
    Ok(())
}

/// Does some work, and now and then what tells how far it is.
async fn followed<T>(work: impl Future<Output = T>, mut tell: impl FnMut()) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => tell(),
        }
    }
}

/// SHA-256 of a file and of how it is read; hexadecimal.
fn digest(mut source: impl Read, how: &str, follow: impl Fn()) -> io::Result<String> {
    let mut digest = Sha256::new();
    digest.update(how);
    let mut buffer = vec![0; DIGEST_BYTES];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            length => digest.update(&buffer[..length]),
        }
        follow();
    }
}

fn unnamed_format() -> Error {
    Error::usage("the format of the file is not known").hint("name it: --format csv|tsv|jsonl|json")
}

fn ending_of(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
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

impl ImportArguments {
    /// How the file is to be imported, before anything is known of it or of the shop.
    fn import<R: Row>(&self, context: &Context, stock: Stock, meaning: Meaning) -> Result<Import> {
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
            meaning: Meaning { values: self.map_value.clone(), currency: self.currency.clone(), ..meaning },
            keys: Arc::default(),
            on_conflict: self.on_conflict,
            on_error: self.on_error,
            stock,
            digest: String::new(),
            batch_lines: self.batch,
            resume_after: Position::default(),
            scattered: Arc::default(),
            refused: Arc::default(),
            lists_changes: self.write.dry_run,
        })
    }

    /// The errors file, opened before anything is done, so that it is known that it can be written.
    async fn errors_file(&self) -> Result<Option<OutputFile>> {
        let Some(path) = &self.errors else { return Ok(None) };
        check_ending(path, &["csv"])?;
        OutputFile::open(path).await.map(Some)
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn read_options(&self, noun: &str) -> Result<ReadOptions> {
        let ending = ending_of(&self.file);
        let Some(format) = self.format.or_else(|| FileFormat::parse(ending?)) else {
            return Err(match self.is_stdin() {
                true => unnamed_format(),
                false => unknown_format(&self.file, noun),
            });
        };
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

    /// The file is read several times: what can be read only once is kept in a temporary file.
    async fn open(&self) -> Result<File> {
        if let Some(errors) = &self.errors {
            check_not_input("--errors", errors, &self.file)?;
        }
        let stream: Box<dyn Read> = match self.is_stdin() {
            true => Box::new(io::stdin()),
            false => match InputFile::open(&self.file).await? {
                InputFile::Regular(file) => return Ok(file),
                InputFile::Stream(file) => Box::new(file),
            },
        };
        spool(stream, &self.file)
    }
}
