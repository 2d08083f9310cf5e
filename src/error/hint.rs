//! Hints: text, and commands as values, which target the database of this run.

use std::fmt;

use super::invocation::{Argument, GivenArgument, Invocation, Repeated, option};
use crate::domain::text::without_password;

/// Maximum length, in characters, of what a hint searches for.
const SEARCHED_MAX: usize = 60;

/// A sequence of text and commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Command(CommandLine),
}

/// A shopctl command, quoted for a POSIX shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    target: CommandTarget,
    repeats: Repeated,
    words: String,
    arguments: Vec<Argument>,
    /// Flags of this run to omit.
    without: Vec<&'static str>,
    /// A name of this run's command line that is another one in this command.
    renamed: Option<(String, String)>,
}

/// How a command names its database.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CommandTarget {
    /// The same as this run.
    Current,
    /// None: the command needs no database.
    None,
    /// This URL, independent of this run.
    Url(String),
}

impl Hint {
    /// Appends to the hint without a separator.
    #[must_use]
    pub fn and(mut self, more: impl Into<Hint>) -> Hint {
        self.0.extend(more.into().0);
        self
    }

    /// The same hint about another database: commands that target that of this run target this URL.
    #[must_use]
    pub fn on(self, url: &str) -> Hint {
        let on = |part| match part {
            Part::Command(command)
                if command.target == CommandTarget::Current && command.repeats == Repeated::Nothing =>
            {
                Part::Command(command.on(url.to_owned()))
            }
            part => part,
        };
        Hint(self.0.into_iter().map(on).collect())
    }

    /// Whether nothing would be printed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Joins hints with a separator.
    pub fn joined(hints: &[Hint], separator: &str) -> Hint {
        let mut joined = Hint::default();
        for hint in hints {
            joined = if joined.is_empty() { hint.clone() } else { joined.and(separator).and(hint.clone()) };
        }
        joined
    }

    /// The text, each command with the flags of this run.
    pub fn render(&self, invocation: &Invocation) -> String {
        self.render_with(invocation, str::to_owned, str::to_owned)
    }

    /// The text, with words and commands written in their own ways.
    pub fn render_with(
        &self,
        invocation: &Invocation,
        words: impl Fn(&str) -> String,
        command: impl Fn(&str) -> String,
    ) -> String {
        let text = |part: &Part| match part {
            Part::Words(text) => words(text),
            Part::Command(line) => command(&line.render(invocation)),
        };
        self.0.iter().map(text).collect()
    }

    fn password_note<'a>(&self, invocation: &'a Invocation) -> Option<&'a str> {
        self.0.iter().find_map(|part| match part {
            Part::Words(_) => None,
            Part::Command(command) => command.password_note(invocation),
        })
    }
}

impl Invocation {
    /// The remark that the commands of these hints lack a password, if so.
    pub fn remark(&self, hints: &[Hint]) -> Option<String> {
        let instead = hints.iter().find_map(|hint| hint.password_note(self))?;
        Some(format!("commands are shown without the password: {instead}"))
    }
}

impl CommandLine {
    /// `words` are the subcommands: `order list`. The command targets the database of this run.
    pub fn new(words: &str) -> CommandLine {
        let (arguments, without) = (Vec::new(), Vec::new());
        CommandLine {
            target: CommandTarget::Current,
            repeats: Repeated::Nothing,
            words: words.to_owned(),
            arguments,
            without,
            renamed: None,
        }
    }

    /// A command that needs no database, such as help.
    pub fn anywhere(words: &str) -> CommandLine {
        CommandLine { target: CommandTarget::None, ..CommandLine::new(words) }
    }

    /// The command of this run with all its arguments. Flags added here replace existing ones.
    pub fn again() -> CommandLine {
        CommandLine { repeats: Repeated::Everything, ..CommandLine::new("") }
    }

    /// The command of this run with another name in the place of this one, and `words` with that name where the command
    /// line does not have it: it came from a file, or from another row.
    pub fn renaming(name: &str, other: &str, words: &str) -> CommandLine {
        let renamed = Some((name.to_owned(), other.to_owned()));
        CommandLine { repeats: Repeated::Everything, renamed, ..CommandLine::new(words) }
    }

    /// Another command, or the same with other arguments: keeps every flag of this run that it also has,
    /// except confirmations and idempotency keys, which belong to one request.
    pub fn like(words: &str) -> CommandLine {
        CommandLine { repeats: Repeated::Flags, ..CommandLine::new(words) }
    }

    /// A list that is searched for what somebody typed; for a word to fill in if that cannot be searched for.
    pub fn search(words: &str, typed: &str) -> CommandLine {
        let typed = without_password(typed.trim());
        let is_text =
            !typed.is_empty() && typed.chars().count() <= SEARCHED_MAX && !typed.chars().any(char::is_control);
        CommandLine::new(words).option("--search", if is_text { &typed } else { "TEXT" })
    }

