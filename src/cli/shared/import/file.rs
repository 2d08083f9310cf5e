//! The file of an import: how it is read, and what happens to rows that are wrong.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::bulk::{
    self, Charset, FileFormat, Import, Interpretation, OnError, ReadOptions, Rejections, Row, Source, ValueMap,
    format_of,
};
use crate::cli::shared::arguments::{one_of_words, whole_number};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::text::shell_word;
use crate::error::{Error, Result, printable};
use crate::file::{InputFile, OutputFile, check_ending, check_not_input, is_standard_stream, spool};

/// Maximum number of lines to skip.
const MAX_SKIPPED: u64 = 1_000_000;

// Which file, how it is read, and what happens to rows that are wrong.
#[derive(Debug, Args)]
pub struct FileArguments {
    /// CSV, JSON lines, JSON or MongoDB file (- for standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    reading: ReadArguments,
    /// Read numbers with a decimal comma, as in 12,50
    #[arg(long)]
    decimal_comma: bool,
    /// What to do about invalid rows: reject-all or reject-rows
    #[arg(long, value_name = "WHAT", default_value = "reject-all", value_parser = one_of_words(ERRORS.into()), hide_possible_values = true)]
    pub on_error: OnError,
    /// Write each invalid row to this CSV file: line, column, value, reason
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

// How a file is read.
#[derive(Debug, Args)]
pub struct ReadArguments {
    /// Format: csv, tsv, jsonl, json or mongo-json [default: by its extension]
    #[arg(long, value_name = "FORMAT", value_parser = one_of_words(FORMATS.into()), hide_possible_values = true)]
    pub format: Option<FileFormat>,
    /// Read column THEIRS as OURS; repeatable
    #[arg(long, value_name = "THEIRS=OURS", value_parser = checked(parse_map))]
    map: Vec<(String, String)>,
    /// Ignore these columns; repeatable
    #[arg(long, value_name = "A,B", value_parser = checked(parse_names))]
    ignore_columns: Vec<Vec<String>>,
    /// Read only columns that are mapped or have one of shopctl's names
    #[arg(long)]
    only_mapped: bool,
    /// Fill empty CSV cells of these columns from the row above; repeatable
    #[arg(long, value_name = "A,B", value_parser = checked(parse_names))]
    fill_down: Vec<Vec<String>>,
    /// Read value THEIRS as OURS, e.g. status:Complete=completed; repeatable
    #[arg(long, value_name = "COLUMN:THEIRS=OURS", value_parser = checked(ValueMap::parse))]
    map_value: Vec<ValueMap>,
    /// Number of lines to skip above the CSV header, such as a title
    #[arg(long, value_name = "LINES", default_value = "0", hide_default_value = true, value_parser = checked(|text| whole_number(text, 0, MAX_SKIPPED)))]
    skip_lines: u64,
    /// CSV field separator, e.g. ; or tab [default: detected from the header]
    #[arg(long, value_name = "CHARACTER", value_parser = checked(parse_delimiter))]
    delimiter: Option<u8>,
    /// Text encoding, e.g. windows-1252 or latin1 [default: byte order mark, UTF-8]
    #[arg(long, value_name = "NAME", value_parser = checked(parse_encoding))]
    encoding: Option<Charset>,
}

const FORMATS: [(&str, FileFormat); 5] = [
    ("csv", FileFormat::Csv),
    ("tsv", FileFormat::Tsv),
    ("jsonl", FileFormat::JsonLines),
    ("json", FileFormat::Json),
    ("mongo-json", FileFormat::MongoJson),
];
/// What can happen when rows are wrong.
pub const ERRORS: [(&str, OnError); 2] = [("reject-all", OnError::RejectAll), ("reject-rows", OnError::RejectRows)];

fn parse_map(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((theirs, ours)) if !theirs.is_empty() && !ours.is_empty() => Ok((theirs.to_owned(), ours.to_owned())),
        _ => Err("must have the form THEIRS=OURS".to_owned()),
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
    let line = reader.records().next().and_then(Result::ok).ok_or("must be column names such as Vendor,Tags")?;
    Ok(line.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}

fn parse_encoding(text: &str) -> Result<Charset, String> {
    Charset::parse(text).ok_or_else(|| {
        format!("must be one of utf-8, ascii, utf-16le, utf-16be, windows-1250 to -1258, iso-8859-1 to -16, macintosh, shift_jis, gbk …; convert others with iconv -f {} -t UTF-8", shell_word(text))
    })
}

impl FileArguments {
    /// The options of an import of the file.
    pub fn import<R: Row>(&self, context: &Context) -> Result<Import> {
        let format = self.reading.format.map_or_else(|| format_of(&self.file, R::COMMAND), Ok)?;
        let import = self.reading.import::<R>(context, format, self.on_error)?;
        Ok(Import { read: ReadOptions { decimal_comma: self.decimal_comma, ..import.read }, ..import })
    }

    /// Opens the errors file before the import, to detect early that it cannot be written.
    pub async fn errors_file(&self) -> Result<Option<OutputFile>> {
        let Some(path) = &self.errors else { return Ok(None) };
        check_ending(path, &["csv"])?;
        if is_standard_stream(path) || is_standard_output(path) {
            return Err(Error::usage("--errors must not be standard output, where the result of the import goes")
                .hint("give a file: --errors errors.csv"));
        }
        OutputFile::open(path).await.map(Some)
    }

    /// Opens the file, and notes what its start says. It is read several times, so a pipe is copied to a temporary file.
    pub async fn open<R: Row>(&self, context: &Context, import: &Import) -> Result<Source<'_>> {
        if let Some(errors) = &self.errors {
            check_not_input("--errors", errors, &self.file)?;
        }
        open_source::<R>(context, &self.file, open_input(context, &self.file).await?, import)
    }
}

impl ReadArguments {
    /// Whether one of them is given.
    pub fn is_any_given(&self) -> bool {
        let ReadArguments { format, map, ignore_columns, fill_down, map_value, delimiter, encoding, .. } = self;
        let has_names = !(map.is_empty() && ignore_columns.is_empty() && fill_down.is_empty() && map_value.is_empty());
        let has_form = format.is_some() || delimiter.is_some() || encoding.is_some();
        has_names || has_form || self.only_mapped || self.skip_lines > 0
    }

