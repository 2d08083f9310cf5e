//! Questions: may this be done, and the hidden password.
//!
//! Asked key by key, see `keys`.

use std::env;
use std::io::{self, IsTerminal};

use serde_json::json;

use super::keys::{Echo, ask, declined};
use crate::domain::Password;
use crate::error::{CommandLine, Error, Kind, Result, printable};
use crate::output::{Output, escape};

/// Whether there is somebody to ask. A plain value, so that a test sets it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audience {
    pub stdin_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// `CI` is set and not empty.
    pub is_ci: bool,
}

impl Audience {
    /// The facts of this process.
    pub fn detect() -> Audience {
        Audience {
            stdin_is_terminal: io::stdin().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            is_ci: env::var_os("CI").is_some_and(|value| !value.is_empty()),
        }
    }
}

/// What the command line has answered already, and whether anybody can be asked for the rest.
#[derive(Debug, Clone, Default)]
pub struct Confirmation {
    /// `--yes`
    pub assume_yes: bool,
    /// `--confirm NAME`
    pub confirm: Option<String>,
    /// `--no-input`
    pub no_input: bool,
    /// `--dry-run`: nothing will stay changed, so nothing is asked.
    pub dry_run: bool,
    pub audience: Audience,
}

/// What is left to do about a question.
#[derive(Debug)]
enum Decision {
    Granted,
    Ask,
}

impl Confirmation {
    /// Whether prompts are allowed: stdin and stderr are terminals, no CI, no `--no-input`.
    pub fn is_interactive(&self) -> bool {
        let Audience { stdin_is_terminal, stderr_is_terminal, is_ci } = self.audience;
        stdin_is_terminal && stderr_is_terminal && !is_ci && !self.no_input
    }

    /// Lets pass what was answered with yes. `impact` says what would happen, as a sentence without
    /// a period: `this cancels 3 orders and restocks 7 units`. Anything but yes is no.
    ///
    /// Errors: exit 10 for no or the end of input, 11 when nobody can be asked, 130 for Ctrl-C.
    pub fn yes_or_no(&self, output: &Output, impact: &str) -> Result<()> {
        match self.decide_yes_or_no(impact)? {
            Decision::Granted => Ok(()),
            Decision::Ask => {
                output.say(impact);
                judge_yes_or_no(&ask("go on? [y/N] ", Echo::Shown)?)
            }
        }
    }

    /// Lets pass what was answered with the name of what is at stake; `--yes` does not.
    ///
    /// Errors: exit 10 for another name or the end of input, 11 when nobody can be asked or
    /// `--confirm` names something else, 130 for Ctrl-C.
    pub fn typed_name(&self, output: &Output, impact: &str, expected_name: &str) -> Result<()> {
        match self.decide_typed_name(impact, expected_name)? {
            Decision::Granted => Ok(()),
            Decision::Ask => {
                output.say(impact);
                let question = format!("type {} to go on: ", escape::line(expected_name));
                judge_typed_name(&ask(&question, Echo::Shown)?, expected_name)
            }
        }
    }

    /// Lets pass what was reviewed, by a question of its own: `place this order?`. Never skipped.
    ///
    /// Errors: exit 10 for no or the end of input, 130 for Ctrl-C.
    pub fn agreed(question: &str) -> Result<()> {
        judge_yes_or_no(&ask(&format!("{question} [y/N] "), Echo::Shown)?)
    }

    /// A new password, typed twice without being shown; one that is not allowed is asked for again.
    ///
    /// Errors: exit 10 for none or the end of input, 11 when nobody can be asked, 130 for Ctrl-C.
    pub fn hidden_password(&self, output: &Output) -> Result<String> {
        self.somebody_types_passwords()?;
        loop {
            let password = ask("password: ", Echo::Hidden)?;
            if password.is_empty() {
                return Err(declined("no password was given"));
            }
            if let Err(problem) = Password::parse(&password) {
                output.warn(&format!("the password {problem}"));
                continue;
            }
            if ask("the same password again: ", Echo::Hidden)? == password {
                return Ok(password);
            }
            output.warn("the two passwords differ, please type both again");
        }
    }

    /// A password that exists already, typed once without being shown.
    ///
    /// Errors: as [`Confirmation::hidden_password`].
    pub fn known_password(&self) -> Result<String> {
        self.somebody_types_passwords()?;
        ask("password: ", Echo::Hidden)
    }

    fn somebody_types_passwords(&self) -> Result<()> {
        if self.is_interactive() && !self.dry_run {
            return Ok(());
        }
        Err(Error::new(Kind::ConfirmationNeeded, "password.needed", "a password is needed")
            .hint("give it with --password-stdin or --password-file FILE"))
    }

    fn decide_yes_or_no(&self, impact: &str) -> Result<Decision> {
        match self {
            _ if self.dry_run || self.assume_yes => Ok(Decision::Granted),
            _ if self.is_interactive() => Ok(Decision::Ask),
            _ => Err(needed(impact).hint(CommandLine::again().flag("--yes"))),
        }
    }

