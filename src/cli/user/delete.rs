//! `shopctl user delete|anonymize`: what cannot be undone.

use clap::Args;

use super::{WhoArguments, look_up, named, outcome};
use crate::cli::Asking;
use crate::cli::shared::arguments::{ConfirmArguments, WriteArguments};
use crate::cli::shared::mutation::{done, finish};
use crate::context::Context;
use crate::domain::UserStatus;
use crate::error::{Result, printable};
use crate::output::Mutation;
use crate::service::{anonymize, user as service};

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    confirm: ConfirmArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl DeleteArguments {
    /// Whether a name has to be typed: not for what is refused anyway, so that is tried before.
    fn asks(&self) -> bool {
        self.confirm.confirm.is_none() && !self.write.dry_run
    }
}

pub async fn run(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let user = look_up(context, &arguments.who.who).await?;
    let dry_run = arguments.write.dry_run;
    let database = context.database_for_operation().await?;
    let impact = format!("{} will be deleted for good", printable(&user.email));
    if arguments.asks() {
        service::delete(&context.operations(&database, true), &user.id.or_key(&user.email)).await?;
    }
    asking.name(context, &arguments.confirm, dry_run, &impact, &user.email)?;
    let user = service::delete(&context.operations(&database, dry_run), &user.id.or_key(&user.email)).await?;
    let line = format!("user {} {}", printable(&user.email), done(dry_run, "deleted"));
    let json = named(&user, outcome(true, dry_run, Some(&user), None));
    finish(context, &database, dry_run, &Mutation { line, id: user.id.to_string(), json });
    Ok(())
}

pub async fn anonymize(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let user = look_up(context, &arguments.who.who).await?;
    let dry_run = arguments.write.dry_run;
    let email = printable(&user.email);
    let database = context.database_for_operation().await?;
    if user.status != UserStatus::Anonymized {
        if arguments.asks() {
            anonymize::anonymize(&context.operations(&database, true), &user.id.or_key(&user.email)).await?;
        }
        let impact = format!("{email} will be anonymized for good: name, address and password are erased, orders stay");
        asking.name(context, &arguments.confirm, dry_run, &impact, &user.email)?;
    }
    let changed = anonymize::anonymize(&context.operations(&database, dry_run), &user.id.or_key(&user.email)).await?;
    let verb = if changed.changed { done(dry_run, "anonymized") } else { "is anonymized already".to_owned() };
    // The answer is the last that tells who it was.
    let json = named(&changed.after, outcome(changed.changed, dry_run, None, Some(&changed.after)));
    let mutation = Mutation { line: format!("user {email} {verb}"), id: user.id.to_string(), json };
    finish(context, &database, dry_run || !changed.changed, &mutation);
    Ok(())
}
