//! `shopctl user create`

use clap::Args;

use super::create_wizard::UserAnswers;
use super::password;
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, finish};
use crate::context::Context;
use crate::domain::{Email, Password, PersonName, Violations};
use crate::error::{Error, Result};
use crate::service::user::{self as service, Model};

#[derive(Debug, Args)]
pub struct CreateArguments {
    /// E-mail address
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    /// First name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Last name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    #[command(flatten)]
    password: password::PasswordArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &CreateArguments) -> Result<Effect> {
    let is_wizard = prompter.needs_answers(&[
        ("--email", arguments.email.is_some()),
        ("--first-name", arguments.first_name.is_some()),
        ("--last-name", arguments.last_name.is_some()),
    ])?;
    // All invalid values are reported together, including a password from a file.
    let mut violations = Violations::new();
    let CreateArguments { email, first_name, last_name, .. } = arguments;
    let mut answers = UserAnswers {
        email: email.as_ref().and_then(|text| violations.parse("--email", text, Email::parse)),
        first_name: first_name.as_ref().and_then(|text| violations.parse("--first-name", text, PersonName::parse)),
        last_name: last_name.as_ref().and_then(|text| violations.parse("--last-name", text, PersonName::parse)),
        password: None,
    };
    // Invalid input is rejected before any prompt.
    let is_prompted = arguments.password.is_prompted();
    if is_wizard || is_prompted {
        std::mem::take(&mut violations).into_result()?;
    }
    if !(is_wizard && is_prompted) {
        let ask = async || prompter.new_password(&context.output, password::CANCEL).await;
        let password = arguments.password.read(prompter, &context.output, ask).await?;
        answers.password = Password::parse(&password).map_err(|problem| violations.add("password", problem)).ok();
    }
    violations.into_result()?;
    let database = context.database_for_operation().await?;
    if is_wizard {
        answers.complete(context, prompter, &database, arguments.write.dry_run).await?;
    }
    let (Some(email), Some(first_name), Some(last_name), Some(password)) =
        (answers.email, answers.first_name, answers.last_name, answers.password)
    else {
        return Err(Error::internal("a required value is missing"));
    };
    let new = Model::new(&email, &first_name, &last_name, service::hash(&password)?);
    let operations = context.operations(&database, arguments.write.dry_run);
    let user = service::create(&operations, &new).await?;
    Ok(finish(context, &database, mutation::created(&operations, &user)))
}
