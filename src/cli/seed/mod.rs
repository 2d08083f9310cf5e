//! `shopctl seed`

mod generate;
mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use self::view::SeedView;
use crate::cli::Asking;
use crate::cli::shared::arguments::ConfirmArguments;
use crate::cli::shared::mutation::finish;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate;
use crate::output::{Mutation, closest};
use crate::seed::{self, Seed, State};
use generate::GenerateArguments;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply seeds that are pending or were edited
    #[command(after_help = "Examples:\n  shopctl seed up\n  shopctl seed up --only catalogue\n  \
                            shopctl seed up --dir my-seeds --env test")]
    Up(UpArguments),
    /// Delete the rows that a seed created
    #[command(after_help = "Example:\n  shopctl seed down demo --confirm demo")]
    Down(DownArguments),
    /// Delete the rows that a seed created, and apply it again
    #[command(after_help = "Example:\n  shopctl seed redo demo --confirm demo")]
    Redo(DownArguments),
    /// Show where each seed stands; changes nothing
    #[command(after_help = "Examples:\n  shopctl seed status\n  shopctl seed status --check")]
    Status(StatusArguments),
    /// Make up a shop of any size; the same flags make the same shop
    #[command(after_help = "Examples:\n  shopctl seed generate -y\n  \
                            shopctl seed generate --users 50 --products 20 --orders 200 --rng-seed 7 -y")]
    Generate(GenerateArguments),
    /// Print part of this shop as a seed file; names and addresses are made up
    #[command(after_help = "Examples:\n  shopctl seed export --users grace@example.com > grace.toml\n  \
                            shopctl seed export --no-mask --out shop.toml")]
    Export(ExportArguments),
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// These users with their orders and the products in them [default: the whole shop]
    #[arg(long, value_name = "WHO,…", value_delimiter = ',')]
    users: Vec<String>,
    /// Names and e-mail addresses as they are
    #[arg(long)]
    no_mask: bool,
    /// Write this file, complete or not at all; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct UpArguments {
    /// This one only
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Those that are meant for this environment [default: what the database is for]
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, Args)]
pub struct DownArguments {
    /// The seed's name, with or without its timestamp
    #[arg(value_name = "NAME")]
    name: String,
    /// Also delete rows that were changed since
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    confirm: ConfirmArguments,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Exit with 9 when a seed is pending or was edited
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, Args)]
struct SourceArguments {
    /// The project's own seeds, each a .toml file of this folder, instead of the demo's
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl SourceArguments {
    fn seeds(&self) -> Result<Vec<Seed>> {
        match &self.dir {
            Some(folder) => Seed::read_folder(folder),
            None => seed::embedded(),
        }
    }
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Up(arguments) => up(context, &arguments).await,
        Command::Down(arguments) => down(context, asking, &arguments, false).await,
        Command::Redo(arguments) => down(context, asking, &arguments, true).await,
        Command::Status(arguments) => status(context, &arguments).await,
        Command::Generate(arguments) => generate::run(context, asking, &arguments).await,
        Command::Export(arguments) => export(context, &arguments).await,
    }
}

async fn export(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let database = context.database(Access::Read).await?;
    let wanted = seed::Wanted { users: arguments.users.clone(), without_mask: arguments.no_mask };
    let text = seed::export(database.connection(), &wanted).await?;
    let export = context.output.exporting_text(&["toml"], arguments.out.as_deref()).await?;
    export.output().text(&text)?;
    export.complete()
}

async fn up(context: &Context, arguments: &UpArguments) -> Result<()> {
    let seeds = arguments.source.seeds()?;
    let chosen = match &arguments.only {
        Some(name) => vec![seed::find(&seeds, name)?.clone()],
        None => seeds,
    };
    if let Some(environment) = arguments.env.as_deref().filter(|_| arguments.only.is_none()) {
        refuse_unknown_environment(&chosen, environment)?;
    }
    let database = context.database(Access::Write).await?;
    let purpose = development_only(context, &database, Fill::Begin).await?.settled(context, &database).await?;
    let environment = arguments.env.clone().unwrap_or(purpose);
    // What was named is wanted: there the reason is an error.
    let (meant, others): (Vec<Seed>, Vec<Seed>) =
        chosen.into_iter().partition(|seed| arguments.only.is_some() || seed.is_meant_for(&environment));
    for seed in &others {
        context.output.note(&format!("seed {} left out: it is meant for {}", seed.name, seed.environments.join(", ")));
    }
    apply(context, &database, &meant, &environment).await
}

