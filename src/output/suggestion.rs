//! Suggested commands, completed with the flags that chose this run's database: pasted, they act
//! on the same shop.

use std::borrow::Cow;

/// What every suggested command repeats of this one. Messages hold plain commands
/// (`shopctl migrate up`); here, and nowhere else, they get their target.
#[derive(Debug, Clone, Default)]
pub struct Suggestions {
    /// `--context live`, as a shell reads it; empty when the command line names no database.
    pub flags: String,
    /// The commands that take these flags: `migrate`, `order` …
    pub commands: Vec<String>,
}

const PROGRAM: &str = "shopctl ";

impl Suggestions {
    /// The text with the flags in each command that it suggests.
    pub fn complete<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.flags.is_empty() || !text.contains(PROGRAM) {
            return Cow::Borrowed(text);
        }
        let mut completed = String::with_capacity(text.len() + self.flags.len());
        let mut rest = text;
        while let Some(position) = rest.find(PROGRAM) {
            let (before, after) = rest.split_at(position + PROGRAM.len());
            completed.push_str(before);
            if self.begins_command(after) && !ends_a_word(&before[..position]) {
                completed.push_str(&self.flags);
                completed.push(' ');
            }
            rest = after;
        }
        completed.push_str(rest);
        Cow::Owned(completed)
    }

    fn begins_command(&self, text: &str) -> bool {
        let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '-');
        let word = &text[..end.unwrap_or(text.len())];
        // It says where to correct what was chosen, also when that is the fault.
        if text.starts_with("config path") {
            return false;
        }
        self.commands.iter().any(|command| command == word)
    }
}

/// Whether `shopctl` after this text is a part of a longer word, such as a path.
fn ends_a_word(before: &str) -> bool {
    before.ends_with(|character: char| character.is_alphanumeric() || "/._-".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> String {
        let commands = ["migrate", "order", "config"].map(str::to_owned).to_vec();
        Suggestions { flags: "--context live".to_owned(), commands }.complete(text).into_owned()
    }

    #[test]
    fn each_suggested_command_names_the_target_and_prose_stays() {
        assert_eq!(complete("shopctl migrate up"), "shopctl --context live migrate up");
        assert_eq!(
            complete("mend it, then shopctl migrate resolve m1 --retry; or: shopctl migrate status"),
            "mend it, then shopctl --context live migrate resolve m1 --retry; or: shopctl --context live migrate status"
        );
        assert_eq!(complete("(shopctl order list)"), "(shopctl --context live order list)");
        for prose in [
            "this shopctl does not have it",
            "shopctl help lifecycle",
            "shopctl config path",
            "/etc/shopctl migrate",
            "shopctl orders",
            "",
        ] {
            assert_eq!(complete(prose), prose);
        }
        let once = complete("shopctl migrate up");
        assert_eq!(complete(&once), once);
    }

    #[test]
    fn without_flags_nothing_changes() {
        assert_eq!(Suggestions::default().complete("shopctl migrate up"), "shopctl migrate up");
    }
}
