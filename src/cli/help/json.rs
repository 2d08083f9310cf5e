//! `shopctl help --json`: the commands with their arguments, for programs.

use std::any::TypeId;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Arg, ArgAction, Command};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::shared::after_help::parts_of;
use crate::domain::{Money, Quantity, TypedTime, Zone};
use crate::error::EXIT_CODES;

/// The whole program.
pub fn program(command: &Command, topics: &[&str]) -> Value {
    let mut value = describe(command, &[]);
    value["version"] = command.get_version().into();
    value["topics"] = json!(topics);
    value["exit_codes"] = json!(EXIT_CODES.map(|(code, meaning)| json!({ "code": code, "meaning": meaning })));
    value
}

/// A command with all below it; `above` are the names of those that it belongs to.
pub fn describe(command: &Command, above: &[&str]) -> Value {
    let path = [above, &[command.get_name()]].concat();
    let (notes, examples) = parts_of(command);
    let is_inherited = |argument: &Arg| {
        matches!(
            argument.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        ) || argument.is_global_set() && !above.is_empty()
    };
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set() && !is_inherited(argument));
    let deeper = command.get_subcommands().filter(|deeper| !deeper.is_hide_set());
    json!({
        "command": path.join(" "),
        "about": command.get_long_about().or(command.get_about()).map(ToString::to_string),
        "notes": Some(notes).filter(|notes| !notes.is_empty()),
        "examples": examples,
        "arguments": arguments.map(argument).collect::<Vec<_>>(),
        "commands": deeper.map(|deeper| describe(deeper, &path)).collect::<Vec<_>>(),
    })
}

fn argument(argument: &Arg) -> Value {
    // For clap a flag takes `true` or `false`.
    let takes_value = argument.get_action().takes_values();
    let values = argument.get_possible_values();
    let values = values.iter().map(clap::builder::PossibleValue::get_name).filter(|_| takes_value);
    let values: Vec<&str> = values.collect();
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy()).filter(|_| takes_value);
    let most = argument.get_num_args().map_or(1, |count| count.max_values());
    json!({
        "name": argument.get_id().as_str(),
        "long": argument.get_long().map(|long| format!("--{long}")),
        "short": argument.get_short().map(|short| format!("-{short}")),
        "value": argument.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str),
        "type": type_name(argument),
        "values": Some(values).filter(|values| !values.is_empty()),
        "default": Some(defaults.collect::<Vec<_>>().join(",")).filter(|default| !default.is_empty()),
        "required": argument.is_required_set(),
        "repeatable": most > 1 || matches!(argument.get_action(), ArgAction::Append | ArgAction::Count),
        "help": argument.get_help().map(ToString::to_string),
    })
}

/// `flag` takes no value, `count` counts how often it is given.
fn type_name(argument: &Arg) -> &'static str {
    if !argument.get_action().takes_values() {
        return if matches!(argument.get_action(), ArgAction::Count) { "count" } else { "flag" };
    }
    if !argument.get_possible_values().is_empty() {
        return "word";
    }
    let types = [
        (TypeId::of::<Money>(), "amount"),
        (TypeId::of::<DateTime<Utc>>(), "time"),
        (TypeId::of::<TypedTime>(), "time"),
        (TypeId::of::<Zone>(), "time zone"),
        (TypeId::of::<Uuid>(), "id"),
        (TypeId::of::<PathBuf>(), "path"),
        (TypeId::of::<Quantity>(), "number"),
        (TypeId::of::<u64>(), "number"),
        (TypeId::of::<u32>(), "number"),
        (TypeId::of::<usize>(), "number"),
        (TypeId::of::<i32>(), "number"),
    ];
    let parsed = argument.get_value_parser().type_id();
    types.iter().find(|(known, _)| parsed == *known).map_or("text", |(_, name)| name)
}
