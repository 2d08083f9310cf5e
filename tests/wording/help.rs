//! The help: one snapshot for each noun, and the rules of its style.

use std::process::{Command as Process, Stdio};

use clap::{Arg, Command};

use crate::support::{Backend, Shop};

const COLUMNS: usize = 80;
/// Maximum length of a command's or an option's description, in characters.
const MAX_DESCRIPTION: usize = 80;
const TOPICS: [&str; 5] = ["environment", "exit-codes", "formatting", "import", "lifecycle"];

/// A command with the words that call it.
struct Called {
    words: Vec<String>,
    command: Command,
}

impl Called {
    fn is_leaf(&self) -> bool {
        self.command.get_subcommands().next().is_none()
    }
}

/// All commands below one, itself included.
fn walk(command: &Command, words: &[String], found: &mut Vec<Called>) {
    found.push(Called { words: words.to_vec(), command: command.clone() });
    for sub in command.get_subcommands() {
        walk(sub, &[words, &[sub.get_name().to_owned()]].concat(), found);
    }
}

fn commands() -> Vec<Called> {
    let mut found = Vec::new();
    walk(&shopctl::cli::Cli::whole(), &[], &mut found);
    found
}

/// The help as a terminal of 80 columns shows it.
fn shown(shop: &Shop, words: &[&str]) -> String {
    let mut command = shop.command(words);
    command.env("COLUMNS", COLUMNS.to_string());
    crate::support::shop::finish(command.spawn().expect("built"), words).success().stdout
}

/// The help without the global options, which are the same everywhere.
fn without_globals(help: &str) -> String {
    let Some((before, globals)) = help.split_once("Global options:\n") else { return help.to_owned() };
    let after = globals.split_once("\n\n").map_or("", |(_, after)| after);
    format!("{}\n\n{after}", before.trim_end()).trim_end().to_owned() + "\n"
}

#[test]
fn the_help_of_every_command_is_reviewed() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let root = shown(&shop, &["--help"]);
    let topics = TOPICS.map(|topic| format!("$ shopctl help {topic}\n{}", shown(&shop, &["help", topic])));
    insta::assert_snapshot!("help", format!("$ shopctl --help\n{root}"));
    insta::assert_snapshot!("help_topics", topics.join("\n"));
    for noun in shopctl::cli::Cli::whole().get_subcommands() {
        let mut found = Vec::new();
        walk(noun, &[noun.get_name().to_owned()], &mut found);
        let help = found.iter().map(|called| {
            let words: Vec<&str> = called.words.iter().map(String::as_str).chain(["--help"]).collect();
            format!("$ shopctl {}\n{}", words.join(" "), without_globals(&shown(&shop, &words)))
        });
        let help: Vec<String> = help.collect();
        insta::assert_snapshot!(format!("help_{}", noun.get_name()), help.join("\n"));
    }
}

/// Whether a line is code or a table, which keeps its own width.
fn is_verbatim(line: &str) -> bool {
    line.starts_with(' ') || line.starts_with("Usage:")
}

#[test]
fn help_fits_80_columns_and_breaks_lines_only_there() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let mut wrong = Vec::new();
    let topics = TOPICS.iter().map(|topic| vec!["help".to_owned(), (*topic).to_owned()]);
    let helps = commands().into_iter().map(|called| [called.words, vec!["--help".to_owned()]].concat());
    for words in helps.chain(topics) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let help = shown(&shop, &words);
        let lines: Vec<&str> = help.lines().collect();
        for line in &lines {
            let is_example = line.trim_start().contains("shopctl ") && line.starts_with("  ");
            if line.chars().count() > COLUMNS && !is_example && !line.starts_with("Usage:") {
                wrong.push(format!("{words:?} is wider: {line}"));
            }
        }
        // Topics are laid out by hand.
        for pair in lines.windows(2).filter(|_| words[0] != "help") {
            let next = pair[1].split(' ').next().unwrap_or_default();
            let is_prose = !pair[0].is_empty() && !next.is_empty() && !is_verbatim(pair[0]) && !is_verbatim(pair[1]);
            if is_prose && pair[0].chars().count() + 1 + next.chars().count() <= COLUMNS {
                wrong.push(format!("{words:?} breaks a line too early: {}", pair[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn problem(text: Option<String>) -> Option<&'static str> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Some("has no description") };
    if text.chars().count() > MAX_DESCRIPTION {
        return Some("is longer than 80 characters");
    }
    if text.ends_with('.') {
        return Some("ends with a full stop");
    }
    text.starts_with(|first: char| first.is_lowercase()).then_some("begins with a small letter")
}

#[test]
fn every_command_and_option_has_a_description_of_one_line() {
    let mut wrong = Vec::new();
    for Called { words, command } in commands() {
        let about = command.get_about().map(ToString::to_string);
        wrong.extend(problem(about).map(|problem| format!("{words:?} {problem}")));
        let is_own = |argument: &&Arg| !argument.is_global_set() || words.is_empty();
        for argument in command.get_arguments().filter(is_own) {
            let help = argument.get_help().map(ToString::to_string);
            wrong.extend(problem(help).map(|problem| format!("{words:?} {} {problem}", argument.get_id())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_thing_has_one_flag() {
    // What a flag is called elsewhere, and its name.
    const OTHERS: [(&str, &str); 8] = [
        ("created-since", "since"),
        ("created-until", "until"),
        ("from-date", "since"),
        ("low-stock", "low"),
        ("folder", "dir"),
        ("output-file", "out"),
        ("query", "search"),
        ("force-yes", "yes"),
    ];
    for Called { words, command } in commands() {
        for argument in command.get_arguments() {
            let long = argument.get_long().unwrap_or_default();
            let other = OTHERS.iter().find(|(other, _)| *other == long);
            assert!(other.is_none(), "{words:?}: {other:?}");
            let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
            assert!(long != "out" || value.as_deref() == Some("FILE"), "{words:?}: --out is for files");
            assert!(long != "dir" || value.as_deref() == Some("FOLDER"), "{words:?}: --dir is for folders");
        }
    }
}

#[test]
fn the_first_example_of_every_command_runs_without_a_terminal_or_says_that_it_needs_one() {
    let leaves = commands().into_iter().filter(Called::is_leaf);
    let mut wrong = Vec::new();
    let shop = shop_with_demo();
    for Called { words, command } in leaves {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace(" \\\n", " ");
        let example = after.lines().map(str::trim).find(|line| line.starts_with("shopctl ")).map(str::to_owned);
        let Some(example) = example else {
            wrong.push(format!("{words:?} has no example"));
            continue;
        };
        let output = Process::new("bash")
            .args(["-c", &example])
            .env_clear()
            .envs(shop.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(shop.home.path())
            .stdin(Stdio::null())
            .output()
            .expect("bash is there");
        // A missing object or server is the example's own; a question that nobody answers is not.
        let runs = matches!(output.status.code(), Some(0 | 3 | 4 | 5 | 6 | 9));
        if words[0] == "migrate" {
            // Some of these drop the schema.
            drop(shop.run(&["migrate", "up"]));
            drop(shop.run(&["migrate", "env", "development"]));
        }
        if !runs && !after.contains("needs a terminal") {
            wrong.push(format!("{example}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A shop with the demo and the files that examples read.
fn shop_with_demo() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop.file("secret.txt", "correct horse\n");
    shop
}
