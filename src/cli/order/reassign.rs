//! `shopctl order reassign`

use clap::Args;
use serde::Serialize;

use super::lifecycle::{find_orders, first_references};
use super::view::OrderView;
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments, long_text};
use crate::cli::shared::batch::{self, BatchArguments};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{disabled_note, outcome_verb};
use crate::context::Context;
use crate::db::Access;
use crate::domain::UserStatus;
use crate::domain::text::counted;
use crate::entity::{Stored, order};
use crate::error::{Result, printable};
use crate::output::{Change, Mutation, View};
use crate::repository::said::LastSaid;
use crate::repository::user::{Lock, UserKey, find_one};
use crate::service::merge::{self as service, Reassigned};
use crate::service::operation::Operations;
use crate::service::user::unknown;

#[derive(Debug, Args)]
pub struct ReassignArguments {
    /// References or ids of the orders
    #[arg(value_name = "ORDER")]
    orders: Vec<String>,
    #[command(flatten)]
    batch: BatchArguments,
    /// New customer: e-mail address or id
    #[arg(long, value_name = "WHO")]
    user: String,
    /// Reason for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    reason: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

/// What only this command reports.
#[derive(Serialize)]
struct Details {
    /// A disabled customer stays disabled.
    user_status: Stored<UserStatus>,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &ReassignArguments) -> Result<Effect> {
    let ReassignArguments { orders, batch, user, reason, answers, write } = arguments;
    let orders = batch.names(context, orders, "order")?;
    if !orders.is_single && !orders.names.is_empty() {
        let database = context.database(Access::Read).await?;
        let found = find_orders(&database, &orders).await?;
        let to = find_one(database.connection(), UserKey::parse(user), Lock::None).await?;
        let to = to.ok_or_else(|| unknown(user))?;
        let impact = async || {
            let others: Vec<_> = found.iter().filter(|order| order.user_id != to.id).collect();
            let (count, email) = (counted(others.len(), "order"), printable(&to.email));
            let (names, disabled) = (first_references(&others), disabled_note(&to));
            let impact = || format!("this assigns {count} to {email} in {}: {names}{disabled}", database.target());
            Ok((!others.is_empty()).then(impact))
        };
        prompter.ask_permission(context, answers, write.dry_run, impact).await?;
    }
    let database = context.database_for_operation().await?;
    let one = async |operations: &Operations, name: &str| {
        let reassigned = service::reassign(operations, name, user, reason.as_deref()).await?;
        Ok(mutation_of(&reassigned, write.dry_run))
    };
    batch::run(context, &database, write.dry_run, &orders, batch.fail_fast, one).await
}

fn mutation_of(Reassigned { order, user }: &Reassigned, dry_run: bool) -> Mutation<Change<Details>> {
    let (name, email) = (printable(&order.after.reference), printable(&user.email));
    let line = match order.changed {
        true => format!("order {name} {} to {email}{}", outcome_verb(dry_run, "reassigned"), disabled_note(user)),
        false => format!("order {name} already belongs to {email}"),
    };
    let fields = |order: &order::Model, email: Option<String>| {
        let mut fields =
            OrderView { order: order.clone(), email, refunded: Stored::Missing, said: LastSaid::default() }.to_json();
        // Neither has been queried; the buyer before is in user_id.
        fields.retain(|name, value| name != "refunded_amount" && !(name == "user" && value.is_null()));
        fields
    };
    let (before, after) = (fields(&order.before, None), fields(&order.after, user.email.to_text()));
    let mut object = after.clone();
    object.retain(|name, _| name == "reference" || name == "user");
    let (before, after, changed) = (Some(before), Some(after), order.changed);
    let change = Change { object, changed, dry_run, before, after, ..Change::default() };
    Mutation::new(line, order.after.id, change.with(Details { user_status: user.status.clone() }))
}
