//! A command as it would be typed: what a wizard leaves behind.

use crate::context::Context;

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
        self.flag(&format!("{flag}{joint}{}", quoted(value)))
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

    /// Ends the command for the same database, never with a password.
    pub fn on_database_of(self, context: &Context) -> String {
        let config = &context.config;
        let command = match &config.context {
            _ if !config.is_named_by_flag => self,
            Some(name) => self.option("--context", name),
            None => self.option("--database-url", &config.target.to_string()),
        };
        command.0
    }
}

/// The value as one word of a shell.
fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
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
            assert_eq!(quoted(value), written);
        }
        assert_eq!(
            CommandLine::new("user create").option("--first-name", "-x").0,
            "shopctl user create --first-name=-x"
        );
    }
}
