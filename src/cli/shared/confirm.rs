//! Confirmations and hidden passwords.

use std::io::{self, IsTerminal};

use serde_json::json;

use super::arguments::AnswerArguments;
use super::prompt::{Question, cancelled, declined};
use crate::context::Context;
use crate::domain::Password;
use crate::error::{CommandLine, Error, Kind, Result, printable};
use crate::output::{Output, escape, is_ci};

/// Asks the user, if there is a terminal to ask on. The fields are plain values, so that tests can set them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prompter {
    pub stdin_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// As [`is_ci`].
    pub is_ci: bool,
    /// `--no-input`
    pub no_input: bool,
}

impl Prompter {
    /// Inspects the streams and environment of this process.
    pub fn detect(no_input: bool) -> Prompter {
        Prompter {
            stdin_is_terminal: io::stdin().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            is_ci: is_ci(),
            no_input,
        }
    }

    /// Whether somebody is there to answer.
    pub fn is_interactive(&self) -> bool {
        let Prompter { stdin_is_terminal, stderr_is_terminal, is_ci, no_input } = *self;
        stdin_is_terminal && stderr_is_terminal && !is_ci && !no_input
    }

    /// Asks yes or no, or for the database's name in a protected context. The impact is only computed if it is shown;
    /// without one nothing would be changed, and nobody is asked.
    ///
    /// Errors: those of [`Prompter::confirm`] and [`Prompter::confirm_by_name`].
    pub async fn ask_permission<I: Into<Option<String>>>(
        &self,
        context: &Context,
        answers: &AnswerArguments,
        dry_run: bool,
        impact: impl AsyncFnOnce() -> Result<I>,
    ) -> Result<()> {
        let (is_protected, name) = (context.config.protected, context.config.target.name());
        // Whoever gives the name says more than yes.
        let yes = answers.yes || answers.confirm.as_ref() == Some(&name);
        if dry_run || (yes && !is_protected) {
            return Ok(());
        }
        let Some(impact) = impact().await?.into() else { return Ok(()) };
        match is_protected {
            false => self.confirm(yes, &impact).await,
            true => self.confirm_by_name(&answers.confirm, &impact, &name).await,
        }
    }

    /// Asks yes or no, unless `yes` answers already. `impact` describes the effect, as a sentence without a full stop:
    /// `this cancels 3 orders in sqlite:shop.db; 7 units are restocked`. Anything but yes counts as no.
    ///
    /// Errors: exit 10 for no or the end of input, 11 if nobody can be asked, 130 for Ctrl-C.
    pub async fn confirm(&self, yes: bool, impact: &str) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !self.is_interactive() {
            return Err(confirmation_needed(impact).hint(CommandLine::again().flag("--yes")));
        }
        let question = Question::yes_or_no("Continue?").about(sentence(impact));
        if is_yes(&question).await? { Ok(()) } else { Err(declined(DECLINED)) }
    }

    /// Whether the user accepts an optional addition; no if nobody can be asked.
    ///
    /// Errors: exit 10 for Escape and the end of input, 130 for Ctrl-C.
    pub async fn accepts(&self, question: &str) -> Result<bool> {
        Ok(self.is_interactive() && is_yes(&Question::yes_or_no(question)).await?)
    }

    /// Asks for the name of the object to destroy, unless `--confirm` gives it; `--yes` is not sufficient.
    ///
    /// Errors: exit 10 for another name or the end of input, 11 if nobody can be asked or `--confirm` gives another
    /// name, 130 for Ctrl-C.
    pub async fn confirm_by_name(&self, confirm: &Option<String>, impact: &str, expected: &str) -> Result<()> {
        let hint = CommandLine::again().option("--confirm", expected);
        match confirm {
            None if !self.is_interactive() => Err(confirmation_needed(impact).hint(hint)),
            None => {
                let question = Question::value(&format!("Type {} to confirm", escape::line(expected)), None);
                let question = question.about(sentence(impact));
                let is_same = question.ask().await?.ok_or_else(cancelled)?.trim() == expected;
                if is_same { Ok(()) } else { Err(declined("a different name was typed; nothing was changed")) }
            }
            Some(name) if name == expected => Ok(()),
            Some(name) => {
                let message = format!("--confirm gives {}, but the name is {}", printable(name), printable(expected));
                Err(Error::new(Kind::ConfirmationNeeded, "confirmation.mismatch", message).hint(hint))
            }
        }
    }

    /// Asks for a new password, twice and hidden, until it is valid; `None` for Escape at the first question.
    ///
    /// Errors: exit 10 for an empty one or the end of input, 11 if nobody can be asked, 130 for Ctrl-C.
    pub async fn new_password(&self, output: &Output, escape: &'static str) -> Result<Option<String>> {
        loop {
            let Some(password) = self.existing_password(escape).await? else { return Ok(None) };
            if password.is_empty() {
                return Err(declined("no password was given"));
            }
            if let Err(problem) = Password::parse(&password) {
                output.warn(&format!("the password {problem}"));
                continue;
            }
            match Question::hidden("repeat the password").escape("back").ask().await? {
                Some(again) if again == password => return Ok(Some(password)),
                Some(_) => output.warn("the passwords differ; type both again"),
                None => {}
            }
        }
    }

    /// Asks for an existing password, once and hidden; `None` for Escape.
    ///
    /// Errors: as [`Prompter::new_password`].
    pub async fn existing_password(&self, escape: &'static str) -> Result<Option<String>> {
        if !self.is_interactive() {
            return Err(Error::new(Kind::ConfirmationNeeded, "password.needed", "a password is needed")
                .hint("give it with --password-stdin or --password-file FILE"));
        }
        Question::hidden("password").escape(escape).ask().await
    }

    /// Whether flags are missing and the user can be asked instead. `flags` are the required ones, each with whether it
    /// is given.
    ///
    /// Errors: exit 2, listing the missing flags, if nobody can be asked.
    pub fn needs_answers(&self, flags: &[(&str, bool)]) -> Result<bool> {
        let missing: Vec<&str> = flags.iter().filter(|(_, is_given)| !is_given).map(|(flag, _)| *flag).collect();
        if missing.is_empty() || self.is_interactive() {
            return Ok(!missing.is_empty());
        }
        Err(Error::usage(format!("missing {}", missing.join(", ")))
            .hint("give each as a flag; on a terminal, shopctl asks for missing values"))
    }
}