    /// Targets the database of this URL.
    #[must_use]
    pub fn on(self, url: String) -> CommandLine {
        CommandLine { target: CommandTarget::Url(url), ..self }
    }

    /// A positional argument, quoted if necessary.
    #[must_use]
    pub fn argument(self, value: &str) -> CommandLine {
        self.with(Argument::Value(value.to_owned()))
    }

    /// A numeric argument.
    #[must_use]
    pub fn number(self, number: impl fmt::Display) -> CommandLine {
        self.with(Argument::Number(number.to_string()))
    }

    /// A flag without a value: `--yes`.
    #[must_use]
    pub fn flag(self, flag: &str) -> CommandLine {
        self.with(Argument::Flag { name: flag.to_owned(), value: None })
    }

    /// A flag with a value, quoted if necessary: `--reason TEXT`.
    #[must_use]
    pub fn option(self, flag: &str, value: &str) -> CommandLine {
        self.with(Argument::Flag { name: flag.to_owned(), value: Some(value.to_owned()) })
    }

    /// As [`CommandLine::option`]; unchanged without a value.
    #[must_use]
    pub fn options(self, flag: &str, value: Option<&str>) -> CommandLine {
        match value {
            Some(value) => self.option(flag, value),
            None => self,
        }
    }

    /// Omits this flag, even if this run has it.
    #[must_use]
    pub fn without(mut self, flag: &'static str) -> CommandLine {
        self.without.push(flag);
        self
    }

    fn with(mut self, argument: Argument) -> CommandLine {
        self.arguments.push(argument);
        self
    }

    /// The command followed by text.
    #[must_use]
    pub fn and(self, more: impl Into<Hint>) -> Hint {
        Hint::from(self).and(more)
    }

    fn render(&self, invocation: &Invocation) -> String {
        if let Some((name, other)) = &self.renamed {
            return match invocation.renamed(name, other) {
                Some(renamed) => CommandLine::again().render(&renamed),
                None => CommandLine::new(&self.words).argument(other).render(invocation),
            };
        }
        let own_words = if self.repeats == Repeated::Everything { &invocation.command } else { &self.words };
        let is_flag = |argument: &&Argument| matches!(argument, Argument::Flag { .. });
        let repeated = self.repeated(invocation).map(|given| &given.argument);
        let (flags, values): (Vec<_>, Vec<_>) = repeated.chain(&self.arguments).partition(is_flag);
        // Positional arguments keep their order: from the first one that looks like a flag on, all follow a `--`.
        let first = values.iter().position(|value| value.is_like_a_flag()).unwrap_or(values.len());
        let (before, behind) = values.split_at(first);
        let separator = (!behind.is_empty()).then(|| "--".to_owned());
        let mut words = vec!["shopctl".to_owned()];
        words.extend(self.global_arguments(invocation).map(|given| given.argument.text()));
        if let CommandTarget::Url(url) = &self.target {
            words.push(option("--database-url", url));
        }
        words.push(own_words.clone());
        words.extend(before.iter().chain(&flags).map(|argument| argument.text()));
        words.extend(separator.into_iter().chain(behind.iter().map(|argument| argument.text())));
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }

    /// The repeated flags before the subcommands.
    fn global_arguments<'a>(&self, invocation: &'a Invocation) -> impl Iterator<Item = &'a GivenArgument> {
        let has_target = self.target != CommandTarget::None;
        let names_database = self.target == CommandTarget::Current;
        has_target.then(|| invocation.global_arguments(names_database)).into_iter().flatten()
    }

    /// The repeated flags after the subcommands.
    fn repeated<'a>(&self, invocation: &'a Invocation) -> impl Iterator<Item = &'a GivenArgument> {
        let is_replaced = |given: &&GivenArgument| match &given.argument {
            Argument::Flag { name, .. } => {
                self.without.contains(&name.as_str()) || self.arguments.iter().any(|own| own.is_flag(name))
            }
            _ => false,
        };
        invocation.repeated(self.repeats, &self.words).filter(move |given| !is_replaced(given))
    }

    fn password_note<'a>(&self, invocation: &'a Invocation) -> Option<&'a str> {
        self.global_arguments(invocation).chain(self.repeated(invocation)).find_map(|given| given.password.as_deref())
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

