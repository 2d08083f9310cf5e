//! Commands on several objects, each a separate operation.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::effect::Effect;
use super::mutation::{finish_each, with_operation};
use crate::context::Context;
use crate::db::Database;
use crate::domain::text::first_names;
use crate::error::{Error, Hint, Kind, Result, printable};
use crate::file::{input_name, is_standard_stream, unreadable};
use crate::output::{Change, Mutation};
use crate::service::operation::Operations;

/// Maximum number of objects per command.
const MAX_OBJECTS: usize = 100_000;
/// Maximum number of names in a message; its details contain all.
const NAMES_SHOWN: usize = 10;
/// Maximum length of a line in a file of names.
const MAX_LINE_BYTES: u64 = 1_024;

// Flags of commands on one or many objects.
#[derive(Debug, Args)]
pub struct BatchArguments {
    /// Read the names from FILE, one per line (- for standard input)
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Stop at the first failure
    #[arg(long)]
    pub fail_fast: bool,
}

/// The objects of a command.
#[derive(Debug)]
pub struct Names {
    pub names: Vec<String>,
    /// Whether one object is named as an argument: it is then asked about, and fails, as itself.
    pub is_single: bool,
}

impl BatchArguments {
    /// The names given as arguments and in the file, without duplicates. An empty file is not an error: a note says so.
    ///
    /// Errors: exit 2 for neither names nor a file, or for too many; exit 4 for an unreadable file.
    pub fn names(&self, context: &Context, arguments: &[String], noun: &str) -> Result<Names> {
        let file = match &self.file {
            None => None,
            Some(path) if is_standard_stream(path) => {
                context.output.note_standard_input();
                Some(Box::new(std::io::stdin()) as Box<dyn Read>)
            }
            Some(path) => Some(Box::new(std::fs::File::open(path).map_err(|error| unreadable(path, &error))?) as _),
        };
        self.names_in(context, arguments, noun, file)
    }

    /// As [`BatchArguments::names`], with the file opened already.
    pub fn names_in(
        &self,
        context: &Context,
        arguments: &[String],
        noun: &str,
        file: Option<impl Read>,
    ) -> Result<Names> {
        let mut names: Vec<String> = arguments.to_vec();
        if let (Some(path), Some(file)) = (&self.file, file) {
            let mut read = read_names(path, file)?;
            if let Some(header) = read.first().filter(|first| is_header(noun, first)) {
                context.output.note(&format!("the first line, {}, is a header", printable(header)));
                read.remove(0);
            }
            names.extend(read);
        }
        if names.is_empty() {
            if self.file.is_none() {
                return Err(
                    Error::usage(format!("no {noun} is given")).hint("give them as arguments, or in a file with -f")
                );
            }
            context.output.note(&format!("no {noun}s: nothing to do"));
        }
        if names.len() > MAX_OBJECTS {
            return Err(Error::usage(format!("more than {MAX_OBJECTS} {noun}s"))
                .hint("run the command several times, with some of them each"));
        }
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let is_single = names.len() == 1 && self.file.is_none();
        Ok(Names { names, is_single })
    }
}

/// Whether a line is the name of the column that lists and exports write the names in.
fn is_header(noun: &str, line: &str) -> bool {
    noun == "order" && line.eq_ignore_ascii_case("reference")
}

