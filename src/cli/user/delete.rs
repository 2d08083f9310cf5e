//! `shopctl user delete|anonymize`: irreversible commands.

use clap::Args;
use serde_json::Value;

use super::{WhoArguments, look_up};
use crate::cli::shared::confirm::Asking;
use crate::cli::shared::mutation::{self, DestroyArguments, done, outcome};
use crate::context::Context;
use crate::domain::UserStatus;
use crate::error::{Result, printable};
use crate::service::operation::Operations;
use crate::service::{anonymize, user as service};

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    destroy: DestroyArguments,
}

pub async fn run(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let user = look_up(context, &arguments.who.who).await?;
    let impact = format!("{} will be deleted for good", printable(&user.email));
    let body = async |operations: &Operations| {
        let user = service::delete(operations, &user.id.or_key(&user.email)).await?;
        Ok(mutation::deleted(operations, &user))
    };
    mutation::destroy(context, asking, &arguments.destroy, (&impact, &user.email), body).await
}

pub async fn anonymize(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let user = look_up(context, &arguments.who.who).await?;
    let email = printable(&user.email);
    let body = async |operations: &Operations| {
        let dry_run = operations.dry_run;
        let result = anonymize::anonymize(operations, &user.id.or_key(&user.email)).await?;
        let verb = if result.changed { done(dry_run, "anonymized") } else { "is anonymized already".to_owned() };
        // The answer is the last that tells who it was.
        let outcome = outcome(result.changed, false, dry_run, Value::Null, mutation::view(&result.after));
        Ok(mutation::about(&result.after, format!("user {email} {verb}"), outcome))
    };
    if user.status == UserStatus::Anonymized {
        return mutation::run(context, &arguments.destroy.write, body).await;
    }
    let impact = format!("{email} will be anonymized for good: name, address and password are erased, orders stay");
    mutation::destroy(context, asking, &arguments.destroy, (&impact, &user.email), body).await
}
