//! `shopctl audit`

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::arguments::{ListArguments, optional, word};
use super::list::{self, Shown};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::{Page, Violations, moment};
use crate::error::{Error, Result};
use crate::output::views::EventView;
use crate::repository::user::{Lock, Who};
use crate::repository::{audit_event as events, order, product, user};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List events, newest first
    #[command(after_help = "Examples:
  shopctl audit list --order K7Q2M-9XD4T
  shopctl audit list --outcome failed --since 2026-01-01 --json")]
    List(AuditListArguments),
}

#[derive(Debug, Args)]
pub struct AuditListArguments {
    /// About this user: e-mail address or id
    #[arg(long, value_name = "WHO", conflicts_with_all = ["product", "order"])]
    user: Option<String>,
    /// About this product: SKU or id
    #[arg(long, value_name = "PRODUCT", conflicts_with = "order")]
    product: Option<String>,
    /// About this order: reference or id
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Of this operation, such as order.place
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Of one run of an operation
    #[arg(long, value_name = "ID")]
    operation_id: Option<String>,
    /// By this actor (--actor is who runs this command)
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// succeeded or failed
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// At or after this time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    list: ListArguments,
}

pub async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::List(arguments) => list(context, &arguments).await,
    }
}

async fn list(context: &Context, arguments: &AuditListArguments) -> Result<()> {
    context.output.check_fields::<EventView>(&[])?;
    let mut violations = Violations::new();
    let outcomes = [("succeeded", "succeeded"), ("failed", "failed")];
    let outcome = optional(&mut violations, "outcome", arguments.outcome.as_deref(), |text| word(text, &outcomes));
    let parse_id = |text: &str| Uuid::try_parse(text.trim()).map_err(|_| "is not an id".to_owned());
    let mut filter = events::Filter {
        entity_type: None,
        entity_id: None,
        operation_id: optional(&mut violations, "operation-id", arguments.operation_id.as_deref(), parse_id),
        operation: arguments.operation.clone(),
        actor: arguments.by.clone(),
        outcome: outcome.map(str::to_owned),
        since: optional(&mut violations, "since", arguments.since.as_deref(), moment::parse),
        until: optional(&mut violations, "until", arguments.until.as_deref(), moment::parse),
    };
    let page = arguments.list.page("occurred_at", &mut violations);
    violations.into_result()?;
    crate::repository::sort_field(&events::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    if let Some((entity, id)) = entity(&database, arguments).await? {
        filter.entity_type = Some(entity.to_owned());
        filter.entity_id = Some(id);
    }
    let fetch = async |page: &Page| {
        let found = events::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(EventView).collect(), next: found.next })
    };
    let count = async || events::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

/// What the events are to be about. An id need not exist any more: its events do.
async fn entity(database: &Database, arguments: &AuditListArguments) -> Result<Option<(&'static str, Uuid)>> {
    let named = [("user", &arguments.user), ("product", &arguments.product), ("order", &arguments.order)];
    let Some((entity, name)) = named.into_iter().find_map(|(entity, name)| Some((entity, name.as_ref()?))) else {
        return Ok(None);
    };
    if let Ok(id) = Uuid::try_parse(name) {
        return Ok(Some((entity, id)));
    }
    let connection = database.connection();
    let id = match entity {
        "user" => user::find_one(connection, Who::parse(name), Lock::None).await?.map(|user| user.id),
        "product" => product::find_by_sku(connection, name).await?.map(|product| product.id),
        _ => order::find_named(connection, name, Lock::None).await?.map(|order| order.id),
    };
    Ok(Some((entity, id.ok_or_else(|| Error::not_found(entity, name))?)))
}