fn read_names(path: &Path, source: impl Read) -> Result<Vec<String>> {
    let place = input_name((!is_standard_stream(path)).then_some(path));
    let mut reader = BufReader::new(source);
    let mut names = Vec::new();
    while names.len() <= MAX_OBJECTS {
        let mut line = String::new();
        if (&mut reader).take(MAX_LINE_BYTES).read_line(&mut line).map_err(|error| unreadable(path, &error))? == 0 {
            break;
        }
        if line.len() as u64 == MAX_LINE_BYTES && !line.ends_with('\n') {
            let message = format!("{place}: line {} is longer than {MAX_LINE_BYTES} bytes", names.len() + 1);
            return Err(Error::new(Kind::Invalid, "file.line_too_long", message));
        }
        let name = line.trim_start_matches('\u{feff}').trim();
        if !name.is_empty() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Runs an operation for each object and prints each result immediately; JSON is printed as one value at the end.
///
/// A single object fails with its own error. Several are all attempted, unless `fail_fast`.
///
/// Errors: exit 8 if only some succeeded; the common error if all failed alike; immediately those that concern the
/// database rather than an object.
pub async fn run<D: Serialize>(
    context: &Context,
    database: &Database,
    dry_run: bool,
    &Names { ref names, is_single }: &Names,
    fail_fast: bool,
    body: impl AsyncFn(&Operations, &str) -> Result<Mutation<Change<D>>>,
) -> Result<Effect> {
    if let ([only], true) = (names.as_slice(), is_single) {
        let mutation = body(&context.operations(database, dry_run), only).await?;
        return Ok(finish_each(context, database, vec![mutation]));
    }
    let mut batch = Batch::new(context, database, dry_run, names);
    for name in names {
        // Each operation has its own time limit.
        let database = database.with_budget(database.budget().renewed());
        match body(&context.operations(&database, dry_run), name).await {
            Ok(mutation) => batch.record_success(mutation),
            Err(error) => {
                let is_over = fail_fast || !is_about_an_object(&error);
                batch.record_failure(name, error);
                if is_over {
                    break;
                }
            }
        }
    }
    batch.finish()
}

/// Rejects unknown names before any object is changed.
///
/// Errors: exit 3, listing all of them.
pub fn refuse_unknown(noun: &'static str, unknown: &[&str], hint: Hint) -> Result<()> {
    match unknown {
        [] => Ok(()),
        [only] => Err(Error::not_found(noun, only).hint(hint)),
        several => {
            let code = Error::not_found(noun, "").code();
            let message =
                format!("there are no {noun}s {}; nothing was changed", join_limited(several.iter().copied()));
            Err(Error::new(Kind::NotFound, code, message).hint(hint).details(json!({ "noun": noun, "names": several })))
        }
    }
}

/// The first names, and the number of others.
fn join_limited<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    first_names(names.into_iter().map(printable), NAMES_SHOWN)
}

fn is_about_an_object(error: &Error) -> bool {
    matches!(error.kind(), Kind::NotFound | Kind::Conflict | Kind::Invalid)
}

struct Batch<'a, D: Serialize> {
    context: &'a Context,
    database: &'a Database,
    dry_run: bool,
    names: &'a [String],
    /// Held back for JSON only.
    mutations: Vec<Mutation<Change<D>>>,
    done: usize,
    changed: bool,
    failures: Vec<(String, Error)>,
    is_reported: bool,
}

/// Reports what was done if the batch is interrupted.
impl<D: Serialize> Drop for Batch<'_, D> {
    fn drop(&mut self) {
        if self.is_reported || self.done == 0 {
            return;
        }
        self.report();
        self.effect().note(&self.context.output);
        let (tried, open) = self.names.split_at(self.done + self.failures.len());
        let done = self.done_among(tried);
        let (done, open) = (join_limited(done), join_limited(open.iter().map(String::as_str)));
        let (all, what) = (self.names.len(), self.done_words());
        self.context.output.note(&format!("of {all}: {what} {done}; not done {open}; {}", self.retry_hint()));
    }
}

/// The hint to complete a batch.
const RETRY_HINT: &str = "run the same command again: completed ones stay unchanged";
/// The same for a dry run.
const DRY_RETRY_HINT: &str = "this was a dry run: nothing was changed; run the same command again";

impl<'a, D: Serialize> Batch<'a, D> {
    fn new(context: &'a Context, database: &'a Database, dry_run: bool, names: &'a [String]) -> Self {
        let (mutations, failures) = (Vec::new(), Vec::new());
        Batch { context, database, dry_run, names, mutations, done: 0, changed: false, failures, is_reported: false }
    }

