//! The text after the options in a command's help: notes and examples, and that of the exit codes.

use clap::Command;

use crate::error::EXIT_CODES;

/// The exit codes with their meanings, one on a line.
pub fn exit_code_lines() -> String {
    EXIT_CODES.map(|(code, meaning)| format!("{code:>3}  {meaning}\n")).concat()
}

/// The notes in the help of a command, and its examples: the indented lines after their heading.
pub fn parts_of(command: &Command) -> (String, Vec<String>) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (mut notes, mut examples, mut is_example) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        let is_heading = matches!(line, "Example:" | "Examples:");
        is_example = is_heading || is_example && line.starts_with("  ");
        match is_example {
            true if is_heading => {}
            true => examples.push(line.trim().to_owned()),
            false => notes.push(line),
        }
    }
    (notes.join("\n").trim().to_owned(), examples)
}