    /// The options of an import of a file in this format.
    pub fn import<R: Row>(&self, context: &Context, format: FileFormat, on_error: OnError) -> Result<Import> {
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
        let read = self.options(format);
        let interpretation = Interpretation { values: self.map_value.clone(), ..Interpretation::default() };
        Ok(Import { interpretation, ..Import::new(read, context.clock.now(), on_error) })
    }

    fn options(&self, format: FileFormat) -> ReadOptions {
        ReadOptions {
            format,
            delimiter: self.delimiter,
            encoding: self.encoding,
            decimal_comma: false,
            map: self.map.clone(),
            ignore: self.ignore_columns.concat(),
            only_mapped: self.only_mapped,
            fill_down: self.fill_down.concat(),
            skip_lines: self.skip_lines,
        }
    }
}

/// The opened file of an import; notes what its start says.
pub fn open_source<'a, R: Row>(context: &Context, path: &'a Path, file: File, import: &Import) -> Result<Source<'a>> {
    let source = Source::new(file, path)?;
    let notes = source.if_unchanged(bulk::inspect::<R>(source.reader()?, &import.read))?;
    notes.iter().for_each(|note| context.output.note(note));
    Ok(source)
}

/// Opens a file that is read several times: a pipe is copied to a temporary file.
pub async fn open_input(context: &Context, path: &Path) -> Result<File> {
    let stream: Box<dyn Read> = match is_standard_stream(path) {
        true => {
            context.output.note_standard_input();
            Box::new(io::stdin())
        }
        false => match InputFile::open(path).await? {
            InputFile::Regular(file) => return Ok(file),
            InputFile::Stream(file) => Box::new(file),
        },
    };
    spool(stream, path)
}

/// Writes the errors file and returns what it did. Without errors no new file is created, but an existing one is
/// emptied.
pub fn write_errors_file(rejections: &mut Rejections, file: Option<OutputFile>) -> Result<Option<String>> {
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
