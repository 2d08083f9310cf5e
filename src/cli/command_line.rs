//! A command as it would be typed: what a wizard leaves behind.

use std::env;
use std::path::Path;

use url::Url;

use crate::domain::text::shell_word;

/// A command that a POSIX shell reads back as it was meant.
pub struct CommandLine(String);

impl CommandLine {
    /// `words` are the command itself: `order create`.
    pub fn new(words: &str) -> CommandLine {
        CommandLine(format!("shopctl {words}"))
    }

    pub fn flag(mut self, flag: &str) -> CommandLine {
        self.0.push(' ');
        self.0.push_str(flag);
        self
    }

    pub fn option(self, flag: &str, value: &str) -> CommandLine {
        // A value that begins like a flag would be taken for one.
        let joint = if value.starts_with('-') { '=' } else { ' ' };
        self.flag(&format!("{flag}{joint}{}", shell_word(value)))
    }

    pub fn options(self, flag: &str, value: Option<&str>) -> CommandLine {
        match value {
            Some(value) => self.option(flag, value),
            None => self,
        }
    }

    pub fn dry_run(self, dry_run: bool) -> CommandLine {
        if dry_run { self.flag("--dry-run") } else { self }
    }

    /// The command; whoever prints it adds the database.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// The flags that chose this run's database, as a shell reads them and never with a password.
pub fn target_flags(context: Option<&str>, database_url: Option<&str>, config: Option<&Path>) -> String {
    let database_url = database_url.and_then(without_password);
    let config = config.map(|path| path.to_string_lossy().into_owned());
    let flags = [("--config", config.as_deref()), ("--context", context), ("--database-url", database_url.as_deref())];
    let given = flags.into_iter().filter_map(|(flag, value)| Some(format!("{flag} {}", shell_word(value?))));
    given.collect::<Vec<_>>().join(" ")
}

/// The arguments of a command as they were typed. A plain value, so that a test sets it.
#[derive(Debug, Clone, Default)]
pub struct Typed(Vec<String>);

impl Typed {
    /// The arguments of this process.
    pub fn detect() -> Typed {
        Typed(env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect())
    }

    #[cfg(test)]
    pub fn of(line: &[&str]) -> Typed {
        Typed(line.iter().map(|word| (*word).to_owned()).collect())
    }

    /// The same command with this flag, ready to paste; never with a password.
    pub fn with_flag(&self, flag: &str) -> String {
        // What follows `--` is no flag.
        let end = self.0.iter().position(|argument| argument == "--").unwrap_or(self.0.len());
        let (before, after) = self.0.split_at(end);
        let mut words = vec!["shopctl".to_owned()];
        let mut is_url = false;
        for argument in before {
            let word = match argument.strip_prefix("--database-url=") {
                Some(url) => format!("--database-url={}", without_password(url).unwrap_or_default()),
                None if is_url => without_password(argument).unwrap_or_default(),
                None => argument.clone(),
            };
            is_url = argument == "--database-url";
            words.push(shell_word(&word));
        }
        words.push(flag.to_owned());
        words.extend(after.iter().map(|argument| shell_word(argument)));
        words.join(" ")
    }

    /// As [`Typed::with_flag`], for an option that may have been given with another value.
    pub fn with_option(&self, option: &str, value: &str) -> String {
        let mut arguments = Vec::new();
        let mut typed = self.0.iter();
        while let Some(argument) = typed.next() {
            match argument.strip_prefix(option) {
                Some("") => drop(typed.next()),
                Some(rest) if rest.starts_with('=') => {}
                _ => arguments.push(argument.clone()),
            }
        }
        Typed(arguments).with_flag(&format!("{option} {}", shell_word(value)))
    }
}

/// The URL as it was typed, without a password; `None` for what is no URL.
fn without_password(text: &str) -> Option<String> {
    const SECRETS: [&str; 2] = ["password", "sslpassword"];
    if !text.contains("://") || text.starts_with("sqlite:") {
        return Some(text.to_owned());
    }
    let mut url = Url::parse(text).ok()?;
    url.set_password(None).ok()?;
    let is_secret = |pair: &str| pair.split('=').next().is_some_and(|name| SECRETS.contains(&name));
    let query = url.query().map(|query| query.split('&').filter(|pair| !is_secret(pair)).collect::<Vec<_>>().join("&"));
    url.set_query(query.as_deref().filter(|query| !query.is_empty()));
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(shell_word(value), written);
        }
        assert_eq!(
            CommandLine::new("user create").option("--first-name", "-x").0,
            "shopctl user create --first-name=-x"
        );
    }

    #[test]
    fn a_repeated_command_keeps_its_flags_and_loses_the_password() {
        let line = Typed::of(&["order", "cancel", "X", "--reason", "changed her mind", "-c", "live"]);
        assert_eq!(line.with_flag("--yes"), "shopctl order cancel X --reason 'changed her mind' -c live --yes");
        let url = "--database-url=postgres://u:secret@h/d?sslmode=require&password=secret";
        assert_eq!(
            Typed::of(&[url, "user", "delete", "--", "-x"]).with_option("--confirm", "-x"),
            "shopctl '--database-url=postgres://u@h/d?sslmode=require' user delete --confirm -x -- -x"
        );
        let line = Typed::of(&["--database-url", "mysql://u:se%20cret@h:1/d", "migrate", "reset"]);
        assert_eq!(line.with_flag("--yes"), "shopctl --database-url mysql://u@h:1/d migrate reset --yes");
    }

    #[test]
    fn a_wrong_answer_is_replaced() {
        for wrong in [&["fresh", "--confirm", "shpo"][..], &["fresh", "--confirm=shpo"]] {
            assert_eq!(Typed::of(wrong).with_option("--confirm", "my shop"), "shopctl fresh --confirm 'my shop'");
        }
    }

    #[test]
    fn the_target_is_repeated_as_it_was_named() {
        assert_eq!(target_flags(Some("live shop"), None, None), "--context 'live shop'");
        assert_eq!(target_flags(None, Some("sqlite:a b.db"), None), "--database-url 'sqlite:a b.db'");
        let config = Path::new("other.toml");
        assert_eq!(target_flags(Some("live"), None, Some(config)), "--config other.toml --context live");
        assert_eq!(target_flags(None, None, None), "");
    }
}
