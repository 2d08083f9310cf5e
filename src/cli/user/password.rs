//! `shopctl user set-password|verify-password`, and the sources of passwords.

use std::path::PathBuf;

use clap::Args;

use super::{WhoArguments, find_user};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, outcome_verb};
use crate::cli::shared::prompt::cancelled;
use crate::context::Context;
use crate::db::Access;
use crate::domain::password::{self, Verdict};
use crate::domain::{Password, Violations};
use crate::entity::user::Model;
use crate::error::{Error, Kind, Result, io_reason, printable};
use crate::file::{input_name, password_file_name, read_input};
use crate::output::{Change, Mutation, Output};
use crate::repository::user::{self as users, UserKey};
use crate::service::user as service;

/// What Escape does if there is no other question.
pub const CANCEL: &str = "cancel";

#[derive(Debug, Args)]
pub struct PasswordArguments {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password_file")]
    pub password_stdin: bool,
    /// Read the password from this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

// A user and the source of the password.
#[derive(Debug, Args)]
pub struct UserPasswordArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl PasswordArguments {
    pub fn is_prompted(&self) -> bool {
        !self.password_stdin && self.password_file.is_none()
    }

    /// Reads the password from the given source, without the final line break, or asks for it by `ask`. At a terminal,
    /// standard input is a hidden question too.
    pub async fn read(
        &self,
        prompter: &Prompter,
        output: &Output,
        ask: impl AsyncFnOnce() -> Result<Option<String>>,
    ) -> Result<String> {
        /// Maximum size of the input, in bytes; larger than any valid password.
        const MAX_BYTES: u64 = 64 * 1024;
        if self.is_prompted() {
            return ask().await?.ok_or_else(cancelled);
        }
        if self.password_stdin && prompter.is_interactive() {
            return prompter.existing_password(CANCEL).await?.ok_or_else(cancelled);
        }
        if self.password_stdin {
            output.note_standard_input();
        }
        let file = self.password_file.as_deref();
        let text = read_input(file, MAX_BYTES).map_err(|error| {
            let name = file.map_or_else(
                || input_name(None),
                |path| password_file_name(path).unwrap_or_else(|| "the file of --password-file".to_owned()),
            );
            let message = format!("cannot read the password from {name}: {}", io_reason(&error));
            Error::configuration("password.unreadable", message)
        })?;
        Ok(text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned())
    }
}

/// Replaces a password. An unknown user is reported before the prompt.
pub async fn set(context: &Context, prompter: &Prompter, arguments: &UserPasswordArguments) -> Result<Effect> {
    if arguments.password.is_prompted() {
        find_user(context, &arguments.who.who).await?;
    }
    let password = {
        let ask = async || prompter.new_password(&context.output, CANCEL).await;
        arguments.password.read(prompter, &context.output, ask).await?
    };
    let password =
        Password::parse(&password).map_err(|problem| Violations::single("password", problem).into_error())?;
    mutation::run(context, &arguments.write, async |operations| {
        let changed = service::set_password(operations, &arguments.who.who, &service::hash(&password)?).await?;
        Ok(mutation::updated(operations, &changed, "has a new password"))
    })
    .await
}

/// Verifies a password. An argon2 hash with weaker parameters than the current ones is replaced.
pub async fn verify(context: &Context, prompter: &Prompter, arguments: &UserPasswordArguments) -> Result<()> {
    context.output.check_mutation_format()?;
    let who = &arguments.who.who;
    let database = context.database(Access::Read).await?;
    let user = users::find_with_hash(database.connection(), UserKey::parse(who)).await?;
    let user = user.ok_or_else(|| service::unknown(who))?;
    let password = {
        let ask = async || prompter.existing_password(CANCEL).await;
        arguments.password.read(prompter, &context.output, ask).await?
    };
    if password.is_empty() {
        return Err(Error::new(Kind::Invalid, "password.missing", "no password was given"));
    }
    let email = printable(&user.email);
    let no = |code, message: String| Err(Error::new(Kind::CheckFailed, code, message));
    match password::verify(&user.password_hash, &password) {
        Verdict::Differs => no("password.differs", format!("this is not the password of {email}")),
        Verdict::Unreadable(reason) => {
            no("password.unverifiable", format!("the password hash of {email} cannot be verified: {reason}"))
        }
        Verdict::Matches { is_weak } => {
            let dry_run = arguments.write.dry_run;
            let rehashed = is_weak && rehash(context, &user, &password, dry_run).await;
            let note =
                if rehashed { format!("; its hash {}", outcome_verb(dry_run, "strengthened")) } else { String::new() };
            let line = format!("the password of {email} matches{note}");
            let object = mutation::key(&user);
            let change: Change = Change { object, changed: rehashed, dry_run, ..Change::default() };
            context.output.mutation(&Mutation::new(line, user.id, change));
            Ok(())
        }
    }
}

/// Replaces a weak hash and returns whether it did; failures are only warnings, because the password is correct.
async fn rehash(context: &Context, user: &Model, password: &str, dry_run: bool) -> bool {
    let attempt = async {
        let database = context.database_for_operation().await?;
        let password =
            Password::parse(password).map_err(|problem| Error::internal(format!("the password {problem}")))?;
        let hash = service::hash(&password)?;
        Ok::<bool, Error>(service::rehash(&context.operations(&database, dry_run), user, &hash).await?.changed)
    };
    attempt.await.unwrap_or_else(|error| {
        context.output.warn(&format!("the weak hash was not replaced: {error}"));
        false
    })
}
