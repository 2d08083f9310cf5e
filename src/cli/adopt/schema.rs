//! Converts the tables of a shop that another program made.

use clap::Args;

use crate::cli::migrate::{printing, whole_plan};
use crate::cli::shared::arguments::{AnswerArguments, name_of};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::scratch::ScratchArguments;
use crate::cli::shared::zone::stored_offset;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Form;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate::verify::expected_at;
use crate::migrate::{self, ForeignShop, Job, Misfit, cuts, defaults, misfits, numbered_by_type, numbers_as_ids};

/// Maximum number of misfits of a column named in an error; JSON has more.
const MISFITS_NAMED: usize = 5;
/// Maximum number of remedies that need a decision, for misfits of all columns.
const REMEDIES_NAMED: usize = 10;

#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// Print the statements that convert the tables, without running them
    #[arg(long)]
    sql: bool,
    /// SQLite without ids yet: form of ids, e.g. digits (Django) or bytes (Pony)
    #[arg(long, value_name = "FORM", value_parser = name_of(Form::ALL, Form::as_str), hide_possible_values = true)]
    ids: Option<Form>,
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Converts the tables where that is needed. Returns the effect if the rows cannot follow: after a script or a dry run.
pub async fn run(
    context: &Context,
    prompter: &Prompter,
    arguments: &SchemaArguments,
    answers: &AnswerArguments,
    dry_run: bool,
) -> Result<Option<Effect>> {
    let offset = stored_offset(context)?;
    let is_reading = arguments.sql || dry_run;
    let database = context.database(if is_reading { Access::Read } else { Access::Write }).await?;
    let connection = database.connection();
    let plan = whole_plan(context);
    let statuses = migrate::status(connection, &plan.catalog).await?;
    if migrate::foreign_tables(connection, &plan.catalog, &statuses).await?.is_empty() {
        if let Some(form) = arguments.ids {
            return id_form(&database, form, is_reading).await.map(Some);
        }
        if arguments.sql {
            context.output.note("the schema is shopctl's own: there is nothing to convert");
        }
        return Ok(arguments.sql.then_some(Effect::Unchanged));
    }
    let left = migrate::broken_off(connection).await?;
    if !left.is_empty() && is_reading {
        let message = format!("an interrupted adoption left the tables {}", names(&left));
        let remedy = Hint::from("to remove them and start again: ").and(CommandLine::new("adopt"));
        return Err(Error::conflict("adopt.broken_off", message).hint(remedy));
    }
    let job = Job { database: &database, plan: &plan, progress: &printing(context) };
    if !left.is_empty() {
        let removed = migrate::remove_broken_off(job).await?;
        context.output.note(&format!("removed the remains of an interrupted adoption: {}", names(&removed)));
    }
    let Some(shop) = find(context, &database, arguments, offset).await? else { return Ok(None) };
    let numbers = numbers_as_ids(connection, &shop).await?;
    if !numbers.is_empty() {
        return Err(refusal(&numbers));
    }
    let numbered = numbered_by_type(connection, &shop).await?;
    if !numbered.is_empty() {
        return Err(refusal_by_type(&numbered));
    }
    refuse_at_once(&database, &shop).await?;
    if arguments.sql {
        return context.output.text(&shop.script()).map(|()| Some(Effect::Unchanged));
    }
    let (defaults, cuts) = (defaults(connection, &shop).await?, cuts(connection, &shop).await?);
    let told = [shop.changes(), defaults, cuts].concat().join("\n");
    if dry_run {
        context.output.note(&told);
        return Ok(Some(Effect::WouldChange));
    }
    let target = database.target();
    let impact = async || {
        Ok(format!(
            "{told}\nthis converts another program's tables in {target} and keeps every row; stop that program until it is done"
        ))
    };
    prompter.ask_permission(context, answers, false, impact).await?;
    shop.adopt(job).await?;
    context.output.note(&told);
    Ok(None)
}

fn names(tables: &[String]) -> String {
    tables.iter().map(|table| printable(table)).collect::<Vec<_>>().join(", ")
}

/// Sets the form of ids of the shop's own tables.
async fn id_form(database: &Database, form: Form, is_reading: bool) -> Result<Effect> {
    if is_reading {
        return Err(Error::usage("--ids sets the form immediately: leave out --dry-run and --sql"));
    }
    let changed = migrate::set_id_form(database, form).await?;
    Ok(Effect::new(changed, false, database.target()))
}

