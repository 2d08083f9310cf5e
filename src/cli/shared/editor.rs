//! Edits values as a small file in the user's editor, as `git commit` and `kubectl edit` do.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::Builder;
use tokio::process::Command;

use super::arguments::WriteArguments;
use super::confirm::{DECLINED, Prompter};
use super::effect::Effect;
use super::mutation::{self, Noun};
use super::prompt::declined;
use super::values::FieldValue;
use crate::context::Context;
use crate::domain::Violations;
use crate::domain::text::position;
use crate::entity::field::Editable;
use crate::error::{Error, Hint, Kind, Result, io_reason, printable};
use crate::output::unknown_field;
use crate::service::committing::CommitTracker;
use crate::service::operation::{Changed, Operations};

/// Lines at the beginning of a file that say why it was refused; they are not part of it.
const REFUSAL: &str = "#!";
/// What a shell exits with if it cannot run a command.
const NOT_RUN: [i32; 2] = [126, 127];

/// Opens the named fields of a row in the editor; `save` writes those that were changed. The row is printed as by an
/// update.
///
/// Errors: those of [`edit`]; exit 2 for a field that is none, exit 7 for invalid values.
pub async fn edit_row<M: Noun + Editable>(
    context: &Context,
    prompter: &Prompter,
    write: &WriteArguments,
    (shown, fields): (&M, &[&str]),
    save: impl AsyncFn(&Operations, &[FieldValue<M>]) -> Result<Changed<M>>,
) -> Result<Effect> {
    let operations = context.open_operations(write.dry_run).await?;
    let name = mutation::row_name(shown);
    let head = format!(
        "# {name} of {}\n# Fields left out stay unchanged; an empty text removes a value.\n",
        printable(&operations.database.target().to_string())
    );
    let lines = M::FIELDS.iter().filter(|field| fields.contains(&field.name)).map(|field| {
        let value = toml::Value::String((field.stored)(shown));
        format!("{} = {value}\n", field.name)
    });
    let text = head + &lines.collect::<String>();
    let apply = async |text: &str| save(&operations, &changed_values(text, shown, fields)?).await;
    let unchanged = || Changed { before: shown.clone(), after: shown.clone(), changed: false };
    let changed = edit(context, prompter, (&name, &text), apply).await?.unwrap_or_else(unchanged);
    Ok(mutation::finish(context, &operations.database, mutation::updated(&operations, &changed, "updated")))
}

/// The values of a file that differ from those of the row.
///
/// Errors: exit 7 for a file that is not TOML and for invalid values, all of them; exit 2 for another field.
fn changed_values<M: Editable>(text: &str, shown: &M, fields: &[&str]) -> Result<Vec<FieldValue<M>>> {
    let table = parse(text)?;
    let (mut values, mut violations) = (Vec::new(), Violations::new());
    for (name, value) in &table {
        let field = M::FIELDS.iter().filter(|field| fields.contains(&field.name)).find(|field| field.name == name);
        let field = field.ok_or_else(|| unknown_field(name, fields))?;
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            _ => {
                violations.add(name, "must be a text in quotes");
                continue;
            }
        };
        if text != (field.stored)(shown) {
            values.extend(violations.parse(name, &text, |text| FieldValue::parse(field, text)));
        }
    }
    violations.into_result().map(|()| values)
}

/// Parses an edited file.
///
/// Errors: exit 7, with the line, for one that is not TOML.
pub fn parse(text: &str) -> Result<toml::Table> {
    toml::from_str(text).map_err(|error| syntax_error(text, &error))
}

fn syntax_error(text: &str, error: &toml::de::Error) -> Error {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    let message = format!("line {line}, column {column}: not understood as TOML");
    Error::new(Kind::Invalid, "editor.syntax", message).hint("texts need quotes: name = \"…\"")
}

/// Opens a text in the editor until `apply` accepts it; `None` if it was left as it is. On a terminal the user is asked
/// whether to edit an invalid text again. A text that is not accepted is kept in a file, which the error names.
///
/// Errors: exit 10 if the editor fails or the user declines, exit 4 if it cannot be run, exit 11 if none is known, exit 7
/// for a text that is not UTF-8; those of `apply`.
pub async fn edit<T>(
    context: &Context,
    prompter: &Prompter,
    (name, text): (&str, &str),
    apply: impl AsyncFn(&str) -> Result<T>,
) -> Result<Option<T>> {
    let editor = editor(prompter)?;
    let draft = Draft::create(name, &context.committing)?;
    match edit_until_accepted(context, prompter, (&draft, &editor, text), apply).await {
        Ok(value) => {
            draft.remove();
            Ok(value)
        }
        Err(error) => Err(draft.keep(error, text)),
    }
}

