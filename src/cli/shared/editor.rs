//! Edits values as a small file in the user's editor, as `git commit` and `kubectl edit` do.

use std::env;
use std::io;
use std::path::Path;

use tempfile::{Builder, TempPath};
use tokio::process::Command;

use super::arguments::WriteArguments;
use super::confirm::Prompter;
use super::effect::Effect;
use super::mutation::{self, Noun};
use super::prompt::declined;
use super::values::FieldValue;
use crate::context::Context;
use crate::domain::Violations;
use crate::domain::text::position;
use crate::entity::field::Editable;
use crate::error::{Error, Kind, Result, io_reason, printable};
use crate::output::unknown_field;
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
    let changed = edit(prompter, &name, &text, apply).await?.unwrap_or_else(unchanged);
    Ok(mutation::finish(context, &operations.database, &mutation::updated(&operations, &changed, "updated")))
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

/// Opens a text in the editor until `apply` accepts it; `None` if it was left as it is. On a terminal an invalid text is
/// opened again, with the reason. A text that is not accepted is kept in a file, which the error names.
///
/// Errors: exit 10 if the editor fails, exit 4 if it cannot be run, exit 11 if none is known; those of `apply`.
pub async fn edit<T>(
    prompter: &Prompter,
    name: &str,
    text: &str,
    apply: impl AsyncFn(&str) -> Result<T>,
) -> Result<Option<T>> {
    let editor = editor(prompter)?;
    let draft = Draft::create(name)?;
    let (mut last, mut refusal) = (text.to_owned(), String::new());
    loop {
        let edited = draft.edit(&editor, &format!("{refusal}{last}")).await?;
        if edited == text {
            return Ok(None);
        }
        match apply(&edited).await {
            Ok(value) => return Ok(Some(value)),
            Err(error) if is_correctable(&error) && edited != last && prompter.is_interactive() => {
                let lines = error.message().lines().map(|line| format!("{REFUSAL} {}\n", printable(line)));
                (last, refusal) = (edited, lines.collect());
            }
            Err(error) => return Err(draft.keep(error)),
        }
    }
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

/// The file that is edited; removed when dropped.
struct Draft {
    path: TempPath,
}

impl Draft {
    fn create(name: &str) -> Result<Draft> {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let prefix: String = format!("shopctl {name} ").chars().map(plain).collect();
        let file = Builder::new().prefix(&prefix).suffix(".toml").tempfile();
        let file = file.map_err(|error| unusable(&env::temp_dir(), &error))?;
        Ok(Draft { path: file.into_temp_path() })
    }

    /// Has this text edited; returns it without the reason of an earlier refusal.
    async fn edit(&self, editor: &str, text: &str) -> Result<String> {
        let failed = |error: io::Error| unusable(&self.path, &error);
        std::fs::write(&self.path, text).map_err(failed)?;
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
        let edited = std::fs::read_to_string(&self.path).map_err(failed)?;
        Ok(edited.split_inclusive('\n').skip_while(|line| line.starts_with(REFUSAL)).collect())
    }

    /// Keeps the file, which the error then names.
    fn keep(self, error: Error) -> Error {
        match self.path.keep() {
            Ok(path) => error.hint(format!("the edited text is kept in {}", path.display())),
            Err(_) => error,
        }
    }
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::configuration("editor.file", format!("{}: {}", path.display(), io_reason(error)))
}
