//! `shopctl user disable|enable`

use clap::Args;

use super::WhoArguments;
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
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

pub async fn disable(context: &Context, prompter: &Prompter, arguments: &DisableArguments) -> Result<Effect> {
    let DisableArguments { who: WhoArguments { who }, answers, write } = arguments;
    let impact = async || {
        let database = context.database_for_operation().await?;
        let tried = service::set_status(&context.operations(&database, true), who, UserStatus::Disabled).await?;
        let (email, target) = (printable(&tried.before.email), database.target());
        let impact = || format!("this stops {email} from placing orders in {target} until enabled again");
        Ok(tried.changed.then(impact))
    };
    prompter.ask_permission(context, answers, write.dry_run, impact).await?;
    set_status(context, who, UserStatus::Disabled, write).await
}

pub async fn enable(context: &Context, arguments: &EnableArguments) -> Result<Effect> {
    set_status(context, &arguments.who.who, UserStatus::Active, &arguments.write).await
}

async fn set_status(context: &Context, who: &str, status: UserStatus, write: &WriteArguments) -> Result<Effect> {
    mutation::run(context, write, async |operations| {
        let changed = service::set_status(operations, who, status).await?;
        let verb = if status == UserStatus::Active { "enabled" } else { "disabled" };
        Ok(mutation::updated(operations, &changed, verb))
    })
    .await
}