async fn edit_until_accepted<T>(
    context: &Context,
    prompter: &Prompter,
    (draft, editor, text): (&Draft<'_>, &str, &str),
    apply: impl AsyncFn(&str) -> Result<T>,
) -> Result<Option<T>> {
    let mut opened = text.as_bytes().to_vec();
    loop {
        let edited = draft.edit(editor, &opened).await?;
        if edited == text.as_bytes() {
            return Ok(None);
        }
        let applied = match decoded(&edited) {
            Ok(edited) => apply(edited).await,
            Err(error) => Err(error),
        };
        let error = match applied {
            Ok(value) => return Ok(Some(value)),
            Err(error) if is_correctable(&error) && prompter.is_interactive() => error,
            Err(error) => return Err(error),
        };
        context.output.warn(error.message());
        if !prompter.accepts("Edit the text again?").await? {
            return Err(declined(DECLINED));
        }
        let lines = error.message().lines().map(|line| format!("{REFUSAL} {}\n", printable(line)));
        opened = [lines.collect::<String>().as_bytes(), &edited].concat();
    }
}

/// Errors: exit 7, with the place, for a text that is not UTF-8.
fn decoded(edited: &[u8]) -> Result<&str> {
    std::str::from_utf8(edited).map_err(|error| {
        let valid = String::from_utf8_lossy(&edited[..error.valid_up_to()]);
        let (line, column) = position(&valid, valid.len());
        let message = format!("line {line}, column {column}: not UTF-8 text");
        Error::new(Kind::Invalid, "editor.encoding", message).hint("save the file as UTF-8")
    })
}

/// Whether another text may be accepted.
fn is_correctable(error: &Error) -> bool {
    matches!(error.kind(), Kind::Invalid | Kind::Usage)
}

/// The command of the editor: `VISUAL`, else `EDITOR`, else `vi`.
fn editor(prompter: &Prompter) -> Result<String> {
    let is_set = |value: &String| !value.trim().is_empty();
    match ["VISUAL", "EDITOR"].into_iter().find_map(|name| env::var(name).ok().filter(is_set)) {
        Some(editor) => Ok(editor),
        None if prompter.is_interactive() => Ok("vi".to_owned()),
        None => Err(Error::new(Kind::ConfirmationNeeded, "editor.needed", "an editor is needed").hint(
            "set EDITOR, and run it on a terminal; without an editor, update and order change take new values as flags",
        )),
    }
}

/// The file that is edited. It stays when the command is interrupted, which then says where it is.
struct Draft<'a> {
    path: PathBuf,
    committing: &'a CommitTracker,
}

impl Draft<'_> {
    fn create<'a>(name: &str, committing: &'a CommitTracker) -> Result<Draft<'a>> {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let prefix: String = format!("shopctl {name} ").chars().map(plain).collect();
        let file = Builder::new().prefix(&prefix).suffix(".toml").tempfile();
        let kept = file.and_then(|file| file.keep().map_err(|failed| failed.error));
        let (_, path) = kept.map_err(|error| unusable(&env::temp_dir(), &error))?;
        let draft = Draft { path, committing };
        committing.leave_behind(Some(draft.hint()));
        Ok(draft)
    }

    /// Has this text edited; returns it without the reason of an earlier refusal.
    async fn edit(&self, editor: &str, text: &[u8]) -> Result<Vec<u8>> {
        std::fs::write(&self.path, text).map_err(|error| unusable(&self.path, &error))?;
        let script = format!("{editor} \"$@\"");
        let status = Command::new("sh").args(["-c", &script, editor]).arg(&self.path).status().await;
        let cannot_run =
            || Error::configuration("editor.failed", format!("cannot run the editor {}", printable(editor)));
        let ended_with = status.map_err(|_| cannot_run())?.code();
        match ended_with {
            Some(0) => {}
            Some(code) if NOT_RUN.contains(&code) => return Err(cannot_run()),
            _ => return Err(declined("the editor failed; nothing was changed")),
        }
        self.read().map_err(|error| unusable(&self.path, &error))
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let text = std::fs::read(&self.path)?;
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        Ok(lines.skip_while(|line| line.starts_with(REFUSAL.as_bytes())).flatten().copied().collect())
    }

    fn remove(self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.path);
        self.committing.leave_behind(None);
    }

    /// Keeps the file, which the error then names, if its text is not the one that was first opened.
    fn keep(self, error: Error, opened: &str) -> Error {
        let is_gone = !self.path.exists();
        if is_gone || self.read().is_ok_and(|text| text == opened.as_bytes()) {
            self.remove();
            return error;
        }
        self.committing.leave_behind(None);
        error.hint(self.hint())
    }

    fn hint(&self) -> Hint {
        format!("the edited text is kept in {}", self.path.display()).into()
    }
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::configuration("editor.file", format!("{}: {}", path.display(), io_reason(error)))
}