/// An impact such as `this cancels 3 orders` with a capital letter.
fn sentence(impact: &str) -> String {
    impact.strip_prefix("this ").map_or_else(|| impact.to_owned(), |rest| format!("This {rest}"))
}

/// What is said of a question that was answered with no.
pub(super) const DECLINED: &str = "nothing was changed";

/// Asks yes or no. Errors: exit 10 for Escape.
async fn is_yes(question: &Question) -> Result<bool> {
    let answer = question.ask().await?.ok_or_else(cancelled)?;
    Ok(means_yes(&answer))
}

fn means_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// The answer to the last question of a wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    Accepted,
    /// To change the answers.
    Edit,
    /// Escape: to the question before.
    Back,
}

/// Asks whether the answers of a wizard are right: `Place this order? [y/N] `.
///
/// Errors: exit 10 for no or the end of input, 130 for Ctrl-C.
pub async fn review(question: &str) -> Result<Review> {
    match Question::yes_or_no(question).also("e: edit").escape("back").ask().await? {
        None => Ok(Review::Back),
        Some(answer) if matches!(answer.trim().to_lowercase().as_str(), "e" | "edit") => Ok(Review::Edit),
        Some(answer) if means_yes(&answer) => Ok(Review::Accepted),
        Some(_) => Err(declined(DECLINED)),
    }
}

fn confirmation_needed(impact: &str) -> Error {
    Error::new(Kind::ConfirmationNeeded, "confirmation.needed", format!("confirmation needed: {impact}"))
        .details(json!({ "impact": impact }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Invocation;
    use crate::output::testing::captured;
    use crate::output::{OutputSettings, Terminal};

    const SOMEBODY: Prompter =
        Prompter { stdin_is_terminal: true, stderr_is_terminal: true, is_ci: false, no_input: false };

    #[test]
    fn prompts_require_a_terminal_for_input_and_output() {
        assert!(SOMEBODY.is_interactive());
        for absent in [
            Prompter { no_input: true, ..SOMEBODY },
            Prompter { is_ci: true, ..SOMEBODY },
            Prompter { stdin_is_terminal: false, ..SOMEBODY },
            Prompter { stderr_is_terminal: false, ..SOMEBODY },
        ] {
            assert!(!absent.is_interactive(), "{absent:?}");
        }
    }

    #[tokio::test]
    async fn without_a_terminal_a_prompt_fails_and_names_the_flag() {
        Prompter::default().confirm(true, "this cancels 3 orders").await.unwrap();
        let aim = Invocation { command: "order cancel A B".to_owned(), ..Invocation::default() };
        let refusal = Prompter::default().confirm(false, "this cancels 3 orders").await.unwrap_err();
        assert_eq!(refusal.kind(), Kind::ConfirmationNeeded);
        assert_eq!(refusal.message(), "confirmation needed: this cancels 3 orders");
        assert_eq!(refusal.hint_lines(&aim), ["shopctl order cancel A B --yes"]);
    }

    #[tokio::test]
    async fn only_the_exact_name_confirms() {
        let named = async |prompter: Prompter, name: Option<&str>| {
            prompter.confirm_by_name(&name.map(str::to_owned), "this drops all tables", "shop").await
        };
        named(SOMEBODY, Some("shop")).await.unwrap();
        for refused in [named(SOMEBODY, Some("Shop")).await, named(Prompter::default(), None).await] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), Kind::ConfirmationNeeded);
            assert_eq!(error.hint_lines(&Invocation::default()), ["shopctl --confirm shop"]);
        }
    }

    #[tokio::test]
    async fn without_a_terminal_the_password_error_names_the_flags() {
        let (output, ..) = captured(OutputSettings::default(), Terminal::default());
        let refusal = Prompter::default().new_password(&output, "cancel").await.unwrap_err();
        assert_eq!(refusal.kind(), Kind::ConfirmationNeeded);
        assert_eq!(
            refusal.hint_lines(&Invocation::default()),
            ["give it with --password-stdin or --password-file FILE"]
        );
    }
}
