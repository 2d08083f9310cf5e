//! Whether migrations, database and program agree: there and back gives the same schema, the live
//! schema is what the migrations make, and the entities fit it.

use migration::{HISTORY_TABLES, Migration};
use sea_orm::ConnectionTrait;

use super::adoption::PARTS;
use super::{Catalog, History, Job, Plan, RunKind, run};
use crate::db::Database;
use crate::db::schema::{Difference, Object, Schema, differences, kept_actions, read, removable, with_actions};
use crate::error::{Error, Kind, Result};

/// The schema that the migrations make, from a scratch database.
pub struct ScratchRun {
    /// The differences after up, down and up again, and what remains after down.
    pub round_trip: Vec<Difference>,
    /// The schema of everything.
    pub whole: Schema,
    /// The schema of what is applied to the live database.
    pub applied: Schema,
}

/// Goes up, down and up again on an empty scratch database.
///
/// Errors: those of [`run`].
pub async fn run_on_scratch(scratch: &Database, plan: &Plan, live: &History) -> Result<ScratchRun> {
    let engine = scratch.engine();
    let plan = Plan { steps: None, to: None, allow_late: true, settings: Vec::new(), ..plan.clone() };
    run_there(scratch, &plan, RunKind::Up).await?;
    let first = schema(scratch).await?;
    run_there(scratch, &plan, RunKind::Reset).await?;
    let mut round_trip = differences(engine, &Schema::default(), &schema(scratch).await?);
    let applied = applied_only(&plan.catalog, live);
    run_there(scratch, &Plan { catalog: applied, ..plan.clone() }, RunKind::Up).await?;
    let applied = schema(scratch).await?;
    run_there(scratch, &plan, RunKind::Up).await?;
    let whole = schema(scratch).await?;
    round_trip.extend(differences(engine, &first, &whole));
    Ok(ScratchRun { round_trip, whole, applied })
}

/// The schema that the migrations up to this one make, from an empty scratch database.
///
/// Errors: those of [`run`].
pub async fn expected_at(scratch: &Database, plan: &Plan, to: &str) -> Result<Schema> {
    let plan = Plan { steps: None, to: Some(to.to_owned()), settings: Vec::new(), ..plan.clone() };
    run_there(scratch, &plan, RunKind::Up).await?;
    schema(scratch).await
}

/// Runs migrations on a scratch database.
///
/// Errors: those of [`run`]; exit 5 for an outcome that is not known, because the shop is as it was.
async fn run_there(scratch: &Database, plan: &Plan, kind: RunKind) -> Result<()> {
    run(Job::silent(scratch, plan), kind).await.map(drop).map_err(|error| match error.kind() {
        Kind::OutcomeUnknown => {
            let message = "the connection to the scratch database was lost; nothing was changed";
            Error::new(Kind::Unavailable, "database.connection_lost", message).hint("run the same command again")
        }
        _ => error,
    })
}

fn applied_only(catalog: &Catalog, live: &History) -> Catalog {
    let is_applied = |migration: &&Migration| live.is_applied(migration.name);
    Catalog::new(catalog.migrations().iter().filter(is_applied).copied().collect(), "")
}

/// The shop's schema, without the history's own tables.
pub async fn schema(database: &Database) -> Result<Schema> {
    let mut schema = read(database.connection(), database.engine()).await?;
    schema.objects.retain(|object, _| !HISTORY_TABLES.contains(&object.table.as_str()));
    Ok(schema)
}

/// Removes everything from a scratch database that will be reused.
pub async fn clear(scratch: &Database) -> Result<()> {
    let handle = scratch.begin().await?;
    let (before, after) = scratch.engine().unchecked_references.unzip();
    let statements = scratch.engine().removal(&removable(&handle, scratch.engine(), &[]).await?);
    let all = before.into_iter().map(str::to_owned).chain(statements).chain(after.into_iter().map(str::to_owned));
    for statement in all {
        handle.execute_unprepared(&statement).await?;
    }
    Ok(handle.commit().await?)
}

/// The differences of the live schema from the expected one, except for what is ignored; and what stands beside the
/// shop's own schema and is left alone.
pub fn drift(
    database: &Database,
    expected: &Schema,
    found: &Schema,
    ignored: &[String],
) -> (Vec<Difference>, Vec<Object>) {
    let kept = kept_actions(expected, found, &PARTS);
    let expected = with_actions(database.engine(), expected, &kept);
    let all = differences(database.engine(), &expected, found).into_iter();
    let is_ignored = |object: &Object| ignored.contains(&object.table) || ignored.contains(&object.name);
    let (beside, drift): (Vec<_>, Vec<_>) = all.partition(|one| one.is_beside || is_ignored(&one.object));
    (drift, beside.into_iter().map(|difference| difference.object).collect())
}
