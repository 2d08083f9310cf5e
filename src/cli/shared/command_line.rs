//! The command line of this run, without passwords, for suggested commands.

use std::borrow::Cow;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::Cli;
use crate::db::target::{Engine, ServerEngine};
use crate::domain::text;
use crate::error::{Argument, GivenArgument, Invocation};

/// The command line as parsed by clap.
pub fn aim(program: &Command, matches: &ArgMatches) -> Invocation {
    let (mut command, mut leaf, mut words) = (program, matches, Vec::new());
    while let Some((name, deeper)) = leaf.subcommand() {
        let Some(found) = command.find_subcommand(name) else { break };
        (command, leaf) = (found, deeper);
        words.push(name);
    }
    let is_global = |argument: &&Arg| argument.is_global_set();
    let mut own: Vec<&Arg> = command.get_arguments().filter(|argument| !is_global(argument)).collect();
    own.sort_by_key(|argument| position(leaf, argument));
    let all = own.into_iter().chain(program.get_arguments().filter(is_global));
    Invocation { command: words.join(" "), given: all.flat_map(|argument| given(leaf, argument)).collect(), has_flag }
}

fn position(matches: &ArgMatches, argument: &Arg) -> Option<usize> {
    let name = argument.get_id().as_str();
    is_given(matches, argument).then(|| matches.indices_of(name)?.next()).flatten()
}

fn is_given(matches: &ArgMatches, argument: &Arg) -> bool {
    let name = argument.get_id().as_str();
    matches!(matches.try_contains_id(name), Ok(true)) && matches.value_source(name) == Some(ValueSource::CommandLine)
}

/// All occurrences of an argument.
fn given(matches: &ArgMatches, argument: &Arg) -> Vec<GivenArgument> {
    let name = argument.get_id().as_str();
    if !is_given(matches, argument) {
        return Vec::new();
    }
    let flag = argument.get_long().map(|long| format!("--{long}"));
    if let (false, Some(flag)) = (argument.get_action().takes_values(), &flag) {
        let times = if matches!(argument.get_action(), ArgAction::Count) { matches.get_count(name).into() } else { 1 };
        let once = GivenArgument { argument: Argument::Flag { name: flag.clone(), value: None }, password: None };
        return vec![once; times];
    }
    let occurrences = matches.get_raw_occurrences(name).into_iter().flatten();
    let values = occurrences.flat_map(|occurrence| {
        let values: Vec<_> = occurrence.map(|value| value.to_string_lossy().into_owned()).collect();
        argument.get_value_delimiter().map(|between| vec![values.join(&between.to_string())]).unwrap_or(values)
    });
    values.map(|value| with_value(argument, flag.as_deref(), &value)).collect()
}

fn with_value(argument: &Arg, flag: Option<&str>, value: &str) -> GivenArgument {
    let (value, of_engine) = without_password(value);
    let value = value.into_owned();
    let is_main = argument.get_id() == "database_url";
    let password = of_engine.map(|engine| match is_main {
        true => format!("put it in the URL again, or in {}", engine.passwords),
        false => "put it in the URL again".to_owned(),
    });
    let argument = match flag {
        Some(flag) => Argument::Flag { name: flag.to_owned(), value: Some(value) },
        None if argument.is_allow_negative_numbers_set() => Argument::Number(value),
        None => Argument::Value(value),
    };
    GivenArgument { argument, password }
}

/// Whether a command supports this flag.
fn has_flag(words: &str, flag: &str) -> bool {
    let program = Cli::whole();
    let command = words.split(' ').try_fold(&program, |command, word| command.find_subcommand(word));
    let is_it = |argument: &Arg| argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
    command.is_some_and(|command| command.get_arguments().any(is_it))
        || program.get_arguments().any(|argument| argument.is_global_set() && is_it(argument))
}

/// A server's URL without its passwords, and its engine if it had some; other text is repeated as it is.
fn without_password(text: &str) -> (Cow<'_, str>, Option<ServerEngine>) {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.trim().to_ascii_lowercase());
    let engine = scheme.as_deref().and_then(Engine::parse).and_then(|engine| engine.server);
    let shown = text::without_password(text);
    match engine.filter(|_| shown != text) {
        Some(engine) => (shown, Some(engine)),
        None => (text.into(), None),
    }
}

#[cfg(test)]
mod tests {
    use clap::builder::ValueParser;
    use clap::error::ErrorKind;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::shared::hyphens;
    use crate::cli::shared::values::violations;
    use crate::error::{CommandLine, Hint};

