//! `verify` and `baseline`: the live schema against what the migrations make.

use std::collections::BTreeSet;

use clap::Args;

use super::view::FindingView;
use super::{LockArguments, note_changed, plan_with, tell, whole_plan};
use crate::cli::shared::arguments::AnswerArguments;
use crate::cli::shared::confirm::Asking;
use crate::context::Context;
use crate::db::schema::Schema;
use crate::db::target::Target;
use crate::db::{Access, Database};
use crate::domain::similar::closest;
use crate::domain::text::counted;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate::history::{self, History};
use crate::migrate::verify::{drift, empty, expected_at, is_beside, schema, try_out};
use crate::migrate::{self, Catalog, entities};
use crate::output::Mutation;

#[derive(Debug, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    scratch: ScratchArguments,
    /// Tables, views, sequences and types of others, which belong beside the shop's
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    ignore: Vec<String>,
}

#[derive(Debug, Args)]
struct ScratchArguments {
    /// Try the migrations out in this empty database, where the role may not make one
    #[arg(long, value_name = "URL")]
    scratch_url: Option<String>,
}

#[derive(Debug, Args)]
pub struct BaselineArguments {
    /// The newest migration that the schema has
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    scratch: ScratchArguments,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

impl ScratchArguments {
    /// Leaves a database that was named as it was found; one of our own will be gone anyway.
    async fn leave_empty(&self, scratch: &Database) -> Result<()> {
        match self.scratch_url {
            Some(_) => empty(scratch).await,
            None => Ok(()),
        }
    }
}

/// So many ways back are printed.
const HINTS_SHOWN: usize = 10;
/// So many objects are named in a message.
const NAMES_SHOWN: usize = 3;
const DRIFT: &str = "drift";

pub async fn verify(context: &Context, arguments: &VerifyArguments) -> Result<()> {
    context.output.check_fields::<FindingView>(&[])?;
    let plan = whole_plan(context);
    let live = match context.database(Access::Read).await {
        Ok(database) => Some(database),
        // A file that is not there yet: the migrations can be tried all the same.
        Err(error) if error.is(Cause::NoShop) => None,
        Err(error) => return Err(error),
    };
    let history = match &live {
        Some(database) => {
            migrate::refuse_removal(database.connection(), Kind::CheckFailed).await?;
            history::read(database.connection()).await?
        }
        None => History::default(),
    };
    let scratch = make_scratch(context, &arguments.scratch, live.as_ref()).await?;
    let trial = try_out(&scratch, &plan, &history).await;
    arguments.scratch.leave_empty(&scratch).await?;
    let trial = trial?;
    let mut findings: Vec<FindingView> =
        trial.there_and_back.iter().map(|difference| FindingView::of("there and back", difference)).collect();
    if let Some(database) = &live
        && !history.applied().is_empty()
    {
        let found = schema(database).await?;
        refuse_unknown(&arguments.ignore, &[&trial.whole, &found])?;
        let drift = drift(database, &trial.applied, &found, &arguments.ignore);
        findings.extend(drift.iter().map(|difference| FindingView::of(DRIFT, difference)));
    }
    findings.extend(entities::entity_differences(scratch.engine(), &trial.whole).into_iter().map(|object| {
        FindingView {
            check: "entities",
            change: None,
            object,
            expected: None,
            found: None,
            repair: None,
            missing_table: None,
        }
    }));
    let compared =
        if history.applied().is_empty() { "nothing is applied to compare" } else { "the database is as they make it" };
    conclude(context, &plan.catalog, &findings, || {
        format!(
            "{}: up, down and up again give the same schema; {compared}; the entities fit",
            counted(plan.catalog.migrations().len(), "migration")
        )
    })
}

/// Errors: exit 2 for a name to be ignored that nothing has, with one that is like it.
fn refuse_unknown(ignored: &[String], schemas: &[&Schema]) -> Result<()> {
    let objects = || schemas.iter().flat_map(|schema| schema.objects.keys());
    let known: BTreeSet<&str> = objects().flat_map(|object| [object.table.as_str(), object.name.as_str()]).collect();
    let Some(unknown) = ignored.iter().find(|name| !known.contains(name.as_str())) else { return Ok(()) };
    let known: Vec<&str> = known.into_iter().filter(|name| !name.is_empty()).collect();
    let error = Error::usage(format!("--ignore: nothing in the database is called {}", printable(unknown)));
    Err(match closest(unknown, known) {
        Some(close) => error.hint(format!("did you mean {}?", printable(close))),
        None => error.hint("leave it out; names are those of tables, views, sequences, types and what belongs to them"),
    })
}

/// Prints what was found.
///
/// Errors: exit 9 for anything at all.
fn conclude(context: &Context, catalog: &Catalog, findings: &[FindingView], fine: impl Fn() -> String) -> Result<()> {
    context.output.list(findings)?;
    if findings.is_empty() {
        context.output.note(&fine());
        return Ok(());
    }
    let mut error = Error::new(Kind::CheckFailed, "migrate.drift", told(findings));
    let mut ways_back: Vec<Hint> =
        findings.iter().filter(|finding| finding.check == DRIFT).map(|finding| way_back(catalog, finding)).collect();
    // Several differences of a table may be mended by making it again.
    ways_back.dedup();
    for way_back in ways_back.into_iter().take(HINTS_SHOWN) {
        error = error.hint(way_back);
    }
    if findings.iter().any(|finding| finding.change == Some("added")) {
        error = error.hint("what belongs there and to others: --ignore NAME");
    }
    Err(error)
}

/// `2 differences between migrations, database and program: missing table users, …`
fn told(findings: &[FindingView]) -> String {
    let name =
        |finding: &FindingView| format!("{} {}", finding.change.unwrap_or_default(), finding.object).trim().to_owned();
    let names: Vec<String> = findings.iter().take(NAMES_SHOWN).map(name).collect();
    let more = if findings.len() > NAMES_SHOWN { ", …" } else { "" };
    let differences = counted(findings.len(), "difference");
    format!("{differences} between migrations, database and program: {}{more}", names.join(", "))
}

/// How the schema becomes again what the migrations make.
fn way_back(catalog: &Catalog, finding: &FindingView) -> Hint {
    match (&finding.repair, maker(catalog, finding)) {
        (Some(repair), _) => format!("back to what the migrations make: {repair}").into(),
        (None, Some(name)) => {
            let resolve = |how: &str| CommandLine::new("migrate resolve").argument(name).flag(how);
            Hint::from(format!("its rows are gone, but {name} makes it again: "))
                .and(resolve("--reverted"))
                .and(", then ")
                .and(resolve("--retry"))
        }
        (None, None) => Hint::from(format!("{}: restore it from a copy, or ", finding.object))
            .and(CommandLine::new("migrate fresh")),
    }
}

/// The migration whose statement makes a table that is missing.
fn maker(catalog: &Catalog, finding: &FindingView) -> Option<&'static str> {
    let table = finding.missing_table.as_deref()?;
    let makes = |migration: &&migration::Migration| {
        crate::db::target::Engine::ALL.into_iter().any(|engine| {
            let statement = format!("CREATE TABLE {} ", engine.quoted(table));
            (migration.up)(engine.backend).iter().any(|sql| sql.starts_with(&statement))
        })
    };
    catalog.migrations().iter().find(makes).map(|migration| migration.name)
}

