//! What every mutation says when it is done.

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::db::Database;
use crate::error::{CommandLine, Hint};
use crate::output::Mutation;

/// `created`, or under dry run `would be created`.
pub fn done(dry_run: bool, verb: &str) -> String {
    match (dry_run, verb.split_once(' ')) {
        (false, _) => verb.to_owned(),
        (true, Some(("has", rest))) => format!("would have {rest}"),
        (true, _) => format!("would be {verb}"),
    }
}

/// The members that every mutation's JSON has.
pub fn outcome(changed: bool, replayed: bool, dry_run: bool, before: Value, after: Value) -> Map<String, Value> {
    let Value::Object(members) =
        json!({ "changed": changed, "replayed": replayed, "dry_run": dry_run, "before": before, "after": after })
    else {
        return Map::new();
    };
    members
}

/// Prints the mutation, and on stderr which database it changed, unless nothing was written.
pub fn finish(context: &Context, database: &Database, nothing_written: bool, mutation: &Mutation) {
    note_dry_run(context, mutation);
    context.output.mutation(mutation);
    if !nothing_written {
        context.output.note(&format!("changed {}", database.target()));
    }
}

/// Remembers for `--exit-code` what a dry run would change.
pub fn note_dry_run(context: &Context, mutation: &Mutation) {
    if mutation.is("dry_run") && mutation.is("changed") {
        context.note_would_change();
    }
}

/// What a wizard leaves behind: the command that does the same without questions.
pub fn note_command(context: &Context, command: Option<&CommandLine>) {
    if let Some(command) = command {
        context.output.suggest(Hint::from("the same without questions:\n  ").and(command.clone()));
    }
}