    fn record_success(&mut self, mutation: Mutation<Change<D>>) {
        self.done += 1;
        self.changed |= mutation.change.changed;
        let mutation = with_operation(self.context, mutation);
        if self.context.output.is_json() {
            self.mutations.push(mutation);
        } else {
            self.context.output.mutation(&mutation);
        }
    }

    fn record_failure(&mut self, name: &str, error: Error) {
        // In JSON an error is one object, at the end.
        if !self.context.output.is_json() {
            self.context.output.warn(&format!("{} [{}]", error.message(), error.code()));
        }
        self.failures.push((name.to_owned(), error));
    }

    /// Prints what was done.
    fn report(&mut self) {
        self.is_reported = true;
        if self.context.output.is_json() {
            self.context.output.mutations(&self.mutations);
        }
    }

    fn effect(&self) -> Effect {
        Effect::new(self.changed, self.dry_run, self.database.target())
    }

    fn finish(mut self) -> Result<Effect> {
        self.report();
        if self.failures.is_empty() {
            return Ok(self.effect());
        }
        self.effect().note(&self.context.output);
        Err(self.partial())
    }

    fn done_words(&self) -> &'static str {
        if self.dry_run { "would be done" } else { "done" }
    }

    fn retry_hint(&self) -> &'static str {
        if self.dry_run { DRY_RETRY_HINT } else { RETRY_HINT }
    }

    fn done_among(&self, tried: &'a [String]) -> Vec<&'a str> {
        let has_failed: HashSet<&str> = self.failures.iter().map(|(name, _)| name.as_str()).collect();
        tried.iter().map(String::as_str).filter(|name| !has_failed.contains(name)).collect()
    }

    /// Combines the errors of several objects: what succeeded, what failed, and what is unknown.
    fn partial(&self) -> Error {
        let names = self.names;
        let first = self.failures[0].1.kind();
        let is_alike = self.done == 0 && self.failures.iter().all(|(_, error)| error.kind() == first);
        let is_unknown = |error: &Error| error.kind() == Kind::OutcomeUnknown;
        let kind = match self.failures.iter().find(|(_, error)| !is_about_an_object(error)) {
            Some((_, error)) if is_unknown(error) => Kind::OutcomeUnknown,
            // An error of the database ended the batch; it sets the exit code unless something was done.
            Some((_, error)) if self.done == 0 => error.kind(),
            _ if is_alike => first,
            _ => Kind::Partial,
        };
        let (tried, untried) = names.split_at(self.done + self.failures.len());
        let done = self.done_among(tried);
        let of = |wanted: bool| self.failures.iter().filter(move |(_, error)| is_unknown(error) == wanted);
        let failed: Vec<&str> = of(false).map(|(name, _)| name.as_str()).collect();
        let unknown: Vec<&str> = of(true).map(|(name, _)| name.as_str()).collect();
        let untried: Vec<&str> = untried.iter().map(String::as_str).collect();
        let parts = [(&done, self.done_words()), (&failed, "failed"), (&unknown, "unknown"), (&untried, "not tried")];
        let part = |(names, what): (&Vec<&str>, &str)| match names.as_slice() {
            [] => None,
            names => Some(format!("{} {what} ({})", names.len(), join_limited(names.iter().copied()))),
        };
        let parts: Vec<String> = parts.into_iter().filter_map(part).collect();
        let message = format!("of {}: {}", names.len(), parts.join("; "));
        let list = self.failures.iter().map(|(name, error)| {
            json!({ "name": name, "code": error.code(), "message": error.message(), "exit": error.kind().exit_code() })
        });
        let details = json!({
            "done": self.done,
            "done_names": done,
            "not_known": unknown,
            "not_tried": untried,
            "failures": list.collect::<Vec<_>>(),
        });
        let error = Error::new(kind, "partial", message).details(details);
        if !unknown.is_empty() || !untried.is_empty() {
            let error = error.hints_of(of(true).flat_map(|(_, error)| error.hints().iter().cloned()));
            return error.hint(self.retry_hint());
        }
        error.hints_of(self.failures.iter().find_map(|(_, error)| error.hints().first()).cloned())
    }
}
