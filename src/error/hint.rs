//! What to do next: words, and commands as values, which act on the database that this run was aimed at.

use std::fmt;

use crate::domain::text::shell_word;

/// Words and commands, as a message shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Command(CommandLine),
}

/// A command of shopctl that a POSIX shell reads as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    target: Named,
    words: Vec<String>,
    /// Arguments that would be taken for flags: they stand behind a `--` at the end.
    behind: Vec<String>,
}

/// How a command names its database.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// As this run did.
    AsThisRun,
    /// Not at all, or already in its words.
    ByItself { lacks_password: bool },
    /// By these flags, whatever this run was aimed at.
    As(String),
}

/// The flags that chose this run's database, and who acts. Every suggested command repeats them, so that
/// pasted it does the same to the same one.
#[derive(Debug, Clone, Default)]
pub struct Aim {
    /// `--context live`, as a shell reads it; empty when the command line names neither database nor actor.
    pub flags: String,
    /// Whether they do without a password that was typed.
    pub lacks_password: bool,
}

/// Where a password may come from that no command repeats.
const GIVE_PASSWORD: &str = "commands are shown without the password: write it into the URL again, or give it in DB_PASSWORD (for PostgreSQL also in ~/.pgpass)";

impl Hint {
    /// This, then more; nothing is put in between.
    #[must_use]
    pub fn and(mut self, more: impl Into<Hint>) -> Hint {
        self.0.extend(more.into().0);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Several as one text's worth, separated.
    pub fn joined(hints: &[Hint], separator: &str) -> Hint {
        let mut joined = Hint::default();
        for hint in hints {
            joined = if joined.is_empty() { hint.clone() } else { joined.and(separator).and(hint.clone()) };
        }
        joined
    }

    /// The text, each command with the flags of this run.
    pub fn aimed(&self, aim: &Aim) -> String {
        let text = |part: &Part| match part {
            Part::Words(words) => words.clone(),
            Part::Command(command) => command.aimed(aim),
        };
        self.0.iter().map(text).collect()
    }

    fn lacks_password(&self, aim: &Aim) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Command(command) if command.lacks_password(aim)))
    }
}

impl Aim {
    /// What is to be said beside these hints: that their commands lack a password.
    pub fn remark(&self, hints: &[Hint]) -> Option<&'static str> {
        hints.iter().any(|hint| hint.lacks_password(self)).then_some(GIVE_PASSWORD)
    }
}

/// A flag with its value, as a POSIX shell reads it.
pub fn option(flag: &str, value: &str) -> String {
    // A value that begins like a flag would be taken for one.
    let joint = if value.starts_with('-') { '=' } else { ' ' };
    format!("{flag}{joint}{}", shell_word(value))
}

impl CommandLine {
    /// `words` are our own: `order list`. It is aimed at this run's database.
    pub fn new(words: &str) -> CommandLine {
        CommandLine { target: Named::AsThisRun, words: vec![words.to_owned()], behind: Vec::new() }
    }

    /// A command that needs no database: help, and where the database's name comes from.
    pub fn anywhere(words: &str) -> CommandLine {
        CommandLine { target: Named::ByItself { lacks_password: false }, ..CommandLine::new(words) }
    }

    /// A command as it was typed, its database included. `words` are as the shell reads them.
    pub fn typed(words: Vec<String>, lacks_password: bool) -> CommandLine {
        CommandLine { target: Named::ByItself { lacks_password }, words, behind: Vec::new() }
    }

    /// A command on the database of these flags.
    #[must_use]
    pub fn on(self, flags: String) -> CommandLine {
        CommandLine { target: Named::As(flags), ..self }
    }

    /// A name or another value that somebody chose.
    #[must_use]
    pub fn argument(mut self, value: &str) -> CommandLine {
        let place = if value.starts_with('-') { &mut self.behind } else { &mut self.words };
        place.push(shell_word(value));
        self
    }