    fn typed(line: &[&str]) -> Invocation {
        read(Cli::whole(), line).unwrap()
    }

    fn read(mut program: Command, line: &[&str]) -> Result<Invocation, clap::Error> {
        let line = ["shopctl"].iter().chain(line).map(std::ffi::OsString::from).collect();
        let matches = program.try_get_matches_from_mut(hyphens::join_values(Cli::whole, line))?;
        Ok(aim(&program, &matches))
    }

    fn shown(command: CommandLine, line: &[&str]) -> String {
        Hint::from(command).render(&typed(line))
    }

    #[test]
    fn repeated_commands_keep_their_flags_but_not_passwords() {
        let yes = |line: &[&str]| shown(CommandLine::again().flag("--yes"), line);
        let line = ["order", "cancel", "X", "--reason", "changed her mind", "-c", "live", "-vv", "-ojson"];
        assert_eq!(
            yes(&line),
            "shopctl --context live order cancel X --reason 'changed her mind' --output json --verbose --verbose --yes"
        );
        let url = "--database-url=postgres://u:secret@h/d?sslmode=require&password=secret";
        assert_eq!(
            shown(CommandLine::again().option("--confirm", "-x"), &[url, "user", "delete", "--", "-x"]),
            "shopctl --database-url 'postgres://u@h/d?sslmode=require' user delete --confirm=-x -- -x"
        );
        let line = ["migrate", "baseline", "--to", "m", "--scratch-url", "postgres://u:secret@h/scratch"];
        assert_eq!(yes(&line), "shopctl migrate baseline --to m --scratch-url postgres://u@h/scratch --yes");
    }

    #[test]
    fn repeated_commands_replace_wrong_answers() {
        for wrong in [&["migrate", "fresh", "--confirm", "shpo"][..], &["migrate", "fresh", "--confirm=shpo"]] {
            let again = CommandLine::again().option("--confirm", "my shop");
            assert_eq!(shown(again, wrong), "shopctl migrate fresh --confirm 'my shop'");
        }
    }

    #[test]
    fn the_target_is_repeated_as_given() {
        let list = |line: &[&str]| shown(CommandLine::new("order list"), &[line, &["user", "list"]].concat());
        assert_eq!(list(&["--context", "live shop"]), "shopctl --context 'live shop' order list");
        assert_eq!(list(&["--database-url", "sqlite:a b.db"]), "shopctl --database-url 'sqlite:a b.db' order list");
        assert_eq!(
            list(&["--context=live", "--config", "other.toml"]),
            "shopctl --config other.toml --context live order list"
        );
        assert_eq!(list(&["--json"]), "shopctl order list");
        assert_eq!(list(&["-c", "live", "--actor", "bob b"]), "shopctl --context live --actor 'bob b' order list");
        assert_eq!(list(&["--actor", "-7"]), "shopctl --actor=-7 order list");
    }

    #[test]
    fn removed_passwords_are_hinted_for_each_engine() {
        let remark = |line: &[&str]| typed(line).remark(&[CommandLine::again().into()]).unwrap_or_default();
        let of = |url: &str| remark(&["--database-url", url, "order", "list"]);
        assert!(of("postgres://u:p@h/d").ends_with("in DB_PASSWORD, DB_PASSWORD_FILE or ~/.pgpass"));
        assert!(of("mysql://u:p@h/d").ends_with("in DB_PASSWORD or DB_PASSWORD_FILE"));
        assert_eq!(of("mysql://u@h/d"), "");
        let scratch = remark(&["migrate", "verify", "--scratch-url", "postgres://u:p@h/d"]);
        assert!(scratch.ends_with("put it in the URL again"), "{scratch}");
    }

    #[test]
    fn only_the_password_is_removed_from_a_url() {
        for (url, shorter) in [
            ("postgres://u:p@h/d", "postgres://u@h/d"),
            ("postgresql://u:p@h1:1,h2:2/d", "postgresql://u@h1:1,h2:2/d"),
            ("MYSQL://u:p@ss@h/d?password=p", "MYSQL://u@h/d"),
            ("mariadb://:p@h/d?a=b&password=p&c=d", "mariadb://h/d?a=b&c=d"),
            ("postgres://u:@h/d", "postgres://u@h/d"),
        ] {
            let (text, engine) = without_password(url);
            assert!(text == shorter && engine.is_some(), "{text}");
        }
        for same in
            ["postgres://u@h:1,h2/d?sslmode=require", "sqlite:a:b@c", "https://a:b@c", "MUG-01:2", "mysql://h/d?"]
        {
            assert_eq!(without_password(same), (same.into(), None));
        }
    }

