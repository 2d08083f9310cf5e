//! `verify` and `baseline`: compare the live schema with that of the migrations.

use clap::Args;

use super::{LockArguments, NamedChange, plan_with, printing, whole_plan};
use crate::cli::shared::arguments::AnswerArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::FieldNames;
use crate::cli::shared::scratch::ScratchArguments;
use crate::cli::shared::zone::stored_offset;
use crate::context::Context;
use crate::db::Access;
use crate::db::schema::{Difference, Object};
use crate::domain::text::counted;
use crate::error::{Cause, CommandLine, Hint, Kind, Result};
use crate::migrate::finding::{DRIFT, Finding, drift_error, refuse_unknown_names};
use crate::migrate::verify::{drift, expected_at, run_on_scratch, schema};
use crate::migrate::{self, History, Job, entities, history};
use crate::output::Mutation;

/// Maximum number of objects of other programs to name.
const BESIDE_SHOWN: usize = 12;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<Finding>())]
pub struct VerifyArguments {
    #[command(flatten)]
    scratch: ScratchArguments,
    /// Ignore these tables, triggers, constraints and other objects
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    ignore: Vec<String>,
}

#[derive(Debug, Args)]
pub struct BaselineArguments {
    /// Newest migration that the schema has
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    scratch: ScratchArguments,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

pub async fn verify(context: &Context, arguments: &VerifyArguments) -> Result<()> {
    context.output.check_fields::<Finding>(&[])?;
    let ahead = stored_offset(context)?;
    let plan = whole_plan(context);
    let live = match context.database(Access::Read).await {
        Ok(database) => Some(database),
        // Migrations can be verified without a database file.
        Err(error) if error.is(Cause::NoShop) => None,
        Err(error) => return Err(error),
    };
    let history = match &live {
        Some(database) => {
            migrate::refuse_removal(database.connection(), Kind::CheckFailed).await?;
            migrate::refuse_foreign_shop(database.connection(), &plan.catalog).await?;
            history::read(database.connection()).await?
        }
        None => History::default(),
    };
    let is_any_applied = plan.catalog.names().any(|name| history.is_applied(name));
    let scratch = arguments.scratch.database(context, live.as_ref()).await?;
    if let Some(database) = &live {
        // The run on the scratch database may take longer than the server lets a session be idle.
        database.release_connection().await;
    }
    let trial = run_on_scratch(&scratch, &plan, &history).await;
    let trial = arguments.scratch.leave_empty(&scratch, trial).await?;
    let finding = |check, one: &Difference| Finding::from_difference(check, scratch.engine(), &plan.catalog, one);
    let mut findings: Vec<Finding> = trial.round_trip.iter().map(|one| finding("there and back", one)).collect();
    if let Some(database) = &live
        && is_any_applied
    {
        let mut found = schema(database).await?;
        found.ahead = ahead;
        refuse_unknown_names(&arguments.ignore, &[&trial.whole, &found])?;
        let (drift, beside) = drift(database, &trial.applied, &found, &arguments.ignore);
        note_zone(context, &drift);
        for one in &drift {
            let rows = migrate::blocking_rows(database.connection(), &trial.applied, &found, one).await?;
            findings.push(finding(DRIFT, one).with_rows(rows));
        }
        note_beside(context, &beside);
    }
    let of_entities = entities::entity_differences(scratch.engine(), &trial.whole).into_iter();
    findings.extend(of_entities.map(|object| Finding { check: "entities", object, ..Finding::default() }));
    let compared =
        if is_any_applied { "the database matches them" } else { "nothing is applied that could be compared" };
    conclude(context, &findings, || {
        format!(
            "{}: up, down and up again give the same schema; {compared}; the entities fit",
            counted(plan.catalog.migrations().len(), "migration")
        )
    })
}

/// The zone in which the statements read times that are stored without one.
fn note_zone(context: &Context, drift: &[Difference]) {
    if context.file_zone.is_none() && drift.iter().any(Difference::adds_zone) {
        let read = "the statements read times without a zone as UTC; where they are of another one: ";
        context.output.suggest(Hint::from(read).and(CommandLine::new("migrate verify").option("--tz", "+02:00")));
    }
}

/// What other programs made is theirs.
fn note_beside(context: &Context, beside: &[Object]) {
    if beside.is_empty() {
        return;
    }
    let mut names: Vec<String> = beside.iter().take(BESIDE_SHOWN).map(Object::to_string).collect();
    if beside.len() > BESIDE_SHOWN {
        names.push(format!("{} more", beside.len() - BESIDE_SHOWN));
    }
    context.output.note(&format!("ignored, as other programs': {}", names.join(", ")));
}

/// Prints the findings, or a note if there are none.
///
/// Errors: exit 9 for any finding.
fn conclude(context: &Context, findings: &[Finding], fine: impl Fn() -> String) -> Result<()> {
    context.output.list(findings)?;
    if findings.is_empty() {
        context.output.note(&fine());
        return Ok(());
    }
    Err(drift_error(findings))
}

pub async fn baseline(context: &Context, prompter: &Prompter, arguments: &BaselineArguments) -> Result<Effect> {
    let plan = plan_with(context, arguments.lock.lock_wait);
    plan.catalog.position(&arguments.to)?;
    let database = context.database(Access::Write).await?;
    let scratch = arguments.scratch.database(context, Some(&database)).await?;
    database.release_connection().await;
    let expected = expected_at(&scratch, &plan, &arguments.to).await;
    let expected = arguments.scratch.leave_empty(&scratch, expected).await?;
    let (drift, _) = drift(&database, &expected, &schema(&database).await?, &[]);
    if !drift.is_empty() {
        let findings: Vec<_> =
            drift.iter().map(|one| Finding::from_difference(DRIFT, database.engine(), &plan.catalog, one)).collect();
        return conclude(context, &findings, String::new)
            .map(Effect::from)
            .map_err(|error| error.hint("or give the newest migration of the schema with --to"));
    }
    let impact = async || {
        let (to, target) = (&arguments.to, database.target());
        Ok(format!("this marks the migrations up to {to} as applied in {target}, which has their schema"))
    };
    prompter.ask_permission(context, &arguments.answers, false, impact).await?;
    let job = Job { database: &database, plan: &plan, progress: &printing(context) };
    let names = migrate::baseline(job, &arguments.to).await?;
    let mutations = names.iter().map(|name| {
        let change = NamedChange { name, state: Some("applied"), changed: true };
        Mutation::new(format!("{name} is now marked as applied"), name, change)
    });
    context.output.mutations(&mutations.collect::<Vec<_>>());
    if names.is_empty() {
        context.output.note("all of these are already marked as applied");
    }
    Ok(Effect::new(!names.is_empty(), false, database.target()))
}