pub async fn baseline(context: &Context, asking: &Asking, arguments: &BaselineArguments) -> Result<()> {
    let plan = plan_with(context, arguments.lock.lock_wait);
    plan.catalog.position(&arguments.to)?;
    let database = context.database(Access::Write).await?;
    let scratch = make_scratch(context, &arguments.scratch, Some(&database)).await?;
    let expected = expected_at(&scratch, &plan, &arguments.to).await;
    arguments.scratch.leave_empty(&scratch).await?;
    let expected = expected?;
    let mut drift = drift(&database, &expected, &schema(&database).await?, &[]);
    drift.retain(|difference| !is_beside(difference));
    if !drift.is_empty() {
        let findings: Vec<_> = drift.iter().map(|difference| FindingView::of(DRIFT, difference)).collect();
        return conclude(context, &plan.catalog, &findings, String::new)
            .map_err(|error| error.hint("or name with --to the newest migration that the schema has"));
    }
    let impact = async || {
        let (to, target) = (&arguments.to, database.target());
        Ok(format!("the migrations up to {to} will count as applied in {target}, which has their schema"))
    };
    asking.permission(context, &arguments.answers, false, impact).await?;
    let progress = &mut |progress: migrate::Progress<'_>| tell(context, &progress);
    let names = migrate::baseline(&database, &plan, &arguments.to, progress).await?;
    let mutations = names.iter().map(|name| {
        let json = serde_json::json!({ "name": name, "state": "applied", "changed": true });
        Mutation::new(format!("{name} now counts as applied"), name, json)
    });
    context.output.mutations(&mutations.collect::<Vec<_>>());
    if names.is_empty() {
        context.output.note("all of these count as applied already");
    } else {
        note_changed(context);
    }
    Ok(())
}

/// An empty database to try the migrations in: the one that was named, or one of our own.
async fn make_scratch(context: &Context, arguments: &ScratchArguments, beside: Option<&Database>) -> Result<Database> {
    let Some(url) = &arguments.scratch_url else {
        return match beside {
            Some(database) => context.scratch(database).await,
            None => context.scratch_file().await,
        };
    };
    let target = Target::parse_url(url)?;
    if target.engine() != context.config.target.engine() {
        return Err(Error::usage("the scratch database is of another engine than the shop's"));
    }
    let scratch = context.other_database(&target, Access::Create).await?;
    let found = crate::db::schema::read(scratch.connection(), scratch.engine()).await?;
    if let Some(object) = found.objects.keys().next() {
        let message = format!("the scratch database {} is not empty: it has the {object}", scratch.target());
        return Err(Error::new(Kind::ConfirmationNeeded, "migrate.scratch", message)
            .hint("name an empty database: everything in it will be removed"));
    }
    Ok(scratch)
}
