//! Errors for arguments that clap rejected.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;
use std::{io, iter};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};

use crate::cli::Cli;
use crate::cli::shared::command_line::aim;
use crate::domain::similar::closest;
use crate::domain::text::{shell_word, without_password};
use crate::error::{CommandLine, Error, Hint, Invocation, Kind, printable};
use crate::file::ending_of;
use crate::output::{Format, Output, OutputSettings, unwritten};

/// Reports arguments that clap rejected and returns the exit code.
///
/// Help and version go to stdout with exit 0. Invalid values are an error with exit 7, everything else is a usage error
/// with exit 2; both are printed as JSON if JSON is requested.
pub fn report_invalid_arguments(refused: Result<Error, clap::Error>, line: &[OsString]) -> u8 {
    let format = wants_json().then_some(Format::Json);
    let output = |format, aim| Output::standard(OutputSettings { format, aim, ..OutputSettings::default() });
    let error = match refused {
        Ok(error) => {
            output(format, Invocation::default()).error(&error);
            return error.kind().exit_code();
        }
        Err(error) => error,
    };
    let error = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error,
        _ => requested_help(line).unwrap_or(error),
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Err(failure) if failure.kind() != io::ErrorKind::BrokenPipe => {
                let error = unwritten(&failure);
                output(format, Invocation::default()).error(&error);
                error.kind().exit_code()
            }
            _ => 0,
        };
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
    } else {
        let (error, aim) = usage_error(&error, line);
        output(format, aim).error(&error);
    }
    Kind::Usage.exit_code()
}

/// The help of the command on a line that asks for it, whatever else is wrong there.
fn requested_help(line: &[OsString]) -> Option<clap::Error> {
    let help = OsString::from("--help");
    let typed: Vec<&OsString> = line.iter().take_while(|word| *word != "--").collect();
    typed.iter().find(|word| **word == "-h" || **word == &help)?;
    let words: Vec<_> = typed.into_iter().filter(|word| !word.to_string_lossy().starts_with('-')).collect();
    let (program, words) = words.split_first()?;
    // The words before and after the command may be values of flags.
    let parts = (0..words.len()).flat_map(|first| (first + 1..=words.len()).rev().map(move |end| first..end));
    parts.chain(iter::once(0..0)).find_map(|part| {
        let line = [program].into_iter().chain(&words[part]).copied().chain([&help]);
        let refused = Cli::command().try_get_matches_from(line).err()?;
        (refused.kind() == ErrorKind::DisplayHelp).then_some(refused)
    })
}

/// Converts clap's message: its paragraphs contain the problem, the tips and the usage. Tips that mislead are replaced.
/// The invocation completes the commands of the hints.
fn usage_error(refused: &clap::Error, line: &[OsString]) -> (Error, Invocation) {
    let said = without_passwords(&refused.render().to_string(), line);
    let mut paragraphs = said.split("\n\n");
    let message = one_line(paragraphs.next().unwrap_or_default());
    let message = message.trim_start_matches("error: ");
    let unknown = match (refused.kind(), refused.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(argument))) => {
            Some(UnknownArgument { name: argument, typed: typed(argument, line) })
        }
        _ => None,
    };
    let program = Cli::whole();
    let (command, names) = typed_command(&program, line);
    let takes_password = command.get_arguments().any(|argument| argument.get_long() == Some(PASSWORD_STDIN));
    if let (ErrorKind::TooManyValues, Some(ContextValue::String(flag)), Some(ContextValue::String(value))) =
        (refused.kind(), refused.get(ContextKind::InvalidArg), refused.get(ContextKind::InvalidValue))
    {
        let value = if takes_password { "one".to_owned() } else { format!("'{}'", without_password(value)) };
        let error = Error::usage(format!("{flag} takes no value, but {value} is given"));
        return (error.hint(format!("leave the value out: {flag}")), Invocation::default());
    }
    if let (true, Some(unknown)) = (takes_password, unknown.as_ref().filter(|unknown| unknown.may_be_password())) {
        let message = match unknown.is_option() {
            true => format!("there is no option {}", printable(unknown.name)),
            false => "unexpected argument: it may be a password, and is not repeated".to_owned(),
        };
        return (Error::usage(message).hint(GIVE_PASSWORD).hint(help_hint(&names)), Invocation::default());
    }
    if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(wrong))) =
        (refused.kind(), refused.get(ContextKind::InvalidSubcommand))
    {
        return (unknown_command(&program, wrong, line), Invocation::default());
    }
    let option = unknown.as_ref().filter(|unknown| unknown.is_option());
    let message = match (option, &unknown) {
        (Some(option), _) => format!("there is no option {}", printable(option.name)),
        (None, Some(unknown)) => unknown.message(message),
        (None, None) => message.to_owned(),
    };
    let (instead, invocation) = unknown.as_ref().and_then(|unknown| unknown.instead(line)).unzip();
    let mut hints = Vec::from_iter(instead);
    if let (Some(option), true) = (option, hints.is_empty()) {
        let similar = option.similar(&program, command);
        hints.extend(similar.map(|similar| format!("did you mean {similar}?").into()));
        hints.push(help_hint(&names));
        return (Error::usage(message).hints_of(hints), Invocation::default());
    }
    for text in paragraphs.flat_map(str::lines).map(str::trim) {
        match (text.strip_prefix("tip: "), text.strip_prefix("Usage: ").unwrap_or(text)) {
            (Some(tip), _) => {
                let told = unknown.as_ref().map_or_else(|| Some(tip.to_owned()), |unknown| unknown.tip(tip));
                hints.extend(told.map(Hint::from));
            }
            // Some commands have two.
            (None, usage) if usage.starts_with("shopctl") => hints.push(format!("usage: {usage}").into()),
            _ => {}
        }
    }
    if hints.is_empty() {
        hints.push(help_hint(&names));
    }
    (Error::usage(message).hints_of(hints), invocation.unwrap_or_default())
}

