//! `shopctl access apply`

use clap::Args;

use super::RoleArguments;
use super::plan::note_nothing_to_change;
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::context::Context;
use crate::db::Access;
use crate::db::access::{ExcessRights, RightsChange, run as run_statements};
use crate::error::Result;
use crate::service::access::{Plan, PlannedStep, check_complete};

#[derive(Debug, Args)]
pub struct ApplyArguments {
    #[command(flatten)]
    roles: RoleArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &ApplyArguments) -> Result<Effect> {
    let dry_run = arguments.write.dry_run;
    let roles = arguments.roles.parse(&context.config.target)?;
    let database = context.database(Access::Write).await?;
    let plan = Plan::build(&database, &roles).await?;
    plan.refuse_own_role()?;
    if plan.rows.is_empty() {
        context.output.list(&plan.rows)?;
        note_nothing_to_change(context, &plan);
        return check_complete(&plan.remaining).map(Effect::from);
    }
    let impact = async || Ok(plan.impact(database.target()));
    prompter.ask_permission(context, &arguments.answers, dry_run, impact).await?;
    let mut done = 0;
    let steps: Vec<_> = plan.rows.iter().map(|row| row.step.clone()).collect();
    let result = run_statements(&database, &steps, dry_run, |_| done += 1).await;
    context.output.list(&plan.rows[..done])?;
    result?;
    if dry_run {
        context.output.note("this was a dry run: nothing was changed");
        return check_complete(&plan.remaining).map(|()| Effect::WouldChange);
    }
    let effect = Effect::Changed(database.target().clone());
    // Revoked rights may also have been granted by others.
    let left = Plan::build(&database, &roles).await?;
    let undone = |row: PlannedStep| {
        let what = match row.step.change {
            RightsChange::Revoke => format!("{} on {}, granted by others", row.step.privileges, row.step.on),
            RightsChange::Grant | RightsChange::ChangeOwner => format!("no {} on {}", row.step.privileges, row.step.on),
        };
        (row.name, ExcessRights { what, remedy: Some(row.step.sql) })
    };
    let undone = left.rows.into_iter().map(undone);
    let remaining: Vec<_> = left.remaining.into_iter().chain(undone).collect();
    check_complete(&remaining).inspect_err(|_| effect.note(&context.output))?;
    Ok(effect)
}
