//! The output of mutations.

use clap::Args;
use serde_json::{Map, Value};

use super::arguments::{ConfirmArguments, WriteArguments};
use super::confirm::Prompter;
use super::effect::Effect;
use crate::context::Context;
use crate::db::Database;
use crate::error::{CommandLine, Hint, Result, printable};
use crate::output::{Mutation, View};
use crate::service::operation::{Changed, Operations};

/// A noun that commands change.
pub trait Noun: View {
    /// The singular, for messages: `product`.
    const NAME: &'static str;
    /// The field of the natural key: `sku`.
    const KEY: &'static str;
}

/// Flags of commands that delete one row.
#[derive(Debug, Args)]
pub struct DestroyArguments {
    #[command(flatten)]
    confirm: ConfirmArguments,
    #[command(flatten)]
    pub write: WriteArguments,
}

/// The verb of a result: `created`, or `would be created` in a dry run.
pub fn outcome_verb(dry_run: bool, verb: &str) -> String {
    match (dry_run, verb.split_once(' ')) {
        (false, _) => verb.to_owned(),
        (true, Some(("has", rest))) => format!("would have {rest}"),
        (true, _) => format!("would be {verb}"),
    }
}

/// The JSON members of every mutation.
pub fn outcome(changed: bool, replayed: bool, dry_run: bool, before: Value, after: Value) -> Map<String, Value> {
    let members = ["changed", "replayed", "dry_run", "before", "after"].map(str::to_owned);
    members.into_iter().zip([changed.into(), replayed.into(), dry_run.into(), before, after]).collect()
}

/// The result for a row: its key, then `outcome`.
pub fn row_mutation<N: Noun>(row: &N, line: String, outcome: Map<String, Value>) -> Mutation {
    let mut json = row.to_json();
    json.retain(|name, _| name == N::KEY);
    json.extend(outcome);
    Mutation { line, id: row.id(), json }
}

/// A row as JSON, for `before` and `after`.
pub fn view_json(row: &impl View) -> Value {
    row.to_json().into()
}

/// The result of an update, which may have changed nothing.
pub fn changed<N: Noun>(operations: &Operations, result: &Changed<N>, line: String) -> Mutation {
    let Changed { before, after, changed } = result;
    row_mutation(after, line, outcome(*changed, false, operations.dry_run, view_json(before), view_json(after)))
}

/// `product MUG-01 updated`, or `unchanged`.
pub fn updated<N: Noun>(operations: &Operations, result: &Changed<N>, verb: &str) -> Mutation {
    let verb = if result.changed { outcome_verb(operations.dry_run, verb) } else { "unchanged".to_owned() };
    changed(operations, result, format!("{} {verb}", row_name(&result.after)))
}

/// The result of a creation: all fields of the row, then the common members.
pub fn created<N: Noun>(operations: &Operations, row: &N) -> Mutation {
    let line = format!("{} {}", row_name(row), outcome_verb(operations.dry_run, "created"));
    let mut json = row.to_json();
    json.extend(outcome(true, false, operations.dry_run, Value::Null, view_json(row)));
    Mutation { line, id: row.id(), json }
}

pub fn deleted<N: Noun>(operations: &Operations, row: &N) -> Mutation {
    let line = format!("{} {}", row_name(row), outcome_verb(operations.dry_run, "deleted"));
    row_mutation(row, line, outcome(true, false, operations.dry_run, view_json(row), Value::Null))
}

/// `product MUG-01`
fn row_name<N: Noun>(row: &N) -> String {
    format!("{} {}", N::NAME, printable(row.to_json()[N::KEY].as_str().unwrap_or_default()))
}

/// Runs one operation and prints its result.
pub async fn run(
    context: &Context,
    write: &WriteArguments,
    body: impl AsyncFnOnce(&Operations) -> Result<Mutation>,
) -> Result<Effect> {
    let database = context.database_for_operation().await?;
    let mutation = body(&context.operations(&database, write.dry_run)).await?;
    Ok(finish(context, &database, &mutation))
}

/// As [`run`], after confirmation by `name`. A dry run before the prompt reports errors early.
pub async fn destroy(
    context: &Context,
    prompter: &Prompter,
    arguments: &DestroyArguments,
    (impact, name): (&str, &str),
    body: impl AsyncFn(&Operations) -> Result<Mutation>,
) -> Result<Effect> {
    let DestroyArguments { confirm, write } = arguments;
    let database = context.database_for_operation().await?;
    if !write.dry_run {
        if confirm.confirm.is_none() {
            body(&context.operations(&database, true)).await?;
        }
        prompter.confirm_by_name(&context.output, &confirm.confirm, impact, name)?;
    }
    Ok(finish(context, &database, &body(&context.operations(&database, write.dry_run)).await?))
}

/// Prints the result.
pub fn finish(context: &Context, database: &Database, mutation: &Mutation) -> Effect {
    context.output.mutation(mutation);
    Effect::new(mutation.has_flag("changed"), mutation.has_flag("dry_run"), database.target())
}

/// Prints the command that does the same as a wizard without questions.
pub fn note_command(context: &Context, command: Option<&CommandLine>) {
    if let Some(command) = command {
        context.output.suggest(Hint::from("the same without questions:\n  ").and(command.clone()));
    }
}