async fn find(
    context: &Context,
    database: &Database,
    arguments: &SchemaArguments,
    offset: i32,
) -> Result<Option<ForeignShop>> {
    let plan = whole_plan(context);
    let scratch = arguments.scratch.database(context, Some(database)).await?;
    let newest = plan.catalog.names().last().unwrap_or_default();
    let expected = expected_at(&scratch, &plan, newest).await;
    let expected = arguments.scratch.leave_empty(&scratch, expected).await?;
    ForeignShop::find(database.connection(), &plan.catalog, &expected, offset, arguments.ids).await
}

/// Refuses a shop for everything that keeps it from being taken over, so that nothing is left to be found afterwards.
///
/// Errors: exit 6 or 9.
async fn refuse_at_once(database: &Database, shop: &ForeignShop) -> Result<()> {
    let connection = database.connection();
    let mut errors: Vec<Error> = shop.missing_columns().into_iter().collect();
    errors.extend(shop.obstacles(connection).await?);
    let misfits = misfits(connection, shop).await?;
    errors.extend((!misfits.is_empty()).then(|| refusal(&misfits)));
    let messages: Vec<String> = errors.iter().map(|error| error.message().to_owned()).collect();
    let details = errors.last().map(|error| error.details_value().clone()).unwrap_or_default();
    let all = errors.into_iter().reduce(|all, error| all.hints_of(error.hints().to_vec()));
    all.map_or(Ok(()), |all| Err(all.reworded(messages.join("\n")).details(details)))
}

/// The lines that name misfits: of each column the first.
fn named(misfits: &[Misfit]) -> String {
    let of_columns = misfits.chunk_by(|one, next| (&one.table, &one.column) == (&next.table, &next.column));
    let lines = of_columns.map(|of_column| {
        let first = of_column.iter().take(MISFITS_NAMED).map(|one| format!("\n  {}", one.message()));
        let more = of_column.len().saturating_sub(MISFITS_NAMED);
        let column = || format!("{}.{}", printable(&of_column[0].table), printable(&of_column[0].column));
        first.chain((more > 0).then(|| format!("\n  and {more} more of {}", column()))).collect::<String>()
    });
    lines.collect()
}

/// The error about values that do not fit (exit 9), each with its row.
fn refusal(misfits: &[Misfit]) -> Error {
    let (count, named) = (counted(misfits.len(), "value"), named(misfits));
    let details: Vec<_> = misfits
        .iter()
        .map(|one| {
            serde_json::json!({
                "table": one.table, "row": one.row, "column": one.column, "value": one.value, "reason": one.why,
                "repair": one.repair, "remedy": one.remedy,
            })
        })
        .collect();
    let error = Error::new(Kind::CheckFailed, "adopt.misfit", format!("{count} cannot be adopted as they are:{named}"))
        .details(serde_json::json!({ "misfits": details }));
    let mut repairs: Vec<&str> = misfits.iter().filter_map(|one| one.repair.as_deref()).collect();
    repairs.dedup();
    let error = match misfits.iter().any(Misfit::is_number_as_id) {
        true => error.hint(instead_of_numbers()),
        false => error,
    };
    let error = repairs.into_iter().fold(error, |error, repair| error.hint(repair.to_owned()));
    let remedies = misfits.iter().filter_map(|one| one.remedy.clone()).take(REMEDIES_NAMED);
    let error = remedies.fold(error, Error::hint);
    error.hint(Hint::from("nothing was changed; when they are fixed: ").and(CommandLine::again()))
}

/// The error about empty tables whose ids are numbers (exit 9): the application would go on to count them.
fn refusal_by_type(tables: &[(String, String)]) -> Error {
    let named: Vec<String> =
        tables.iter().map(|(table, kind)| format!("{} ({})", printable(table), printable(kind))).collect();
    let message = format!("the ids of these tables are numbers instead of UUIDs: {}", named.join(", "));
    Error::new(Kind::CheckFailed, "adopt.numbers", message)
        .hint(instead_of_numbers())
        .hint(Hint::from("nothing was changed; once the application writes UUIDs: ").and(CommandLine::again()))
}

fn instead_of_numbers() -> Hint {
    Hint::from(
        "numbers cannot become ids; import the users, products and orders into a new database from files, which identify rows by e-mail address, SKU and reference: ",
    )
    .and(CommandLine::anywhere("help import"))
}
