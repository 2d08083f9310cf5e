//! `plan`

use clap::Args;
use migration::Migration;

use super::view::PlannedView;
use super::whole_plan;
use crate::cli::shared::arguments::one_of_words;
use crate::cli::shared::list::FieldNames;
use crate::cli::shared::values::Checked;
use crate::context::Context;
use crate::db::Access;
use crate::db::target::Engine;
use crate::error::{Cause, Error, Result};
use crate::migrate::{self, Plan, lint::lint};
use crate::output::Format;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<PlannedView>())]
pub struct Arguments {
    /// Print the SQL, including the history, to be run by hand
    #[arg(long)]
    sql: bool,
    /// Plan all migrations for this engine, without a database
    #[arg(long, value_name = "ENGINE", value_parser = engines())]
    backend: Option<Engine>,
    /// Plan up to and including this migration
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
}

fn engines() -> Checked<Engine> {
    let engine = |name| Engine::parse(name).map(|engine| (name, engine));
    one_of_words(["sqlite", "postgres", "mysql", "mariadb"].into_iter().filter_map(engine).collect())
}

pub async fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    context.output.check_fields::<PlannedView>(&[])?;
    // The plan includes late migrations; `up` decides whether to apply them.
    let plan = Plan { to: arguments.to.clone(), allow_late: true, ..whole_plan(context) };
    plan.catalog.check()?;
    let everything = |engine| Ok::<_, Error>((engine, migrate::selected(&plan)?.to_vec(), 1));
    let (engine, pending, first_sequence) = match arguments.backend {
        Some(engine) => everything(engine)?,
        None => match context.database(Access::Read).await {
            Ok(database) => {
                let connection = database.connection();
                let pending = migrate::pending(connection, &plan).await?;
                (database.engine(), pending, migrate::next_sequence(connection).await?)
            }
            // With a missing file, all migrations are pending.
            Err(error) if error.is(Cause::NoShop) => everything(context.config.target.engine())?,
            Err(error) => return Err(error),
        },
    };
    if arguments.sql {
        return context.output.text(&migrate::script(engine, &pending, first_sequence));
    }
    print(context, engine, &pending)
}

/// Prints pending migrations with their warnings.
pub fn print(context: &Context, engine: Engine, pending: &[Migration]) -> Result<()> {
    let warnings = lint(engine, pending);
    let rows: Vec<_> = pending.iter().map(|migration| PlannedView::new(engine, migration, &warnings)).collect();
    if !rows.is_empty() || context.output.format() != Format::Table {
        context.output.list(&rows)?;
    }
    if rows.is_empty() {
        context.output.note("nothing to apply: the schema is up to date");
    }
    for warning in &warnings {
        context.output.warn(&format!("{} ({}): {}", warning.migration, warning.risk.as_str(), warning.text));
    }
    Ok(())
}