/// As shown by a run without database flags.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Invocation::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::invocation::KEY;

    fn given(name: &str, value: &str) -> GivenArgument {
        let value = (!value.is_empty()).then(|| value.to_owned());
        GivenArgument { argument: Argument::Flag { name: name.to_owned(), value }, password: None }
    }

    fn live() -> Invocation {
        Invocation { given: vec![given("--context", "live")], ..Invocation::default() }
    }

    #[test]
    fn each_command_names_the_target_and_words_stay() {
        let hint = Hint::from("mend it, then ")
            .and(CommandLine::new("migrate resolve").argument("m1").flag("--retry"))
            .and("; or: ")
            .and(CommandLine::new("migrate status"));
        assert_eq!(
            hint.render(&live()),
            "mend it, then shopctl --context live migrate resolve m1 --retry; or: shopctl --context live migrate status"
        );
        assert_eq!(hint.to_string(), "mend it, then shopctl migrate resolve m1 --retry; or: shopctl migrate status");
        // Text that only looks like a command is unchanged.
        assert_eq!(Hint::from("run shopctl order list").render(&live()), "run shopctl order list");
        assert_eq!(Hint::from(CommandLine::anywhere("help lifecycle")).render(&live()), "shopctl help lifecycle");
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
    fn the_command_of_this_run_names_its_row_otherwise() {
        let value = |text: &str| GivenArgument { argument: Argument::Value(text.to_owned()), password: None };
        let shown = |command: &str, arguments: &[GivenArgument]| {
            let invocation =
                Invocation { command: command.to_owned(), given: arguments.to_vec(), ..Invocation::default() };
            Hint::from(CommandLine::renaming("Mug", "id-7", "product show")).render(&invocation)
        };
        assert_eq!(
            shown("stock set", &[value(" mug"), given("--reason", "Mug")]),
            "shopctl stock set id-7 --reason Mug"
        );
        assert_eq!(shown("order create", &[given("--item", "Mug:2")]), "shopctl order create --item id-7:2");
        assert_eq!(shown("product retire", &[value("Pen"), value("Mug")]), "shopctl product retire Pen id-7");
        assert_eq!(shown("stock import", &[value("mugs.csv")]), "shopctl product show id-7");
    }

    #[test]
    fn a_missing_password_is_noted_only_beside_a_command() {
        let url = GivenArgument { password: Some("give it".to_owned()), ..given("--database-url", "mysql://u@h/d") };
        let invocation = Invocation { given: vec![url], ..Invocation::default() };
        let remark = |hint: Hint| invocation.remark(&[hint]);
        assert!(remark(CommandLine::new("order list").into()).is_some());
        assert!(remark(CommandLine::again().into()).is_some());
        assert_eq!(remark("try again".into()), None);
        assert_eq!(remark(CommandLine::anywhere("help lifecycle").into()), None);
        assert_eq!(remark(CommandLine::new("order list").on("sqlite:x".to_owned()).into()), None);
        assert_eq!(live().remark(&[CommandLine::new("order list").into()]), None);
    }

    #[test]
    fn another_database_keeps_the_actor_and_configuration_flags() {
        let flags = [("--actor", "bob b"), ("--config", "my.toml"), ("--context", "live")];
        let invocation =
            Invocation { given: flags.map(|(name, value)| given(name, value)).to_vec(), ..Invocation::default() };
        let command = CommandLine::new("order list").on("sqlite:a b.db".to_owned());
        assert_eq!(
            Hint::from(command).render(&invocation),
            "shopctl --config my.toml --actor 'bob b' --database-url 'sqlite:a b.db' order list"
        );
    }

    #[test]
    fn a_value_like_a_flag_moves_behind_a_double_dash() {
        let command = CommandLine::new("stock set").argument("-mug").number(3).option("--expect", "5");
        assert_eq!(Hint::from(command).to_string(), "shopctl stock set --expect 5 -- -mug 3");
        let command = CommandLine::new("stock adjust").argument("MUG").number(-3).option("--reason", "damaged");
        assert_eq!(Hint::from(command).to_string(), "shopctl stock adjust MUG -3 --reason damaged");
    }

    #[test]
    fn another_command_keeps_shared_flags_but_neither_consent_nor_key() {
        let given = [("--yes", ""), ("--note", "by phone"), ("--dry-run", ""), ("--tracking", "4"), (KEY, "k")]
            .map(|(name, value)| given(name, value));
        let has_flag = |_: &str, flag: &str| flag != "--tracking";
        let invocation = Invocation { command: "order cancel".to_owned(), given: given.to_vec(), has_flag };
        let shown = |command: CommandLine| Hint::from(command).render(&invocation);
        assert_eq!(
            shown(CommandLine::like("order refund").argument("A")),
            "shopctl order refund A --note 'by phone' --dry-run"
        );
        assert_eq!(
            shown(CommandLine::like("order cancel").argument("B").option("--note", "x")),
            "shopctl order cancel B --yes --dry-run --tracking 4 --note x"
        );
        assert_eq!(
            shown(CommandLine::again().without("--tracking").flag("--yes")),
            format!("shopctl order cancel --note 'by phone' --dry-run {KEY} k --yes")
        );
    }
}
