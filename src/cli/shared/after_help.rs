//! The text after the options in a command's help: notes and examples, and that of the exit codes.

use clap::Command;

use crate::error::EXIT_CODES;

/// The end of a line of an example that goes on, as a shell reads it.
const CONTINUES: &str = " \\";

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
            true => match examples.last_mut().filter(|begun: &&mut String| begun.ends_with(CONTINUES)) {
                Some(begun) => *begun = format!("{} {}", begun.trim_end_matches(CONTINUES), line.trim()),
                None => examples.push(line.trim().to_owned()),
            },
            false => notes.push(line),
        }
    }
    (notes.join("\n").trim().to_owned(), examples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    /// The width of a usual terminal: clap breaks longer lines, which are no command then.
    const WIDTH: usize = 80;

    fn long_lines(command: &Command) -> Vec<String> {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = text.lines().filter(|line| line.starts_with("  ") && line.contains("shopctl "));
        let own = examples.filter(|line| line.len() >= WIDTH).map(str::to_owned);
        own.chain(command.get_subcommands().flat_map(long_lines)).collect()
    }

    #[test]
    fn examples_fit_on_the_lines_of_a_terminal() {
        assert_eq!(long_lines(&Cli::whole()), Vec::<String>::new());
    }

    #[test]
    fn an_example_may_have_several_lines() {
        let command = Command::new("x").after_help("Examples:\n  one \\\n      --two\n  three\n\nA note.");
        assert_eq!(parts_of(&command), ("A note.".to_owned(), vec!["one --two".to_owned(), "three".to_owned()]));
    }
}
