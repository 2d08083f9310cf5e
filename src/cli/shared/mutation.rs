//! The output of mutations.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use super::arguments::{ConfirmArguments, WriteArguments};
use super::confirm::Prompter;
use super::effect::Effect;
use crate::context::Context;
use crate::db::Database;
use crate::domain::text::counted;
use crate::domain::{Id, UserStatus};
use crate::entity::field::Editable;
use crate::entity::user;
use crate::error::{Error, Result, printable};
use crate::output::{Change, Mutation, View};
use crate::service::operation::{Changed, Operations};

/// A noun that commands change.
pub trait Noun: View {
    /// The singular, for messages: `product`.
    const NAME: &'static str;
    /// The field of the natural key: `sku`.
    const KEY: &'static str;
}

// Flags of commands that delete one row.
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

/// What a replayed result says of its operation: `, but undone by operation 01a2…`, if it was taken back.
pub fn undone_note(undone_by: Option<Id>) -> String {
    undone_by.map_or_else(String::new, |by| format!(", but undone by operation {by}"))
}

/// What is said of a user who gets orders but cannot place any: `; ann@example.com is disabled and cannot order`.
pub fn disabled_note(user: &user::Model) -> String {
    match user.status == UserStatus::Disabled {
        true => format!("; {} is disabled and cannot order", printable(&user.email)),
        false => String::new(),
    }
}

/// Exit 2 for an update that gives no field of the entity, with the options that do.
pub fn nothing_to_change<A: Args, M: Editable>() -> Error {
    let fields = updated_fields::<A, M>().into_iter();
    let options: Vec<String> = fields.map(|field| format!("--{}", field.replace('_', "-"))).collect();
    Error::usage("nothing to change").hint(format!("give at least one of {}", options.join(", ")))
}

/// The fields of the entity for which an update has options.
pub fn updated_fields<A: Args, M: Editable>() -> Vec<&'static str> {
    let command = A::augment_args(clap::Command::default());
    let has_option = |name: &&str| command.get_arguments().any(|option| option.get_id() == *name);
    M::FIELDS.iter().map(|field| field.name).filter(has_option).collect()
}

/// The natural key of a row.
pub fn key<N: Noun>(row: &N) -> Map<String, Value> {
    let mut fields = row.to_json();
    fields.retain(|name, _| name == N::KEY);
    fields
}

/// The result of an update, which may have changed nothing.
pub fn changed<N: Noun>(operations: &Operations, result: &Changed<N>, line: String) -> Mutation<Change> {
    let Changed { before, after, changed } = result;
    let (changed, dry_run) = (*changed, operations.dry_run);
    let (before, object) = (Some(before.to_json()), key(after));
    let change = Change { object, changed, dry_run, before, after: Some(after.to_json()), ..Change::default() };
    Mutation::new(line, after.id(), change)
}

/// `product MUG-01 updated`, or `unchanged`.
pub fn updated<N: Noun>(operations: &Operations, result: &Changed<N>, verb: &str) -> Mutation<Change> {
    let verb = if result.changed { outcome_verb(operations.dry_run, verb) } else { "unchanged".to_owned() };
    changed(operations, result, format!("{} {verb}", row_name(&result.after)))
}

/// The result of a creation, with all fields of the row.
pub fn created<N: Noun>(operations: &Operations, row: &N) -> Mutation<Change> {
    let line = format!("{} {}", row_name(row), outcome_verb(operations.dry_run, "created"));
    let (object, after, dry_run) = (row.to_json(), Some(row.to_json()), operations.dry_run);
    Mutation::new(line, row.id(), Change { object, changed: true, dry_run, after, ..Change::default() })
}

pub fn deleted<N: Noun>(operations: &Operations, row: &N) -> Mutation<Change> {
    let line = format!("{} {}", row_name(row), outcome_verb(operations.dry_run, "deleted"));
    let (object, before, dry_run) = (key(row), Some(row.to_json()), operations.dry_run);
    Mutation::new(line, row.id(), Change { object, changed: true, dry_run, before, ..Change::default() })
}

/// `product MUG-01`
pub fn row_name<N: Noun>(row: &N) -> String {
    format!("{} {}", N::NAME, printable(row.to_json()[N::KEY].as_str().unwrap_or_default()))
}

/// Runs one operation and prints its result.
pub async fn run<D: Serialize>(
    context: &Context,
    write: &WriteArguments,
    body: impl AsyncFnOnce(&Operations) -> Result<Mutation<Change<D>>>,
) -> Result<Effect> {
    let operations = context.open_operations(write.dry_run).await?;
    Ok(finish(context, &operations.database, body(&operations).await?))
}

/// As [`run`], after confirmation by `name`. A dry run before the prompt reports errors early.
pub async fn destroy<D: Serialize>(
    context: &Context,
    prompter: &Prompter,
    arguments: &DestroyArguments,
    (impact, name): (&str, &str),
    body: impl AsyncFn(&Operations) -> Result<Mutation<Change<D>>>,
) -> Result<Effect> {
    let DestroyArguments { confirm, write } = arguments;
    let database = context.database_for_operation().await?;
    if !write.dry_run {
        if confirm.confirm.is_none() {
            body(&context.operations(&database, true)).await?;
        }
        prompter.confirm_by_name(&confirm.confirm, impact, name).await?;
    }
    Ok(finish(context, &database, body(&context.operations(&database, write.dry_run)).await?))
}

/// The result with the operation that was committed last, if it is of that one.
pub fn with_operation<D>(context: &Context, mut mutation: Mutation<Change<D>>) -> Mutation<Change<D>> {
    if mutation.change.changed || mutation.change.replayed {
        mutation.change.operation_id = context.committing.operation().map(|id| id.to_string());
    }
    mutation
}

/// Prints the result.
pub fn finish(context: &Context, database: &Database, mutation: Mutation<Change<impl Serialize>>) -> Effect {
    let mutation = with_operation(context, mutation);
    context.output.mutation(&mutation);
    Effect::new(mutation.change.changed, mutation.change.dry_run, database.target())
}

/// Prints the results of one operation on any number of objects.
pub fn finish_each<D: Serialize>(
    context: &Context,
    database: &Database,
    mutations: Vec<Mutation<Change<D>>>,
) -> Effect {
    let mutations: Vec<_> = mutations.into_iter().map(|mutation| with_operation(context, mutation)).collect();
    context.output.mutations(&mutations);
    let changed = mutations.iter().any(|mutation| mutation.change.changed);
    let dry_run = mutations.iter().any(|mutation| mutation.change.dry_run);
    Effect::new(changed, dry_run, database.target())
}

/// As [`finish_each`], with the number of the results on stderr, unless a single object was named. `noun` and `verb` are
/// what was done: `price`, `changed`.
pub fn finish_all(
    context: &Context,
    operations: &Operations,
    mutations: Vec<Mutation<Change>>,
    is_single: bool,
    (noun, verb): (&str, &str),
) -> Effect {
    let Operations { database, dry_run, .. } = operations;
    let changed = mutations.iter().filter(|mutation| mutation.change.changed).count();
    let all = mutations.len();
    let effect = finish_each(context, database, mutations);
    if all > 0 && !is_single {
        let (verb, stay) = (outcome_verb(*dry_run, verb), all - changed);
        context.output.note(&format!("{} {verb}, {stay} unchanged", counted(changed, noun)));
    }
    effect
}