    /// Every command without what it requires and with values of any kind: only what flags there are counts.
    fn relaxed(command: Command) -> Command {
        let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let groups: Vec<clap::Id> = command.get_groups().map(|group| group.get_id().clone()).collect();
        let command = command.mut_args(|argument| match argument.get_action().takes_values() {
            true => argument.required(false).value_parser(ValueParser::string()),
            false => argument.required(false),
        });
        let command =
            groups.into_iter().fold(command, |command, group| command.mut_group(group, |group| group.required(false)));
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, relaxed))
    }

    fn leaves(command: &Command, path: &[&str], all: &mut Vec<(Vec<String>, Vec<Arg>)>) {
        let deeper: Vec<&Command> = command.get_subcommands().collect();
        if deeper.is_empty() {
            let path = path.iter().map(|word| (*word).to_owned()).collect();
            all.push((path, command.get_arguments().cloned().collect()));
        }
        deeper.into_iter().for_each(|deeper| leaves(deeper, &[path, &[deeper.get_name()]].concat(), all));
    }

    /// What stands on a command line for an argument.
    fn sample(argument: &Arg) -> Vec<String> {
        let value = "it's -x".to_owned();
        match (argument.get_long(), argument.get_short(), argument.get_action().takes_values()) {
            (_, Some(short), true) => vec![format!("-{short}"), value],
            (Some(long), _, true) => vec![format!("--{long}"), value],
            (Some(long), _, false) => vec![format!("--{long}")],
            _ => vec![value],
        }
    }

    #[test]
    fn every_invalid_value_is_a_violation() {
        let program = Cli::whole();
        let (mut commands, mut refused) = (Vec::new(), 0);
        leaves(&program, &[], &mut commands);
        for (path, own) in commands {
            let globals = program.get_arguments().filter(|argument| argument.is_global_set());
            for argument in own.iter().chain(globals).filter(|argument| argument.get_action().takes_values()) {
                let value = "\u{1}~".to_owned();
                let value = argument.get_long().map_or(value.clone(), |long| format!("--{long}={value}"));
                let line = ["shopctl".to_owned()].into_iter().chain(path.clone()).chain([value]);
                let line: Vec<std::ffi::OsString> = line.map(Into::into).collect();
                let Err(error) = Cli::command().try_get_matches_from(&line) else { continue };
                let is_value =
                    |error: &clap::Error| matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation);
                if is_value(&error) {
                    refused += 1;
                    let other = violations(Cli::whole, &line, error).err();
                    assert!(!other.as_ref().is_some_and(is_value), "{line:?}: {other:?}");
                }
            }
        }
        assert!(refused > 100, "only {refused} were refused");
    }

    #[test]
    fn every_command_is_repeated_with_all_its_arguments() {
        let program = relaxed(Cli::whole());
        let globals: Vec<Arg> = program.get_arguments().filter(|argument| argument.is_global_set()).cloned().collect();
        let mut commands = Vec::new();
        leaves(&program, &[], &mut commands);
        let mut tried = 0;
        for (path, own) in commands {
            // Each by itself, because some exclude one another, beside one that goes with all.
            for argument in own.iter().chain(&globals) {
                let line: Vec<String> = [path.clone(), vec!["--no-input".to_owned()], sample(argument)].concat();
                let line: Vec<&str> = line.iter().map(String::as_str).collect();
                let Ok(aim) = read(program.clone(), &line) else { continue };
                tried += 1;
                let pasted = Hint::from(CommandLine::again().flag("--quiet")).render(&aim);
                let words = shell_words(&pasted);
                let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
                let again =
                    read(program.clone(), &words).unwrap_or_else(|error| panic!("{line:?} → {pasted}\n{error}"));
                let without_quiet = |aim: &Invocation| -> Vec<GivenArgument> {
                    aim.given.iter().filter(|given| !given.argument.is_flag("--quiet")).cloned().collect()
                };
                assert_eq!(again.command, aim.command, "{pasted}");
                assert_eq!(without_quiet(&again), without_quiet(&aim), "{line:?} → {pasted}");
                assert!(again.given.len() > 1, "{line:?} → {pasted}");
            }
        }
        assert!(tried > 500, "only {tried} were tried");
    }

    /// As a POSIX shell splits what `shell_word` wrote.
    fn shell_words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => is_quoted = !is_quoted,
                '\\' if !is_quoted => word.extend(characters.next()),
                ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
                _ => word.push(character),
            }
        }
        words.push(word);
        words
    }
}
