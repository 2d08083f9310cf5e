//! `shopctl user update`

use clap::Args;

use super::{WhoArguments, finish_change};
use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::domain::{Email, PersonName};
use crate::error::{Error, Result};
use crate::service::user::{self as service, UserUpdate};

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
    let update = UserUpdate { email: email.clone(), first_name: first_name.clone(), last_name: last_name.clone() };
    if update.email.is_none() && update.first_name.is_none() && update.last_name.is_none() {
        return Err(Error::usage("nothing to change").hint("give --email, --first-name or --last-name"));
    }
    let database = context.database_for_operation().await?;
    let operations = context.operations(&database, arguments.write.dry_run);
    let changed = service::update(&operations, &arguments.who.who, &update).await?;
    finish_change(context, &database, &changed, arguments.write.dry_run, "updated");
    Ok(())
}
