//! All output of shopctl: data on stdout, messages on stderr.
//!
//! The only place that prints. A command hands over rows of a [`View`], a [`Mutation`] or an
//! error; format, colour, width and escaping are decided here.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::error::{Error, Hint, Invocation, Kind, Result, io_reason};
use crate::file::unwritable;

mod cell;
mod chart;
mod column;
pub mod csv;
pub mod escape;
mod export;
mod extended_json;
mod format;
mod json;
mod progress;
mod rows;
mod show;
mod table;
mod terminal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use cell::Cell;
pub use chart::Bar;
pub use column::{Column, View};
pub use format::{ColorChoice, Format};
pub use progress::Unit;
pub use rows::{ListFooter, Rows};
pub use table::shorten;
pub use terminal::Terminal;

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const CYAN: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

/// What the command line said about output.
#[derive(Debug, Clone, Default)]
pub struct OutputSettings {
    /// `None`: a table on a terminal, tab-separated values in a pipe.
    pub format: Option<Format>,
    /// The wanted fields, in this order; `None` is what the format shows by itself.
    pub fields: Option<Vec<String>>,
    pub no_headers: bool,
    pub color: ColorChoice,
    /// Hides notes; warnings, errors and data stay.
    pub quiet: bool,
    /// What suggested commands are completed with.
    pub aim: Invocation,
}

/// The answer of a command that changed (or would have changed) one object.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// For people: `order K7Q2M-9XD4T cancelled, 3 units restocked`.
    pub line: String,
    /// What `-o id` prints; also the object's `"id"`.
    pub id: String,
    /// The rest of the object: its natural key, `changed`, `replayed`, `dry_run`, `before`,
    /// `after`, and for a create all its fields ([`View::to_json`]).
    pub json: Map<String, Value>,
}

impl Mutation {
    /// `json` is an object.
    pub fn new(line: String, id: impl ToString, json: Value) -> Mutation {
        let json = if let Value::Object(members) = json { members } else { Map::new() };
        Mutation { line, id: id.to_string(), json }
    }

    /// Whether something was changed permanently.
    pub fn is_written(&self) -> bool {
        self.has_flag("changed") && !self.has_flag("dry_run")
    }

    /// Whether this member is true: `changed`, `replayed`, `dry_run`.
    pub fn has_flag(&self, member: &str) -> bool {
        self.json.get(member).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The whole object, its id first.
    pub fn to_json(&self) -> Value {
        let mut object = Map::from_iter([("id".to_owned(), Value::from(self.id.as_str()))]);
        object.extend(self.json.clone());
        Value::Object(object)
    }
}

/// The way out: two streams and how to write on each.
///
/// A reader who closes the pipe ends the output quietly: every method then succeeds without
/// writing, and [`Output::is_closed`] lets a long command stop early.
pub struct Output {
    settings: OutputSettings,
    format: Format,
    terminal: Terminal,
    stdout: Mutex<Box<dyn Write + Send>>,
    stderr: Mutex<Box<dyn Write + Send>>,
    /// The file in the place of stdout.
    path: Option<PathBuf>,
    /// Whether it is for an import: TSV is CSV with tabs then.
    is_export: bool,
    is_closed: AtomicBool,
    has_noted_missing_password: AtomicBool,
}

impl Output {
    /// The output of this process.
    pub fn standard(settings: OutputSettings) -> Output {
        let stdout = BufWriter::new(io::stdout());
        Output::new(settings, Terminal::detect(), Box::new(stdout), Box::new(io::stderr()))
    }

    /// Only messages, for a thread beside one that may be blocked in a write to stdout.
    pub fn messages_only(settings: OutputSettings) -> Output {
        Output::new(settings, Terminal::detect(), Box::new(io::sink()), Box::new(io::stderr()))
    }

