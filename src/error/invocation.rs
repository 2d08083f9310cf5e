//! The command line of this run, as far as suggested commands repeat it.

use crate::domain::text::shell_word;

/// The flags for the target and the actor, which every suggested command repeats in this order.
const EVERYWHERE: [&str; 4] = ["--config", "--context", "--database-url", "--actor"];
/// The flags that name the database.
const DATABASE: [&str; 2] = ["--context", "--database-url"];
/// Confirmations apply to one command only.
const CONSENT: [&str; 2] = ["--yes", "--confirm"];
/// Another request with the same key would be rejected.
pub(super) const KEY: &str = "--idempotency-key";

/// The parsed command line of this run, without passwords.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The subcommands: `order cancel`.
    pub command: String,
    /// The arguments as given, in their order.
    pub given: Vec<GivenArgument>,
    /// Whether a command has a flag: `("order refund", "--note")`.
    pub has_flag: fn(&str, &str) -> bool,
}

/// The arguments of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenArgument {
    /// The argument without its password.
    pub argument: Argument,
    /// Where else the password can be given, if it was omitted here.
    pub password: Option<String>,
}

/// One argument of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A positional argument.
    Value(String),
    /// A positional argument that may begin with a minus.
    Number(String),
    /// `--yes`, `--reason TEXT`
    Flag {
        /// The flag with its dashes.
        name: String,
        /// Its value; `None` for a switch.
        value: Option<String>,
    },
}

/// The arguments of this run that a suggested command repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    Nothing,
    /// The flags that the command also has.
    Flags,
    Everything,
}

impl Default for Invocation {
    fn default() -> Invocation {
        Invocation { command: String::new(), given: Vec::new(), has_flag: |_, _| false }
    }
}

impl Invocation {
    /// With another name in the place of this one: as an argument, else as the value of a flag, by itself or before a
    /// colon (`MUG:2`). `None` if it is neither.
    pub(super) fn renamed(&self, name: &str, other: &str) -> Option<Invocation> {
        let is_name = |text: &str| text.trim().eq_ignore_ascii_case(name.trim());
        let renamed = |text: &str| match text.rsplit_once(':') {
            _ if is_name(text) => Some(other.to_owned()),
            Some((before, rest)) if is_name(before) => Some(format!("{other}:{rest}")),
            _ => None,
        };
        let replaced = |is_wanted: fn(&Argument) -> bool| {
            let mut all = self.clone();
            let mut has_it = false;
            for argument in all.given.iter_mut().map(|given| &mut given.argument).filter(|one| is_wanted(one)) {
                let (Argument::Value(text) | Argument::Number(text) | Argument::Flag { value: Some(text), .. }) =
                    argument
                else {
                    continue;
                };
                if let Some(new) = renamed(text) {
                    (*text, has_it) = (new, true);
                }
            }
            has_it.then_some(all)
        };
        let is_flag = |argument: &Argument| matches!(argument, Argument::Flag { .. });
        replaced(|argument| !matches!(argument, Argument::Flag { .. })).or_else(|| replaced(is_flag))
    }

    /// The flags before a command, optionally without those that name the database.
    pub(super) fn global_arguments(&self, names_database: bool) -> impl Iterator<Item = &GivenArgument> {
        let wanted = EVERYWHERE.into_iter().filter(move |flag| names_database || !DATABASE.contains(flag));
        wanted.filter_map(|flag| self.given.iter().find(|given| given.argument.is_flag(flag)))
    }

    /// The other arguments that a command repeats.
    pub(super) fn repeated(&self, repeats: Repeated, command: &str) -> impl Iterator<Item = &GivenArgument> {
        let is_kept = move |given: &&GivenArgument| match (&given.argument, repeats) {
            (_, Repeated::Nothing) => false,
            (argument, _) if EVERYWHERE.into_iter().any(|flag| argument.is_flag(flag)) => false,
            (_, Repeated::Everything) => true,
            (Argument::Flag { name, .. }, Repeated::Flags) if self.command == command => name != KEY,
            (Argument::Flag { name, .. }, Repeated::Flags) => {
                name != KEY && !CONSENT.contains(&name.as_str()) && (self.has_flag)(command, name)
            }
            (_, Repeated::Flags) => false,
        };
        self.given.iter().filter(is_kept)
    }
}

/// A flag with its value, as a POSIX shell reads it.
pub fn option(flag: &str, value: &str) -> String {
    // A value that begins with a hyphen would be read as a flag.
    let joint = if value.starts_with('-') { '=' } else { ' ' };
    format!("{flag}{joint}{}", shell_word(value))
}

impl Argument {
    /// Whether it is the flag of this name, with its dashes.
    pub fn is_flag(&self, wanted: &str) -> bool {
        matches!(self, Argument::Flag { name, .. } if name == wanted)
    }

    /// As a POSIX shell reads it.
    pub(super) fn text(&self) -> String {
        match self {
            Argument::Value(value) | Argument::Number(value) => shell_word(value),
            Argument::Flag { name, value: None } => name.clone(),
            Argument::Flag { name, value: Some(value) } => option(name, value),
        }
    }

    /// Whether it would be read as a flag and must follow a `--`.
    pub(super) fn is_like_a_flag(&self) -> bool {
        matches!(self, Argument::Value(value) if value.starts_with('-') && value != "-")
    }
}
