//! `shopctl user update`

use clap::Args;

use super::{WhoArguments, finish_change};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::{Email, PersonName};
use crate::error::{Error, Result};
use crate::service::user::{self as service, Model};

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[arg(long, value_name = "EMAIL", value_parser = checked(Email::parse))]
    email: Option<Email>,
    #[arg(long, value_name = "NAME", value_parser = checked(PersonName::parse))]
    first_name: Option<PersonName>,
    #[arg(long, value_name = "NAME", value_parser = checked(PersonName::parse))]
    last_name: Option<PersonName>,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &UpdateArguments) -> Result<()> {
    let UpdateArguments { email, first_name, last_name, .. } = arguments;
    if email.is_none() && first_name.is_none() && last_name.is_none() {
        return Err(Error::usage("nothing to change").hint("give --email, --first-name or --last-name"));
    }
    let change = |user: &mut Model| {
        if let Some(email) = email {
            user.email = email.to_string();
        }
        if let Some(name) = first_name {
            user.first_name = name.to_string();
        }
        if let Some(name) = last_name {
            user.last_name = name.to_string();
        }
    };
    let database = context.database_for_operation().await?;
    let operations = context.operations(&database, arguments.write.dry_run);
    let changed = service::update(&operations, &arguments.who.who, change).await?;
    finish_change(context, &database, &changed, arguments.write.dry_run, "updated");
    Ok(())
}