    /// An output to any two streams.
    pub fn new(
        settings: OutputSettings,
        terminal: Terminal,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Output {
        let default = if terminal.stdout_is_terminal { Format::Table } else { Format::Tsv };
        Output {
            format: settings.format.unwrap_or(default),
            settings,
            terminal,
            stdout: Mutex::new(stdout),
            stderr: Mutex::new(stderr),
            path: None,
            is_export: false,
            is_closed: AtomicBool::new(false),
            has_noted_missing_password: AtomicBool::new(false),
        }
    }

    /// The value of `--output`, if given.
    pub fn requested_format(&self) -> Option<Format> {
        self.settings.format
    }

    /// The format in force.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What stands between the values of a list, if it is CSV; the TSV of a list is read line by line
    /// and has no quotes.
    fn delimiter(&self) -> Option<csv::Delimiter> {
        match self.format {
            Format::Csv => Some(csv::Delimiter::Comma),
            Format::Tsv if self.is_export => Some(csv::Delimiter::Tab),
            _ => None,
        }
    }

    /// Whether `--fields` was given.
    pub fn has_fields(&self) -> bool {
        self.settings.fields.is_some()
    }

    /// Whether the output must be one JSON value.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether the reader of stdout is gone, so that further output need not be computed.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Refuses a wrong `--fields` before a command does anything. `extra` are the names that the
    /// command will add in [`Output::show`].
    ///
    /// Errors: exit 2 for a field that the view does not have.
    pub fn check_fields<V: View>(&self, extra: &[&'static str]) -> Result<()> {
        let names: Vec<_> = V::COLUMNS.iter().map(|column| column.heading.name).chain(extra.iter().copied()).collect();
        column::select(self.settings.fields.as_deref().unwrap_or_default(), &names).map(drop)
    }

    /// Prints a list that is whole. Errors: as [`Output::page`].
    pub fn list<V: View>(&self, rows: &[V]) -> Result<()> {
        self.page(rows, &ListFooter::default())
    }

    /// Prints a part of a list, or one with sums. What JSON has inside itself beside the rows is a note on stderr in
    /// every other format.
    ///
    /// Errors: exit 2 for an unknown field (nothing was printed then), exit 5 when stdout cannot
    /// be written.
    pub fn page<V: View>(&self, rows: &[V], footer: &ListFooter<'_>) -> Result<()> {
        let mut printed = self.rows::<V>()?;
        rows.iter().try_for_each(|row| printed.push(row))?;
        printed.finish(footer)
    }

    /// Starts a list whose rows are printed as they arrive (`--all`).
    ///
    /// Errors: exit 2 for an unknown field.
    pub fn rows<V: View>(&self) -> Result<Rows<'_, V>> {
        Rows::new(self)
    }

    /// Prints one object. `extra` are further fields of it that no list has, such as the items of
    /// an order: `&[("items", Cell::nested(&items))]`.
    ///
    /// Errors: as [`Output::list`].
    pub fn show<V: View>(&self, row: &V, extra: &[(&'static str, Cell)]) -> Result<()> {
        let text = show::render(self, row, extra)?;
        self.text(&text)
    }

    /// Says what was changed. It cannot fail, because the change is committed: if stdout cannot be
    /// written, a warning on stderr says so.
    pub fn mutation(&self, mutation: &Mutation) {
        let text = match self.format {
            Format::Table | Format::Csv | Format::Tsv => escape::line(&mutation.line),
            Format::Id => escape::tsv(&mutation.id),
            Format::Json | Format::Jsonl | Format::MongoJson => json::text(&mutation.to_json()),
        };
        if let Err(error) = self.text(&format!("{text}\n")) {
            self.warn(&format!("{error}; it was: {}", mutation.line));
        }
    }

    /// Says what was changed about several objects: a line each, or one JSON value. As
    /// [`Output::mutation`], it cannot fail.
    pub fn mutations(&self, mutations: &[Mutation]) {
        if self.format != Format::Json {
            return mutations.iter().for_each(|mutation| self.mutation(mutation));
        }
        let items: Vec<Value> = mutations.iter().map(Mutation::to_json).collect();
        self.answer(&serde_json::json!({ "items": items }));
    }

    /// Says what was changed as one JSON value on a line. As [`Output::mutation`], it cannot fail.
    pub fn answer(&self, value: &Value) {
        if let Err(error) = self.text(&format!("{}\n", json::text(value))) {
            self.warn(error.message());
        }
    }

    /// Prints data that has its form already (a completion script, a manual page) as it stands.
    ///
    /// Errors: exit 5 when stdout cannot be written.
    pub fn text(&self, text: &str) -> Result<()> {
        self.write(text)?;
        self.flush()
    }

    /// Prints one JSON value over several lines, for a person who reads all of it.
    ///
    /// Errors: exit 5 when stdout cannot be written.
    pub fn document(&self, value: &Value) -> Result<()> {
        self.text(&format!("{}\n", json::pretty(value)))
    }

    /// A note on stderr, hidden by `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.settings.quiet {
            self.say(text);
        }
    }

    /// A line on stderr that `--quiet` does not hide: the context of a prompt.
    pub fn say(&self, text: &str) {
        self.write_message(&format!("{}\n", escape::lines(text)));
    }

    /// A warning on stderr.
    pub fn warn(&self, text: &str) {
        let label = self.colored(YELLOW, "warning");
        self.write_message(&format!("{label}: {}\n", escape::lines(text)));
    }

    /// A remark with commands in it, each with the flags of this run; hidden by `--quiet`.
    pub fn suggest(&self, hint: impl Into<Hint>) {
        let hint = hint.into();
        if !self.settings.quiet {
            self.say(&hint.render(&self.settings.aim));
            self.note_missing_password(&[hint]);
        }
    }

    /// Prints once that suggested commands lack the password.
    pub fn note_missing_password(&self, shown: &[Hint]) {
        if let Some(remark) = self.settings.aim.remark(shown)
            && !self.has_noted_missing_password.swap(true, Ordering::Relaxed)
        {
            self.write_message(&format!("{}: {remark}\n", self.colored(CYAN, "hint")));
        }
    }

    /// The flags of this run that suggested commands repeat.
    pub fn aim(&self) -> &Invocation {
        &self.settings.aim
    }

    /// The error that ends the command, on stderr: message and hints, or under JSON formats
    /// exactly one object on one line.
    pub fn error(&self, error: &Error) {
        // Rows that were printed before the failure come before it on a shared terminal; should
        // they not come through, the exit code of this error speaks for them.
        let _ = self.flush();
        if matches!(self.format, Format::Json | Format::Jsonl | Format::MongoJson) {
            let value = error.to_json(&self.settings.aim);
            return self.write_message(&format!("{}\n", json::text(&value)));
        }
        let label = self.colored(RED, &format!("error[{}]", error.code()));
        let mut text = format!("{label}: {}\n", escape::lines(error.message()));
        for hint in error.hint_lines(&self.settings.aim) {
            text.push_str(&format!("{}: {}\n", self.colored(CYAN, "hint"), escape::line(&hint)));
        }
        self.write_message(&text);
    }

    /// Highlights text for stderr if colours are enabled.
    pub fn highlighted(&self, text: &str) -> String {
        self.colored(CYAN, text)
    }

    fn colored(&self, color: &str, text: &str) -> String {
        if self.terminal.has_color(self.settings.color, self.terminal.stderr_is_terminal) {
            format!("{color}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }

    /// CSV keeps every byte for programs; only on a terminal is it escaped.
    fn for_terminal(&self, csv: String) -> String {
        if self.terminal.stdout_is_terminal { escape::lines(&csv) } else { csv }
    }

    /// Writes data without flushing it.
    fn write(&self, text: &str) -> Result<()> {
        self.with_stdout(|stdout| stdout.write_all(text.as_bytes()))
    }

    fn flush(&self) -> Result<()> {
        self.with_stdout(|stdout| stdout.flush())
    }

    fn with_stdout(&self, action: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        match action(lock(&self.stdout).as_mut()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(match &self.path {
                Some(path) => unwritable(path, &error),
                None => {
                    let message = format!("the output could not be written: {}", io_reason(&error));
                    Error::new(Kind::Unavailable, "output.write", message)
                }
            }),
            Ok(()) => Ok(()),
        }
    }

    /// A message that cannot be written is dropped.
    fn write_message(&self, text: &str) {
        let mut stderr = lock(&self.stderr);
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

/// A panic while printing leaves no relevant partial state.
fn lock(stream: &Mutex<Box<dyn Write + Send>>) -> MutexGuard<'_, Box<dyn Write + Send>> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
