//! `shopctl user delete|anonymize`: irreversible commands.

use clap::Args;

use super::{WhoArguments, find_user};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, DestroyArguments, outcome_verb};
use crate::context::Context;
use crate::domain::UserStatus;
use crate::error::{Result, printable};
use crate::output::{Change, Mutation, View};
use crate::service::operation::Operations;
use crate::service::{anonymize, user as service};

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    destroy: DestroyArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &DeleteArguments) -> Result<Effect> {
    let user = find_user(context, &arguments.who.who).await?;
    let (email, target) = (printable(&user.email), &context.config.target);
    let impact = format!("this permanently deletes the user {email} in {target}");
    let body = async |operations: &Operations| {
        let user = service::delete(operations, &user.id.or_key(&user.email)).await?;
        Ok(mutation::deleted(operations, &user))
    };
    mutation::destroy(context, prompter, &arguments.destroy, (&impact, &user.email), body).await
}

pub async fn anonymize(context: &Context, prompter: &Prompter, arguments: &DeleteArguments) -> Result<Effect> {
    let user = find_user(context, &arguments.who.who).await?;
    let email = printable(&user.email);
    let body = async |operations: &Operations| {
        let dry_run = operations.dry_run;
        let result = anonymize::anonymize(operations, &user.id.or_key(&user.email)).await?;
        let verb =
            if result.changed { outcome_verb(dry_run, "anonymized") } else { "is already anonymized".to_owned() };
        // The address is printed here for the last time.
        let (object, changed, after) = (mutation::key(&result.after), result.changed, Some(result.after.to_json()));
        let change: Change = Change { object, changed, dry_run, after, ..Change::default() };
        Ok(Mutation::new(format!("user {email} {verb}"), result.after.id, change))
    };
    if user.status == UserStatus::Anonymized {
        return mutation::run(context, &arguments.destroy.write, body).await;
    }
    let target = &context.config.target;
    let impact = format!("this permanently erases name, address and password of {email} in {target}; orders stay");
    mutation::destroy(context, prompter, &arguments.destroy, (&impact, &user.email), body).await
}