/// Errors: exit 3 for an environment that none of the seeds is meant for.
fn refuse_unknown_environment(seeds: &[Seed], environment: &str) -> Result<()> {
    if seeds.is_empty() || seeds.iter().any(|seed| seed.is_meant_for(environment)) {
        return Ok(());
    }
    let mut known: Vec<&str> = seeds.iter().flat_map(|seed| &seed.environments).map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    let message = format!("no seed is meant for {}", printable(environment));
    let error = Error::new(Kind::NotFound, "seed.no_environment", message);
    let error = match closest(environment, &known) {
        Some(close) => error.hint(format!("did you mean --env {close}?")),
        None => error,
    };
    Err(error.hint(format!("they are meant for {}", known.join(", "))))
}

/// Applies seeds and says what each did.
async fn apply(context: &Context, database: &Database, seeds: &[Seed], environment: &str) -> Result<()> {
    let operations = context.operations(database, false);
    let (mut items, mut is_changed) = (Vec::new(), false);
    for (done, seed) in seeds.iter().enumerate() {
        let applied = seed::up(&operations, seed, environment).await;
        let applied = applied.map_err(|error| broken_off(error, seeds, done))?;
        let json = json!({
            "changed": !applied.skipped,
            "created": applied.created,
            "updated": applied.updated,
            "unchanged": applied.unchanged,
        });
        let json = json.as_object().cloned().unwrap_or_default();
        let mutation = Mutation { line: line(&applied), id: applied.name, json };
        if context.output.is_json() {
            items.push(mutation.to_json());
        } else {
            context.output.mutation(&mutation);
        }
        is_changed |= !applied.skipped;
    }
    if context.output.is_json()
        && let Err(error) = context.output.json(&json!({ "changed": is_changed, "items": items }))
    {
        context.output.warn(error.message());
    }
    if is_changed {
        context.output.note(&format!("changed {}", database.target()));
    }
    Ok(())
}

/// What is to be said about seeds of which so many are done: each is one transaction.
fn broken_off(error: Error, seeds: &[Seed], done: usize) -> Error {
    if done == 0 {
        return error;
    }
    let named = |seeds: &[Seed]| seeds.iter().map(|seed| printable(&seed.name)).collect::<Vec<_>>().join(", ");
    let mut parts = vec![format!("applied: {}", named(&seeds[..done]))];
    let doubt = usize::from(error.kind() == Kind::OutcomeUnknown);
    let (doubtful, open) = seeds[done..].split_at(doubt);
    if !doubtful.is_empty() {
        parts.push(format!("done or not: {}", named(doubtful)));
    }
    if !open.is_empty() {
        parts.push(format!("not applied: {}", named(open)));
    }
    let message = format!("{}; {}", error.message(), parts.join("; "));
    let longer = error.reworded(message);
    if matches!(longer.kind(), Kind::Unavailable | Kind::OutcomeUnknown) {
        // A seed that is applied is not applied again, so that running it again settles all.
        let again = CommandLine::new("seed up").and(", with the same flags, applies what is not");
        return longer.without_hints().hint(again);
    }
    longer
}

/// What applying a seed did, for people.
pub fn line(applied: &seed::Applied) -> String {
    if applied.skipped {
        return format!("seed {} unchanged", applied.name);
    }
    format!(
        "seed {} applied: {} created, {} updated, {} unchanged",
        applied.name, applied.created, applied.updated, applied.unchanged
    )
}

/// What seeds may do in a database that nobody said anything about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// Fill it: a shop in which nothing is yet is for development from then on.
    Begin,
    /// Only work on what seeds made.
    GoOn,
}

/// What a database that takes seeds is for.
struct Purpose {
    environment: String,
    /// Nothing has said so yet.
    is_new: bool,
}

impl Purpose {
    /// From now on the database itself says what it is for.
    ///
    /// Errors: exit 11 when somebody said something else in this moment.
    async fn settled(self, context: &Context, database: &Database) -> Result<String> {
        if !self.is_new {
            return Ok(self.environment);
        }
        let target = database.target();
        let settled = migrate::propose_setting(database, migrate::ENVIRONMENT, &self.environment).await?;
        let purpose = Purpose::stated(settled, database)?;
        if purpose.environment == self.environment {
            context.output.note(&format!("{target} has nothing in it yet: it is for {} from now on", self.environment));
        }
        Ok(purpose.environment)
    }