    fn decide_typed_name(&self, impact: &str, expected_name: &str) -> Result<Decision> {
        let hint = CommandLine::again().option("--confirm", expected_name);
        match &self.confirm {
            _ if self.dry_run => Ok(Decision::Granted),
            Some(name) if name == expected_name => Ok(Decision::Granted),
            Some(name) => {
                let message = format!("--confirm names {}, but this is {}", printable(name), printable(expected_name));
                Err(Error::new(Kind::ConfirmationNeeded, "confirmation.mismatch", message).hint(hint))
            }
            None if self.is_interactive() => Ok(Decision::Ask),
            None => Err(needed(impact).hint(hint)),
        }
    }
}

fn judge_yes_or_no(answer: &str) -> Result<()> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(declined("declined, nothing was changed")),
    }
}

fn judge_typed_name(answer: &str, expected_name: &str) -> Result<()> {
    if answer.trim() == expected_name {
        return Ok(());
    }
    Err(declined("another name was typed, nothing was changed"))
}

fn needed(impact: &str) -> Error {
    Error::new(Kind::ConfirmationNeeded, "confirmation.needed", format!("confirmation needed: {impact}"))
        .details(json!({ "impact": impact }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Aim;
    use crate::output::testing::captured;
    use crate::output::{OutputSettings, Terminal};

    const SOMEBODY: Audience = Audience { stdin_is_terminal: true, stderr_is_terminal: true, is_ci: false };

    fn somebody() -> Confirmation {
        Confirmation { audience: SOMEBODY, ..Confirmation::default() }
    }

    #[test]
    fn only_a_person_at_both_ends_is_asked() {
        assert!(somebody().is_interactive());
        for absent in [
            Confirmation { no_input: true, ..somebody() },
            Confirmation { audience: Audience { is_ci: true, ..SOMEBODY }, ..somebody() },
            Confirmation { audience: Audience { stdin_is_terminal: false, ..SOMEBODY }, ..somebody() },
            Confirmation { audience: Audience { stderr_is_terminal: false, ..SOMEBODY }, ..somebody() },
        ] {
            assert!(!absent.is_interactive(), "{absent:?}");
        }
    }

    #[test]
    fn yes_and_dry_run_pass_and_nobody_is_refused_with_the_flag() {
        let (output, stdout, stderr) = captured(OutputSettings::default(), Terminal::default());
        for granted in
            [Confirmation { assume_yes: true, ..Confirmation::default() }, Confirmation { dry_run: true, ..somebody() }]
        {
            granted.yes_or_no(&output, "this cancels 3 orders").unwrap();
        }
        let aim = Aim { command: "order cancel A B".to_owned(), ..Aim::default() };
        let refusal = Confirmation::default().yes_or_no(&output, "this cancels 3 orders").unwrap_err();
        assert_eq!(refusal.kind(), Kind::ConfirmationNeeded);
        assert_eq!(refusal.message(), "confirmation needed: this cancels 3 orders");
        assert_eq!(refusal.hint_lines(&aim), ["shopctl order cancel A B --yes"]);
        assert!(matches!(somebody().decide_yes_or_no("").unwrap(), Decision::Ask));
        assert_eq!(stdout.text() + &stderr.text(), "");
    }

    #[test]
    fn a_name_is_confirmed_by_that_name_alone() {
        let decide = |confirmation: Confirmation| confirmation.decide_typed_name("this drops all tables", "shop");
        let with = |name: &str| Confirmation { confirm: Some(name.to_owned()), ..somebody() };
        assert!(matches!(decide(with("shop")).unwrap(), Decision::Granted));
        assert!(matches!(decide(somebody()).unwrap(), Decision::Ask));
        assert!(matches!(decide(Confirmation { assume_yes: true, ..somebody() }).unwrap(), Decision::Ask));
        assert!(matches!(decide(Confirmation { dry_run: true, ..with("shpo") }).unwrap(), Decision::Granted));
        for refused in [with("Shop"), Confirmation { assume_yes: true, ..Confirmation::default() }] {
            let error = decide(refused).unwrap_err();
            assert_eq!(error.kind(), Kind::ConfirmationNeeded);
            assert_eq!(error.hint_lines(&Aim::default()), ["shopctl --confirm shop"]);
        }
    }

    #[test]
    fn anything_but_yes_is_no() {
        for answer in ["y", "Y", " yes ", "YES"] {
            judge_yes_or_no(answer).unwrap();
        }
        for answer in ["", "n", "no", "yep", "ja"] {
            assert_eq!(judge_yes_or_no(answer).unwrap_err().kind(), Kind::Declined);
        }
        judge_typed_name("shop ", "shop").unwrap();
        assert_eq!(judge_typed_name("", "shop").unwrap_err().kind(), Kind::Declined);
    }

    #[test]
    fn a_password_that_nobody_can_type_names_the_flags() {
        let (output, ..) = captured(OutputSettings::default(), Terminal::default());
        let refusal = Confirmation::default().hidden_password(&output).unwrap_err();
        assert_eq!(refusal.kind(), Kind::ConfirmationNeeded);
        assert_eq!(refusal.hint_lines(&Aim::default()), ["give it with --password-stdin or --password-file FILE"]);
    }
}
