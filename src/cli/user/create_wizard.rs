//! The wizard of `user create`: it asks for what is missing, and has the answers reviewed. It writes nothing: they are
//! processed like flags.

use crate::cli::shared::confirm::{self, Prompter};
use crate::cli::shared::wizard::{Next, ask_until, note_command, walk};
use crate::context::Context;
use crate::db::Database;
use crate::domain::{Email, Password, PersonName};
use crate::error::{CommandLine, Error, Result};
use crate::repository::user as users;
use crate::service::user as service;

/// The answers about a new user, some of which may be given in advance.
#[derive(Debug, Default)]
pub struct UserAnswers {
    pub email: Option<Email>,
    pub first_name: Option<PersonName>,
    pub last_name: Option<PersonName>,
    pub password: Option<Password>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Email,
    FirstName,
    LastName,
    Password,
    Review,
}

impl UserAnswers {
    /// Asks for what is missing and, unless nothing is to be written, for confirmation.
    ///
    /// Errors: exit 6 if the given e-mail address is taken; exit 10 for Escape at the first question, the end of input or
    /// no; 130 for Ctrl-C.
    pub async fn complete(
        &mut self,
        context: &Context,
        prompter: &Prompter,
        database: &Database,
        dry_run: bool,
    ) -> Result<()> {
        database.ready().await?;
        if let Some(email) = &self.email
            && is_taken(database, email).await?
        {
            return Err(service::taken(email.as_str()));
        }
        let mut steps = self.missing();
        let asks_password = steps.contains(&Step::Password);
        steps.extend((!dry_run).then_some(Step::Review));
        walk(&steps, async |visit| match visit.step {
            Step::Email => self.ask_email(context, database, visit.escape).await.map(Next::from),
            Step::FirstName => ask_name(context, "first name", &mut self.first_name, visit.escape).await,
            Step::LastName => ask_name(context, "last name", &mut self.last_name, visit.escape).await,
            // An edit keeps it.
            Step::Password if self.password.is_some() => Ok(Next::Forward),
            Step::Password => self.ask_password(context, prompter, visit.escape).await.map(Next::from),
            Step::Review => {
                let review = self.review(context).await;
                let review = review.inspect_err(|_| note_command(context, self.command(asks_password)))?;
                if review == confirm::Review::Back && asks_password {
                    self.password = None;
                }
                Ok(review.into())
            }
        })
        .await?;
        note_command(context, self.command(asks_password));
        Ok(())
    }

    fn missing(&self) -> Vec<Step> {
        let steps = [
            (Step::Email, self.email.is_none()),
            (Step::FirstName, self.first_name.is_none()),
            (Step::LastName, self.last_name.is_none()),
            (Step::Password, self.password.is_none()),
        ];
        steps.into_iter().filter(|(_, is_missing)| *is_missing).map(|(step, _)| step).collect()
    }

    async fn ask_email(&mut self, context: &Context, database: &Database, escape: &'static str) -> Result<bool> {
        loop {
            let before = self.email.as_ref().map(Email::as_str);
            let Some(email) = ask_until(context, ("e-mail address", before), escape, Email::parse).await? else {
                return Ok(false);
            };
            if !is_taken(database, &email).await? {
                self.email = Some(email);
                return Ok(true);
            }
            context.output.warn(service::taken(email.as_str()).message());
        }
    }

    async fn ask_password(&mut self, context: &Context, prompter: &Prompter, escape: &'static str) -> Result<bool> {
        let Some(password) = prompter.new_password(&context.output, escape).await? else { return Ok(false) };
        let password = Password::parse(&password);
        self.password = Some(password.map_err(|problem| Error::internal(format!("the password {problem}")))?);
        Ok(true)
    }

    /// The label, the flag and the value of each answer.
    fn answers(&self) -> [(&'static str, &'static str, Option<&str>); 3] {
        [
            ("e-mail address", "--email", self.email.as_ref().map(Email::as_str)),
            ("first name", "--first-name", self.first_name.as_ref().map(PersonName::as_str)),
            ("last name", "--last-name", self.last_name.as_ref().map(PersonName::as_str)),
        ]
    }

    /// Shows all answers and asks for confirmation.
    async fn review(&self, context: &Context) -> Result<confirm::Review> {
        let lines = self.answers().map(|(label, _, answer)| format!("  {label:<14}  {}\n", answer.unwrap_or_default()));
        context.output.say(&format!("\n{}", lines.concat()));
        confirm::review("Create this user?").await
    }

    /// The command with all answers as flags; a password that was asked for is read from standard input.
    fn command(&self, asks_password: bool) -> CommandLine {
        let command = self
            .answers()
            .into_iter()
            .fold(CommandLine::again(), |command, (_, flag, answer)| command.options(flag, answer));
        if asks_password { command.flag("--password-stdin") } else { command }
    }
}

async fn is_taken(database: &Database, email: &Email) -> Result<bool> {
    users::find_by_email(database.connection(), email.as_str()).await.map(|user| user.is_some())
}

async fn ask_name(context: &Context, label: &str, name: &mut Option<PersonName>, escape: &'static str) -> Result<Next> {
    let before = name.as_ref().map(PersonName::as_str);
    let answer = ask_until(context, (label, before), escape, PersonName::parse).await?;
    let is_answered = answer.is_some();
    *name = answer.or(name.take());
    Ok(Next::from(is_answered))
}
