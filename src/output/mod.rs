//! All output of shopctl: data on stdout, messages on stderr.
//!
//! The only module that prints. Commands pass rows of a [`View`], a [`Mutation`] or an error; this module decides on
//! format, colour, width and escaping.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::domain::Zone;
use crate::error::{Error, Hint, Invocation, Kind, Result, io_reason};
use crate::file::unwritable;
use pager::Paged;
use palette::{CYAN, RED_LABEL, YELLOW_LABEL, paint};

mod cell;
mod chart;
mod column;
pub mod csv;
pub mod escape;
mod export;
mod extended_json;
mod format;
mod html;
mod json;
mod mutation;
pub mod pager;
mod palette;
mod progress;
mod rows;
mod show;
mod svg;
mod table;
mod terminal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod wrap;

pub use cell::{Cell, ChangedField};
pub use chart::Bar;
pub use column::{Column, View, field_names, unknown_field};
pub use format::{ColorChoice, Format};
pub use html::{Figure, Page};
pub use mutation::{Change, Mutation};
pub use palette::Tone;
pub use progress::{Progress, Unit};
pub use rows::{ListFooter, MoreRows, Rows};
pub use svg::{Chart, Flow};
pub use terminal::{Terminal, is_ci};
pub use wrap::{between_words, shorten};
use wrap::{in_one_piece, refilled};

/// The output settings of the command line.
#[derive(Debug, Clone, Default)]
pub struct OutputSettings {
    /// `None`: a table on a terminal, tab-separated values in a pipe.
    pub format: Option<Format>,
    /// The requested fields, in this order; `None` for the default of the format.
    pub fields: Option<Vec<String>>,
    pub no_headers: bool,
    pub color: ColorChoice,
    /// Hides notes; warnings, errors and data stay.
    pub quiet: bool,
    /// `--no-input`: no pager either.
    pub no_input: bool,
    /// The command line that completes suggested commands.
    pub aim: Invocation,
}

/// Writes data to stdout and messages to stderr.
///
/// After the reader closes stdout, every method succeeds without writing, and [`Output::is_closed`] lets a long
/// command stop early. A closed reader of a named file is an error.
pub struct Output {
    settings: OutputSettings,
    format: Format,
    terminal: Terminal,
    /// The zone of times for people.
    zone: Zone,
    stdout: Mutex<Box<dyn Write + Send>>,
    stderr: Mutex<Box<dyn Write + Send>>,
    /// The file that replaces stdout.
    path: Option<PathBuf>,
    /// Whether it is an export, whose TSV is CSV with tabs, for imports.
    is_export: bool,
    is_closed: AtomicBool,
    has_noted_missing_password: AtomicBool,
}

impl Output {
    /// The output of this process.
    pub fn standard(settings: OutputSettings) -> Output {
        let (stdout, terminal) = (BufWriter::new(io::stdout()), Terminal::detect());
        let stdout: Box<dyn Write + Send> = match terminal.screen().filter(|_| !settings.no_input) {
            Some(screen) => Box::new(Paged::new(stdout, screen)),
            None => Box::new(stdout),
        };
        Output::new(settings, terminal, stdout, Box::new(io::stderr()))
    }