    /// What the database says that it is for. Errors: exit 11 if that is neither development nor tests.
    fn stated(environment: String, database: &Database) -> Result<Purpose> {
        if environment == migrate::DEVELOPMENT || environment == "test" {
            return Ok(Purpose { environment, is_new: false });
        }
        Err(refused(
            format!("{} is for {}: seeds are refused", database.target(), printable(&environment)),
            Hint::from("seeds are for development and test databases; ")
                .and(CommandLine::new("migrate env"))
                .and(" shows what a database is for"),
        ))
    }
}

fn refused(reason: String, hint: impl Into<Hint>) -> Error {
    Error::new(Kind::ConfirmationNeeded, "seed.environment", reason).hint(hint)
}

/// Errors: exit 11 in a protected context, whatever its database is for.
pub fn refuse_protected(context: &Context) -> Result<()> {
    if context.config.protected {
        let reason = "this context is protected: seeds are refused".to_owned();
        return Err(refused(reason, "choose another context with --context"));
    }
    Ok(())
}

/// Seeds are for databases that are for development or tests because something said so.
///
/// Errors: exit 11 for any other, and for an empty shop beside another program's tables: those are
/// not declared to be for development by the way.
async fn development_only(context: &Context, database: &Database, fill: Fill) -> Result<Purpose> {
    refuse_protected(context)?;
    let connection = database.connection();
    let unsaid = |but: &str| {
        refused(
            format!("nobody has said what {} is for{but}: seeds are refused", database.target()),
            Hint::from("if it is for development: ").and(CommandLine::new("migrate env development")),
        )
    };
    if let Some(environment) = migrate::setting(connection, migrate::ENVIRONMENT).await? {
        return Purpose::stated(environment, database);
    }
    if !crate::repository::seed::is_empty_shop(connection).await? || fill == Fill::GoOn {
        // Who filled it a moment ago said before what it is for.
        return match migrate::setting(connection, migrate::ENVIRONMENT).await? {
            Some(environment) => Purpose::stated(environment, database),
            None => Err(unsaid("")),
        };
    }
    let others = migrate::of_others(connection, &migrate::Catalog::embedded()).await?;
    if !others.is_empty() {
        return Err(unsaid(&format!(", and shopctl did not make {}", migrate::named(&others))));
    }
    Ok(Purpose { environment: migrate::DEVELOPMENT.to_owned(), is_new: true })
}

async fn down(context: &Context, asking: &Asking, arguments: &DownArguments, is_redo: bool) -> Result<()> {
    let seeds = arguments.source.seeds()?;
    let seed = seed::find(&seeds, &arguments.name)?;
    let database = context.database(Access::Write).await?;
    let environment = development_only(context, &database, Fill::GoOn).await?.environment;
    // What would be refused is refused before anybody is asked, and before a copy is made.
    seed::check_applied(database.connection(), seed).await?;
    if is_redo {
        seed.check_environment(&environment)?;
    }
    let short = seed.name.split_once('_').map_or(seed.name.as_str(), |(_, short)| short);
    let impact = format!("the rows that {} created in {} will be deleted", seed.name, database.target());
    asking.confirmation(false, &arguments.confirm.confirm, false).typed_name(&context.output, &impact, short)?;
    if let Some(copy) = database.copy_aside("before-seed-down", context.clock.now()).await? {
        context.output.note(&format!("copied {} to {}", database.target(), copy.display()));
    }
    let operations = context.operations(&database, false);
    let reverted = seed::down(&operations, seed, arguments.force).await?;
    for kept in &reverted.kept {
        context.output.warn(&format!("kept {}", printable(kept)));
    }
    if is_redo {
        return apply(context, &database, std::slice::from_ref(seed), &environment).await;
    }
    let line = format!("seed {} reverted: {} deleted, {} kept", seed.name, reverted.deleted, reverted.kept.len());
    let json = json!({ "changed": true, "deleted": reverted.deleted, "kept": reverted.kept });
    let json = json.as_object().cloned().unwrap_or_default();
    finish(context, &database, false, &Mutation { line, id: seed.name.clone(), json });
    Ok(())
}

async fn status(context: &Context, arguments: &StatusArguments) -> Result<()> {
    context.output.check_fields::<SeedView>(&[])?;
    let seeds = arguments.source.seeds()?;
    let database = context.database(Access::Read).await?;
    let status = seed::status(database.connection(), &seeds).await?;
    let open = status.iter().filter(|status| status.state != State::Applied).count();
    let rows: Vec<_> = status.into_iter().map(SeedView).collect();
    context.output.list(&rows, None, None)?;
    if arguments.check && open > 0 {
        return Err(Error::new(Kind::CheckFailed, "seed.open", format!("{} pending or edited", counted(open, "seed")))
            .hint(CommandLine::new("seed up")));
    }
    Ok(())
}
