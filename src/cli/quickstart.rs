//! `shopctl quickstart`: a shop from one command.

use clap::Args;

use super::{migrate, order, seed};
use crate::context::Context;
use crate::db::target::Target;
use crate::db::{Access, Database};
use crate::domain::Quantity;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate as schema;
use crate::service::place_order::{self, NewLine, NewOrder};

// Creates the embedded shop, or the database given with --database-url, applies the migrations and seeds, places an
// order and shows it. Running it again adds an order.
#[derive(Debug, Args)]
#[command(
    after_help = "The shop is embedded, a SQLite file, unless --database-url names a database: DATABASE_URL and \
                        shopctl.toml are ignored. Running it again adds an order.

Examples:
  shopctl quickstart
  shopctl quickstart --database-url postgres://postgres@localhost/shop"
)]
pub struct Arguments {}

const QUICKSTART: &str = "quickstart";
/// The customer and order of the demo.
const CUSTOMER: &str = "grace@example.com";
const ITEMS: [(&str, i64); 2] = [("MUG-01", 1), ("TEA-EARL-100", 2)];

pub async fn run(context: &Context, _arguments: &Arguments) -> Result<()> {
    seed::purpose::refuse_protected(context)?;
    // Ignores the environment, so that trying the tool cannot change a real shop.
    let target = match context.config.is_named_by_flag {
        true => context.config.target.clone(),
        false => Target::Sqlite(context.config.embedded_default.clone()),
    };
    if context.config.target != target {
        let origin = context.config.entries.first().map_or("", |entry| entry.origin.as_str());
        context
            .output
            .note(&format!("quickstart ignores the database of {origin}; --database-url or --context names another"));
    }
    Database::create_folder(&target)?;
    let database = context.other_database(&target, Access::Create).await?;
    refuse_other_shops(context, &database).await?;
    let mut plan = migrate::whole_plan(context);
    plan.settings = vec![(schema::ENVIRONMENT, schema::DEVELOPMENT), (schema::MADE_BY, QUICKSTART)];
    // Only the order is data; everything before it is a note.
    let steps = schema::up(schema::Job::silent(&database, &plan)).await?;
    context.output.note(&format!("shop {target}\n{} applied", counted(steps.len(), "migration")));
    let operations = context.operations(&database, false);
    for seed in crate::seed::embedded()? {
        let applied = crate::seed::up(&operations, &seed, schema::DEVELOPMENT).await?;
        context.output.note(&seed::result_line(&applied));
    }

    let lines: Result<Vec<_>, String> = ITEMS
        .into_iter()
        .map(|(sku, quantity)| {
            Ok(NewLine { product: sku.to_owned(), quantity: Quantity::new(quantity)?, unit_price: None })
        })
        .collect();
    let lines = lines.map_err(Error::internal)?;
    let new = NewOrder { note: Some("quickstart".to_owned()), ..NewOrder::new(CUSTOMER.to_owned(), lines) };
    let placed = place_order::run(&operations, &new, None).await?;
    context.output.note(&format!("order {} placed\n", placed.order.reference));
    context.output.show(&order::detail(placed), &[])?;
    let command_on = |words: &str| command_on(context, &target, words);
    let order = command_on("order create").option("--user", CUSTOMER).option("--item", "MUG-02:2");
    let margin = "\n     ";
    context.output.suggest(
        Hint::from("\ntry: ")
            .and(command_on("order list"))
            .and(margin)
            .and(command_on("product list --low"))
            .and(margin)
            .and(order),
    );
    Ok(())
}

/// A command for the demo's database, which it names only if it is not the configured one.
fn command_on(context: &Context, target: &Target, words: &str) -> CommandLine {
    let command = CommandLine::new(words);
    if context.config.target == *target { command } else { command.on(target.to_string()) }
}

/// Refuses databases that are neither new nor created by quickstart for development.
///
/// Errors: exit 11, with hints.
async fn refuse_other_shops(context: &Context, database: &Database) -> Result<()> {
    let connection = database.connection();
    let environment = schema::setting(connection, schema::ENVIRONMENT).await?;
    let made_by = schema::setting(connection, schema::MADE_BY).await?;
    let is_development = environment.as_deref() == Some(schema::DEVELOPMENT);
    if is_development && made_by.as_deref() == Some(QUICKSTART) {
        return Ok(());
    }
    let target = database.target();
    let refused = |reason: String| {
        Error::new(Kind::ConfirmationNeeded, "quickstart.other_shop", reason)
            .hint("give another database with --database-url")
    };
    let catalog = schema::Catalog::embedded();
    let others = schema::foreign_objects(connection, &catalog).await?;
    if !others.is_empty() {
        return Err(refused(format!("{target} contains objects of other programs: {}", schema::object_list(&others))));
    }
    let status = schema::status(connection, &catalog).await?;
    let is_nothing_there = status.iter().all(|migration| migration.state.is_absent());
    if is_nothing_there && (environment.is_none() || is_development) {
        return Ok(());
    }
    let reason = format!("{target} is a shop that quickstart did not create for development");
    Err(match environment.as_deref() {
        None => refused(reason).hint(
            Hint::from("if it is for development data: ")
                .and(command_on(context, target, "migrate env development"))
                .and(", then ")
                .and(command_on(context, target, "seed up")),
        ),
        Some(schema::DEVELOPMENT | "test") => refused(reason)
            .hint(Hint::from("to add the demo to this one: ").and(command_on(context, target, "seed up"))),
        Some(environment) => refused(format!("{reason}: it is for {}", printable(environment))),
    })
}