    /// Words of ours: `--yes`.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> CommandLine {
        self.words.push(flag.to_owned());
        self
    }

    #[must_use]
    pub fn option(self, flag: &str, value: &str) -> CommandLine {
        self.flag(&option(flag, value))
    }

    #[must_use]
    pub fn options(self, flag: &str, value: Option<&str>) -> CommandLine {
        match value {
            Some(value) => self.option(flag, value),
            None => self,
        }
    }

    #[must_use]
    pub fn dry_run(self, dry_run: bool) -> CommandLine {
        if dry_run { self.flag("--dry-run") } else { self }
    }

    /// The command, then more.
    #[must_use]
    pub fn and(self, more: impl Into<Hint>) -> Hint {
        Hint::from(self).and(more)
    }

    fn aimed(&self, aim: &Aim) -> String {
        let flags = match &self.target {
            Named::AsThisRun => aim.flags.as_str(),
            Named::ByItself { .. } => "",
            Named::As(flags) => flags,
        };
        let separator = if self.behind.is_empty() { "" } else { "--" };
        let words = ["shopctl", flags].into_iter().chain(self.words.iter().map(String::as_str));
        let words = words.chain([separator]).chain(self.behind.iter().map(String::as_str));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn lacks_password(&self, aim: &Aim) -> bool {
        match &self.target {
            Named::AsThisRun => aim.lacks_password,
            Named::ByItself { lacks_password } => *lacks_password,
            Named::As(_) => false,
        }
    }
}

impl From<&str> for Hint {
    fn from(words: &str) -> Hint {
        Hint::from(words.to_owned())
    }
}

impl From<String> for Hint {
    fn from(words: String) -> Hint {
        Hint(if words.is_empty() { Vec::new() } else { vec![Part::Words(words)] })
    }
}

impl From<CommandLine> for Hint {
    fn from(command: CommandLine) -> Hint {
        Hint(vec![Part::Command(command)])
    }
}

/// As a run shows it whose command line names no database.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.aimed(&Aim::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Aim {
        Aim { flags: "--context live".to_owned(), lacks_password: false }
    }

    #[test]
    fn each_command_names_the_target_and_words_stay() {
        let hint = Hint::from("mend it, then ")
            .and(CommandLine::new("migrate resolve").argument("m1").flag("--retry"))
            .and("; or: ")
            .and(CommandLine::new("migrate status"));
        assert_eq!(
            hint.aimed(&live()),
            "mend it, then shopctl --context live migrate resolve m1 --retry; or: shopctl --context live migrate status"
        );
        assert_eq!(hint.to_string(), "mend it, then shopctl migrate resolve m1 --retry; or: shopctl migrate status");
        // What only looks like a command is left alone.
        assert_eq!(Hint::from("run shopctl order list").aimed(&live()), "run shopctl order list");
        assert_eq!(Hint::from(CommandLine::anywhere("help lifecycle")).aimed(&live()), "shopctl help lifecycle");
    }

    #[test]
    fn a_shell_reads_every_value_as_one_word() {
        for (value, written) in [
            ("ann@example.com", "ann@example.com"),
            ("MUG-01:2", "MUG-01:2"),
            ("", "''"),
            ("Ann Lee", "'Ann Lee'"),
            ("O'Hara", r"'O'\''Hara'"),
            ("$(reboot)", "'$(reboot)'"),
            ("Ørsted", "'Ørsted'"),
            ("~ann", "'~ann'"),
            ("-x", "-- -x"),
        ] {
            let command = CommandLine::new("user show").argument(value);
            assert_eq!(Hint::from(command).to_string(), format!("shopctl user show {written}"));
        }
        let command = CommandLine::new("user create").argument("-a").option("--first-name", "-x");
        assert_eq!(Hint::from(command).to_string(), "shopctl user create --first-name=-x -- -a");
    }

    #[test]
    fn a_missing_password_is_told_beside_a_command_alone() {
        let aim = Aim { lacks_password: true, ..live() };
        let remark = |hint: Hint| aim.remark(&[hint]);
        assert!(remark(CommandLine::new("order list").into()).is_some());
        assert!(remark(CommandLine::typed(vec!["order list".to_owned()], true).into()).is_some());
        assert_eq!(remark("try again".into()), None);
        assert_eq!(remark(CommandLine::anywhere("help lifecycle").into()), None);
        assert_eq!(live().remark(&[CommandLine::new("order list").into()]), None);
    }
}