/// Exit 2 for a word that is no command.
fn unknown_command(program: &Command, wrong: &str, line: &[OsString]) -> Error {
    let before = line.iter().position(|word| word.to_str() == Some(wrong)).unwrap_or(line.len());
    let (command, names) = typed_command(program, &line[..before]);
    let known = command.get_subcommands().filter(|known| !known.is_hide_set()).map(Command::get_name);
    let wrong = &*without_password(wrong);
    let typed = [names.join(" ").as_str(), wrong].join(" ");
    Error::usage(format!("there is no command {}", printable(typed.trim())))
        .hints_of(closest(wrong, known).map(|known| format!("did you mean {known}?")))
        .hint(help_hint(&names))
}

/// The text without the passwords of URLs on the line: one may stand where no URL belongs.
fn without_passwords(text: &str, line: &[OsString]) -> String {
    line.iter().filter_map(|word| word.to_str()).fold(text.to_owned(), |text, word| match without_password(word) {
        Cow::Owned(shown) => text.replace(word, &shown),
        Cow::Borrowed(_) => text,
    })
}

/// The hint to read the help of a command.
fn help_hint(names: &[String]) -> Hint {
    let help = format!("{} --help", names.join(" "));
    Hint::from("for commands and options: ").and(CommandLine::anywhere(help.trim()))
}

/// The command on a line, as far as there is one, and its names.
fn typed_command<'a>(program: &'a Command, line: &[OsString]) -> (&'a Command, Vec<String>) {
    let (mut command, mut names) = (program, Vec::new());
    for word in line.iter().skip(1) {
        if let Some(deeper) = command.find_subcommand(word) {
            names.push(deeper.get_name().to_owned());
            command = deeper;
        }
    }
    (command, names)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An argument that the command does not have.
struct UnknownArgument<'a> {
    /// As clap names it: `--reason`, `-l`.
    name: &'a str,
    /// The word in which it was typed: `-lead.csv`.
    typed: String,
}

/// The word of the line that has an argument: clap names the first unknown letter of a word such as `-lead.csv`.
fn typed(argument: &str, line: &[OsString]) -> String {
    let is_short = |word: &&str| word.starts_with('-') && !word.starts_with("--");
    let letter = argument.strip_prefix('-').filter(|letter| letter.chars().count() == 1);
    let words = || line.iter().filter_map(|word| word.to_str());
    let word = letter.and_then(|letter| {
        let starting = words().find(|word| word.starts_with(argument));
        starting.or_else(|| words().filter(is_short).find(|word| word.contains(letter)))
    });
    word.unwrap_or(argument).to_owned()
}

