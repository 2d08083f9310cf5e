//! What this run's command line said, as far as suggested commands say it again.

use crate::domain::text::shell_word;

/// The flags that say where a command works and who acts: every suggested command has them, in this order.
const EVERYWHERE: [&str; 4] = ["--config", "--context", "--database-url", "--actor"];
/// Those of them that name the database.
const DATABASE: [&str; 2] = ["--context", "--database-url"];
/// What was agreed to for one command is not agreed to for another.
const CONSENT: [&str; 2] = ["--yes", "--confirm"];
/// Another request with the same key would be refused.
pub(super) const KEY: &str = "--idempotency-key";

/// This run's command line, taken apart and without passwords.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The command's words: `order cancel`.
    pub command: String,
    pub given: Vec<Given>,
    /// Whether a command has a flag: `("order refund", "--note")`.
    pub has_flag: fn(&str, &str) -> bool,
}

/// What was given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub argument: Argument,
    /// Where its password can be given instead, if it was left out here.
    pub password: Option<String>,
}

/// One argument of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Known by its place.
    Value(String),
    /// The same, but no flag when it begins with a minus.
    Number(String),
    /// `--yes`, `--reason TEXT`
    Flag { name: String, value: Option<String> },
}

/// How much of this run's own command line a suggested command says again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    /// The flags that it has as well.
    Flags,
    Everything,
}

impl Default for Aim {
    fn default() -> Aim {
        Aim { command: String::new(), given: Vec::new(), has_flag: |_, _| false }
    }
}

impl Aim {
    /// The flags that stand in front of a command, or those of them that do not name the database.
    pub(super) fn front(&self, names_database: bool) -> impl Iterator<Item = &Given> {
        let wanted = EVERYWHERE.into_iter().filter(move |flag| names_database || !DATABASE.contains(flag));
        wanted.filter_map(|flag| self.given.iter().find(|given| given.argument.is_flag(flag)))
    }

    /// What a command says again beside them.
    pub(super) fn kept(&self, kept: Kept, command: &str) -> impl Iterator<Item = &Given> {
        let is_kept = move |given: &&Given| match (&given.argument, kept) {
            (_, Kept::Nothing) => false,
            (argument, _) if EVERYWHERE.into_iter().any(|flag| argument.is_flag(flag)) => false,
            (_, Kept::Everything) => true,
            (Argument::Flag { name, .. }, Kept::Flags) if self.command == command => name != KEY,
            (Argument::Flag { name, .. }, Kept::Flags) => {
                name != KEY && !CONSENT.contains(&name.as_str()) && (self.has_flag)(command, name)
            }
            (_, Kept::Flags) => false,
        };
        self.given.iter().filter(is_kept)
    }
}

/// A flag with its value, as a POSIX shell reads it.
pub fn option(flag: &str, value: &str) -> String {
    // A value that begins like a flag would be taken for one.
    let joint = if value.starts_with('-') { '=' } else { ' ' };
    format!("{flag}{joint}{}", shell_word(value))
}

impl Argument {
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

    /// Whether it would be taken for a flag: it stands behind a `--`.
    pub(super) fn is_like_a_flag(&self) -> bool {
        matches!(self, Argument::Value(value) if value.starts_with('-') && value != "-")
    }
}
