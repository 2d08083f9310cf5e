//! `shopctl user disable|enable`

use clap::Args;

use super::{WhoArguments, finish_change};
use crate::cli::Asking;
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments};
use crate::context::Context;
use crate::domain::UserStatus;
use crate::error::{Result, printable};
use crate::service::user as service;

#[derive(Debug, Args)]
pub struct DisableArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct EnableArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn disable(context: &Context, asking: &Asking, arguments: &DisableArguments) -> Result<()> {
    let (who, dry_run) = (&arguments.who.who, arguments.write.dry_run);
    let impact = async || {
        let database = context.database_for_operation().await?;
        let tried = service::set_status(&context.operations(&database, true), who, UserStatus::Disabled).await?;
        Ok(format!("{} will not be able to order until enabled again", printable(&tried.before.email)))
    };
    asking.permission(context, &arguments.answers, dry_run, impact).await?;
    set_status(context, who, UserStatus::Disabled, dry_run).await
}

pub async fn enable(context: &Context, arguments: &EnableArguments) -> Result<()> {
    set_status(context, &arguments.who.who, UserStatus::Active, arguments.write.dry_run).await
}

async fn set_status(context: &Context, who: &str, status: UserStatus, dry_run: bool) -> Result<()> {
    let database = context.database_for_operation().await?;
    let changed = service::set_status(&context.operations(&database, dry_run), who, status).await?;
    let verb = if status == UserStatus::Active { "enabled" } else { "disabled" };
    finish_change(context, &database, &changed, dry_run, verb);
    Ok(())
}
