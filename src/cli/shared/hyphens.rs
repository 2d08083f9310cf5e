//! Values that begin with a hyphen: `--description "-20 % on Mondays"`.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// Joins each value that cannot be a flag to the option before it (`--description=-20 % on Mondays`).
///
/// Anything that resembles a flag is unchanged: `--note --dry-rnu` is a typing error, not a note. The whole tree of
/// commands is only built for a line that has such a value.
pub fn join_values(program: fn() -> Command, arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.iter().all(|argument| Spelling::of(argument) == Spelling::Flag) {
        return arguments;
    }
    let program = program();
    let mut path = vec![&program];
    let mut joined: Vec<OsString> = Vec::new();
    let mut arguments = arguments.into_iter().peekable();
    joined.extend(arguments.next());
    while let Some(argument) = arguments.next() {
        let word = argument.to_str().unwrap_or_default();
        if word == "--" {
            joined.push(argument);
            joined.extend(arguments);
            break;
        }
        if let Some(option) = find_option(&path, word) {
            if arguments.peek().is_some_and(|value| cannot_be_a_flag(&path, value)) {
                let long = option.get_long().map(|long| format!("--{long}="));
                let mut both = OsString::from(long.unwrap_or_else(|| format!("{word}=")));
                both.extend(arguments.next());
                joined.push(both);
                continue;
            }
            joined.push(argument);
            joined.extend(arguments.next_if(|value| !value.to_string_lossy().starts_with('-')));
            continue;
        }
        if let Some(deeper) = path.last().and_then(|command| command.find_subcommand(word)) {
            path.push(deeper);
        }
        joined.push(argument);
    }
    joined
}

/// The option of a word, if the next argument is its value.
fn find_option<'a>(path: &[&'a Command], word: &str) -> Option<&'a Arg> {
    let is_it = |argument: &&Arg| match word.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_short().is_some_and(|short| word == format!("-{short}")),
    };
    options(path).find(is_it).filter(|argument| argument.get_action().takes_values())
}

fn options<'a>(path: &[&'a Command]) -> impl Iterator<Item = &'a Arg> {
    path.iter().rev().flat_map(|command| command.get_arguments())
}

/// What an argument can be by its spelling: flags begin with a letter and contain no blank before `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Also everything that does not begin with a hyphen.
    Flag,
    Value,
    /// `-fmy file` is a short option with its value, if there is an option `-f`.
    ShortOption(char),
}

impl Spelling {
    fn of(argument: &OsStr) -> Spelling {
        let Some(text) = argument.to_str().and_then(|text| text.strip_prefix('-')) else { return Spelling::Flag };
        let (is_long, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let has_blank = || text.split('=').next().is_some_and(|name| name.contains(char::is_whitespace));
        match text.chars().next() {
            None => Spelling::Flag,
            Some(first) if !first.is_ascii_alphabetic() => Spelling::Value,
            Some(_) if !has_blank() => Spelling::Flag,
            Some(_) if is_long => Spelling::Value,
            Some(first) => Spelling::ShortOption(first),
        }
    }
}

fn cannot_be_a_flag(path: &[&Command], value: &OsStr) -> bool {
    let is_short = |letter: char| options(path).any(|argument| argument.get_short() == Some(letter));
    match Spelling::of(value) {
        Spelling::Flag => false,
        Spelling::Value => true,
        Spelling::ShortOption(letter) => !is_short(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    fn shown(line: &[&str]) -> Vec<String> {
        let line = ["shopctl"].iter().chain(line).map(OsString::from).collect();
        join_values(Cli::whole, line).iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn values_that_cannot_be_flags_are_joined_to_their_option() {
        for value in ["-5", "-20 % on Mondays", "- blue", "--- cut here ---", "-½", "--sale now", "-blue mug", "-5%"] {
            let line = ["product", "create", "--description", value, "--price", "1"];
            let joint = format!("--description={value}");
            assert_eq!(shown(&line), ["product", "create", &joint, "--price", "1"]);
        }
        // A global option, before and behind the command.
        assert_eq!(shown(&["--actor", "-7", "user", "list"]), ["--actor=-7", "user", "list"]);
        assert_eq!(shown(&["order", "show", "X", "-f", "-1"]), ["order", "show", "X", "-f", "-1"]);
        assert_eq!(shown(&["order", "pay", "-f", "-1 x"]), ["order", "pay", "--file=-1 x"]);
    }

    #[test]
    fn possible_flags_are_unchanged() {
        for line in [
            &["product", "create", "--description", "--pirce", "5"][..],
            &["product", "create", "--description", "-n"],
            &["product", "create", "--description", "--name=a b"],
            &["product", "create", "--description", "-ctest shop"],
            &["product", "create", "--description", "--", "-5"],
            &["product", "create", "--description", "-"],
            &["product", "create", "--description=-5", "-5"],
            &["product", "create", "--dry-run", "-5"],
            &["stock", "adjust", "MUG", "-5"],
            &["user", "list", "--", "--search", "-5"],
            &["--search", "order", "order", "list"],
        ] {
            assert_eq!(shown(line), line);
        }
    }
}