impl UnknownArgument<'_> {
    fn message(&self, said: &str) -> String {
        match self.typed.starts_with(self.name) {
            true => said.replacen(&format!("'{}'", self.name), &format!("'{}'", self.typed), 1),
            false => said.to_owned(),
        }
    }

    fn is_option(&self) -> bool {
        self.name.starts_with("--")
    }

    /// Whether it may hold a password or stand before one: a word, letters such as `-pSECRET`, `--password`.
    fn may_be_password(&self) -> bool {
        !self.is_option() || self.name.starts_with("--pass")
    }

    /// The option of the command that is written almost like this one.
    fn similar(&self, program: &Command, command: &Command) -> Option<String> {
        if self.name == OUT {
            return None;
        }
        let own = command.get_arguments().filter(|option| !option.is_hide_set());
        let all = own.chain(program.get_arguments().filter(|option| option.is_global_set()));
        let long = closest(self.name.trim_start_matches('-'), all.filter_map(Arg::get_long))?;
        Some(format!("--{long}"))
    }

    /// The tip of clap, unless it misleads.
    fn tip(&self, said: &str) -> Option<String> {
        if said.starts_with("to pass ") {
            let typed = &self.typed;
            let is_flag = find(&Cli::whole(), self.name).is_some() && typed.len() == self.name.len();
            return (!is_flag).then(|| format!("to pass '{typed}' as a value, use '-- {typed}'"));
        }
        Some(said.to_owned())
    }

    /// The command that does what was meant, with the invocation that completes it.
    fn instead(&self, line: &[OsString]) -> Option<(Hint, Invocation)> {
        let at =
            line.iter().position(|word| word.to_str().is_some_and(|word| word.split('=').next() == Some(self.name)))?;
        let mut rest = line.to_vec();
        let word = rest.remove(at).into_string().ok()?;
        let is_out = self.name == OUT;
        let file = match word.split_once('=') {
            Some((_, file)) => Some(file.to_owned()),
            None if is_out && at < rest.len() => rest.remove(at).into_string().ok(),
            None => None,
        };
        let mut program = Cli::command();
        let matches = program.try_get_matches_from_mut(&rest).ok()?;
        let invocation = aim(&program, &matches);
        let confirms = (invocation.has_flag)(&invocation.command, "--confirm");
        let hint = match self.name {
            "-y" | "--yes" if confirms => {
                Hint::from("this asks for a name: ").and(CommandLine::again().option("--confirm", "NAME"))
            }
            OUT => {
                let file = file.filter(|file| !file.is_empty())?;
                let format = ending_of(Path::new(&file)).and_then(|ending| Format::from_extension(&ending));
                let command = CommandLine::again().options("--output", format.map(Format::as_str));
                Hint::from("write standard output to it: ").and(command).and(format!(" > {}", shell_word(&file)))
            }
            _ => return None,
        };
        Some((hint, invocation))
    }
}

/// The hint for a password on the command line.
const GIVE_PASSWORD: &str =
    "a password is typed when asked for it, or given by --password-stdin or --password-file FILE";

/// The flag of commands that take a password.
const PASSWORD_STDIN: &str = "password-stdin";

/// The flag of commands that write a file.
const OUT: &str = "--out";

/// The argument of this flag, of whatever command.
fn find(command: &Command, flag: &str) -> Option<Arg> {
    let is_it = |argument: &&Arg| match flag.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_short().is_some_and(|short| flag == format!("-{short}")),
    };
    let own = command.get_arguments().find(is_it).cloned();
    own.or_else(|| command.get_subcommands().find_map(|deeper| find(deeper, flag)))
}

