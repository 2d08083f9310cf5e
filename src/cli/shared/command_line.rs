//! What this run's command line was: the flags that chose its database, and the whole of it to be
//! repeated with one more answer. Never with a password.

use std::borrow::Cow;
use std::env;
use std::path::Path;

use crate::db::target::Engine;
use crate::domain::text::shell_word;
use crate::error::{Aim, CommandLine};

/// The flags that chose this run's database and actor, as a shell reads them.
pub fn aim(context: Option<&str>, database_url: Option<&str>, config: Option<&Path>, actor: Option<&str>) -> Aim {
    let (database_url, lacks_password) = match database_url.map(without_password) {
        Some((url, is_shorter)) => (Some(url), is_shorter),
        None => (None, false),
    };
    let config = config.map(|path| path.to_string_lossy());
    let database_url = database_url.as_deref();
    let flags =
        [("--config", config.as_deref()), ("--context", context), ("--database-url", database_url), ("--actor", actor)];
    let written = |flag: &str, value: &str| {
        // A value that begins like a flag would be taken for one.
        let joint = if value.starts_with('-') { '=' } else { ' ' };
        format!("{flag}{joint}{}", shell_word(value))
    };
    let given = flags.into_iter().filter_map(|(flag, value)| Some(written(flag, value?)));
    Aim { flags: given.collect::<Vec<_>>().join(" "), lacks_password }
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

    /// The same command with this flag, ready to paste.
    pub fn with_flag(&self, flag: &str) -> CommandLine {
        // What follows `--` is no flag.
        let end = self.0.iter().position(|argument| argument == "--").unwrap_or(self.0.len());
        let (before, after) = self.0.split_at(end);
        let mut lacks_password = false;
        let mut word = |argument: &String| {
            let (option, value) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (format!("{option}="), value),
                _ => (String::new(), argument.as_str()),
            };
            let (value, is_shorter) = without_password(value);
            lacks_password |= is_shorter;
            shell_word(&(option + &value))
        };
        let mut words: Vec<String> = before.iter().map(&mut word).collect();
        words.push(flag.to_owned());
        words.extend(after.iter().map(&mut word));
        CommandLine::typed(words, lacks_password)
    }

    /// As [`Typed::with_flag`], for an option that may have been given with another value.
    pub fn with_option(&self, option: &str, value: &str) -> CommandLine {
        let mut arguments = Vec::new();
        let mut typed = self.0.iter();
        while let Some(argument) = typed.next() {
            match argument.strip_prefix(option) {
                Some("") => drop(typed.next()),
                Some(rest) if rest.starts_with('=') => {}
                _ => arguments.push(argument.clone()),
            }
        }
        let joint = if value.starts_with('-') { '=' } else { ' ' };
        Typed(arguments).with_flag(&format!("{option}{joint}{}", shell_word(value)))
    }
}

/// A server's URL without the passwords that stand in it, and whether there were any; any other text as it is.
///
/// It takes URLs apart as they are read: several hosts, and an @ in the password.
fn without_password(text: &str) -> (Cow<'_, str>, bool) {
    const SECRETS: [&str; 2] = ["password", "sslpassword"];
    let Some((scheme, rest)) = text.split_once("://") else { return (text.into(), false) };
    if Engine::parse(&scheme.trim().to_ascii_lowercase()).is_none_or(|engine| engine.server().is_none()) {
        return (text.into(), false);
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user = login.split(':').next().unwrap_or_default();
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let is_secret = |pair: &&str| SECRETS.contains(&pair.split('=').next().unwrap_or_default());
    let parameters: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_secret(pair)).collect();
    if user == login && !query.split('&').any(|pair| is_secret(&pair)) {
        return (text.into(), false);
    }
    let at = if user.is_empty() { "" } else { "@" };
    let mark = if parameters.is_empty() { "" } else { "?" };
    (format!("{scheme}://{user}{at}{hosts}{path}{mark}{}", parameters.join("&")).into(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Hint;

    fn text(command: CommandLine) -> String {
        Hint::from(command).to_string()
    }

    #[test]
    fn a_repeated_command_keeps_its_flags_and_loses_the_password() {
        let line = Typed::of(&["order", "cancel", "X", "--reason", "changed her mind", "-c", "live"]);
        assert_eq!(text(line.with_flag("--yes")), "shopctl order cancel X --reason 'changed her mind' -c live --yes");
        let url = "--database-url=postgres://u:secret@h/d?sslmode=require&password=secret";
        assert_eq!(
            text(Typed::of(&[url, "user", "delete", "--", "-x"]).with_option("--confirm", "-x")),
            "shopctl '--database-url=postgres://u@h/d?sslmode=require' user delete --confirm=-x -- -x"
        );
        let line = Typed::of(&["--database-url", "mysql://u:se%20cret@h:1/d", "migrate", "reset"]);
        assert_eq!(text(line.with_flag("--yes")), "shopctl --database-url mysql://u@h:1/d migrate reset --yes");
        let line = Typed::of(&["migrate", "baseline", "--scratch-url", "postgres://u:secret@h/scratch"]);
        assert_eq!(
            text(line.with_flag("--yes")),
            "shopctl migrate baseline --scratch-url postgres://u@h/scratch --yes"
        );
    }

    #[test]
    fn a_wrong_answer_is_replaced() {
        for wrong in [&["fresh", "--confirm", "shpo"][..], &["fresh", "--confirm=shpo"]] {
            assert_eq!(text(Typed::of(wrong).with_option("--confirm", "my shop")), "shopctl fresh --confirm 'my shop'");
        }
    }

    #[test]
    fn the_target_is_repeated_as_it_was_named() {
        let flags = |context, url, config| aim(context, url, config, None).flags;
        assert_eq!(flags(Some("live shop"), None, None), "--context 'live shop'");
        assert_eq!(flags(None, Some("sqlite:a b.db"), None), "--database-url 'sqlite:a b.db'");
        let config = Path::new("other.toml");
        assert_eq!(flags(Some("live"), None, Some(config)), "--config other.toml --context live");
        assert_eq!(flags(None, None, None), "");
        assert_eq!(aim(Some("live"), None, None, Some("bob b")).flags, "--context live --actor 'bob b'");
        assert_eq!(aim(None, None, None, Some("-7")).flags, "--actor=-7");
    }

    #[test]
    fn a_url_loses_its_password_and_nothing_else() {
        for (url, shorter) in [
            ("postgres://u:p@h/d", "postgres://u@h/d"),
            ("postgresql://u:p@h1:1,h2:2/d", "postgresql://u@h1:1,h2:2/d"),
            ("MYSQL://u:p@ss@h/d?password=p", "MYSQL://u@h/d"),
            ("mariadb://:p@h/d?a=b&password=p&c=d", "mariadb://h/d?a=b&c=d"),
            ("postgres://u:@h/d", "postgres://u@h/d"),
        ] {
            assert_eq!(without_password(url), (shorter.into(), true));
        }
        for same in
            ["postgres://u@h:1,h2/d?sslmode=require", "sqlite:a:b@c", "https://a:b@c", "MUG-01:2", "mysql://h/d?"]
        {
            assert_eq!(without_password(same), (same.into(), false));
        }
    }
}