    /// An output for messages only, for a thread whose main thread may be blocked in a write to stdout.
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
            zone: Zone::utc(),
            stdout: Mutex::new(stdout),
            stderr: Mutex::new(stderr),
            path: None,
            is_export: false,
            is_closed: AtomicBool::new(false),
            has_noted_missing_password: AtomicBool::new(false),
        }
    }

    /// The same output, which shows people times in this zone.
    pub fn in_zone(self, zone: Zone) -> Output {
        Output { zone, ..self }
    }

    /// The value of `--output`, if given.
    pub fn requested_format(&self) -> Option<Format> {
        self.settings.format
    }

    /// The effective format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The delimiter, if the format is CSV. The TSV of a list has no quotes and is read line by line.
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

    /// Whether `--quiet` was given.
    pub fn is_quiet(&self) -> bool {
        self.settings.quiet
    }

    /// Whether notes are printed: JSON contains what they say.
    pub fn has_notes(&self) -> bool {
        !self.settings.quiet && self.format != Format::Json
    }

    /// Whether `--fields` names this field.
    pub fn has_field(&self, name: &str) -> bool {
        self.settings.fields.iter().flatten().any(|field| field.trim() == name)
    }

    /// Whether the output must be one JSON value.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether the reader has closed stdout, so that further output is pointless.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Checks `--fields` before a command does anything. `extra` are the fields that the command adds in
    /// [`Output::show`].
    ///
    /// Errors: exit 2 for a field that the view does not have.
    pub fn check_fields<V: View>(&self, extra: &[&'static str]) -> Result<()> {
        let columns = V::COLUMNS.iter().map(|column| (column.heading.name, column.heading.title));
        let names: Vec<_> = columns.chain(extra.iter().map(|name| (*name, *name))).collect();
        column::select(self.settings.fields.as_deref().unwrap_or_default(), &names).map(drop)
    }

    /// Prints a complete list. Errors: as [`Output::page`].
    pub fn list<V: View>(&self, rows: &[V]) -> Result<()> {
        self.page(rows, &ListFooter::default())
    }

    /// Prints a page of a list, or a list with totals. JSON contains the footer; all other formats print it on stderr.
    ///
    /// Errors: exit 2 for an unknown field, before anything is printed; exit 5 if stdout cannot be written.
    pub fn page<V: View>(&self, rows: &[V], footer: &ListFooter<'_>) -> Result<()> {
        let mut printed = self.rows::<V>()?;
        rows.iter().try_for_each(|row| printed.push(row))?;
        printed.finish(footer)
    }

    /// Starts a list whose rows are printed as they are read (`--all`).
    ///
    /// Errors: exit 2 for an unknown field.
    pub fn rows<V: View>(&self) -> Result<Rows<'_, V>> {
        Rows::new(self)
    }

    /// Prints one object. `extra` are fields that lists do not have, such as the items of an order:
    /// `&[("items", Cell::nested(&items))]`.
    ///
    /// Errors: as [`Output::list`].
    pub fn show<V: View>(&self, row: &V, extra: &[(&'static str, Cell)]) -> Result<()> {
        let (text, has_time) = show::render(self, row, extra)?;
        self.text(&text)?;
        if has_time {
            self.note_zone();
        }
        Ok(())
    }

    /// Checks `--output` before a command changes something.
    ///
    /// Errors: exit 2 for a format of rows with columns, which a change does not have.
    pub fn check_mutation_format(&self) -> Result<()> {
        match self.settings.format {
            Some(format @ (Format::Csv | Format::Tsv | Format::MongoJson)) => {
                Err(Error::usage(format!("--output {} is for lists and exports, not for a change", format.as_str()))
                    .hint("--output json, jsonl or id, or leave it out"))
            }
            Some(Format::Table | Format::Json | Format::Jsonl | Format::Id) | None => Ok(()),
        }
    }

    /// Prints the result of a change. Never fails, because the change is committed: a failure to write is a warning on
    /// stderr.
    pub fn mutation(&self, mutation: &Mutation<impl Serialize>) {
        let text = match self.format {
            Format::Table | Format::Csv | Format::Tsv => escape::line(&mutation.line),
            Format::Id => escape::tsv(&mutation.id),
            Format::Json | Format::Jsonl | Format::MongoJson => json::text(&json::value(mutation)),
        };
        if let Err(error) = self.text(&format!("{text}\n")) {
            self.warn(&format!("{error}; it was: {}", mutation.line));
        }
    }

    /// Prints the results of a command that takes any number of objects: one per line, or one JSON value, which is the
    /// same for one object and for many. Never fails, as [`Output::mutation`].
    pub fn mutations(&self, mutations: &[Mutation<impl Serialize>]) {
        if self.format != Format::Json {
            return mutations.iter().for_each(|mutation| self.mutation(mutation));
        }
        let items: Vec<Value> = mutations.iter().map(json::value).collect();
        let changed = items.iter().any(|item| item["changed"] == true);
        self.answer(&serde_json::json!({ "changed": changed, "items": items }));
    }

    /// Prints a result as one JSON value on a line. Never fails, as [`Output::mutation`].
    pub fn answer(&self, value: &Value) {
        if let Err(error) = self.text(&format!("{}\n", json::text(value))) {
            self.warn(error.message());
        }
    }

    /// Prints preformatted data.
    ///
    /// Errors: exit 5 if stdout cannot be written.
    pub fn text(&self, text: &str) -> Result<()> {
        self.write(text)?;
        self.flush()
    }

    /// Prints help, whose lines are broken for wide terminals.
    ///
    /// Errors: exit 5 if stdout cannot be written.
    pub fn prose(&self, text: &str) -> Result<()> {
        let width = self.terminal.width.filter(|_| self.terminal.stdout_is_terminal);
        self.text(&width.map_or_else(|| text.to_owned(), |width| refilled(text, width)))
    }

    /// Prints one JSON value, indented.
    ///
    /// Errors: exit 5 if stdout cannot be written.
    pub fn document(&self, value: &Value) -> Result<()> {
        self.text(&format!("{}\n", json::pretty(value)))
    }

    /// Prints a note on stderr, unless `--quiet` is given.
    pub fn note(&self, text: &str) {
        if !self.settings.quiet {
            self.say(text);
        }
    }

    /// Says in which zone the times are that were printed.
    fn note_zone(&self) {
        self.note(&format!("times are in {}", self.zone.name()));
    }

    /// Whether standard output is a terminal.
    pub fn is_on_terminal(&self) -> bool {
        self.terminal.stdout_is_terminal
    }

    /// Says at a terminal that standard input is awaited, which is not a question.
    pub fn note_standard_input(&self) {
        if self.terminal.stdin_is_terminal {
            self.note("waiting for standard input; Ctrl-D ends it");
        }
    }

    /// Prints lines on stderr even with `--quiet`, such as the context of a prompt; a terminal gets them broken between
    /// words.
    pub fn say(&self, text: &str) {
        self.write_message(&format!("{}\n", self.broken(&escape::lines(text))));
    }

    /// Prints a warning on stderr.
    pub fn warn(&self, text: &str) {
        self.write_message(&self.labelled(YELLOW_LABEL, "warning", &escape::lines(text)));
    }

    /// Prints a note with suggested commands, completed with the flags of this run, unless `--quiet` is given.
    pub fn suggest(&self, hint: impl Into<Hint>) {
        let hint = hint.into();
        if !self.settings.quiet {
            let text = hint.render_with(&self.settings.aim, escape::lines, one_command);
            self.write_message(&format!("{}\n", self.broken(&text)));
            self.note_missing_password(&[hint]);
        }
    }

    /// Prints once that suggested commands lack the password.
    pub fn note_missing_password(&self, shown: &[Hint]) {
        if let Some(remark) = self.settings.aim.remark(shown)
            && !self.has_noted_missing_password.swap(true, Ordering::Relaxed)
        {
            self.write_message(&self.labelled(CYAN, "hint", &remark));
        }
    }

    /// The flags of this run that suggested commands repeat.
    pub fn aim(&self) -> &Invocation {
        &self.settings.aim
    }

    /// Prints the error that ends the command on stderr: message and hints, or one JSON object on one line.
    pub fn error(&self, error: &Error) {
        // Flushes rows printed before the failure, so that they come first on a shared terminal. A failure to flush is
        // covered by the exit code of the error.
        let _ = self.flush();
        if matches!(self.format, Format::Json | Format::Jsonl | Format::MongoJson) {
            let value = error.json_document(&self.settings.aim);
            return self.write_message(&format!("{}\n", json::text(&value)));
        }
        let label = format!("error[{}]", error.code());
        let mut text = self.labelled(RED_LABEL, &label, &escape::lines(error.message()));
        for hint in error.shown_hints(&self.settings.aim) {
            let hint = hint.render_with(&self.settings.aim, escape::line, one_command);
            text.push_str(&self.labelled(CYAN, "hint", &hint));
        }
        self.write_message(&text);
    }

    /// A message for stderr behind its label.
    fn labelled(&self, color: &str, label: &str, text: &str) -> String {
        // The label has no blank, so that it stays in one piece.
        let text = self.broken(&format!("{label}: {text}"));
        format!("{}{}\n", self.colored(color, label), &text[label.len()..])
    }

    /// The lines of a message, which a terminal at stderr gets broken between words.
    fn broken(&self, text: &str) -> String {
        let width = self.terminal.stderr_width.filter(|_| self.terminal.stderr_is_terminal);
        between_words(text, width.unwrap_or(usize::MAX))
    }

    /// Highlights text for stderr if colours are enabled.
    pub fn highlighted(&self, text: &str) -> String {
        self.colored(CYAN, text)
    }

    fn colored(&self, color: &str, text: &str) -> String {
        if self.terminal.has_color(self.settings.color, self.terminal.stderr_is_terminal) {
            paint(color, text)
        } else {
            text.to_owned()
        }
    }

    /// Escapes CSV on a terminal only, so that programs get every byte.
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
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.path.is_none() => {
                self.is_closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(match &self.path {
                Some(path) => unwritable(path, &error),
                None => unwritten(&error),
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

/// Data that standard output does not take.
pub fn unwritten(error: &io::Error) -> Error {
    Error::new(Kind::Unavailable, "output.write", format!("the output could not be written: {}", io_reason(error)))
}

/// A command in a message: a line break inside would end it where it is pasted.
fn one_command(command: &str) -> String {
    in_one_piece(&escape::line(command))
}

/// A panic while printing leaves no relevant partial state.
fn lock(stream: &Mutex<Box<dyn Write + Send>>) -> MutexGuard<'_, Box<dyn Write + Send>> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