/// Whether the arguments request JSON; they are scanned as text, because clap could not parse them.
fn wants_json() -> bool {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let is_json = |format: &str| matches!(format, "json" | "jsonl" | "mongo-json");
    let alone = |argument: &String| {
        let format = argument.strip_prefix("--output=").or_else(|| argument.strip_prefix("-o"));
        argument == "--json" || format.is_some_and(|format| is_json(format.trim_start_matches('=')))
    };
    let in_two = |pair: &[String]| matches!(pair[0].as_str(), "-o" | "--output") && is_json(&pair[1]);
    arguments.iter().any(alone) || arguments.windows(2).any(in_two)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message and the hints for a line that clap rejects.
    fn said(line: &str) -> (String, Vec<String>) {
        let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = Cli::command().try_get_matches_from(&line).expect_err("wrong");
        let (error, aim) = usage_error(&error, &line);
        assert!(!error.message().contains("Usage") && !error.message().contains("tip"), "{error}");
        (error.message().to_owned(), error.hint_lines(&aim))
    }

    #[test]
    fn usage_errors_have_one_message_and_hints() {
        for (line, message, hints) in [
            (
                "shopctl order list --staus x",
                "there is no option --staus",
                &["did you mean --status?", "for commands and options: shopctl order list --help"][..],
            ),
            (
                "shopctl product list --low-stock",
                "there is no option --low-stock",
                &["did you mean --low?", "for commands and options: shopctl product list --help"],
            ),
            (
                "shopctl user show",
                "the following required arguments were not provided: <WHO>",
                &["usage: shopctl user show <WHO>"],
            ),
            ("shopctl stock list --low=20", "--low takes no value, but '20' is given", &["leave the value out: --low"]),
            ("shopctl --timeout soon user list", "", &["for commands and options: shopctl user list --help"]),
            (
                "shopctl backup list",
                "there is no command backup list",
                &["for commands and options: shopctl backup --help"],
            ),
            ("shopctl lgoin", "there is no command lgoin", &["for commands and options: shopctl --help"]),
            (
                "shopctl postgres://u:S3cret@h/d order list",
                "there is no command postgres://u@h/d",
                &["for commands and options: shopctl --help"],
            ),
            (
                "shopctl order list postgres://u:S3cret@h/d",
                "unexpected argument 'postgres://u@h/d' found",
                &["usage: shopctl order list [OPTIONS]"],
            ),
            (
                "shopctl order list mongodb://u:S3cret@h/d",
                "unexpected argument 'mongodb://u@h/d' found",
                &["usage: shopctl order list [OPTIONS]"],
            ),
            (
                "shopctl user set-password ann@example.com S3cret",
                "unexpected argument: it may be a password, and is not repeated",
                &[GIVE_PASSWORD, "for commands and options: shopctl user set-password --help"],
            ),
            (
                "shopctl user create -pS3cret",
                "unexpected argument: it may be a password, and is not repeated",
                &[GIVE_PASSWORD, "for commands and options: shopctl user create --help"],
            ),
            (
                "shopctl user verify-password ann@example.com --password=S3cret",
                "there is no option --password",
                &[GIVE_PASSWORD, "for commands and options: shopctl user verify-password --help"],
            ),
            (
                "shopctl user set-password ann@example.com --password-stdin=S3cret",
                "--password-stdin takes no value, but one is given",
                &["leave the value out: --password-stdin"],
            ),
            (
                "shopctl doktor",
                "there is no command doktor",
                &["did you mean doctor?", "for commands and options: shopctl --help"],
            ),
            (
                "shopctl backup --out",
                "a value is required for '--out <FILE>' but none was supplied",
                &["for commands and options: shopctl backup --help"],
            ),
        ] {
            let (told, hinted) = said(line);
            assert!(message.is_empty() || told == message, "{told}");
            assert_eq!(hinted, hints, "{line}");
        }
    }

    #[test]
    fn no_tip_misleads() {
        for (line, first) in [
            ("shopctl product delete T-100 --yes", "this asks for a name: shopctl product delete T-100 --confirm NAME"),
            (
                "shopctl -c live user anonymize zoe@example.com -y",
                "this asks for a name: shopctl --context live user anonymize zoe@example.com --confirm NAME",
            ),
            ("shopctl user show zoe@example.com --yes", "for commands and options: shopctl user show --help"),
            ("shopctl product retire T-104 --reason broken", "for commands and options: shopctl product retire --help"),
            ("shopctl product import -lead.csv", "to pass '-lead.csv' as a value, use '-- -lead.csv'"),
            (
                "shopctl order list --out x.csv --status paid",
                "write standard output to it: shopctl order list --status paid --output csv > x.csv",
            ),
        ] {
            let (message, hints) = said(line);
            assert_eq!(hints.first().map(String::as_str), Some(first), "{line}: {message}");
            assert!(hints.iter().all(|hint| !hint.contains("-- -y") && !hint.contains("-- --")), "{hints:?}");
        }
        assert_eq!(said("shopctl product import -lead.csv").0, "unexpected argument '-lead.csv' found");
    }
}
