//! `shopctl user merge`

use clap::Args;
use serde::Serialize;

use super::find_user;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, DestroyArguments, disabled_note, outcome_verb};
use crate::context::Context;
use crate::db::Access;
use crate::domain::UserStatus;
use crate::domain::text::counted;
use crate::entity::Stored;
use crate::error::{Result, printable};
use crate::output::{Change, Mutation, View};
use crate::repository::{self, order as orders};
use crate::service::merge::{self as service, Merged};
use crate::service::operation::Operations;
use crate::service::user::Model;

#[derive(Debug, Args)]
pub struct MergeArguments {
    /// User to anonymize: e-mail address or id
    #[arg(value_name = "FROM")]
    from: String,
    /// User who receives the orders: e-mail address or id
    #[arg(value_name = "INTO")]
    into: String,
    #[command(flatten)]
    destroy: DestroyArguments,
}

/// What only this command reports.
#[derive(Serialize)]
struct Details {
    /// The id of the user who has the orders.
    into: String,
    /// A disabled one stays disabled.
    into_status: Stored<UserStatus>,
    orders_moved: usize,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &MergeArguments) -> Result<Effect> {
    let (from, into) = (find_user(context, &arguments.from).await?, find_user(context, &arguments.into).await?);
    let database = context.database(Access::Read).await?;
    let filter = orders::Filter { user_id: Some(from.id), ..orders::Filter::default() };
    let count = counted(repository::count(database.connection(), &filter).await?, "order");
    let impact = format!(
        "this moves {count} of {} to {} in {} and permanently erases name, address and password of {}{}",
        named(&from),
        named(&into),
        database.target(),
        printable(&from.email),
        disabled_note(&into),
    );
    let (from_key, into_key) = (from.id.or_key(&from.email), into.id.or_key(&into.email));
    let body = async |operations: &Operations| {
        let merged = service::merge(operations, &from_key, &into_key).await?;
        Ok(mutation_of(&merged, operations.dry_run))
    };
    mutation::destroy(context, prompter, &arguments.destroy, (&impact, &from.email), body).await
}

/// `ann@example.com (Ann Lee)`
fn named(user: &Model) -> String {
    format!("{} ({} {})", printable(&user.email), printable(&user.first_name), printable(&user.last_name))
}

fn mutation_of(Merged { from, into, orders }: &Merged, dry_run: bool) -> Mutation<Change<Details>> {
    let (email, other) = (printable(&from.before.email), printable(&into.email));
    let (merged, orders_moved) = (outcome_verb(dry_run, "merged"), counted(*orders, "order"));
    let line = format!("user {email} {merged} into {other}: {orders_moved}{}", disabled_note(into));
    // As after anonymizing, the address is printed for the last time.
    let (object, after) = (mutation::key(&from.after), Some(from.after.to_json()));
    let details = Details { into: into.id.to_string(), into_status: into.status.clone(), orders_moved: *orders };
    let change = Change { object, changed: true, dry_run, after, ..Change::default() }.with(details);
    Mutation::new(line, from.after.id, change)
}
